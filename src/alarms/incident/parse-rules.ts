import { type FieldReader, readMapping } from "./field-reader.ts";
import {
  COMPARISON_OPS,
  type IncidentRule,
  type RuleClearOn,
  type RuleFinding,
  type RuleLevel,
  type RuleText,
  SEVERITIES,
} from "./rule.ts";
import type { RuleMatch, RuleThreshold } from "./rule.ts";

const SECONDS_MAX = 86_400 * 366;
const RULES_MAX = 1000;
const FINITE = Number.MAX_VALUE;
const ID_PATTERN = /^[A-Za-z0-9_.-]{1,64}$/;
const RULE_KEYS = [
  "id",
  "enabled",
  "title",
  "description",
  "match",
  "threshold",
  "severity",
  "require_ack",
  "auto_clear",
  "deadband",
  "on_delay_s",
  "off_delay_s",
  "gap_tolerance_s",
  "clear_on",
  "levels",
  "group",
  "suppresses",
  "scope",
  "shelve_max_s",
  "text",
] as const;

export type ParsedRules =
  | { readonly ok: true; readonly rules: readonly IncidentRule[] }
  | { readonly ok: false; readonly findings: readonly RuleFinding[] };

/**
 * Reads the parsed YAML or JSON of an incident rules file (operations §6.1). Either every rule is of the form, with its
 * defaults filled in, or all that is wrong is returned; nothing is converted and no unknown key passes.
 */
export function parseIncidentRules(raw: unknown): ParsedRules {
  const findings: RuleFinding[] = [];
  const file = readMapping(raw, "", ["version", "rules"], findings);
  if (file === undefined) return { ok: false, findings };
  file.number("version", 1, 1);
  file.require("version", "1");
  const entries = file.list("rules");
  file.require("rules", "a list of rules");
  if (entries !== undefined && entries.length > RULES_MAX) file.refuse("rules", `${entries.length} rules; at most ${RULES_MAX} are read`);
  const rules: IncidentRule[] = [];
  for (const [index, entry] of (entries ?? []).slice(0, RULES_MAX).entries()) {
    const rule = readRule(entry, `rules[${index}]`, findings);
    if (rule !== undefined) rules.push(rule);
  }
  return findings.length === 0 ? { ok: true, rules } : { ok: false, findings };
}

function readRule(raw: unknown, path: string, findings: RuleFinding[]): IncidentRule | undefined {
  const id = typeof raw === "object" && raw !== null && "id" in raw ? raw.id : undefined;
  if (typeof id !== "string" || !ID_PATTERN.test(id)) {
    findings.push({ code: "shape", path: `${path}.id`, value: id, message: `expected a text of the form ${ID_PATTERN.source}` });
    return undefined;
  }
  const before = findings.length;
  const rule = readMapping(raw, path, RULE_KEYS, findings, id);
  if (rule === undefined) return undefined;
  rule.require("match", "a mapping of type, source, subject and field");
  rule.require("severity", `one of ${SEVERITIES.join(" ")}`, "E7");
  const severity = rule.oneOf("severity", SEVERITIES, "E7");
  const match = readMatch(rule.mapping("match", ["type", "source", "subject", "field"]));
  const thresholdReader = rule.mapping("threshold", ["op", "value", "value_field", "min_duration_s", "cooldown_s"]);
  const parsed = {
    id,
    enabled: rule.flag("enabled") ?? true,
    ...defined("title", rule.text("title")),
    ...defined("description", rule.text("description")),
    ...defined("threshold", readThreshold(thresholdReader)),
    ...defined("clearOn", readClearOn(rule.mapping("clear_on", ["field", "op", "value"]))),
    levels: readLevels(rule),
    requireAck: rule.flag("require_ack") ?? false,
    autoClear: rule.flag("auto_clear") ?? true,
    deadband: rule.number("deadband", 0, FINITE) ?? 0,
    onDelayS: readOnDelay(rule, thresholdReader),
    offDelayS: rule.number("off_delay_s", 0, SECONDS_MAX) ?? 0,
    cooldownS: thresholdReader?.number("cooldown_s", 0, SECONDS_MAX) ?? 0,
    ...defined("gapToleranceS", rule.number("gap_tolerance_s", 0, SECONDS_MAX)),
    ...defined("group", rule.text("group")),
    suppresses: readNames(rule, "suppresses"),
    scope: rule.oneOf("scope", ["same_subject", "any"]) ?? "same_subject",
    shelveMaxS: rule.number("shelve_max_s", 60, SECONDS_MAX) ?? 28_800,
    text: readTexts(rule.mapping("text", ["title", "consequence", "action"])),
  } as const;
  if (findings.length > before || match === undefined || severity === undefined) return undefined;
  return { ...parsed, match, severity };
}

