import type { CraftConfig } from "./config.ts";
import * as at from "./layout.ts";
import { DENIED } from "./reasons.ts";
import type { Crafts } from "./state.ts";

// The engine folds constants of this module, not imported ones.
const {
  BATTERY_J,
  DEMAND_W,
  DENIALS,
  DENYING_NODE,
  HOT_NODES,
  LOAD_OF,
  NBL_SOC_GATE,
  NBL_TEMP_GATE,
  NEXT,
  NODES,
  NODE_STRIDE,
  NODE_TRIPPED,
  REASON_ORDER,
  SHED_NBL,
  SHED_ORDER,
  SHED_RADAR,
  SHED_TRANSPONDER,
  SOC_LATCH,
} = at;

/** Core temperature when no node is called core, C. */
export const CORE_TEMP_C = 25;
// Digits of REASON_ORDER: a reason's place in SHED_REASONS plus one.
const LOW_SOC = 1;
const THERMAL = 2;
const NBL_BUDGET = 3;

/** S4: which sheddable loads the state of charge, the temperatures and the NBL gates deny. */
export function permission(crafts: Crafts, config: CraftConfig): void {
  latches(crafts, config);
  gates(crafts, config);
}

/** Starts anew, with what a low battery and tripped nodes deny. */
function latches({ values, lanes }: Crafts, config: CraftConfig): void {
  const { socShedLowPct, socShedHighPct } = config.profile.powerPlane;
  for (let lane = 0; lane < lanes; lane += 1) {
    const socPct = stateOfChargePct(values, lane, config);
    values[DENIALS + lane] = 0;
    values[DENIALS + NEXT + lane] = 0;
    values[DENIALS + 2 * NEXT + lane] = 0;
    values[SHED_ORDER + lane] = 0;
    values[REASON_ORDER + lane] = 0;
    if (socPct <= socShedLowPct) values[SOC_LATCH + lane] = 1;
    else if (socPct >= socShedHighPct) values[SOC_LATCH + lane] = 0;
    if (values[SOC_LATCH + lane] === 1) {
      deny(values, lane, SHED_RADAR, DENIED.lowSoc, LOW_SOC);
      deny(values, lane, SHED_TRANSPONDER, DENIED.lowSoc, LOW_SOC);
    }
    if (values[HOT_NODES + lane]! > 0) trips(values, lane, config);
  }
}

/** What the NBL's own gates deny. */
function gates({ values, lanes }: Crafts, config: CraftConfig): void {
  const { nblSocMinPct, nblSocHysteresisPct, nblCoreTempMaxC, nblTempHysteresisC } = config.profile.powerPlane;
  const socOpenPct = nblSocMinPct + nblSocHysteresisPct;
  const tempOpenC = nblCoreTempMaxC - nblTempHysteresisC;
  for (let lane = 0; lane < lanes; lane += 1) {
    const socPct = stateOfChargePct(values, lane, config);
    const coreC = nodeTempC(values, lane, config.coreNode, CORE_TEMP_C);
    if (socPct < nblSocMinPct) values[NBL_SOC_GATE + lane] = 1;
    else if (socPct >= socOpenPct) values[NBL_SOC_GATE + lane] = 0;
    if (coreC > nblCoreTempMaxC) values[NBL_TEMP_GATE + lane] = 1;
    else if (coreC <= tempOpenC) values[NBL_TEMP_GATE + lane] = 0;
    if (values[NBL_SOC_GATE + lane] === 1) deny(values, lane, SHED_NBL, DENIED.nblBudget, NBL_BUDGET);
    if (values[NBL_TEMP_GATE + lane] === 1) denyHotNbl(values, lane);
  }
}

/** The NBL's temperature gate denies, beside a tripped node or alone. */
function denyHotNbl(values: Float64Array, lane: number): void {
  if ((values[DENIALS + SHED_NBL * NEXT + lane]! & DENIED.thermal) === 0) values[DENYING_NODE + SHED_NBL * NEXT + lane] = -1;
  deny(values, lane, SHED_NBL, DENIED.thermal, THERMAL);
}

/** State of charge of the battery, % of its nominal capacity; 0 without one. */
export function stateOfChargePct(values: Float64Array, lane: number, config: CraftConfig): number {
  return config.batteryCapacityJ > 0 ? (100 * values[BATTERY_J + lane]!) / config.batteryCapacityJ : 0;
}

/** Temperature of a node, or the fallback when the profile has none. */
export function nodeTempC(values: Float64Array, lane: number, node: number, fallbackC: number): number {
  return node >= 0 ? values[NODES + node * NODE_STRIDE + lane]! : fallbackC;
}

/** Denies a load, and lists load and reason unless they are listed or the load asks for nothing. */
export function deny(values: Float64Array, lane: number, shed: number, bit: number, reasonDigit: number): void {
  values[DENIALS + shed * NEXT + lane] = values[DENIALS + shed * NEXT + lane]! | bit;
  if (values[DEMAND_W + LOAD_OF[shed]! + lane]! <= 0) return;
  values[SHED_ORDER + lane] = appended(values[SHED_ORDER + lane]!, shed + 1);
  values[REASON_ORDER + lane] = appended(values[REASON_ORDER + lane]!, reasonDigit);
}

/** A list of octal digits with one more at its end, unless it is in it. */
function appended(digits: number, digit: number): number {
  for (let rest = digits; rest > 0; rest >>= 3) if ((rest & 7) === digit) return digits;
  return (digits << 3) | digit;
}

function trips(values: Float64Array, lane: number, config: CraftConfig): void {
  const { count, sheds } = config.nodes;
  for (let node = 0; node < count; node += 1) {
    if (values[NODES + node * NODE_STRIDE + NODE_TRIPPED + lane] === 0) continue;
    const own = sheds[node]!;
    for (let index = 0; index < own.length; index += 1) {
      const shed = own[index]!;
      if ((values[DENIALS + shed * NEXT + lane]! & DENIED.thermal) === 0) values[DENYING_NODE + shed * NEXT + lane] = node;
      deny(values, lane, shed, DENIED.thermal, THERMAL);
    }
  }
}
