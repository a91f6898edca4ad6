import type { CraftConfig } from "./config.ts";
import * as at from "./layout.ts";
import { isHeld } from "./motion.ts";
import { SHEDDABLE_LOADS } from "./profile-schema.ts";
import { RUNTIME_FAULTS, SHED_REASONS } from "./reasons.ts";
import type { Crafts } from "./state.ts";

// The engine folds constants of this module, not imported ones.
const {
  DENIALS,
  FAULT_FLAGS,
  HOT_NODES,
  MOTION_THROTTLED,
  NBL_SOC_GATE,
  NBL_TEMP_GATE,
  NEXT,
  NODES,
  NODE_STRIDE,
  NODE_TRIPPED,
  NODE_WARNED,
  OVERCURRENT_CHANGED,
  RCS_THROTTLED,
  REASONS_MARKED,
  SHED_ORDER,
  SOC_LATCH,
  SUPPLY_FRACTION,
  TICK,
} = at;

const PDU_OVERCURRENT = RUNTIME_FAULTS.indexOf("PDU_OVERCURRENT");
/** A supply fraction below this is short of something. */
export const FULL_SUPPLY = 1 - 1e-9;

/** S9: marks the faults of the tick, and since when each reason has been in force. */
export function report(crafts: Crafts, config: CraftConfig): void {
  const { values, lanes } = crafts;
  for (let lane = 0; lane < lanes; lane += 1) {
    const reasons = reasonsInForce(values, lane, config);
    values[OVERCURRENT_CHANGED + lane] = 0;
    if (reasons === values[REASONS_MARKED + lane] && reasons < HOT_NODE) continue;
    values[REASONS_MARKED + lane] = reasons;
    flagTrips(values, lane, config);
    const wasOvercurrent = values[config.since.faults[PDU_OVERCURRENT]! + lane]! >= 0;
    if (wasOvercurrent !== (values[FAULT_FLAGS + PDU_OVERCURRENT * NEXT + lane] === 1)) values[OVERCURRENT_CHANGED + lane] = 1;
    markAll(values, lane, config);
  }
}

/** Fault flags of the nodes; the power stages raise the others themselves. */
export function flagTrips(values: Float64Array, lane: number, config: CraftConfig): void {
  for (let node = 0; node < config.nodes.count; node += 1) {
    values[config.layout.tripFlagsAt + node * NEXT + lane] = values[NODES + node * NODE_STRIDE + NODE_TRIPPED + lane]!;
  }
}

/** First of the bits of `reasonsInForce` for the denials of the sheddable loads. */
const SHED_BITS_AT = 13;
/** The highest bit of `reasonsInForce`: nodes are tripped or warned, of which there may be more than bits. */
const HOT_NODE = 1 << 25;

/** All that `explain` lists now, one bit each but for nodes; sums of powers of two, since the flags are floating-point numbers. */
function reasonsInForce(values: Float64Array, lane: number, config: CraftConfig): number {
  const flags = FAULT_FLAGS;
  let reasons =
    values[SOC_LATCH + lane]! +
    2 * values[NBL_SOC_GATE + lane]! +
    4 * values[NBL_TEMP_GATE + lane]! +
    8 * values[MOTION_THROTTLED + lane]! +
    16 * values[RCS_THROTTLED + lane]! +
    32 * values[flags + lane]! +
    64 * values[flags + NEXT + lane]! +
    128 * values[flags + 2 * NEXT + lane]! +
    256 * values[flags + 3 * NEXT + lane]! +
    512 * values[flags + 4 * NEXT + lane]! +
    1024 * values[flags + 5 * NEXT + lane]!;
  if (values[SUPPLY_FRACTION + lane]! < FULL_SUPPLY) reasons += 2048;
  if (isHeld(values, lane, config)) reasons += 4096;
  if (values[SHED_ORDER + lane]! > 0)
    for (let shed = 0; shed < SHEDDABLE_LOADS.length; shed += 1) reasons += shownDenials(values, lane, shed) << (SHED_BITS_AT + 4 * shed);
  return values[HOT_NODES + lane]! > 0 ? reasons + HOT_NODE : reasons;
}

function markAll(values: Float64Array, lane: number, config: CraftConfig): void {
  const { since } = config;
  const tick = values[TICK + lane]!;
  const mark = (slot: number, isActive: boolean): void => {
    const isMarked = values[slot + lane]! >= 0;
    if (isActive !== isMarked) values[slot + lane] = isActive ? tick : -1;
  };
  mark(since.latch, values[SOC_LATCH + lane] === 1);
  mark(since.socGate, values[NBL_SOC_GATE + lane] === 1);
  mark(since.tempGate, values[NBL_TEMP_GATE + lane] === 1);
  for (let node = 0; node < config.nodes.count; node += 1) {
    mark(since.trip[node]!, values[NODES + node * NODE_STRIDE + NODE_TRIPPED + lane] === 1);
    mark(since.warn[node]!, isWarned(values, lane, node));
  }
  for (let shed = 0; shed < SHEDDABLE_LOADS.length; shed += 1) {
    const bits = shownDenials(values, lane, shed);
    for (let reason = 0; reason < SHED_REASONS.length; reason += 1) {
      mark(since.shed[shed * SHED_REASONS.length + reason]!, (bits & (1 << reason)) !== 0);
    }
  }
  mark(since.motionThrottle, values[MOTION_THROTTLED + lane] === 1);
  mark(since.rcsThrottle, values[RCS_THROTTLED + lane] === 1);
  mark(since.brownout, values[SUPPLY_FRACTION + lane]! < FULL_SUPPLY);
  mark(since.hold, isHeld(values, lane, config));
  for (let fault = 0; fault < RUNTIME_FAULTS.length; fault += 1)
    mark(since.faults[fault]!, values[FAULT_FLAGS + fault * NEXT + lane] === 1);
  for (let node = 0; node < config.nodes.count; node += 1)
    mark(since.faults[RUNTIME_FAULTS.length + node]!, values[config.layout.tripFlagsAt + node * NEXT + lane] === 1);
}

/** Warned as published: a tripped node is past warning. */
export function isWarned(values: Float64Array, lane: number, node: number): boolean {
  const slot = NODES + node * NODE_STRIDE;
  return values[slot + NODE_WARNED + lane] === 1 && values[slot + NODE_TRIPPED + lane] === 0;
}

/** Reasons a sheddable load is off for, as bits of `DENIED`; none while it asks for nothing. */
export function shownDenials(values: Float64Array, lane: number, shed: number): number {
  const isListed = isDigitIn(values[SHED_ORDER + lane]!, shed + 1);
  return isListed ? values[DENIALS + shed * NEXT + lane]! : 0;
}

/** Whether an octal list holds a digit. */
function isDigitIn(digits: number, digit: number): boolean {
  for (let rest = digits; rest > 0; rest >>= 3) if ((rest & 7) === digit) return true;
  return false;
}
