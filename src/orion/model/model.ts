import { batch, type ReadonlySignal, signal } from "@preact/signals-core";
import type { Role } from "#contracts/command-catalogue.ts";
import type { ReplayPlayer } from "#contracts/replay.ts";
import { type Cell, cellOf, topOf, valueAt } from "./cell.ts";
import { ageMsAt, type DataState, dataStateOf, elapsedMs, expiryMs, type Moment, type Receipt, SLEEP_MS } from "./freshness.ts";
import { createHistory, type History } from "./history.ts";
import { createLink, type LinkPorts, type LinkState } from "./link.ts";
import { readServerMessage, type RunIdentity, type ServerMessage, type SourceName, subscriptionsTo } from "./protocol.ts";
import { createRecords, type RecordEntry } from "./records.ts";
import { createSampler } from "./sampling.ts";
import { followStream, STREAM_START, type StreamChange } from "./stream.ts";
import { createTrails, type Trails } from "./trails.ts";

/** What the model needs of the world; a test drives all of it. */
export interface ModelPorts extends LinkPorts {
  readonly wallMs: () => number;
}

export interface Losses {
  /** Before the gateway. */
  readonly upstream: number;
  /** Between the gateway and here, as the gateway told. */
  readonly client: number;
  /** Broke their contract. */
  readonly refused: number;
  /** Missing without a word: that must not happen. */
  readonly unaccounted: number;
}

export interface Age {
  readonly ageMs: number;
  readonly isTrusted: boolean;
}

export interface Model {
  readonly source: SourceName;
  readonly link: ReadonlySignal<LinkState>;
  readonly data: ReadonlySignal<DataState>;
  readonly identity: ReadonlySignal<{ readonly name: string; readonly role: Role } | undefined>;
  readonly run: ReadonlySignal<RunIdentity | null | undefined>;
  /** Tick of the newest telemetry received. */
  readonly tick: ReadonlySignal<number | undefined>;
  readonly losses: ReadonlySignal<Losses>;
  /** Moves every 250 ms; whoever shows an age reads it. */
  readonly nowMs: ReadonlySignal<number>;
  /** Value or absence at a telemetry path, with age and staleness as of now. */
  cell(path: string): Cell;
  /** Raw value at a telemetry path, however old it is; undefined when there is none. */
  value(path: string): unknown;
  /** Records of a keyed topic. */
  records(topic: "incidents" | "commands" | "system" | "guards" | "replay"): ReadonlySignal<ReadonlyMap<string, unknown>>;
  /** The same with when each record came. */
  timed(topic: "tracks" | "system"): ReadonlySignal<ReadonlyMap<string, RecordEntry>>;
  /** How old a record is now, and whether it may count as news: nothing from before a sleep does. */
  ageOf(receipt: Receipt): Age;
  /** Where tracks were. */
  readonly trails: Pick<Trails, "of">;
  readonly events: ReadonlySignal<readonly unknown[]>;
  /** Grows whenever something new stands in the audit trail. */
  readonly auditCount: ReadonlySignal<number>;
  /** What the main quantities were, as far back as this page has watched the run. */
  readonly history: History;
  start(): void;
  /** Opens a new connection in place of this one, for example after signing in; what is known stays. */
  reconnect(): void;
  /** Tries at once when the link is lost: for `online`, or a page that becomes visible. */
  retryNow(): void;
  stop(): void;
}

/** Ages of a replay are simulated time already. */
const AT_REAL_TIME = { fsm_state: "RUNNING", speed: 1 };
/** A model that is whichever `current` says: what reads it is told when that changes. */
export function shownModel(current: () => Model): Model {
  return new Proxy({} as Model, { get: (_none, member) => current()[member as keyof Model] });
}

const TICKER_MS = 250;
/** Acknowledgements go out at most this often, so that many tabs stay below the gateway's message rate. */
const ACK_MS = 100;
/** After a sleep this long the connection holds what was sent before it, and cannot tell how old that is. */
const LONG_SLEEP_MS = 5000;

