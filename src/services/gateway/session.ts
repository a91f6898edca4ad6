import { assert } from "#base/assert.ts";
import type { Clock } from "../clock.ts";
import { createFlow } from "./flow.ts";
import { type Hub, type HubListener, LOG_TOPICS, type LogTopic, type StateRecord, STATE_TOPICS, type StateTopic } from "./hub.ts";
import type { Identity } from "./identity.ts";
import { createSubscriptions, type LogSubscription } from "./subscriptions.ts";

/** The far end of one console's socket. */
export interface SessionSocket {
  send(text: string): void;
  close(code: number, reason: string): void;
  /** Bytes accepted and not yet on their way. */
  readonly bufferedBytes: number;
}

/** What a console can watch: `live`, or a recording that is replayed. */
export interface SessionSource {
  readonly name: string;
  readonly hub: Hub;
  /** What `hello` tells of the run and the configuration. */
  readonly about: () => Readonly<Record<string, unknown>>;
  /** Losses before the gateway and messages refused by their contract, for `hb`. */
  readonly losses: () => { readonly upstream: number; readonly refused: number };
  /** Age of the newest message of each source topic, ms. */
  readonly sourceAges: () => Readonly<Record<string, number>>;
}

export interface SessionContext {
  /** The source of that name, undefined when there is none. */
  readonly source: (name: string) => SessionSource | undefined;
  readonly clock: Clock;
  readonly identity: Identity;
}

/** Why a session ends, by the code that the socket closes with. */
const CLOSE_WORDS = {
  1001: "stopping",
  4008: "slow_consumer",
  4400: "bad_message",
  4401: "unauthenticated",
  4404: "not_found",
  4408: "no_hello",
  4429: "rate_limited",
} as const;
export type CloseCode = keyof typeof CLOSE_WORDS;

export interface Session {
  /** Name of the source that it watches. */
  source(): string;
  receive(text: string): void;
  /** Says goodbye and closes. */
  close(code: CloseCode, detail: string): void;
  /** The socket is gone. */
  closed(): void;
}

/** The source that a console watches when it names none. */
export const LIVE = "live";
const HELLO_MS = 5000;
const HEARTBEAT_MS = 1000;
const UNACKED_FLUSHES = 8;
const BUFFERED_BYTES = 1_048_576;
const STALLED_MS = 15_000;
const MESSAGES_PER_S = 50;
/** What waits for a console that does not keep up; beyond, the oldest goes. */
const QUEUE = { items: 5000, bytes: 8_388_608 };
/** Items of a log that a console without a position of its own begins with. */
const HISTORY_ITEMS = 500;
const BATCH_BYTES = 524_288;

