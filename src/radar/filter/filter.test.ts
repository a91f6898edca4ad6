import { describe, expect, test } from "vitest";
import { randomStream } from "#base/random.ts";
import { RAD_PER_DEG } from "#base/units.ts";
import { chiSquareProbability, chiSquareQuantile } from "../chi-square.ts";
import { convertPlot, PLOT, PLOT_STRIDE } from "../convert.ts";
import { polarOfXyz, type Vector3 } from "../coordinates.ts";
import { measurementSigma } from "../detectability.ts";
import { Plots } from "../plots.ts";
import { detectionAt, detectionOf, frameAt, sensorSettingsOf, trackerOf } from "../test-rig.ts";
import { kalataGains } from "./alpha-beta.ts";
import { type Filter, STATE_SIZE } from "./filter.ts";
import { mixingProbabilities, posteriorProbabilities, predictedProbabilities, turnOver } from "./imm.ts";
import { createKalman, predictState } from "./kalman.ts";

const REST: Vector3 = [0, 0, 0];
const sensor = sensorSettingsOf();

function near(actual: number, expected: number, tolerance: number): void {
  expect(Math.abs(actual - expected), `${actual}, expected ${expected}`).toBeLessThanOrEqual(tolerance);
}

/** A plot at x on the first axis with this variance; the other axes are at the state's own place. */
function lineOf(x: number, variance: number): Plots {
  const plots = new Plots();
  plots.addPlace(x, 0, 0, variance, 100, 3);
  return plots;
}

function lineState(x: number, v: number, pp: number, pv: number, vv: number): Float64Array {
  const state = new Float64Array(STATE_SIZE);
  state.set([x, 0, 0, v, 0, 0], 0);
  state[6] = pp;
  state[12] = pv;
  state[21] = vv;
  return state;
}

describe("gains and models", () => {
  test.each([
    [0.1, 0.36, 0.08],
    [1 / 3, 5 / 9, 2 / 9],
    [1, 0.75, 0.5],
    [2, 0.85410196625, 0.7639320225],
    [4.5, 0.9375, 1.125],
  ])("RAD-040 kalata - tracking index %d", (lambda, alpha, beta) => {
    near(kalataGains(lambda).alpha, alpha, 1e-12);
    near(kalataGains(lambda).beta, beta, 1e-12);
  });

  test("RAD-041 kalman - reaches the steady gains of the tracking index 1", () => {
    const filter = createKalman({ dims: 3, doppler: false, q: 1, initSpeedSigmaMps: 1 });
    const state = lineState(0, 0, 1, 0, 1);
    let gain = [0, 0];
    let s = 0;
    for (let step = 0; step < 300; step += 1) {
      // Piecewise constant acceleration of 1 m/s² over 1 s.
      predictState(state, 0, 1, 1 / 4, 1 / 2, 1, false);
      s = state[6]! + 1;
      gain = [state[6]! / s, state[12]! / s];
      filter.update(state, 0, lineOf(0, 1), 0);
    }
    near(gain[0]!, 0.75, 1e-9);
    near(gain[1]!, 0.5, 1e-9);
    near(s, 4, 1e-9);
    near(state[21]!, 1, 1e-9);
  });

  test("RAD-043 kalman - prediction over 2 s", () => {
    const filter = createKalman({ dims: 3, doppler: false, q: 0.1, initSpeedSigmaMps: 1 });
    const state = lineState(-6.45, 0.7, 4.1123, 0.0013, 0.0365);
    filter.predict(state, 0, 2, REST);
    near(state[0]!, -5.05, 1e-12);
    near(state[3]!, 0.7, 1e-12);
    near(state[6]!, 4.530166666667, 1e-12);
    near(state[12]!, 0.2743, 1e-12);
    near(state[21]!, 0.2365, 1e-12);
  });

  test("RAD-044 kalman - update by one position", () => {
    const filter = createKalman({ dims: 3, doppler: false, q: 0.1, initSpeedSigmaMps: 1 });
    const state = lineState(-6.45, 0.7, 4.1123, 0.0013, 0.0365);
    const plots = lineOf(-6.23, 0.04);
    near(filter.evaluate(state, 0, plots, 0, 100), 0.011656190545, 1e-12);
    near(Math.exp(filter.logDetS), 4.1523 * 0.04 * 0.04, 1e-12);
    filter.update(state, 0, plots, 0);
    near(state[0]!, -6.232119307372, 1e-12);
    near(state[3]!, 0.70006887749, 1e-12);
    near(state[6]!, 0.039614671387, 1e-12);
    near(state[12]!, 0.00001252318, 1e-12);
    near(state[21]!, 0.036499592997, 1e-12);
  });

  test("RAD-054 imm - prediction, mixing and posterior of two models", () => {
    const predicted = predictedProbabilities([0.9, 0.1], 0.95);
    near(predicted[0]!, 0.86, 1e-12);
    near(predicted[1]!, 0.14, 1e-12);
    const mixing = mixingProbabilities([0.9, 0.1], 0.95);
    near(mixing[0]![0]!, 0.994186046512, 1e-12);
    near(mixing[1]![0]!, 0.321428571429, 1e-12);
    const posterior = posteriorProbabilities(predicted, [0.01, 0.2]);
    near(posterior[0]!, 0.234972677596, 1e-12);
    near(posterior[1]!, 0.765027322404, 1e-12);
  });

  test("RAD-054 imm - a turn of 3 deg/s over 1 s", () => {
    const turn = turnOver(3 * RAD_PER_DEG, 1);
    near(turn.along, 0.999543136501, 1e-12);
    near(turn.across, 0.026173958177, 1e-12);
    near(turn.cos, 0.998629534755, 1e-12);
    near(turn.sin, 0.052335956243, 1e-12);
  });

  test("RAD-043 kalman - in the plane and in space the same where the height is independent", () => {
    const [flat, spatial] = [2, 3].map((dims) => createKalman({ dims, doppler: false, q: 0.5, initSpeedSigmaMps: 30 })) as [Filter, Filter];
    const states = [new Float64Array(STATE_SIZE), new Float64Array(STATE_SIZE)] as const;
    const stream = randomStream("plane");
    for (let step = 0; step < 50; step += 1) {
      const plots = new Plots();
      plots.addPlace(10 * stream.gaussian(), 10 * stream.gaussian(), 0, 25, 100, 3);
      [flat, spatial].forEach((filter, index) => {
        const state = states[index]!;
        if (step === 0) return filter.init(state, 0, plots, 0);
        filter.predict(state, 0, 1, [0.1, -0.2, 0]);
        filter.update(state, 0, plots, 0);
      });
      for (const member of [0, 1, 3, 4, 6, 7, 9, 12, 13, 15, 16, 21, 22, 24])
        near(states[0]![member]!, states[1]![member]!, 1e-9 * Math.max(1, Math.abs(states[1]![member]!)));
    }
    expect(states[0]![11]).toBe(0);
  });
});

