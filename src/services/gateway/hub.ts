import { randomUUID } from "node:crypto";
import type { Clock } from "../clock.ts";

export const STATE_TOPICS = ["telemetry", "incidents", "commands", "system"] as const;
export const LOG_TOPICS = ["events", "audit"] as const;
export type StateTopic = (typeof STATE_TOPICS)[number];
export type LogTopic = (typeof LOG_TOPICS)[number];

const RING_CHANGES = 65_536;
const RING_MS = 60_000;
const LOG_ITEMS = 5000;

export interface StateRecord {
  readonly value: unknown;
  /** When the gateway got it, monotonic milliseconds. */
  readonly receivedMs: number;
}

interface Change {
  readonly seq: number;
  readonly topic: StateTopic;
  readonly key: string;
  readonly atMs: number;
}

/** What the gateway knows now, with the history that lets a console that was away catch up. */
export interface Hub {
  /** One per gateway start; sequence numbers of another epoch mean nothing. */
  readonly epoch: string;
  readonly seq: number;
  /** Tick of the newest telemetry, undefined before the first. */
  tick: number | undefined;
  set(topic: StateTopic, key: string, value: unknown): void;
  delete(topic: StateTopic, key: string): void;
  get(topic: StateTopic, key: string): StateRecord | undefined;
  entries(topic: StateTopic): ReadonlyMap<string, StateRecord>;
  append(topic: LogTopic, item: unknown): void;
  log(topic: LogTopic): { readonly first: number; readonly last: number; items(from: number): readonly unknown[] };
  /** Keys changed after `seq`, or undefined when that is further back than the ring reaches. */
  changedSince(seq: number): readonly { readonly topic: StateTopic; readonly key: string }[] | undefined;
  onChange(listener: HubListener): () => void;
}

export interface HubListener {
  state(topic: StateTopic, key: string): void;
  log(topic: LogTopic): void;
}

export function createHub(clock: Clock): Hub {
  const states = new Map<StateTopic, Map<string, StateRecord>>(STATE_TOPICS.map((topic) => [topic, new Map()]));
  const logs = new Map<LogTopic, { first: number; items: unknown[] }>(LOG_TOPICS.map((topic) => [topic, { first: 1, items: [] }]));
  const listeners = new Set<HubListener>();
  let ring: Change[] = [];
  let ringStartsAfter = 0;
  let seq = 0;

  function changed(topic: StateTopic, key: string): void {
    seq += 1;
    const atMs = clock.monotonicMs();
    ring.push({ seq, topic, key, atMs });
    if (ring.length > RING_CHANGES * 1.25) trim(atMs);
    for (const listener of listeners) listener.state(topic, key);
  }

  function trim(nowMs: number): void {
    const keepFrom = ring.findIndex((change, index) => ring.length - index <= RING_CHANGES && nowMs - change.atMs <= RING_MS);
    const cut = keepFrom < 0 ? ring.length : keepFrom;
    ringStartsAfter = ring[cut - 1]?.seq ?? ringStartsAfter;
    ring = ring.slice(cut);
  }

  return {
    epoch: randomUUID(),
    get seq() {
      return seq;
    },
    tick: undefined,
    set(topic, key, value) {
      states.get(topic)!.set(key, { value, receivedMs: clock.monotonicMs() });
      changed(topic, key);
    },
    delete(topic, key) {
      if (states.get(topic)!.delete(key)) changed(topic, key);
    },
    get: (topic, key) => states.get(topic)!.get(key),
    entries: (topic) => states.get(topic)!,
    append(topic, item) {
      const log = logs.get(topic)!;
      log.items.push(item);
      if (log.items.length > LOG_ITEMS * 1.25) {
        const cut = log.items.length - LOG_ITEMS;
        log.items = log.items.slice(cut);
        log.first += cut;
      }
      for (const listener of listeners) listener.log(topic);
    },
    log(topic) {
      const log = logs.get(topic)!;
      return {
        first: log.first,
        last: log.first + log.items.length - 1,
        items: (from) => log.items.slice(Math.max(0, from - log.first)),
      };
    },
    changedSince(since) {
      if (since > seq || since < ringStartsAfter) return undefined;
      const seen = new Set<string>();
      const keys: { topic: StateTopic; key: string }[] = [];
      for (const change of ring) {
        const name = `${change.topic}\0${change.key}`;
        if (change.seq <= since || seen.has(name)) continue;
        seen.add(name);
        keys.push({ topic: change.topic, key: change.key });
      }
      return keys;
    },
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
