import { batch, type ReadonlySignal, type Signal, signal } from "@preact/signals-core";
import { assertNever } from "#base/assert.ts";
import type { Role } from "#contracts/command-catalogue.ts";
import { type Cell, cellOf } from "./cell.ts";
import { type ServerMessage, SUBSCRIPTIONS, type Timed } from "./protocol.ts";

/** What the model needs of the world; a test drives all of it. */
export interface ModelPorts {
  readonly monotonicMs: () => number;
  readonly wallMs: () => number;
  /** Calls once after the delay; the returned call cancels. */
  readonly after: (delayMs: number, callback: () => void) => () => void;
  /** A number in [0, 1), for the jitter of reconnecting. */
  readonly random: () => number;
  /** Opens the stream; the callbacks are the socket's. */
  readonly connect: (handlers: {
    readonly open: () => void;
    readonly message: (text: string) => void;
    readonly closed: (code: number) => void;
  }) => Connection;
}

export interface Connection {
  send(text: string): void;
  close(): void;
}

interface Entry {
  readonly value: unknown;
  readonly ageAtReceiptMs: number;
  readonly receivedMonoMs: number;
  readonly receivedWallMs: number;
}

export type LinkState = { readonly kind: "connecting" | "ok" | "slow" } | { readonly kind: "lost"; readonly retryInMs: number };
export type DataState = { readonly kind: "ok" | "lag" | "stale"; readonly ageMs: number } | { readonly kind: "none" };

export interface Model {
  readonly link: ReadonlySignal<LinkState>;
  readonly data: ReadonlySignal<DataState>;
  readonly identity: ReadonlySignal<{ readonly name: string; readonly role: Role } | undefined>;
  readonly run: ReadonlySignal<(ServerMessage & { t: "hello" })["run"] | undefined>;
  /** Tick of the newest telemetry received. */
  readonly tick: ReadonlySignal<number | undefined>;
  /** Messages lost on the way, by where. */
  readonly losses: ReadonlySignal<{
    readonly upstream: number;
    readonly client: number;
    readonly refused: number;
    readonly unaccounted: number;
  }>;
  /** Moves every 250 ms; whoever shows an age reads it. */
  readonly nowMs: ReadonlySignal<number>;
  /** Value or absence at a telemetry path, with age and staleness as of now. */
  cell(path: string): Cell;
  /** Raw value at a telemetry path, undefined when there is none. */
  value(path: string): unknown;
  /** Records of a keyed topic. */
  records(topic: "incidents" | "commands" | "system"): ReadonlySignal<ReadonlyMap<string, unknown>>;
  readonly events: ReadonlySignal<readonly unknown[]>;
  /** Grows whenever something new stands in the audit trail. */
  readonly auditCount: ReadonlySignal<number>;
  start(): void;
  /** Drops the connection and opens a new one, for example after signing in. */
  reconnect(): void;
  stop(): void;
}

const TICKER_MS = 250;
const LINK_SLOW_MS = 2500;
const LINK_LOST_MS = 5000;
const DATA_STALE_MS = 30_000;
const SLEEP_GAP_MS = 1000;
const RETRY_FIRST_MS = 250;
const RETRY_MAX_MS = 5000;
const EVENTS_KEPT = 500;

