import { expect, test } from "vitest";
import { loadRun } from "#cli/load-run.ts";
import { COMMANDS } from "#contracts/command-catalogue.ts";
import { DICTIONARY, dictionaryEntry } from "#contracts/dictionary.ts";
import { BURN_DIRECTIONS, EXPLAIN_KINDS, LOADS, REASONS, SENSOR_REASONS, SENSORS, THERMAL_NODES } from "#contracts/reasons.ts";
import { SHEDDABLE_LOADS } from "#craft/profile-schema.ts";
import { RUNTIME_FAULTS, SHED_REASONS } from "#craft/reasons.ts";
import { TEXTS } from "#orion/model/texts.ts";
import { createSimMachine } from "#twin/sim-machine.ts";

/** Leaves of a payload as the dictionary writes them: what it calls a list, map or vector is one leaf. */
function leaves(value: unknown, path: string, found: Set<string>): void {
  const type = dictionaryEntry(path)?.type;
  if (type !== undefined || typeof value !== "object" || value === null) {
    found.add(path);
    return;
  }
  if (Array.isArray(value)) {
    for (const item of value) leaves(item, `${path}[]`, found);
    return;
  }
  for (const [key, member] of Object.entries(value)) leaves(member, path === "" ? key : `${path}.${key}`, found);
}

test("VM-009 dictionary - every leaf of telemetry has an entry in both languages, and no entry lacks its leaf", () => {
  const machine = createSimMachine(loadRun({ scenario: "scenarios/default.yaml", bootId: "0" }).model);
  machine.accept({ kind: "boot" }, machine.tick);
  const found = new Set<string>();
  leaves({ ...machine.telemetry(), ts_ingest: "2026-01-01T00:00:00.000Z" }, "", found);
  expect([...found].sort()).toEqual(DICTIONARY.map((entry) => entry.path).sort());
});

test("VM-009 texts - every label, consequence, reason and text stands in both languages", () => {
  const texts = [
    ...DICTIONARY.map((entry) => entry.label),
    ...COMMANDS.flatMap((command) => [command.label, command.consequence]),
    ...[REASONS, LOADS, EXPLAIN_KINDS, SENSOR_REASONS, SENSORS, THERMAL_NODES, BURN_DIRECTIONS].flatMap((table) => Object.values(table)),
    ...Object.values(TEXTS),
  ];
  for (const { en, ru } of texts) {
    expect(en).not.toBe("");
    expect(ru).not.toBe("");
  }
  for (const reason of [...SHED_REASONS, ...RUNTIME_FAULTS]) expect(REASONS[reason], reason).toBeDefined();
  for (const load of SHEDDABLE_LOADS) expect(LOADS[load], load).toBeDefined();
});
