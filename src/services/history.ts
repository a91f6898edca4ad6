import { QikiError } from "#base/error.ts";
import type { Bus, Msg } from "#bus/port.ts";
import { HEARTBEAT_HEADER, RUN_HEADER, TICK_HEADER } from "#contracts/message.ts";
import { STATE_BUCKET, STATE_KEYS } from "#contracts/streams.ts";
import { SUBJECTS } from "#contracts/subjects.ts";
import type { HistoryBatch, HistoryStore, MarkLane, Moment } from "#store/history-store.ts";
import type { Clock } from "./clock.ts";
import type { Log } from "./log.ts";
import { isRecord, parsed } from "./query-words.ts";

export interface HistoryOptions {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly log: Log;
  readonly store: HistoryStore;
}

export interface History {
  /** Why nothing more is remembered, undefined while it is. */
  problem(): string | undefined;
  stop(): Promise<void>;
}

const FLUSH_MS = 1000;
const PRUNE_MS = 60_000;
/** However fast the simulation runs, so often a second is enough for a trend; recordings keep everything. */
const TELEMETRY_PER_S = 20;
const PENDING_MAX = 1024;

type Waiting = { readonly [Part in keyof HistoryBatch]: HistoryBatch[Part][number][] };
const emptyBatch = (): Waiting => ({ telemetry: [], marks: [], runs: [] });

/** What becomes a mark on the time line, and in which lane. */
const MARKED: ReadonlyMap<string, MarkLane> = new Map([
  [SUBJECTS.operatorIncidents, "alarms"],
  [SUBJECTS.audit, "commands"],
  [SUBJECTS.radarGuard, "guards"],
  [SUBJECTS.systemMode, "modes"],
]);
const COMMAND_KINDS = ["command_result", "command_effect"];

/** Remembers telemetry and what happened, so that a console that comes late can look back. */
export function startHistory({ bus, clock, log, store }: HistoryOptions): History {
  let waiting = emptyBatch();
  let problem: string | undefined;
  let cancelFlush = clock.after(FLUSH_MS, tick);
  let prunedMs = clock.monotonicMs();

  function momentOf({ headers }: Msg, tsMs: unknown): Moment | undefined {
    const runId = headers[RUN_HEADER];
    const at = Number(headers[TICK_HEADER]);
    if (headers[HEARTBEAT_HEADER] !== undefined || !runId || !Number.isSafeInteger(at) || !Number.isSafeInteger(tsMs)) return undefined;
    return { runId, tick: at, tsMs: tsMs as number, wallMs: Math.floor(clock.nowMs()) };
  }

  function noteTelemetry(msg: Msg): void {
    const payload = parsed(msg.bytes);
    const moment = isRecord(payload) ? momentOf(msg, payload.ts_unix_ms) : undefined;
    if (moment === undefined) return;
    const { telemetry } = waiting;
    const last = telemetry.at(-1);
    const isSoon = last?.runId === moment.runId && moment.wallMs - last.wallMs < 1000 / TELEMETRY_PER_S;
    if (isSoon) telemetry.pop();
    telemetry.push({ ...moment, ...(isSoon ? { wallMs: last.wallMs } : {}), json: Buffer.from(msg.bytes).toString("utf8") });
  }

  function noteMark(msg: Msg, lane: MarkLane): void {
    const payload = parsed(msg.bytes);
    if (!isRecord(payload)) return;
    if (lane === "commands" && !COMMAND_KINDS.includes(payload.kind as string)) return;
    const moment = momentOf(msg, typeof payload.ts_epoch === "number" ? Math.round(payload.ts_epoch * 1000) : undefined);
    if (moment !== undefined) waiting.marks.push({ ...moment, lane, json: Buffer.from(msg.bytes).toString("utf8") });
  }

  function flush(): void {
    const batch = waiting;
    if (Object.values(batch).every(({ length }) => length === 0)) return;
    waiting = emptyBatch();
    try {
      store.add(batch);
      problem = undefined;
    } catch (error) {
      if (problem === undefined) log.error({ err: error }, "the history cannot be written");
      problem = `the history ${store.path} cannot be written: ${(error as Error).message}`;
    }
  }

  function prune(): void {
    if (clock.monotonicMs() - prunedMs < PRUNE_MS || problem !== undefined) return;
    prunedMs = clock.monotonicMs();
    try {
      store.prune(Math.floor(clock.nowMs()));
    } catch (error) {
      log.error({ err: error }, "the history cannot be pruned");
    }
  }

  function tick(): void {
    flush();
    prune();
    cancelFlush = clock.after(FLUSH_MS, tick);
  }

  const subscriptions = [
    bus.subscribe(SUBJECTS.telemetry, noteTelemetry, {
      name: "recorder.history.telemetry",
      maxPending: PENDING_MAX,
      overflow: "drop_oldest",
    }),
    ...[...MARKED].map(([subject, lane]) =>
      bus.subscribe(subject, (msg) => noteMark(msg, lane), { name: `recorder.history.${lane}`, overflow: "drop_oldest" }),
    ),
  ];
  const changes = bus.lastValue(STATE_BUCKET).watch(STATE_KEYS.run, { existing: true })[Symbol.asyncIterator]();
  void (async () => {
    try {
      for (let next = await changes.next(); next.done !== true; next = await changes.next()) {
        const about = next.value.bytes === undefined ? undefined : parsed(next.value.bytes);
        if (isRecord(about) && typeof about.run_id === "string")
          waiting.runs.push({
            runId: about.run_id,
            wallMs: Math.floor(clock.nowMs()),
            json: JSON.stringify(about),
          });
      }
    } catch (error) {
      if (!(error instanceof QikiError && error.code === "closed")) log.error({ err: error }, "the history does not hear of runs");
    }
  })();

  return {
    problem: () => problem,
    async stop() {
      cancelFlush();
      await changes.return?.();
      for (const subscription of subscriptions) await subscription.drain();
      flush();
    },
  };
}
