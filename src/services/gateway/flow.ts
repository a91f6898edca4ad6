import type { LogTopic } from "./hub.ts";

/** What one flush brings a console up to: a state number, and the last item of each log in it. */
export interface Flush {
  readonly seq?: number;
  readonly logs: ReadonlyMap<LogTopic, number>;
}

/** What a console has been sent and has not acknowledged yet. */
export interface Flow {
  readonly unacked: number;
  /** Since when the console has made no progress although it owes an acknowledgement, monotonic ms; undefined when it owes none. */
  readonly stuckSinceMs: number | undefined;
  sent(flush: Flush, nowMs: number): void;
  /** Takes out the flushes that the console has applied: those up to its state number and its position in every log. */
  acknowledge(seq: number, positions: Readonly<Record<string, unknown>>, nowMs: number): void;
  /** The console threw away the state that is on its way and gets a snapshot instead. */
  forgetState(): void;
}

interface Sent extends Flush {
  readonly atMs: number;
}

export function createFlow(): Flow {
  let waiting: Sent[] = [];
  let progressMs = 0;

  return {
    get unacked() {
      return waiting.length;
    },
    get stuckSinceMs() {
      const oldest = waiting[0];
      return oldest === undefined ? undefined : Math.max(oldest.atMs, progressMs);
    },
    sent(flush, nowMs) {
      waiting.push({ ...flush, atMs: nowMs });
    },
    acknowledge(seq, positions, nowMs) {
      const open = waiting.findIndex((flush) => !isApplied(flush, seq, positions));
      const applied = open < 0 ? waiting.length : open;
      if (applied === 0) return;
      waiting = waiting.slice(applied);
      progressMs = nowMs;
    },
    forgetState() {
      waiting = waiting.filter((flush) => flush.logs.size > 0).map(({ logs, atMs }) => ({ logs, atMs }));
    },
  };
}

function isApplied(flush: Flush, seq: number, positions: Readonly<Record<string, unknown>>): boolean {
  if (flush.seq !== undefined && flush.seq > seq) return false;
  for (const [topic, last] of flush.logs) {
    const position = positions[topic];
    if (typeof position !== "number" || position < last) return false;
  }
  return true;
}
