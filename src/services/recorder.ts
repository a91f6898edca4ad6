import { existsSync } from "node:fs";
import { dirname, isAbsolute, join, normalize } from "node:path";
import { QikiError } from "#base/error.ts";
import { parseUtcMs } from "#base/rfc3339.ts";
import type { RunId, Tick } from "#base/units.ts";
import type { Bus } from "#bus/port.ts";
import { ackOf } from "#contracts/ack.ts";
import { type CommandRefusal, checkParameters, specOf } from "#contracts/command.ts";
import type { RecordingMeta } from "#contracts/recording.ts";
import { STATE_BUCKET, STATE_KEYS } from "#contracts/streams.ts";
import { SUBJECTS } from "#contracts/subjects.ts";
import type { Clock } from "./clock.ts";
import { makeFolder } from "#store/database.ts";
import { type HistoryLimits, openHistoryStore } from "#store/history-store.ts";
import type { CommandDedup } from "#store/command-dedup.ts";
import { recorderAudit } from "./audit-records.ts";
import { type CommandPolicy, type Arrival, type Handled, openCommandDoor } from "./command-door.ts";
import type { CommandKeys } from "./command-signature.ts";
import { startHistory } from "./history.ts";
import { openHistoryDesk } from "./history-worker.ts";
import type { Log } from "./log.ts";
import type { Publisher } from "./publisher.ts";
import { type Moment, RECORD_STORAGE, type RecordStorage, reportStorage, segmentBytesOf } from "./record-storage.ts";
import { answerRecorderQueries } from "./recorder-queries.ts";
import { keepWithinQuota, type OpenRecording } from "./recording-quota.ts";
import { openRecordingSession, type RecordingSession } from "./recording-session.ts";

export interface RecorderServiceOptions {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly log: Log;
  /** Recordings lie in here, those asked for by command too. */
  readonly folder: string;
  /** Name of the run's own recording; absent: it is recorded only when asked. */
  readonly name?: string;
  /** Fresh meta for a recording that begins now. */
  readonly meta: () => RecordingMeta;
  readonly keys: CommandKeys;
  /** What senders on the bus must bring; open by default. */
  readonly policy?: CommandPolicy;
  /** Hears how each command was answered. */
  readonly onAnswered?: ((name: string, code: string) => void) | undefined;
  readonly dedup: CommandDedup;
  /** Where telemetry and marks are remembered for trends and the time line. */
  readonly historyPath: string;
  /** How much of it is kept. */
  readonly history?: HistoryLimits;
  readonly publisher: Publisher;
  /** Quota and disk; by default the real ones. */
  readonly storage?: RecordStorage;
}

export interface RecorderService {
  /** The run's own recording, undefined when there is none. */
  readonly path: string | undefined;
  problem(): string | undefined;
  /** Rows written, and left out because the disk did not keep up, in the recordings that are open. */
  counts(): { readonly rows: number; readonly dropped: number };
  stop(): Promise<void>;
}

const NO_LIMITS = { max_speed: 0, max_speed_mps: 0, shelve_max_s: 0, ports: [] };
const STATUS_MS = 1000;

