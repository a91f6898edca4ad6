import { type CraftConfig, restoreDelayTicks } from "./config.ts";
import * as at from "./layout.ts";
import { deny, stateOfChargePct } from "./permission.ts";
import { DENIED, RUNTIME_FAULTS } from "./reasons.ts";
import type { Crafts } from "./state.ts";

// The engine folds constants of this module, not imported ones.
const {
  BASE,
  BUS_V,
  DEMAND_W,
  DENIALS,
  DENYING_NODE,
  FAULT_FLAGS,
  FIT_W,
  GRANTED_W,
  LIMIT_W,
  LOAD_OF,
  LOAD_W,
  MCQPU,
  MOTION,
  MOTION_THROTTLED,
  NBL,
  NEXT,
  PDU,
  PDU_FIT_TICKS,
  PDU_SINCE,
  PDU_STRIDE,
  RADAR,
  RCS,
  RCS_THROTTLED,
  SHED_NBL,
  SHED_ORDER,
  SHED_RADAR,
  SHED_REASON,
  SHED_TRANSPONDER,
  TICK,
  TRANSPONDER,
} = at;

/** Powers that differ by less are equal, W. */
export const EPSILON_W = 1e-9;
const PDU_OVERCURRENT = FAULT_FLAGS + RUNTIME_FAULTS.indexOf("PDU_OVERCURRENT") * NEXT;
const SHEDDABLE_COUNT = 3;
const PDU_REASON_DIGIT = 4;

/**
 * S5: grants power within what the bus can carry. Sheds nbl, radar, transponder one at a time, then throttles drive and thrusters;
 * base and computer are never cut. A shed load comes back, most critical first, after fitting with a margin for the delay.
 */
export function allocation(crafts: Crafts, config: CraftConfig, dtS: number): void {
  const { busVMin, busVNominal, maxBusA } = config.profile.powerPlane;
  const delayTicks = dtS === config.dtS ? config.restoreDelayTicks : restoreDelayTicks(config.profile, dtS);
  const { values, lanes } = crafts;
  for (let lane = 0; lane < lanes; lane += 1) {
    const busV = busVMin + ((busVNominal - busVMin) * stateOfChargePct(values, lane, config)) / 100;
    const limitW = maxBusA * busV;
    values[BUS_V + lane] = busV;
    values[LIMIT_W + lane] = limitW;
    values[MOTION_THROTTLED + lane] = 0;
    values[RCS_THROTTLED + lane] = 0;
    values[PDU_OVERCURRENT + lane] = 0;
    const isLimited = maxBusA > 0;
    if (isLimited && isAnyLatched(values, lane)) {
      followLatches(values, lane);
      restore(values, lane, config, limitW, delayTicks);
    }
    grant(values, lane);
    if (isLimited && values[LOAD_W + lane]! - limitW > EPSILON_W) fit(values, lane, limitW);
    if (isAnyLatched(values, lane)) listLatched(values, lane);
    storeReasons(values, lane);
  }
}

/** Grants every load what it asks for, less what is denied or latched. */
function grant(values: Float64Array, lane: number): void {
  const isAnyOff =
    values[DENIALS + lane]! + values[DENIALS + NEXT + lane]! + values[DENIALS + 2 * NEXT + lane]! > 0 || isAnyLatched(values, lane);
  const baseW = values[DEMAND_W + BASE + lane]!;
  const motionW = values[DEMAND_W + MOTION + lane]!;
  const mcqpuW = values[DEMAND_W + MCQPU + lane]!;
  const radarW = isAnyOff && isOff(values, lane, SHED_RADAR) ? 0 : values[DEMAND_W + RADAR + lane]!;
  const transponderW = isAnyOff && isOff(values, lane, SHED_TRANSPONDER) ? 0 : values[DEMAND_W + TRANSPONDER + lane]!;
  const nblW = isAnyOff && isOff(values, lane, SHED_NBL) ? 0 : values[DEMAND_W + NBL + lane]!;
  const rcsW = values[DEMAND_W + RCS + lane]!;
  values[GRANTED_W + BASE + lane] = baseW;
  values[GRANTED_W + MOTION + lane] = motionW;
  values[GRANTED_W + MCQPU + lane] = mcqpuW;
  values[GRANTED_W + RADAR + lane] = radarW;
  values[GRANTED_W + TRANSPONDER + lane] = transponderW;
  values[GRANTED_W + NBL + lane] = nblW;
  values[GRANTED_W + RCS + lane] = rcsW;
  values[LOAD_W + lane] = sumW(baseW, motionW, mcqpuW, radarW, transponderW, nblW, rcsW);
}

