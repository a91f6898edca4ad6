import type { Vector } from "#base/key-spec.ts";
import type { Thruster } from "./thruster-file.ts";

/** Axes a burn can have, in wire and hash order, with the body direction the craft is pushed in. */
export const BURN_AXES = ["forward", "aft", "port", "starboard", "up", "down"] as const;
export type BurnAxis = (typeof BURN_AXES)[number];

/** Thrusters that push along one axis together. */
export interface ThrusterGroup {
  /** Places in the thruster file. */
  readonly members: readonly number[];
  /** Sum of thrust vectors at full duty, body axes. */
  readonly forceN: Vector;
  /** Sum of torques about the centre of mass at full duty. */
  readonly torqueNm: Vector;
  /** Sum of thrust magnitudes, which the propellant flow follows. */
  readonly thrustSumN: number;
}

const AXIS_DIRECTIONS: readonly Vector[] = [
  [1, 0, 0],
  [-1, 0, 0],
  [0, 1, 0],
  [0, -1, 0],
  [0, 0, 1],
  [0, 0, -1],
];
const SIDEWAYS_WEIGHT = 0.05;
const TORQUE_WEIGHT_PER_M = 0.5;
const BETTER_BY = 1e-9;

/**
 * The group for each axis: of all pairs, then all fours, the one with the most thrust along the axis after a charge for
 * sideways thrust and for torque beyond the tolerance; undefined where none pushes that way.
 */
export function chooseGroups(
  thrusters: readonly Thruster[],
  comM: Vector,
  torqueToleranceNm: number,
): readonly (ThrusterGroup | undefined)[] {
  const best: (ThrusterGroup | undefined)[] = BURN_AXES.map(() => undefined);
  const bestScores = BURN_AXES.map(() => -Infinity);
  const consider = (members: readonly number[]): void => {
    const group = groupOf(members, thrusters, comM);
    const excessNm = Math.max(0, length(group.torqueNm) - torqueToleranceNm);
    AXIS_DIRECTIONS.forEach((axis, index) => {
      const alongN = dot(group.forceN, axis);
      if (alongN <= 0) return;
      const score = alongN - SIDEWAYS_WEIGHT * length(rejection(group.forceN, axis, alongN)) - TORQUE_WEIGHT_PER_M * excessNm;
      if (score <= bestScores[index]! + BETTER_BY) return;
      bestScores[index] = score;
      best[index] = group;
    });
  };
  const count = thrusters.length;
  for (let a = 0; a < count; a += 1) for (let b = a + 1; b < count; b += 1) consider([a, b]);
  for (let a = 0; a < count; a += 1)
    for (let b = a + 1; b < count; b += 1)
      for (let c = b + 1; c < count; c += 1) for (let d = c + 1; d < count; d += 1) consider([a, b, c, d]);
  return best;
}

/** Force, torque and flow of some thrusters at full duty. */
export function groupOf(members: readonly number[], thrusters: readonly Thruster[], comM: Vector): ThrusterGroup {
  const forceN: [number, number, number] = [0, 0, 0];
  const torqueNm: [number, number, number] = [0, 0, 0];
  let thrustSumN = 0;
  for (const member of members) {
    const thruster = thrusters[member]!;
    const wrench = wrenchOf(thruster, comM);
    for (let axis = 0; axis < 3; axis += 1) {
      forceN[axis]! += wrench[axis]! * thruster.fMaxNewton;
      torqueNm[axis]! += wrench[axis + 3]! * thruster.fMaxNewton;
    }
    thrustSumN += thruster.fMaxNewton * length(thruster.direction);
  }
  return { members, forceN, torqueNm, thrustSumN };
}

/** How many of the six motions (three forces, three torques) the thrusters can command independently. */
export function allocationRank(thrusters: readonly Thruster[], comM: Vector): number {
  const rows = thrusters.filter((thruster) => thruster.fMaxNewton > 0).map((thruster) => wrenchOf(thruster, comM));
  let rank = 0;
  for (let column = 0; column < 6; column += 1) {
    let pivot = rank;
    for (let row = rank + 1; row < rows.length; row += 1) if (Math.abs(rows[row]![column]!) > Math.abs(rows[pivot]![column]!)) pivot = row;
    if (pivot >= rows.length || Math.abs(rows[pivot]![column]!) < 1e-9) continue;
    [rows[rank], rows[pivot]] = [rows[pivot]!, rows[rank]!];
    for (let row = rank + 1; row < rows.length; row += 1) {
      const factor = rows[row]![column]! / rows[rank]![column]!;
      for (let k = column; k < 6; k += 1) rows[row]![k]! -= factor * rows[rank]![k]!;
    }
    rank += 1;
  }
  return rank;
}

/** Force direction and torque about the centre of mass per newton. */
function wrenchOf({ positionM, direction }: Thruster, comM: Vector): number[] {
  const x = positionM[0] - comM[0];
  const y = positionM[1] - comM[1];
  const z = positionM[2] - comM[2];
  const [fx, fy, fz] = direction;
  return [fx, fy, fz, y * fz - z * fy, z * fx - x * fz, x * fy - y * fx];
}

function rejection(force: Vector, axis: Vector, alongN: number): Vector {
  return [force[0] - alongN * axis[0], force[1] - alongN * axis[1], force[2] - alongN * axis[2]];
}

function dot(a: Vector, b: Vector): number {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

function length(vector: Vector): number {
  return Math.sqrt(dot(vector, vector));
}
