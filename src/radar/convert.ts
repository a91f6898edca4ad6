import { RAD_PER_DEG } from "#base/units.ts";
import type { Detection } from "./frame.ts";
import type { MeasurementSigma } from "./detectability.ts";

/** Numbers of one plot in a `PlotTable`, by their place in its row. */
export const PLOT = { x: 0, y: 1, z: 2, xx: 3, xy: 4, xz: 5, yy: 6, yz: 7, zz: 8, rangeRate: 9, rangeRateVar: 10 } as const;
export const PLOT_STRIDE = 11;

/**
 * Unbiased conversion of a polar measurement with the exact second moments of its error, taken at the measured point
 * (Longbin et al., "Unbiased converted measurements for tracking", IEEE AES 34(3), 1998, extended to three dimensions; radar §6.4).
 */
export function convertPlot(detection: Detection, sigma: MeasurementSigma, into: Float64Array, at: number): void {
  const { rangeM: r } = detection;
  const variance = sigma.angleRad * sigma.angleRad;
  const l = Math.exp(-variance / 2);
  const l4 = l * l * l * l;
  const bearing = detection.bearingDeg * RAD_PER_DEG;
  const elevation = detection.elevDeg * RAD_PER_DEG;
  const [sinB, cosB] = [Math.sin(bearing), Math.cos(bearing)];
  const [sinE, cosE] = [Math.sin(elevation), Math.cos(elevation)];
  const q = r * r + sigma.rangeM * sigma.rangeM;
  const k = 1 / (l * l * l * l);
  const cos2E = cosE * cosE - sinE * sinE;
  const cos2B = cosB * cosB - sinB * sinB;
  const ce2 = (1 + l4 * cos2E) / 2;
  const se2 = (1 - l4 * cos2E) / 2;
  const sb2 = (1 - l4 * cos2B) / 2;
  const cb2 = (1 + l4 * cos2B) / 2;
  const sc = l4 * sinB * cosB;
  const ss = l4 * sinE * cosE;
  const r2 = r * r;
  into[at + PLOT.x] = (r * cosE * sinB) / (l * l);
  into[at + PLOT.y] = (r * cosE * cosB) / (l * l);
  into[at + PLOT.z] = (r * sinE) / l;
  into[at + PLOT.xx] = q * ce2 * sb2 * k - r2 * cosE * cosE * sinB * sinB;
  into[at + PLOT.xy] = q * ce2 * sc * k - r2 * cosE * cosE * sinB * cosB;
  into[at + PLOT.xz] = (q * ss * sinB) / (l * l) - r2 * cosE * sinE * sinB;
  into[at + PLOT.yy] = q * ce2 * cb2 * k - r2 * cosE * cosE * cosB * cosB;
  into[at + PLOT.yz] = (q * ss * cosB) / (l * l) - r2 * cosE * sinE * cosB;
  into[at + PLOT.zz] = (q * se2) / (l * l) - r2 * sinE * sinE;
  into[at + PLOT.rangeRate] = detection.rangeRateMps;
  into[at + PLOT.rangeRateVar] = sigma.rangeRateMps * sigma.rangeRateMps;
}