/** The console's view of the world: reducers over the gateway's stream, and staleness by two clocks (console §3). */
export function createModel(ports: ModelPorts): Model {
  const telemetry = new Map<string, Signal<Entry | undefined>>();
  const keyed = new Map<string, Signal<ReadonlyMap<string, unknown>>>();
  const link = signal<LinkState>({ kind: "connecting" });
  const data = signal<DataState>({ kind: "none" });
  const identity = signal<{ name: string; role: Role } | undefined>(undefined);
  const run = signal<(ServerMessage & { t: "hello" })["run"] | undefined>(undefined);
  const tick = signal<number | undefined>(undefined);
  const losses = signal({ upstream: 0, client: 0, refused: 0, unaccounted: 0 });
  const nowMs = signal(ports.monotonicMs());
  const events = signal<readonly unknown[]>([]);
  const auditCount = signal(0);

  let connection: Connection | undefined;
  let cancelRetry: (() => void) | undefined;
  let cancelTicker: (() => void) | undefined;
  let epoch: string | undefined;
  let seq = 0;
  let cursors: Record<string, number> = {};
  let retryMs = RETRY_FIRST_MS;
  let retryAtMs = 0;
  let lastFrameMs: number | undefined;
  let telemetryPeriodS = 1;
  /** After sleep nothing is fresh until it has been received anew. */
  let freshFromMs = Number.NEGATIVE_INFINITY;
  let lastTickerMs = ports.monotonicMs();
  let lastTickerWallMs = ports.wallMs();

  const telemetrySignal = (key: string): Signal<Entry | undefined> => {
    let one = telemetry.get(key);
    if (one === undefined) telemetry.set(key, (one = signal<Entry | undefined>(undefined)));
    return one;
  };
  const keyedSignal = (topic: string): Signal<ReadonlyMap<string, unknown>> => {
    let one = keyed.get(topic);
    if (one === undefined) keyed.set(topic, (one = signal<ReadonlyMap<string, unknown>>(new Map())));
    return one;
  };

  const ageOf = (entry: Entry): number =>
    entry.ageAtReceiptMs + Math.max(nowMs.value - entry.receivedMonoMs, ports.wallMs() - entry.receivedWallMs, 0);

  /** 2.5 publication periods in wall terms, at least a second. */
  function expiryMs(): number {
    const state = telemetry.get("sim_state")?.peek()?.value as { fsm_state?: string; speed?: number } | undefined;
    const periodS = state?.fsm_state === "RUNNING" ? telemetryPeriodS / Math.max(1e-9, state.speed ?? 1) : 1;
    return Math.max(1000, 2500 * periodS);
  }

  const isStale = (entry: Entry, ageMs: number): boolean => ageMs > expiryMs() || entry.receivedMonoMs < freshFromMs;

  function put(key: string, timed: Timed | undefined): void {
    telemetrySignal(key).value =
      timed === undefined
        ? undefined
        : { value: timed.v, ageAtReceiptMs: timed.age_ms, receivedMonoMs: ports.monotonicMs(), receivedWallMs: ports.wallMs() };
  }

  function replaceTopic(topic: string, records: Readonly<Record<string, Timed>>): void {
    if (topic === "telemetry") {
      for (const key of telemetry.keys()) if (!(key in records)) put(key, undefined);
      for (const [key, timed] of Object.entries(records)) put(key, timed);
    } else keyedSignal(topic).value = new Map(Object.entries(records).map(([key, timed]) => [key, timed.v]));
  }

  function changeTopic(topic: string, change: { readonly set: Readonly<Record<string, Timed>>; readonly del: readonly string[] }): void {
    if (topic === "telemetry") {
      for (const key of change.del) put(key, undefined);
      for (const [key, timed] of Object.entries(change.set)) put(key, timed);
      return;
    }
    const next = new Map(keyedSignal(topic).peek());
    for (const key of change.del) next.delete(key);
    for (const [key, timed] of Object.entries(change.set)) next.set(key, timed.v);
    keyedSignal(topic).value = next;
  }

  function receive(text: string): void {
    lastFrameMs = ports.monotonicMs();
    const message = JSON.parse(text) as ServerMessage;
    batch(() => apply(message));
    evaluate();
  }

  function apply(message: ServerMessage): void {
    switch (message.t) {
      case "hello":
        if (!message.resumed) cursors = {};
        epoch = message.epoch;
        identity.value = message.me;
        run.value = message.run;
        telemetryPeriodS = message.cfg?.telemetry_period_s ?? 1;
        retryMs = RETRY_FIRST_MS;
        return;
      case "snapshot":
        seq = message.seq;
        for (const [topic, records] of Object.entries(message.topics)) replaceTopic(topic, records);
        return acknowledge(message.tick);
      case "diff":
        if (message.prev !== seq) return connection?.send(JSON.stringify({ t: "resync" }));
        seq = message.seq;
        for (const [topic, change] of Object.entries(message.ch)) changeTopic(topic, change);
        return acknowledge(message.tick);
      case "batch": {
        const expected = (cursors[message.topic] ?? message.first - 1) + 1;
        if (message.first > expected) losses.value = { ...losses.value, unaccounted: losses.value.unaccounted + message.first - expected };
        cursors[message.topic] = message.last;
        if (message.topic === "events") events.value = [...events.value, ...message.items].slice(-EVENTS_KEPT);
        if (message.topic === "audit") auditCount.value += message.items.length;
        return acknowledge(undefined);
      }
      case "gap":
        cursors[message.topic] = message.last;
        return;
      case "hb":
        losses.value = { ...message.lost, unaccounted: losses.value.unaccounted };
        return;
      case "error":
      case "bye":
      case "pong":
        return;
      default:
        return assertNever(message, "message");
    }
  }

  function acknowledge(at: number | null | undefined): void {
    if (typeof at === "number") tick.value = at;
    connection?.send(JSON.stringify({ t: "ack", seq, batch: cursors }));
  }

  /** Link and data words, and the clock that ages depend on. */
  function evaluate(): void {
    batch(() => {
      const now = ports.monotonicMs();
      nowMs.value = now;
      if (link.peek().kind !== "lost" || connection !== undefined) {
        const quietMs = lastFrameMs === undefined ? undefined : now - lastFrameMs;
        if (quietMs === undefined) link.value = { kind: "connecting" };
        else if (quietMs > LINK_LOST_MS) link.value = { kind: "lost", retryInMs: 0 };
        else link.value = { kind: quietMs < LINK_SLOW_MS ? "ok" : "slow" };
      } else link.value = { kind: "lost", retryInMs: Math.max(0, retryAtMs - now) };
      const newest = telemetry.get("tick")?.peek();
      if (newest === undefined) data.value = { kind: "none" };
      else {
        const ageMs = ageOf(newest);
        data.value = { kind: ageMs > DATA_STALE_MS ? "stale" : isStale(newest, ageMs) ? "lag" : "ok", ageMs };
      }
    });
  }

  function ticker(): void {
    const now = ports.monotonicMs();
    const wall = ports.wallMs();
    const gapMs = Math.max(now - lastTickerMs, wall - lastTickerWallMs);
    if (gapMs > TICKER_MS + SLEEP_GAP_MS) freshFromMs = now;
    lastTickerMs = now;
    lastTickerWallMs = wall;
    evaluate();
    cancelTicker = ports.after(TICKER_MS, ticker);
  }

  function open(): void {
    cancelRetry?.();
    cancelRetry = undefined;
    lastFrameMs = undefined;
    connection = ports.connect({
      open() {
        const resume = epoch === undefined ? {} : { resume: { epoch, seq, batch: cursors } };
        connection?.send(JSON.stringify({ t: "hello", v: 1, client: "web", subs: SUBSCRIPTIONS, ...resume }));
      },
      message: receive,
      closed: lose,
    });
  }

  function lose(): void {
    connection = undefined;
    const jittered = retryMs * (0.8 + 0.4 * ports.random());
    retryMs = Math.min(RETRY_MAX_MS, retryMs * 2);
    retryAtMs = ports.monotonicMs() + jittered;
    link.value = { kind: "lost", retryInMs: jittered };
    cancelRetry = ports.after(jittered, open);
  }

  return {
    link,
    data,
    identity,
    run,
    tick,
    losses,
    nowMs,
    events,
    auditCount,
    records: keyedSignal,
    value(path) {
      const cell = this.cell(path);
      return cell.kind === "value" ? cell.value : undefined;
    },
    cell(path) {
      const key = path.split(/[.[]/)[0]!;
      const entry = telemetrySignal(key).value;
      const sources = (telemetrySignal("field_sources").value?.value ?? {}) as Readonly<Record<string, string>>;
      if (entry === undefined) {
        const absent = cellOf(path, undefined, { ageMs: 0, stale: true, fieldSources: sources });
        const nothingYet = telemetrySignal("tick").value === undefined;
        return absent.kind === "absent" && nothingYet
          ? { ...absent, reason: link.value.kind === "lost" ? "link_lost" : "not_received" }
          : absent;
      }
      const ageMs = ageOf(entry);
      return cellOf(path, entry.value, { ageMs, stale: isStale(entry, ageMs), fieldSources: sources });
    },
    start() {
      open();
      ticker();
    },
    reconnect() {
      const old = connection;
      connection = undefined;
      old?.close();
    },
    stop() {
      cancelRetry?.();
      cancelTicker?.();
      connection?.close();
    },
  };
}
