import { rmSync } from "node:fs";
import { QikiError } from "#base/error.ts";
import type { Bus, Msg, Subscription } from "#bus/port.ts";
import type { RecordingMeta } from "#contracts/recording.ts";
import { STREAMS } from "#contracts/streams.ts";
import { EVENTS_PREFIX, QUERY_PREFIX, RADAR_PREFIX, SUBJECTS } from "#contracts/subjects.ts";
import { GapWatch } from "#recording/gap-watch.ts";
import { openRecordingWriter, type WriterStats } from "#recording/writer.ts";
import type { Clock } from "./clock.ts";
import { KEYFRAME_TICKS } from "./keyframe.ts";
import type { Log } from "./log.ts";
import { isRecord, parsed } from "./query-words.ts";

export interface RecordingSessionOptions {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly log: Log;
  readonly path: string;
  readonly force: boolean;
  readonly meta: RecordingMeta;
  /** The file is left for the next segment at the first keyframe of the sim from this size on. */
  readonly segmentBytes: number;
  /** Fresh meta for a segment that begins now. */
  readonly nextMeta: () => RecordingMeta;
  /** A segment was closed and the next one begun. */
  readonly onRolled: () => void;
  /** Nothing more is recorded, and why. */
  readonly onFailure: (problem: string) => void;
}

export interface RecordingSession {
  readonly path: string;
  readonly recordingId: string;
  /** Why nothing more is recorded, undefined while it is. */
  problem(): string | undefined;
  stats(): WriterStats;
  /** Takes what the event stream still holds, writes the `end` row, closes. */
  stop(): Promise<WriterStats>;
}

/** Streams recorded by a consumer, so that the order in the file is that of the stream. */
const RECORDED_STREAMS = [STREAMS.events.name, STREAMS.radar.name];
/** Prefixes of what is not taken from core: the streams bring it, or it is no record. */
const NOT_CORE = [EVENTS_PREFIX, RADAR_PREFIX, QUERY_PREFIX];
/** Subjects beside the streams; one subscription for all keeps a publisher's own order. */
const CORE_PATTERN = "qiki.>";
const PENDING_MAX = 65_536;
const CATCH_UP_MS = 5000;

/** Writes everything a proof needs to one file: telemetry, commands, answers, hashes, keyframes, and the streams in their order. */
export async function openRecordingSession(options: RecordingSessionOptions): Promise<RecordingSession> {
  const { bus, clock, log } = options;
  let problem: string | undefined;
  const writer = await openRecordingWriter({
    path: options.path,
    force: options.force,
    meta: options.meta,
    nowMs: () => clock.nowMs(),
    onRolled() {
      // The keyframes of a moment come one by one: a set made anew is whole whatever was on its way meanwhile.
      bus.publish(SUBJECTS.recordKeyframeGet, new Uint8Array());
      options.onRolled();
    },
    onFailure(error) {
      problem = error.message;
      log.error({ err: error }, "recording stopped");
      options.onFailure(error.message);
    },
  });
  const gaps = new GapWatch();
  let stopping: Promise<WriterStats> | undefined;

  /** The file that was told to end, and at which tick. */
  let rolled: { readonly path: string; readonly tick: number } | undefined;

  /** At a periodic keyframe of the sim a file that is large enough ends: the next one begins with it. */
  function rollIfDue(message: Pick<Msg, "subject" | "bytes">): void {
    if (message.subject !== SUBJECTS.recordKeyframe) return;
    const { segmentBytes, segmentPath } = writer.stats();
    if (segmentBytes < options.segmentBytes || segmentPath === rolled?.path) return;
    const payload = parsed(message.bytes);
    if (!isRecord(payload) || payload.role !== "sim" || typeof payload.tick !== "number") return;
    const { tick } = payload;
    // The one that this very roll asks for is none.
    if (tick % KEYFRAME_TICKS !== 0 || tick === rolled?.tick) return;
    rolled = { path: segmentPath, tick };
    writer.roll({ ...options.nextMeta(), recording_id: options.meta.recording_id });
  }

  function take(message: Pick<Msg, "subject" | "bytes" | "headers">, streamSeq?: number): void {
    rollIfDue(message);
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

  const { core, readers } = await listen().catch(async (error: unknown) => {
    // Of a recording that never heard anything there is nothing worth keeping.
    await writer.end().catch(() => {});
    rmSync(options.path, { force: true });
    throw error;
  });
  for (const reader of readers)
    reader.done.catch((error: unknown) => {
      if (error instanceof QikiError && error.code === "closed") return;
      problem = `the stream ${reader.stream} cannot be read: ${(error as Error).message}`;
      log.error({ err: error }, problem);
    });

  return {
    path: options.path,
    recordingId: options.meta.recording_id,
    problem: () => problem,
    stats: () => writer.stats(),
    stop: () => (stopping ??= stop()),
  };

  async function listen(): Promise<{ readonly core: Subscription; readonly readers: readonly StreamReader[] }> {
    const subscription = bus.subscribe(
      CORE_PATTERN,
      (msg) => {
        if (!NOT_CORE.some((prefix) => msg.subject.startsWith(prefix))) take(msg);
      },
      { name: `recorder.${options.meta.recording_id.slice(0, 8)}`, maxPending: PENDING_MAX, overflow: "drop_newest" },
    );
    const opening = RECORDED_STREAMS.map((stream) => openReader(bus, clock, stream, take));
    try {
      return { core: subscription, readers: await Promise.all(opening) };
    } catch (error) {
      subscription.unsubscribe();
      for (const reader of await Promise.allSettled(opening))
        if (reader.status === "fulfilled") await reader.value.finish().catch(() => {});
      throw error;
    }
  }

  async function stop(): Promise<WriterStats> {
    await core.drain();
    for (const reader of readers) await reader.finish();
    return writer.end();
  }
}

interface StreamReader {
  readonly stream: string;
  /** Rejects when the stream cannot be read any more. */
  readonly done: Promise<void>;
  /** Takes what the stream holds by now, waiting for it at most so long, and ends. */
  finish(): Promise<void>;
}

/** Hands on every message of a stream from now on, in its order. */
async function openReader(
  bus: Bus,
  clock: Clock,
  stream: string,
  take: (message: Pick<Msg, "subject" | "bytes" | "headers">, streamSeq: number) => void,
): Promise<StreamReader> {
  let takenSeq = (await bus.streams.info(stream)).lastSeq;
  let caughtUp: (() => void) | undefined;
  let caughtUpAt = Number.POSITIVE_INFINITY;
  const messages = bus.consume(stream, { deliver: "new" });

  async function read(): Promise<void> {
    for await (const message of messages) {
      take(message, message.seq);
      takenSeq = message.seq;
      message.ack();
      if (takenSeq >= caughtUpAt) caughtUp?.();
    }
  }

  return {
    stream,
    done: read(),
    async finish() {
      // During an outage there is nothing to take.
      const lastSeq = bus.status().state === "connected" ? (await bus.streams.info(stream)).lastSeq : takenSeq;
      if (takenSeq < lastSeq) {
        await new Promise<void>((resolve) => {
          caughtUpAt = lastSeq;
          const cancel = clock.after(CATCH_UP_MS, resolve);
          caughtUp = () => {
            cancel();
            resolve();
          };
        });
      }
      await messages.return?.();
    },
  };
}
