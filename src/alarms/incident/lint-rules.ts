import { type EventField, type EventSource, type SamplePeriodsMs, sourcesMatching } from "./event-sources.ts";
import { compares } from "./comparison.ts";
import { parseIncidentRules } from "./parse-rules.ts";
import { type IncidentRule, isRefusal, type RuleFinding, SEVERITIES } from "./rule.ts";
import { suppressionCycles } from "./suppression-graph.ts";

/** What a rules file is held against besides the catalogue of event sources. */
export interface LintContext {
  readonly periodsMs: SamplePeriodsMs;
  /** Ids of the guard rules in force; absent: W5 is not looked for. */
  readonly guardRuleIds?: readonly string[];
  /** The profile's limit of the bus current, A; absent or 0: no limit, W6 is not looked for. */
  readonly maxBusA?: number;
}

export type LoadedRules =
  | { readonly ok: true; readonly rules: readonly IncidentRule[]; readonly warnings: readonly RuleFinding[] }
  | { readonly ok: false; readonly findings: readonly RuleFinding[] };

/** Parses and lints a rules file; any refusal keeps it out, warnings come with the rules (operations §6.6). */
export function loadIncidentRules(raw: unknown, context: LintContext): LoadedRules {
  const parsed = parseIncidentRules(raw);
  if (!parsed.ok) return parsed;
  const findings = lintIncidentRules(parsed.rules, context);
  return findings.some(isRefusal) ? { ok: false, findings } : { ok: true, rules: parsed.rules, warnings: findings };
}

/** Every error and warning of operations §6.6 in rules that are of the form. Paths count rules from 0. */
export function lintIncidentRules(rules: readonly IncidentRule[], context: LintContext): RuleFinding[] {
  const findings: RuleFinding[] = [];
  const ids = new Set<string>();
  for (const [index, rule] of rules.entries()) {
    const find: Find = (code, at, value, message) =>
      findings.push({ code, ruleId: rule.id, path: `rules[${index}].${at}`, value, message });
    if (ids.has(rule.id)) find("E7", "id", rule.id, "another rule has this id; give each its own");
    ids.add(rule.id);
    lintSource(rule, context, find);
    lintLevels(rule, find);
    if (rule.text.action === undefined) find("W4", "text.action", undefined, "no action text: say what the operator does");
  }
  lintSuppression(rules, findings);
  return findings;
}

type Find = (code: RuleFinding["code"], at: string, value: unknown, message: string) => void;

function lintSource(rule: IncidentRule, context: LintContext, find: Find): void {
  const sources = sourcesMatching(rule.match);
  if (sources.length === 0) {
    const { type = "any", source = "any", subject = "any" } = rule.match;
    find("E1", "match", `${type}/${source}/${subject}`, "no event has this type, source and subject");
    return;
  }
  const { guardRuleIds } = context;
  if (rule.match.source === "guard" && rule.match.subject !== undefined && guardRuleIds !== undefined) {
    const known = guardRuleIds.some((id) => id.toLowerCase() === rule.match.subject);
    if (!known) find("W5", "match.subject", rule.match.subject, `no such guard rule; there are ${guardRuleIds.join(", ")}`);
  }
  if (rule.threshold === undefined) {
    lintTiming(rule, sources, context, find);
    return;
  }
  const withField = sources.filter((source) => rule.match.field in source.fields);
  if (withField.length === 0) {
    find("E2", "match.field", rule.match.field, `no such field; ${fieldNames(sources)}`);
    return;
  }
  for (const [at, name] of [
    ["threshold.value_field", rule.threshold.valueField] as const,
    ["clear_on.field", rule.clearOn?.field] as const,
  ]) {
    if (name !== undefined && !withField.some((source) => name in source.fields))
      find("E2", at, name, `no such field; ${fieldNames(withField)}`);
  }
  lintThreshold(rule, withField, context, find);
  lintTiming(rule, withField, context, find);
}

function lintThreshold(rule: IncidentRule, sources: readonly EventSource[], context: LintContext, find: Find): void {
  const { threshold } = rule;
  if (threshold === undefined) return;
  const fields = sources.map((source) => source.fields[rule.match.field]!);
  const domains = fields.flatMap((field) => (field.domain === undefined ? [] : [field.domain]));
  if (domains.length === 0) {
    find("E2", "match.field", rule.match.field, "this field is not a number; a threshold needs one");
    return;
  }
  if (threshold.value !== undefined) {
    const limit = threshold.value;
    if (!domains.some((domain) => canBeTrue(threshold.op, limit, domain))) {
      find("E3", "threshold", `${threshold.op} ${limit}`, `never true: ${rule.match.field} is in ${domainText(fields)}`);
    }
    const { clearOn } = rule;
    if (clearOn !== undefined && clearOn.field === rule.match.field && typeof clearOn.value === "number") {
      const trip = tripPoint(threshold.op, limit);
      if (trip !== undefined && compares(trip, clearOn.op, clearOn.value)) {
        find("E5", "clear_on", `${clearOn.op} ${clearOn.value}`, `already true where the incident opens (${threshold.op} ${limit})`);
      }
    }
    const { maxBusA } = context;
    if (rule.match.field === "current" && maxBusA !== undefined && maxBusA > 0 && threshold.valueField === undefined && limit >= maxBusA) {
      find("W6", "threshold.value", limit, `the bus carries at most ${maxBusA} A (max_bus_a), so this opens never; look at demand_a`);
    }
  }
  const span = Math.max(...domains.map(([low, high]) => high - low));
  if (rule.deadband >= span)
    find("E8", "deadband", rule.deadband, `expected less than ${span}, all that ${rule.match.field} can change by`);
}

