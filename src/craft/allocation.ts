import { type CraftConfig, restoreDelayTicks } from "./config.ts";
import { BASE, MCQPU, MOTION, NBL, RADAR, RCS, TRANSPONDER } from "./demand.ts";
import * as at from "./layout.ts";
import { deny, LOAD_OF, SHED_NBL, SHED_RADAR, SHED_TRANSPONDER, stateOfChargePct } from "./permission.ts";
import { DENIED, RUNTIME_FAULTS } from "./reasons.ts";
import type { CraftState } from "./state.ts";

/** Powers that differ by less are equal, W. */
export const EPSILON_W = 1e-9;
export const PDU_OVERCURRENT = RUNTIME_FAULTS.indexOf("PDU_OVERCURRENT");
const SHEDDABLE_COUNT = 3;
const PDU_REASON_DIGIT = 4;

/**
 * S5: grants power within what the bus can carry. Sheds nbl, radar, transponder one at a time, then throttles drive and thrusters;
 * base and computer are never cut. A shed load comes back, most critical first, after fitting with a margin for the delay.
 */
export function allocation(state: CraftState, config: CraftConfig, dtS: number, tick: number): void {
  const { values } = state;
  const { powerPlane } = config.profile;
  const out = config.outputsAt;
  const socPct = stateOfChargePct(values, config);
  const busV = powerPlane.busVMin + ((powerPlane.busVNominal - powerPlane.busVMin) * socPct) / 100;
  const limitW = powerPlane.maxBusA * busV;
  values[at.BUS_V] = busV;
  values[at.LIMIT_W] = limitW;
  values[out + at.MOTION_THROTTLED] = 0;
  values[out + at.RCS_THROTTLED] = 0;
  values[out + at.FAULT_FLAGS + PDU_OVERCURRENT] = 0;
  const isLimited = powerPlane.maxBusA > 0;
  if (isLimited && isAnyLatched(values)) {
    followLatches(values, tick);
    restore(values, config, limitW, dtS === config.dtS ? config.restoreDelayTicks : restoreDelayTicks(config.profile, dtS));
  }
  const granted = out + at.GRANTED_W;
  values[granted + BASE] = values[at.DEMAND_W + BASE]!;
  values[granted + MOTION] = values[at.DEMAND_W + MOTION]!;
  values[granted + MCQPU] = values[at.DEMAND_W + MCQPU]!;
  values[granted + RCS] = values[at.DEMAND_W + RCS]!;
  values[granted + NBL] = isOff(values, SHED_NBL) ? 0 : values[at.DEMAND_W + NBL]!;
  values[granted + RADAR] = isOff(values, SHED_RADAR) ? 0 : values[at.DEMAND_W + RADAR]!;
  values[granted + TRANSPONDER] = isOff(values, SHED_TRANSPONDER) ? 0 : values[at.DEMAND_W + TRANSPONDER]!;
  let loadW = sumW(values, granted);
  if (isLimited && loadW - limitW > EPSILON_W) loadW = fit(values, config, limitW, tick);
  values[at.LOAD_W] = loadW;
  if (isAnyLatched(values)) {
    for (let shed = 0; shed < SHEDDABLE_COUNT; shed += 1) if (isLatched(values, shed)) deny(values, shed, DENIED.pdu, PDU_REASON_DIGIT);
  }
  storeReasons(values, out);
}

function isLatched(values: Float64Array, shed: number): boolean {
  return values[at.PDU + shed * at.PDU_STRIDE] === 1;
}

function isOff(values: Float64Array, shed: number): boolean {
  return values[at.DENIALS + shed] !== 0 || isLatched(values, shed);
}

function isAnyLatched(values: Float64Array): boolean {
  return isLatched(values, 0) || isLatched(values, 1) || isLatched(values, 2);
}

function setLatch(values: Float64Array, shed: number, tick: number): void {
  const slot = at.PDU + shed * at.PDU_STRIDE;
  values[slot] = 1;
  values[slot + at.PDU_FIT_TICKS] = 0;
  values[slot + at.PDU_SINCE] = tick;
}

function clearLatch(values: Float64Array, shed: number): void {
  const slot = at.PDU + shed * at.PDU_STRIDE;
  values[slot] = 0;
  values[slot + at.PDU_FIT_TICKS] = 0;
  values[slot + at.PDU_SINCE] = -1;
}

/** A load that asks for nothing loses its latch; one less critical than a latched load is latched with it. */
function followLatches(values: Float64Array, tick: number): void {
  for (let shed = 0; shed < SHEDDABLE_COUNT; shed += 1) {
    if (isLatched(values, shed) && values[at.DEMAND_W + LOAD_OF[shed]!] === 0) clearLatch(values, shed);
  }
  let isLaterLatched = false;
  for (let shed = SHEDDABLE_COUNT - 1; shed >= 0; shed -= 1) {
    if (isLatched(values, shed)) isLaterLatched = true;
    else if (isLaterLatched && values[at.DEMAND_W + LOAD_OF[shed]!]! > 0) setLatch(values, shed, tick);
  }
}

