import { readdirSync } from "node:fs";
import { resolve } from "node:path";
import type { ExplainRecord, TelemetryPayload } from "#contracts/telemetry.ts";
import { createSimMachine } from "#twin/sim-machine.ts";
import { loadRun } from "../load-run.ts";
import { PRODUCT_ROOT } from "../version.ts";

/** Runs a shipped scenario of the craft to the end of its duration; `see` gets the telemetry of every tick. */
export function eachTick(file: string, see: (telemetry: TelemetryPayload) => void): void {
  const { model } = loadRun({ scenario: resolve(PRODUCT_ROOT, "scenarios", file), bootId: "0" });
  const { durationS, settings, contacts } = model.setup.scenario;
  // Contacts cost much time and give the craft no reasons.
  if (contacts.length > 0) return;
  const machine = createSimMachine(model);
  machine.accept({ kind: "boot" }, machine.tick);
  const ticks = Math.ceil(((durationS ?? 0) * 1000) / settings.tickMs - 1e-9);
  while (machine.tick < ticks) {
    machine.accept({ kind: "tick" }, machine.tick);
    see(machine.telemetry());
  }
}

interface Seen {
  readonly record: ExplainRecord;
  readonly scenario: string;
  readonly tick: number;
}

let all: Map<string, Seen> | undefined;

/** The first record of every explain id that a shipped scenario without contacts shows, scenarios by name. */
export function explainSeen(): ReadonlyMap<string, Seen> {
  if (all !== undefined) return all;
  const seen = new Map<string, Seen>();
  for (const file of readdirSync(resolve(PRODUCT_ROOT, "scenarios")).sort()) {
    eachTick(file, ({ tick, explain }) => {
      for (const record of explain) {
        if (!seen.has(record.id)) seen.set(record.id, { record, scenario: file.replace(".yaml", ""), tick });
      }
    });
  }
  all = seen;
  return seen;
}
