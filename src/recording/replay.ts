import { QikiError } from "#base/error.ts";
import { MSG_ID_HEADER } from "#contracts/message.ts";
import { RECORDING_PREFIX, SUBJECTS } from "#contracts/subjects.ts";
import { payloadBytes } from "./line.ts";
import { type StepKind, stepsOf } from "./playback.ts";
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
  /** Event time that the window counts from, s since 1970; by default that of the first row. */
  readonly firstS?: number;
  /** Published before the rows, flagged `x-qiki-seek`: what is known at the moment of a seek. */
  readonly lastValues?: readonly RecordingRow[];
  readonly replayId: string;
  readonly nowMs: () => number;
  /** Resolves after the delay. */
  readonly wait: (delayMs: number) => Promise<void>;
  /** Awaited before each message: a pause holds the replay up, and the time of it does not count. */
  readonly gate?: { readonly isPaused: boolean; passed(): Promise<void> };
  /** Instead of a pace: each step is published when this resolves; false ends the replay. */
  readonly steps?: { readonly by: StepKind; readonly next: () => Promise<boolean> };
}

export interface ReplaySummary {
  readonly published: number;
  readonly skipped: number;
}

export const REPLAY_HEADER = "x-qiki-replay";
export const SEEK_HEADER = "x-qiki-seek";

/** Yields to the event loop after so many messages when nothing is waited for. */
const YIELD_MESSAGES = 1000;
/** A pause is looked for at least so often. */
const WAIT_MS_MAX = 100;

/** Publishes a recording's rows in file order at their recorded distances (operations §8). @throws QikiError usage */
export async function replayRecording(rows: Iterable<RecordingRow>, options: ReplayOptions): Promise<ReplaySummary> {
  const { speed } = options;
  if (speed !== "no_timing" && !(Number.isFinite(speed) && speed > 0)) {
    throw new QikiError("usage", `speed ${String(speed)} is not possible: give a number above 0, or --no-timing`);
  }
  const replay = new Replay(options);
  for (const row of options.lastValues ?? []) replay.send(row, { [SEEK_HEADER]: "1" });
  if (options.steps === undefined) for (const row of replay.asked(rows)) await replay.sendInTime(row);
  else
    for (const step of stepsOf(replay.asked(rows), options.steps.by)) {
      if (!(await options.steps.next())) break;
      for (const row of step) replay.send(row);
    }
  return replay.summary;
}

class Replay {
  readonly #options: ReplayOptions;
  #published = 0;
  #skipped = 0;
  #startedMs: number;
  #windowStartS: number | undefined;

  constructor(options: ReplayOptions) {
    this.#options = options;
    this.#startedMs = options.nowMs();
  }

  get summary(): ReplaySummary {
    return { published: this.#published, skipped: this.#skipped };
  }

  /** The rows that are to be published. */
  *asked(rows: Iterable<RecordingRow>): Generator<RecordingRow> {
    const { withCommands, fromS = 0, toS = Number.POSITIVE_INFINITY } = this.#options;
    let { firstS } = this.#options;
    for (const row of rows) {
      const { subject, ts_epoch: timeS } = row.head;
      firstS ??= timeS;
      const offsetS = timeS - firstS;
      const isOutside = offsetS < fromS || offsetS >= toS;
      if (isOutside || subject.startsWith(RECORDING_PREFIX) || (subject === SUBJECTS.commands && !withCommands)) this.#skipped += 1;
      else yield row;
    }
  }

  async sendInTime(row: RecordingRow): Promise<void> {
    const { speed, nowMs, wait } = this.#options;
    const { ts_epoch: timeS } = row.head;
    if (this.#windowStartS === undefined) {
      this.#windowStartS = timeS;
      this.#startedMs = nowMs();
    }
    if (speed === "no_timing") {
      if (this.#published % YIELD_MESSAGES === 0) await wait(0);
      await this.#passGate();
    } else
      for (;;) {
        await this.#passGate();
        const delayMs = this.#startedMs + ((timeS - this.#windowStartS) * 1000) / speed - nowMs();
        if (delayMs <= 0) break;
        await wait(this.#options.gate === undefined ? delayMs : Math.min(delayMs, WAIT_MS_MAX));
      }
    this.send(row);
  }

  send(row: RecordingRow, more: Readonly<Record<string, string>> = {}): void {
    const { publish, replayId } = this.#options;
    const { subject, headers } = row.head;
    const msgId = headers?.[MSG_ID_HEADER];
    publish(subject, payloadBytes(row.dataJson), {
      headers: { ...headers, [REPLAY_HEADER]: replayId, ...more },
      ...(msgId === undefined ? {} : { msgId: `${msgId}#${replayId}` }),
    });
    this.#published += 1;
  }

  async #passGate(): Promise<void> {
    const { gate, nowMs } = this.#options;
    while (gate?.isPaused === true) {
      const pausedMs = nowMs();
      await gate.passed();
      this.#startedMs += nowMs() - pausedMs;
    }
  }
}
