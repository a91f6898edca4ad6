import { AssignmentSolver } from "./assign.ts";
import { distanceOf, type NearPair, nearPairs, type Place } from "./near.ts";

export type { Place } from "./near.ts";

export interface Cutoff {
  /** Distance at and beyond which two places have nothing to do with each other, m. */
  readonly c: number;
  /** Order of the norm, from 1. OSPA takes infinity too. */
  readonly p: number;
}

const solver = new AssignmentSolver();

export const DEFAULT_CUTOFF: Cutoff = { c: 10, p: 2 };

/**
 * Optimal sub-pattern assignment distance of two sets (Schuhmacher, Vo and Vo, IEEE SP 56(8), 2008): in [0, c]; 0 for two empty
 * sets, c for one. With p infinite, the bottleneck of equally large sets and c otherwise.
 */
export function ospa(truth: readonly Place[], estimate: readonly Place[], { c, p }: Cutoff = DEFAULT_CUTOFF): number {
  const [fewer, more] = truth.length <= estimate.length ? [truth, estimate] : [estimate, truth];
  if (more.length === 0) return 0;
  if (fewer.length === 0) return c;
  if (p === Number.POSITIVE_INFINITY) return fewer.length === more.length ? bottleneck(fewer, more, c) : c;
  const { cost, columns } = assignment(fewer, more, { c, p });
  const sum = columns.reduce((total, column, row) => total + cost[row * more.length + column]!, 0);
  return root((sum + power(c, p) * (more.length - fewer.length)) / more.length, p);
}

/** GOSPA and what it is made of: p-th powers, so that the parts add up to the whole's. */
export interface Gospa {
  /** The distance itself, m. */
  readonly distance: number;
  readonly localisation: number;
  readonly missed: number;
  readonly false: number;
  /** Truths and estimates that belong together. */
  readonly pairs: readonly { readonly truth: number; readonly estimate: number; readonly distance: number }[];
}

/**
 * Generalised OSPA with alpha = 2 (Rahmathullah, García-Fernández and Svensson, Fusion 2017): localisation of what was found, and c^p/2
 * for each truth missed and each estimate that is none. A pair exactly c apart is one of each.
 */
export function gospa(truth: readonly Place[], estimate: readonly Place[], { c, p }: Cutoff = DEFAULT_CUTOFF): Gospa {
  const pairs = groupsOf(nearPairs(truth, estimate, c).filter(({ distance }) => distance < c))
    .flatMap((group) => bestOf(group, { c, p }))
    .sort((one, other) => one.truth - other.truth);
  const localisation = pairs.reduce((sum, { distance }) => sum + power(distance, p), 0);
  const half = power(c, p) / 2;
  const missed = half * (truth.length - pairs.length);
  const extra = half * (estimate.length - pairs.length);
  return { distance: root(localisation + missed + extra, p), localisation, missed, false: extra, pairs };
}

/** Pairs that share a truth or an estimate, directly or over others: no choice in one group bears on another. */
function groupsOf(pairs: readonly NearPair[]): NearPair[][] {
  const groupOfTruth = new Map<number, NearPair[]>();
  const groups = new Set<NearPair[]>();
  let group: NearPair[] = [];
  pairs.forEach((pair, index) => {
    if (index === 0 || pairs[index - 1]!.b !== pair.b) groups.add((group = []));
    const other = groupOfTruth.get(pair.a) ?? [];
    if (other !== group) {
      const [small, large] = other.length < group.length ? [other, group] : [group, other];
      for (const one of small) groupOfTruth.set(one.a, large);
      large.push(...small);
      groups.delete(small);
      groups.add((group = large));
    }
    group.push(pair);
    groupOfTruth.set(pair.a, group);
  });
  return [...groups];
}

/** The truths and estimates of a group that belong together at the least total cost. */
function bestOf(group: readonly NearPair[], { c, p }: Cutoff): { truth: number; estimate: number; distance: number }[] {
  const truths = [...new Set(group.map(({ a }) => a))].sort((one, other) => one - other);
  const estimates = [...new Set(group.map(({ b }) => b))].sort((one, other) => one - other);
  const isSwapped = truths.length > estimates.length;
  const [rows, columns] = isSwapped ? [estimates, truths] : [truths, estimates];
  const cost = new Float64Array(rows.length * columns.length).fill(power(c, p));
  const pairAt = new Map<number, NearPair>();
  for (const pair of group) {
    const [row, column] = isSwapped ? [rows.indexOf(pair.b), columns.indexOf(pair.a)] : [rows.indexOf(pair.a), columns.indexOf(pair.b)];
    const at = row * columns.length + column;
    cost[at] = power(pair.distance, p);
    pairAt.set(at, pair);
  }
  const taken = solver.solve(cost, rows.length, columns.length);
  return rows.flatMap((_, row) => {
    const pair = pairAt.get(row * columns.length + taken[row]!);
    return pair === undefined ? [] : [{ truth: pair.a, estimate: pair.b, distance: pair.distance }];
  });
}

