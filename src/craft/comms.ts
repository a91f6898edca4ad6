import { clamp } from "#base/units.ts";
import type { CraftConfig } from "./config.ts";
import { isDead } from "./demand.ts";
import { isPermitted } from "./feedback.ts";
import * as at from "./layout.ts";
import { sensorReadings } from "./mcqpu.ts";
import { stateOfChargePct } from "./permission.ts";
import { isWarned } from "./report.ts";
import type { CraftState } from "./state.ts";

export type LinkState = "online" | "degraded" | "offline";
export type CommsReason =
  | "COMMS_NOT_IMPLEMENTED"
  | "EMCON_BLOCK"
  | "COMMS_LINK_LOSS"
  | "COMMS_THERMAL_BLOCK"
  | "COMMS_POWER_BLOCK"
  | "COMMS_DEGRADED";

/** The craft's link to the ground (simulation §5, comms). */
export interface CommsLink {
  readonly state: LinkState;
  /** Absent while offline. */
  readonly latencyMs: number | undefined;
  readonly packetLossPct: number | undefined;
  readonly rssiDbm: number;
  readonly snrDb: number;
  readonly dataRateKbps: number;
  readonly reason: CommsReason | undefined;
  readonly txPowerW: number;
}

const DEAD_TRANSPONDER = at.DEAD_LOADS.indexOf("transponder");
const QUEUE_LATENCY_MAX_MS = 1800;

/** The link after the tick: the first condition of the table that holds. */
export function commsLink(state: CraftState, config: CraftConfig): CommsLink {
  const { values } = state;
  const txPowerW = values[at.GRANTED_W + at.TRANSPONDER]!;
  const offlineReason = whyOffline(state, config);
  if (offlineReason !== undefined) {
    const quality = { latencyMs: undefined, packetLossPct: undefined, rssiDbm: -120, snrDb: 0, dataRateKbps: 0 };
    return { state: "offline", ...quality, reason: offlineReason, txPowerW };
  }
  const queueMs = Math.min(QUEUE_LATENCY_MAX_MS, 10 * (sensorReadings(values[at.TICK]!) + values[at.COMMANDS_APPLIED]!));
  const blockedBy = whyBlocked(state, config);
  if (blockedBy !== undefined) {
    const quality = { latencyMs: 1600 + queueMs, packetLossPct: 35, rssiDbm: -110, snrDb: 1, dataRateKbps: 0 };
    return { state: "degraded", ...quality, reason: blockedBy, txPowerW };
  }
  const mode = state.transponderMode;
  if (mode === "OFF" || mode === "SILENT") {
    const quality = { latencyMs: 900 + queueMs, packetLossPct: 15, rssiDbm: -98, snrDb: 6, dataRateKbps: 0 };
    return { state: "degraded", ...quality, reason: "COMMS_DEGRADED", txPowerW };
  }
  const socPct = stateOfChargePct(values, 0, config);
  return {
    state: "online",
    latencyMs: 80 + queueMs + Math.max(0, 3 * (35 - socPct)),
    packetLossPct: clamp(0.25 * (20 - socPct), 0, 25),
    rssiDbm: Math.max(-110, -58 - 0.35 * (100 - socPct)),
    snrDb: Math.max(0, 28 - 0.2 * (100 - socPct)),
    dataRateKbps: mode === "ON" ? 192 : 96,
    reason: undefined,
    txPowerW,
  };
}

/** Whether the transponder may work: neither denied nor shed. */
export function isTransponderAllowed(state: CraftState): boolean {
  return isPermitted(state.values, 0, at.SHED_TRANSPONDER);
}

function whyOffline({ values }: CraftState, config: CraftConfig): CommsReason | undefined {
  if (!config.commsEnabled) return "COMMS_NOT_IMPLEMENTED";
  if (config.profile.commsPlane.emconState === "EMCON_block") return "EMCON_BLOCK";
  return values[config.commsLossAt] === 1 ? "COMMS_LINK_LOSS" : undefined;
}

function whyBlocked(state: CraftState, config: CraftConfig): CommsReason | undefined {
  const { values } = state;
  for (const node of config.commsNodes) {
    if (values[at.NODES + node * at.NODE_STRIDE + at.NODE_TRIPPED] === 1 || isWarned(values, 0, node)) return "COMMS_THERMAL_BLOCK";
  }
  const isPowered =
    isPermitted(values, 0, at.SHED_TRANSPONDER) &&
    values[at.SUPPLY_FRACTION]! >= config.profile.powerPlane.brownoutSupplyMin &&
    !isDead(values, 0, config, DEAD_TRANSPONDER);
  return isPowered ? undefined : "COMMS_POWER_BLOCK";
}
