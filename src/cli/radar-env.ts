import { GUARD_COOLDOWN_DEFAULT_S } from "#alarms/guard/rules.ts";
import { QikiError } from "#base/error.ts";

/** What the environment says of radar and guards (operations §10); it wins over a scenario's `config`. */
export interface RadarEnvironment {
  /** Settings by their key, such as `radar.sr_threshold_m`. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Own transponder id, undefined where the run makes it. */
  readonly transponderId: string | undefined;
  /** Cooldown of guard rules that have none of their own, s; never below 0.1. */
  readonly guardCooldownS: number;
  /** Whether guard events leave the tracker. */
  readonly publishesGuards: boolean;
}

const COOLDOWN_MIN_S = 0.1;

/** @throws QikiError `usage` that names the variable, its value and what it takes */
export function radarEnvironment(env: NodeJS.ProcessEnv = process.env): RadarEnvironment {
  const config: Record<string, unknown> = {};
  const thresholdM = numberOf(env, "RADAR_SR_THRESHOLD_M", (metres) => metres > 0, "metres, a number above 0");
  if (thresholdM !== undefined) config["radar.sr_threshold_m"] = thresholdM;
  const isEnabled = switchOf(env, "RADAR_ENABLED");
  if (isEnabled !== undefined) config["radar.enabled"] = isEnabled;
  const transponderId = env.RADAR_TRANSPONDER_ID;
  if (transponderId !== undefined && !/^\S{1,64}$/.test(transponderId))
    throw wrong("RADAR_TRANSPONDER_ID", transponderId, "1 to 64 characters without a space");
  const intervalS = numberOf(env, "RADAR_GUARD_PUBLISH_INTERVAL_S", (seconds) => seconds >= 0, "seconds, a number of at least 0.1");
  return {
    config,
    transponderId,
    guardCooldownS: intervalS === undefined ? GUARD_COOLDOWN_DEFAULT_S : Math.max(intervalS, COOLDOWN_MIN_S),
    publishesGuards: switchOf(env, "RADAR_GUARD_EVENTS_ENABLED") ?? true,
  };
}

function numberOf(env: NodeJS.ProcessEnv, name: string, isRight: (value: number) => boolean, takes: string): number | undefined {
  const text = env[name];
  if (text === undefined) return undefined;
  const value = Number(text);
  if (text.trim() !== "" && Number.isFinite(value) && isRight(value)) return value;
  throw wrong(name, text, takes);
}

function switchOf(env: NodeJS.ProcessEnv, name: string): boolean | undefined {
  const text = env[name]?.toLowerCase();
  if (text === undefined) return undefined;
  if (text === "1" || text === "true") return true;
  if (text === "0" || text === "false") return false;
  throw wrong(name, env[name]!, "1 or true, 0 or false");
}

function wrong(name: string, text: string, takes: string): QikiError {
  return new QikiError("usage", `${name} is "${text}": give ${takes}`);
}
