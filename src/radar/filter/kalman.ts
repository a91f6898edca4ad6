import { PLOT } from "../convert.ts";
import type { Vector3 } from "../coordinates.ts";
import { type Filter, STATE_SIZE } from "./filter.ts";

export interface KalmanOptions {
  readonly dims: number;
  readonly doppler: boolean;
  /** Strength of the white acceleration per axis, m²/s³. */
  readonly q: number;
  readonly initSpeedSigmaMps: number;
}

/**
 * Constant velocity with white acceleration; the position is taken first, then the range rate, linearised where that left the
 * state (Bar-Shalom, Li and Kirubarajan, Estimation with Applications to Tracking and Navigation, §6.2; radar §6.5).
 *
 * The covariance changes by −W Wᵀ with W = P Hᵀ L⁻ᵀ and S = L Lᵀ, which is P − K S Kᵀ; only its unique members are kept, so it is
 * symmetric whatever is rounded.
 */
export function createKalman(options: KalmanOptions): Filter {
  const { doppler, q, initSpeedSigmaMps } = options;
  const isFlat = options.dims === 2;
  const position = isFlat ? new FlatPosition() : new SpatialPosition();
  const scratch = new Float64Array(STATE_SIZE);
  const rate = new RangeRate();
  let logDetS = 0;
  let noiseOfS = 0;
  let noise = whiteAcceleration(q, 0);

  return {
    stride: STATE_SIZE,
    dof: options.dims + (doppler ? 1 : 0),
    get logDetS() {
      return logDetS;
    },
    init(states, at, plots, plotAt) {
      initialiseState(states, at, plots.rows, plotAt, doppler ? initSpeedSigmaMps : -initSpeedSigmaMps, isFlat);
    },
    predict(states, at, dtS, ownDv) {
      // All tracks of a scan go the same span: its noise is worked out for the first of them.
      if (dtS !== noiseOfS) {
        noiseOfS = dtS;
        noise = whiteAcceleration(q, dtS);
      }
      predictState(states, at, dtS, noise[0], noise[1], noise[2], isFlat);
      moveFrame(states, at, dtS, ownDv);
    },
    reach(states, at, plots, into) {
      into[0] = states[at + 6]! + plots.maxVariance[0];
      into[1] = states[at + 9]! + plots.maxVariance[1];
      into[2] = states[at + 11]! + plots.maxVariance[2];
    },
    evaluate(states, at, plots, plotAt, limit) {
      position.factor(states, at, plots.rows, plotAt);
      let d2 = position.d2;
      if (!(d2 <= limit)) return d2;
      logDetS = 2 * Math.log(position.rootDet);
      if (!doppler) return d2;
      scratch.set(states.subarray(at, at + STATE_SIZE));
      position.apply(scratch, 0);
      if (rate.linearise(scratch, 0, plots.rows, plotAt)) {
        d2 += (rate.residual * rate.residual) / rate.variance;
        logDetS += Math.log(rate.variance);
      }
      return d2;
    },
    update(states, at, plots, plotAt) {
      position.factor(states, at, plots.rows, plotAt);
      position.apply(states, at);
      if (doppler && rate.linearise(states, at, plots.rows, plotAt)) rate.apply(states, at);
    },
  };
}

/**
 * A newborn: the plot's place, the range rate along the line of sight, and nothing known across it. A negative `speedSigma` means
 * that range rates are not used.
 */
export function initialiseState(s: Float64Array, o: number, rows: Float64Array, p: number, speedSigma: number, isFlat: boolean): void {
  s.fill(0, o, o + STATE_SIZE);
  const [x, y, z] = [rows[p]!, rows[p + 1]!, isFlat ? 0 : rows[p + 2]!];
  s[o] = x;
  s[o + 1] = y;
  s[o + 2] = z;
  for (let member = 0; member < 6; member += 1) if (!isFlat || FLAT_MEMBERS[member] === 1) s[o + 6 + member] = rows[p + PLOT.xx + member]!;
  const range = Math.sqrt(x * x + y * y + z * z);
  const variance = speedSigma * speedSigma;
  const [zVariance, along] = [isFlat ? 0 : variance, speedSigma > 0 && range > 0];
  const [ux, uy, uz] = along ? [x / range, y / range, z / range] : [0, 0, 0];
  const difference = rows[p + PLOT.rangeRateVar]! - variance;
  const rangeRate = rows[p + PLOT.rangeRate]!;
  s[o + 3] = ux * rangeRate;
  s[o + 4] = uy * rangeRate;
  s[o + 5] = uz * rangeRate;
  s[o + 21] = variance + difference * ux * ux;
  s[o + 22] = difference * ux * uy;
  s[o + 23] = difference * ux * uz;
  s[o + 24] = variance + difference * uy * uy;
  s[o + 25] = difference * uy * uz;
  s[o + 26] = zVariance + difference * uz * uz;
}

