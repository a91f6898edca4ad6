import { isRaw, joinPath, keyProblemText, type KeyReport, type Raw, readObject } from "#base/key-reader.ts";
import type { KeySpec, ValuesOf } from "#base/key-spec.ts";

/** Names of what a track can be and how its transponder can answer, by their number on the wire (radar §2.1). */
export const FRIEND_FOE_NAMES = ["UNSPECIFIED", "FRIEND", "FOE", "UNKNOWN"] as const;
export const MODE_NAMES = ["OFF", "ON", "SILENT", "SPOOF"] as const;

const SPAN = { kind: "number", unit: "s", min: 0, max: 1e6 } as const;

/** Keys of one rule of `config/guard_rules.yaml` (radar §7.1). */
export const GUARD_RULE_KEYS = [
  { kind: "text", key: "id", about: "name of the rule", pattern: "^[A-Z0-9_]{1,64}$", form: "1 to 64 of A-Z 0-9 _", required: true },
  { kind: "text", key: "title", about: "what people call it" },
  { kind: "text", key: "action_required", about: "what the operator has to do" },
  { kind: "text", key: "description", about: "message of the event", required: true },
  { kind: "word", key: "severity", about: "how bad it is", words: ["info", "warning", "critical"], required: true },
  { kind: "text", key: "fsm_event", about: "event for the mission's state machine", required: true },
  { kind: "target", key: "iff", about: "FRIEND, FOE or UNKNOWN, or 1 to 3", note: "absent: any" },
  { kind: "boolean", key: "require_transponder_on", about: "whether its transponder answers", note: "absent: any" },
  { kind: "sequence", key: "allowed_transponder_modes", about: "OFF, ON, SILENT, SPOOF, or 0 to 3", note: "absent or empty: any" },
  { kind: "number", key: "min_range_m", about: "least range, inclusive", unit: "m", min: 0, default: 0 },
  { kind: "number", key: "max_range_m", about: "largest range, inclusive", unit: "m", min: 0, note: "more than min_range_m; absent: none" },
  { kind: "number", key: "min_quality", about: "least quality of the track to start an alarm", unit: "1", min: 0, max: 1, default: 0 },
  { kind: "number", key: "max_radial_velocity_mps", about: "largest range rate, either way", unit: "m/s", min: 0, minExclusive: true },
  { key: "min_duration_s", about: "how long it must hold before the alert", default: 0, ...SPAN },
  {
    kind: "number",
    key: "hysteresis_m",
    about: "by how much an active rule's range is wider on both ends",
    unit: "m",
    min: 0,
    max: 1e9,
    default: 0,
  },
  { key: "clear_after_s", about: "how long it must not hold before the clear", default: 0, ...SPAN },
  { key: "cooldown_s", about: "least time between two alerts of one track", note: "absent: the service's default", ...SPAN },
] as const satisfies readonly KeySpec[];

/** A rule ready to be evaluated: times in integer microseconds, absent conditions open. */
export interface GuardRule {
  readonly id: string;
  readonly description: string;
  readonly severity: "info" | "warning" | "critical";
  readonly fsmEvent: string;
  readonly iff: number | undefined;
  readonly requireTransponderOn: boolean | undefined;
  /** Bit n is set when mode n is allowed. */
  readonly modes: number;
  readonly minRangeM: number;
  readonly maxRangeM: number;
  readonly minQuality: number;
  readonly maxRadialVelocityMps: number;
  readonly minDurationUs: number;
  readonly hysteresisM: number;
  readonly clearAfterUs: number;
  readonly cooldownUs: number;
}

export type GuardRulesResult =
  | { readonly kind: "ok"; readonly rules: readonly GuardRule[] }
  | { readonly kind: "refused"; readonly problems: readonly string[] };

export const GUARD_COOLDOWN_DEFAULT_S = 2;
const ALL_MODES = 0b1111;

/** Reads the parsed file; any problem refuses it whole. `cooldownS` is what a rule without one has. */
export function readGuardRules(raw: unknown, cooldownS: number = GUARD_COOLDOWN_DEFAULT_S): GuardRulesResult {
  const problems: string[] = [];
  const report: KeyReport = (code, path, got, expected) => {
    problems.push(`${path}: ${keyProblemText(code, got, expected)}`);
  };
  if (!isRaw(raw) || !Array.isArray(raw.rules))
    return { kind: "refused", problems: ["the file: expected {schema_version: 1, rules: [...]}"] };
  for (const key of Object.keys(raw))
    if (key !== "schema_version" && key !== "rules") report("unknown_key", key, raw[key], "schema_version or rules");
  if (raw.schema_version !== 1) report("out_of_range", "schema_version", raw.schema_version, "1");
  const ids = new Set<string>();
  const rules = raw.rules.flatMap((rule: unknown, index) => {
    const path = `rules[${index}]`;
    if (!isRaw(rule)) {
      report("wrong_type", path, rule, "a rule");
      return [];
    }
    const read = readRule(rule, path, cooldownS, report);
    if (ids.has(read.id)) report("inconsistent", `${path}.id`, read.id, "an id that no other rule has");
    ids.add(read.id);
    return [read];
  });
  return problems.length > 0 ? { kind: "refused", problems } : { kind: "ok", rules };
}

function readRule(raw: Raw, path: string, cooldownS: number, report: KeyReport): GuardRule {
  // Null says the same as leaving a key out.
  const given = Object.fromEntries(Object.entries(raw).filter(([, value]) => value !== null));
  const read = readObject(GUARD_RULE_KEYS, given, path, "refused", report) as ValuesOf<typeof GUARD_RULE_KEYS>;
  if (read.maxRangeM !== undefined && read.maxRangeM <= read.minRangeM)
    report("inconsistent", joinPath(path, "max_range_m"), read.maxRangeM, `more than min_range_m, ${read.minRangeM} m`);
  const modes = (read.allowedTransponderModes ?? []).map((mode, index) =>
    numberOf(mode, MODE_NAMES, 0, `${path}.allowed_transponder_modes[${index}]`, report),
  );
  return {
    id: read.id,
    description: read.description,
    severity: read.severity,
    fsmEvent: read.fsmEvent,
    iff: read.iff === undefined ? undefined : numberOf(read.iff, FRIEND_FOE_NAMES, 1, joinPath(path, "iff"), report),
    requireTransponderOn: read.requireTransponderOn,
    modes: modes.length === 0 ? ALL_MODES : modes.reduce((bits, mode) => bits | (1 << mode), 0),
    minRangeM: read.minRangeM,
    maxRangeM: read.maxRangeM ?? Number.POSITIVE_INFINITY,
    minQuality: read.minQuality,
    maxRadialVelocityMps: read.maxRadialVelocityMps ?? Number.POSITIVE_INFINITY,
    minDurationUs: microseconds(read.minDurationS),
    hysteresisM: read.hysteresisM,
    clearAfterUs: microseconds(read.clearAfterS),
    cooldownUs: microseconds(read.cooldownS ?? cooldownS),
  };
}

/** A wire number given as itself or by its name. */
function numberOf(value: unknown, names: readonly string[], least: number, path: string, report: KeyReport): number {
  const number = typeof value === "string" ? names.indexOf(value) : value;
  if (Number.isSafeInteger(number) && (number as number) >= least && (number as number) < names.length) return number as number;
  report("out_of_range", path, value, `one of ${names.slice(least).join(", ")}, or ${least} to ${names.length - 1}`);
  return least;
}

function microseconds(seconds: number): number {
  return Math.round(seconds * 1e6);
}
