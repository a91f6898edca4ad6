import { expect, test } from "vitest";
import { DEFAULT_PERIODS_MS } from "#alarms/incident/event-sources.ts";
import type { RunId, Tick } from "#base/units.ts";
import { openInProcessBroker } from "#bus/in-process.ts";
import type { Bus } from "#bus/port.ts";
import { DURABLES, STREAMS } from "#contracts/streams.ts";
import { SUBJECTS } from "#contracts/subjects.ts";
import type { AlarmsBatch } from "#store/alarms-store.ts";
import { createAlarmsMachine } from "#twin/alarms-machine.ts";
import { type AlarmsIntake, startAlarmsIntake } from "./alarms-intake.ts";
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
  const intake = await intakeOf(bus, 2, stored);
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

test("AUD-007 killed - records that the last process had taken off the bus and not stored are chained, before newer ones", async () => {
  const bus = openInProcessBroker({ nowMs: () => Date.now(), report: () => {} }).connect();
  await bus.streams.ensure(STREAMS.events);
  const durables = [DURABLES.eventsAudit, DURABLES.alarmsEvents];
  for (const durable of durables) await bus.streams.ensureDurable(durable);
  const tell = (note: string): unknown => bus.publish(SUBJECTS.audit, Buffer.from(JSON.stringify({ source: note })));
  for (const note of ["first", "second", "third"]) tell(note);
  for (const { name, stream, ...options } of durables) {
    const killed = bus.consume(stream, { durable: name, ...options });
    for (let taken = 0; taken < 2; taken += 1) await killed.next();
    await killed.return!();
  }
  const stored: AlarmsBatch[] = [];
  const seen: number[] = [];
  const intake = await intakeOf(bus, 0, stored, (seq) => seen.push(seq));
  tell("fourth");
  const chained = (): (string | null)[] => stored.flatMap((batch) => batch.audit ?? []).map(({ draft }) => draft.operator);
  await expect.poll(chained).toEqual(["first", "second", "third", "fourth"]);
  expect(seen).toEqual([1, 2, 3, 4]);
  await intake.drain(0);
  await bus.close();
});

test("begin - nothing is taken in before whoever hears of it has the intake", async () => {
  const bus = openInProcessBroker({ nowMs: () => Date.now(), report: () => {} }).connect();
  await bus.streams.ensure(STREAMS.events);
  for (const durable of [DURABLES.eventsAudit, DURABLES.alarmsEvents]) await bus.streams.ensureDurable(durable);
  bus.publish(SUBJECTS.audit, Buffer.from(JSON.stringify({ source: "first" })));
  // The answer about the audit subject comes late, and whatever arrives is taken in at once.
  const get: Bus["streams"]["get"] = async (...which) => {
    for (let turn = 0; turn < 10; turn += 1) await new Promise((done) => setImmediate(done));
    return bus.streams.get(...which);
  };
  const slow = Object.create(bus, { streams: { value: { ...bus.streams, get } } }) as Bus;
  const stored: AlarmsBatch[] = [];
  const hurried = { ...systemClock, after: (_ms: number, run: () => void) => (queueMicrotask(run), () => {}) };
  const intake = await intakeOf(slow, 0, stored, () => {}, hurried);
  expect(stored).toEqual([]);
  await expect.poll(() => stored.flatMap((batch) => batch.audit ?? []).length).toBe(1);
  await intake.drain(0);
  await bus.close();
});

function intakeOf(
  bus: Bus,
  auditPosition: number,
  stored: AlarmsBatch[],
  onEvent: (seq: number) => void = () => {},
  clock = systemClock,
): Promise<AlarmsIntake> {
  return startAlarmsIntake({
    bus,
    clock,
    machine: createAlarmsMachine({ ruleSet: { rules: [], hash: "none" }, periodsMs: DEFAULT_PERIODS_MS, honourConsoleAcks: true }),
    auditPosition,
    run: { id: "run" as RunId, tick: 0 as Tick },
    store: (batch) => stored.push(batch) > 0,
    onEvent,
    onStored: () => {},
    onFault(error) {
      throw error;
    },
  });
}