/** Owns recordings: the run's own from its start to its end, and one more that operators start and stop. */
export async function startRecorder(options: RecorderServiceOptions): Promise<RecorderService> {
  const { bus, clock, log } = options;
  const limits = options.storage ?? RECORD_STORAGE;
  makeFolder(options.folder);
  const bootMeta = options.meta();
  /** Event time that was heard last. */
  let moment: Moment = { timeMs: parseUtcMs(bootMeta.epoch) ?? 0, tick: 0 as Tick, runId: bootMeta.run_id as RunId };
  /** What is being written, by the path that its first segment has. */
  const writing = new Map<string, () => OpenRecording>();
  makeRoom();
  const own = options.name === undefined ? undefined : await open(join(options.folder, options.name), options.meta());
  let asked: RecordingSession | undefined;
  /** The recording asked for last, once it has ended: its counts are final. */
  let ended: RecordingSession | undefined;
  let cancelEnd: (() => void) | undefined;
  let cancelStatus = (): void => {};
  let orders = 0;
  const bootRunId = bootMeta.run_id;

  /** What is over the quota makes the oldest recordings go. */
  function makeRoom(): void {
    try {
      const open = [...writing.values()].map((current) => current());
      for (const removed of keepWithinQuota(options.folder, limits.quotaBytes, open, clock.nowMs())) {
        log.warn({ removed }, "a recording was removed to keep within record.max_gib");
        options.publisher.publish(recorderAudit("recording_removed", moment, { ...removed, quota_bytes: limits.quotaBytes }));
      }
    } catch (error) {
      log.error({ err: error }, "old recordings could not be removed");
    }
  }

  async function open(path: string, meta: RecordingMeta): Promise<RecordingSession> {
    makeFolder(dirname(path));
    const { recording_id: recordingId } = meta;
    writing.set(path, () => ({ recordingId, segmentPath: path }));
    const session = await openRecordingSession({
      bus,
      clock,
      log,
      path,
      force: false,
      meta,
      segmentBytes: segmentBytesOf(limits),
      nextMeta: options.meta,
      onRolled: makeRoom,
      onFailure: (problem) => options.publisher.publish(recorderAudit("recording_stopped", moment, { path, problem })),
    }).catch((error: unknown) => {
      writing.delete(path);
      throw error;
    });
    bus.publish(SUBJECTS.recordKeyframeGet, new Uint8Array());
    writing.set(path, () => ({ recordingId, segmentPath: session.stats().segmentPath }));
    return {
      ...session,
      async stop() {
        try {
          return await session.stop();
        } finally {
          writing.delete(path);
        }
      },
    };
  }

  function status(): void {
    const one = (session: RecordingSession | undefined): unknown => {
      if (session === undefined) return null;
      const { rows, bytes, counts, dropped } = session.stats();
      return { path: session.path, recording_id: session.recordingId, rows, bytes, counts, dropped, problem: session.problem() ?? null };
    };
    const value = Buffer.from(JSON.stringify({ recording: one(own), asked: one(asked), ended: one(ended) }));
    bus
      .lastValue(STATE_BUCKET)
      .put(STATE_KEYS.recorder, value)
      .catch((error: unknown) => {
        if (!(error instanceof QikiError && error.code === "closed")) log.error({ err: error }, "the recorder's state was not stored");
      });
    cancelStatus = clock.after(STATUS_MS, status);
  }

  function statusNow(): void {
    cancelStatus();
    status();
  }

  function start(values: Readonly<Record<string, unknown>>): CommandRefusal | undefined {
    if (asked !== undefined)
      return { code: "not_allowed_in_state", message: `a recording to ${asked.path} is under way: record.stop first` };
    const name =
      (values.path as string | undefined) ??
      `asked-${new Date(clock.nowMs()).toISOString().replaceAll(/[:.]/g, "-")}.jsonl${limits.compresses === true ? ".zst" : ""}`;
    if (isAbsolute(name) || normalize(name).split(/[\\/]/).includes("..")) {
      return {
        code: "invalid_parameter",
        field: "path",
        given: name,
        expected: "a path inside the recordings folder",
        message: `path ${name} leaves the recordings folder: give a plain file name`,
      };
    }
    const path = join(options.folder, name);
    if (existsSync(path)) {
      const message = `recording ${name} exists and is not overwritten: give another name`;
      return { code: "invalid_parameter", field: "path", given: name, expected: "a name that is free", message };
    }
    asked = pendingSession(path);
    if (typeof values.duration_s === "number")
      cancelEnd = clock.after(
        values.duration_s * 1000,
        () => void asEnded().catch((error: unknown) => log.error({ err: error }, "a recording did not end")),
      );
    return undefined;
  }

  /** Stands for a session until its file is open; a file that cannot be opened is a problem of the recorder. */
  function pendingSession(path: string): RecordingSession {
    const meta = options.meta();
    let session: RecordingSession | undefined;
    let failure: string | undefined;
    const opening = open(path, meta).then(
      (opened) => {
        session = opened;
      },
      (error: Error) => {
        failure = error.message;
        log.error({ err: error }, "a recording could not be started");
      },
    );
    void opening.then(statusNow);
    return {
      path,
      recordingId: meta.recording_id,
      problem: () => failure ?? session?.problem(),
      stats: () =>
        session?.stats() ?? { rows: 0, bytes: 0, segmentBytes: 0, segmentPath: path, counts: {}, dropped: 0, queuedBytes: 0, lastSeq: 0 },
      async stop() {
        await opening;
        if (session === undefined) throw new QikiError("disk", failure ?? `${path} was not opened`);
        return session.stop();
      },
    };
  }

  async function asEnded(): Promise<void> {
    const session = asked;
    cancelEnd?.();
    try {
      await session?.stop();
    } finally {
      asked = undefined;
      ended = session;
      statusNow();
    }
  }

  function handle(arrival: Arrival): Handled {
    const [name, requestId] =
      arrival.kind === "command" ? [arrival.command.name, arrival.command.requestId] : [arrival.name, arrival.requestId];
    const context = { name, requestId, timeMs: Math.floor(clock.nowMs()), tick: 0 as Tick, order: orders, runId: bootRunId };
    orders += 1;
    return { ack: ackOf(context, arrival.kind === "malformed" ? arrival.refusal : decide(arrival)), publishRest: () => {} };
  }

  function decide(arrival: Arrival & { kind: "command" }): CommandRefusal | undefined {
    if (arrival.refusal !== undefined) return arrival.refusal;
    const spec = specOf(arrival.command.name);
    if ("code" in spec) return spec;
    const checked = checkParameters(spec, arrival.command.parameters, NO_LIMITS);
    if (checked.kind === "refused") return checked.refusal;
    if (spec.name === "record.start") return start(checked.values);
    if (asked === undefined) return { code: "not_allowed_in_state", message: "no recording was started by record.start" };
    asEnded().catch((error: unknown) => log.error({ err: error }, "a recording did not end"));
    return undefined;
  }

  const door = openCommandDoor({
    bus,
    clock,
    owner: "recorder",
    dedup: options.dedup,
    keys: options.keys,
    policy: options.policy,
    onAnswered: options.onAnswered,
    handle,
    // A recording that was begun is on disk: there is nothing to put back.
    saveState: () => () => {},
    onFault: (error, commandName) => log.error({ err: error, command: commandName }, "a command broke down"),
  });
  const historyStore = openHistoryStore(options.historyPath, options.history);
  const history = startHistory({ bus, clock, log, store: historyStore });
  const desk = openHistoryDesk(options.historyPath);
  const storage = reportStorage(bus, options.publisher, options.folder, limits, (at) => {
    moment = at;
    makeRoom();
  });
  const queries = answerRecorderQueries({ bus, log, desk, folder: options.folder });
  status();
  return {
    path: own?.path,
    problem: () => own?.problem() ?? history.problem(),
    counts() {
      const open = [own, asked].flatMap((session) => (session === undefined ? [] : [session.stats()]));
      return { rows: open.reduce((sum, { rows }) => sum + rows, 0), dropped: open.reduce((sum, { dropped }) => sum + dropped, 0) };
    },
    async stop() {
      await door.drain();
      for (const subscription of [storage, ...queries]) await subscription.drain();
      await history.stop();
      await desk.close();
      historyStore.close();
      cancelStatus();
      if (asked !== undefined) await asEnded();
      cancelStatus();
      await own?.stop();
    },
  };
}
