import { type CraftConfig, HEAT_SOURCES, type ThermalFactors, thermalFactors } from "./config.ts";
import * as at from "./layout.ts";
import type { Crafts } from "./state.ts";

// The engine folds constants of this module, not imported ones.
const {
  AMBIENT_C,
  BATTERY_CHARGE_W,
  BATTERY_DISCHARGE_W,
  BUS_A,
  DOCK_A,
  FAULTS_IN_FORCE,
  FAULT_STRIDE,
  FAULT_VALUE,
  GRANTED_W,
  HOT_NODES,
  MCQPU,
  NBL,
  NEXT,
  NODES,
  NODE_STRIDE,
  NODE_TRIPPED,
  NODE_WARNED,
  POWER_OUT_W,
  RCS,
  SUPERCAP_CHARGE_W,
  SUPERCAP_DISCHARGE_W,
  TRIP_EDGES,
} = at;

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
export function thermal(crafts: Crafts, config: CraftConfig, dtS: number): void {
  if (config.nodes.count === 0) return;
  gatherHeat(crafts, config);
  conduct(crafts, config);
  warm(crafts, config, dtS === config.dtS ? config.nodes.factors : thermalFactors(config.nodes, dtS));
  watch(crafts, config);
}

/** Heat into each node from what the tick's power did and from leaks, W: a row per node. Spilled power heats nothing. */
function gatherHeat(crafts: Crafts, config: CraftConfig): void {
  const { values, lanes } = crafts;
  const { heatedRow, unheatedRows, heatW } = config.nodes;
  const { heatFractionToHull } = config;
  const core = heatedRow[CORE]!;
  const pdu = heatedRow[PDU]!;
  const supercap = heatedRow[SUPERCAP]!;
  const battery = heatedRow[BATTERY]!;
  const dockBridge = heatedRow[DOCK_BRIDGE]!;
  const hull = heatedRow[HULL]!;
  for (const row of unheatedRows) heatW.fill(0, row, row + lanes);
  for (let lane = 0; lane < lanes; lane += 1) {
    const busA = values[BUS_A + lane]!;
    const dockA = values[DOCK_A + lane]!;
    heatW[core + lane] = 0.8 * values[GRANTED_W + MCQPU + lane]! + 0.7 * values[GRANTED_W + NBL + lane]!;
    heatW[pdu + lane] = 0.02 * values[POWER_OUT_W + lane]! + 0.4 * busA * busA;
    heatW[supercap + lane] = 0.03 * (values[SUPERCAP_CHARGE_W + lane]! + values[SUPERCAP_DISCHARGE_W + lane]!);
    heatW[battery + lane] = 0.01 * (values[BATTERY_CHARGE_W + lane]! + values[BATTERY_DISCHARGE_W + lane]!);
    heatW[dockBridge + lane] = 0.25 * dockA * dockA;
    heatW[hull + lane] = heatFractionToHull * values[GRANTED_W + RCS + lane]!;
    if (values[FAULTS_IN_FORCE + lane]! > 0) leak(values, lane, config);
  }
}

/** Adds the heat of leaks. */
function leak(values: Float64Array, lane: number, { nodes, heatLeakAt }: CraftConfig): void {
  for (let node = 0; node < nodes.count; node += 1) {
    nodes.heatW[node * NEXT + lane]! += values[heatLeakAt + node * FAULT_STRIDE + FAULT_VALUE + lane]!;
  }
}

/** Adds what flows through the couplings. */
function conduct({ values, lanes }: Crafts, config: CraftConfig): void {
  const { linkA, linkB, linkWPerC, heatW } = config.nodes;
  for (let link = 0; link < linkWPerC.length; link += 1) {
    const wPerC = linkWPerC[link]!;
    const tempA = NODES + linkA[link]! * NODE_STRIDE;
    const tempB = NODES + linkB[link]! * NODE_STRIDE;
    const heatA = linkA[link]! * NEXT;
    const heatB = linkB[link]! * NEXT;
    for (let lane = 0; lane < lanes; lane += 1) {
      const watts = wPerC * (values[tempA + lane]! - values[tempB + lane]!);
      heatW[heatA + lane]! -= watts;
      heatW[heatB + lane]! += watts;
    }
  }
}

/** Moves the temperatures; a craft with a node at its alarm counts as hot until `watch` has looked. */
function warm({ values, lanes }: Crafts, config: CraftConfig, factors: ThermalFactors): void {
  const { heatW, alarmC } = config.nodes;
  for (let node = 0; node < config.nodes.count; node += 1) {
    const temp = NODES + node * NODE_STRIDE;
    const ambientShare = factors.ambientShare[node]!;
    const gainCPerW = factors.gainCPerW[node]!;
    const nodeAlarmC = alarmC[node]!;
    const heat = node * NEXT;
    for (let lane = 0; lane < lanes; lane += 1) {
      const oldC = values[temp + lane]!;
      const freeC = oldC - (oldC - values[AMBIENT_C + lane]!) * ambientShare + heatW[heat + lane]! * gainCPerW;
      const newC = freeC < TEMP_MIN_C ? TEMP_MIN_C : freeC > TEMP_MAX_C ? TEMP_MAX_C : freeC;
      values[temp + lane] = newC;
      if (newC >= nodeAlarmC) values[HOT_NODES + lane]! += 1;
    }
  }
}

/** Moves trips and warnings of the crafts that have or may get some. */
function watch(crafts: Crafts, config: CraftConfig): void {
  const { values, lanes } = crafts;
  for (let lane = 0; lane < lanes; lane += 1) {
    if (values[HOT_NODES + lane]! > 0) watchNodes(values, lane, config);
  }
}

function watchNodes(values: Float64Array, lane: number, config: CraftConfig): void {
  const { count, tripC, warnC, hysteresisC } = config.nodes;
  const { tripEdges } = config.layout;
  let hotNodes = 0;
  for (let node = 0, slot = NODES + lane; node < count; node += 1, slot += NODE_STRIDE) {
    const tempC = values[slot]!;
    const wasTripped = values[NODE_TRIPPED + slot]!;
    const isTripped = held(wasTripped, tempC, tripC[node]!, hysteresisC[node]!);
    const isWarned = held(values[NODE_WARNED + slot]!, tempC, warnC[node]!, hysteresisC[node]!);
    values[NODE_TRIPPED + slot] = isTripped;
    values[NODE_WARNED + slot] = isWarned;
    if (isTripped === 1 || isWarned === 1) hotNodes += 1;
    if (isTripped === wasTripped) continue;
    values[tripEdges[node]! + lane] = isTripped - wasTripped;
    values[TRIP_EDGES + lane]! += 1;
  }
  values[HOT_NODES + lane] = hotNodes;
}

/** A threshold that holds until the temperature has come back by the hysteresis. */
function held(was: number, tempC: number, thresholdC: number, hysteresisC: number): number {
  if (tempC >= thresholdC) return 1;
  return was === 1 && tempC <= thresholdC - hysteresisC ? 0 : was;
}

/** Forgets the trips that began or ended in the tick before. */
export function clearTripEdges(values: Float64Array, lane: number, { layout }: CraftConfig): void {
  values[TRIP_EDGES + lane] = 0;
  for (const edge of layout.tripEdges) values[edge + lane] = 0;
}
