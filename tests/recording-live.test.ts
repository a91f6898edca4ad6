import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { randomStream } from "#base/random.ts";
import { lineTypeOf } from "#contracts/recording.ts";
import { type RecordingProblem, readRecordingSync } from "#recording/reader.ts";
import type { RecordingRow } from "#recording/row.ts";
import { qiki, removeFolder, startTwin } from "./running-twin.ts";

const LONG = { timeout: 240_000 };
const SEED = 20_261_126;
const KILLS = process.env.QIKI_SOAK === "1" ? 100 : 8;
const folder = mkdtempSync(join(tmpdir(), "qiki-live-"));
afterAll(() => removeFolder(folder));

function readAll(path: string): { readonly rows: readonly RecordingRow[]; readonly problems: readonly RecordingProblem[] } {
  const problems: RecordingProblem[] = [];
  const rows = [...readRecordingSync(path, { strict: true, data: "checked", onProblem: (problem) => void problems.push(problem) })];
  return { rows, problems };
}

test("REC-002 live - commands, answers and all three subjects of frames are recorded, each as the type it is", LONG, async () => {
  const data = join(folder, "data");
  const twin = await startTwin(["--scenario", "scenarios/close_pass.yaml"], data);
  await qiki(["send", "sim.start", "speed=20", "--url", twin.url, "--confirm", "--wait", "ack"]);
  const tick = async (): Promise<unknown> => {
    const { topics } = (await (await fetch(`${twin.url}/api/state?topics=telemetry`)).json()) as {
      topics: { telemetry: { tick?: { v: number } } };
    };
    return topics.telemetry.tick?.v;
  };
  await expect.poll(tick, { timeout: 60_000 }).toBeGreaterThan(300);
  expect((await twin.stop()).code).toBe(0);
  const [name] = readdirSync(join(data, "recordings")).filter((file) => file.endsWith(".jsonl"));
  const { rows, problems } = readAll(join(data, "recordings", name!));
  expect(problems).toEqual([]);
  const types = new Map(rows.map(({ head }) => [head.subject, head.type]));
  expect([...types].filter(([subject, type]) => type !== lineTypeOf(subject))).toEqual([]);
  expect(Object.fromEntries(types)).toMatchObject({
    "qiki.commands.control": "command",
    "qiki.responses.control": "control_ack",
    "qiki.radar.v1.frames": "radar_frame",
    "qiki.radar.v1.frames.lr": "radar_frame",
    "qiki.radar.v1.tracks.sr": "radar_frame",
    "qiki.radar.v1.tracks": "radar_track",
    "qiki.telemetry": "telemetry",
    "qiki.events.v1.audit": "event",
  });
});

test(
  "REC-004 kill -9 - at any moment the file is readable, without a hole, and holds every row that the writer said was on the disk",
  LONG,
  async () => {
    let onDisk = 0;
    const random = randomStream(`${SEED}:kills`);
    for (let kill = 0; kill < KILLS; kill += 1) {
      const path = join(folder, `killed-${kill}.jsonl`);
      const fatalLine = 1 + Math.floor(random.uniform() * 150);
      const child = spawn(process.execPath, ["tests/recording-live-child.ts", path], { stdio: ["ignore", "pipe", "inherit"] });
      let said = "";
      const ended = new Promise((done) => child.once("close", done));
      child.stdout.on("data", (chunk: Buffer) => {
        said += chunk.toString();
        if (said.split("\n").length > fatalLine) child.kill("SIGKILL");
      });
      await ended;
      const promised = Number(said.slice(0, said.lastIndexOf("\n")).split("\n").at(-1));
      onDisk += promised;
      const { rows, problems } = readAll(path);
      const where = `seed ${SEED}, kill ${kill} after line ${fatalLine}`;
      expect(rows.length, where).toBeGreaterThanOrEqual(promised);
      expect(
        rows.map(({ head }) => head.seq),
        where,
      ).toEqual(rows.map((_row, index) => index + 1));
      expect(
        problems.filter(({ kind }) => kind !== "torn_tail"),
        where,
      ).toEqual([]);
    }
    expect(onDisk).toBeGreaterThan(100 * KILLS);
  },
);
