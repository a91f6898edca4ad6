import { PDU_OVERCURRENT } from "./allocation.ts";
import type { CraftConfig } from "./config.ts";
import * as at from "./layout.ts";
import { isHeld } from "./motion.ts";
import { RUNTIME_FAULTS, SHED_REASONS } from "./reasons.ts";
import type { CraftState } from "./state.ts";

/** A supply fraction below this is short of something. */
export const FULL_SUPPLY = 1 - 1e-9;

/** S9: marks the faults of the tick, and since when each reason has been in force. */
export function report(state: CraftState, config: CraftConfig): void {
  const { values } = state;
  if (values[at.HOT_NODES]! > 0 || values[at.REASONS_IN_FORCE] === 1) flagTrips(values, config);
  state.overcurrentChanged = isOvercurrent(values, config) !== values[config.since.faults[PDU_OVERCURRENT]!]! >= 0;
  const isAny = isAnyReason(values, config);
  if (!isAny && values[at.REASONS_IN_FORCE] === 0) return;
  values[at.REASONS_IN_FORCE] = isAny ? 1 : 0;
  markAll(values, config, values[at.TICK]!);
}

/** Fault flags of the nodes; the power stages raise the others themselves. */
export function flagTrips(values: Float64Array, config: CraftConfig): void {
  for (let node = 0; node < config.nodes.count; node += 1) {
    values[config.outputsAt + at.TRIP_FLAGS + node] = values[at.NODES + node * at.NODE_STRIDE + at.NODE_TRIPPED]!;
  }
}

export function isOvercurrent(values: Float64Array, config: CraftConfig): boolean {
  return values[config.outputsAt + at.FAULT_FLAGS + PDU_OVERCURRENT] === 1;
}

/** Whether anything that `explain` lists holds now. */
function isAnyReason(values: Float64Array, config: CraftConfig): boolean {
  const out = config.outputsAt;
  if (values[at.SOC_LATCH] === 1 || values[at.NBL_SOC_GATE] === 1 || values[at.NBL_TEMP_GATE] === 1) return true;
  if (values[at.SHED_ORDER] !== 0 || values[out + at.MOTION_THROTTLED] === 1 || values[out + at.RCS_THROTTLED] === 1) return true;
  if (values[at.SUPPLY_FRACTION]! < FULL_SUPPLY || config.since.configFaults.length > 0 || isHeld(values, config)) return true;
  for (let fault = 0; fault < RUNTIME_FAULTS.length; fault += 1) if (values[out + at.FAULT_FLAGS + fault] === 1) return true;
  return values[at.HOT_NODES]! > 0;
}

function markAll(values: Float64Array, config: CraftConfig, tick: number): void {
  const { since, outputsAt: out } = config;
  mark(values, since.latch, values[at.SOC_LATCH] === 1, tick);
  mark(values, since.socGate, values[at.NBL_SOC_GATE] === 1, tick);
  mark(values, since.tempGate, values[at.NBL_TEMP_GATE] === 1, tick);
  for (let node = 0; node < config.nodes.count; node += 1) {
    mark(values, since.trip[node]!, values[at.NODES + node * at.NODE_STRIDE + at.NODE_TRIPPED] === 1, tick);
    mark(values, since.warn[node]!, isWarned(values, node), tick);
  }
  for (let shed = 0; shed < 3; shed += 1) {
    const bits = shownDenials(values, shed);
    for (let reason = 0; reason < SHED_REASONS.length; reason += 1) {
      mark(values, since.shed[shed * SHED_REASONS.length + reason]!, (bits & (1 << reason)) !== 0, tick);
    }
  }
  mark(values, since.motionThrottle, values[out + at.MOTION_THROTTLED] === 1, tick);
  mark(values, since.rcsThrottle, values[out + at.RCS_THROTTLED] === 1, tick);
  mark(values, since.brownout, values[at.SUPPLY_FRACTION]! < FULL_SUPPLY, tick);
  mark(values, since.hold, isHeld(values, config), tick);
  for (let fault = 0; fault < since.faults.length; fault += 1)
    mark(values, since.faults[fault]!, values[out + at.FAULT_FLAGS + fault] === 1, tick);
}

/** Warned as published: a tripped node is past warning. */
export function isWarned(values: Float64Array, node: number): boolean {
  const slot = at.NODES + node * at.NODE_STRIDE;
  return values[slot + at.NODE_WARNED] === 1 && values[slot + at.NODE_TRIPPED] === 0;
}

/** Reasons a sheddable load is off for, as bits of `DENIED`; none while it asks for nothing. */
export function shownDenials(values: Float64Array, shed: number): number {
  const isListed = isDigitIn(values[at.SHED_ORDER]!, shed + 1);
  return isListed ? values[at.DENIALS + shed]! : 0;
}

/** Whether an octal list holds a digit. */
function isDigitIn(digits: number, digit: number): boolean {
  for (let rest = digits; rest > 0; rest >>= 3) if ((rest & 7) === digit) return true;
  return false;
}

function mark(values: Float64Array, slot: number, isActive: boolean, tick: number): void {
  const since = values[slot]!;
  if (isActive) {
    if (since < 0) values[slot] = tick;
  } else if (since >= 0) values[slot] = -1;
}
