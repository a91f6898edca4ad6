import { RAD_PER_DEG } from "#base/units.ts";
import { wrappedDeg } from "./coordinates.ts";
import type { MeasurementSigma } from "./detectability.ts";
import { type Detection, RANGE_BAND } from "./frame.ts";

/** A detection with its errors. */
export interface PolarPlot {
  readonly detection: Detection;
  readonly sigma: MeasurementSigma;
}

/** Chi-square with four degrees of freedom at 0.99 and 0.9999 (radar §6.6). */
const SAME_D_MAX = 13.276704;
const ABSORBED_D_MAX = 23.512742;
/** No single quantity may differ by more than three of its standard deviations. */
const SINGLE_MAX = 9;

/**
 * Leaves out the LR plots that are the same contact as an SR plot of the frame (radar §6.10). `plots` in canonical order: SR plots in
 * that order each take the nearest LR plot that is still there.
 */
export function mergeBands<Plot extends PolarPlot>(plots: readonly Plot[]): { readonly kept: readonly Plot[]; readonly merged: number } {
  const lr = plots.filter(({ detection }) => detection.band === RANGE_BAND.lr);
  if (lr.length === 0 || lr.length === plots.length) return { kept: plots, merged: 0 };
  const discarded = new Set<Plot>();
  const widestM = widestSigmaM(lr);
  for (const plot of plots) {
    if (plot.detection.band !== RANGE_BAND.sr) continue;
    // LR plots are in order of range, so only those near enough in range need a look.
    const reachM = Math.sqrt(SINGLE_MAX * (widestM * widestM + plot.sigma.rangeM * plot.sigma.rangeM));
    let nearest: Plot | undefined;
    let least = SAME_D_MAX;
    for (let index = firstFrom(lr, plot.detection.rangeM - reachM); index < lr.length; index += 1) {
      const candidate = lr[index]!;
      if (candidate.detection.rangeM > plot.detection.rangeM + reachM) break;
      if (discarded.has(candidate)) continue;
      const d = bandDistance(candidate, plot);
      if (d !== undefined && (d < least || (d === least && nearest === undefined))) [nearest, least] = [candidate, d];
    }
    if (nearest !== undefined) discarded.add(nearest);
  }
  return { kept: discarded.size === 0 ? plots : plots.filter((plot) => !discarded.has(plot)), merged: discarded.size };
}

/**
 * Whether an LR plot is so near one of the SR plots, in order of range, that it starts no track of its own; `widestM` is the largest
 * standard deviation of their ranges.
 */
export function isAbsorbedByAny(lr: PolarPlot, sr: readonly PolarPlot[], widestM: number): boolean {
  const reachM = Math.sqrt(ABSORBED_D_MAX * (widestM * widestM + lr.sigma.rangeM * lr.sigma.rangeM));
  for (let index = firstFrom(sr, lr.detection.rangeM - reachM); index < sr.length; index += 1) {
    const near = sr[index]!;
    if (near.detection.rangeM > lr.detection.rangeM + reachM) break;
    if (squares(lr, near).reduce((sum, one) => sum + one, 0) <= ABSORBED_D_MAX) return true;
  }
  return false;
}

export function widestSigmaM(plots: readonly PolarPlot[]): number {
  return plots.reduce((most, { sigma }) => Math.max(most, sigma.rangeM), 0);
}

/** Sum of the normalised squares, undefined where a single one is too large. */
function bandDistance(a: PolarPlot, b: PolarPlot): number | undefined {
  const parts = squares(a, b);
  return parts.every((one) => one <= SINGLE_MAX) ? parts.reduce((sum, one) => sum + one, 0) : undefined;
}

function squares(a: PolarPlot, b: PolarPlot): readonly number[] {
  const angleVariance = a.sigma.angleRad * a.sigma.angleRad + b.sigma.angleRad * b.sigma.angleRad;
  const meanElevation = ((a.detection.elevDeg + b.detection.elevDeg) / 2) * RAD_PER_DEG;
  const range = a.detection.rangeM - b.detection.rangeM;
  const bearing = wrappedDeg(a.detection.bearingDeg - b.detection.bearingDeg) * RAD_PER_DEG * Math.cos(meanElevation);
  const elevation = (a.detection.elevDeg - b.detection.elevDeg) * RAD_PER_DEG;
  const rate = a.detection.rangeRateMps - b.detection.rangeRateMps;
  return [
    (range * range) / (a.sigma.rangeM * a.sigma.rangeM + b.sigma.rangeM * b.sigma.rangeM),
    (bearing * bearing) / angleVariance,
    (elevation * elevation) / angleVariance,
    (rate * rate) / (a.sigma.rangeRateMps * a.sigma.rangeRateMps + b.sigma.rangeRateMps * b.sigma.rangeRateMps),
  ];
}

/** Index of the first plot at this range or farther. */
function firstFrom(plots: readonly PolarPlot[], rangeM: number): number {
  let [low, high] = [0, plots.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (plots[middle]!.detection.rangeM < rangeM) low = middle + 1;
    else high = middle;
  }
  return low;
}
