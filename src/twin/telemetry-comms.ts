import type { TelemetryPayload } from "#contracts/telemetry.ts";
import { type CommsReason, commsLink, isTransponderAllowed } from "#craft/comms.ts";
import type { CraftConfig } from "#craft/config.ts";
import type { CraftState } from "#craft/state.ts";

const REASON_TEXTS: Readonly<Record<CommsReason, string>> = {
  COMMS_NOT_IMPLEMENTED: "No comms on this craft.",
  EMCON_BLOCK: "Emission control forbids transmitting.",
  COMMS_LINK_LOSS: "Link lost.",
  COMMS_THERMAL_BLOCK: "Link degraded: a comms node is hot.",
  COMMS_POWER_BLOCK: "Link degraded: the transponder has no power.",
  COMMS_DEGRADED: "Link degraded: the transponder does not transmit.",
};

/** The `comms` object. */
export function commsOf(
  state: CraftState,
  config: CraftConfig,
  ids: { readonly ownTransponderId: string; readonly spoofId: string },
): TelemetryPayload["comms"] {
  const link = commsLink(state, config);
  const { transponderMode: mode, transponderOn: active } = state;
  return {
    enabled: config.commsEnabled,
    link: link.state,
    link_state: link.state,
    latency_ms: link.latencyMs ?? null,
    packet_loss_pct: link.packetLossPct ?? null,
    rssi_dbm: link.rssiDbm,
    snr_db: link.snrDb,
    tx_power_w: link.txPowerW,
    data_rate_kbps: link.dataRateKbps,
    antenna_status: link.state === "online" ? "lock" : "no_lock",
    plane_enabled: config.commsEnabled,
    plane_profile: config.profile.commsPlane.xpdrModeInit,
    xpdr: { mode, active, allowed: isTransponderAllowed(state), id: transponderId(mode, active, ids) },
    EMCON_state: config.profile.commsPlane.emconState,
    available: link.state !== "offline",
    reason_codes: link.reason === undefined ? [] : [link.reason],
    reason_text: link.reason === undefined ? "Link up." : REASON_TEXTS[link.reason],
  };
}

/** The id that the transponder answers with, null while it is silent. */
function transponderId(
  mode: CraftState["transponderMode"],
  active: boolean,
  { ownTransponderId, spoofId }: { readonly ownTransponderId: string; readonly spoofId: string },
): string | null {
  if (!active) return null;
  if (mode === "ON") return ownTransponderId;
  return mode === "SPOOF" ? spoofId : null;
}
