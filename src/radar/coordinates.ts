import { DEG_PER_RAD, RAD_PER_DEG } from "#base/units.ts";

/** World axes: x east, y north, z up; metres or metres per second. */
export type Vector3 = readonly [x: number, y: number, z: number];

/** Range in metres, bearing clockwise from north in [0, 360) and elevation in [-90, 90] degrees (radar §3). */
export interface Polar {
  readonly rangeM: number;
  readonly bearingDeg: number;
  readonly elevDeg: number;
}

export function xyzOfPolar({ rangeM, bearingDeg, elevDeg }: Polar): Vector3 {
  const bearing = bearingDeg * RAD_PER_DEG;
  const elevation = elevDeg * RAD_PER_DEG;
  const horizontalM = rangeM * Math.cos(elevation);
  return [horizontalM * Math.sin(bearing), horizontalM * Math.cos(bearing), rangeM * Math.sin(elevation)];
}

/** At the origin all three are 0. */
export function polarOfXyz(x: number, y: number, z: number): Polar {
  return {
    rangeM: Math.sqrt(x * x + y * y + z * z),
    bearingDeg: normalBearingDeg(Math.atan2(x, y) * DEG_PER_RAD),
    elevDeg: Math.atan2(z, Math.hypot(x, y)) * DEG_PER_RAD + 0,
  };
}

/** A bearing in [0, 360): one so little below 0 that adding 360 rounds up to it becomes 0, and -0 becomes 0. */
export function normalBearingDeg(bearingDeg: number): number {
  let bearing = bearingDeg % 360;
  if (bearing < 0) bearing += 360;
  return bearing >= 360 ? 0 : bearing + 0;
}

/** An angle difference in (-180, 180] degrees. */
export function wrappedDeg(differenceDeg: number): number {
  const wrapped = normalBearingDeg(differenceDeg);
  return wrapped > 180 ? wrapped - 360 : wrapped;
}

/** Range rate of something at `p` moving at `v`, both relative: v·p/|p|, 0 at the origin; negative is closing. */
export function rangeRateMps(px: number, py: number, pz: number, vx: number, vy: number, vz: number): number {
  const rangeM = Math.sqrt(px * px + py * py + pz * pz);
  return rangeM === 0 ? 0 : (vx * px + vy * py + vz * pz) / rangeM;
}