/** One console on `/ws`: what it subscribed, what it has acknowledged, what it still must get (console §2.3). */
export function openSession(socket: SessionSocket, context: SessionContext): Session {
  const { clock } = context;
  const flow = createFlow();
  const subscriptions = createSubscriptions();
  const { states, logs } = subscriptions;
  let greeted = false;
  let open = true;
  let needsSnapshot = false;
  /** State number that the console has, or will have when all that was sent has come. */
  let seq = 0;
  let clientLost = 0;
  let coalesced = 0;
  let budget = MESSAGES_PER_S;
  let cancelFlush: (() => void) | undefined;
  let cancelStall: (() => void) | undefined;
  let cancelBeat = clock.after(HELLO_MS, () => close(4408, "no hello within 5 s"));

  const listener: HubListener = {
    state(topic, key) {
      const subscription = states.get(topic);
      if (subscription === undefined) return;
      if (subscription.dirty.has(key)) coalesced += 1;
      subscription.dirty.add(key);
      schedule();
    },
    log(topic) {
      if (logs.has(topic)) schedule();
    },
  };
  let source = context.source(LIVE)!;
  let unlisten = source.hub.onChange(listener);

  function close(code: CloseCode, detail: string): void {
    if (!open) return;
    send({ t: "bye", code: CLOSE_WORDS[code], detail });
    end();
    socket.close(code, CLOSE_WORDS[code]);
  }

  function end(): void {
    open = false;
    unlisten();
    cancelFlush?.();
    cancelStall?.();
    cancelBeat();
  }

  function send(message: Readonly<Record<string, unknown>>): void {
    if (open) socket.send(JSON.stringify(message));
  }

  function isBehind(): boolean {
    return flow.unacked > UNACKED_FLUSHES || socket.bufferedBytes > BUFFERED_BYTES;
  }

  function schedule(): void {
    if (cancelFlush !== undefined || !greeted || !open) return;
    const nowMs = clock.monotonicMs();
    const dueMs = needsSnapshot && !isBehind() ? nowMs : subscriptions.nextDueMs((topic) => source.hub.log(topic).last);
    if (dueMs === undefined) return;
    cancelFlush = clock.after(Math.max(0, dueMs - nowMs), () => {
      cancelFlush = undefined;
      flush();
      schedule();
    });
  }

  /** Sends what is due, unless the console is behind: then state merges on and logs wait, up to their limit. */
  function flush(): void {
    const nowMs = clock.monotonicMs();
    if (isBehind()) return subscriptions.postpone(nowMs);
    const isStateDue = subscriptions.dirtyStates().some((subscription) => subscription.dueMs <= nowMs);
    let flushedSeq: number | undefined;
    if (needsSnapshot) flushedSeq = sendSnapshot(nowMs);
    else if (isStateDue) flushedSeq = sendDiff(nowMs);
    const positions = new Map<LogTopic, number>();
    for (const subscription of logs.values()) {
      if (subscription.dueMs <= nowMs && sendBatch(subscription, nowMs)) positions.set(subscription.topic, subscription.next - 1);
    }
    noteSent(flushedSeq, positions, nowMs);
  }

  function noteSent(flushedSeq: number | undefined, positions: ReadonlyMap<LogTopic, number>, nowMs: number): void {
    if (flushedSeq === undefined && positions.size === 0) return;
    flow.sent({ ...(flushedSeq === undefined ? {} : { seq: flushedSeq }), logs: positions }, nowMs);
    watchStall();
  }

  function watchStall(): void {
    cancelStall?.();
    cancelStall = undefined;
    const sinceMs = flow.stuckSinceMs;
    if (sinceMs === undefined || !open) return;
    cancelStall = clock.after(sinceMs + STALLED_MS - clock.monotonicMs(), () =>
      close(4008, `nothing was acknowledged for ${STALLED_MS / 1000} s`),
    );
  }

  /** Every changed record of every subscribed topic, so that `seq` says what the console has, whatever the topics' rates. */
  function sendDiff(nowMs: number): number {
    const changes: Record<string, { set: Record<string, unknown>; del: string[] }> = {};
    for (const subscription of subscriptions.dirtyStates()) {
      const change = { set: {} as Record<string, unknown>, del: [] as string[] };
      for (const key of subscription.dirty) {
        const record = source.hub.get(subscription.topic, key);
        if (record === undefined) change.del.push(key);
        else change.set[key] = aged(record, source.hub.nowMs());
      }
      changes[subscription.topic] = change;
      subscriptions.flushed(subscription, nowMs);
    }
    send({ t: "diff", prev: seq, seq: source.hub.seq, tick: source.hub.tick ?? null, src: source.name, ch: changes });
    return (seq = source.hub.seq);
  }

  function sendSnapshot(nowMs: number): number {
    needsSnapshot = false;
    send(snapshotOf(source, [...states.keys()]));
    for (const subscription of states.values()) subscriptions.flushed(subscription, nowMs);
    return (seq = source.hub.seq);
  }

  function sendBatch(subscription: LogSubscription, nowMs: number): boolean {
    const { topic } = subscription;
    const log = source.hub.log(topic);
    if (subscription.next > log.last) return false;
    skipTo(subscription, log.first, "ring");
    // What a console that comes back is owed does not count as its queue.
    const queueStart = log.newest(QUEUE);
    if (queueStart > subscription.owedUpTo + 1) skipTo(subscription, queueStart, "client_slow");
    const texts = log.read(subscription.next, BATCH_BYTES);
    const last = subscription.next + texts.length - 1;
    assert(texts.length > 0, "a batch that is due has items", { topic, next: subscription.next, last: log.last });
    socket.send(`{"t":"batch","topic":"${topic}","first":${subscription.next},"last":${last},"items":[${texts.join(",")}]}`);
    subscription.next = last + 1;
    subscription.dueMs = last < log.last ? nowMs : nowMs + subscription.periodMs;
    return true;
  }

  function skipTo(subscription: LogSubscription, first: number, reason: "ring" | "client_slow"): void {
    if (subscription.next >= first) return;
    const count = first - subscription.next;
    clientLost += count;
    send({ t: "gap", topic: subscription.topic, first: subscription.next, last: first - 1, count, reason });
    subscription.next = first;
  }

  function heartbeat(): void {
    budget = MESSAGES_PER_S;
    const { upstream, refused } = source.losses();
    send({
      t: "hb",
      seq: source.hub.seq,
      wall: new Date(clock.nowMs()).toISOString(),
      src_age_ms: source.sourceAges(),
      lost: { upstream, client: clientLost, refused },
      coalesced,
    });
    cancelBeat = clock.after(HEARTBEAT_MS, heartbeat);
    schedule();
  }

  function hello(message: Readonly<Record<string, unknown>>): void {
    if (greeted) return close(4400, "hello came twice");
    if (message.v !== 1) return close(4400, `hello has version ${JSON.stringify(message.v)?.slice(0, 40)}: this gateway speaks 1`);
    if (!watch(message.subs)) return;
    greeted = true;
    cancelBeat();
    const resume = (message.resume ?? {}) as { epoch?: unknown; seq?: unknown; batch?: Readonly<Record<string, unknown>> };
    const isKnown = resume.epoch === source.hub.epoch;
    const missed = isKnown && typeof resume.seq === "number" ? source.hub.changedSince(resume.seq) : undefined;
    const me = context.identity;
    const resumed = missed !== undefined;
    send({ t: "hello", v: 1, epoch: source.hub.epoch, seq: source.hub.seq, resumed, runtime: "embedded", me, ...source.about() });
    subscribe(message.subs, (topic) => {
      const position = resume.batch?.[topic];
      if (resume.epoch === undefined || !Number.isSafeInteger(position) || (position as number) < 0) return undefined;
      // Another gateway start numbers anew: all that this one has is new to the console.
      if (!isKnown) return 0;
      return (position as number) <= source.hub.log(topic).last ? (position as number) : undefined;
    });
    if (missed === undefined) needsSnapshot = true;
    else {
      seq = resume.seq as number;
      for (const { topic, key } of missed) states.get(topic)?.dirty.add(key);
    }
    flush();
    heartbeat();
  }

  /** Takes the source that the first subscription names; a session has one. */
  function watch(subs: unknown): boolean {
    const [first] = Array.isArray(subs) ? (subs as readonly { readonly src?: unknown }[]) : [];
    const name = first?.src ?? LIVE;
    const found = typeof name === "string" ? context.source(name) : undefined;
    if (found === undefined) {
      close(4404, `no source ${JSON.stringify(name)?.slice(0, 80)}: it was closed, or the gateway began anew`);
      return false;
    }
    unlisten();
    source = found;
    unlisten = source.hub.onChange(listener);
    return true;
  }

  /** Takes subscriptions; `positionOf` is the number of the last item that the console has of a log, undefined when it has none. */
  function subscribe(asked: unknown, positionOf: (topic: LogTopic) => number | undefined): void {
    const nowMs = clock.monotonicMs();
    for (const one of Array.isArray(asked) ? (asked as unknown[]) : []) {
      const { topic, hz, flush_ms: flushMs, src = LIVE } = (one ?? {}) as Readonly<Record<string, unknown>>;
      if (src !== source.name)
        refuse(`source ${String(src as unknown).slice(0, 80)} on a connection to ${source.name}: open another for it`);
      else if (STATE_TOPICS.includes(topic as StateTopic)) subscriptions.addState(topic as StateTopic, hz, nowMs);
      else if (LOG_TOPICS.includes(topic as LogTopic)) {
        const { first, last, newest } = source.hub.log(topic as LogTopic);
        const position = positionOf(topic as LogTopic);
        const next = position === undefined ? Math.max(first, newest({ ...QUEUE, items: HISTORY_ITEMS })) : position + 1;
        subscriptions.addLog(topic as LogTopic, flushMs, { next, owedUpTo: last, nowMs });
      } else refuse(`no topic ${String(topic)}: topics are ${[...STATE_TOPICS, ...LOG_TOPICS].join(", ")}`);
    }
  }

  function refuse(detail: string): void {
    send({ t: "error", code: "not_found", detail });
  }

  function acknowledged(message: Readonly<Record<string, unknown>>): void {
    if (typeof message.seq !== "number") return close(4400, "ack has no seq");
    const positions = (message.batch ?? {}) as Readonly<Record<string, unknown>>;
    flow.acknowledge(message.seq, positions, clock.monotonicMs());
    watchStall();
    schedule();
  }

  function dispatch(message: Readonly<Record<string, unknown>>): void {
    switch (message.t) {
      case "hello":
        return hello(message);
      case "ack":
        return acknowledged(message);
      case "sub":
        subscribe(message.subs, () => undefined);
        needsSnapshot = true;
        return schedule();
      case "unsub":
        return subscriptions.remove(message.topic);
      case "resync":
        flow.forgetState();
        watchStall();
        needsSnapshot = true;
        return schedule();
      case "ping":
        return send({ t: "pong", seq: source.hub.seq });
      default:
        return close(4400, `unknown message ${String(message.t).slice(0, 40)}`);
    }
  }

  return {
    source: () => source.name,
    receive(text) {
      if (!open) return;
      budget -= 1;
      if (budget < 0) return close(4429, `more than ${MESSAGES_PER_S} messages a second`);
      const message = parsed(text);
      if (message === undefined) return close(4400, "the message is not a JSON object");
      if (!greeted && message.t !== "hello") return close(4400, "the first message must be hello");
      dispatch(message);
    },
    close,
    closed: end,
  };
}

