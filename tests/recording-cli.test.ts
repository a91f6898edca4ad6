import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { connectNats } from "#bus/nats.ts";
import { SUBJECTS } from "#contracts/subjects.ts";
import { forged } from "./recording-rig.ts";
import { qiki, removeFolder, startTwin } from "./running-twin.ts";

const NATS_SERVER = ["/usr/sbin/nats-server", "/usr/bin/nats-server", "/usr/local/bin/nats-server"].find((path) => existsSync(path));
if (NATS_SERVER === undefined)
  process.stderr.write("\n!!! nats-server is not on this machine: replay onto NATS is NOT tested. apt-get install -y nats-server\n\n");

const folder = mkdtempSync(join(tmpdir(), "qiki-recording-"));
const good = join(folder, "good.jsonl");
let lines: string[] = [];

beforeAll(async () => {
  const run = await qiki(["run", "scenarios/overload.yaml", "--record", good]);
  expect(run.code, run.stderr).toBe(0);
  lines = readFileSync(good, "utf8").trimEnd().split("\n");
});
afterAll(() => removeFolder(folder));

/** Verifies a file with this text and expects one clear sentence and no trace of the program's inside. */
async function verifyText(name: string, text: string): Promise<{ code: number | null; said: string }> {
  const path = join(folder, name);
  writeFileSync(path, text);
  return verifyPath(path);
}

async function verifyPath(path: string): Promise<{ code: number | null; said: string }> {
  const { code, stdout, stderr } = await qiki(["verify", path]);
  expect(stderr).not.toMatch(/\n\s+at |TypeError|Cannot read prop/);
  return { code, said: `${stdout}${stderr}`.trim() };
}

const subjectOf = (line: string): string => (JSON.parse(line) as { subject: string }).subject;
const linesOf = (rows: readonly string[]): string => `${rows.join("\n")}\n`;

