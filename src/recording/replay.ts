import { QikiError } from "#base/error.ts";
import { MSG_ID_HEADER } from "#contracts/message.ts";
import { RECORDING_PREFIX, SUBJECTS } from "#contracts/subjects.ts";
import { payloadBytes } from "./line.ts";
import type { RecordingRow } from "./row.ts";

export interface ReplayOptions {
  /** Sends one message; the bus of the caller. */
  readonly publish: (
    subject: string,
    bytes: Uint8Array,
    options: { readonly headers: Readonly<Record<string, string>>; readonly msgId?: string },
  ) => void;
  /** Times real time, or "no_timing": as fast as it goes. */
  readonly speed: number | "no_timing";
  /** Publishes recorded commands too; without it they stay in the file. */
  readonly withCommands: boolean;
  /** Window of event time in seconds from the first row: from <= t < to. */
  readonly fromS?: number;
  readonly toS?: number;
  readonly replayId: string;
  readonly nowMs: () => number;
  /** Resolves after the delay. */
  readonly wait: (delayMs: number) => Promise<void>;
}

export interface ReplaySummary {
  readonly published: number;
  readonly skipped: number;
}

/** Yields to the event loop after so many messages when nothing is waited for. */
const YIELD_MESSAGES = 1000;

/** Publishes a recording's rows in file order at their recorded distances (operations §8). @throws QikiError usage */
export async function replayRecording(rows: Iterable<RecordingRow>, options: ReplayOptions): Promise<ReplaySummary> {
  const { publish, speed } = options;
  if (speed !== "no_timing" && !(Number.isFinite(speed) && speed > 0)) {
    throw new QikiError("usage", `speed ${String(speed)} is not possible: give a number above 0, or --no-timing`);
  }
  let published = 0;
  let skipped = 0;
  let firstS: number | undefined;
  let startedMs = options.nowMs();
  let windowStartS: number | undefined;
  for (const row of rows) {
    const { subject, ts_epoch: timeS, headers } = row.head;
    firstS ??= timeS;
    const offsetS = timeS - firstS;
    const outside = offsetS < (options.fromS ?? 0) || offsetS >= (options.toS ?? Number.POSITIVE_INFINITY);
    if (outside || subject.startsWith(RECORDING_PREFIX) || (subject === SUBJECTS.commands && !options.withCommands)) {
      skipped += 1;
      continue;
    }
    if (windowStartS === undefined) {
      windowStartS = timeS;
      startedMs = options.nowMs();
    }
    if (speed !== "no_timing") {
      const delayMs = startedMs + ((timeS - windowStartS) * 1000) / speed - options.nowMs();
      if (delayMs > 0) await options.wait(delayMs);
    } else if (published % YIELD_MESSAGES === 0) await options.wait(0);
    const msgId = headers?.[MSG_ID_HEADER];
    publish(subject, payloadBytes(row.dataJson), {
      headers: { ...headers, "x-qiki-replay": options.replayId },
      ...(msgId === undefined ? {} : { msgId: `${msgId}#${options.replayId}` }),
    });
    published += 1;
  }
  return { published, skipped };
}
