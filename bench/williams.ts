import { type RandomStream, randomStream } from "#base/random.ts";
import { PLOT_STRIDE } from "#radar/convert.ts";
import { STATE_SIZE } from "#radar/filter/filter.ts";
import { createKalman } from "#radar/filter/kalman.ts";
import { gospa, type Place } from "#radar/metrics.ts";
import { Plots } from "#radar/plots.ts";
import { Tracker } from "#radar/tracker.ts";
import { STATUS } from "#radar/tracks.ts";
import { sensorSettingsOf, trackerSettingsOf } from "#radar/test-rig.ts";

/**
 * Scenario S1 (radar §9.1), after Williams, "Marginal multi-Bernoulli filters", IEEE AES 51(3), 2015: four targets that meet in the
 * middle of a 300 m square at half time, Pd 0.9, ten false plots a scan.
 */
export const STEPS = 81;
const TARGETS = 4;
const MEETING_STEP = 41;
const SIDE_M = 300;
const CLUTTER = 10;
const PD = 0.9;
const Q = 0.02;
/** The first target is gone after this step. */
const FIRST_ENDS = 40;

/** Targets' states x, vx, y, vy by step (from 1) and target; undefined where one does not exist. */
export type Truth = readonly (readonly (readonly number[] | undefined)[])[];

export interface Measurement {
  readonly x: number;
  readonly y: number;
  /** The target behind it, -1 for clutter. */
  readonly target: number;
}

export function truthOf(seed: number): Truth {
  const stream = randomStream(`williams/truth/${seed}`);
  const steps: (readonly number[] | undefined)[][] = Array.from({ length: STEPS + 1 }, () => []);
  for (let target = 0; target < TARGETS; target += 1) {
    const middle = [150, 0, 150, 0].map((mean) => mean + Math.sqrt(0.1) * stream.gaussian());
    let state = middle;
    steps[MEETING_STEP]![target] = state;
    for (let step = MEETING_STEP + 1; step <= STEPS; step += 1) steps[step]![target] = state = forward(state, noise(stream));
    state = middle;
    for (let step = MEETING_STEP - 1; step >= 1; step -= 1) steps[step]![target] = state = backward(state, noise(stream));
  }
  for (let step = FIRST_ENDS + 1; step <= STEPS; step += 1) steps[step]![0] = undefined;
  return steps;
}

export function measurementsOf(truth: Truth, seed: number): readonly (readonly Measurement[])[] {
  const stream = randomStream(`williams/measurements/${seed}`);
  return truth.map((states, step) => {
    if (step === 0) return [];
    const plots: Measurement[] = [];
    states.forEach((state, target) => {
      const isSeen = stream.uniform() < PD;
      const [ex, ey] = [stream.gaussian(), stream.gaussian()];
      if (state !== undefined && isSeen) plots.push({ x: state[0]! + ex, y: state[2]! + ey, target });
    });
    for (let left = poisson(CLUTTER, stream); left > 0; left -= 1)
      plots.push({ x: SIDE_M * stream.uniform(), y: SIDE_M * stream.uniform(), target: -1 });
    // The order of a scan must say nothing of who is behind a plot.
    return plots.sort((a, b) => a.x - b.x);
  });
}

/** Reported places after each scan; the time of each scan goes into `scanMs` where it is given. */
export type S1Tracker = (scans: readonly (readonly Measurement[])[], scanMs?: number[]) => Place[][];

const COMMON = {
  "tracker.dims": 2,
  "tracker.doppler": false,
  "tracker.q": Q,
  "tracker.init_speed_sigma_mps": 1,
  "tracker.gate_d2": 16,
  "tracker.pd": PD,
  "tracker.extraneous_density": CLUTTER / (SIDE_M * SIDE_M),
  "tracker.recapture_p": 0,
};

export const SHIPPED_S1 = { ...COMMON, "tracker.lifecycle": "score" };
/** The same with a model of where contacts begin: three of them around the middle at the start, one in fifty scans later. */
export const BIRTH_S1 = {
  ...SHIPPED_S1,
  "tracker.birth.sigma_m": 50,
  "tracker.birth.x_m": 150,
  "tracker.birth.y_m": 150,
  "tracker.birth.initial": 3,
  "tracker.birth.per_scan": 0.02,
  "tracker.score.confirm": 0.4,
  "tracker.score.delete": 1e-4,
};
export const PLAIN_GNN_S1 = { ...COMMON, "tracker.confirm_m": 3, "tracker.confirm_n": 4, "tracker.max_misses": 2 };

