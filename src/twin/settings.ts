import { formatUtcMs, parseUtcMs } from "#base/rfc3339.ts";

/** Run settings of the simulation (simulation §2). */
export interface SimSettings {
  readonly tickMs: number;
  readonly epochMs: number;
  readonly seed: number;
  readonly maxSpeed: number;
  readonly telemetryPeriodTicks: number;
  readonly eventsPeriodTicks: number;
  readonly radarEnabled: boolean;
}

interface SettingSpec {
  readonly expected: string;
  /** The value in the form the machine uses, or undefined when it is not allowed. */
  readonly read: (value: unknown) => number | boolean | undefined;
  readonly fallback: number | boolean;
}

const EPOCH_2026_MS = 1_767_225_600_000;

/** Keys of the simulation's part of the service configuration, as files and scenarios write them. */
export const SETTING_SPECS: Readonly<Record<string, SettingSpec>> = {
  "sim.tick_ms": { expected: "a whole number in [1, 10000] ms", read: (value) => integerIn(value, 1, 10_000), fallback: 100 },
  "sim.epoch": {
    expected: "a time such as 2026-01-01T00:00:00Z",
    read: (value) => (typeof value === "string" ? wholeMs(parseUtcMs(value)) : undefined),
    fallback: EPOCH_2026_MS,
  },
  "sim.seed": { expected: "a whole number in [0, 4294967295]", read: (value) => integerIn(value, 0, 4_294_967_295), fallback: 42 },
  "sim.max_speed": { expected: "a number in [1, 100000]", read: (value) => numberIn(value, 1, 100_000), fallback: 1000 },
  "sim.telemetry_period_s": { expected: "a number of seconds above 0", read: (value) => numberIn(value, 1e-3, 1e6), fallback: 1 },
  "sim.events_period_s": { expected: "a number of seconds above 0", read: (value) => numberIn(value, 1e-3, 1e6), fallback: 1 },
  "radar.enabled": { expected: "true or false", read: (value) => (typeof value === "boolean" ? value : undefined), fallback: true },
};

export type SettingsResult =
  | { readonly kind: "ok"; readonly settings: SimSettings }
  | { readonly kind: "refused"; readonly problems: readonly string[] };

/** Reads settings from `{key: value}`, absent keys by default; every wrong or unknown key is a problem. */
export function parseSettings(config: Readonly<Record<string, unknown>>): SettingsResult {
  const problems: string[] = [];
  for (const key of Object.keys(config)) {
    if (SETTING_SPECS[key] === undefined) {
      const hint =
        key === "sim_tick_interval" ? "; it is now sim.tick_ms, in milliseconds" : `; known are ${Object.keys(SETTING_SPECS).join(", ")}`;
      problems.push(`${key}: unknown key${hint}`);
    }
  }
  const value = (key: string): number | boolean => {
    const spec = SETTING_SPECS[key]!;
    if (config[key] === undefined) return spec.fallback;
    const read = spec.read(config[key]);
    if (read === undefined) problems.push(`${key}: got ${JSON.stringify(config[key])}, expected ${spec.expected}`);
    return read ?? spec.fallback;
  };
  const tickMs = value("sim.tick_ms") as number;
  const periodTicks = (key: string): number => {
    const ticks = ((value(key) as number) * 1000) / tickMs;
    const whole = Math.round(ticks);
    if (whole >= 1 && Math.abs(ticks - whole) < 1e-9) return whole;
    problems.push(
      `${key}: got ${JSON.stringify(config[key] ?? SETTING_SPECS[key]!.fallback)}, expected a multiple of the tick, ${tickMs} ms`,
    );
    return 1;
  };
  const settings: SimSettings = {
    tickMs,
    epochMs: value("sim.epoch") as number,
    seed: value("sim.seed") as number,
    maxSpeed: value("sim.max_speed") as number,
    telemetryPeriodTicks: periodTicks("sim.telemetry_period_s"),
    eventsPeriodTicks: periodTicks("sim.events_period_s"),
    radarEnabled: value("radar.enabled") as boolean,
  };
  return problems.length > 0 ? { kind: "refused", problems } : { kind: "ok", settings };
}

/** The settings as `{key: value}`, which `parseSettings` reads back to the same. */
export function settingsToConfig(settings: SimSettings): Record<string, unknown> {
  return {
    "sim.tick_ms": settings.tickMs,
    "sim.epoch": formatUtcMs(settings.epochMs),
    "sim.seed": settings.seed,
    "sim.max_speed": settings.maxSpeed,
    "sim.telemetry_period_s": (settings.telemetryPeriodTicks * settings.tickMs) / 1000,
    "sim.events_period_s": (settings.eventsPeriodTicks * settings.tickMs) / 1000,
    "radar.enabled": settings.radarEnabled,
  };
}

function numberIn(value: unknown, low: number, high: number): number | undefined {
  return typeof value === "number" && value >= low && value <= high ? value : undefined;
}

function integerIn(value: unknown, low: number, high: number): number | undefined {
  return Number.isSafeInteger(value) ? numberIn(value, low, high) : undefined;
}

function wholeMs(value: number | undefined): number | undefined {
  return value !== undefined && Number.isSafeInteger(value) ? value : undefined;
}
