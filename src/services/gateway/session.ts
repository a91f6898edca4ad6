import type { Clock } from "../clock.ts";
import { type Hub, LOG_TOPICS, type LogTopic, STATE_TOPICS, type StateTopic } from "./hub.ts";
import type { Identity } from "./identity.ts";

/** The far end of one console's socket. */
export interface SessionSocket {
  send(text: string): void;
  close(code: number, reason: string): void;
  /** Bytes accepted and not yet on their way. */
  readonly bufferedBytes: number;
}

export interface SessionContext {
  readonly hub: Hub;
  readonly clock: Clock;
  readonly identity: Identity;
  /** What `hello` tells of the run and the configuration. */
  readonly about: () => Readonly<Record<string, unknown>>;
  /** Losses before the gateway and messages refused by their contract, for `hb`. */
  readonly losses: () => { readonly upstream: number; readonly refused: number };
  /** Age of the newest message of each source topic, ms. */
  readonly sourceAges: () => Readonly<Record<string, number>>;
}

const HELLO_MS = 5000;
const HEARTBEAT_MS = 1000;
const UNACKED_FLUSHES = 8;
const BUFFERED_BYTES = 1_048_576;
const QUEUED_ITEMS = 5000;
const STALLED_MS = 15_000;
const MESSAGES_PER_S = 50;

interface StateSub {
  readonly topic: StateTopic;
  readonly periodMs: number;
  readonly dirty: Set<string>;
  dueMs: number;
}

interface LogSub {
  readonly topic: LogTopic;
  readonly periodMs: number;
  next: number;
  dueMs: number;
}

export interface Session {
  receive(text: string): void;
  closed(): void;
}

