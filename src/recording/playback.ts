import { EVENTS_PREFIX } from "#contracts/subjects.ts";
import { RUN_HEADER } from "#contracts/message.ts";
import type { RecordingRow } from "./row.ts";

/** How far one step of a replay goes. */
export type StepKind = "event" | "tick";

/**
 * The rows of a recording in steps, in file order: up to and with the next event, or all of the next tick that has any. What has no
 * tick, such as a command, belongs to the tick before it.
 */
export function* stepsOf(rows: Iterable<RecordingRow>, by: StepKind): Generator<readonly RecordingRow[]> {
  let step: RecordingRow[] = [];
  let tick: number | undefined;
  let run: string | undefined;
  for (const row of rows) {
    const { subject, tick: rowTick, headers } = row.head;
    const rowRun = headers?.[RUN_HEADER] ?? run;
    const isLater = rowTick !== undefined && tick !== undefined && (rowTick > tick || rowRun !== run);
    if (by === "tick" && isLater && step.length > 0) {
      yield step;
      step = [];
      tick = undefined;
    }
    step.push(row);
    if (rowTick !== undefined) {
      tick = Math.max(rowTick, tick ?? 0);
      run = rowRun;
    }
    if (by === "event" && subject.startsWith(EVENTS_PREFIX)) {
      yield step;
      step = [];
    }
  }
  if (step.length > 0) yield step;
}

/** Holds a replay up: whoever waits goes on when it is resumed. */
export class PauseGate {
  #resume: (() => void) | undefined;
  #gate: Promise<void> | undefined;

  get isPaused(): boolean {
    return this.#gate !== undefined;
  }

  pause(): void {
    this.#gate ??= new Promise((done) => {
      this.#resume = done;
    });
  }

  resume(): void {
    this.#resume?.();
    this.#gate = undefined;
  }

  /** Resolves at once unless paused, else when resumed. */
  passed(): Promise<void> {
    return this.#gate ?? Promise.resolve();
  }
}
