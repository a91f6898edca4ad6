import { QikiError } from "#base/error.ts";
import type { Bus, Msg } from "#bus/port.ts";
import type { RecordingMeta } from "#contracts/recording.ts";
import { STREAMS } from "#contracts/streams.ts";
import { EVENTS_PREFIX, SUBJECTS } from "#contracts/subjects.ts";
import { GapWatch } from "#recording/gap-watch.ts";
import { openRecordingWriter, type WriterStats } from "#recording/writer.ts";
import type { Clock } from "./clock.ts";
import type { Log } from "./log.ts";

export interface RecordingSessionOptions {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly log: Log;
  readonly path: string;
  readonly force: boolean;
  readonly meta: RecordingMeta;
}

export interface RecordingSession {
  readonly path: string;
  /** Why nothing more is recorded, undefined while it is. */
  problem(): string | undefined;
  stats(): WriterStats;
  /** Takes what the event stream still holds, writes the `end` row, closes. */
  stop(): Promise<WriterStats>;
}

/** Subjects beside the event stream; one subscription for all keeps a publisher's own order. */
const CORE_PATTERN = "qiki.>";
const CORE_SUBJECTS = new Set<string>([
  SUBJECTS.telemetry,
  SUBJECTS.commands,
  SUBJECTS.responses,
  SUBJECTS.recordHashes,
  SUBJECTS.recordKeyframe,
  SUBJECTS.recordRules,
]);
const PENDING_MAX = 65_536;
const CATCH_UP_MS = 5000;

/** Writes everything a proof needs to one file: telemetry, commands, answers, hashes, keyframes, and the event stream in its order. */
export async function openRecordingSession(options: RecordingSessionOptions): Promise<RecordingSession> {
  const { bus, clock, log } = options;
  let problem: string | undefined;
  const writer = await openRecordingWriter({
    path: options.path,
    force: options.force,
    meta: options.meta,
    nowMs: () => clock.nowMs(),
    onFailure(error) {
      problem = error.message;
      log.error({ err: error }, "recording stopped");
    },
  });
  const gaps = new GapWatch();
  let eventSeq = (await bus.streams.info(STREAMS.events.name)).lastSeq;
  let stopping: Promise<WriterStats> | undefined;
  let caughtUp: (() => void) | undefined;
  let caughtUpAt = Number.POSITIVE_INFINITY;

  function take(message: Pick<Msg, "subject" | "bytes" | "headers">, streamSeq?: number): void {
    noteGap(message);
    const headers = Object.keys(message.headers).length === 0 ? {} : { headers: message.headers };
    writer.write([
      {
        subject: message.subject,
        payload: message.bytes,
        ingestMs: clock.nowMs(),
        ...headers,
        ...(streamSeq === undefined ? {} : { streamSeq }),
      },
    ]);
    if (message.subject === SUBJECTS.recordKeyframe) writer.check();
  }

  /** A jump in a publisher's own numbering is a hole, and the recording says so. */
  function noteGap(message: Pick<Msg, "subject" | "headers">): void {
    const gap = gaps.note(message.subject, message.headers);
    if (gap !== undefined)
      writer.write([{ subject: SUBJECTS.recordGap, payload: Buffer.from(JSON.stringify(gap)), ingestMs: clock.nowMs() }]);
  }

  const core = bus.subscribe(
    CORE_PATTERN,
    (msg) => {
      if (CORE_SUBJECTS.has(msg.subject)) take(msg);
      else if (!msg.subject.startsWith(EVENTS_PREFIX) && !msg.subject.startsWith("qiki.query.") && !msg.subject.startsWith("qiki.radar."))
        take(msg);
    },
    { name: `recorder.${options.meta.recording_id.slice(0, 8)}`, maxPending: PENDING_MAX, overflow: "drop_newest" },
  );
  const events = bus.consume(STREAMS.events.name, { deliver: "new" });

  async function readEvents(): Promise<void> {
    for await (const message of events) {
      take(message, message.seq);
      eventSeq = message.seq;
      message.ack();
      if (eventSeq >= caughtUpAt) caughtUp?.();
    }
  }
  readEvents().catch((error: unknown) => {
    if (error instanceof QikiError && error.code === "closed") return;
    problem = `the event stream cannot be read: ${(error as Error).message}`;
    log.error({ err: error }, problem);
  });

  return {
    path: options.path,
    problem: () => problem,
    stats: () => writer.stats(),
    stop: () => (stopping ??= stop()),
  };

  async function stop(): Promise<WriterStats> {
    await core.drain();
    const { lastSeq } = await bus.streams.info(STREAMS.events.name);
    if (eventSeq < lastSeq) {
      await new Promise<void>((done) => {
        caughtUpAt = lastSeq;
        const cancel = clock.after(CATCH_UP_MS, done);
        caughtUp = () => {
          cancel();
          done();
        };
      });
    }
    await events.return?.();
    return writer.end();
  }
}
