import { type RandomStream, randomStream } from "#base/random.ts";
import type { Place } from "#radar/metrics.ts";
import { Plots } from "#radar/plots.ts";
import { sensorSettingsOf, trackerSettingsOf } from "#radar/test-rig.ts";
import { Tracker } from "#radar/tracker.ts";
import { type Course, SCANS, WARM_UP_SCANS } from "./course.ts";

/**
 * Scenario S6 (radar §9.2): N targets on straight lines at 10 to 30 m/s in a square with one target per (300 m)², walls reflect them;
 * a scan a second, errors of 5 m on each axis.
 */
const CELL_M = 300;
const SIGMA_M = 5;
const CUTOFF_M = 30;

export interface LadderOptions {
  readonly targets: number;
  readonly pd: number;
  /** Mean number of false plots in a scan. */
  readonly clutter: number;
}

export function ladder(options: LadderOptions): Course {
  const { scans, truth } = sceneOf(options);
  const settings = settingsOf(options);
  return {
    c: CUTOFF_M,
    truth: (scan) => Array.from({ length: options.targets }, (_, n): Place => [truth[scan]![n * 2]!, truth[scan]![n * 2 + 1]!]),
    begin() {
      const tracker = new Tracker(settings, sensorSettingsOf());
      const plots = new Plots();
      return {
        tracker,
        prepare(scan) {
          const places = scans[scan]!;
          plots.clear();
          for (let at = 0; at < places.length; at += 2)
            plots.addPlace(places[at]!, places[at + 1]!, 0, SIGMA_M * SIGMA_M, 100, settings.dims);
        },
        scan(scan) {
          const looked = { lr: true, sr: true };
          tracker.scan(plots, { timeUs: scan * 1_000_000, frameId: "ladder", tick: scan, looked, ownVelocityMps: undefined });
        },
      };
    },
  };
}

function settingsOf({ targets, pd, clutter }: LadderOptions): ReturnType<typeof trackerSettingsOf> {
  const area = targets * CELL_M * CELL_M;
  return trackerSettingsOf({
    "tracker.dims": 2,
    "tracker.doppler": false,
    "tracker.q": 0.1,
    "tracker.pd": Math.min(pd, 0.999),
    "tracker.extraneous_density": Math.max(clutter, 1) / area,
    "tracker.max_tracks": 100_000,
  });
}

/** x and y of every plot and of every target, scan by scan. */
function sceneOf({ targets, pd, clutter }: LadderOptions): { readonly scans: Float64Array[]; readonly truth: Float64Array[] } {
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
  return { scans, truth };
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