/** Which of xx, xy, xz, yy, yz, zz belong to the horizontal plane. */
const FLAT_MEMBERS = [1, 1, 0, 1, 0, 0];

/** What continuous white acceleration of strength q (m²/s³) adds over T to each axis: to position, between both, to velocity. */
export function whiteAcceleration(q: number, t: number): readonly [pp: number, pv: number, vv: number] {
  return [(q * t * t * t) / 3, (q * t * t) / 2, q * t];
}

/** Constant velocity over `t`; `qpp`, `qpv` and `qvv` are added to the covariance of each axis. */
export function predictState(s: Float64Array, o: number, t: number, qpp: number, qpv: number, qvv: number, isFlat: boolean): void {
  const tt = t * t;
  const vxx = s[o + 21]!;
  const vxy = s[o + 22]!;
  const vyy = s[o + 24]!;
  s[o] = s[o]! + t * s[o + 3]!;
  s[o + 1] = s[o + 1]! + t * s[o + 4]!;
  s[o + 6] = s[o + 6]! + 2 * t * s[o + 12]! + tt * vxx + qpp;
  s[o + 7] = s[o + 7]! + t * (s[o + 13]! + s[o + 15]!) + tt * vxy;
  s[o + 9] = s[o + 9]! + 2 * t * s[o + 16]! + tt * vyy + qpp;
  s[o + 12] = s[o + 12]! + t * vxx + qpv;
  s[o + 13] = s[o + 13]! + t * vxy;
  s[o + 15] = s[o + 15]! + t * vxy;
  s[o + 16] = s[o + 16]! + t * vyy + qpv;
  s[o + 21] = vxx + qvv;
  s[o + 24] = vyy + qvv;
  if (isFlat) return;
  const vxz = s[o + 23]!;
  const vyz = s[o + 25]!;
  const vzz = s[o + 26]!;
  s[o + 2] = s[o + 2]! + t * s[o + 5]!;
  s[o + 8] = s[o + 8]! + t * (s[o + 14]! + s[o + 18]!) + tt * vxz;
  s[o + 10] = s[o + 10]! + t * (s[o + 17]! + s[o + 19]!) + tt * vyz;
  s[o + 11] = s[o + 11]! + 2 * t * s[o + 20]! + tt * vzz + qpp;
  s[o + 14] = s[o + 14]! + t * vxz;
  s[o + 17] = s[o + 17]! + t * vyz;
  s[o + 18] = s[o + 18]! + t * vxz;
  s[o + 19] = s[o + 19]! + t * vyz;
  s[o + 20] = s[o + 20]! + t * vzz + qpv;
  s[o + 26] = vzz + qvv;
}

/** Positions are relative to own ship: what it gained in velocity, everything else lost. */
export function moveFrame(s: Float64Array, o: number, t: number, ownDv: Vector3): void {
  if (ownDv[0] === 0 && ownDv[1] === 0 && ownDv[2] === 0) return;
  for (let axis = 0; axis < 3; axis += 1) {
    s[o + axis] = s[o + axis]! - (ownDv[axis]! * t) / 2;
    s[o + 3 + axis] = s[o + 3 + axis]! - ownDv[axis]!;
  }
}

/** The update by a plot's position; `factor` prepares it and gives the distance, `apply` puts it into a state. */
export interface PositionUpdate {
  d2: number;
  /** Root of det S. */
  rootDet: number;
  factor(s: Float64Array, o: number, rows: Float64Array, p: number): void;
  apply(s: Float64Array, o: number): void;
}

/** Three dimensions. S = L Lᵀ; i.. are the inverses of L's diagonal, e.. the residual in L's base. */
export class SpatialPosition implements PositionUpdate {
  d2 = 0;
  rootDet = 1;
  #l10 = 0;
  #l20 = 0;
  #l21 = 0;
  #i0 = 0;
  #i1 = 0;
  #i2 = 0;
  #e0 = 0;
  #e1 = 0;
  #e2 = 0;
  readonly #w = new Float64Array(18);

