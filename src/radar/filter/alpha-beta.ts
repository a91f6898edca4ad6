import { PLOT } from "../convert.ts";
import { type Filter, type PlotRows, STATE_SIZE } from "./filter.ts";
import { initialiseState, moveFrame } from "./kalman.ts";

export interface AlphaBetaOptions {
  readonly dims: number;
  readonly initSpeedSigmaMps: number;
  /** Spread of accelerations, m/s². */
  readonly sigmaWMps2: number;
}

export interface Gains {
  readonly alpha: number;
  readonly beta: number;
}

/** Behind the estimate: number of hits so far, seconds since the last plot. */
const HITS = STATE_SIZE;
const SINCE = STATE_SIZE + 1;
const FLAT_DIAGONAL = [PLOT.xx, PLOT.yy] as const;
const DIAGONAL = [PLOT.xx, PLOT.yy, PLOT.zz] as const;

/** Steady-state gains of the tracking index T² σw / σv (Kalata, "The tracking index", IEEE AES 20(2), 1984). */
export function kalataGains(lambda: number): Gains {
  const r = (4 + lambda - Math.sqrt(8 * lambda + lambda * lambda)) / 4;
  return { alpha: 1 - r * r, beta: 2 * (1 - r) * (1 - r) };
}

/** The same, never below what the first hits need: hit number n, 0 at birth. */
export function gainsAt(lambda: number, n: number): Gains {
  const { alpha, beta } = kalataGains(lambda);
  const span = (n + 1) * (n + 2);
  return { alpha: Math.max(alpha, (2 * (2 * n + 1)) / span), beta: Math.max(beta, 6 / span) };
}

/** Fixed gains per axis; range rates are not used (radar §6.13). */
export function createAlphaBeta({ dims, initSpeedSigmaMps, sigmaWMps2 }: AlphaBetaOptions): Filter {
  const isFlat = dims === 2;
  const diagonal = isFlat ? FLAT_DIAGONAL : DIAGONAL;
  let logDetS = 0;

  function gains(states: Float64Array, at: number, trace: number): Gains {
    const since = states[at + SINCE]!;
    return gainsAt((since * since * sigmaWMps2) / Math.sqrt(trace / dims), states[at + HITS]!);
  }

  /** What a plot's covariance is multiplied with, and what is added to its diagonal, to give that of its distance. */
  function gate(states: Float64Array, at: number, trace: number): { readonly scale: number; readonly added: number } {
    if (states[at + HITS] === 1) return { scale: 1, added: square(states[at + SINCE]! * initSpeedSigmaMps) };
    return { scale: 1 / (1 - gains(states, at, trace).alpha), added: 0 };
  }

  const traceOf = (rows: Float64Array, plotAt: number): number => diagonal.reduce<number>((sum, member) => sum + rows[plotAt + member]!, 0);

  return {
    stride: STATE_SIZE + 2,
    dof: dims,
    get logDetS() {
      return logDetS;
    },
    init(states, at, plots, plotAt) {
      initialiseState(states, at, plots.rows, plotAt, -initSpeedSigmaMps, isFlat);
      states[at + HITS] = 1;
      states[at + SINCE] = 0;
    },
    predict(states, at, dtS, ownDv) {
      for (let axis = 0; axis < dims; axis += 1) states[at + axis] = states[at + axis]! + states[at + 3 + axis]! * dtS;
      moveFrame(states, at, dtS, ownDv);
      states[at + SINCE] = states[at + SINCE]! + dtS;
    },
    reach(states, at, plots, into) {
      const { scale, added } = gate(states, at, plots.minTrace);
      const isFirst = states[at + HITS] === 1;
      [6, 9, 11].forEach((member, axis) => {
        into[axis] = plots.maxVariance[axis]! * scale + added + (isFirst ? states[at + member]! : 0);
      });
    },
    evaluate(states, at, plots, plotAt) {
      const { rows } = plots;
      const { scale, added } = gate(states, at, traceOf(rows, plotAt));
      const first = states[at + HITS] === 1;
      const s = Array.from({ length: 6 }, (_, member) => rows[plotAt + PLOT.xx + member]! * scale + (first ? states[at + 6 + member]! : 0));
      for (const member of isFlat ? [0, 3] : [0, 3, 5]) s[member]! += added;
      const y = [0, 1, 2].map((axis) => rows[plotAt + axis]! - states[at + axis]!);
      const { d2, logDet } = mahalanobis(s, y, dims);
      logDetS = logDet;
      return d2;
    },
    update(states, at, plots, plotAt) {
      const { rows } = plots;
      const since = states[at + SINCE]!;
      const { alpha, beta } = gains(states, at, traceOf(rows, plotAt));
      for (let axis = 0; axis < dims; axis += 1) {
        const residual = rows[plotAt + axis]! - states[at + axis]!;
        states[at + axis] = states[at + axis]! + alpha * residual;
        states[at + 3 + axis] = states[at + 3 + axis]! + (beta / since) * residual;
      }
      publishCovariance(states, at, plots, plotAt, { alpha, beta, since });
      states[at + HITS] = states[at + HITS]! + 1;
      states[at + SINCE] = 0;
    },
  };

  function publishCovariance(
    states: Float64Array,
    at: number,
    { rows }: PlotRows,
    plotAt: number,
    { alpha, beta, since }: Gains & { readonly since: number },
  ): void {
    const early = states[at + HITS]! <= 1;
    const ofVelocity = ((beta / (since * since)) * (alpha - beta / 2)) / (1 - alpha);
    for (let member = 0; member < 6; member += 1) {
      if (isFlat && ![0, 1, 3].includes(member)) continue;
      const variance = rows[plotAt + PLOT.xx + member]!;
      states[at + 6 + member] = early ? variance : alpha * variance;
      // With two hits the velocity is the difference of two places; before that nothing is known of it.
      const isDiagonal = member === 0 || member === 3 || member === 5;
      states[at + 21 + member] = early ? (isDiagonal ? initSpeedSigmaMps * initSpeedSigmaMps : 0) : ofVelocity * variance;
    }
  }
}

/** Squared Mahalanobis distance and ln det of S, by Cholesky; `s` holds xx, xy, xz, yy, yz, zz. */
function mahalanobis(s: readonly number[], y: readonly number[], dims: number): { readonly d2: number; readonly logDet: number } {
  const l00 = Math.sqrt(s[0]!);
  const l10 = s[1]! / l00;
  const l11 = Math.sqrt(s[3]! - l10 * l10);
  const e0 = y[0]! / l00;
  const e1 = (y[1]! - l10 * e0) / l11;
  if (dims === 2) return { d2: e0 * e0 + e1 * e1, logDet: 2 * Math.log(l00 * l11) };
  const l20 = s[2]! / l00;
  const l21 = (s[4]! - l20 * l10) / l11;
  const l22 = Math.sqrt(s[5]! - l20 * l20 - l21 * l21);
  const e2 = (y[2]! - l20 * e0 - l21 * e1) / l22;
  return { d2: e0 * e0 + e1 * e1 + e2 * e2, logDet: 2 * Math.log(l00 * l11 * l22) };
}

function square(value: number): number {
  return value * value;
}