/** What a console is told of the run when it says hello. */
export function aboutRun(run: Readonly<Record<string, unknown>> | undefined): Record<string, unknown> {
  if (run === undefined) return { run: null, cfg: null };
  return {
    run: { id: run.run_id, seed: run.seed, tick_ms: run.tick_ms, epoch: run.epoch, profile_hash: run.profile_hash ?? null },
    cfg: { telemetry_period_s: run.telemetry_period_s, events_period_s: run.events_period_s, ...(run.radar as object | undefined) },
  };
}

/** Everything that is known of some topics, with the age of each record. */
export function snapshotOf({ hub, name }: Pick<SessionSource, "hub" | "name">, topics: readonly StateTopic[]): Record<string, unknown> {
  const nowMs = hub.nowMs();
  const records = (topic: StateTopic): Record<string, unknown> =>
    Object.fromEntries([...hub.entries(topic)].map(([key, record]) => [key, aged(record, nowMs)]));
  const known = Object.fromEntries(topics.map((topic) => [topic, records(topic)]));
  return { t: "snapshot", seq: hub.seq, tick: hub.tick ?? null, src: name, topics: known };
}

function aged(record: StateRecord, nowMs: number): { readonly age_ms: number; readonly v: unknown } {
  return { age_ms: Math.max(0, Math.round(nowMs - record.receivedMs)), v: record.value };
}

function parsed(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const message = JSON.parse(text) as unknown;
    return typeof message === "object" && message !== null && !Array.isArray(message) ? (message as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
