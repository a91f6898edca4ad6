import { type ReadonlySignal, signal } from "@preact/signals-core";

/** Past values of a path, oldest first; a gap stands as null between the points around it. */
export interface Series {
  readonly timesS: readonly number[];
  readonly values: readonly (number | null)[];
}

/** Change per second over a stated span of simulated time, or none while too little is known. */
export type Rate = { readonly kind: "value"; readonly perS: number; readonly overS: number } | { readonly kind: "absent" };

/** How long a value has stood still; `atLeast` when it did so for all that is known. */
export interface Unchanged {
  readonly forS: number;
  readonly atLeast: boolean;
}

/** What numeric telemetry paths were at the ticks received, for trends and rates; bounded, and of one run only. */
export interface History {
  /** Grows with every sample and with every clearing. */
  readonly version: ReadonlySignal<number>;
  series(path: string): Series;
  /** Difference quotient of the newest value and the oldest one within `windowS`, with no gap between them. */
  rate(path: string, windowS?: number): Rate;
  unchanged(paths: readonly string[]): Unchanged | undefined;
}

export interface RecordedHistory extends History {
  /** Takes the values at a moment of simulated time; a moment that is not after the last one changes nothing. */
  sample(timeS: number, gapFromS: number, values: Iterable<readonly [path: string, value: unknown]>): void;
  clear(): void;
}

/** An hour at one sample a second. */
export const HISTORY_POINTS = 3600;
export const RATE_WINDOW_S = 60;
/** A shorter span says nothing about a rate. */
export const RATE_SPAN_MIN_S = 5;

export function createHistory(capacity = HISTORY_POINTS): RecordedHistory {
  const version = signal(0);
  const times = new Float64Array(capacity);
  const isAfterGap = new Uint8Array(capacity);
  /** NaN where a path had no number. */
  const columns = new Map<string, Float64Array>();
  /** Samples ever taken since the last clearing; sample n lies at n % capacity. */
  let taken = 0;

  const oldest = (): number => Math.max(0, taken - capacity);
  const timeAt = (sample: number): number => times[sample % capacity]!;

  function column(path: string): Float64Array {
    let found = columns.get(path);
    if (found === undefined) columns.set(path, (found = new Float64Array(capacity).fill(Number.NaN)));
    return found;
  }

  function sample(timeS: number, gapFromS: number, values: Iterable<readonly [string, unknown]>): void {
    if (taken > 0 && timeS <= timeAt(taken - 1)) return;
    const at = taken % capacity;
    isAfterGap[at] = taken > 0 && timeS - timeAt(taken - 1) > gapFromS ? 1 : 0;
    times[at] = timeS;
    for (const one of columns.values()) one[at] = Number.NaN;
    for (const [path, value] of values) column(path)[at] = typeof value === "number" && Number.isFinite(value) ? value : Number.NaN;
    taken += 1;
    version.value += 1;
  }

  function series(path: string): Series {
    const timesS: number[] = [];
    const values: (number | null)[] = [];
    const found = columns.get(path);
    if (found === undefined) return { timesS, values };
    for (let at = oldest(); at < taken; at += 1) {
      if (isAfterGap[at % capacity] === 1 && timesS.length > 0) {
        timesS.push((timesS.at(-1)! + timeAt(at)) / 2);
        values.push(null);
      }
      const value = found[at % capacity]!;
      timesS.push(timeAt(at));
      values.push(Number.isNaN(value) ? null : value);
    }
    return { timesS, values };
  }

  function rate(path: string, windowS = RATE_WINDOW_S): Rate {
    const found = columns.get(path);
    const newest = taken - 1;
    if (found === undefined || newest < 0 || Number.isNaN(found[newest % capacity]!)) return { kind: "absent" };
    let first = newest;
    while (
      first > oldest() &&
      isAfterGap[first % capacity] === 0 &&
      timeAt(newest) - timeAt(first - 1) <= windowS &&
      !Number.isNaN(found[(first - 1) % capacity]!)
    )
      first -= 1;
    const overS = timeAt(newest) - timeAt(first);
    if (overS < RATE_SPAN_MIN_S) return { kind: "absent" };
    return { kind: "value", perS: (found[newest % capacity]! - found[first % capacity]!) / overS, overS };
  }

  function unchanged(paths: readonly string[]): Unchanged | undefined {
    const all = paths.map((path) => columns.get(path));
    const newest = taken - 1;
    if (newest < 0 || all.some((one) => one === undefined || Number.isNaN(one[newest % capacity]!))) return undefined;
    let first = newest;
    while (first > oldest() && all.every((one) => one![(first - 1) % capacity] === one![newest % capacity])) first -= 1;
    return { forS: timeAt(newest) - timeAt(first), atLeast: first === oldest() };
  }

  return {
    version,
    series,
    rate,
    unchanged,
    sample,
    clear() {
      if (taken === 0) return;
      taken = 0;
      for (const one of columns.values()) one.fill(Number.NaN);
      version.value += 1;
    },
  };
}
