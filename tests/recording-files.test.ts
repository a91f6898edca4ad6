import { existsSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { TelemetryPayload } from "#contracts/telemetry.ts";
import { SUBJECTS } from "#contracts/subjects.ts";
import { csvColumns, csvLines } from "#recording/csv.ts";
import { drivenRows } from "#recording/driven-rows.ts";
import type { Verification } from "#recording/proof.ts";
import { verifyRecording } from "#recording/verify.ts";
import type { RecordingInfo } from "#recording/info.ts";
import { readRecordingSync } from "#recording/reader.ts";
import { recordRun, splitAtKeyframe } from "./recording-rig.ts";
import { qiki, removeFolder } from "./running-twin.ts";

const folder = mkdtempSync(join(tmpdir(), "qiki-recording-files-"));
const file = join(folder, "run.jsonl");
let lines: string[] = [];

beforeAll(async () => {
  lines = await recordRun("scenarios/overload.yaml", file);
});
afterAll(() => removeFolder(folder));

async function info(path: string, ...flags: string[]): Promise<RecordingInfo> {
  const { code, stdout, stderr } = await qiki(["record", "info", path, "--json", ...flags]);
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout) as RecordingInfo;
}

describe("record info", () => {
  test("record info - rows by type, checks, keyframes and the span of a whole file", async () => {
    const told = await info(file);
    const { data: end } = JSON.parse(lines.at(-1)!) as { data: { counts: Record<string, number> } };
    expect(told.counts).toEqual({ ...end.counts, meta: end.counts.meta! + 1 });
    expect(told).toMatchObject({
      rows: lines.length,
      dropped: 0,
      problems: [],
      keyframe_ticks: [0, 600, 1200],
      first: { tick: 0, ts_epoch: 1_767_225_600 },
      last: { tick: 1200, ts_epoch: 1_767_225_720 },
      segments: [{ file, bytes: readFileSync(file).length, rows: lines.length, checks: 4, rows_unchecked: 0, ended: true }],
    });
    const { stdout } = await qiki(["record", "info", file]);
    expect(stdout).toContain("ended in order, 4 checks hold, 0 rows after the last");
    expect(stdout).toContain("keyframes: 3, ticks 0 to 1200");
  });

  test("record info, export - a file that is no recording is told so, and nothing is written", async () => {
    const noise = join(folder, "noise.jsonl");
    writeFileSync(noise, "this is\nno recording\n");
    const out = join(folder, "noise.out");
    for (const args of [
      ["info", noise],
      ["export", noise, "--csv", "power.bus_v", "--out", out],
      ["export", noise, "--out", out],
    ]) {
      const { code, stdout, stderr } = await qiki(["record", ...args]);
      expect([code, stdout, stderr]).toEqual([4, "", `qiki: ${noise} is no recording: not one row of it can be read\n`]);
    }
    expect(existsSync(out)).toBe(false);
  });

  test("REC-005 record info - a torn tail is told, the rest is counted", async () => {
    const torn = join(folder, "torn.jsonl");
    writeFileSync(torn, readFileSync(file).subarray(0, -10));
    const told = await info(torn);
    expect(told.rows).toBe(lines.length - 1);
    expect(told.segments[0]).toMatchObject({ ended: false, checks: 3 });
    expect(told.problems).toEqual([expect.stringMatching(/^torn tail at byte \d+, dropped \d+ bytes/)]);
  });

  test("REC-006 record info - a bad line is told; strict ends with 4", async () => {
    const bad = join(folder, "bad.jsonl");
    writeFileSync(bad, `${[...lines.slice(0, 4), "{broken", ...lines.slice(4, 9)].join("\n")}\n`);
    const told = await info(bad);
    expect(told.rows).toBe(9);
    expect(told.problems).toEqual([expect.stringContaining("line 5 skipped")]);
    expect((await qiki(["record", "info", bad, "--strict"])).code).toBe(4);
  });

  test("REC-014 record info - the first segment tells of all, a later one of itself", async () => {
    const first = join(folder, "split.jsonl");
    const [, second] = splitAtKeyframe(lines, 600, first);
    const told = await info(first);
    expect(told.problems).toEqual([]);
    expect(told.segments.map(({ file: path, ended }) => [path, ended])).toEqual([
      [first, true],
      [second, true],
    ]);
    expect(told.keyframe_ticks).toEqual([0, 600, 1200]);
    expect(told.last?.tick).toBe(1200);
    expect((await info(second)).segments).toHaveLength(1);
  });
});

/** Fields of a table as RFC 4180 has it: quotes around what holds commas, quotes or line ends, quotes in it doubled. */
function readCsv(text: string): string[][] {
  expect(text.endsWith("\r\n")).toBe(true);
  const rows: string[][] = [[]];
  let rest = text.slice(0, -2);
  for (;;) {
    const [whole, quoted, plain, end] = /^(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n|$)/.exec(rest)!;
    rows.at(-1)!.push(quoted?.replaceAll('""', '"') ?? plain!);
    rest = rest.slice(whole!.length);
    if (end === "") return rows;
    if (end === "\r\n") rows.push([]);
  }
}

