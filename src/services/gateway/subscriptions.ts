import type { LogTopic, StateTopic } from "./hub.ts";

export interface StateSubscription {
  readonly topic: StateTopic;
  periodMs: number;
  /** Keys changed since the last flush. */
  readonly dirty: Set<string>;
  dueMs: number;
}

export interface LogSubscription {
  readonly topic: LogTopic;
  periodMs: number;
  /** Number of the next item to send. */
  next: number;
  /** Items up to here existed before the console came; they are owed to it however many they are. */
  readonly owedUpTo: number;
  dueMs: number;
}

/** What one console wants, and when each part of it is due. */
export interface Subscriptions {
  readonly states: ReadonlyMap<StateTopic, StateSubscription>;
  readonly logs: ReadonlyMap<LogTopic, LogSubscription>;
  /** Subscribes, or changes the rate: 1 to 30 flushes a second, 10 unless told. */
  addState(topic: StateTopic, hz: unknown, nowMs: number): void;
  /** Subscribes, or changes the pace: every 20 to 1000 ms, 100 unless told. */
  addLog(topic: LogTopic, flushMs: unknown, from: { readonly next: number; readonly owedUpTo: number; readonly nowMs: number }): void;
  remove(topic: unknown): void;
  dirtyStates(): readonly StateSubscription[];
  /** Everything of a topic has been sent now. */
  flushed(subscription: StateSubscription, nowMs: number): void;
  /** Puts all off by one period each. */
  postpone(nowMs: number): void;
  /** When the next flush is due, undefined when nothing waits. */
  nextDueMs(lastOf: (topic: LogTopic) => number): number | undefined;
}

export function createSubscriptions(): Subscriptions {
  const states = new Map<StateTopic, StateSubscription>();
  const logs = new Map<LogTopic, LogSubscription>();
  const dirtyStates = (): StateSubscription[] => [...states.values()].filter((one) => one.dirty.size > 0);

  return {
    states,
    logs,
    addState(topic, hz, nowMs) {
      const periodMs = 1000 / numberWithin(hz, 1, 30, 10);
      const known = states.get(topic);
      if (known === undefined) states.set(topic, { topic, periodMs, dirty: new Set(), dueMs: nowMs });
      else known.periodMs = periodMs;
    },
    addLog(topic, flushMs, { next, owedUpTo, nowMs }) {
      const periodMs = numberWithin(flushMs, 20, 1000, 100);
      const known = logs.get(topic);
      if (known === undefined) logs.set(topic, { topic, periodMs, next, owedUpTo, dueMs: nowMs });
      else known.periodMs = periodMs;
    },
    remove(topic) {
      states.delete(topic as StateTopic);
      logs.delete(topic as LogTopic);
    },
    dirtyStates,
    flushed(subscription, nowMs) {
      subscription.dirty.clear();
      subscription.dueMs = nowMs + subscription.periodMs;
    },
    postpone(nowMs) {
      for (const one of [...states.values(), ...logs.values()]) one.dueMs = nowMs + one.periodMs;
    },
    nextDueMs(lastOf) {
      const waiting = [...dirtyStates(), ...[...logs.values()].filter((one) => one.next <= lastOf(one.topic))];
      return waiting.length === 0 ? undefined : Math.min(...waiting.map((one) => one.dueMs));
    },
  };
}

function numberWithin(value: unknown, low: number, high: number, fallback: number): number {
  return typeof value === "number" && value >= low && value <= high ? value : fallback;
}
