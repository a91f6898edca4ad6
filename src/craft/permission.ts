import type { CraftConfig } from "./config.ts";
import { NBL, RADAR, TRANSPONDER } from "./demand.ts";
import * as at from "./layout.ts";
import { DENIED } from "./reasons.ts";
import type { CraftState } from "./state.ts";

/** Places of the sheddable loads, and of each in DEMAND_W. */
export const SHED_NBL = 0;
export const SHED_RADAR = 1;
export const SHED_TRANSPONDER = 2;
export const LOAD_OF = Int32Array.of(NBL, RADAR, TRANSPONDER);

/** Core temperature when no node is called core, C. */
export const CORE_TEMP_C = 25;
// Digits of REASON_ORDER: a reason's place in SHED_REASONS plus one.
const LOW_SOC = 1;
const THERMAL = 2;
const NBL_BUDGET = 3;

/** S4: which sheddable loads the state of charge, the temperatures and the NBL gates deny. */
export function permission(state: CraftState, config: CraftConfig): void {
  const { values } = state;
  values[at.DENIALS + SHED_NBL] = 0;
  values[at.DENIALS + SHED_RADAR] = 0;
  values[at.DENIALS + SHED_TRANSPONDER] = 0;
  values[at.SHED_ORDER] = 0;
  values[at.REASON_ORDER] = 0;
  const socPct = stateOfChargePct(values, config);
  latch(values, config, socPct);
  if (values[at.HOT_NODES]! > 0) trips(values, config);
  nblGates(values, config, socPct);
}

/** State of charge of the battery, % of its nominal capacity; 0 without one. */
export function stateOfChargePct(values: Float64Array, config: CraftConfig): number {
  return config.batteryCapacityJ > 0 ? (100 * values[at.BATTERY_J]!) / config.batteryCapacityJ : 0;
}

/** Temperature of a node, or the fallback when the profile has none. */
export function nodeTempC(values: Float64Array, node: number, fallbackC: number): number {
  return node >= 0 ? values[at.NODES + node * at.NODE_STRIDE]! : fallbackC;
}

/** Denies a load, and lists load and reason unless they are listed or the load asks for nothing. */
export function deny(values: Float64Array, shed: number, bit: number, reasonDigit: number): void {
  values[at.DENIALS + shed] = values[at.DENIALS + shed]! | bit;
  if (values[at.DEMAND_W + LOAD_OF[shed]!]! <= 0) return;
  values[at.SHED_ORDER] = appended(values[at.SHED_ORDER]!, shed + 1);
  values[at.REASON_ORDER] = appended(values[at.REASON_ORDER]!, reasonDigit);
}

/** A list of octal digits with one more at its end, unless it is in it. */
function appended(digits: number, digit: number): number {
  for (let rest = digits; rest > 0; rest >>= 3) if ((rest & 7) === digit) return digits;
  return (digits << 3) | digit;
}

function latch(values: Float64Array, config: CraftConfig, socPct: number): void {
  const { socShedLowPct, socShedHighPct } = config.profile.powerPlane;
  if (socPct <= socShedLowPct) values[at.SOC_LATCH] = 1;
  else if (socPct >= socShedHighPct) values[at.SOC_LATCH] = 0;
  if (values[at.SOC_LATCH] === 0) return;
  deny(values, SHED_RADAR, DENIED.lowSoc, LOW_SOC);
  deny(values, SHED_TRANSPONDER, DENIED.lowSoc, LOW_SOC);
}

function trips(values: Float64Array, config: CraftConfig): void {
  const { count, sheds } = config.nodes;
  for (let node = 0; node < count; node += 1) {
    if (values[at.NODES + node * at.NODE_STRIDE + at.NODE_TRIPPED] === 0) continue;
    const own = sheds[node]!;
    for (let index = 0; index < own.length; index += 1) {
      const shed = own[index]!;
      if ((values[at.DENIALS + shed]! & DENIED.thermal) === 0) values[at.DENYING_NODE + shed] = node;
      deny(values, shed, DENIED.thermal, THERMAL);
    }
  }
}

function nblGates(values: Float64Array, config: CraftConfig, socPct: number): void {
  const { nblSocMinPct, nblSocHysteresisPct, nblCoreTempMaxC, nblTempHysteresisC } = config.profile.powerPlane;
  if (socPct < nblSocMinPct) values[at.NBL_SOC_GATE] = 1;
  else if (socPct >= nblSocMinPct + nblSocHysteresisPct) values[at.NBL_SOC_GATE] = 0;
  const coreC = nodeTempC(values, config.coreNode, CORE_TEMP_C);
  if (coreC > nblCoreTempMaxC) values[at.NBL_TEMP_GATE] = 1;
  else if (coreC <= nblCoreTempMaxC - nblTempHysteresisC) values[at.NBL_TEMP_GATE] = 0;
  if (values[at.NBL_SOC_GATE] === 1) deny(values, SHED_NBL, DENIED.nblBudget, NBL_BUDGET);
  if (values[at.NBL_TEMP_GATE] === 0) return;
  if ((values[at.DENIALS + SHED_NBL]! & DENIED.thermal) === 0) values[at.DENYING_NODE + SHED_NBL] = -1;
  deny(values, SHED_NBL, DENIED.thermal, THERMAL);
}