describe("conversion", () => {
  test("RAD-047 conversion - place and covariance of 1000 m, 30 deg, 10 deg", () => {
    const rows = new Float64Array(PLOT_STRIDE);
    const sigma = { rangeM: 5, angleRad: 0.5 * RAD_PER_DEG, rangeRateMps: 1 };
    convertPlot(detectionOf({ rangeM: 1000, bearingDeg: 30, elevDeg: 10 }), sigma, rows, 0);
    const expected = [
      492.441376634, 852.933484079, 173.654789825, 62.032075014, -20.486639393, -4.3738698, 38.376141477, -7.575764719, 74.613796368,
    ];
    expected.forEach((value, index) => near(rows[index]!, value, 1e-6));
  });

  test("RAD-048 conversion - unbiased, and its covariance is that of the errors", () => {
    const stream = randomStream("RAD-048");
    const truth = { rangeM: 1000, bearingDeg: 30, elevDeg: 10 };
    const sigma = { rangeM: 5, angleRad: 2 * RAD_PER_DEG, rangeRateMps: 1 };
    const rows = new Float64Array(PLOT_STRIDE);
    const sums = new Float64Array(9);
    const analytic = new Float64Array(6);
    const samples = 400_000;
    const [x, y, z] = [492.403876506104, 852.868531952443, 173.64817766693];
    for (let sample = 0; sample < samples; sample += 1) {
      const detection = detectionOf({
        rangeM: truth.rangeM + 5 * stream.gaussian(),
        bearingDeg: truth.bearingDeg + 2 * stream.gaussian(),
        elevDeg: truth.elevDeg + 2 * stream.gaussian(),
      });
      convertPlot(detection, sigma, rows, 0);
      const e = [rows[0]! - x, rows[1]! - y, rows[2]! - z];
      for (let axis = 0; axis < 3; axis += 1) sums[axis]! += e[axis]!;
      [e[0]! * e[0]!, e[0]! * e[1]!, e[0]! * e[2]!, e[1]! * e[1]!, e[1]! * e[2]!, e[2]! * e[2]!].forEach((product, member) => {
        sums[3 + member]! += product;
        analytic[member]! += rows[PLOT.xx + member]!;
      });
    }
    for (let axis = 0; axis < 3; axis += 1) expect(Math.abs(sums[axis]! / samples)).toBeLessThan(0.15);
    for (const member of [0, 3, 5]) near(sums[3 + member]! / analytic[member]!, 1, 0.02);
  });

  test("RAD-049 birth - the range rate along the line of sight, nothing known across it", () => {
    const { filter, table } = born();
    void filter;
    const state = table.states;
    const x = [492.406573139, 852.873202657, 173.648653155, -2.462019586, -4.264343012, -0.868238583];
    x.forEach((value, index) => near(state[index]!, value, 1e-6));
    [10.904739368, 22.091285127, 6.167076979].forEach((value, axis) => near(state[[6, 9, 11][axis]!]!, value, 1e-6));
    [681.789999513, 245.36999854, 872.862501948].forEach((value, axis) => near(state[[21, 24, 26][axis]!]!, value, 1e-6));
  });

  test("RAD-050 update - the plot of a second later", () => {
    const tracker = born();
    const { filter, table } = tracker;
    const copy = table.states.slice();
    filter.predict(copy, 0, 1, REST);
    const plots = new Plots();
    const detection = detectionOf({ rangeM: 995, bearingDeg: 30.2, elevDeg: 10.1, rangeRateMps: -5 });
    plots.addPolar({ detection, sigma: measurementSigma(sensor.sr, 20) }, 100, 3);
    near(filter.evaluate(copy, 0, plots, 0, 100), 0.016541294, 1e-6);
    const [view] = tracker.step(frameAt(1, [detection]))[0]!.tracks;
    const x = [492.734284393, 846.643391119, 174.479675655, 0.308045429, -6.223632449, 0.819526174];
    [...view!.positionM, ...view!.velocityMps].forEach((value, index) => near(value, x[index]!, 1e-6));
    const polar = polarOfXyz(...view!.positionM);
    near(polar.rangeM, 995.005157755, 1e-6);
    near(polar.bearingDeg, 30.198790003, 1e-6);
    near(polar.elevDeg, 10.099349518, 1e-6);
  });

  function born() {
    const tracker = trackerOf();
    tracker.step(frameAt(0, [detectionOf({ rangeM: 1000, bearingDeg: 30, elevDeg: 10, rangeRateMps: -5 })]));
    return tracker;
  }
});

