import { STANDARD_GRAVITY_MPS2 } from "#base/units.ts";
import type { CraftConfig } from "./config.ts";
import { burnElapsedTicks, isDead, isTransponderAsked, MOTION, RCS } from "./demand.ts";
import * as at from "./layout.ts";
import { isHeld } from "./motion.ts";
import { SHED_RADAR, SHED_TRANSPONDER } from "./permission.ts";
import type { CraftState } from "./state.ts";
import { burnGroup } from "./thrust.ts";

/** Below these a burn is over, s and kg. */
const BURN_END_S = 1e-9;
const PROPELLANT_END_KG = 1e-9;
const DEAD_RADAR = at.DEAD_LOADS.indexOf("radar");
const DEAD_TRANSPONDER = at.DEAD_LOADS.indexOf("transponder");

/** S7: what the granted power does: drive, thrusters, radar and transponder. */
export function feedback(state: CraftState, config: CraftConfig, dtS: number): void {
  const { values } = state;
  drive(values, config, dtS);
  if (values[config.bodyAt + at.RCS_AXIS]! >= 0) burn(values, config, dtS);
  else if (values[at.BURN_AXIS]! >= 0) clearBurn(values);
  const body = config.bodyAt;
  const isSupplied = values[at.SUPPLY_FRACTION]! >= config.profile.powerPlane.brownoutSupplyMin;
  const isRadarOn =
    values[body + at.RADAR_ENABLED] === 1 && isSupplied && isPermitted(values, SHED_RADAR) && !isDead(values, config, DEAD_RADAR);
  const isTransponderOn =
    isTransponderAsked(values, config) && isSupplied && isPermitted(values, SHED_TRANSPONDER) && !isDead(values, config, DEAD_TRANSPONDER);
  values[body + at.RADAR_ON] = isRadarOn ? 1 : 0;
  values[body + at.TRANSPONDER_ON] = isTransponderOn ? 1 : 0;
}

/** Neither denied nor shed by the distribution unit; a load of zero watts counts as granted. */
export function isPermitted(values: Float64Array, shed: number): boolean {
  return values[at.DENIALS + shed] === 0;
}

/** What a load got of what it asked for; 1 when it asked for nothing. */
export function grantedShare(values: Float64Array, config: CraftConfig, load: number): number {
  const demandW = values[at.DEMAND_W + load]!;
  return demandW === 0 ? 1 : values[config.outputsAt + at.GRANTED_W + load]! / demandW;
}

/** Moves the craft along the horizontal part of its forward axis. */
function drive(values: Float64Array, config: CraftConfig, dtS: number): void {
  const commandMps = values[at.DRIVE_COMMAND_MPS]!;
  values[at.DRIVE_SPEED_MPS] = 0;
  values[at.DRIVE_VELOCITY_MPS] = 0;
  values[at.DRIVE_VELOCITY_MPS + 1] = 0;
  if (commandMps === 0 || isHeld(values, config) || isDead(values, config, DEAD_MOTION)) return;
  const w = values[at.QUATERNION]!;
  const x = values[at.QUATERNION + 1]!;
  const y = values[at.QUATERNION + 2]!;
  const z = values[at.QUATERNION + 3]!;
  const forwardX = w * w - z * z + (x * x - y * y);
  const forwardY = 2 * (x * y + w * z);
  const norm = Math.sqrt(forwardX * forwardX + forwardY * forwardY);
  if (norm < 1e-9) return;
  const speedMps = commandMps * grantedShare(values, config, MOTION) * values[at.SUPPLY_FRACTION]!;
  const velocityX = (speedMps * forwardX) / norm + 0;
  const velocityY = (speedMps * forwardY) / norm + 0;
  values[at.DRIVE_SPEED_MPS] = speedMps;
  values[at.DRIVE_VELOCITY_MPS] = velocityX;
  values[at.DRIVE_VELOCITY_MPS + 1] = velocityY;
  values[at.POSITION_M]! += velocityX * dtS;
  values[at.POSITION_M + 1]! += velocityY * dtS;
}

const DEAD_MOTION = at.DEAD_LOADS.indexOf("motion");
const DEAD_RCS = at.DEAD_LOADS.indexOf("rcs");

