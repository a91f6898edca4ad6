import { afterEach, expect, test } from "vitest";
import { pino } from "pino";
import { openInProcessBroker } from "#bus/in-process.ts";
import type { Bus } from "#bus/port.ts";
import { incidentKey, STATE_BUCKET } from "#contracts/streams.ts";
import { SUBJECTS } from "#contracts/subjects.ts";
import { createHub, type Hub } from "./hub.ts";
import { type Ingest, startIngest } from "./ingest.ts";
import { manualClock, type ManualClock, settle } from "./test-rig.ts";

interface Rig {
  readonly bus: Bus;
  readonly clock: ManualClock;
  readonly hub: Hub;
  readonly ingest: Ingest;
  readonly acks: unknown[];
  readonly effects: unknown[];
  send(subject: string, payload: unknown, headers?: Record<string, string>): Promise<void>;
}

let close: (() => Promise<void>) | undefined;
afterEach(async () => close?.());

function rig(): Rig {
  const clock = manualClock();
  const broker = openInProcessBroker({ nowMs: () => clock.nowMs(), report: () => {} });
  const bus = broker.connect();
  const hub = createHub(clock);
  const acks: unknown[] = [];
  const effects: unknown[] = [];
  const desk = { ack: (payload: unknown) => void acks.push(payload), effect: (payload: unknown) => void effects.push(payload) };
  const ingest = startIngest({ bus, clock, hub, log: pino({ level: "silent" }), desk });
  close = async () => {
    ingest.stop();
    await broker.close();
  };
  return {
    bus,
    clock,
    hub,
    ingest,
    acks,
    effects,
    async send(subject, payload, headers = {}) {
      const bytes = typeof payload === "string" ? payload : JSON.stringify(payload);
      bus.publish(subject, Buffer.from(bytes), { headers });
      await settle();
    },
  };
}

const thermal = {
  schema_version: 1,
  category: "sensor",
  source: "thermal",
  subject: "core",
  temp: 31.5,
  unit: "C",
  ts_epoch: 1_767_225_600,
};
const audit = {
  schema_version: 1,
  category: "audit",
  source: "alarms",
  subject: "command",
  kind: "command_effect",
  request_id: "q1",
  ok: true,
};

test("ingest - an event is logged with its run and tick; audit goes to both logs, an effect to the desk", async () => {
  const { hub, send, effects, ingest, clock } = rig();
  await send(SUBJECTS.thermal, thermal, { "x-qiki-run": "r1" });
  await send(SUBJECTS.audit, { ...audit, tick: 12 });
  expect(
    hub
      .log("events")
      .read(1, 1e6)
      .map((text) => JSON.parse(text) as unknown),
  ).toEqual([
    { subject: SUBJECTS.thermal, tick: null, run: "r1", payload: thermal },
    { subject: SUBJECTS.audit, tick: 12, run: null, payload: { ...audit, tick: 12 } },
  ]);
  expect(hub.log("audit").last).toBe(1);
  expect(effects).toEqual([{ ...audit, tick: 12 }]);
  clock.advance(700);
  expect(ingest.sourceAges()).toEqual({ events: 700 });
});

test("ingest - what breaks its contract is refused, counted and not shown", async () => {
  const { hub, send, ingest, acks } = rig();
  await send(SUBJECTS.thermal, { ...thermal, temp: "hot" });
  await send(SUBJECTS.thermal, "{oops");
  await send(SUBJECTS.thermal, "7");
  await send(SUBJECTS.telemetry, { tick: 1 });
  await send(SUBJECTS.responses, { ok: true });
  expect(ingest.losses()).toEqual({ upstream: 0, refused: 5 });
  expect([hub.log("events").last, hub.seq, acks]).toEqual([0, 0, []]);
  await send(SUBJECTS.thermal, thermal);
  expect(hub.log("events").last).toBe(1);
});

test("ingest - three messages that were removed on the way are a loss of three", async () => {
  const { send, ingest } = rig();
  for (const seq of [1, 2, 6]) {
    await send(SUBJECTS.thermal, thermal, { "x-qiki-seq": String(seq), "x-qiki-run": "r1", ce_source: "sim" });
  }
  expect(ingest.losses()).toEqual({ upstream: 3, refused: 0 });
});

test("ingest - last values become incidents and system records, also those there before and those deleted", async () => {
  const { bus, hub, ingest } = rig();
  const values = bus.lastValue(STATE_BUCKET);
  await values.put("run", Buffer.from('{"run_id":"r1","limits":{}}'));
  await values.put("system_mode", Buffer.from('{"mode":"FACTORY"}'));
  await values.put("audit_head", Buffer.from("null"));
  await values.put(incidentKey("TEMP:ядро"), Buffer.from('{"letter":"B"}'));
  await settle();
  expect(ingest.run()).toEqual({ run_id: "r1", limits: {} });
  expect([...hub.entries("system").keys()].sort()).toEqual(["mode", "run"]);
  expect(hub.get("incidents", "TEMP:ядро")?.value).toEqual({ letter: "B" });
  await values.delete(incidentKey("TEMP:ядро"));
  await values.put("kpi", Buffer.from("{broken"));
  await settle();
  expect(hub.entries("incidents").size).toBe(0);
  expect(ingest.losses().refused).toBe(1);
  await values.put("kpi", Buffer.from('{"flood":false}'));
  await settle();
  expect(hub.get("system", "kpi")?.value).toEqual({ flood: false });
});
