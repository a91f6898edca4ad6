import { readFileSync } from "node:fs";
import { loadGuardRules } from "#cli/load-rules.ts";
import { loadRun } from "#cli/load-run.ts";
import { createTrackerMachine, type TrackerInput } from "#twin/tracker-machine.ts";

/** Another process that goes on with a tracker's state (RAD-121): a line for what each frame leads to, then the digests. */
const { scenario, state, frames } = JSON.parse(readFileSync(0, "utf8")) as {
  readonly scenario: string;
  readonly state: string;
  readonly frames: readonly TrackerInput[];
};
const { settings } = loadRun({ scenario, bootId: "0" }).model;
const machine = createTrackerMachine({ tracker: settings.tracker, sensor: settings.sensor, ruleSet: loadGuardRules().ruleSet() });
machine.restore(Buffer.from(state, "base64"));
for (const frame of frames) process.stdout.write(`${JSON.stringify(machine.accept(frame, 0 as never))}\n`);
process.stdout.write(`${JSON.stringify(machine.hashes())}\n`);