function lintTiming(rule: IncidentRule, sources: readonly EventSource[], context: LintContext, find: Find): void {
  const periodic = sources.flatMap((source) => (source.cadence.kind === "periodic" ? [source.cadence.clock] : []));
  if (periodic.length === 0) return;
  const periodS = Math.max(...periodic.map((clock) => context.periodsMs[clock])) / 1000;
  if (rule.onDelayS > 0 && rule.gapToleranceS !== undefined && rule.gapToleranceS < periodS) {
    find("E4", "gap_tolerance_s", rule.gapToleranceS, `expected at least the period, ${periodS} s: shorter, no on-delay ever ends`);
  }
  if (rule.onDelayS > 0 && rule.onDelayS < periodS) {
    find("W1", "on_delay_s", rule.onDelayS, `shorter than the period, ${periodS} s: acts as one period`);
  } else if (!isMultiple(rule.onDelayS, periodS)) {
    find("W2", "on_delay_s", rule.onDelayS, `not a multiple of the period, ${periodS} s: acts as the next one`);
  }
  if (rule.deadband === 0 && rule.offDelayS === 0) {
    find("W3", "deadband", 0, "deadband and off_delay_s are both 0: a value at the limit chatters");
  }
}

function lintLevels(rule: IncidentRule, find: Find): void {
  if (rule.levels.length === 0) return;
  const { threshold } = rule;
  if (threshold?.value === undefined || threshold.valueField !== undefined || threshold.op === "=" || threshold.op === "!=") {
    find("E7", "levels", rule.levels.length, "levels need a threshold with > >= < or <= and a fixed value");
    return;
  }
  const direction = threshold.op === ">" || threshold.op === ">=" ? 1 : -1;
  let before = { value: threshold.value, severity: rule.severity };
  for (const [index, level] of rule.levels.entries()) {
    if ((level.value - before.value) * direction <= 0) {
      find("E7", `levels[${index}].value`, level.value, `expected beyond ${before.value}, the level before`);
    }
    if (SEVERITIES.indexOf(level.severity) < SEVERITIES.indexOf(before.severity)) {
      find("E7", `levels[${index}].severity`, level.severity, `expected ${before.severity} or more urgent`);
    }
    before = level;
  }
}

function lintSuppression(rules: readonly IncidentRule[], findings: RuleFinding[]): void {
  for (const [index, rule] of rules.entries()) {
    for (const [at, target] of rule.suppresses.entries()) {
      if (rules.some((other) => other.id === target)) continue;
      const path = `rules[${index}].suppresses[${at}]`;
      findings.push({ code: "shape", ruleId: rule.id, path, value: target, message: "no rule of this file has this id" });
    }
  }
  for (const cycle of suppressionCycles(rules)) {
    const index = rules.findIndex((rule) => rule.id === cycle[0]);
    findings.push({
      code: "E6",
      ruleId: cycle[0]!,
      path: `rules[${index}].suppresses`,
      value: cycle.join(" > "),
      message: "the rules silence each other in a circle",
    });
  }
}

/** Whether any value of the domain satisfies the comparison. */
function canBeTrue(op: NonNullable<IncidentRule["threshold"]>["op"], limit: number, [low, high]: readonly [number, number]): boolean {
  switch (op) {
    case ">":
    case ">=":
      return compares(high, op, limit);
    case "<":
    case "<=":
      return compares(low, op, limit);
    case "=":
      return limit >= low && limit <= high;
    case "!=":
      return low !== high || low !== limit;
    default:
      return true;
  }
}

/** The first value that opens the incident; strict comparisons open a hair beyond the limit. */
function tripPoint(op: NonNullable<IncidentRule["threshold"]>["op"], limit: number): number | undefined {
  const hair = Math.max(Math.abs(limit), 1) * 1e-9;
  if (op === "!=") return undefined;
  if (op === ">") return limit + hair;
  return op === "<" ? limit - hair : limit;
}

function isMultiple(seconds: number, periodS: number): boolean {
  const periods = seconds / periodS;
  return Math.abs(periods - Math.round(periods)) < 1e-9;
}

function fieldNames(sources: readonly EventSource[]): string {
  const names = new Set(sources.flatMap((source) => Object.keys(source.fields)));
  return `the event has ${[...names].join(", ")}`;
}

function domainText(fields: readonly EventField[]): string {
  return fields
    .flatMap(({ domain, unit }) =>
      domain === undefined
        ? []
        : [`${domain[0]}..${domain[1] === Number.MAX_VALUE ? "" : domain[1]}${unit === undefined ? "" : ` ${unit}`}`],
    )
    .join(" or ");
}