describe("verify says what is wrong with a file", () => {
  test("a file that is not there, and a folder", async () => {
    expect(await verifyPath(join(folder, "none.jsonl"))).toMatchObject({ code: 2, said: expect.stringContaining("none.jsonl") as string });
    expect(await verifyPath(folder)).toMatchObject({ code: 2, said: expect.stringContaining(folder) as string });
  });

  test("an empty file, and one without its meta row", async () => {
    expect(await verifyText("empty.jsonl", "")).toMatchObject({ code: 3, said: expect.stringContaining("no meta") as string });
    const meta = lines.filter((line) => !/recording\.v1\.(meta|check|end)/.test(subjectOf(line)));
    expect(await verifyText("no-meta.jsonl", linesOf(meta))).toMatchObject({ code: 3, said: expect.stringContaining("no meta") as string });
  });

  test("a file cut in the middle of a row is proven as far as it goes", async () => {
    const middle = lines.length >> 1;
    const verdict = await verifyText("cut.jsonl", linesOf(lines.slice(0, middle)) + lines[middle]!.slice(0, 10));
    expect(verdict.code).toBe(0);
    expect(verdict.said).toMatch(/identical: \d+ ticks/);
    expect(verdict.said).toMatch(/torn tail at byte \d+, dropped \d+ bytes/);
  });

  test("bytes that are no recording", async () => {
    const verdict = await verifyText("noise.jsonl", "this is\nno recording\nat all\n");
    expect(verdict.code).toBe(3);
    expect(verdict.said).toContain("no meta");
  });

  test("PRF-004 proof - rows that were dropped make it not verifiable", async () => {
    const rows = lines.map((line) => (subjectOf(line) === SUBJECTS.recordEnd ? line.replace(/"dropped":0/, '"dropped":3') : line));
    expect(rows).not.toEqual(lines);
    expect(await verifyText("dropped.jsonl", forged(rows))).toMatchObject({
      code: 3,
      said: expect.stringContaining("rows dropped 3") as string,
    });
  });

  test("PRF-015 proof - a recording without incidents proves the craft", async () => {
    const rows = lines
      .filter((line) => !/operator\.incidents/.test(subjectOf(line)) && !/"(room|role)":"(incidents|alarms)"/.test(line))
      .map((line, index) => {
        const row = JSON.parse(line) as { seq: number; data: Record<string, unknown> };
        row.seq = index + 1;
        if (index === 0) Object.assign(row.data, { rooms: ["craft"], rules: {} });
        return JSON.stringify(row);
      });
    expect(await verifyText("craft.jsonl", forged(rows))).toMatchObject({ code: 0, said: expect.stringMatching(/^identical/) as string });
    const unknown = rows.map((line, index) => (index === 0 ? line.replace('"rooms":["craft"]', '"rooms":["craft","weather"]') : line));
    expect(await verifyText("rooms.jsonl", forged(unknown))).toMatchObject({
      code: 3,
      said: expect.stringContaining("no room weather") as string,
    });
  });

  test("PRF-017 proof - wall times and headers are guarded by check rows: before one TAMPERED, after the last nobody vouches", async () => {
    const edits: readonly (readonly [RegExp, string])[] = [
      [/"ts_ingest_epoch":\d/, '"ts_ingest_epoch":2'],
      [/"x-qiki-seq":"\d+"/, '"x-qiki-seq":"77"'],
      [/"wall":"\d{4}/, '"wall":"1999'],
    ];
    for (const [found, instead] of edits) {
      const at = lines.findIndex((line, index) => index > 0 && found.test(line));
      expect(at, String(found)).toBeGreaterThan(0);
      const edited = lines.with(at, lines[at]!.replace(found, instead));
      const tampered = await verifyText("early.jsonl", linesOf(edited));
      expect(tampered).toMatchObject({ code: 4, said: expect.stringMatching(/TAMPERED before row \d+/) as string });
      const nextCheck = lines.findIndex((line, index) => index > at && subjectOf(line) === SUBJECTS.recordCheck);
      const uncovered = linesOf(edited.slice(0, nextCheck));
      expect(await verifyText("late.jsonl", uncovered)).toMatchObject({ code: 0, said: expect.stringMatching(/^identical/) as string });
    }
  }, 120_000);

  test("REP-002 replay - speed 0 is a usage error", async () => {
    const { code, stderr } = await qiki(["replay", good, "--speed", "0"]);
    expect(code).toBe(2);
    expect(stderr).toContain("speed 0");
  });
});

/** Replays onto a real server, as fast as it goes, to somebody who listens under the prefix. */
async function expectReplayed(path: string): Promise<void> {
  if (NATS_SERVER === undefined) throw new Error("nats-server is missing; install it with: apt-get install -y nats-server");
  const server = spawn(NATS_SERVER, ["-a", "127.0.0.1", "-p", "-1", "--ports_file_dir", folder], { stdio: ["ignore", "ignore", "pipe"] });
  try {
    const url = await new Promise<string>((done, fail) => {
      let log = "";
      server.stderr.on("data", (chunk: Buffer) => {
        log += chunk.toString();
        const port = /Listening for client connections on 127\.0\.0\.1:(\d+)/.exec(log)?.[1];
        if (port !== undefined && log.includes("Server is ready")) done(`nats://127.0.0.1:${port}`);
      });
      server.once("exit", () => fail(new Error(`nats-server ended: ${log}`)));
    });
    const listener = await connectNats({ servers: [url], nowMs: () => Date.now(), report: () => {} });
    const heard: string[] = [];
    listener.subscribe("replay.>", ({ subject }) => void heard.push(subject), { name: "test.replay" });
    await listener.flush(2000);
    const replayed = await qiki(["replay", path, "--no-timing", "--nats", url]);
    expect(replayed.code, replayed.stderr).toBe(0);
    const { published } = JSON.parse(replayed.stdout) as { published: number };
    await expect.poll(() => heard.length).toBe(published);
    expect(heard).toContain(`replay.${SUBJECTS.telemetry}`);
    expect(heard.some((subject) => subject.startsWith("replay.qiki.events.v1."))).toBe(true);
    expect(heard).not.toContain(`replay.${SUBJECTS.commands}`);
    await listener.close();
  } finally {
    server.kill("SIGTERM");
  }
}

describe("a running twin", () => {
  test("REC-001 PRF-003 PRF-013 live - rows of every kind, a second recording, a clean end under load", async () => {
    vi.stubEnv("LOG_LEVEL", "info");
    const twin = await startTwin(["--scenario", "scenarios/default.yaml"], mkdtempSync(join(folder, "twin-")));
    vi.unstubAllEnvs();
    const recording = qiki(["record", "--out", "asked.jsonl", "--duration-s", "2", "--url", twin.url]);
    const sent = await Promise.all(
      [7, 8, 9].map((watts) => qiki(["send", "power.nbl.set_max", `max_power_w=${watts}`, "--confirm", "--url", twin.url])),
    );
    for (const { code, stderr } of sent) expect(code, stderr).toBe(0);
    const recorded = await recording;
    expect(recorded.code, recorded.stderr).toBe(0);
    const { path, counts } = JSON.parse(recorded.stdout) as { path: string; counts: Record<string, number> };
    expect(counts.telemetry).toBeGreaterThanOrEqual(1);
    expect(counts.event).toBeGreaterThanOrEqual(1);
    const asked = readFileSync(path, "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as { type: string; subject: string });
    expect(asked.at(-1)!.subject).toBe(SUBJECTS.recordEnd);
    const again = await qiki(["record", "--out", "asked.jsonl", "--duration-s", "1", "--url", twin.url]);
    expect(again.code).toBe(2);
    expect(again.stderr).toContain("recording asked.jsonl exists and is not overwritten");
    if (NATS_SERVER !== undefined || process.env.CI === "true") await expectReplayed(path);
    expect((await qiki(["send", "sim.start", "speed=200", "--url", twin.url])).code).toBe(0);
    const { code, output } = await twin.stop("SIGTERM");
    expect(code, output).toBe(0);
    const closed = [...output.matchAll(/"closed":"([^"]+)"/g)].map(([, part]) => part);
    expect(closed, output).toEqual(["gateway", "sim", "tracker", "alarms", "recorder", "metrics", "bus", "bus file", "data folder"]);
    expect(
      readdirSync(twin.dataFolder).filter((file) => /head/.test(file)),
      "head of the audit chain",
    ).toHaveLength(1);
    const [name] = readdirSync(join(twin.dataFolder, "recordings")).filter((file) => file !== "asked.jsonl");
    const own = readFileSync(join(twin.dataFolder, "recordings", name!), "utf8")
      .trimEnd()
      .split("\n");
    const types = new Set(own.map((line) => (JSON.parse(line) as { type: string }).type));
    for (const type of ["telemetry", "event", "command", "control_ack", "meta"]) expect(types).toContain(type);
    expect(subjectOf(own.at(-1)!)).toBe(SUBJECTS.recordEnd);
    expect(await verifyPath(join(twin.dataFolder, "recordings", name!))).toMatchObject({ code: 0 });

    const commands = own.flatMap((line, at) => (subjectOf(line) === SUBJECTS.commands ? [at] : []));
    expect(commands.length, "start, three limits, stop, the refused start, start").toBe(7);
    const without = (at: number) => own.filter((_, index) => index !== at);
    expect(await verifyText("removed.jsonl", linesOf(without(commands[0]!)))).toMatchObject({ code: 4 });
    for (const at of commands) {
      const verdict = await verifyText("removed-forged.jsonl", forged(without(at)));
      expect(verdict).toMatchObject({ code: 3, said: expect.stringContaining("not verifiable: the command that ACK") as string });
    }
  }, 120_000);
});