function isLatched(values: Float64Array, lane: number, shed: number): boolean {
  return values[PDU + shed * PDU_STRIDE + lane] === 1;
}

function isOff(values: Float64Array, lane: number, shed: number): boolean {
  return values[DENIALS + shed * NEXT + lane] !== 0 || isLatched(values, lane, shed);
}

function isAnyLatched(values: Float64Array, lane: number): boolean {
  return isLatched(values, lane, 0) || isLatched(values, lane, 1) || isLatched(values, lane, 2);
}

function setLatch(values: Float64Array, lane: number, shed: number): void {
  const slot = PDU + shed * PDU_STRIDE;
  values[slot + lane] = 1;
  values[slot + PDU_FIT_TICKS + lane] = 0;
  values[slot + PDU_SINCE + lane] = values[TICK + lane]!;
}

function clearLatch(values: Float64Array, lane: number, shed: number): void {
  const slot = PDU + shed * PDU_STRIDE;
  values[slot + lane] = 0;
  values[slot + PDU_FIT_TICKS + lane] = 0;
  values[slot + PDU_SINCE + lane] = -1;
}

/** A load that asks for nothing loses its latch; one less critical than a latched load is latched with it. */
function followLatches(values: Float64Array, lane: number): void {
  for (let shed = 0; shed < SHEDDABLE_COUNT; shed += 1) {
    if (isLatched(values, lane, shed) && values[DEMAND_W + LOAD_OF[shed]! + lane] === 0) clearLatch(values, lane, shed);
  }
  let isLaterLatched = false;
  for (let shed = SHEDDABLE_COUNT - 1; shed >= 0; shed -= 1) {
    if (isLatched(values, lane, shed)) isLaterLatched = true;
    else if (isLaterLatched && values[DEMAND_W + LOAD_OF[shed]! + lane]! > 0) setLatch(values, lane, shed);
  }
}

/** Counts how long each latched load would have fitted with those before it back too, and lets back who has waited long enough. */
function restore(values: Float64Array, lane: number, config: CraftConfig, limitW: number, delayTicks: number): void {
  const fitLimitW = limitW * config.restoreShare + EPSILON_W;
  let runW =
    values[DEMAND_W + BASE + lane]! + values[DEMAND_W + MOTION + lane]! + values[DEMAND_W + MCQPU + lane]! + values[DEMAND_W + RCS + lane]!;
  for (let shed = SHEDDABLE_COUNT - 1; shed >= 0; shed -= 1) {
    if (values[DENIALS + shed * NEXT + lane] === 0 && !isLatched(values, lane, shed)) runW += values[DEMAND_W + LOAD_OF[shed]! + lane]!;
  }
  let hasStayed = false;
  for (let shed = SHEDDABLE_COUNT - 1; shed >= 0; shed -= 1) {
    if (!isLatched(values, lane, shed)) continue;
    runW += values[DEMAND_W + LOAD_OF[shed]! + lane]!;
    values[FIT_W + shed * NEXT + lane] = runW;
    const fitTicks = PDU + shed * PDU_STRIDE + PDU_FIT_TICKS;
    const fits = values[DENIALS + shed * NEXT + lane] === 0 && runW <= fitLimitW;
    if (fits && !hasStayed && values[fitTicks + lane]! >= delayTicks) {
      clearLatch(values, lane, shed);
      continue;
    }
    values[fitTicks + lane] = fits ? values[fitTicks + lane]! + 1 : 0;
    hasStayed = true;
  }
}