/** Follows which track each truth has, over many frames. */
export class IdentityScore {
  readonly #tracksOf = new Map<string, string[]>();
  readonly #truthsOf = new Map<string, Map<string, number>>();
  /** How often a truth changed from one track to another; gaps do not count. */
  switches = 0;

  /** `pairs` of one frame: truth and track that belong together. */
  take(pairs: Iterable<readonly [truth: string, track: string]>): void {
    for (const [truth, track] of pairs) {
      const tracks = this.#tracksOf.get(truth) ?? [];
      if (tracks.length > 0 && tracks.at(-1) !== track) this.switches += 1;
      if (tracks.at(-1) !== track) tracks.push(track);
      this.#tracksOf.set(truth, tracks);
      const truths = this.#truthsOf.get(track) ?? new Map<string, number>();
      truths.set(truth, (truths.get(truth) ?? 0) + 1);
      this.#truthsOf.set(track, truths);
    }
  }

  /** Distinct tracks of a truth beyond the first; 0 for one never tracked. */
  fragmentation(truth: string): number {
    return Math.max(0, new Set(this.#tracksOf.get(truth)).size - 1);
  }

  /** Share of a track's frames that belong to its most frequent truth; null for one that never belonged to any. */
  purity(track: string): number | null {
    const counts = [...(this.#truthsOf.get(track)?.values() ?? [])];
    return counts.length === 0 ? null : Math.max(...counts) / counts.reduce((sum, count) => sum + count, 0);
  }

  meanPurity(): number | null {
    const values = [...this.#truthsOf.keys()].map((track) => this.purity(track)!);
    return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
  }
}

export interface Siap {
  /** Share of the truths that are tracked. */
  readonly completeness: number | null;
  /** Tracks per tracked truth. */
  readonly ambiguity: number | null;
  /** Share of the tracks that belong to no truth. */
  readonly spuriousness: number | null;
}

/** Single integrated air picture (Votruba and others, "Single Integrated Air Picture (SIAP) Metrics", 2001), over frames. */
export class SiapScore {
  #truths = 0;
  #tracked = 0;
  #tracks = 0;
  #assigned = 0;

  /** Each track belongs to the nearest truth within c; several may share one. */
  take(truth: readonly Place[], tracks: readonly Place[], c = DEFAULT_CUTOFF.c): void {
    const owners = new Map<number, NearPair>();
    for (const pair of nearPairs(truth, tracks, c))
      if (!(pair.distance >= (owners.get(pair.b)?.distance ?? Number.POSITIVE_INFINITY))) owners.set(pair.b, pair);
    this.#truths += truth.length;
    this.#tracks += tracks.length;
    this.#tracked += new Set([...owners.values()].map(({ a }) => a)).size;
    this.#assigned += owners.size;
  }

  score(): Siap {
    const ratio = (part: number, whole: number): number | null => (whole === 0 ? null : part / whole);
    return {
      completeness: ratio(this.#tracked, this.#truths),
      ambiguity: ratio(this.#assigned, this.#tracked),
      spuriousness: ratio(this.#tracks - this.#assigned, this.#tracks),
    };
  }
}

function assignment(
  fewer: readonly Place[],
  more: readonly Place[],
  { c, p }: Cutoff,
): { readonly cost: Float64Array; readonly columns: Int32Array } {
  const cost = new Float64Array(fewer.length * more.length);
  fewer.forEach((one, row) => {
    more.forEach((other, column) => {
      cost[row * more.length + column] = power(Math.min(distanceOf(one, other), c), p);
    });
  });
  return { cost, columns: solver.solve(cost, fewer.length, more.length).slice(0, fewer.length) };
}

/** The least largest distance of a perfect matching: bisection over the distances that occur. */
function bottleneck(one: readonly Place[], other: readonly Place[], c: number): number {
  const distances = one.flatMap((a) => other.map((b) => Math.min(distanceOf(a, b), c)));
  const levels = [...new Set(distances)].sort((a, b) => a - b);
  let [low, high] = [0, levels.length - 1];
  while (low < high) {
    const middle = (low + high) >>> 1;
    const over = Float64Array.from(distances, (d) => (d <= levels[middle]! ? 0 : 1));
    const columns = solver.solve(over, one.length, other.length).subarray(0, one.length);
    const fits = columns.every((column, row) => over[row * other.length + column] === 0);
    if (fits) high = middle;
    else low = middle + 1;
  }
  return levels[low]!;
}

function power(value: number, p: number): number {
  if (p === 1) return value;
  return p === 2 ? value * value : value === 0 ? 0 : Math.exp(p * Math.log(value));
}

function root(value: number, p: number): number {
  if (p === 1) return value;
  return p === 2 ? Math.sqrt(value) : value === 0 ? 0 : Math.exp(Math.log(value) / p);
}
