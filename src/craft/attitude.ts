import { DEG_PER_RAD } from "#base/units.ts";
import * as at from "./layout.ts";

/** Attitude in the angles telemetry shows. */
export interface AttitudeAngles {
  readonly rollRad: number;
  /** Positive nose down. */
  readonly pitchRad: number;
  /** Heading in radians. */
  readonly yawRad: number;
  /** Of the forward axis' horizontal part, [0,360), 0 north (+Y), clockwise. */
  readonly headingDeg: number;
}

/** Angles of the body axes in the world (simulation §5, S1). Sums of squares are paired so that heading 0 comes out as exactly 0. */
export function attitudeAngles(values: Float64Array): AttitudeAngles {
  const w = values[at.QUATERNION]!;
  const x = values[at.QUATERNION + at.NEXT]!;
  const y = values[at.QUATERNION + 2 * at.NEXT]!;
  const z = values[at.QUATERNION + 3 * at.NEXT]!;
  const forwardX = w * w - z * z + (x * x - y * y);
  const forwardY = 2 * (x * y + w * z);
  const forwardZ = 2 * (x * z - w * y);
  const leftZ = 2 * (y * z + w * x);
  const upZ = w * w + z * z - (x * x + y * y);
  let headingDeg = Math.atan2(forwardX, forwardY) * DEG_PER_RAD;
  if (headingDeg < 0) headingDeg += 360;
  if (headingDeg >= 360) headingDeg = 0;
  return {
    rollRad: Math.atan2(leftZ, upZ),
    pitchRad: Math.atan2(-forwardZ, Math.sqrt(forwardX * forwardX + forwardY * forwardY)),
    yawRad: headingDeg / DEG_PER_RAD,
    headingDeg,
  };
}
