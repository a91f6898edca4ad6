import { RAD_PER_DEG } from "#base/units.ts";
import type { CraftConfig } from "./config.ts";
import * as at from "./layout.ts";
import type { Crafts } from "./state.ts";

// The engine folds constants of this module, not imported ones.
const { DOCKED, NEXT, POSITION_M, QUATERNION, RATES_RPS, TURN_LEFT_DEG, VELOCITY_MPS } = at;

/**
 * S1: position by the inertial velocity, attitude by rigid-body rotation (Euler's equations, one classical Runge-Kutta step; the
 * quaternion turns by the mean of old and new rates), then a pending turn about the vertical.
 */
export function motion(crafts: Crafts, config: CraftConfig, dtS: number): void {
  drift(crafts, config, dtS);
  rotate(crafts, config, dtS);
  turn(crafts, config, dtS);
}

function drift({ values, lanes }: Crafts, config: CraftConfig, dtS: number): void {
  for (let lane = 0; lane < lanes; lane += 1) {
    if (isHeld(values, lane, config)) hold(values, lane);
    values[POSITION_M + lane]! += values[VELOCITY_MPS + lane]! * dtS;
    values[POSITION_M + NEXT + lane]! += values[VELOCITY_MPS + NEXT + lane]! * dtS;
    values[POSITION_M + 2 * NEXT + lane]! += values[VELOCITY_MPS + 2 * NEXT + lane]! * dtS;
  }
}

/** Whether the docked craft is held still. */
export function isHeld(values: Float64Array, lane: number, config: CraftConfig): boolean {
  return config.holdWhenDocked && values[DOCKED + lane] === 1;
}

function hold(values: Float64Array, lane: number): void {
  for (let axis = 0; axis < 3; axis += 1) {
    values[VELOCITY_MPS + axis * NEXT + lane] = 0;
    values[RATES_RPS + axis * NEXT + lane] = 0;
  }
}

function rotate({ values, lanes }: Crafts, config: CraftConfig, dtS: number): void {
  const terms = config.eulerTerms;
  const cx = terms[0]!;
  const cy = terms[1]!;
  const cz = terms[2]!;
  const half = dtS / 2;
  const sixth = dtS / 6;
  for (let lane = 0; lane < lanes; lane += 1) {
    const wx = values[RATES_RPS + lane]!;
    const wy = values[RATES_RPS + NEXT + lane]!;
    const wz = values[RATES_RPS + 2 * NEXT + lane]!;
    if (wx === 0 && wy === 0 && wz === 0) continue;
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
    const newX = wx + sixth * (ax + 2 * bx + 2 * gx + dx);
    const newY = wy + sixth * (ay + 2 * by + 2 * gy + dy);
    const newZ = wz + sixth * (az + 2 * bz + 2 * gz + dz);
    values[RATES_RPS + lane] = newX + 0;
    values[RATES_RPS + NEXT + lane] = newY + 0;
    values[RATES_RPS + 2 * NEXT + lane] = newZ + 0;
    turnBody(values, lane, (wx + newX) / 2, (wy + newY) / 2, (wz + newZ) / 2, dtS);
  }
}

/** Below this square of the half angle (0.1 rad), four terms of cosine and sine give every bit, without a call or a root. */
const SERIES_BELOW = 0.01;

/** q = normalise(q ⊗ dq), dq being the turn by constant body rates over the step. */
function turnBody(values: Float64Array, lane: number, midX: number, midY: number, midZ: number, dtS: number): void {
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
  multiply(values, lane, scalar, midX * scale, midY * scale, midZ * scale);
}

/** q = normalise(q ⊗ (scalar, x, y, z)). */
function multiply(values: Float64Array, lane: number, scalar: number, x: number, y: number, z: number): void {
  const qw = values[QUATERNION + lane]!;
  const qx = values[QUATERNION + NEXT + lane]!;
  const qy = values[QUATERNION + 2 * NEXT + lane]!;
  const qz = values[QUATERNION + 3 * NEXT + lane]!;
  storeNormalised(
    values,
    lane,
    qw * scalar - qx * x - qy * y - qz * z,
    qw * x + qx * scalar + qy * z - qz * y,
    qw * y - qx * z + qy * scalar + qz * x,
    qw * z + qx * y - qy * x + qz * scalar,
  );
}

/** Turns towards larger headings, clockwise seen from above, by what is left or the most that one step allows. */
function turn({ values, lanes }: Crafts, config: CraftConfig, dtS: number): void {
  const mostDeg = config.profile.motionPlane.turnRateDps * dtS;
  for (let lane = 0; lane < lanes; lane += 1) {
    const leftDeg = values[TURN_LEFT_DEG + lane]!;
    if (leftDeg === 0 || isHeld(values, lane, config)) continue;
    const byDeg = leftDeg < 0 ? -Math.min(-leftDeg, mostDeg) : Math.min(leftDeg, mostDeg);
    const halfRad = (-byDeg * RAD_PER_DEG) / 2;
    const c = Math.cos(halfRad);
    const s = Math.sin(halfRad);
    const qw = values[QUATERNION + lane]!;
    const qx = values[QUATERNION + NEXT + lane]!;
    const qy = values[QUATERNION + 2 * NEXT + lane]!;
    const qz = values[QUATERNION + 3 * NEXT + lane]!;
    storeNormalised(values, lane, c * qw - s * qz, c * qx - s * qy, c * qy + s * qx, c * qz + s * qw);
    values[TURN_LEFT_DEG + lane] = leftDeg - byDeg;
  }
}

function storeNormalised(values: Float64Array, lane: number, w: number, x: number, y: number, z: number): void {
  const squared = w * w + x * x + y * y + z * z;
  // Next to 1 the first-order inverse root is exact to the last bit: the term left out is 3/8 (squared - 1)².
  const inverse = Math.abs(squared - 1) < 1e-9 ? 1.5 - 0.5 * squared : 1 / Math.sqrt(squared);
  values[QUATERNION + lane] = w * inverse + 0;
  values[QUATERNION + NEXT + lane] = x * inverse + 0;
  values[QUATERNION + 2 * NEXT + lane] = y * inverse + 0;
  values[QUATERNION + 3 * NEXT + lane] = z * inverse + 0;
}
