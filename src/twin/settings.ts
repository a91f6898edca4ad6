import { joinPath, keyProblemText, type KeyReport, type Raw, readObject } from "#base/key-reader.ts";
import type { KeySpec, ValuesOf } from "#base/key-spec.ts";
import { parseUtcMs } from "#base/rfc3339.ts";
import { checkTrackerSettings, TRACKER_SECTIONS, type TrackerSettings } from "#radar/tracker-settings.ts";
import { LR_KEYS, SENSOR_KEYS, type SensorSettings, sensorSettings, SR_KEYS } from "#radar/sensor-settings.ts";

const PERIOD = { kind: "number", unit: "s", default: 1, min: 1e-3, max: 1e6, note: "a multiple of the tick" } as const;

/** Keys of the simulation itself (simulation §2). */
const SIM_KEYS = [
  { kind: "number", key: "tick_ms", about: "length of a tick", unit: "ms", integer: true, default: 100, min: 1, max: 10_000 },
  { kind: "text", key: "epoch", about: "event time of tick 0", default: "2026-01-01T00:00:00.000Z", note: "RFC 3339, whole milliseconds" },
  { kind: "number", key: "seed", about: "seed of every random stream", unit: "1", integer: true, default: 42, min: 0, max: 4_294_967_295 },
  { kind: "number", key: "max_speed", about: "largest speed of sim.start", unit: "1", default: 1000, min: 1, max: 100_000 },
  { key: "telemetry_period_s", about: "simulated time between telemetry messages", ...PERIOD },
  { key: "events_period_s", about: "simulated time between periodic events", ...PERIOD },
] as const satisfies readonly KeySpec[];

const RADAR_KEYS = [
  { kind: "boolean", key: "enabled", about: "whether the radar is asked for at the start", default: true },
  ...SENSOR_KEYS,
] as const satisfies readonly KeySpec[];

/** Keys of the service configuration that a run depends on, by what stands before their dot. */
export const SETTING_SECTIONS = {
  sim: SIM_KEYS,
  radar: RADAR_KEYS,
  "radar.lr": LR_KEYS,
  "radar.sr": SR_KEYS,
  ...TRACKER_SECTIONS,
} as const satisfies Readonly<Record<string, readonly KeySpec[]>>;

/** Run settings of the simulation. */
export interface SimSettings {
  readonly tickMs: number;
  readonly epochMs: number;
  readonly seed: number;
  readonly maxSpeed: number;
  readonly telemetryPeriodTicks: number;
  readonly eventsPeriodTicks: number;
  readonly radarEnabled: boolean;
  readonly sensor: SensorSettings;
  readonly tracker: TrackerSettings;
  /** Every key with the value in force: what `parseSettings` reads back to the same. */
  readonly config: Readonly<Record<string, unknown>>;
}

export type SettingsResult =
  | { readonly kind: "ok"; readonly settings: SimSettings }
  | { readonly kind: "refused"; readonly problems: readonly string[] };

/** Reads settings from `{key: value}`, absent keys by default; every wrong or unknown key is a problem. */
export function parseSettings(config: Raw): SettingsResult {
  const problems: string[] = [];
  const report: KeyReport = (code, path, got, expected) => {
    problems.push(`${path}: ${keyProblemText(code, got, expected)}`);
  };
  const inForce: Record<string, unknown> = {};
  const section = <Name extends keyof typeof SETTING_SECTIONS>(name: Name): ValuesOf<(typeof SETTING_SECTIONS)[Name]> => {
    const keys: readonly KeySpec[] = SETTING_SECTIONS[name];
    const given = Object.fromEntries(keys.map(({ key }) => [key, config[joinPath(name, key)]]));
    const read = readObject(keys, given, name, "ignored", report);
    keys.forEach(({ key }, index) => {
      inForce[joinPath(name, key)] = Object.values(read)[index];
    });
    return read as ValuesOf<(typeof SETTING_SECTIONS)[Name]>;
  };
  const sim = section("sim");
  const { enabled, ...radar } = section("radar");
  const [lr, sr] = [section("radar.lr"), section("radar.sr")];
  const tracker: TrackerSettings = {
    ...section("tracker"),
    score: section("tracker.score"),
    birth: section("tracker.birth"),
    alphaBeta: section("tracker.alpha_beta"),
    imm: section("tracker.imm"),
    iff: section("iff"),
    identity: section("identity"),
  };
  for (const key of Object.keys(config)) if (!(key in inForce)) report("unknown_key", key, config[key], hintFor(key, Object.keys(inForce)));
  const epochMs = parseUtcMs(sim.epoch ?? "");
  if (epochMs === undefined || !Number.isSafeInteger(epochMs))
    report("out_of_range", "sim.epoch", sim.epoch, "a time such as 2026-01-01T00:00:00Z");
  const periodTicks = (key: "telemetry_period_s" | "events_period_s", periodS: number): number => {
    const ticks = (periodS * 1000) / sim.tickMs;
    const whole = Math.round(ticks);
    if (whole >= 1 && Math.abs(ticks - whole) < 1e-9) return whole;
    if (problems.length === 0) report("inconsistent", `sim.${key}`, periodS, `a multiple of the tick, ${sim.tickMs} ms`);
    return 1;
  };
  if (problems.length === 0) checkTrackerSettings(tracker, radar.framePeriodS, report);
  const settings: SimSettings = {
    tickMs: sim.tickMs,
    epochMs: epochMs ?? 0,
    seed: sim.seed,
    maxSpeed: sim.maxSpeed,
    telemetryPeriodTicks: periodTicks("telemetry_period_s", sim.telemetryPeriodS),
    eventsPeriodTicks: periodTicks("events_period_s", sim.eventsPeriodS),
    radarEnabled: enabled,
    sensor: sensorSettings(radar, lr, sr, sim.tickMs, problems.length === 0 ? report : () => {}),
    tracker,
    config: inForce,
  };
  return problems.length > 0 ? { kind: "refused", problems } : { kind: "ok", settings };
}

/** The known keys that begin like an unknown one, so that the answer stays short. */
function hintFor(key: string, known: readonly string[]): string {
  if (key === "sim_tick_interval") return "its name of now: sim.tick_ms, in milliseconds";
  const near = known.filter((one) => one.startsWith(`${key.split(".")[0]}.`));
  return `one of ${(near.length > 0 ? near : known).join(", ")}`;
}