/** Counts how long each latched load would have fitted with those before it back too, and lets back who has waited long enough. */
function restore(values: Float64Array, config: CraftConfig, limitW: number, delayTicks: number): void {
  const fitLimitW = limitW * config.restoreShare + EPSILON_W;
  let runW = values[at.DEMAND_W + BASE]! + values[at.DEMAND_W + MOTION]! + values[at.DEMAND_W + MCQPU]! + values[at.DEMAND_W + RCS]!;
  for (let shed = SHEDDABLE_COUNT - 1; shed >= 0; shed -= 1) {
    if (values[at.DENIALS + shed] === 0 && !isLatched(values, shed)) runW += values[at.DEMAND_W + LOAD_OF[shed]!]!;
  }
  let hasStayed = false;
  for (let shed = SHEDDABLE_COUNT - 1; shed >= 0; shed -= 1) {
    if (!isLatched(values, shed)) continue;
    runW += values[at.DEMAND_W + LOAD_OF[shed]!]!;
    values[at.FIT_W + shed] = runW;
    const fitTicks = at.PDU + shed * at.PDU_STRIDE + at.PDU_FIT_TICKS;
    const fits = values[at.DENIALS + shed] === 0 && runW <= fitLimitW;
    if (fits && !hasStayed && values[fitTicks]! >= delayTicks) {
      clearLatch(values, shed);
      continue;
    }
    values[fitTicks] = fits ? values[fitTicks]! + 1 : 0;
    hasStayed = true;
  }
}

/** Sheds, then throttles, until the sum fits; what cannot be cut is an overcurrent. Returns the sum, exactly the limit when it fits. */
function fit(values: Float64Array, config: CraftConfig, limitW: number, tick: number): number {
  const out = config.outputsAt;
  const granted = out + at.GRANTED_W;
  let loadW = sumW(values, granted);
  for (let shed = 0; shed < SHEDDABLE_COUNT && loadW - limitW > EPSILON_W; shed += 1) {
    const grant = granted + LOAD_OF[shed]!;
    if (values[grant]! <= 0) continue;
    values[at.FIT_W + shed] = loadW;
    values[grant] = 0;
    setLatch(values, shed, tick);
    loadW = sumW(values, granted);
  }
  for (const load of THROTTLED_LOADS) {
    const excessW = loadW - limitW;
    const grantW = values[granted + load]!;
    if (excessW <= EPSILON_W || grantW <= 0) continue;
    values[granted + load] = Math.max(0, grantW - excessW);
    values[out + (load === MOTION ? at.MOTION_THROTTLED : at.RCS_THROTTLED)] = 1;
    loadW = sumW(values, granted);
    if (Math.abs(loadW - limitW) <= EPSILON_W) loadW = limitW;
  }
  if (loadW - limitW > EPSILON_W) values[out + at.FAULT_FLAGS + PDU_OVERCURRENT] = 1;
  return loadW;
}

const THROTTLED_LOADS = [MOTION, RCS] as const;

/** Sum of grants in one fixed order. */
function sumW(values: Float64Array, granted: number): number {
  return (
    values[granted + BASE]! +
    values[granted + MOTION]! +
    values[granted + MCQPU]! +
    values[granted + RADAR]! +
    values[granted + TRANSPONDER]! +
    values[granted + NBL]! +
    values[granted + RCS]!
  );
}

/** The reason that stands in the state: the first in the order of listing. */
function storeReasons(values: Float64Array, out: number): void {
  if (values[at.SHED_ORDER] === 0) {
    values[out + at.SHED_REASON + SHED_NBL] = 0;
    values[out + at.SHED_REASON + SHED_RADAR] = 0;
    values[out + at.SHED_REASON + SHED_TRANSPONDER] = 0;
    return;
  }
  for (let shed = 0; shed < SHEDDABLE_COUNT; shed += 1) {
    values[out + at.SHED_REASON + shed] =
      values[at.DENIALS + shed] === 0 || values[at.DEMAND_W + LOAD_OF[shed]!] === 0 ? 0 : firstReason(values, shed);
  }
}

function firstReason(values: Float64Array, shed: number): number {
  const bits = values[at.DENIALS + shed]!;
  // Trips come before gates in the listing, so heat through a node stands before the NBL's budget and heat through its gate after.
  if (bits & DENIED.lowSoc) return 1;
  if (bits & DENIED.thermal && (values[at.DENYING_NODE + shed]! >= 0 || !(bits & DENIED.nblBudget))) return 2;
  return bits & DENIED.nblBudget ? 3 : 4;
}
