import type { CraftConfig } from "./config.ts";
import * as at from "./layout.ts";
import type { CraftState } from "./state.ts";
import { usableCapacityJ } from "./storage.ts";

/** What each kind of fault acts on, and the range of its value (simulation §11). */
export const FAULT_KINDS = {
  stuck_sensor: { about: "the sensor repeats its reading, status too", targets: at.SENSORS },
  dead_load: { about: "the load takes no power and does nothing", targets: at.DEAD_LOADS },
  battery_capacity_loss: {
    about: "less of the battery can be used; what is stored above that is lost at once",
    value: { min: 0, max: 1, unit: "fraction of the capacity" },
  },
  heat_leak: { about: "heat flows into a thermal node, or out of it", targets: "nodes", value: { min: -1e4, max: 1e4, unit: "W" } },
  radar_dropout: {
    about: "the radar gives no frames in a band, without a target in both",
    targets: at.RADAR_BANDS,
    isTargetOptional: true,
  },
  comms_loss: { about: "the radio link is gone" },
  thruster_dead: { about: "the thruster neither pushes nor uses propellant; its group stays", targets: "thrusters" },
  late_frames: { about: "every second union frame reaches the bus this much later", value: { min: 0, max: 60, unit: "s" } },
} as const satisfies Readonly<Record<string, FaultKindSpec>>;

/** One kind of fault. Targets are words, or ids of the profile's nodes, or indices of its thrusters; none: it takes no target. */
export interface FaultKindSpec {
  readonly about: string;
  readonly targets?: readonly string[] | "nodes" | "thrusters";
  readonly isTargetOptional?: true;
  readonly value?: { readonly min: number; readonly max: number; readonly unit: string };
}

export type FaultKind = keyof typeof FAULT_KINDS;

/** Targets a kind of fault can have with a profile, as commands name them; empty when it takes none. */
export function faultTargets(config: CraftConfig, kind: FaultKind): readonly string[] {
  return config.layout.faultSlots
    .filter((slot) => slot.kind === kind && slot.target !== "" && slot.target !== "both")
    .map((slot) => slot.target);
}

/** The slot of a kind and target, or undefined when there is none. A radar dropout without a target is that of both bands. */
export function faultSlot(config: CraftConfig, kind: FaultKind, target: string | undefined): at.FaultSlot | undefined {
  const wanted = target ?? (kind === "radar_dropout" ? "both" : "");
  if (target === "both") return undefined;
  return config.layout.faultSlots.find((slot) => slot.kind === kind && slot.target === wanted);
}

/** Puts a fault in force; an earlier one of its slot is replaced. Without `forTicks` it stays until it is cleared. */
export function injectFault(state: CraftState, config: CraftConfig, slot: at.FaultSlot, value: number, forTicks: number | undefined): void {
  const { values } = state;
  clearSlot(values, 0, slot);
  values[slot.offset + at.FAULT_ACTIVE] = 1;
  values[slot.offset + at.FAULT_VALUE] = value + 0;
  values[slot.offset + at.FAULT_END_TICK] = forTicks === undefined ? -1 : values[at.TICK]! + forTicks;
  const sensor = config.stuckAt.indexOf(slot.offset);
  if (sensor >= 0) values[at.STUCK_PENDING + sensor * at.NEXT] = 1;
  countFaults(values, 0, config);
  if (slot.offset === config.capacityLossAt) values[at.BATTERY_J] = Math.min(values[at.BATTERY_J]!, usableCapacityJ(values, 0, config));
}

/** Ends a fault of the craft in a lane; one that is not in force is left as it is. */
export function clearFault(values: Float64Array, lane: number, config: CraftConfig, slot: at.FaultSlot): void {
  clearSlot(values, lane, slot);
  const sensor = config.stuckAt.indexOf(slot.offset);
  if (sensor >= 0) values[at.STUCK_PENDING + sensor * at.NEXT + lane] = 0;
  countFaults(values, lane, config);
}

/** Ends the faults whose last tick is over. */
export function expireFaults(values: Float64Array, lane: number, config: CraftConfig): void {
  for (const slot of config.layout.faultSlots) {
    const endTick = values[slot.offset + at.FAULT_END_TICK + lane]!;
    if (values[slot.offset + lane] === 1 && endTick >= 0 && endTick < values[at.TICK + lane]!) clearFault(values, lane, config, slot);
  }
}

function clearSlot(values: Float64Array, lane: number, { offset, end }: at.FaultSlot): void {
  for (let field = offset; field < end; field += at.NEXT) values[field + lane] = 0;
  values[offset + at.FAULT_END_TICK + lane] = -1;
}

function countFaults(values: Float64Array, lane: number, config: CraftConfig): void {
  let count = 0;
  for (const slot of config.layout.faultSlots) count += values[slot.offset + lane]!;
  values[at.FAULTS_IN_FORCE + lane] = count;
}
