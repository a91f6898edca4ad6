import { assert } from "#base/assert.ts";
import { JOULES_PER_WH, RAD_PER_DEG } from "#base/units.ts";
import { type Layout, layoutOf, NEXT } from "./layout.ts";
import type { CraftProfile, ThermalNode } from "./profile.ts";
import { SHEDDABLE_LOADS } from "./profile-schema.ts";
import { faultExplainId, RUNTIME_FAULTS, SHED_REASONS } from "./reasons.ts";
import { chooseGroups, type ThrusterGroup } from "./thrusters.ts";

/** What a run decides about its craft beside the profile. */
export interface CraftSettings {
  readonly tickMs: number;
  /** Whether the radar is asked for at the start. */
  readonly radarEnabled: boolean;
  /** `sha256:…` of the profile file; absent without a file. */
  readonly profileHash?: string;
}

/** Thermal nodes as columns, for the step. */
export interface NodeColumns {
  readonly count: number;
  readonly heatCapacityJPerC: Float64Array;
  /** Cooling and ambient exchange together. */
  readonly ambientWPerC: Float64Array;
  /** Thresholds; none is Infinity. */
  readonly tripC: Float64Array;
  readonly warnC: Float64Array;
  readonly hysteresisC: Float64Array;
  /** The lower of both thresholds. */
  readonly alarmC: Float64Array;
  /** Row of `heatW` that each of `HEAT_SOURCES` heats; the last, which is no node's, for one that the profile lacks. */
  readonly heatedRow: Int32Array;
  /** Rows of nodes that none heats. */
  readonly unheatedRows: readonly number[];
  /** Couplings: the two nodes of each, and its conductance. */
  readonly linkA: Int32Array;
  readonly linkB: Int32Array;
  readonly linkWPerC: Float64Array;
  /** For a step of one tick. */
  readonly factors: ThermalFactors;
  /** Sheddable loads that each node's trip denies, in its order. */
  readonly sheds: readonly (readonly number[])[];
  /** Heat into each node while the step runs: a row of lanes per node, and one more. */
  readonly heatW: Float64Array;
}

/** What a step of one length does to each node. */
export interface ThermalFactors {
  /** Share of the way to the ambient, at most 1. */
  readonly ambientShare: Float64Array;
  /** Warming per watt. */
  readonly gainCPerW: Float64Array;
}

/** Factors of a step of `dtS`. */
export function thermalFactors(nodes: Pick<NodeColumns, "ambientWPerC" | "heatCapacityJPerC">, dtS: number): ThermalFactors {
  return {
    ambientShare: nodes.ambientWPerC.map((wPerC, node) => Math.min(1, (wPerC * dtS) / nodes.heatCapacityJPerC[node]!)),
    gainCPerW: nodes.heatCapacityJPerC.map((capacity) => dtS / capacity),
  };
}

/** Ids of the nodes that loads and flows heat. */
export const HEAT_SOURCES = ["core", "pdu", "supercap", "battery", "dock_bridge", "hull"] as const;

/** Offsets of the since_tick slots. */
export interface SinceSlots {
  readonly latch: number;
  readonly socGate: number;
  readonly tempGate: number;
  readonly trip: Int32Array;
  readonly warn: Int32Array;
  /** Per sheddable load four, in the order of `SHED_REASONS`. */
  readonly shed: Int32Array;
  readonly motionThrottle: number;
  readonly rcsThrottle: number;
  readonly brownout: number;
  readonly hold: number;
  readonly configFaults: Int32Array;
  /** In the order of `RUNTIME_FAULTS`, then one trip per node. */
  readonly faults: Int32Array;
}