  factor(s: Float64Array, o: number, rows: Float64Array, p: number): void {
    const l00 = Math.sqrt(s[o + 6]! + rows[p + 3]!);
    const i0 = 1 / l00;
    const l10 = (s[o + 7]! + rows[p + 4]!) * i0;
    const l20 = (s[o + 8]! + rows[p + 5]!) * i0;
    const l11 = Math.sqrt(s[o + 9]! + rows[p + 6]! - l10 * l10);
    const i1 = 1 / l11;
    const l21 = (s[o + 10]! + rows[p + 7]! - l20 * l10) * i1;
    const l22 = Math.sqrt(s[o + 11]! + rows[p + 8]! - l20 * l20 - l21 * l21);
    const i2 = 1 / l22;
    const e0 = (rows[p]! - s[o]!) * i0;
    const e1 = (rows[p + 1]! - s[o + 1]! - l10 * e0) * i1;
    const e2 = (rows[p + 2]! - s[o + 2]! - l20 * e0 - l21 * e1) * i2;
    this.#l10 = l10;
    this.#l20 = l20;
    this.#l21 = l21;
    this.#i0 = i0;
    this.#i1 = i1;
    this.#i2 = i2;
    this.#e0 = e0;
    this.#e1 = e1;
    this.#e2 = e2;
    this.d2 = e0 * e0 + e1 * e1 + e2 * e2;
    this.rootDet = l00 * l11 * l22;
  }

  apply(s: Float64Array, o: number): void {
    const w = this.#w;
    this.#row(0, s[o + 6]!, s[o + 7]!, s[o + 8]!);
    this.#row(3, s[o + 7]!, s[o + 9]!, s[o + 10]!);
    this.#row(6, s[o + 8]!, s[o + 10]!, s[o + 11]!);
    this.#row(9, s[o + 12]!, s[o + 15]!, s[o + 18]!);
    this.#row(12, s[o + 13]!, s[o + 16]!, s[o + 19]!);
    this.#row(15, s[o + 14]!, s[o + 17]!, s[o + 20]!);
    const e0 = this.#e0;
    const e1 = this.#e1;
    const e2 = this.#e2;
    for (let row = 0; row < 6; row += 1) s[o + row] = s[o + row]! + w[row * 3]! * e0 + w[row * 3 + 1]! * e1 + w[row * 3 + 2]! * e2;
    let member = o + 6;
    for (let a = 0; a < 3; a += 1) for (let b = a; b < 3; b += 1, member += 1) s[member] = s[member]! - this.#product(a, b);
    for (let a = 0; a < 3; a += 1) for (let b = 3; b < 6; b += 1, member += 1) s[member] = s[member]! - this.#product(a, b);
    for (let a = 3; a < 6; a += 1) for (let b = a; b < 6; b += 1, member += 1) s[member] = s[member]! - this.#product(a, b);
  }

  /** One row of P Hᵀ in L's base. */
  #row(at: number, a: number, b: number, c: number): void {
    const w = this.#w;
    const w0 = a * this.#i0;
    const w1 = (b - this.#l10 * w0) * this.#i1;
    w[at] = w0;
    w[at + 1] = w1;
    w[at + 2] = (c - this.#l20 * w0 - this.#l21 * w1) * this.#i2;
  }

  #product(a: number, b: number): number {
    const w = this.#w;
    return w[a * 3]! * w[b * 3]! + w[a * 3 + 1]! * w[b * 3 + 1]! + w[a * 3 + 2]! * w[b * 3 + 2]!;
  }
}

/** The horizontal plane alone: the same with two dimensions, written out, for it is the inner loop of large scenes. */
export class FlatPosition implements PositionUpdate {
  d2 = 0;
  rootDet = 1;
  /** l10, 1/l00, 1/l11, and the residual in L's base. */
  readonly #f = new Float64Array(5);

  factor(s: Float64Array, o: number, rows: Float64Array, p: number): void {
    const l00 = Math.sqrt(s[o + 6]! + rows[p + 3]!);
    const i0 = 1 / l00;
    const l10 = (s[o + 7]! + rows[p + 4]!) * i0;
    const l11 = Math.sqrt(s[o + 9]! + rows[p + 6]! - l10 * l10);
    const i1 = 1 / l11;
    const e0 = (rows[p]! - s[o]!) * i0;
    const e1 = (rows[p + 1]! - s[o + 1]! - l10 * e0) * i1;
    const f = this.#f;
    f[0] = l10;
    f[1] = i0;
    f[2] = i1;
    f[3] = e0;
    f[4] = e1;
    this.d2 = e0 * e0 + e1 * e1;
    this.rootDet = l00 * l11;
  }

