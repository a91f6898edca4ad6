import { STANDARD_GRAVITY_MPS2 } from "#base/units.ts";
import type { CraftConfig } from "./config.ts";
import { burnElapsedTicks, isDead, isTransponderAsked } from "./demand.ts";
import * as at from "./layout.ts";
import { isHeld } from "./motion.ts";
import type { Crafts } from "./state.ts";
import { burnGroup } from "./thrust.ts";

// The engine folds constants of this module, not imported ones.
const {
  BURN_AXIS,
  BURN_DUTY,
  BURN_EFFECTIVE,
  BURN_END,
  BURN_FLOW_GS,
  BURN_FORCE_N,
  BURN_GRANTED,
  BURN_LEFT_S,
  BURN_PCT,
  BURN_S,
  BURN_TORQUE_NM,
  DEAD_LOADS,
  DEMAND_W,
  DENIALS,
  DRIVE_COMMAND_MPS,
  DRIVE_SPEED_MPS,
  DRIVE_VELOCITY_MPS,
  GRANTED_W,
  MOTION,
  NEXT,
  POSITION_M,
  PROPELLANT_KG,
  QUATERNION,
  RADAR_ENABLED,
  RADAR_ON,
  RATES_RPS,
  RCS,
  RCS_AXIS,
  RCS_DURATION_S,
  RCS_PCT,
  RCS_START_TICK,
  SHED_RADAR,
  SHED_TRANSPONDER,
  SUPPLY_FRACTION,
  TRANSPONDER_ON,
  VELOCITY_MPS,
} = at;

/** Below these a burn is over, s and kg. */
const BURN_END_S = 1e-9;
const PROPELLANT_END_KG = 1e-9;
const DEAD_RADAR = DEAD_LOADS.indexOf("radar");
const DEAD_TRANSPONDER = DEAD_LOADS.indexOf("transponder");

/** S7: what the granted power does: drive, thrusters, radar and transponder. */
export function feedback(crafts: Crafts, config: CraftConfig, dtS: number): void {
  const { brownoutSupplyMin } = config.profile.powerPlane;
  const { values, lanes } = crafts;
  for (let lane = 0; lane < lanes; lane += 1) {
    if (values[DRIVE_COMMAND_MPS + lane] !== 0 || values[DRIVE_SPEED_MPS + lane] !== 0) drive(values, lane, config, dtS);
    if (values[RCS_AXIS + lane]! >= 0) burn(values, lane, config, dtS);
    else if (values[BURN_AXIS + lane]! >= 0) clearBurn(values, lane);
    const isSupplied = values[SUPPLY_FRACTION + lane]! >= brownoutSupplyMin;
    const isRadarOn =
      values[RADAR_ENABLED + lane] === 1 &&
      isSupplied &&
      isPermitted(values, lane, SHED_RADAR) &&
      !isDead(values, lane, config, DEAD_RADAR);
    const isTransponderOn =
      isTransponderAsked(values, lane, config) &&
      isSupplied &&
      isPermitted(values, lane, SHED_TRANSPONDER) &&
      !isDead(values, lane, config, DEAD_TRANSPONDER);
    values[RADAR_ON + lane] = isRadarOn ? 1 : 0;
    values[TRANSPONDER_ON + lane] = isTransponderOn ? 1 : 0;
  }
}

/** Neither denied nor shed by the distribution unit; a load of zero watts counts as granted. */
export function isPermitted(values: Float64Array, lane: number, shed: number): boolean {
  return values[DENIALS + shed * NEXT + lane] === 0;
}

/** What a load got of what it asked for; 1 when it asked for nothing. */
function grantedShare(values: Float64Array, lane: number, load: number): number {
  const demandW = values[DEMAND_W + load + lane]!;
  return demandW === 0 ? 1 : values[GRANTED_W + load + lane]! / demandW;
}

/** Moves the craft along the horizontal part of its forward axis. */
function drive(values: Float64Array, lane: number, config: CraftConfig, dtS: number): void {
  const commandMps = values[DRIVE_COMMAND_MPS + lane]!;
  values[DRIVE_SPEED_MPS + lane] = 0;
  values[DRIVE_VELOCITY_MPS + lane] = 0;
  values[DRIVE_VELOCITY_MPS + NEXT + lane] = 0;
  if (commandMps === 0 || isHeld(values, lane, config) || isDead(values, lane, config, DEAD_MOTION)) return;
  const w = values[QUATERNION + lane]!;
  const x = values[QUATERNION + NEXT + lane]!;
  const y = values[QUATERNION + 2 * NEXT + lane]!;
  const z = values[QUATERNION + 3 * NEXT + lane]!;
  const forwardX = w * w - z * z + (x * x - y * y);
  const forwardY = 2 * (x * y + w * z);
  const norm = Math.sqrt(forwardX * forwardX + forwardY * forwardY);
  if (norm < 1e-9) return;
  const speedMps = commandMps * grantedShare(values, lane, MOTION) * values[SUPPLY_FRACTION + lane]!;
  const velocityX = (speedMps * forwardX) / norm + 0;
  const velocityY = (speedMps * forwardY) / norm + 0;
  values[DRIVE_SPEED_MPS + lane] = speedMps;
  values[DRIVE_VELOCITY_MPS + lane] = velocityX;
  values[DRIVE_VELOCITY_MPS + NEXT + lane] = velocityY;
  values[POSITION_M + lane]! += velocityX * dtS;
  values[POSITION_M + NEXT + lane]! += velocityY * dtS;
}

