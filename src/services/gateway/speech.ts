import type { ReadinessCheck } from "../roles.ts";
import { type Pace, usualSilenceMs } from "../pulse.ts";
import type { Hub } from "./hub.ts";
import type { Ingest } from "./ingest.ts";

/** Whether the simulation speaks: a process that answers and shows nothing new is up but mute. */
export function speechCheck(ingest: Pick<Ingest, "sourceAges" | "run">, hub: Pick<Hub, "get">): ReadinessCheck {
  const name = "telemetry";
  const { telemetry: ageMs } = ingest.sourceAges();
  if (ageMs === undefined) return { name, ok: false, reason: "no telemetry has come yet: is the simulation running?" };
  const state = hub.get("telemetry", "sim_state")?.value as Pace | undefined;
  const periodS = (ingest.run()?.telemetry_period_s as number | undefined) ?? 1;
  const allowedMs = usualSilenceMs(state, periodS);
  if (ageMs <= allowedMs) return { name, ok: true };
  return {
    name,
    ok: false,
    reason: `no telemetry for ${Math.round(ageMs / 1000)} s, at most ${Math.round(allowedMs / 1000)} s are usual: is the simulation running?`,
  };
}
