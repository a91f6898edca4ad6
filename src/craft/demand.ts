import { STANDARD_GRAVITY_MPS2 } from "#base/units.ts";
import type { CraftConfig } from "./config.ts";
import * as at from "./layout.ts";
import { TRANSPONDER_MODES } from "./profile-schema.ts";
import type { CraftState } from "./state.ts";
import { burnThrustSumN } from "./thrust.ts";

/** Offsets within DEMAND_W and GRANTED_W. */
export const BASE = 0;
export const MOTION = 1;
export const MCQPU = 2;
export const RADAR = 3;
export const TRANSPONDER = 4;
export const NBL = 5;
export const RCS = 6;

const MODE_ON = TRANSPONDER_MODES.indexOf("ON");
const MODE_SPOOF = TRANSPONDER_MODES.indexOf("SPOOF");

/** S3: what every load asks for in tick `tick`, W. */
export function demand(state: CraftState, config: CraftConfig, dtS: number, tick: number): void {
  const { values } = state;
  const { powerPlane } = config.profile;
  const body = config.bodyAt;
  values[at.DEMAND_W + BASE] = powerPlane.basePowerOutW;
  values[at.DEMAND_W + MOTION] = Math.abs(values[at.DRIVE_COMMAND_MPS]!) * powerPlane.motionPowerWPerMps;
  values[at.DEMAND_W + MCQPU] = (values[at.CPU_PCT]! / 100) * powerPlane.mcqpuPowerWAt100pct;
  values[at.DEMAND_W + RADAR] = values[body + at.RADAR_ENABLED] === 1 ? powerPlane.radarPowerW : 0;
  values[at.DEMAND_W + TRANSPONDER] = isTransponderAsked(values, config) ? powerPlane.transponderPowerW : 0;
  values[at.DEMAND_W + NBL] = values[at.NBL_ACTIVE] === 1 ? values[at.NBL_MAX_W]! : 0;
  values[at.DEMAND_W + RCS] = values[body + at.RCS_AXIS]! >= 0 ? rcsDemandW(values, config, dtS, tick) : 0;
  if (values[at.FAULTS_IN_FORCE]! > 0) dropDeadLoads(values, config);
}

/** Whether the transponder's mode makes it transmit. */
export function isTransponderAsked(values: Float64Array, config: CraftConfig): boolean {
  const mode = values[config.bodyAt + at.TRANSPONDER_MODE];
  return config.commsEnabled && (mode === MODE_ON || mode === MODE_SPOOF);
}

/** Seconds of the tick that a burn begun at its start tick lasts; its first tick is the one after. */
export function burnElapsedTicks(values: Float64Array, config: CraftConfig, tick: number): number {
  return tick - 1 - values[config.bodyAt + at.RCS_START_TICK]!;
}

/** The duty that propellant allows for this tick's part of the burn, kept for S7, and the power for it. */
function rcsDemandW(values: Float64Array, config: CraftConfig, dtS: number, tick: number): number {
  const body = config.bodyAt;
  const durationS = values[body + at.RCS_DURATION_S]!;
  const burnS = Math.min(dtS, durationS - burnElapsedTicks(values, config, tick) * dtS);
  const duty = values[body + at.RCS_PCT]! / 100;
  const thrustSumN = burnThrustSumN(values, config, values[body + at.RCS_AXIS]!);
  const needKg = (thrustSumN * duty * burnS) / (config.ispS * STANDARD_GRAVITY_MPS2);
  const propellantKg = values[body + at.PROPELLANT_KG]!;
  const allowedDuty = needKg > propellantKg ? duty * (propellantKg / needKg) : duty;
  values[at.BURN_DUTY] = allowedDuty;
  values[at.BURN_S] = burnS;
  return (config.rcsPowerW * allowedDuty * burnS) / dtS;
}

const DEAD_LOAD_INDEX = at.DEAD_LOADS.map((load) => at.LOADS.indexOf(load));

function dropDeadLoads(values: Float64Array, config: CraftConfig): void {
  for (let index = 0; index < DEAD_LOAD_INDEX.length; index += 1) {
    if (values[config.deadLoadAt + index * at.FAULT_STRIDE] === 1) values[at.DEMAND_W + DEAD_LOAD_INDEX[index]!] = 0;
  }
}

/** Whether a dead-load fault holds the load; `index` counts in `DEAD_LOADS`. */
export function isDead(values: Float64Array, config: CraftConfig, index: number): boolean {
  return values[at.FAULTS_IN_FORCE]! > 0 && values[config.deadLoadAt + index * at.FAULT_STRIDE] === 1;
}
