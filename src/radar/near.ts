import { assert } from "#base/assert.ts";

/** A place in two or three dimensions, m. */
export type Place = readonly number[];

/** Two places, by their indices, and how far apart they are, m. */
export interface NearPair {
  readonly a: number;
  readonly b: number;
  readonly distance: number;
}

/** Pairs of the two sets at most `c` apart, by `b`, then `a`: a sweep over the first axis, so that large sets need not meet pair by pair. */
export function nearPairs(one: readonly Place[], other: readonly Place[], c: number): readonly NearPair[] {
  const order = one.map((_, index) => index).sort((i, j) => one[i]![0]! - one[j]![0]! || i - j);
  const xs = Float64Array.from(order, (index) => one[index]![0]!);
  return other.flatMap((place, b) => {
    const near: NearPair[] = [];
    for (let at = lowerBound(xs, place[0]! - c); at < xs.length && xs[at]! <= place[0]! + c; at += 1) {
      const a = order[at]!;
      const apart = distanceOf(one[a]!, place);
      if (apart <= c) near.push({ a, b, distance: apart });
    }
    return near.sort((left, right) => left.a - right.a);
  });
}

export function distanceOf(a: Place, b: Place): number {
  assert(a.length === b.length, "places of the same dimension", { a: a.length, b: b.length });
  return Math.hypot(...a.map((value, axis) => value - b[axis]!));
}

/** First place in ascending values that is not below a limit. */
function lowerBound(values: Float64Array, limit: number): number {
  let [low, high] = [0, values.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (values[middle]! < limit) low = middle + 1;
    else high = middle;
  }
  return low;
}
