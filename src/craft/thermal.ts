import { clamp } from "#base/units.ts";
import { type CraftConfig, HEAT_SOURCES } from "./config.ts";
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
  const { scratchC } = nodes;
  const ambientC = values[config.bodyAt + at.AMBIENT_C]!;
  for (let node = 0; node < nodes.count; node += 1) scratchC[node] = values[at.NODES + node * at.NODE_STRIDE]!;
  for (let node = 0; node < nodes.count; node += 1) {
    const oldC = scratchC[node]!;
    const capacity = nodes.heatCapacityJPerC[node]!;
    let conductedW = 0;
    for (let link = nodes.linkStart[node]!; link < nodes.linkStart[node + 1]!; link += 1) {
      conductedW += nodes.linkWPerC[link]! * (oldC - scratchC[nodes.linkNode[link]!]!);
    }
    const ambientShare = Math.min(1, (nodes.ambientWPerC[node]! * dtS) / capacity);
    const gainC = ((heatW(values, config, node) - conductedW) * dtS) / capacity;
    const slot = at.NODES + node * at.NODE_STRIDE;
    const newC = clamp(oldC - (oldC - ambientC) * ambientShare + gainC, TEMP_MIN_C, TEMP_MAX_C);
    values[slot] = newC;
    const wasTripped = values[slot + at.NODE_TRIPPED]!;
    const isTripped = held(wasTripped, newC, nodes.tripC[node]!, nodes.hysteresisC[node]!);
    values[slot + at.NODE_TRIPPED] = isTripped;
    values[slot + at.NODE_WARNED] = held(values[slot + at.NODE_WARNED]!, newC, nodes.warnC[node]!, nodes.hysteresisC[node]!);
    if (isTripped !== wasTripped) state.tripEdges.push({ node, tripped: isTripped === 1 });
  }
}

/** A threshold that holds until the temperature has come back by the hysteresis. */
function held(was: number, tempC: number, thresholdC: number, hysteresisC: number): number {
  if (tempC >= thresholdC) return 1;
  return was === 1 && tempC <= thresholdC - hysteresisC ? 0 : was;
}

/** Heat that flows into a node from what the tick's power did, W. Spilled power heats nothing. */
function heatW(values: Float64Array, config: CraftConfig, node: number): number {
  const out = config.outputsAt;
  const leakW = values[at.FAULTS_IN_FORCE]! > 0 ? values[config.heatLeakAt + node * at.FAULT_STRIDE + at.FAULT_VALUE]! : 0;
  switch (config.nodes.heatSource[node]!) {
    case CORE:
      return leakW + 0.8 * values[out + at.GRANTED_W + MCQPU]! + 0.7 * values[out + at.GRANTED_W + NBL]!;
    case PDU: {
      const busA = values[at.BUS_A]!;
      return leakW + 0.02 * values[at.POWER_OUT_W]! + 0.4 * busA * busA;
    }
    case SUPERCAP:
      return leakW + 0.03 * (values[out + at.SUPERCAP_CHARGE_W]! + values[out + at.SUPERCAP_DISCHARGE_W]!);
    case BATTERY:
      return leakW + 0.01 * (values[out + at.BATTERY_CHARGE_W]! + values[out + at.BATTERY_DISCHARGE_W]!);
    case DOCK_BRIDGE: {
      const dockA = values[at.DOCK_A]!;
      return leakW + 0.25 * dockA * dockA;
    }
    case HULL:
      return leakW + config.heatFractionToHull * values[out + at.GRANTED_W + RCS]!;
    default:
      return leakW;
  }
}
