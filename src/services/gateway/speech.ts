import type { ReadinessCheck } from "../roles.ts";
import type { Hub } from "./hub.ts";
import type { Ingest } from "./ingest.ts";

/** Silence of the simulation that is no news yet, ms; more where it publishes more seldom by the wall clock. */
const SILENCE_MS = 5000;
const PERIODS = 2.5;

/** Whether the simulation speaks: a process that answers and shows nothing new is up but mute. */
export function speechCheck(ingest: Pick<Ingest, "sourceAges" | "run">, hub: Pick<Hub, "get">): ReadinessCheck {
  const name = "telemetry";
  const { telemetry: ageMs } = ingest.sourceAges();
  if (ageMs === undefined) return { name, ok: false, reason: "no telemetry has come yet: is the simulation running?" };
  const state = hub.get("telemetry", "sim_state")?.value as { readonly fsm_state?: string; readonly speed?: number } | undefined;
  const periodS = (ingest.run()?.telemetry_period_s as number | undefined) ?? 1;
  const speed = state?.fsm_state === "RUNNING" ? (state.speed ?? 1) : 1;
  const allowedMs = Math.max(SILENCE_MS, (PERIODS * periodS * 1000) / speed);
  if (ageMs <= allowedMs) return { name, ok: true };
  return {
    name,
    ok: false,
    reason: `no telemetry for ${Math.round(ageMs / 1000)} s, at most ${Math.round(allowedMs / 1000)} s are usual: is the simulation running?`,
  };
}
