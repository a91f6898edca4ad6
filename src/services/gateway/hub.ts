import { randomUUID } from "node:crypto";
import { assert } from "#base/assert.ts";
import type { Clock } from "../clock.ts";
import { createLogRing, type LogRing } from "./log-ring.ts";

export const STATE_TOPICS = ["telemetry", "tracks", "incidents", "commands", "guards", "system", "replay"] as const;
export const LOG_TOPICS = ["events", "audit", "frames"] as const;
export type StateTopic = (typeof STATE_TOPICS)[number];
export type LogTopic = (typeof LOG_TOPICS)[number];

/** How far back a console that was away is caught up with: changes, and time. */
const CATCH_UP_CHANGES = 65_536;
const CATCH_UP_MS = 60_000;
const MARK_MS = 1000;

export interface StateRecord {
  readonly value: unknown;
  /** When it came, by the hub's `nowMs`. */
  readonly receivedMs: number;
}

export interface StateKey {
  readonly topic: StateTopic;
  readonly key: string;
}

/** What the gateway knows now, with the history that lets a console that was away catch up. */
export interface Hub {
  /** One per gateway start; sequence numbers of another epoch mean nothing. */
  readonly epoch: string;
  /** Grows by one with every change of a record. */
  readonly seq: number;
  /** The time that ages count in, ms: monotonic, or the playhead of a recording. */
  nowMs(): number;
  /** Tick of the newest telemetry, undefined before the first. */
  tick: number | undefined;
  set(topic: StateTopic, key: string, value: unknown): void;
  delete(topic: StateTopic, key: string): void;
  /** Deletes every key of a topic. */
  clear(topic: StateTopic): void;
  get(topic: StateTopic, key: string): StateRecord | undefined;
  entries(topic: StateTopic): ReadonlyMap<string, StateRecord>;
  append(topic: LogTopic, item: unknown): void;
  log(topic: LogTopic): LogRing;
  /** Keys changed after `seq`, or undefined when that is further back than the hub remembers. */
  changedSince(seq: number): readonly StateKey[] | undefined;
  onChange(listener: HubListener): () => void;
}

export interface HubListener {
  state(topic: StateTopic, key: string): void;
  log(topic: LogTopic): void;
}

/** @param nowMs the time that ages count in, where it is not the clock's */
export function createHub(clock: Clock, nowMs = (): number => clock.monotonicMs()): Hub {
  const states = new Map<StateTopic, Map<string, StateRecord>>(STATE_TOPICS.map((topic) => [topic, new Map()]));
  const logs = new Map<LogTopic, LogRing>(LOG_TOPICS.map((topic) => [topic, createLogRing()]));
  const listeners = new Set<HubListener>();
  /** The newest change of every key that changed lately, oldest first: catching up needs no more than that. */
  const changes = new Map<string, StateKey & { readonly seq: number }>();
  /** Where the numbering stood, about once a second, to forget by time. */
  let marks: { readonly seq: number; readonly atMs: number }[] = [];
  let forgottenUpTo = 0;
  let seq = 0;

  function changed(topic: StateTopic, key: string): void {
    const atMs = clock.monotonicMs();
    const mark = marks.at(-1);
    if (mark === undefined || atMs - mark.atMs >= MARK_MS) {
      forget(atMs);
      marks.push({ seq, atMs });
    }
    seq += 1;
    const name = `${topic}\0${key}`;
    changes.delete(name);
    changes.set(name, { topic, key, seq });
    for (const listener of listeners) listener.state(topic, key);
  }

  /** Oldest number from which everything since is remembered. */
  function horizon(atMs: number): number {
    const old = marks.findLast((mark) => atMs - mark.atMs > CATCH_UP_MS);
    return Math.max(forgottenUpTo, old?.seq ?? 0, seq - CATCH_UP_CHANGES);
  }

  function forget(atMs: number): void {
    forgottenUpTo = horizon(atMs);
    marks = marks.filter((mark) => mark.seq >= forgottenUpTo);
    for (const [name, change] of changes) {
      if (change.seq > forgottenUpTo) break;
      changes.delete(name);
    }
  }

  function remove(topic: StateTopic, key: string): void {
    if (states.get(topic)!.delete(key)) changed(topic, key);
  }

  return {
    nowMs,
    epoch: randomUUID(),
    get seq() {
      return seq;
    },
    tick: undefined,
    set(topic, key, value) {
      assert(value !== undefined, "a record has a value; to remove it there is delete", { topic, key });
      states.get(topic)!.set(key, { value, receivedMs: nowMs() });
      changed(topic, key);
    },
    delete: remove,
    clear(topic) {
      for (const key of states.get(topic)!.keys()) remove(topic, key);
    },
    get: (topic, key) => states.get(topic)!.get(key),
    entries: (topic) => states.get(topic)!,
    append(topic, item) {
      logs.get(topic)!.append(JSON.stringify(item));
      for (const listener of listeners) listener.log(topic);
    },
    log: (topic) => logs.get(topic)!,
    changedSince(since) {
      if (!Number.isSafeInteger(since) || since > seq || since < horizon(clock.monotonicMs())) return undefined;
      return [...changes.values()].filter((change) => change.seq > since);
    },
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