/** One tick of a thruster burn: momentum, propellant and what telemetry shows of it; ends it when its time or propellant is over. */
function burn(values: Float64Array, config: CraftConfig, dtS: number): void {
  const body = config.bodyAt;
  const axis = values[body + at.RCS_AXIS]!;
  const burnS = values[at.BURN_S]!;
  const grantedFraction = grantedShare(values, config, RCS);
  const isFiring = !isDead(values, config, DEAD_RCS);
  const duty = isFiring ? values[at.BURN_DUTY]! * grantedFraction * values[at.SUPPLY_FRACTION]! : 0;
  const group = burnGroup(values, config, axis);
  const propellantKg = values[body + at.PROPELLANT_KG]!;
  const usedKg = ((group?.thrustSumN ?? 0) * duty * burnS) / (config.ispS * STANDARD_GRAVITY_MPS2);
  for (let index = 0; index < 3; index += 1) {
    values[at.BURN_FORCE_N + index] = ((group?.forceN[index] ?? 0) * duty * burnS) / dtS + 0;
    values[at.BURN_TORQUE_NM + index] = ((group?.torqueNm[index] ?? 0) * duty * burnS) / dtS + 0;
  }
  if (group !== undefined && !isHeld(values, config)) {
    push(values, group.forceN, (duty * burnS) / (config.profile.motionPlane.dryMassKg + propellantKg), dtS - burnS / 2);
    for (let index = 0; index < 3; index += 1) {
      values[at.RATES_RPS + index]! += (group.torqueNm[index]! * duty * burnS) / config.inertiaKgM2[index]!;
    }
  }
  const leftKg = propellantKg - usedKg;
  values[body + at.PROPELLANT_KG] = leftKg < PROPELLANT_END_KG ? 0 : leftKg;
  const elapsedTicks = burnElapsedTicks(values, config, values[at.TICK]!);
  const leftS = values[body + at.RCS_DURATION_S]! - (elapsedTicks + 1) * dtS;
  values[at.BURN_AXIS] = axis;
  values[at.BURN_PCT] = values[body + at.RCS_PCT]!;
  values[at.BURN_EFFECTIVE] = duty;
  values[at.BURN_GRANTED] = grantedFraction;
  values[at.BURN_FLOW_GS] = (1000 * usedKg) / dtS;
  values[at.BURN_LEFT_S] = Math.max(0, leftS);
  if (leftS <= BURN_END_S || values[body + at.PROPELLANT_KG] === 0) endBurn(values, body);
}

/** Adds an impulse per mass along a body direction, given in m/s per newton; `leverS` is the time it has moved the craft. */
function push(values: Float64Array, [x, y, z]: readonly [number, number, number], mpsPerN: number, leverS: number): void {
  const w = values[at.QUATERNION]!;
  const i = values[at.QUATERNION + 1]!;
  const j = values[at.QUATERNION + 2]!;
  const k = values[at.QUATERNION + 3]!;
  const worldX = (w * w - k * k + (i * i - j * j)) * x + 2 * (i * j - w * k) * y + 2 * (i * k + w * j) * z;
  const worldY = 2 * (i * j + w * k) * x + (w * w - k * k - (i * i - j * j)) * y + 2 * (j * k - w * i) * z;
  const worldZ = 2 * (i * k - w * j) * x + 2 * (j * k + w * i) * y + (w * w + k * k - (i * i + j * j)) * z;
  values[at.VELOCITY_MPS]! += worldX * mpsPerN;
  values[at.VELOCITY_MPS + 1]! += worldY * mpsPerN;
  values[at.VELOCITY_MPS + 2]! += worldZ * mpsPerN;
  values[at.POSITION_M]! += worldX * mpsPerN * leverS;
  values[at.POSITION_M + 1]! += worldY * mpsPerN * leverS;
  values[at.POSITION_M + 2]! += worldZ * mpsPerN * leverS;
}

/** No burn is commanded any more. */
export function endBurn(values: Float64Array, body: number): void {
  values[body + at.RCS_AXIS] = -1;
  values[body + at.RCS_PCT] = 0;
  values[body + at.RCS_DURATION_S] = 0;
  values[body + at.RCS_START_TICK] = -1;
}

function clearBurn(values: Float64Array): void {
  values[at.BURN_AXIS] = -1;
  values.fill(0, at.BURN_PCT, at.BURN_TORQUE_NM + 3);
}
