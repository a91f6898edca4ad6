import { spawn } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { connectNats } from "#bus/nats.ts";
import type { Bus } from "#bus/port.ts";
import { makeServer, NATS_CREDENTIALS, NATS_SERVER, type NatsServer } from "#bus/suite/nats-server.ts";
import { STREAMS } from "#contracts/streams.ts";
import { EVENTS_PREFIX, RADAR_PREFIX, SUBJECTS } from "#contracts/subjects.ts";
import { readRecordingSync } from "#recording/reader.ts";
import { recordRun } from "./recording-rig.ts";
import { qiki, removeFolder, ROOT } from "./running-twin.ts";

const CREDENTIALS = { NATS_USER: "qiki", NATS_PASSWORD: "orbit" };
const folder = mkdtempSync(join(tmpdir(), "qiki-replay-nats-"));
const file = join(folder, "run.jsonl");
let server: NatsServer;
let bus: Bus;

beforeAll(async () => {
  if (NATS_SERVER === undefined) return;
  await recordRun("scenarios/overload.yaml", file, 65);
  server = await makeServer();
  await server.start();
  bus = await connectNats({ servers: [server.url], credentials: NATS_CREDENTIALS, nowMs: () => Date.now(), report: () => {} });
  for (const stream of Object.values(STREAMS)) await bus.streams.ensure(stream);
}, 120_000);
afterAll(async () => {
  await bus?.close();
  await server?.stop();
  server?.remove();
  removeFolder(folder);
});

const replay = (...flags: string[]): ReturnType<typeof qiki> => qiki(["replay", file, "--nats", server.url, ...flags], CREDENTIALS);
const rows = () => [...readRecordingSync(file, { strict: true, data: "on_demand", onProblem: () => {} })];

test.skipIf(NATS_SERVER === undefined && process.env.CI !== "true")(
  "REP-010 live - the same file twice onto the real subjects: both are stored, each message under an id of its own",
  async () => {
    const ofStream = (prefix: string): number => rows().filter(({ head }) => head.subject.startsWith(prefix)).length;
    const expected = { events: ofStream(EVENTS_PREFIX), radar: ofStream(RADAR_PREFIX) };
    expect(Math.min(expected.events, expected.radar)).toBeGreaterThan(50);
    for (const times of [1, 2]) {
      const { code, stderr, stdout } = await replay("--live", "--no-timing");
      expect(code, stderr).toBe(0);
      expect(JSON.parse(stdout)).toMatchObject({ published: expect.any(Number) as number, input_path: file });
      await expect
        .poll(async () => (await bus.streams.info(STREAMS.events.name)).messages, { timeout: 20_000 })
        .toBe(expected.events * times);
      expect((await bus.streams.info(STREAMS.radar.name)).messages).toBe(expected.radar * times);
    }
  },
  120_000,
);

test.skipIf(NATS_SERVER === undefined && process.env.CI !== "true")(
  "REP-007 live - refused beside live telemetry, unless forced; under its prefix it disturbs nobody",
  async () => {
    const sending = setInterval(() => void bus.publish(SUBJECTS.telemetry, Buffer.from("{}")), 100);
    try {
      const refused = await replay("--live", "--no-timing");
      expect(refused).toMatchObject({ code: 3, stdout: "", stderr: expect.stringContaining("qiki.telemetry is live") as string });
      expect((await replay("--live", "--no-timing", "--force", "--to", "tick:20")).code).toBe(0);
      expect((await replay("--no-timing", "--to", "tick:20")).code).toBe(0);
    } finally {
      clearInterval(sending);
    }
  },
  120_000,
);

test.skipIf(NATS_SERVER === undefined && process.env.CI !== "true")(
  "REP-005 REP-006 seek and step - what is known at tick 600 is flagged, then each Enter publishes one tick",
  async () => {
    const heard: { subject: string; tick: number; isSought: boolean }[] = [];
    const listening = bus.subscribe(
      "replay.>",
      ({ subject, headers }) =>
        void heard.push({ subject, tick: Number(headers["x-qiki-tick"]), isSought: headers["x-qiki-seek"] === "1" }),
      { name: "test.replay" },
    );
    await bus.flush(2000);
    const args = ["replay", file, "--nats", server.url, "--seek", "tick:600", "--step", "tick"];
    const child = spawn(process.execPath, [join(ROOT, "bin/qiki.mjs"), ...args], {
      stdio: ["pipe", "pipe", "pipe"],
      env: { ...process.env, ...CREDENTIALS },
    });
    const ended = new Promise<number | null>((done) => child.once("close", done));
    const telemetry = (sought: boolean) =>
      heard.filter(({ subject, isSought }) => subject === `replay.${SUBJECTS.telemetry}` && isSought === sought).map(({ tick }) => tick);
    await expect.poll(() => telemetry(true), { timeout: 30_000 }).toEqual([600]);
    expect(heard.filter(({ isSought }) => !isSought)).toEqual([]);
    child.stdin.write("\n");
    await expect.poll(() => telemetry(false), { timeout: 30_000 }).toEqual([610]);
    child.stdin.write("\n");
    await expect.poll(() => telemetry(false), { timeout: 30_000 }).toEqual([610, 620]);
    expect(Math.max(...heard.map(({ tick }) => tick || 0))).toBe(620);
    child.stdin.end();
    expect(await ended).toBe(0);
    listening.unsubscribe();
  },
  120_000,
);