/** A member that is left out where there is no value. */
function defined<Key extends string, Value>(key: Key, value: Value | undefined): { readonly [K in Key]?: Value } {
  return (value === undefined ? {} : { [key]: value }) as { readonly [K in Key]?: Value };
}

function readMatch(reader: FieldReader | undefined): RuleMatch | undefined {
  if (reader === undefined) return undefined;
  const label = (key: "type" | "source" | "subject"): Record<string, string> => {
    const text = reader.text(key);
    return text === undefined ? {} : { [key]: text.trim().toLowerCase() };
  };
  return { ...label("type"), ...label("source"), ...label("subject"), field: reader.text("field") ?? "value" };
}

function readThreshold(reader: FieldReader | undefined): RuleThreshold | undefined {
  if (reader === undefined) return undefined;
  const op = reader.oneOf("op", COMPARISON_OPS, "E7");
  const value = reader.number("value", -FINITE, FINITE);
  const valueField = reader.text("value_field");
  reader.require("op", `one of ${COMPARISON_OPS.join(" ")}`, "E7");
  if (valueField === undefined) reader.require("value", "a finite number, or value_field");
  return op === undefined ? undefined : { op, ...defined("value", value), ...defined("valueField", valueField) };
}

/** `on_delay_s` of the rule and `min_duration_s` of the existing system's threshold are one setting. */
function readOnDelay(rule: FieldReader, threshold: FieldReader | undefined): number {
  const ours = rule.number("on_delay_s", 0, SECONDS_MAX);
  const existing = threshold?.number("min_duration_s", 0, SECONDS_MAX);
  if (ours !== undefined && existing !== undefined && ours !== existing) {
    rule.refuse("on_delay_s", `expected ${existing}, the threshold's min_duration_s, or only one of the two`);
  }
  return ours ?? existing ?? 0;
}

function readClearOn(reader: FieldReader | undefined): RuleClearOn | undefined {
  if (reader === undefined) return undefined;
  const field = reader.text("field");
  const value = reader.scalar("value");
  const op = reader.oneOf("op", COMPARISON_OPS, "E7") ?? "=";
  reader.require("field", "the name of an event field");
  reader.require("value", "a number or a text");
  if (typeof value === "string" && op !== "=" && op !== "!=") reader.refuse("op", "expected = or !=, the value is a text", "E7");
  return field === undefined || value === undefined ? undefined : { field, op, value };
}

function readLevels(rule: FieldReader): RuleLevel[] {
  const levels: RuleLevel[] = [];
  for (const reader of rule.mappings("levels", ["value", "severity"])) {
    const value = reader.number("value", -FINITE, FINITE);
    const severity = reader.oneOf("severity", SEVERITIES, "E7");
    reader.require("value", "a number");
    reader.require("severity", `one of ${SEVERITIES.join(" ")}`, "E7");
    if (value !== undefined && severity !== undefined) levels.push({ value, severity });
  }
  return levels;
}

function readNames(rule: FieldReader, key: string): string[] {
  const names: string[] = [];
  for (const [index, entry] of (rule.list(key) ?? []).entries()) {
    if (typeof entry === "string" && ID_PATTERN.test(entry)) names.push(entry);
    else rule.refuse(`${key}[${index}]`, "expected the id of a rule");
  }
  return names;
}

function readTexts(reader: FieldReader | undefined): IncidentRule["text"] {
  return {
    ...defined("title", readText(reader, "title")),
    ...defined("consequence", readText(reader, "consequence")),
    ...defined("action", readText(reader, "action")),
  };
}

function readText(reader: FieldReader | undefined, key: string): RuleText | undefined {
  const pair = reader?.mapping(key, ["en", "ru"]);
  if (pair === undefined) return undefined;
  const en = pair.text("en");
  const ru = pair.text("ru");
  pair.require("en", "a text");
  pair.require("ru", "a text");
  return en === undefined || ru === undefined ? undefined : { en, ru };
}
