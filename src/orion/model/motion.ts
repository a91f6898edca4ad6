import type { Read } from "./sampling.ts";

/** Rates that differ by more than this do not tell the same. */
const SAME_RATE_RPS = 1e-6;

/** Rotation about one body axis: what the craft does and what its IMU says of it. */
export interface RateLine {
  readonly axis: "roll" | "pitch" | "yaw";
  /** Of the craft; undefined when not published. Yaw counts as headings grow. */
  readonly truthRps: number | undefined;
  /** Of the IMU; undefined when it gives none. */
  readonly imuRps: number | undefined;
  /** IMU less craft; undefined when either is missing. */
  readonly differenceRps: number | undefined;
  readonly isDifferent: boolean;
}

export function rateLines(read: Read): readonly RateLine[] {
  const body = read("motion.body_rates_rps") as readonly number[] | undefined;
  return (["roll", "pitch", "yaw"] as const).map((axis, place) => {
    const rate = body?.[place];
    const truthRps = rate === undefined ? undefined : axis === "yaw" ? 0 - rate : rate;
    const imuRps = read(`sensor_plane.imu.${axis}_rate_rps`) as number | undefined;
    const differenceRps = truthRps === undefined || imuRps === undefined ? undefined : imuRps - truthRps;
    return { axis, truthRps, imuRps, differenceRps, isDifferent: Math.abs(differenceRps ?? 0) > SAME_RATE_RPS };
  });
}

/** Distance from the origin and direction to it over ground, as a navigator asks; undefined when not published. */
export function rangeAndBearing(read: Read): { readonly rangeM: number; readonly bearingDeg: number } | undefined {
  const position = read("position") as { readonly x: number; readonly y: number; readonly z: number } | undefined;
  if (position === undefined) return undefined;
  const { x, y, z } = position;
  const bearingDeg = (Math.atan2(x, y) * 180) / Math.PI;
  return { rangeM: Math.sqrt(x * x + y * y + z * z), bearingDeg: bearingDeg < 0 ? bearingDeg + 360 : bearingDeg };
}
