import { cpSync, mkdirSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { spawn } from "node:child_process";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { loadBase } from "#cli/fuzz.ts";
import { judgeFuzzCase, recordFuzz } from "#cli/fuzz-case.ts";
import { drivenRows } from "#recording/driven-rows.ts";
import { verifyRecording } from "#recording/verify.ts";
import { randomPlan } from "#twin/fuzz/random-plan.ts";
import { runFuzz } from "#twin/fuzz/run.ts";
import { INVARIANTS } from "#twin/fuzz/step.ts";
import { qiki, removeFolder, ROOT } from "./running-twin.ts";

const isSoak = process.env.QIKI_SOAK === "1";
const folder = mkdtempSync(join(ROOT, "tests/fuzz-"));
afterAll(() => removeFolder(folder));

/** Source of a build that has a bug in one line, and `qiki` of that build. */
function planted(name: string, file: string, line: string, bug: string) {
  const tree = join(folder, name);
  mkdirSync(tree);
  for (const part of ["bin", "src", "config", "profiles", "package.json"]) cpSync(join(ROOT, part), join(tree, part), { recursive: true });
  symlinkSync(join(ROOT, "node_modules"), join(tree, "node_modules"));
  const path = join(tree, file);
  const source = readFileSync(path, "utf8");
  expect(source.split(line).length, `${file} has the line once`).toBe(2);
  writeFileSync(path, source.replace(line, bug));
  return (...args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> => {
    const child = spawn(process.execPath, [join(tree, "bin/qiki.mjs"), ...args], { cwd: tree, stdio: ["ignore", "pipe", "pipe"] });
    let [stdout, stderr] = ["", ""];
    child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
    return new Promise((done) => child.once("close", (code) => done({ code, stdout, stderr })));
  };
}

interface PlantedBug {
  readonly invariant: keyof typeof INVARIANTS;
  readonly file: string;
  readonly line: string;
  readonly bug: string;
}

/** The deadbands of the craft and of the incidents: found in every run of the tests. */
const DEADBANDS: readonly PlantedBug[] = [
  {
    invariant: "hysteresis",
    file: "src/craft/thermal.ts",
    line: "tempC <= thresholdC - hysteresisC ?",
    bug: "tempC <= thresholdC - hysteresisC / 2 ?",
  },
  {
    invariant: "hysteresis",
    file: "src/alarms/incident/comparison.ts",
    line: "return value < limit - deadband;",
    bug: "return value < limit;",
  },
];

/** One bug for each of the other invariants: found by the soak. */
const OTHERS: readonly PlantedBug[] = [
  { invariant: "conservation", file: "src/craft/storage.ts", line: "spillW = netW - chargeW;", bug: "spillW = 0.999 * (netW - chargeW);" },
  { invariant: "bounds", file: "src/craft/thermal.ts", line: "freeC > TEMP_MAX_C ? TEMP_MAX_C : freeC", bug: "freeC" },
  { invariant: "contract", file: "src/twin/telemetry.ts", line: "    heading: headingDeg,", bug: "    heading: headingDeg + 1," },
  { invariant: "bus_limit", file: "src/craft/allocation.ts", line: "! - limitW > EPSILON_W) fit(", bug: "! - limitW > 1) fit(" },
  {
    invariant: "no_flap",
    file: "src/craft/allocation.ts",
    line: "[fitTicks + lane]! >= delayTicks)",
    bug: "[fitTicks + lane]! >= delayTicks - 1)",
  },
  {
    invariant: "no_flap",
    file: "src/alarms/incident/evaluate.ts",
    line: "return Math.max(delayedMs, closedMs + compiled.cooldownMs);",
    bug: "return delayedMs;",
  },
  {
    invariant: "edge_events",
    file: "src/craft/thermal.ts",
    line: "if (isTripped === wasTripped) continue;",
    bug: "if (isTripped >= wasTripped) continue;",
  },
  { invariant: "one_ack", file: "src/twin/sim-machine.ts", line: "    state.orderInTick = 0;", bug: "" },
  {
    invariant: "effect",
    file: "src/twin/effects.ts",
    line: "state.watches = state.watches.filter((earlier) => !ends(earlier));",
    bug: "",
  },
  {
    invariant: "tracks",
    file: "src/radar/tracks.ts",
    line: "if (track.status === STATUS.lost) this.ended.push(track);",
    bug: "if (track.status === STATUS.lost) continue;",
  },
  {
    invariant: "guards",
    file: "src/alarms/guard/guard.ts",
    line: 'if (key?.phase === "active") this.#clear(rule, handle, track, key, timeUs, reason);',
    bug: "",
  },
  { invariant: "incident_edges", file: "src/alarms/incident/lifecycle.ts", line: "  incident.occ += 1;", bug: "  incident.occ += 2;" },
  {
    invariant: "replay",
    file: "src/twin/sim-radar.ts",
    line: "tick: craft.radarOn ? 0 : null",
    bug: "tick: Math.random() < 0.5 ? 0 : null",
  },
];

/** Runs of the tests are few; the soak is the long one. */
const SEEDS = isSoak ? 10_000 : 6;
const RECORDED = isSoak ? 300 : 3;
const TICKS = 600;

describe("fuzz", () => {
  test(`PRF-009 fuzz - ${SEEDS} seeds keep every invariant, and from the same seed comes the same output`, async () => {
    const args = ["fuzz", "--first-seed", "1", "--seeds", String(SEEDS), "--ticks", String(TICKS), "--out", join(folder, "none")];
    const first = await qiki(args);
    expect(first).toEqual({ code: 0, stdout: `fuzz: ${SEEDS} seeds, ${SEEDS * TICKS} ticks, 0 violations\n`, stderr: "" });
    if (!isSoak) expect(await qiki(args)).toEqual(first);
  }, 14_400_000);

  test("fuzz - with faults of the bus between the machines too", async () => {
    const seeds = isSoak ? 1000 : 3;
    const { code, stdout } = await qiki([
      "fuzz",
      "--bus-faults",
      "--seeds",
      String(seeds),
      "--ticks",
      String(TICKS),
      "--out",
      join(folder, "none"),
    ]);
    expect({ code, stdout }).toEqual({ code: 0, stdout: `fuzz: ${seeds} seeds, ${seeds * TICKS} ticks, 0 violations\n` });
  }, 14_400_000);

  test(`fuzz - recordings of ${RECORDED} seeds are recomputed identically, machine by machine`, async () => {
    const base = loadBase("profiles/shipped.json");
    for (let seed = 1; seed <= RECORDED; seed += 1) {
      const { plan, run } = randomPlan({ seed, ticks: TICKS, linkFaults: false }, base);
      const path = join(folder, "recorded.jsonl");
      const { inputs, finding } = runFuzz(run, base);
      expect(finding, `seed ${seed}`).toBeUndefined();
      await recordFuzz({ plan, inputs }, base, path);
      const verdict = verifyRecording({ rows: () => drivenRows(path, (problem) => expect(problem).toBeUndefined()) });
      expect(verdict, `seed ${seed}`).toMatchObject({ kind: "identical" });
    }
  }, 3_600_000);

  test.each([
    [["--seeds", "0"], "--seeds is 0: give a whole number in [1, 4294967295]"],
    [["--ticks", "1.5"], "--ticks is 1.5: give a whole number in [1, 10000000]"],
    [["--first-seed", "-1"], "--first-seed is -1: give a whole number in [0, 4294967295]"],
    [["--profile", "nowhere.json"], "there is no profile nowhere.json"],
  ])("fuzz - refuses %j", async (args, problem) => {
    expect(await qiki(["fuzz", ...args])).toMatchObject({ code: 2, stdout: "", stderr: expect.stringContaining(problem) as string });
  });

  test.each([...DEADBANDS, ...(isSoak ? OTHERS : [])])(
    "PRF-009 fuzz - a bug planted in $file is caught as $invariant and shrunk to at most 5 inputs",
    async ({ invariant, file, line, bug }) => {
      const run = planted(`${invariant}-${file.replaceAll("/", "-")}`, file, line, bug);
      const { code, stdout, stderr } = await run("fuzz", "--seeds", "300", "--ticks", "600", "--out", "found");
      expect({ code, stderr }).toEqual({ code: 1, stderr: "" });
      const [, seed, found, inputs] = /^seed (\d+), invariant (\w+), tick \d+, file [^\n]*\n[^]* to (\d+) inputs/.exec(stdout) ?? [];
      expect({ found, stdout }).toMatchObject({ found: invariant });
      expect(Number(inputs), stdout).toBeLessThanOrEqual(5);
      // The build without the bug runs the same case without a violation, and so does its test once the bug is mended.
      const made = join(folder, `${invariant}-${file.replaceAll("/", "-")}`, "found", `seed-${seed}`);
      expect(judgeFuzzCase(made)).toBeUndefined();
      expect(readFileSync(join(made, "case.test.ts"), "utf8")).toContain(INVARIANTS[invariant]);
      const again = await run("fuzz", "--first-seed", seed!, "--seeds", "1", "--ticks", "600", "--out", "found");
      expect(again.stdout).toBe(stdout);
      const scenario = await run("run", join(made, "scenario.yaml"));
      expect(scenario.code, scenario.stderr).toBe(0);
    },
    600_000,
  );
});
