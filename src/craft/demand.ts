import { STANDARD_GRAVITY_MPS2 } from "#base/units.ts";
import type { CraftConfig } from "./config.ts";
import * as at from "./layout.ts";
import { TRANSPONDER_MODES } from "./profile-schema.ts";
import type { Crafts } from "./state.ts";
import { burnThrustSumN } from "./thrust.ts";

// The engine folds constants of this module, not imported ones.
const {
  BASE,
  BURN_DUTY,
  BURN_S,
  CPU_PCT,
  DEAD_LOADS,
  DEMAND_W,
  DRIVE_COMMAND_MPS,
  FAULTS_IN_FORCE,
  FAULT_STRIDE,
  LOADS,
  MCQPU,
  MOTION,
  NBL,
  NBL_ACTIVE,
  NBL_MAX_W,
  NEXT,
  PROPELLANT_KG,
  RADAR,
  RADAR_ENABLED,
  RCS,
  RCS_AXIS,
  RCS_DURATION_S,
  RCS_PCT,
  RCS_START_TICK,
  TICK,
  TRANSPONDER,
  TRANSPONDER_MODE,
} = at;

const MODE_ON = TRANSPONDER_MODES.indexOf("ON");
const MODE_SPOOF = TRANSPONDER_MODES.indexOf("SPOOF");

/** S3: what every load asks for, W. */
export function demand(crafts: Crafts, config: CraftConfig, dtS: number): void {
  const { basePowerOutW, motionPowerWPerMps, mcqpuPowerWAt100pct, radarPowerW, transponderPowerW } = config.profile.powerPlane;
  const { values, lanes } = crafts;
  for (let lane = 0; lane < lanes; lane += 1) {
    values[DEMAND_W + BASE + lane] = basePowerOutW;
    values[DEMAND_W + MOTION + lane] = Math.abs(values[DRIVE_COMMAND_MPS + lane]!) * motionPowerWPerMps;
    values[DEMAND_W + MCQPU + lane] = (values[CPU_PCT + lane]! / 100) * mcqpuPowerWAt100pct;
    values[DEMAND_W + RADAR + lane] = values[RADAR_ENABLED + lane] === 1 ? radarPowerW : 0;
    values[DEMAND_W + TRANSPONDER + lane] = isTransponderAsked(values, lane, config) ? transponderPowerW : 0;
    values[DEMAND_W + NBL + lane] = values[NBL_ACTIVE + lane] === 1 ? values[NBL_MAX_W + lane]! : 0;
    values[DEMAND_W + RCS + lane] = values[RCS_AXIS + lane]! >= 0 ? rcsDemandW(values, lane, config, dtS) : 0;
    if (values[FAULTS_IN_FORCE + lane]! > 0) dropDeadLoads(values, lane, config);
  }
}

/** Whether the transponder's mode makes it transmit. */
export function isTransponderAsked(values: Float64Array, lane: number, config: CraftConfig): boolean {
  const mode = values[TRANSPONDER_MODE + lane];
  return config.commsEnabled && (mode === MODE_ON || mode === MODE_SPOOF);
}

/** Ticks that the burn has lasted before this one; its first is the one after its start tick. */
export function burnElapsedTicks(values: Float64Array, lane: number): number {
  return values[TICK + lane]! - 1 - values[RCS_START_TICK + lane]!;
}

/** The duty that propellant allows for this tick's part of the burn, kept for S7, and the power for it. */
function rcsDemandW(values: Float64Array, lane: number, config: CraftConfig, dtS: number): number {
  const durationS = values[RCS_DURATION_S + lane]!;
  const burnS = Math.min(dtS, durationS - burnElapsedTicks(values, lane) * dtS);
  const duty = values[RCS_PCT + lane]! / 100;
  const thrustSumN = burnThrustSumN(values, lane, config, values[RCS_AXIS + lane]!);
  const needKg = (thrustSumN * duty * burnS) / (config.ispS * STANDARD_GRAVITY_MPS2);
  const propellantKg = values[PROPELLANT_KG + lane]!;
  const allowedDuty = needKg > propellantKg ? duty * (propellantKg / needKg) : duty;
  values[BURN_DUTY + lane] = allowedDuty;
  values[BURN_S + lane] = burnS;
  return (config.rcsPowerW * allowedDuty * burnS) / dtS;
}

const DEAD_LOAD_AT = DEAD_LOADS.map((load) => DEMAND_W + LOADS.indexOf(load) * NEXT);

function dropDeadLoads(values: Float64Array, lane: number, config: CraftConfig): void {
  for (let index = 0; index < DEAD_LOAD_AT.length; index += 1) {
    if (values[config.deadLoadAt + index * FAULT_STRIDE + lane] === 1) values[DEAD_LOAD_AT[index]! + lane] = 0;
  }
}

/** Whether a dead-load fault holds the load; `index` counts in `DEAD_LOADS`. */
export function isDead(values: Float64Array, lane: number, config: CraftConfig, index: number): boolean {
  return values[FAULTS_IN_FORCE + lane]! > 0 && values[config.deadLoadAt + index * FAULT_STRIDE + lane] === 1;
}