describe("record export --csv", () => {
  test("REC-015 csv - a number, a nullable, a text, a list and a map: units in the header, a row per message, null empty", async () => {
    const paths = "power.bus_v,orbit.apoapsis_km,sim_state.fsm_state,power.shed_loads,field_sources,thermal.nodes[id=core].temp_c";
    const { code, stdout, stderr } = await qiki(["record", "export", file, "--csv", paths]);
    expect(code, stderr).toBe(0);
    const [header, ...rows] = readCsv(stdout);
    expect(header).toEqual([
      "tick",
      "ts_epoch",
      "power.bus_v [V]",
      "orbit.apoapsis_km [km]",
      "sim_state.fsm_state",
      "power.shed_loads",
      "field_sources",
      "thermal.nodes[id=core].temp_c [°C]",
    ]);
    type Telemetry = { subject: string; ts_epoch: number; data: TelemetryPayload };
    const said = lines.map((line) => JSON.parse(line) as Telemetry).filter(({ subject }) => subject === SUBJECTS.telemetry);
    expect(said.length).toBe(121);
    expect(rows).toEqual(
      said.map(({ ts_epoch, data }) => [
        String(data.tick),
        String(ts_epoch),
        String(data.power.bus_v),
        "",
        data.sim_state.fsm_state,
        JSON.stringify(data.power.shed_loads),
        JSON.stringify(data.field_sources),
        String(data.thermal.nodes.find(({ id }) => id === "core")!.temp_c),
      ]),
    );
    expect(rows.some(([, , , , , loads]) => loads!.includes('","') || loads!.includes('"nbl"'))).toBe(true);
  });

  test("REC-015 csv - into a file, once; a path that telemetry does not have is a usage error", async () => {
    const out = join(folder, "out.csv");
    const args = ["record", "export", file, "--csv", "power.bus_v", "--out", out];
    expect((await qiki(args)).code).toBe(0);
    expect(readCsv(readFileSync(out, "utf8"))).toHaveLength(122);
    const again = await qiki(args);
    expect(again).toMatchObject({ code: 2, stderr: expect.stringContaining("exists") as string });
    expect((await qiki([...args, "--force"])).code).toBe(0);
    for (const wrong of ["power.bus_vv", "power", "power.bus_v,", "power.bus_v.x"])
      expect(await qiki(["record", "export", file, "--csv", wrong])).toMatchObject({
        code: 2,
        stderr: expect.stringContaining("is no value of telemetry") as string,
      });
  });
});

describe("compressed recordings", () => {
  test("REC-011 zst - every verb takes a compressed recording as it takes the plain one", async () => {
    const packed = join(folder, "packed.jsonl.zst");
    const recorded = await qiki(["run", "scenarios/overload.yaml", "--record", packed]);
    expect(recorded.code, recorded.stderr).toBe(0);
    const bytes = readFileSync(packed);
    expect(bytes.length).toBeLessThan(readFileSync(file).length / 4);
    expect(await info(packed)).toMatchObject({ rows: lines.length, problems: [], keyframe_ticks: [0, 600, 1200] });

    const verify = (path: string, window = {}): Verification => verifyRecording({ rows: () => drivenRows(path, () => {}) }, window);
    expect(verify(packed)).toEqual(verify(file));
    expect(verify(packed, { fromTick: 700 })).toMatchObject({ kind: "identical", ticks: 1200 });
    const columns = csvColumns("power.bus_v,power.shed_loads");
    expect([...csvLines(allRows(packed), columns)]).toEqual([...csvLines(allRows(file), columns)]);
    const replayed = await qiki(["replay", packed, "--no-timing"]);
    expect(replayed.code, replayed.stderr).toBe(0);

    expect((await qiki(["case", packed, "--from", "tick:650", "--to", "tick:700", "--out", join(folder, "case")])).code).toBe(0);
    const fork = join(folder, "fork.jsonl.zst");
    const forked = await qiki(["fork", packed, "--at", "tick:900", "--out", fork]);
    expect(forked.code, forked.stderr).toBe(0);
    expect(verify(fork)).toMatchObject({ kind: "identical", ticks: 1200 });

    expect((await qiki(["record", "export", packed])).code).toBe(0);
    const again = join(folder, "again.jsonl.zst");
    expect((await qiki(["record", "import", join(folder, "packed.mcap"), "--out", again])).code).toBe(0);
    const text = (path: string): string => [...allRows(path)].map((row) => row.text).join("\n");
    expect(text(again)).toBe(text(packed));

    const torn = join(folder, "torn.jsonl.zst");
    writeFileSync(torn, bytes.subarray(0, bytes.length >> 1));
    const cut = await qiki(["verify", torn]);
    expect(cut).toMatchObject({ code: 0, stdout: expect.stringMatching(/^identical: \d+ ticks/) as string });
    expect(cut.stderr).toMatch(/torn tail at byte \d+, dropped \d+ bytes/);
  }, 240_000);
});

function allRows(path: string): ReturnType<typeof readRecordingSync> {
  return readRecordingSync(path, { strict: true, data: "on_demand", onProblem: () => {} });
}
