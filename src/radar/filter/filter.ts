import type { Vector3 } from "../coordinates.ts";

/**
 * Where a track's numbers lie in its row: position, velocity, and the unique members of their covariance. Every filter keeps its
 * estimate in this form at the beginning of the row, whatever else it keeps behind it.
 */
export const STATE = { position: 0, velocity: 3, pp: 6, pv: 12, vv: 21 } as const;
export const STATE_SIZE = 27;

/** Plots of one frame in canonical order, one row of `PLOT_STRIDE` numbers each. */
export interface PlotRows {
  readonly rows: Float64Array;
  /** Largest variance per axis, and smallest trace of the first `dims` variances: what bounds a gate. */
  readonly maxVariance: Vector3;
  readonly minTrace: number;
}

/** The one interface behind which filters differ. `states` holds rows of `stride` numbers, `at` is the offset of one of them. */
export interface Filter {
  readonly stride: number;
  /** Degrees of freedom of the distance that `evaluate` gives. */
  readonly dof: number;
  /** ln det S of the last `evaluate`. */
  readonly logDetS: number;
  init(states: Float64Array, at: number, plots: PlotRows, plotAt: number): void;
  /** To `dtS` later; own ship's velocity has meanwhile changed by `ownDv`. */
  predict(states: Float64Array, at: number, dtS: number, ownDv: Vector3): void;
  /** Writes, axis by axis, at least the largest variance that any plot's distance can have: what bounds the search for plots. */
  reach(states: Float64Array, at: number, plots: PlotRows, into: Float64Array): void;
  /** Squared Mahalanobis distance of a plot; where it is over `limit`, any number over `limit` will do. */
  evaluate(states: Float64Array, at: number, plots: PlotRows, plotAt: number, limit: number): number;
  update(states: Float64Array, at: number, plots: PlotRows, plotAt: number): void;
}