const DEAD_MOTION = DEAD_LOADS.indexOf("motion");
const DEAD_RCS = DEAD_LOADS.indexOf("rcs");

/** One tick of a thruster burn: momentum, propellant and what telemetry shows of it; ends it when its time or propellant is over. */
function burn(values: Float64Array, lane: number, config: CraftConfig, dtS: number): void {
  const axis = values[RCS_AXIS + lane]!;
  const burnS = values[BURN_S + lane]!;
  const grantedFraction = grantedShare(values, lane, RCS);
  const isFiring = !isDead(values, lane, config, DEAD_RCS);
  const duty = isFiring ? values[BURN_DUTY + lane]! * grantedFraction * values[SUPPLY_FRACTION + lane]! : 0;
  const group = burnGroup(values, lane, config, axis);
  const propellantKg = values[PROPELLANT_KG + lane]!;
  const usedKg = ((group?.thrustSumN ?? 0) * duty * burnS) / (config.ispS * STANDARD_GRAVITY_MPS2);
  for (let index = 0; index < 3; index += 1) {
    values[BURN_FORCE_N + index * NEXT + lane] = ((group?.forceN[index] ?? 0) * duty * burnS) / dtS + 0;
    values[BURN_TORQUE_NM + index * NEXT + lane] = ((group?.torqueNm[index] ?? 0) * duty * burnS) / dtS + 0;
  }
  if (group !== undefined && !isHeld(values, lane, config)) {
    push(values, lane, group.forceN, (duty * burnS) / (config.profile.motionPlane.dryMassKg + propellantKg), dtS - burnS / 2);
    for (let index = 0; index < 3; index += 1) {
      values[RATES_RPS + index * NEXT + lane]! += (group.torqueNm[index]! * duty * burnS) / config.inertiaKgM2[index]!;
    }
  }
  const leftKg = propellantKg - usedKg;
  values[PROPELLANT_KG + lane] = leftKg < PROPELLANT_END_KG ? 0 : leftKg;
  const elapsedTicks = burnElapsedTicks(values, lane);
  const leftS = values[RCS_DURATION_S + lane]! - (elapsedTicks + 1) * dtS;
  values[BURN_AXIS + lane] = axis;
  values[BURN_PCT + lane] = values[RCS_PCT + lane]!;
  values[BURN_EFFECTIVE + lane] = duty;
  values[BURN_GRANTED + lane] = grantedFraction;
  values[BURN_FLOW_GS + lane] = (1000 * usedKg) / dtS;
  values[BURN_LEFT_S + lane] = Math.max(0, leftS);
  if (leftS <= BURN_END_S || values[PROPELLANT_KG + lane] === 0) endBurn(values, lane);
}

/** Adds an impulse per mass along a body direction, given in m/s per newton; `leverS` is the time it has moved the craft. */
function push(values: Float64Array, lane: number, [x, y, z]: readonly [number, number, number], mpsPerN: number, leverS: number): void {
  const w = values[QUATERNION + lane]!;
  const i = values[QUATERNION + NEXT + lane]!;
  const j = values[QUATERNION + 2 * NEXT + lane]!;
  const k = values[QUATERNION + 3 * NEXT + lane]!;
  const worldX = (w * w - k * k + (i * i - j * j)) * x + 2 * (i * j - w * k) * y + 2 * (i * k + w * j) * z;
  const worldY = 2 * (i * j + w * k) * x + (w * w - k * k - (i * i - j * j)) * y + 2 * (j * k - w * i) * z;
  const worldZ = 2 * (i * k - w * j) * x + 2 * (j * k + w * i) * y + (w * w + k * k - (i * i + j * j)) * z;
  values[VELOCITY_MPS + lane]! += worldX * mpsPerN;
  values[VELOCITY_MPS + NEXT + lane]! += worldY * mpsPerN;
  values[VELOCITY_MPS + 2 * NEXT + lane]! += worldZ * mpsPerN;
  values[POSITION_M + lane]! += worldX * mpsPerN * leverS;
  values[POSITION_M + NEXT + lane]! += worldY * mpsPerN * leverS;
  values[POSITION_M + 2 * NEXT + lane]! += worldZ * mpsPerN * leverS;
}

/** No burn is commanded any more. */
export function endBurn(values: Float64Array, lane: number): void {
  values[RCS_AXIS + lane] = -1;
  values[RCS_PCT + lane] = 0;
  values[RCS_DURATION_S + lane] = 0;
  values[RCS_START_TICK + lane] = -1;
}

function clearBurn(values: Float64Array, lane: number): void {
  values[BURN_AXIS + lane] = -1;
  for (let field = BURN_PCT; field < BURN_END; field += NEXT) values[field + lane] = 0;
}