describe("chi-square and long runs", () => {
  test("RAD-052 thresholds - quantiles of 2, 3 and 4 degrees of freedom", () => {
    const expected = [
      [0.99, 9.21034, 11.344867, 13.276704],
      [0.9999, 18.420681, 21.107513, 23.512742],
    ] as const;
    for (const [p, ...values] of expected) values.forEach((value, index) => near(chiSquareQuantile(p, index + 2), value, 5e-7));
    near(chiSquareProbability(chiSquareQuantile(0.5, 3), 3), 0.5, 1e-14);
  });

  test("RAD-056 kalman - 2,000 plots of a contact at rest: one id, a covariance that stays positive", () => {
    const tracker = trackerOf();
    const stream = randomStream("RAD-056");
    const truth = polarOfXyz(2000, 1500, 300);
    const sigma = measurementSigma(sensor.sr, 25);
    const confirmed = new Set<number>();
    for (let step = 0; step < 2000; step += 1) {
      const detection = detectionOf({
        rangeM: truth.rangeM + sigma.rangeM * stream.gaussian(),
        bearingDeg: truth.bearingDeg + (sigma.angleRad / RAD_PER_DEG) * stream.gaussian(),
        elevDeg: truth.elevDeg + (sigma.angleRad / RAD_PER_DEG) * stream.gaussian(),
        rangeRateMps: sigma.rangeRateMps * stream.gaussian(),
        snrDb: 25,
      });
      for (const view of tracker.step(frameAt(step, [detection]))[0]!.tracks) {
        if (view.status >= 2) confirmed.add(view.birth.timeUs);
        expect(isPositiveDefinite(view.positionCovariance)).toBe(true);
        expect(isPositiveDefinite(view.velocityCovariance)).toBe(true);
      }
    }
    expect(confirmed.size).toBe(1);
  });

  test("RAD-058 own velocity - a contact at rest in the world takes on the change in that very frame", () => {
    const tracker = trackerOf();
    const own = (k: number): number => (k < 20 ? 0 : 5);
    let x = 3000;
    const ids = new Set<number>();
    for (let k = 0; k < 30; k += 1) {
      // Between two scans own ship moves at the mean of both velocities.
      x -= (own(k) + own(k - 1)) / 2;
      const velocity: Vector3 = [-own(k), 0, 0];
      const frame = frameAt(k, [detectionAt([x, 1000, 0], velocity)], { ownVelocityMps: [own(k), 0, 0] });
      const [view] = tracker.step(frame)[0]!.tracks;
      ids.add(view!.birth.timeUs);
      if (k === 20) near(view!.velocityMps[0], -5, 0.5);
    }
    expect(ids.size).toBe(1);
  });
});

/** By Sylvester's criterion, of xx, xy, xz, yy, yz, zz. */
function isPositiveDefinite([xx, xy, xz, yy, yz, zz]: readonly number[]): boolean {
  const minor = xx! * yy! - xy! * xy!;
  return xx! > 0 && minor > 0 && zz! * minor - xx! * yz! * yz! + 2 * xy! * yz! * xz! - yy! * xz! * xz! > 0;
}
