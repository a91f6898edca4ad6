import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Guard, type GuardTrack } from "#alarms/guard/guard.ts";
import { randomStream } from "#base/random.ts";
import { loadGuardRules, loadRuleSet } from "#cli/load-rules.ts";
import { type AlarmsInput, createAlarmsMachine } from "#twin/alarms-machine.ts";
import { DEFAULT_PERIODS_MS } from "#alarms/incident/event-sources.ts";
import { SUBJECTS } from "#contracts/subjects.ts";
import type { FigureSpec } from "./harness.ts";

const TRACKS = 1000;
const FRAMES = 300;
const EVENTS = 150_000;
const BLOCK = 1000;

/** Guard rules over many tracks, and events through the alarms machine. */
export function alarmsFigures(): FigureSpec[] {
  return [guardFigure(), eventsFigure()];
}

/** A thousand tracks that wander in and out of the shipped rules' ranges. */
function guardFigure(): FigureSpec {
  const { rules } = loadGuardRules().ruleSet();
  let alerts: number | undefined;
  return {
    id: "guard.evals",
    group: "alarms",
    unit: "evals/s",
    floor: 2_000_000,
    reach: 10_000_000,
    better: "more",
    run() {
      const stream = randomStream("bench/guard");
      const tracks = Array.from({ length: TRACKS }, (_, n): GuardTrack & { rangeM: number } => ({
        handle: `1:${n}`,
        trackId: `00000000-0000-5000-8000-${String(n).padStart(12, "0")}`,
        rangeM: 600 * stream.uniform(),
        rangeRateMps: -1,
        quality: 1,
        iff: stream.integer(1, 3),
        transponderOn: n % 2 === 0,
        transponderMode: n % 4 === 0 ? 3 : 0,
      }));
      const guard = new Guard(rules);
      let found = 0;
      let elapsedMs = 0;
      for (let frame = 0; frame < FRAMES; frame += 1) {
        for (const track of tracks) track.rangeM = Math.abs(track.rangeM + 20 * stream.gaussian());
        const startedMs = performance.now();
        found += guard.evaluate(frame * 1_000_000, tracks).length;
        elapsedMs += performance.now() - startedMs;
      }
      alerts = sameAs(alerts, found);
      return (TRACKS * rules.length * FRAMES * 1000) / elapsedMs;
    },
    note: () => `${alerts} alerts and clears; ${memoryAfterMany()}`,
  };
}

setFlagsFromString("--expose-gc");
/** Collects garbage now, so that what is left is what is held. */
const collect = runInNewContext("gc") as () => void;

/** What 100,000 tracks that came close and were lost leave behind. */
function memoryAfterMany(): string {
  const guard = new Guard(loadGuardRules().ruleSet().rules);
  const pass = (from: number, count: number): void => {
    for (let n = from; n < from + count; n += 1) {
      const track = {
        handle: `${n}:0`,
        trackId: "",
        rangeM: 60,
        rangeRateMps: 0,
        quality: 1,
        iff: 3,
        transponderOn: false,
        transponderMode: 0,
      };
      guard.evaluate(n, [track]);
      guard.lost(n, [track.handle], "track_lost");
    }
  };
  pass(0, 10_000);
  collect();
  const before = process.memoryUsage().heapUsed;
  pass(10_000, 100_000);
  collect();
  const grownKb = Math.round((process.memoryUsage().heapUsed - before) / 1024);
  return `100,000 tracks come and gone: ${guard.size} keys, heap ${grownKb >= 0 ? "+" : ""}${grownKb} kB`;
}

/** Periodic readings of the sim, as the alarms role gets them; one incident opens and returns every hundred seconds. */
function eventsFigure(): FigureSpec {
  const { ruleSet } = loadRuleSet();
  let records: number | undefined;
  return {
    id: "alarms.events",
    group: "alarms",
    unit: "events/s",
    floor: 300_000,
    reach: 1_000_000,
    better: "more",
    run() {
      const machine = createAlarmsMachine({ ruleSet, periodsMs: DEFAULT_PERIODS_MS, honourConsoleAcks: true });
      let written = 0;
      let elapsedMs = 0;
      for (let from = 0; from < EVENTS; from += BLOCK) {
        const events = Array.from({ length: BLOCK }, (_, n) => readingOf(from + n));
        const startedMs = performance.now();
        for (const event of events)
          for (const output of machine.accept(event, event.tick as never)) if (output.kind === "audit") written += 1;
        elapsedMs += performance.now() - startedMs;
      }
      records = sameAs(records, written);
      if (written < EVENTS / 3 / 100) throw new Error(`${written} records: the incidents of this run did not open`);
      return (EVENTS * 1000) / elapsedMs;
    },
    note: () => `${records} records`,
  };
}

/** The n-th event of a running sim: temperature, bus and PDU by turns, each once a second; the core is hot for nine seconds in a hundred. */
function readingOf(n: number): AlarmsInput & { kind: "event" } {
  const second = Math.floor(n / 3);
  const tick = second * 10;
  const at = { schema_version: 1, ts_epoch: 1_767_225_600 + second, tick };
  const hot = second % 100 > 90;
  const envelope = { kind: "event", seq: n + 1, runId: "r", tick } as const;
  const bus = { bus_v: 28, unit: "A" };
  switch (n % 3) {
    case 0:
      return {
        ...envelope,
        subject: SUBJECTS.thermal,
        payload: { category: "sensor", source: "thermal", subject: "core", temp: hot ? 75 : 25, ...at },
      };
    case 1: {
      const payload = { category: "power", source: "bus", subject: "main", current: 3, demand_a: 3, max_bus_a: 5, ...bus, ...at };
      return { ...envelope, subject: SUBJECTS.powerBus, payload };
    }
    default: {
      const payload = {
        category: "power",
        source: "pdu",
        subject: "main",
        overcurrent: 0,
        pdu_limit_w: 140,
        power_out_w: 80,
        bus_a: 3,
        ...bus,
        ...at,
      };
      return { ...envelope, subject: SUBJECTS.powerPdu, payload };
    }
  }
}

/** The same in every run, or the figure is worth nothing. */
function sameAs(before: number | undefined, now: number): number {
  if (before !== undefined && before !== now) throw new Error(`${now} this time, ${before} the time before`);
  return now;
}
