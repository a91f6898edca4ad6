import { type RandomStream, randomStream } from "#base/random.ts";
import { gospa, IdentityScore, type Place, SiapScore } from "#radar/metrics.ts";
import { Plots } from "#radar/plots.ts";
import { sensorSettingsOf, trackerSettingsOf } from "#radar/test-rig.ts";
import { Tracker } from "#radar/tracker.ts";
import { handleOf, STATUS } from "#radar/tracks.ts";

/**
 * Scenario S6 (radar §9.2): N targets on straight lines at 10 to 30 m/s in a square with one target per (300 m)², walls reflect them;
 * a scan a second, errors of 5 m on each axis.
 */
export const WARM_UP_SCANS = 20;
export const SCANS = 100;
const CELL_M = 300;
const SIGMA_M = 5;
const CUTOFF = { c: 30, p: 2 };

export interface LadderOptions {
  readonly targets: number;
  readonly pd: number;
  /** Mean number of false plots in a scan. */
  readonly clutter: number;
}

export interface LadderScene {
  readonly options: LadderOptions;
  /** x and y of every plot, scan by scan. */
  readonly scans: readonly Float64Array[];
  /** x and y of every target, scan by scan. */
  readonly truth: readonly Float64Array[];
}

export function ladderScene(options: LadderOptions): LadderScene {
  const { targets, pd, clutter } = options;
  const stream = randomStream(`ladder/${targets}/${pd}/${clutter}`);
  const sideM = CELL_M * Math.sqrt(targets);
  const state = new Float64Array(targets * 4);
  for (let at = 0; at < state.length; at += 4) {
    const [speed, course] = [10 + 20 * stream.uniform(), 2 * Math.PI * stream.uniform()];
    state.set([sideM * stream.uniform(), sideM * stream.uniform(), speed * Math.cos(course), speed * Math.sin(course)], at);
  }
  const scans: Float64Array[] = [];
  const truth: Float64Array[] = [];
  for (let scan = 0; scan < WARM_UP_SCANS + SCANS; scan += 1) {
    move(state, sideM);
    const plots: number[] = [];
    const places = new Float64Array(targets * 2);
    for (let at = 0, place = 0; at < state.length; at += 4, place += 2) {
      places[place] = state[at]!;
      places[place + 1] = state[at + 1]!;
      if (stream.uniform() < pd) plots.push(state[at]! + SIGMA_M * stream.gaussian(), state[at + 1]! + SIGMA_M * stream.gaussian());
    }
    for (let left = poisson(clutter, stream); left > 0; left -= 1) plots.push(sideM * stream.uniform(), sideM * stream.uniform());
    scans.push(Float64Array.from(plots));
    truth.push(places);
  }
  return { options, scans, truth };
}

export interface LadderResult {
  /** Live tracks carried through a scan, a second of its time. */
  readonly updatesPerS: number;
  readonly scanMs: readonly number[];
  /** Confirmed tracks after the last scan: what a fast wrong tracker would get wrong. */
  readonly confirmed: number;
}

/** Runs our tracker over a scene and times its scans after the warm-up. */
export function runLadder({ options, scans }: LadderScene): LadderResult {
  const { tracker, plots, settings } = ladderTracker(options);
  const scanMs: number[] = [];
  let updates = 0;
  let elapsedMs = 0;
  scans.forEach((places, scan) => {
    fill(plots, places, settings.dims);
    const live = tracker.table.tracks.length;
    const startedMs = performance.now();
    tracker.scan(plots, contextOf(scan));
    const scanTime = performance.now() - startedMs;
    if (scan < WARM_UP_SCANS) return;
    scanMs.push(scanTime);
    elapsedMs += scanTime;
    updates += live;
  });
  const confirmed = tracker.table.tracks.filter(({ status }) => status !== STATUS.new).length;
  return { updatesPerS: (updates * 1000) / elapsedMs, scanMs, confirmed };
}

/** How good the tracks are: GOSPA (c 30 m) and its parts as RMS over scans, identity and SIAP. */
export function scoreLadder({ options, scans, truth }: LadderScene): Readonly<Record<string, number | null>> {
  const { tracker, plots, settings } = ladderTracker(options);
  const totals = { all: 0, localisation: 0, missed: 0, false: 0 };
  const identity = new IdentityScore();
  const siap = new SiapScore();
  scans.forEach((places, scan) => {
    fill(plots, places, settings.dims);
    tracker.scan(plots, contextOf(scan));
    if (scan < WARM_UP_SCANS) return;
    const tracks = tracker.table.tracks.filter(({ status }) => status !== STATUS.new);
    const { states } = tracker.table;
    const estimates: Place[] = tracks.map(({ row }) => [states[row]!, states[row + 1]!]);
    const truths: Place[] = Array.from({ length: options.targets }, (_, n) => [truth[scan]![n * 2]!, truth[scan]![n * 2 + 1]!]);
    const score = gospa(truths, estimates, CUTOFF);
    totals.all += score.distance * score.distance;
    totals.localisation += score.localisation;
    totals.missed += score.missed;
    totals.false += score.false;
    identity.take(score.pairs.map(({ truth: one, estimate }) => [String(one), handleOf(tracks[estimate]!.birth)]));
    siap.take(truths, estimates, CUTOFF.c);
  });
  const rms = (total: number): number => Math.sqrt(total / SCANS);
  return {
    gospa: rms(totals.all),
    localisation: rms(totals.localisation),
    missed: rms(totals.missed),
    false: rms(totals.false),
    switches: identity.switches,
    purity: identity.meanPurity(),
    ...siap.score(),
  };
}

function ladderTracker({ targets, pd, clutter }: LadderOptions) {
  const area = targets * CELL_M * CELL_M;
  const settings = trackerSettingsOf({
    "tracker.dims": 2,
    "tracker.doppler": false,
    "tracker.q": 0.1,
    "tracker.pd": Math.min(pd, 0.999),
    "tracker.extraneous_density": Math.max(clutter, 1) / area,
    "tracker.max_tracks": 100_000,
  });
  return { settings, tracker: new Tracker(settings, sensorSettingsOf()), plots: new Plots() };
}

function contextOf(scan: number): Parameters<Tracker["scan"]>[1] {
  return { timeUs: scan * 1_000_000, frameId: "ladder", tick: scan, looked: { lr: true, sr: true }, ownVelocityMps: undefined };
}

function fill(plots: Plots, places: Float64Array, dims: number): void {
  plots.clear();
  for (let at = 0; at < places.length; at += 2) plots.addPlace(places[at]!, places[at + 1]!, 0, SIGMA_M * SIGMA_M, 100, dims);
}

function move(state: Float64Array, sideM: number): void {
  for (let at = 0; at < state.length; at += 4)
    for (let axis = 0; axis < 2; axis += 1) {
      let place = state[at + axis]! + state[at + 2 + axis]!;
      if (place < 0 || place > sideM) {
        place = place < 0 ? -place : 2 * sideM - place;
        state[at + 2 + axis] = -state[at + 2 + axis]!;
      }
      state[at + axis] = place;
    }
}

function poisson(mean: number, stream: RandomStream): number {
  // In chunks, for no exponential of a thousand underflows.
  let count = 0;
  for (let left = mean; left > 0; left -= 30) {
    const limit = Math.exp(-Math.min(left, 30));
    for (let product = stream.uniform(); product > limit; product *= stream.uniform()) count += 1;
  }
  return count;
}
