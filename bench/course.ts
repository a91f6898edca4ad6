import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { gospa, IdentityScore, type Place, SiapScore } from "#radar/metrics.ts";
import type { Tracker } from "#radar/tracker.ts";
import { handleOf, STATUS } from "#radar/tracks.ts";
import { quantile, rounded } from "./harness.ts";

export const WARM_UP_SCANS = 20;
export const SCANS = 100;

/** Scans of a made-up world for a tracker to follow, whose truth is known. */
export interface Course {
  /** Places of the targets at a scan. */
  truth(scan: number): readonly Place[];
  /** Cutoff of GOSPA and SIAP, m; p is 2. */
  readonly c: number;
  /** A fresh tracker at the start. */
  begin(): Follower;
}

export interface Follower {
  readonly tracker: Tracker;
  /** Brings a scan's plots up to the tracker's door; not timed. */
  prepare(scan: number): void;
  /** What is timed. */
  scan(scan: number): void;
}

export interface CourseResult {
  /** Live tracks carried through a scan, a second of its time. */
  readonly updatesPerS: number;
  readonly scanMs: readonly number[];
  /** Confirmed tracks after the last scan: what a fast wrong tracker would get wrong. */
  readonly confirmed: number;
}

/** Follows a course and times its scans after the warm-up. */
export function runCourse(course: Course): CourseResult {
  const follower = course.begin();
  const { tracker } = follower;
  const scanMs: number[] = [];
  let updates = 0;
  let elapsedMs = 0;
  for (let scan = 0; scan < WARM_UP_SCANS + SCANS; scan += 1) {
    follower.prepare(scan);
    const live = tracker.table.tracks.length;
    const startedMs = performance.now();
    follower.scan(scan);
    const scanTime = performance.now() - startedMs;
    if (scan < WARM_UP_SCANS) continue;
    scanMs.push(scanTime);
    elapsedMs += scanTime;
    updates += live;
  }
  const confirmed = tracker.table.tracks.filter(({ status }) => status !== STATUS.new).length;
  return { updatesPerS: (updates * 1000) / elapsedMs, scanMs, confirmed };
}

/** How good the tracks are (radar §8): GOSPA and its parts as RMS over scans, identity, SIAP; and by how much the heap grows. */
export function scoreCourse(course: Course): string {
  const follower = course.begin();
  const totals = { gospa: 0, localisation: 0, missed: 0, false: 0 };
  const identity = new IdentityScore();
  const siap = new SiapScore();
  for (let scan = 0; scan < WARM_UP_SCANS + SCANS; scan += 1) {
    follower.prepare(scan);
    follower.scan(scan);
    if (scan < WARM_UP_SCANS) continue;
    const { tracks, states } = follower.tracker.table;
    const confirmed = tracks.filter(({ status }) => status !== STATUS.new);
    const truth = course.truth(scan);
    const estimates = confirmed.map(
      ({ row }): Place => (truth[0]!.length === 2 ? [states[row]!, states[row + 1]!] : Array.from(states.subarray(row, row + 3))),
    );
    const score = gospa(truth, estimates, { c: course.c, p: 2 });
    totals.gospa += score.distance * score.distance;
    totals.localisation += score.localisation;
    totals.missed += score.missed;
    totals.false += score.false;
    identity.take(score.pairs.map(({ truth: one, estimate }) => [String(one), handleOf(confirmed[estimate]!.birth)]));
    siap.take(truth, estimates, course.c);
  }
  const rms = Object.entries(totals).map(([name, total]): [string, number] => [name, Math.sqrt(total / SCANS)]);
  const scores = { ...Object.fromEntries(rms), switches: identity.switches, purity: identity.meanPurity(), ...siap.score() };
  const said = Object.entries(scores).map(([name, value]) => `${name} ${value === null ? "none" : rounded(value)}`);
  return [...said, `heap growth ${rounded(heapGrowthKb(course))} kB`].join(", ");
}

/** Notes and figure of a course, run `passes` times in each measurement. */
export function courseFigure(make: () => Course, passes: number): { run(): number; p99Ms(): number; note(): string } {
  let course: Course | undefined;
  let confirmed: number | undefined;
  let scanMs: number[] = [];
  return {
    run() {
      course ??= make();
      scanMs = [];
      const rates: number[] = [];
      for (let pass = 0; pass < passes; pass += 1) {
        const result = runCourse(course);
        if (confirmed !== undefined && confirmed !== result.confirmed)
          throw new Error(`${result.confirmed} confirmed tracks, the run before had ${confirmed}`);
        confirmed = result.confirmed;
        scanMs.push(...result.scanMs);
        rates.push(result.updatesPerS);
      }
      return quantile(rates, 0.5);
    },
    p99Ms: () => quantile(scanMs, 0.99),
    note() {
      const times = `p50 ${rounded(quantile(scanMs, 0.5))} ms, p99 ${rounded(quantile(scanMs, 0.99))} ms`;
      const text = `${times}, ${confirmed} confirmed, ${scoreCourse(course!)}`;
      course = undefined;
      return text;
    },
  };
}

/** What is left on the heap of the scans after the warm-up, kB. */
function heapGrowthKb(course: Course): number {
  const follower = course.begin();
  let before = 0;
  for (let scan = 0; scan < WARM_UP_SCANS + SCANS; scan += 1) {
    if (scan === WARM_UP_SCANS) before = heapBytes();
    follower.prepare(scan);
    follower.scan(scan);
  }
  return (heapBytes() - before) / 1024;
}

function heapBytes(): number {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
  return process.memoryUsage().heapUsed;
}
