import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { zstdDecompressSync } from "node:zlib";
import { afterAll, expect, test } from "vitest";
import { loadRun } from "#cli/load-run.ts";
import { runScenario } from "#cli/run.ts";
import { openRunRecorder } from "#cli/run-recorder.ts";
import { SUBJECTS } from "#contracts/subjects.ts";
import { drivenRows } from "#recording/driven-rows.ts";
import { verifyRecording } from "#recording/verify.ts";
import { createSimMachine } from "#twin/sim-machine.ts";
import { removeFolder } from "./running-twin.ts";

const folder = mkdtempSync(join(tmpdir(), "qiki-determinism-"));
afterAll(() => removeFolder(folder));

const SCENARIOS = ["docked-boot", "low-soc-recovery", "overload", "default"];

test.each(SCENARIOS)("proof - two runs of %s and its recomputed recording end in the same hash", async (name) => {
  const load = () => loadRun({ scenario: `scenarios/${name}.yaml`, bootId: "0" });
  const recording = join(folder, `${name}.jsonl`);
  const first = await runScenario(load());
  const second = await runScenario(load(), await openRunRecorder(recording, false, load()));
  expect(first.verdicts.filter((verdict) => !verdict.ok)).toEqual([]);
  expect(second.hash).toBe(first.hash);
  const verified = verifyRecording({ rows: () => drivenRows(recording, (problem) => expect(problem).toBeUndefined()) });
  expect(verified).toMatchObject({ kind: "identical", ticks: first.ticks, hash: first.hash });
});

test("proof - a run continued from each of its keyframes ends in the same hash", async () => {
  const loaded = loadRun({ scenario: "scenarios/low-soc-recovery.yaml", bootId: "0" });
  const recording = join(folder, "keyframes.jsonl");
  const whole = await runScenario(loaded, await openRunRecorder(recording, false, loaded));
  const end = createSimMachine(loaded.model);
  const states: { tick: number; state: Uint8Array }[] = [];
  for (const row of drivenRows(recording, () => {})) {
    if (row.subject === SUBJECTS.recordKeyframe && row.data.role === "sim") {
      states.push({ tick: row.data.tick as number, state: zstdDecompressSync(Buffer.from(String(row.data.state), "base64")) });
    }
  }
  expect(states.map(({ tick }) => tick)).toEqual([0, 600, 1200, 1800, 2400, 3000, 3200]);
  end.restore(states.at(-1)!.state);
  for (const { state } of states) {
    const machine = createSimMachine(loaded.model);
    machine.restore(state);
    while (machine.tick < whole.ticks) machine.accept({ kind: "tick" }, machine.tick);
    expect(machine.hash()).toBe(end.hash());
  }
});

test("PRF-010 identity - two boots have equal hashes and different ids", async () => {
  const [a, b] = ["0", "1a2b3c4d"].map((bootId) => createSimMachine(loadRun({ scenario: "scenarios/default.yaml", bootId }).model));
  for (const machine of [a!, b!]) {
    machine.accept({ kind: "boot" }, machine.tick);
    for (let tick = 0; tick < 100; tick += 1) machine.accept({ kind: "tick" }, machine.tick);
  }
  expect(a!.hash()).toBe(b!.hash());
  expect(a!.runId).not.toBe(b!.runId);
});

test("PRF-002 proof - one digit changed in a row is found, where it is and what it should be", async () => {
  const loaded = loadRun({ scenario: "scenarios/overload.yaml", bootId: "0" });
  const recording = join(folder, "changed.jsonl");
  await runScenario(loaded, await openRunRecorder(recording, false, loaded));
  const rows = [...drivenRows(recording, () => {})];
  const changed = rows.find((row) => row.subject === SUBJECTS.telemetry && row.data.tick === 200)!;
  const power = changed.data.power as { bus_a: number };
  const recorded = power.bus_a;
  power.bus_a = recorded + 1e-6;
  const verdict = verifyRecording({ rows: () => rows });
  expect(verdict).toMatchObject({
    kind: "diverged",
    first: { tick: 200, row: changed.line, difference: { path: "power.bus_a", recorded: recorded + 1e-6, computed: recorded } },
  });
});