/** Our tracker with a configuration. */
export function configured(config: Readonly<Record<string, unknown>>): S1Tracker {
  const settings = trackerSettingsOf(config);
  const sensor = sensorSettingsOf();
  return (scans, scanMs) => {
    const tracker = new Tracker(settings, sensor);
    const plots = new Plots();
    return scans.map((measurements, step) => {
      plots.clear();
      for (const { x, y } of measurements) plots.addPlace(x, y, 0, 1, 100, 2);
      const looked = { lr: true, sr: true };
      const startedMs = scanMs === undefined ? 0 : performance.now();
      if (step > 0) tracker.scan(plots, { timeUs: step * 1_000_000, frameId: "s1", tick: step, looked, ownVelocityMps: undefined });
      if (step > 0) scanMs?.push(performance.now() - startedMs);
      const { states, tracks } = tracker.table;
      const isReported = ({ status, existence }: (typeof tracks)[number]): boolean =>
        settings.lifecycle === "score" ? status !== STATUS.new && existence > settings.score.report : status !== STATUS.new;
      return tracks.filter(isReported).map(({ row }) => [states[row]!, states[row + 1]!]);
    });
  };
}

/** A Kalman filter that is told which plot belongs to which target, and which targets there are. */
export function oracle(truth: Truth): S1Tracker {
  const filter = createKalman({ dims: 2, doppler: false, q: Q, initSpeedSigmaMps: 1 });
  return (scans) => {
    const states = new Float64Array(STATE_SIZE * TARGETS);
    const begun = new Set<number>();
    const plots = new Plots();
    return scans.map((measurements, step) => {
      plots.clear();
      for (const { x, y } of measurements) plots.addPlace(x, y, 0, 1, 100, 2);
      const places: Place[] = [];
      for (let target = 0; target < TARGETS; target += 1) {
        const at = target * STATE_SIZE;
        const plot = measurements.findIndex((one) => one.target === target);
        if (begun.has(target)) filter.predict(states, at, 1, [0, 0, 0]);
        if (plot >= 0 && begun.has(target)) filter.update(states, at, plots, plot * PLOT_STRIDE);
        else if (plot >= 0) filter.init(states, at, plots, plot * PLOT_STRIDE);
        if (plot >= 0) begun.add(target);
        if (begun.has(target) && truth[step]?.[target] !== undefined) places.push([states[at]!, states[at + 1]!]);
      }
      return places;
    });
  };
}

export interface S1Score {
  /** RMS GOSPA over steps and runs, m; c 10, p 2. */
  readonly rms: number;
  /** Half width of its 95 % interval, from the runs' means. */
  readonly halfWidth: number;
  /** RMS of the parts. */
  readonly localisation: number;
  readonly missed: number;
  readonly false: number;
}

export function scoreS1(tracker: S1Tracker, truthSeed = 9, runs = 100, scanMs?: number[]): S1Score {
  const truth = truthOf(truthSeed);
  const totals = { localisation: 0, missed: 0, false: 0 };
  const means: number[] = [];
  for (let run = 1; run <= runs; run += 1) {
    const reported = tracker(measurementsOf(truth, run), scanMs);
    let sum = 0;
    for (let step = 1; step <= STEPS; step += 1) {
      const places = truth[step]!.flatMap((state) => (state === undefined ? [] : [[state[0]!, state[2]!]]));
      const score = gospa(places, reported[step]!);
      sum += score.distance * score.distance;
      totals.localisation += score.localisation;
      totals.missed += score.missed;
      totals.false += score.false;
    }
    means.push(sum / STEPS);
  }
  const mean = means.reduce((sum, value) => sum + value, 0) / runs;
  const variance = means.reduce((sum, value) => sum + (value - mean) * (value - mean), 0) / Math.max(1, runs - 1);
  const rms = Math.sqrt(mean);
  const ofAll = (total: number): number => Math.sqrt(total / (runs * STEPS));
  return {
    rms,
    // The root's slope carries the interval of the mean of squares over to the RMS.
    halfWidth: (1.96 * Math.sqrt(variance / runs)) / (2 * rms),
    localisation: ofAll(totals.localisation),
    missed: ofAll(totals.missed),
    false: ofAll(totals.false),
  };
}

function forward(state: readonly number[], w: readonly number[]): number[] {
  return [state[0]! + state[1]! + w[0]!, state[1]! + w[1]!, state[2]! + state[3]! + w[2]!, state[3]! + w[3]!];
}

function backward(state: readonly number[], w: readonly number[]): number[] {
  const s = state.map((value, index) => value + w[index]!);
  return [s[0]! - s[1]!, s[1]!, s[2]! - s[3]!, s[3]!];
}

/** Per axis N(0, Q [[1/3, 1/2], [1/2, 1]]), by its Cholesky factor. */
function noise(stream: RandomStream): number[] {
  const axis = (): number[] => {
    const [a, b] = [stream.gaussian(), stream.gaussian()];
    return [Math.sqrt(Q / 3) * a, Math.sqrt(Q) * ((Math.sqrt(3) / 2) * a + b / 2)];
  };
  return [...axis(), ...axis()];
}

function poisson(mean: number, stream: RandomStream): number {
  const limit = Math.exp(-mean);
  let count = 0;
  for (let product = stream.uniform(); product > limit; product *= stream.uniform()) count += 1;
  return count;
}
