import { RAD_PER_DEG } from "#base/units.ts";
import { type Filter, type PlotRows, STATE_SIZE } from "./filter.ts";
import {
  createKalman,
  FlatPosition,
  initialiseState,
  type KalmanOptions,
  MEMBER,
  moveFrame,
  RangeRate,
  SpatialPosition,
  whiteAcceleration,
} from "./kalman.ts";

export interface ImmOptions extends KalmanOptions {
  /** Of the two turning models, one to each side. */
  readonly turnRateDps: number;
  /** Probability of keeping the model from frame to frame. */
  readonly stayP: number;
  /** Acceleration noise of the turning models, m²/s³. */
  readonly turnQ: number;
}

const MODELS = 3;
const INITIAL = [0.8, 0.1, 0.1] as const;
const PROBABILITY_MIN = 1e-6;
/** Behind the combined estimate: that of each model, then their probabilities. */
const modelAt = (model: number): number => STATE_SIZE * (1 + model);
const PROBABILITIES = STATE_SIZE * (1 + MODELS);

/** Probabilities after a transition: `stay` on the diagonal, the rest split equally. */
export function predictedProbabilities(mu: readonly number[], stay: number): number[] {
  const leave = (1 - stay) / (mu.length - 1);
  return mu.map((_, to) => mu.reduce((sum, from, index) => sum + from * (index === to ? stay : leave), 0));
}

/** Share of each earlier model in each one now: `[to][from]`. */
export function mixingProbabilities(mu: readonly number[], stay: number): number[][] {
  const leave = (1 - stay) / (mu.length - 1);
  const predicted = predictedProbabilities(mu, stay);
  return mu.map((_, to) => mu.map((from, index) => (from * (index === to ? stay : leave)) / predicted[to]!));
}

/** Probabilities after the models' likelihoods are known; none falls below a floor, so that each can come back. */
export function posteriorProbabilities(predicted: readonly number[], likelihoods: readonly number[]): number[] {
  const normalised = (values: readonly number[]): number[] => {
    const sum = values.reduce((total, value) => total + value, 0);
    return values.map((value) => value / sum);
  };
  const raw = normalised(predicted.map((value, model) => value * likelihoods[model]!));
  return normalised(raw.map((value) => Math.max(value, PROBABILITY_MIN)));
}

/**
 * Interacting multiple models: straight, turning clockwise, turning counter-clockwise (Blom and Bar-Shalom, IEEE AC 33(8), 1988;
 * the coordinated turn with known rate from Bar-Shalom, Li and Kirubarajan, §11.7). Gate and cost see the combined prediction.
 */
export function createImm(options: ImmOptions): Filter {
  const { doppler, stayP } = options;
  const isFlat = options.dims === 2;
  const combined = createKalman(options);
  const position = isFlat ? new FlatPosition() : new SpatialPosition();
  const rate = new RangeRate();
  const turnRps = options.turnRateDps * RAD_PER_DEG;
  const turns = [0, turnRps, -turnRps];
  const mixed = new Float64Array(STATE_SIZE * MODELS);

  function probabilities(states: Float64Array, at: number): number[] {
    return Array.from(states.subarray(at + PROBABILITIES, at + PROBABILITIES + MODELS));
  }

  function mix(states: Float64Array, at: number): void {
    const mu = probabilities(states, at);
    mixingProbabilities(mu, stayP).forEach((shares, to) => combine(states, at + STATE_SIZE, shares, mixed, to * STATE_SIZE));
    states.set(mixed, at + STATE_SIZE);
    states.set(predictedProbabilities(mu, stayP), at + PROBABILITIES);
  }

  function combineModels(states: Float64Array, at: number): void {
    combine(states, at + STATE_SIZE, probabilities(states, at), states, at);
  }

  return {
    stride: STATE_SIZE * (1 + MODELS) + MODELS,
    dof: combined.dof,
    get logDetS() {
      return combined.logDetS;
    },
    init(states, at, plots, plotAt) {
      for (let model = -1; model < MODELS; model += 1)
        initialiseState(
          states,
          at + modelAt(model),
          plots.rows,
          plotAt,
          doppler ? options.initSpeedSigmaMps : -options.initSpeedSigmaMps,
          isFlat,
        );
      states.set(INITIAL, at + PROBABILITIES);
    },
    predict(states, at, dtS, ownDv) {
      mix(states, at);
      for (let model = 0; model < MODELS; model += 1) {
        const [pp, pv, vv] = whiteAcceleration(model === 0 ? options.q : options.turnQ, dtS);
        predictTurn(states, at + modelAt(model), dtS, turns[model]!, { pp, pv, vv }, isFlat);
        moveFrame(states, at + modelAt(model), dtS, ownDv);
      }
      combineModels(states, at);
    },
    reach: (states, at, plots, into) => combined.reach(states, at, plots, into),
    evaluate: (states, at, plots, plotAt, limit) => combined.evaluate(states, at, plots, plotAt, limit),
    update(states, at, plots: PlotRows, plotAt) {
      const exponents = turns.map((_, model) => {
        const modelOffset = at + modelAt(model);
        position.factor(states, modelOffset, plots.rows, plotAt);
        position.apply(states, modelOffset);
        const { d2 } = position;
        const logDet = 2 * Math.log(position.rootDet);
        if (!doppler || !rate.linearise(states, modelOffset, plots.rows, plotAt)) return -(d2 + logDet) / 2;
        rate.apply(states, modelOffset);
        return -(d2 + logDet + (rate.residual * rate.residual) / rate.variance + Math.log(rate.variance)) / 2;
      });
      const best = Math.max(...exponents);
      const likelihoods = exponents.map((exponent) => Math.exp(exponent - best));
      states.set(posteriorProbabilities(probabilities(states, at), likelihoods), at + PROBABILITIES);
      combineModels(states, at);
    },
  };
}