  apply(s: Float64Array, o: number): void {
    const f = this.#f;
    const l10 = f[0]!;
    const i0 = f[1]!;
    const i1 = f[2]!;
    const e0 = f[3]!;
    const e1 = f[4]!;
    const a0 = s[o + 6]! * i0;
    const a1 = (s[o + 7]! - l10 * a0) * i1;
    const b0 = s[o + 7]! * i0;
    const b1 = (s[o + 9]! - l10 * b0) * i1;
    const c0 = s[o + 12]! * i0;
    const c1 = (s[o + 15]! - l10 * c0) * i1;
    const d0 = s[o + 13]! * i0;
    const d1 = (s[o + 16]! - l10 * d0) * i1;
    s[o] = s[o]! + a0 * e0 + a1 * e1;
    s[o + 1] = s[o + 1]! + b0 * e0 + b1 * e1;
    s[o + 3] = s[o + 3]! + c0 * e0 + c1 * e1;
    s[o + 4] = s[o + 4]! + d0 * e0 + d1 * e1;
    s[o + 6] = s[o + 6]! - (a0 * a0 + a1 * a1);
    s[o + 7] = s[o + 7]! - (a0 * b0 + a1 * b1);
    s[o + 9] = s[o + 9]! - (b0 * b0 + b1 * b1);
    s[o + 12] = s[o + 12]! - (a0 * c0 + a1 * c1);
    s[o + 13] = s[o + 13]! - (a0 * d0 + a1 * d1);
    s[o + 15] = s[o + 15]! - (b0 * c0 + b1 * c1);
    s[o + 16] = s[o + 16]! - (b0 * d0 + b1 * d1);
    s[o + 21] = s[o + 21]! - (c0 * c0 + c1 * c1);
    s[o + 22] = s[o + 22]! - (c0 * d0 + c1 * d1);
    s[o + 24] = s[o + 24]! - (d0 * d0 + d1 * d1);
  }
}

/** The range rate of a state, linearised: u·v with u the line of sight, and what the curvature of both adds to its variance. */
export class RangeRate {
  residual = 0;
  variance = 1;
  /** P Hᵀ, six numbers. */
  readonly #g = new Float64Array(6);
  readonly #h = new Float64Array(6);

  /** False at the origin, where a range rate says nothing. */
  linearise(s: Float64Array, o: number, rows: Float64Array, p: number): boolean {
    const [x, y, z] = [s[o]!, s[o + 1]!, s[o + 2]!];
    const range2 = x * x + y * y + z * z;
    if (range2 === 0) return false;
    const range = Math.sqrt(range2);
    const [ux, uy, uz] = [x / range, y / range, z / range];
    const rangeRate = ux * s[o + 3]! + uy * s[o + 4]! + uz * s[o + 5]!;
    const h = this.#h;
    h[0] = (s[o + 3]! - ux * rangeRate) / range;
    h[1] = (s[o + 4]! - uy * rangeRate) / range;
    h[2] = (s[o + 5]! - uz * rangeRate) / range;
    h[3] = ux;
    h[4] = uy;
    h[5] = uz;
    const g = this.#g;
    for (let row = 0; row < 6; row += 1) {
      let sum = 0;
      for (let column = 0; column < 6; column += 1) sum += s[o + MEMBER[row * 6 + column]!]! * h[column]!;
      g[row] = sum;
    }
    const across = (at: number): number => {
      const [xx, xy, xz, yy, yz, zz] = [s[at]!, s[at + 1]!, s[at + 2]!, s[at + 3]!, s[at + 4]!, s[at + 5]!];
      return xx + yy + zz - (ux * ux * xx + uy * uy * yy + uz * uz * zz + 2 * (ux * uy * xy + ux * uz * xz + uy * uz * yz));
    };
    let variance = rows[p + PLOT.rangeRateVar]! + (across(o + 6) * across(o + 21)) / range2;
    for (let row = 0; row < 6; row += 1) variance += h[row]! * g[row]!;
    this.variance = variance;
    this.residual = rows[p + PLOT.rangeRate]! - rangeRate;
    return true;
  }

  apply(s: Float64Array, o: number): void {
    const g = this.#g;
    const gain = this.residual / this.variance;
    for (let row = 0; row < 6; row += 1) s[o + row] = s[o + row]! + g[row]! * gain;
    for (let row = 0; row < 6; row += 1)
      for (let column = row; column < 6; column += 1) {
        const member = o + MEMBER[row * 6 + column]!;
        s[member] = s[member]! - (g[row]! * g[column]!) / this.variance;
      }
  }
}

/** Place in a track's row of each member of the 6 × 6 covariance. */
export const MEMBER: readonly number[] = Array.from({ length: 36 }, (_, index) => {
  const [a, b] = [Math.min(Math.floor(index / 6), index % 6), Math.max(Math.floor(index / 6), index % 6)];
  const symmetric = (row: number, column: number): number => [0, 1, 2, 1, 3, 4, 2, 4, 5][row * 3 + column]!;
  if (b < 3) return 6 + symmetric(a, b);
  return a < 3 ? 12 + a * 3 + (b - 3) : 21 + symmetric(a - 3, b - 3);
});