/**
 * The console's view of one source: the gateway's stream in records, and staleness by two clocks (console §3). Of a recording that is
 * replayed ages count in its own time: where the playhead stands nothing grows old.
 */
export function createModel(ports: ModelPorts, source: SourceName = "live"): Model {
  const isReplay = source !== "live";
  const records = createRecords();
  const history = createHistory();
  const sample = createSampler(history, (path) => valueAt(path, records.telemetry(topOf(path)).peek()?.value));
  const trails = createTrails();
  const data = signal<DataState>({ kind: "none" });
  const identity = signal<{ name: string; role: Role } | undefined>(undefined);
  const run = signal<RunIdentity | null | undefined>(undefined);
  const losses = signal<Losses>({ upstream: 0, client: 0, refused: 0, unaccounted: 0 });
  const nowMs = signal(ports.monotonicMs());
  const connection = createLink(ports, { greeting, message: receive, lost: evaluate });
  const link = signal<LinkState>(connection.state());

  let position = STREAM_START;
  let playhead: ReplayPlayer | undefined;
  let refusedHere = 0;
  let gatewayLosses = { upstream: 0, refused: 0 };
  let telemetryPeriodS = 1;
  let now = dataMoment();
  /** When any of this last ran: a hole in it was sleep. */
  let awake = moment();
  /** After sleep nothing is fresh until it has been received anew. */
  let freshFromMs = Number.NEGATIVE_INFINITY;
  let cancelTicker: (() => void) | undefined;
  let cancelAck: (() => void) | undefined;
  let owesAck = false;

  function moment(): Moment {
    return { monoMs: ports.monotonicMs(), wallMs: ports.wallMs() };
  }

  /** The moment that ages count from: both clocks, or the playhead. */
  function dataMoment(): Moment {
    if (!isReplay) return moment();
    const atMs = playhead?.at_ms ?? 0;
    return { monoMs: atMs, wallMs: atMs };
  }

  function greeting(): unknown {
    const { epoch, seq, logs } = position;
    const resume = epoch === undefined ? {} : { resume: { epoch, ...(seq === undefined ? {} : { seq }), batch: logs } };
    return { t: "hello", v: 1, client: "web", subs: subscriptionsTo(source), ...resume };
  }

  function receive(text: string): void {
    if (wakeUp() > LONG_SLEEP_MS) return evaluate();
    const message = readServerMessage(text);
    batch(() => {
      if (message === undefined) refusedHere += 1;
      else apply(message);
      losses.value = {
        upstream: gatewayLosses.upstream,
        client: position.lost,
        refused: gatewayLosses.refused + refusedHere,
        unaccounted: position.unaccounted,
      };
      evaluate();
    });
  }

  function apply(message: ServerMessage): void {
    if (message.t === "hello") {
      identity.value = message.me;
      adoptRun(message.run, message.cfg?.telemetry_period_s);
    }
    if (message.t === "hb") gatewayLosses = message.lost;
    const step = followStream(position, message);
    position = step.position;
    applyChange(step.change);
    if (message.t === "snapshot" || message.t === "diff" || message.t === "batch") acknowledgeSoon();
  }

  function applyChange(change: StreamChange): void {
    if (change.kind === "resync") connection.send({ t: "resync" });
    if (isReplay) followPlayhead(change);
    records.apply(change, dataMoment());
    trails.follow(records.keyed("tracks").peek());
    sample(telemetryPeriodS);
    // Whoever listens through a reset hears of the new run here.
    const told = records.keyed("system").peek().get("run");
    if (typeof told === "object" && told !== null) {
      const { run_id: id, seed, tick_ms, epoch, telemetry_period_s: periodS } = told as Readonly<Record<string, unknown>>;
      adoptRun({ id, seed, tick_ms, epoch } as RunIdentity, periodS as number | undefined);
    }
  }

  /** Where the playhead is now is when the rest of the message came; after a jump what was before is of another moment. */
  function followPlayhead(change: StreamChange): void {
    const told =
      change.kind === "replaced" ? change.topics.replay?.player : change.kind === "changed" ? change.topics.replay?.set.player : undefined;
    if (told === undefined) return;
    const before = playhead;
    playhead = told.v as ReplayPlayer;
    if (playhead.generation === before?.generation) return;
    history.clear();
    trails.clear();
    records.clearLogs();
  }

  function adoptRun(next: RunIdentity | null, periodS: number | undefined): void {
    if (next?.id !== run.peek()?.id || run.peek() === undefined) run.value = next;
    telemetryPeriodS = periodS ?? telemetryPeriodS;
  }

  function acknowledgeSoon(): void {
    owesAck = true;
    if (cancelAck === undefined) acknowledge();
  }

  function acknowledge(): void {
    cancelAck = undefined;
    if (!owesAck) return;
    owesAck = false;
    connection.send({ t: "ack", seq: position.seq ?? 0, batch: position.logs });
    cancelAck = ports.after(ACK_MS, acknowledge);
  }

  /** Notes that this runs, and after a sleep distrusts everything; says how long the sleep was. */
  function wakeUp(): number {
    const before = awake;
    awake = moment();
    const sleptMs = elapsedMs(before, awake);
    if (sleptMs <= SLEEP_MS) return 0;
    if (!isReplay) freshFromMs = awake.monoMs;
    if (sleptMs > LONG_SLEEP_MS) connection.reopen();
    return sleptMs;
  }

  const isStale = (entry: RecordEntry, ageMs: number): boolean => {
    const simState = records.telemetry("sim_state").value?.value;
    const paceOf = isReplay ? AT_REAL_TIME : simState;
    return ageMs > expiryMs(telemetryPeriodS, paceOf) || entry.monoMs < freshFromMs;
  };

  /** Link and data words, and the clock that ages depend on. */
  function evaluate(): void {
    batch(() => {
      now = dataMoment();
      nowMs.value = ports.monotonicMs();
      const linkNow = connection.state();
      if (linkNow.kind === "lost" || linkNow.kind !== link.peek().kind) link.value = linkNow;
      if (linkNow.kind === "lost" && linkNow.needsToken) identity.value = undefined;
      const newest = records.telemetry("tick").peek();
      if (newest === undefined) data.value = { kind: "none" };
      else {
        const ageMs = ageMsAt(newest, now);
        data.value = dataStateOf(ageMs, isStale(newest, ageMs));
      }
    });
  }

  function ticker(): void {
    wakeUp();
    connection.check();
    evaluate();
    cancelTicker = ports.after(TICKER_MS, ticker);
  }

  function cell(path: string): Cell {
    const entry = records.telemetry(topOf(path)).value;
    const fieldSources = (records.telemetry("field_sources").value?.value ?? {}) as Readonly<Record<string, string>>;
    if (entry === undefined) {
      const isNothingKnown = records.telemetry("tick").value === undefined;
      const absent = cellOf(path, undefined, { ageMs: 0, stale: true, fieldSources });
      if (!isNothingKnown || absent.kind === "value") return absent;
      return { ...absent, reason: link.value.kind === "lost" ? "link_lost" : "not_received" };
    }
    void nowMs.value;
    const ageMs = ageMsAt(entry, now);
    return cellOf(path, entry.value, { ageMs, stale: isStale(entry, ageMs), fieldSources });
  }

  function ageOf(receipt: Receipt): Age {
    void nowMs.value;
    return { ageMs: ageMsAt(receipt, now), isTrusted: receipt.monoMs >= freshFromMs };
  }

  return {
    source,
    link,
    data,
    identity,
    run,
    tick: records.tick,
    losses,
    nowMs,
    events: records.events,
    auditCount: records.auditCount,
    history,
    records: records.keyed,
    timed: records.timed,
    ageOf,
    trails,
    cell,
    value(path) {
      const found = cell(path);
      return found.kind === "value" ? found.value : undefined;
    },
    start() {
      connection.open();
      awake = moment();
      ticker();
    },
    reconnect() {
      connection.reopen();
      evaluate();
    },
    retryNow() {
      connection.retryNow();
      evaluate();
    },
    stop() {
      cancelTicker?.();
      cancelAck?.();
      connection.close();
    },
  };
}
