import { expect, test } from "vitest";
import { DEFAULT_PERIODS_MS } from "#alarms/incident/event-sources.ts";
import type { RunId, Tick } from "#base/units.ts";
import { openInProcessBroker } from "#bus/in-process.ts";
import { DURABLES, STREAMS } from "#contracts/streams.ts";
import { SUBJECTS } from "#contracts/subjects.ts";
import type { AlarmsBatch } from "#store/alarms-store.ts";
import { createAlarmsMachine } from "#twin/alarms-machine.ts";
import { startAlarmsIntake } from "./alarms-intake.ts";
import { systemClock } from "./clock.ts";

test("audit - a record that was stored before a crash and comes again is not chained twice", async () => {
  const bus = openInProcessBroker({ nowMs: () => Date.now(), report: () => {} }).connect();
  await bus.streams.ensure(STREAMS.events);
  await bus.streams.ensureDurable(DURABLES.eventsAudit);
  for (const note of ["first", "second", "third", "{broken"]) {
    const text = note.startsWith("{") ? note : JSON.stringify({ kind: "note", source: note, huge: 1 });
    bus.publish(SUBJECTS.audit, Buffer.from(text.replace("1}", "1e999}")), { headers: { "x-qiki-tick": "soon", "x-qiki-run": "" } });
  }
  const stored: AlarmsBatch[] = [];
  const intake = await startAlarmsIntake({
    bus,
    clock: systemClock,
    machine: createAlarmsMachine({ ruleSet: { rules: [], hash: "none" }, periodsMs: DEFAULT_PERIODS_MS, honourConsoleAcks: true }),
    auditPosition: 2,
    run: { id: "run" as RunId, tick: 0 as Tick },
    store: (batch) => stored.push(batch) > 0,
    onEvent: () => {},
    onStored: () => {},
    onFault(error) {
      throw error;
    },
  });
  await intake.drain(1000);
  expect(
    stored.flatMap((batch) => batch.audit ?? []).map(({ draft, publish }) => [draft.operator, draft.kind, draft.body, publish]),
  ).toEqual([
    ["third", "foreign", { kind: "note", source: "third", huge: "Infinity" }, false],
    ["unknown", "foreign", { raw: "{broken" }, false],
  ]);
  expect(stored.at(-1)!.positions![DURABLES.eventsAudit.name]).toBe(4);
  await bus.close();
});