/** A profile and its run settings, compiled for the step. One serves any number of crafts. */
export interface CraftConfig {
  readonly profile: CraftProfile;
  readonly settings: CraftSettings;
  readonly layout: Layout;
  readonly dtS: number;
  // Offsets of fault slots; targets of one kind lie side by side.
  readonly stuckAt: Int32Array;
  readonly deadLoadAt: number;
  readonly capacityLossAt: number;
  readonly heatLeakAt: number;
  readonly dropoutAt: number;
  readonly commsLossAt: number;
  readonly thrusterDeadAt: number;
  readonly lateFramesAt: number;
  readonly since: SinceSlots;
  readonly nodes: NodeColumns;
  /** Node indices, -1 when there is none. */
  readonly coreNode: number;
  readonly dockNode: number;
  readonly batteryNode: number;
  readonly supercapNode: number;
  /** Nodes whose heat degrades the link. */
  readonly commsNodes: readonly number[];
  readonly cpuBlend: number;
  readonly ramBlend: number;
  readonly restoreDelayTicks: number;
  readonly restoreShare: number;
  readonly batteryCapacityJ: number;
  readonly supercapCapacityJ: number;
  /** What the station offers after soft start. */
  readonly dockAvailableW: number;
  readonly groups: readonly (ThrusterGroup | undefined)[];
  readonly heatFractionToHull: number;
  readonly ispS: number;
  readonly rcsPowerW: number;
  readonly inertiaKgM2: Float64Array;
  /** Euler's equations: dw_x/dt = eulerTerms[0]·w_y·w_z, and so on. */
  readonly eulerTerms: Float64Array;
  readonly tipOffRps: Float64Array;
  readonly commsEnabled: boolean;
  readonly holdWhenDocked: boolean;
}

const CPU_TIME_CONSTANT_S = 2;
const RAM_TIME_CONSTANT_S = 4;

/** Share of the way to its target that a first-order lag covers in one step. */
export function cpuBlend(dtS: number): number {
  return 1 - Math.exp(-dtS / CPU_TIME_CONSTANT_S);
}

export function ramBlend(dtS: number): number {
  return 1 - Math.exp(-dtS / RAM_TIME_CONSTANT_S);
}

/** Ticks that a shed load must fit before it comes back. */
export function restoreDelayTicks(profile: CraftProfile, dtS: number): number {
  return Math.ceil(profile.powerPlane.pduRestoreDelayS / dtS - 1e-9);
}

/** Compiles a checked profile. */
export function compileCraftConfig(profile: CraftProfile, settings: CraftSettings): CraftConfig {
  assert(settings.tickMs > 0, "a tick takes time", { tickMs: settings.tickMs });
  const { powerPlane, motionPlane, propulsionPlane } = profile;
  const layout = layoutOf(profile, settings.profileHash);
  const slotOf = (kind: string): number => layout.faultSlots.find((slot) => slot.kind === kind)?.offset ?? -1;
  const { nodes } = profile.thermalPlane;
  const dtS = settings.tickMs / 1000;
  const [ix, iy, iz] = motionPlane.inertiaKgM2;
  const currentLimitW = powerPlane.dockCurrentLimitA * powerPlane.dockStationBusV;
  return {
    profile,
    settings,
    layout,
    dtS,
    stuckAt: Int32Array.from(layout.faultSlots.filter((slot) => slot.kind === "stuck_sensor").map((slot) => slot.offset)),
    deadLoadAt: slotOf("dead_load"),
    capacityLossAt: slotOf("battery_capacity_loss"),
    heatLeakAt: slotOf("heat_leak"),
    dropoutAt: slotOf("radar_dropout"),
    commsLossAt: slotOf("comms_loss"),
    thrusterDeadAt: slotOf("thruster_dead"),
    lateFramesAt: slotOf("late_frames"),
    since: sinceSlots(profile, layout),
    nodes: nodeColumns(profile, dtS),
    coreNode: nodes.findIndex((node) => node.id === "core"),
    dockNode: nodes.findIndex((node) => node.id === "dock_bridge"),
    batteryNode: nodes.findIndex((node) => node.id === "battery"),
    supercapNode: nodes.findIndex((node) => node.id === "supercap"),
    commsNodes: nodes.flatMap((node, index) => (/comm|transponder/.test(node.id) ? [index] : [])),
    cpuBlend: cpuBlend(dtS),
    ramBlend: ramBlend(dtS),
    restoreDelayTicks: restoreDelayTicks(profile, dtS),
    restoreShare: 1 - powerPlane.pduRestoreMarginPct / 100,
    batteryCapacityJ: profile.powerCapacityWh * JOULES_PER_WH,
    supercapCapacityJ: powerPlane.supercapCapacityWh * JOULES_PER_WH,
    dockAvailableW: powerPlane.dockStationMaxPowerW > 0 ? Math.min(powerPlane.dockStationMaxPowerW, currentLimitW) : currentLimitW,
    groups: chooseGroups(profile.thrusters, motionPlane.comM, propulsionPlane.zttTorqueTolNm),
    heatFractionToHull: propulsionPlane.heatFractionToHull,
    ispS: propulsionPlane.ispS ?? 1,
    rcsPowerW: propulsionPlane.rcsPowerWAt100pct,
    inertiaKgM2: Float64Array.of(ix, iy, iz),
    eulerTerms: Float64Array.of((iy - iz) / ix, (iz - ix) / iy, (ix - iy) / iz),
    // A rate too small for radians becomes zero, and never a negative one.
    tipOffRps: Float64Array.from(motionPlane.tipOffDps, (dps) => dps * RAD_PER_DEG + 0),
    commsEnabled: profile.commsPlane.enabled,
    holdWhenDocked: motionPlane.holdWhenDocked,
  };
}

