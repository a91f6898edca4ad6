import { clamp } from "#base/units.ts";
import { type CraftConfig, cpuBlend, ramBlend } from "./config.ts";
import * as at from "./layout.ts";
import type { Crafts } from "./state.ts";

// The engine folds constants of this module, not imported ones.
const { COMMANDS_APPLIED, CPU_PCT, DRIVE_COMMAND_MPS, RADAR_ON, RAM_PCT, TICK, TRANSPONDER_ON } = at;

/** Sensor readings produced in the tick before: none before the first, then one. */
export function sensorReadings(tick: number): number {
  return tick >= 2 ? 1 : 0;
}

/** S2: processor and memory load follow what the craft does, each with a first-order lag. */
export function mcqpu(crafts: Crafts, config: CraftConfig, dtS: number): void {
  const { values, lanes } = crafts;
  const isTick = dtS === config.dtS;
  const cpuShare = isTick ? config.cpuBlend : cpuBlend(dtS);
  const ramShare = isTick ? config.ramBlend : ramBlend(dtS);
  for (let lane = 0; lane < lanes; lane += 1) {
    const radarOn = values[RADAR_ON + lane]!;
    const transponderOn = values[TRANSPONDER_ON + lane]!;
    const readings = sensorReadings(values[TICK + lane]!);
    const commands = values[COMMANDS_APPLIED + lane]!;
    const driveShare = Math.min(1, Math.abs(values[DRIVE_COMMAND_MPS + lane]!));
    const queue = Math.min(18, 0.9 * readings + 0.6 * commands);
    const cpuTargetPct = clamp(8 + 28 * driveShare + 18 * radarOn + queue + 3 * transponderOn, 0, 100);
    const ramTargetPct = clamp(22 + Math.min(35, 1.2 * readings) + Math.min(20, commands) + 10 * radarOn, 0, 100);
    const cpu = values[CPU_PCT + lane]!;
    const ram = values[RAM_PCT + lane]!;
    values[CPU_PCT + lane] = clamp(cpu + cpuShare * (cpuTargetPct - cpu), 0, 100);
    values[RAM_PCT + lane] = clamp(ram + ramShare * (ramTargetPct - ram), 0, 100);
  }
}
