import { RAD_PER_DEG } from "#base/units.ts";
import type { CraftConfig } from "./config.ts";
import * as at from "./layout.ts";
import type { CraftState } from "./state.ts";

/**
 * S1: position by the inertial velocity, attitude by rigid-body rotation (Euler's equations, one classical Runge-Kutta step; the
 * quaternion turns by the mean of old and new rates), then a pending turn about the vertical.
 */
export function motion(state: CraftState, config: CraftConfig, dtS: number): void {
  const { values } = state;
  if (isHeld(values, config)) {
    values.fill(0, at.VELOCITY_MPS, at.VELOCITY_MPS + 3);
    values.fill(0, at.RATES_RPS, at.RATES_RPS + 3);
    return;
  }
  values[at.POSITION_M]! += values[at.VELOCITY_MPS]! * dtS;
  values[at.POSITION_M + 1]! += values[at.VELOCITY_MPS + 1]! * dtS;
  values[at.POSITION_M + 2]! += values[at.VELOCITY_MPS + 2]! * dtS;
  if (values[at.RATES_RPS] !== 0 || values[at.RATES_RPS + 1] !== 0 || values[at.RATES_RPS + 2] !== 0) rotate(values, config, dtS);
  if (values[at.TURN_LEFT_DEG] !== 0) turn(values, config.profile.motionPlane.turnRateDps * dtS);
}

/** Whether the docked craft is held still. */
export function isHeld(values: Float64Array, config: CraftConfig): boolean {
  return config.holdWhenDocked && values[at.DOCKED] === 1;
}

function rotate(values: Float64Array, config: CraftConfig, dtS: number): void {
  const terms = config.eulerTerms;
  const cx = terms[0]!;
  const cy = terms[1]!;
  const cz = terms[2]!;
  const wx = values[at.RATES_RPS]!;
  const wy = values[at.RATES_RPS + 1]!;
  const wz = values[at.RATES_RPS + 2]!;
  const half = dtS / 2;
  const ax = cx * wy * wz;
  const ay = cy * wz * wx;
  const az = cz * wx * wy;
  const bx = cx * (wy + half * ay) * (wz + half * az);
  const by = cy * (wz + half * az) * (wx + half * ax);
  const bz = cz * (wx + half * ax) * (wy + half * ay);
  const gx = cx * (wy + half * by) * (wz + half * bz);
  const gy = cy * (wz + half * bz) * (wx + half * bx);
  const gz = cz * (wx + half * bx) * (wy + half * by);
  const dx = cx * (wy + dtS * gy) * (wz + dtS * gz);
  const dy = cy * (wz + dtS * gz) * (wx + dtS * gx);
  const dz = cz * (wx + dtS * gx) * (wy + dtS * gy);
  const newX = wx + (dtS / 6) * (ax + 2 * bx + 2 * gx + dx);
  const newY = wy + (dtS / 6) * (ay + 2 * by + 2 * gy + dy);
  const newZ = wz + (dtS / 6) * (az + 2 * bz + 2 * gz + dz);
  values[at.RATES_RPS] = newX + 0;
  values[at.RATES_RPS + 1] = newY + 0;
  values[at.RATES_RPS + 2] = newZ + 0;
  turnBody(values, (wx + newX) / 2, (wy + newY) / 2, (wz + newZ) / 2, dtS);
}

/** Below this square of the half angle (0.1 rad), four terms of cosine and sine give every bit, without a call or a root. */
const SERIES_BELOW = 0.01;

/** q = normalise(q ⊗ dq), dq being the turn by constant body rates over the step. */
function turnBody(values: Float64Array, midX: number, midY: number, midZ: number, dtS: number): void {
  const half = dtS / 2;
  const squared = (midX * midX + midY * midY + midZ * midZ) * half * half;
  let scalar: number;
  let scale: number;
  if (squared < SERIES_BELOW) {
    scalar = 1 - squared * (1 / 2 - squared * (1 / 24 - squared * (1 / 720 - squared / 40320)));
    scale = half * (1 - squared * (1 / 6 - squared * (1 / 120 - squared * (1 / 5040 - squared / 362880))));
  } else {
    const angle = Math.sqrt(squared);
    scalar = Math.cos(angle);
    scale = (half * Math.sin(angle)) / angle;
  }
  const x = midX * scale;
  const y = midY * scale;
  const z = midZ * scale;
  const qw = values[at.QUATERNION]!;
  const qx = values[at.QUATERNION + 1]!;
  const qy = values[at.QUATERNION + 2]!;
  const qz = values[at.QUATERNION + 3]!;
  storeNormalised(
    values,
    qw * scalar - qx * x - qy * y - qz * z,
    qw * x + qx * scalar + qy * z - qz * y,
    qw * y - qx * z + qy * scalar + qz * x,
    qw * z + qx * y - qy * x + qz * scalar,
  );
}

/** Turns towards larger headings, clockwise seen from above, by what is left or the most that one step allows. */
function turn(values: Float64Array, mostDeg: number): void {
  const leftDeg = values[at.TURN_LEFT_DEG]!;
  const byDeg = leftDeg < 0 ? -Math.min(-leftDeg, mostDeg) : Math.min(leftDeg, mostDeg);
  const halfRad = (-byDeg * RAD_PER_DEG) / 2;
  const c = Math.cos(halfRad);
  const s = Math.sin(halfRad);
  const qw = values[at.QUATERNION]!;
  const qx = values[at.QUATERNION + 1]!;
  const qy = values[at.QUATERNION + 2]!;
  const qz = values[at.QUATERNION + 3]!;
  storeNormalised(values, c * qw - s * qz, c * qx - s * qy, c * qy + s * qx, c * qz + s * qw);
  values[at.TURN_LEFT_DEG] = leftDeg - byDeg;
}

function storeNormalised(values: Float64Array, w: number, x: number, y: number, z: number): void {
  const squared = w * w + x * x + y * y + z * z;
  // Next to 1 the first-order inverse root is exact to the last bit: the term left out is 3/8 (squared - 1)².
  const inverse = Math.abs(squared - 1) < 1e-9 ? 1.5 - 0.5 * squared : 1 / Math.sqrt(squared);
  values[at.QUATERNION] = w * inverse + 0;
  values[at.QUATERNION + 1] = x * inverse + 0;
  values[at.QUATERNION + 2] = y * inverse + 0;
  values[at.QUATERNION + 3] = z * inverse + 0;
}