/** Probability of each model of a track: straight, clockwise, counter-clockwise. */
export function modelProbabilities(states: Float64Array, at: number): readonly number[] {
  return Array.from(states.subarray(at + PROBABILITIES, at + PROBABILITIES + MODELS));
}

/** Mean and covariance of a mixture of the three models' estimates by their shares. */
function combine(from: Float64Array, fromAt: number, shares: readonly number[], into: Float64Array, at: number): void {
  const result = new Float64Array(STATE_SIZE);
  shares.forEach((share, model) => {
    for (let index = 0; index < 6; index += 1) result[index]! += share * from[fromAt + model * STATE_SIZE + index]!;
  });
  shares.forEach((share, model) => {
    const offset = fromAt + model * STATE_SIZE;
    for (let row = 0; row < 6; row += 1)
      for (let column = row; column < 6; column += 1) {
        const member = MEMBER[row * 6 + column]!;
        const spread = (from[offset + row]! - result[row]!) * (from[offset + column]! - result[column]!);
        result[member]! += share * (from[offset + member]! + spread);
      }
  });
  into.set(result, at);
}

interface ProcessNoise {
  readonly pp: number;
  readonly pv: number;
  readonly vv: number;
}

/** The horizontal velocity turns at `turnRps`, clockwise from above; height goes on at constant velocity. */
function predictTurn(s: Float64Array, o: number, t: number, turnRps: number, noise: ProcessNoise, isFlat: boolean): void {
  const { along, across, cos, sin } = turnOver(turnRps, t);
  // Position and velocity gained per unit of velocity.
  const a = [along, across, 0, -across, along, 0, 0, 0, t];
  const b = [cos, sin, 0, -sin, cos, 0, 0, 0, 1];
  const v = [s[o + 3]!, s[o + 4]!, s[o + 5]!];
  const pp = symmetric(s, o + 6);
  const pv = Array.from(s.subarray(o + 12, o + 21));
  const vv = symmetric(s, o + 21);
  const aPvp = multiply(a, transpose(pv));
  const aVv = multiply(a, vv);
  const aVvA = multiply(aVv, transpose(a));
  const newPv = multiply(
    pv.map((value, index) => value + aVv[index]!),
    transpose(b),
  );
  const newVv = multiply(multiply(b, vv), transpose(b));
  for (let axis = 0; axis < 3; axis += 1) {
    s[o + axis] = s[o + axis]! + a[axis * 3]! * v[0]! + a[axis * 3 + 1]! * v[1]! + a[axis * 3 + 2]! * v[2]!;
    s[o + 3 + axis] = b[axis * 3]! * v[0]! + b[axis * 3 + 1]! * v[1]! + b[axis * 3 + 2]! * v[2]!;
  }
  const noisy = isFlat ? 2 : 3;
  for (let row = 0; row < 3; row += 1)
    for (let column = 0; column < 3; column += 1) {
      const [index, mirrored] = [row * 3 + column, column * 3 + row];
      const q = row === column && row < noisy ? 1 : 0;
      s[o + 12 + index] = newPv[index]! + q * noise.pv;
      if (column < row) continue;
      s[o + MEMBER[row * 6 + column]!] = pp[index]! + aPvp[index]! + aPvp[mirrored]! + (aVvA[index]! + aVvA[mirrored]!) / 2 + q * noise.pp;
      s[o + MEMBER[(row + 3) * 6 + column + 3]!] = (newVv[index]! + newVv[mirrored]!) / 2 + q * noise.vv;
    }
}

/** sin(wT)/w, (1 − cos wT)/w, cos wT, sin wT; without a turn T, 0, 1, 0. */
export function turnOver(
  turnRps: number,
  t: number,
): { readonly along: number; readonly across: number; readonly cos: number; readonly sin: number } {
  const angle = turnRps * t;
  const [sin, cos] = [Math.sin(angle), Math.cos(angle)];
  return turnRps === 0 ? { along: t, across: 0, cos: 1, sin: 0 } : { along: sin / turnRps, across: (1 - cos) / turnRps, cos, sin };
}

function symmetric(s: Float64Array, at: number): number[] {
  return [0, 1, 2, 1, 3, 4, 2, 4, 5].map((member) => s[at + member]!);
}

function multiply(a: readonly number[], b: readonly number[]): number[] {
  return a.map((_, index) => {
    const [row, column] = [Math.floor(index / 3) * 3, index % 3];
    return a[row]! * b[column]! + a[row + 1]! * b[column + 3]! + a[row + 2]! * b[column + 6]!;
  });
}

function transpose(a: readonly number[]): number[] {
  return [0, 3, 6, 1, 4, 7, 2, 5, 8].map((index) => a[index]!);
}
