import { batch, computed, type ReadonlySignal, type Signal, signal } from "@preact/signals-core";
import { assertNever } from "#base/assert.ts";
import type { Moment, Receipt } from "./freshness.ts";
import type { Timed } from "./protocol.ts";
import type { StreamChange } from "./stream.ts";

/** One record of a state topic; of telemetry, one top-level member. */
export interface RecordEntry extends Receipt {
  readonly value: unknown;
}

/** What the console has of every topic: a signal per telemetry member, one per keyed topic. */
export interface Records {
  readonly tick: ReadonlySignal<number | undefined>;
  readonly events: ReadonlySignal<readonly unknown[]>;
  /** Grows whenever something new stands in the audit trail. */
  readonly auditCount: ReadonlySignal<number>;
  telemetry(key: string): ReadonlySignal<RecordEntry | undefined>;
  keyed(topic: string): ReadonlySignal<ReadonlyMap<string, unknown>>;
  /** The same with when each came. */
  timed(topic: string): ReadonlySignal<ReadonlyMap<string, RecordEntry>>;
  /** Applies what a message changed, received at that moment; signals tell of it once. */
  apply(change: StreamChange, at: Moment): void;
  /** Forgets the events. */
  clearLogs(): void;
}

const EVENTS_KEPT = 500;

interface Topic {
  readonly timed: Signal<ReadonlyMap<string, RecordEntry>>;
  readonly values: ReadonlySignal<ReadonlyMap<string, unknown>>;
}

export function createRecords(): Records {
  const telemetry = new Map<string, Signal<RecordEntry | undefined>>();
  const topics = new Map<string, Topic>();
  const tick = signal<number | undefined>(undefined);
  const events = signal<readonly unknown[]>([]);
  const auditCount = signal(0);

  function member(key: string): Signal<RecordEntry | undefined> {
    let one = telemetry.get(key);
    if (one === undefined) telemetry.set(key, (one = signal<RecordEntry | undefined>(undefined)));
    return one;
  }

  function topicOf(topic: string): Topic {
    let one = topics.get(topic);
    if (one === undefined) {
      const timed = signal<ReadonlyMap<string, RecordEntry>>(new Map());
      const values = computed(() => new Map([...timed.value].map(([key, { value }]) => [key, value])));
      topics.set(topic, (one = { timed, values }));
    }
    return one;
  }

  function put(key: string, timed: Timed, at: Moment): void {
    member(key).value = entryOf(timed, at);
  }

  function replace(topic: string, records: Readonly<Record<string, Timed>>, at: Moment): void {
    if (topic === "telemetry") {
      for (const [key, one] of telemetry) if (!Object.hasOwn(records, key)) one.value = undefined;
      for (const [key, timed] of Object.entries(records)) put(key, timed, at);
    } else topicOf(topic).timed.value = new Map(Object.entries(records).map(([key, timed]) => [key, entryOf(timed, at)]));
  }

  function change(topic: string, set: Readonly<Record<string, Timed>>, del: readonly string[], at: Moment): void {
    if (topic === "telemetry") {
      for (const key of del) member(key).value = undefined;
      for (const [key, timed] of Object.entries(set)) put(key, timed, at);
      return;
    }
    const { timed: known } = topicOf(topic);
    const next = new Map(known.peek());
    for (const key of del) next.delete(key);
    for (const [key, timed] of Object.entries(set)) next.set(key, entryOf(timed, at));
    known.value = next;
  }

  function append(topic: string, items: readonly unknown[]): void {
    if (topic === "events") events.value = [...events.peek(), ...items].slice(-EVENTS_KEPT);
    if (topic === "audit") auditCount.value += items.length;
  }

  function apply(changed: StreamChange, at: Moment): void {
    switch (changed.kind) {
      case "replaced":
        tick.value = changed.tick ?? undefined;
        for (const [topic, records] of Object.entries(changed.topics)) replace(topic, records, at);
        return;
      case "changed":
        tick.value = changed.tick ?? undefined;
        for (const [topic, { set, del }] of Object.entries(changed.topics)) change(topic, set, del, at);
        return;
      case "items":
        return append(changed.topic, changed.items);
      case "nothing":
      case "resync":
        return;
      default:
        return assertNever(changed, "change");
    }
  }

  return {
    tick,
    events,
    auditCount,
    telemetry: member,
    keyed: (topic) => topicOf(topic).values,
    timed: (topic) => topicOf(topic).timed,
    apply: (changed, at) => batch(() => apply(changed, at)),
    clearLogs() {
      events.value = [];
    },
  };
}

function entryOf(timed: Timed, at: Moment): RecordEntry {
  return { value: timed.v, ageMs: timed.age_ms, ...at };
}
