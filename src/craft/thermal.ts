import { clamp } from "#base/units.ts";
import { type CraftConfig, HEAT_SOURCES, thermalFactors } from "./config.ts";
import { MCQPU, NBL, RCS } from "./demand.ts";
import * as at from "./layout.ts";
import type { CraftState } from "./state.ts";

const CORE = HEAT_SOURCES.indexOf("core");
const PDU = HEAT_SOURCES.indexOf("pdu");
const SUPERCAP = HEAT_SOURCES.indexOf("supercap");
const BATTERY = HEAT_SOURCES.indexOf("battery");
const DOCK_BRIDGE = HEAT_SOURCES.indexOf("dock_bridge");
const HULL = HEAT_SOURCES.indexOf("hull");
const TEMP_MIN_C = -120;
const TEMP_MAX_C = 160;

/**
 * S8: lumped thermal network, one explicit Euler step from the temperatures of the tick before. Only the exchange with the ambient
 * is limited to reach it and not pass; conduction may pass it. Trips and warnings follow, each with a band.
 */
export function thermal(state: CraftState, config: CraftConfig, dtS: number): void {
  const { values } = state;
  const { nodes } = config;
  const { count, scratchW } = nodes;
  if (count === 0) return;
  const { ambientShare, gainCPerW } = dtS === config.dtS ? nodes.factors : thermalFactors(nodes, dtS);
  const ambientC = values[config.bodyAt + at.AMBIENT_C]!;
  gatherHeat(values, config);
  let hotNodes = 0;
  for (let node = 0, slot = at.NODES; node < count; node += 1, slot += at.NODE_STRIDE) {
    const oldC = values[slot]!;
    const newC = clamp(oldC - (oldC - ambientC) * ambientShare[node]! + scratchW[node]! * gainCPerW[node]!, TEMP_MIN_C, TEMP_MAX_C);
    values[slot] = newC;
    if (newC < nodes.alarmC[node]! && values[slot + at.NODE_TRIPPED] === 0 && values[slot + at.NODE_WARNED] === 0) continue;
    if (watch(state, config, node, newC)) hotNodes += 1;
  }
  values[at.HOT_NODES] = hotNodes;
}

/** Moves a node's trip and warning; returns whether one of them holds. */
function watch(state: CraftState, config: CraftConfig, node: number, tempC: number): boolean {
  const { values } = state;
  const { tripC, warnC, hysteresisC } = config.nodes;
  const slot = at.NODES + node * at.NODE_STRIDE;
  const wasTripped = values[slot + at.NODE_TRIPPED]!;
  const isTripped = held(wasTripped, tempC, tripC[node]!, hysteresisC[node]!);
  const isWarned = held(values[slot + at.NODE_WARNED]!, tempC, warnC[node]!, hysteresisC[node]!);
  values[slot + at.NODE_TRIPPED] = isTripped;
  values[slot + at.NODE_WARNED] = isWarned;
  if (isTripped !== wasTripped) state.tripEdges.push({ node, tripped: isTripped === 1 });
  return isTripped === 1 || isWarned === 1;
}

/** A threshold that holds until the temperature has come back by the hysteresis. */
function held(was: number, tempC: number, thresholdC: number, hysteresisC: number): number {
  if (tempC >= thresholdC) return 1;
  return was === 1 && tempC <= thresholdC - hysteresisC ? 0 : was;
}

/** Net heat into each node: from what the tick's power did, through couplings, from leaks. Spilled power heats nothing. */
function gatherHeat(values: Float64Array, config: CraftConfig): void {
  const out = config.outputsAt;
  const { count, heatedNode, linkA, linkB, linkWPerC, scratchW } = config.nodes;
  for (let node = 0; node < count; node += 1) scratchW[node] = 0;
  if (values[at.FAULTS_IN_FORCE]! > 0) {
    for (let node = 0; node < count; node += 1) scratchW[node] = values[config.heatLeakAt + node * at.FAULT_STRIDE + at.FAULT_VALUE]!;
  }
  const busA = values[at.BUS_A]!;
  const dockA = values[at.DOCK_A]!;
  addHeat(scratchW, heatedNode[CORE]!, 0.8 * values[out + at.GRANTED_W + MCQPU]! + 0.7 * values[out + at.GRANTED_W + NBL]!);
  addHeat(scratchW, heatedNode[PDU]!, 0.02 * values[at.POWER_OUT_W]! + 0.4 * busA * busA);
  addHeat(scratchW, heatedNode[SUPERCAP]!, 0.03 * (values[out + at.SUPERCAP_CHARGE_W]! + values[out + at.SUPERCAP_DISCHARGE_W]!));
  addHeat(scratchW, heatedNode[BATTERY]!, 0.01 * (values[out + at.BATTERY_CHARGE_W]! + values[out + at.BATTERY_DISCHARGE_W]!));
  addHeat(scratchW, heatedNode[DOCK_BRIDGE]!, 0.25 * dockA * dockA);
  addHeat(scratchW, heatedNode[HULL]!, config.heatFractionToHull * values[out + at.GRANTED_W + RCS]!);
  for (let link = 0; link < linkWPerC.length; link += 1) {
    const a = linkA[link]!;
    const b = linkB[link]!;
    const watts = linkWPerC[link]! * (values[at.NODES + a * at.NODE_STRIDE]! - values[at.NODES + b * at.NODE_STRIDE]!);
    scratchW[a]! -= watts;
    scratchW[b]! += watts;
  }
}

function addHeat(scratchW: Float64Array, node: number, watts: number): void {
  if (node >= 0) scratchW[node]! += watts;
}