function sinceSlots(profile: CraftProfile, layout: Layout): SinceSlots {
  const slot = (id: string): number => {
    const offset = layout.sinceAt.get(id);
    assert(offset !== undefined, "every explain id has a slot", { id });
    return offset;
  };
  const nodeIds = profile.thermalPlane.nodes.map((node) => node.id);
  const faults = [...RUNTIME_FAULTS, ...nodeIds.map((id) => `THERMAL_TRIP:${id}`)];
  return {
    latch: slot("latch:power:low_soc"),
    socGate: slot("gate:nbl:nbl_budget"),
    tempGate: slot("gate:nbl:thermal_overheat"),
    trip: Int32Array.from(nodeIds, (id) => slot(`trip:${id}:thermal_trip`)),
    warn: Int32Array.from(nodeIds, (id) => slot(`warn:${id}:thermal_warn`)),
    shed: Int32Array.from(SHEDDABLE_LOADS.flatMap((load) => SHED_REASONS.map((reason) => slot(`shed:${load}:${reason}`)))),
    motionThrottle: slot("throttle:motion:pdu_overcurrent"),
    rcsThrottle: slot("throttle:rcs:pdu_overcurrent"),
    brownout: slot("brownout:bus:supply_short"),
    hold: slot("hold:motion:docked"),
    configFaults: Int32Array.from(profile.configFaults, (fault) => slot(faultExplainId(fault))),
    faults: Int32Array.from(faults, (fault) => slot(faultExplainId(fault))),
  };
}

function nodeColumns(profile: CraftProfile, dtS: number): NodeColumns {
  const { nodes, couplings, ambientExchangeWPerC } = profile.thermalPlane;
  const column = (pick: (node: ThermalNode) => number): Float64Array => Float64Array.from(nodes, pick);
  const indexOf = (id: string): number => nodes.findIndex((node) => node.id === id);
  const links = couplings.filter(() => nodes.length > 0);
  const heatCapacityJPerC = column((node) => node.heatCapacityJPerC);
  const ambientWPerC = column((node) => node.coolingWPerC + ambientExchangeWPerC);
  const tripC = column((node) => (node.tripC > 0 ? node.tripC : Infinity));
  const warnC = column((node) => node.warnC ?? Infinity);
  return {
    count: nodes.length,
    heatCapacityJPerC,
    ambientWPerC,
    tripC,
    warnC,
    alarmC: tripC.map((trip, node) => Math.min(trip, warnC[node]!)),
    hysteresisC: column((node) => node.effectiveHysteresisC),
    heatedRow: Int32Array.from(HEAT_SOURCES, (id) => (indexOf(id) < 0 ? nodes.length : indexOf(id)) * NEXT),
    unheatedRows: nodes.flatMap(({ id }, node) => ((HEAT_SOURCES as readonly string[]).includes(id) ? [] : [node * NEXT])),
    linkA: Int32Array.from(links, (link) => indexOf(link.a)),
    linkB: Int32Array.from(links, (link) => indexOf(link.b)),
    linkWPerC: Float64Array.from(links, (link) => link.kWPerC),
    factors: thermalFactors({ heatCapacityJPerC, ambientWPerC }, dtS),
    sheds: nodes.map((node) => node.sheds.map((load) => SHEDDABLE_LOADS.indexOf(load))),
    heatW: new Float64Array((nodes.length + 1) * NEXT),
  };
}