/** One console on `/ws`: what it subscribed, what it has acknowledged, what it still must get (console §2.3). */
export function openSession(socket: SessionSocket, context: SessionContext): Session {
  const { hub, clock } = context;
  const states = new Map<StateTopic, StateSub>();
  const logs = new Map<LogTopic, LogSub>();
  let greeted = false;
  let open = true;
  let seq = 0;
  let clientLost = 0;
  let coalesced = 0;
  let unacked = 0;
  let progressMs = clock.monotonicMs();
  let budget = MESSAGES_PER_S;
  let cancelFlush: (() => void) | undefined;
  let cancelBeat = clock.after(HELLO_MS, () => close(4408, "no hello within 5 s"));

  const unlisten = hub.onChange({
    state(topic, key) {
      const sub = states.get(topic);
      if (sub === undefined) return;
      if (sub.dirty.has(key)) coalesced += 1;
      sub.dirty.add(key);
      schedule();
    },
    log(topic) {
      if (logs.has(topic)) schedule();
    },
  });

  function close(code: number, reason: string): void {
    if (!open) return;
    end();
    socket.send(JSON.stringify({ t: "bye", code: reason }));
    socket.close(code, reason);
  }

  function end(): void {
    open = false;
    unlisten();
    cancelFlush?.();
    cancelBeat();
  }

  function send(message: Record<string, unknown>): void {
    if (open) socket.send(JSON.stringify(message));
  }

  function schedule(): void {
    if (cancelFlush !== undefined || !greeted || !open) return;
    const nowMs = clock.monotonicMs();
    const due = [...states.values()].filter((sub) => sub.dirty.size > 0).map((sub) => sub.dueMs);
    for (const sub of logs.values()) if (sub.next <= hub.log(sub.topic).last) due.push(sub.dueMs);
    if (due.length === 0) return;
    cancelFlush = clock.after(Math.max(0, Math.min(...due) - nowMs), () => {
      cancelFlush = undefined;
      flush();
      schedule();
    });
  }

  /** Sends what is due, unless the console is behind: then state merges on and logs wait, up to their limit. */
  function flush(): void {
    const nowMs = clock.monotonicMs();
    if (unacked > UNACKED_FLUSHES || socket.bufferedBytes > BUFFERED_BYTES) {
      if (nowMs - progressMs > STALLED_MS) return close(4008, "slow_consumer");
      for (const sub of states.values()) sub.dueMs = nowMs + sub.periodMs;
      for (const sub of logs.values()) sub.dueMs = nowMs + sub.periodMs;
      return;
    }
    let sent = false;
    const dueStates = [...states.values()].filter((sub) => sub.dirty.size > 0 && sub.dueMs <= nowMs);
    if (dueStates.length > 0) {
      // Every dirty key goes, so that `seq` covers all changes of the subscribed topics.
      const dirty = [...states.values()].filter((sub) => sub.dirty.size > 0);
      send({ t: "diff", prev: seq, seq: hub.seq, tick: hub.tick ?? null, src: "live", ch: changesOf(dirty, nowMs) });
      seq = hub.seq;
      sent = true;
    }
    for (const sub of logs.values()) if (sub.dueMs <= nowMs && flushLog(sub, nowMs)) sent = true;
    if (sent) unacked += 1;
  }

  function changesOf(subs: readonly StateSub[], nowMs: number): Record<string, { set: Record<string, unknown>; del: string[] }> {
    const changes: Record<string, { set: Record<string, unknown>; del: string[] }> = {};
    for (const sub of subs) {
      const change = { set: {} as Record<string, unknown>, del: [] as string[] };
      for (const key of sub.dirty) {
        const record = hub.get(sub.topic, key);
        if (record === undefined) change.del.push(key);
        else change.set[key] = { age_ms: Math.round(nowMs - record.receivedMs), v: record.value };
      }
      sub.dirty.clear();
      sub.dueMs = nowMs + sub.periodMs;
      changes[sub.topic] = change;
    }
    return changes;
  }

  function flushLog(sub: LogSub, nowMs: number): boolean {
    const log = hub.log(sub.topic);
    if (sub.next > log.last) return false;
    sub.dueMs = nowMs + sub.periodMs;
    skipTo(sub, log.first, "ring");
    if (log.last - sub.next + 1 > QUEUED_ITEMS) skipTo(sub, log.last - QUEUED_ITEMS + 1, "client_slow");
    send({ t: "batch", topic: sub.topic, first: sub.next, last: log.last, items: log.items(sub.next) });
    sub.next = log.last + 1;
    return true;
  }

  function skipTo(sub: LogSub, first: number, reason: "ring" | "client_slow"): void {
    if (sub.next >= first) return;
    const count = first - sub.next;
    clientLost += count;
    send({ t: "gap", topic: sub.topic, first: sub.next, last: first - 1, count, reason });
    sub.next = first;
  }

  function snapshot(): void {
    const nowMs = clock.monotonicMs();
    const topics: Record<string, Record<string, unknown>> = {};
    for (const sub of states.values()) {
      sub.dirty.clear();
      sub.dueMs = nowMs + sub.periodMs;
      topics[sub.topic] = {};
      for (const [key, record] of hub.entries(sub.topic)) {
        topics[sub.topic]![key] = { age_ms: Math.round(nowMs - record.receivedMs), v: record.value };
      }
    }
    seq = hub.seq;
    unacked += 1;
    send({ t: "snapshot", seq, tick: hub.tick ?? null, src: "live", topics });
  }

  function heartbeat(): void {
    budget = MESSAGES_PER_S;
    if (unacked > UNACKED_FLUSHES && clock.monotonicMs() - progressMs > STALLED_MS) return close(4008, "slow_consumer");
    const { upstream, refused } = context.losses();
    send({
      t: "hb",
      seq: hub.seq,
      wall: new Date(clock.nowMs()).toISOString(),
      src_age_ms: context.sourceAges(),
      lost: { upstream, client: clientLost, refused },
      coalesced,
    });
    cancelBeat = clock.after(HEARTBEAT_MS, heartbeat);
  }

  function hello(message: Readonly<Record<string, unknown>>): void {
    if (greeted) return close(4400, "hello came twice");
    greeted = true;
    cancelBeat();
    subscribe(message.subs);
    const resume = message.resume as { epoch?: unknown; seq?: unknown; batch?: Record<string, unknown> } | undefined;
    const missed = resume?.epoch === hub.epoch && typeof resume.seq === "number" ? hub.changedSince(resume.seq) : undefined;
    send({
      t: "hello",
      v: 1,
      epoch: hub.epoch,
      seq: hub.seq,
      resumed: missed !== undefined,
      runtime: "embedded",
      me: context.identity,
      ...context.about(),
    });
    for (const sub of logs.values()) {
      const last = resume?.epoch === hub.epoch ? resume?.batch?.[sub.topic] : undefined;
      sub.next = typeof last === "number" ? last + 1 : hub.log(sub.topic).first;
    }
    if (missed === undefined) snapshot();
    else {
      seq = resume!.seq as number;
      for (const { topic, key } of missed) states.get(topic)?.dirty.add(key);
    }
    heartbeat();
    schedule();
  }

  function subscribe(subs: unknown): void {
    const nowMs = clock.monotonicMs();
    for (const sub of Array.isArray(subs) ? (subs as Record<string, unknown>[]) : []) {
      const topic = sub?.topic as string;
      if (STATE_TOPICS.includes(topic as StateTopic)) {
        const periodMs = 1000 / boundedNumber(sub.hz, 1, 30, 10);
        states.set(topic as StateTopic, { topic: topic as StateTopic, periodMs, dirty: new Set(), dueMs: nowMs });
      } else if (LOG_TOPICS.includes(topic as LogTopic)) {
        const periodMs = boundedNumber(sub.flush_ms, 20, 1000, 100);
        logs.set(topic as LogTopic, { topic: topic as LogTopic, periodMs, next: hub.log(topic as LogTopic).last + 1, dueMs: nowMs });
      } else
        send({ t: "error", code: "not_found", detail: `no topic ${topic}: topics are ${[...STATE_TOPICS, ...LOG_TOPICS].join(", ")}` });
    }
  }

  return {
    receive(text) {
      if (!open) return;
      budget -= 1;
      if (budget < 0) return close(4429, "more than 50 messages a second");
      let message: Record<string, unknown>;
      try {
        message = JSON.parse(text) as Record<string, unknown>;
      } catch {
        return close(4400, "the message is not JSON");
      }
      if (!greeted && message?.t !== "hello") return close(4400, "the first message must be hello");
      switch (message?.t) {
        case "hello":
          return hello(message);
        case "ack":
          unacked = 0;
          progressMs = clock.monotonicMs();
          return schedule();
        case "sub":
          subscribe(message.subs);
          return snapshot();
        case "unsub":
          states.delete(message.topic as StateTopic);
          logs.delete(message.topic as LogTopic);
          return;
        case "resync":
          return snapshot();
        case "ping":
          return send({ t: "pong", seq: hub.seq });
        default:
          return close(4400, `unknown message ${String(message?.t)}`);
      }
    },
    closed: end,
  };
}

function boundedNumber(value: unknown, low: number, high: number, fallback: number): number {
  return typeof value === "number" && value >= low && value <= high ? value : fallback;
}
