import type { StreamMsg } from "#bus/port.ts";
import type { Clock } from "./clock.ts";
import type { Log } from "./log.ts";

/** Saving takes at most one part in so many of the time: with thousands of tracks it costs as much as many frames. */
const SAVE_COST_PARTS = 20;
/** So long, and so many, frames may wait to be saved; their durable gives them out again after 45 s and lends 512. */
const WAIT_MS_MAX = 5000;
const FRAMES_MAX = 256;
const LOOK_AGAIN_MS = 5;

/** Acknowledges frames when the state that they led to is saved, and sees to it that saving costs little. */
export interface FrameSaver {
  /** A frame has been taken: saves at once where that is urgent, otherwise when saving has been paid for. */
  taken(message: StreamMsg, isUrgent: boolean): void;
  /** Saves what waits; tracking goes on where the disk does not, `problem` says so. */
  settle(): void;
  /** Saves now. @throws what `write` throws */
  save(): void;
  problem(): string | undefined;
}

/** `write` puts the state on the disk; as long as `mayWrite` says no, what is due waits. */
export function createFrameSaver(clock: Clock, log: Log, write: () => void, mayWrite: () => boolean = () => true): FrameSaver {
  const waiting: StreamMsg[] = [];
  let nextSaveMs = 0;
  let cancelTimer: (() => void) | undefined;
  let problem: string | undefined;

  function save(): void {
    cancelTimer?.();
    cancelTimer = undefined;
    const startedMs = clock.monotonicMs();
    write();
    problem = undefined;
    const endedMs = clock.monotonicMs();
    nextSaveMs = endedMs + Math.min(SAVE_COST_PARTS * (endedMs - startedMs), WAIT_MS_MAX);
    acknowledge();
  }

  function acknowledge(): void {
    for (const message of waiting.splice(0)) message.ack();
  }

  function settle(): void {
    if (waiting.length === 0) return;
    if (!mayWrite()) {
      cancelTimer?.();
      cancelTimer = clock.after(LOOK_AGAIN_MS, settle);
      return;
    }
    try {
      save();
    } catch (error) {
      problem = `the tracker's state cannot be saved: ${(error as Error).message}`;
      log.error({ err: error }, problem);
      acknowledge();
    }
  }

  return {
    taken(message, isUrgent) {
      waiting.push(message);
      const waitMs = nextSaveMs - clock.monotonicMs();
      if (isUrgent || waitMs <= 0 || waiting.length >= FRAMES_MAX) settle();
      else cancelTimer ??= clock.after(waitMs, settle);
    },
    settle,
    save,
    problem: () => problem,
  };
}