/** Sheds, then throttles, until the sum fits; it is exactly the limit then. What cannot be cut is an overcurrent. */
function fit(values: Float64Array, lane: number, limitW: number): void {
  let loadW = grantedSumW(values, lane);
  for (let shed = 0; shed < SHEDDABLE_COUNT && loadW - limitW > EPSILON_W; shed += 1) {
    const load = GRANTED_W + LOAD_OF[shed]! + lane;
    if (values[load]! <= 0) continue;
    values[FIT_W + shed * NEXT + lane] = loadW;
    values[load] = 0;
    setLatch(values, lane, shed);
    loadW = grantedSumW(values, lane);
  }
  for (const load of THROTTLED_LOADS) {
    const excessW = loadW - limitW;
    const grantW = values[GRANTED_W + load + lane]!;
    if (excessW <= EPSILON_W || grantW <= 0) continue;
    values[GRANTED_W + load + lane] = Math.max(0, grantW - excessW);
    values[(load === MOTION ? MOTION_THROTTLED : RCS_THROTTLED) + lane] = 1;
    loadW = grantedSumW(values, lane);
    if (Math.abs(loadW - limitW) <= EPSILON_W) loadW = limitW;
  }
  if (loadW - limitW > EPSILON_W) values[PDU_OVERCURRENT + lane] = 1;
  values[LOAD_W + lane] = loadW;
}

const THROTTLED_LOADS = [MOTION, RCS] as const;

function grantedSumW(values: Float64Array, lane: number): number {
  return sumW(
    values[GRANTED_W + BASE + lane]!,
    values[GRANTED_W + MOTION + lane]!,
    values[GRANTED_W + MCQPU + lane]!,
    values[GRANTED_W + RADAR + lane]!,
    values[GRANTED_W + TRANSPONDER + lane]!,
    values[GRANTED_W + NBL + lane]!,
    values[GRANTED_W + RCS + lane]!,
  );
}

/** Sum of grants in one fixed order. */
function sumW(lane: number, motion: number, mcqpu: number, radar: number, transponder: number, nbl: number, rcs: number): number {
  return lane + motion + mcqpu + radar + transponder + nbl + rcs;
}

function listLatched(values: Float64Array, lane: number): void {
  for (let shed = 0; shed < SHEDDABLE_COUNT; shed += 1) {
    if (isLatched(values, lane, shed)) deny(values, lane, shed, DENIED.pdu, PDU_REASON_DIGIT);
  }
}

/** The reason that stands in the state: the first in the order of listing. */
function storeReasons(values: Float64Array, lane: number): void {
  if (values[SHED_ORDER + lane] === 0) {
    values[SHED_REASON + SHED_NBL * NEXT + lane] = 0;
    values[SHED_REASON + SHED_RADAR * NEXT + lane] = 0;
    values[SHED_REASON + SHED_TRANSPONDER * NEXT + lane] = 0;
    return;
  }
  for (let shed = 0; shed < SHEDDABLE_COUNT; shed += 1) {
    values[SHED_REASON + shed * NEXT + lane] =
      values[DENIALS + shed * NEXT + lane] === 0 || values[DEMAND_W + LOAD_OF[shed]! + lane] === 0 ? 0 : firstReason(values, lane, shed);
  }
}

function firstReason(values: Float64Array, lane: number, shed: number): number {
  const bits = values[DENIALS + shed * NEXT + lane]!;
  // Trips come before gates in the listing, so heat through a node stands before the NBL's budget and heat through its gate after.
  if (bits & DENIED.lowSoc) return 1;
  if (bits & DENIED.thermal && (values[DENYING_NODE + shed * NEXT + lane]! >= 0 || !(bits & DENIED.nblBudget))) return 2;
  return bits & DENIED.nblBudget ? 3 : 4;
}
