import { clamp } from "#base/units.ts";
import { type CraftConfig, cpuBlend, ramBlend } from "./config.ts";
import * as at from "./layout.ts";
import type { CraftState } from "./state.ts";

/** Sensor readings produced in the tick before: none before the first, then one. */
export function sensorReadings(tick: number): number {
  return tick >= 2 ? 1 : 0;
}

/** S2: processor and memory load follow what the craft does, each with a first-order lag. */
export function mcqpu(state: CraftState, config: CraftConfig, dtS: number): void {
  const { values } = state;
  const radarOn = values[config.bodyAt + at.RADAR_ON]!;
  const transponderOn = values[config.bodyAt + at.TRANSPONDER_ON]!;
  const readings = sensorReadings(values[at.TICK]!);
  const commands = values[at.COMMANDS_APPLIED]!;
  const driveShare = Math.min(1, Math.abs(values[at.DRIVE_COMMAND_MPS]!));
  const queue = Math.min(18, 0.9 * readings + 0.6 * commands);
  const cpuTargetPct = clamp(8 + 28 * driveShare + 18 * radarOn + queue + 3 * transponderOn, 0, 100);
  const ramTargetPct = clamp(22 + Math.min(35, 1.2 * readings) + Math.min(20, commands) + 10 * radarOn, 0, 100);
  const isTick = dtS === config.dtS;
  const cpu = values[at.CPU_PCT]!;
  const ram = values[at.RAM_PCT]!;
  values[at.CPU_PCT] = clamp(cpu + (isTick ? config.cpuBlend : cpuBlend(dtS)) * (cpuTargetPct - cpu), 0, 100);
  values[at.RAM_PCT] = clamp(ram + (isTick ? config.ramBlend : ramBlend(dtS)) * (ramTargetPct - ram), 0, 100);
}
