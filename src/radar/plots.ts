import { PLOT, PLOT_STRIDE, convertPlot } from "./convert.ts";
import { type MeasurementSigma, measurementSigma } from "./detectability.ts";
import type { PlotRows } from "./filter/filter.ts";
import { type Detection, RANGE_BAND, type RangeBand } from "./frame.ts";
import { mergeBands, type PolarPlot } from "./merge.ts";
import type { BandSettings, SensorSettings } from "./sensor-settings.ts";

/** The plots of one frame in canonical order, as the filters read them. */
export class Plots implements PlotRows {
  rows = new Float64Array(64 * PLOT_STRIDE);
  count = 0;
  readonly bands: RangeBand[] = [];
  /** Measured SNR as a power ratio. */
  readonly snr: number[] = [];
  readonly rcsDbsm: number[] = [];
  /** Polar form and identity; absent for plots that were given as places. */
  readonly polar: (PolarPlot | undefined)[] = [];
  maxVariance: [number, number, number] = [0, 0, 0];
  minTrace = Number.POSITIVE_INFINITY;

  clear(): void {
    this.count = 0;
    this.maxVariance = [0, 0, 0];
    this.minTrace = Number.POSITIVE_INFINITY;
  }

  /** Adds a polar plot at the end. */
  addPolar(plot: PolarPlot, snr: number, dims: number): void {
    const at = this.#nextRow();
    convertPlot(plot.detection, plot.sigma, this.rows, at);
    if (dims === 2) this.#flatten(at);
    this.#finish(at, plot.detection.band, snr, plot.detection.rcsDbsm, plot, dims);
  }

  /** Adds a plot that is known as a place, the same variance on every axis. */
  addPlace(x: number, y: number, z: number, variance: number, snr: number, dims: number): void {
    const at = this.#nextRow();
    const { rows } = this;
    rows.fill(0, at, at + PLOT_STRIDE);
    rows[at] = x;
    rows[at + 1] = y;
    rows[at + 2] = z;
    rows[at + PLOT.xx] = variance;
    rows[at + PLOT.yy] = variance;
    rows[at + PLOT.zz] = variance;
    this.#finish(at, RANGE_BAND.unspecified, snr, 0, undefined, dims);
  }

  #nextRow(): number {
    const at = this.count * PLOT_STRIDE;
    if (at + PLOT_STRIDE > this.rows.length) {
      const grown = new Float64Array(this.rows.length * 2);
      grown.set(this.rows);
      this.rows = grown;
    }
    return at;
  }

  #flatten(at: number): void {
    const { rows } = this;
    for (const member of [PLOT.z, PLOT.xz, PLOT.yz, PLOT.zz]) rows[at + member] = 0;
  }

  #finish(at: number, band: RangeBand, snr: number, rcsDbsm: number, polar: PolarPlot | undefined, dims: number): void {
    const { rows, maxVariance } = this;
    const xx = rows[at + PLOT.xx]!;
    const yy = rows[at + PLOT.yy]!;
    const zz = rows[at + PLOT.zz]!;
    if (xx > maxVariance[0]) maxVariance[0] = xx;
    if (yy > maxVariance[1]) maxVariance[1] = yy;
    if (zz > maxVariance[2]) maxVariance[2] = zz;
    const trace = dims === 2 ? xx + yy : xx + yy + zz;
    if (trace < this.minTrace) this.minTrace = trace;
    const index = this.count;
    this.bands[index] = band;
    this.snr[index] = snr;
    this.rcsDbsm[index] = rcsDbsm;
    this.polar[index] = polar;
    this.count += 1;
  }
}

/** Fills `plots` from a frame's detections: canonical order, LR plots that SR saw too left out. Returns how many were. */
export function plotDetections(
  plots: Plots,
  detections: readonly Detection[],
  sensor: SensorSettings,
  dims: number,
): { readonly merged: number } {
  const polar = detections
    .map((detection, index): PolarPlot & { index: number } => ({ detection, sigma: sigmaOf(detection, sensor), index }))
    .sort(canonicalOrder);
  const { kept, merged } = mergeBands(polar);
  plots.clear();
  for (const plot of kept) plots.addPolar(plot, Math.exp((plot.detection.snrDb / 10) * Math.LN10), dims);
  return { merged };
}

/** Errors of a detection by its band's constants; an unspecified band counts as the one that would look at its range. */
function sigmaOf(detection: Detection, sensor: SensorSettings): MeasurementSigma {
  return measurementSigma(bandOf(detection, sensor), detection.snrDb);
}

function bandOf({ band, rangeM }: Detection, sensor: SensorSettings): BandSettings {
  if (band === RANGE_BAND.lr) return sensor.lr;
  return band === RANGE_BAND.sr || rangeM <= sensor.srThresholdM ? sensor.sr : sensor.lr;
}

/** SR, LR, unspecified; then by what was measured, so that the order within a frame says nothing (radar §6.3). */
function canonicalOrder(a: PolarPlot & { index: number }, b: PolarPlot & { index: number }): number {
  const [left, right] = [a.detection, b.detection];
  return (
    BAND_ORDER[left.band] - BAND_ORDER[right.band] ||
    left.rangeM - right.rangeM ||
    left.bearingDeg - right.bearingDeg ||
    left.elevDeg - right.elevDeg ||
    left.rangeRateMps - right.rangeRateMps ||
    tieOrder(left, right) ||
    a.index - b.index
  );
}

const BAND_ORDER = [2, 1, 0] as const;

/** Between plots that measured the very same: the rest of what they carry decides, before their place in the frame does. */
function tieOrder(a: Detection, b: Detection): number {
  const text = (one: Detection): string => `${one.snrDb} ${one.rcsDbsm} ${one.transponderMode} ${one.transponderId ?? ""}`;
  const [left, right] = [text(a), text(b)];
  return left < right ? -1 : left > right ? 1 : 0;
}
