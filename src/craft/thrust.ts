import type { CraftConfig } from "./config.ts";
import * as at from "./layout.ts";
import { groupOf, type ThrusterGroup } from "./thrusters.ts";

/** The group that burns along an axis, without its dead members; undefined when the craft has none for it. */
export function burnGroup(values: Float64Array, lane: number, config: CraftConfig, axis: number): ThrusterGroup | undefined {
  const group = config.groups[axis];
  if (group === undefined || values[at.FAULTS_IN_FORCE + lane] === 0) return group;
  const alive = group.members.filter((member) => values[config.thrusterDeadAt + member * at.FAULT_STRIDE + lane] !== 1);
  if (alive.length === group.members.length) return group;
  return groupOf(alive, config.profile.thrusters, config.profile.motionPlane.comM);
}

/** Sum of thrust magnitudes of the group that burns, N. */
export function burnThrustSumN(values: Float64Array, lane: number, config: CraftConfig, axis: number): number {
  return burnGroup(values, lane, config, axis)?.thrustSumN ?? 0;
}
