import { GUARD_COOLDOWN_DEFAULT_S } from "#alarms/guard/rules.ts";
import { type ServiceSettings, settings } from "./settings.ts";

/** What the settings say of radar and guards (operations §10); it wins over a scenario's `config`. */
export interface RadarEnvironment {
  /** Settings by their key, such as `radar.sr_threshold_m`. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Craft profile, undefined where the scenario names it. */
  readonly profile: string | undefined;
  readonly mode: "FACTORY" | "MISSION";
  /** Own transponder id, undefined where the run makes it. */
  readonly transponderId: string | undefined;
  /** Cooldown of guard rules that have none of their own, s; never below 0.1. */
  readonly guardCooldownS: number;
  /** Whether guard events leave the tracker. */
  readonly publishesGuards: boolean;
}

const COOLDOWN_MIN_S = 0.1;

export function radarEnvironment({ sim, radar, rules }: Pick<ServiceSettings, "sim" | "radar" | "rules"> = settings()): RadarEnvironment {
  return {
    config: {
      ...(sim.telemetryPeriodS === undefined ? {} : { "sim.telemetry_period_s": sim.telemetryPeriodS }),
      ...(sim.eventsPeriodS === undefined ? {} : { "sim.events_period_s": sim.eventsPeriodS }),
      ...(radar.srThresholdM === undefined ? {} : { "radar.sr_threshold_m": radar.srThresholdM }),
      ...(radar.enabled === undefined ? {} : { "radar.enabled": radar.enabled }),
    },
    profile: sim.profile,
    mode: sim.mode,
    transponderId: radar.transponderId,
    guardCooldownS: rules.guardCooldownS === undefined ? GUARD_COOLDOWN_DEFAULT_S : Math.max(rules.guardCooldownS, COOLDOWN_MIN_S),
    publishesGuards: rules.publishGuards,
  };
}
