import { type EventSource, type SamplePeriodsMs, sourcesMatching } from "./event-sources.ts";
import type { IncidentRule, Severity } from "./rule.ts";

/** A rule with its times in ms and the cadence of the source it looks at. */
export interface CompiledRule {
  readonly rule: IncidentRule;
  readonly cadence: "periodic" | "edge";
  readonly onDelayMs: number;
  readonly offDelayMs: number;
  readonly cooldownMs: number;
  /** Longest silence between samples that is no gap; Infinity at edge sources. */
  readonly gapMs: number;
  /** Bus subjects whose events are samples. */
  readonly busSubjects: ReadonlySet<string>;
  readonly unit?: string;
}

export interface CompiledRules {
  readonly byId: ReadonlyMap<string, CompiledRule>;
  /** Enabled rules by the bus subject they look at, in file order. */
  readonly bySubject: ReadonlyMap<string, readonly CompiledRule[]>;
  /** Identity of the rules text, told in every record. */
  readonly hash: string;
}

/** Binds checked rules to their event sources; a rule sees one cadence, periodic where both kinds match. */
export function compileRules(rules: readonly IncidentRule[], hash: string, periodsMs: SamplePeriodsMs): CompiledRules {
  const list = rules.map((rule) => compileRule(rule, periodsMs));
  const bySubject = new Map<string, CompiledRule[]>();
  for (const compiled of list) {
    if (!compiled.rule.enabled) continue;
    for (const subject of compiled.busSubjects) bySubject.set(subject, [...(bySubject.get(subject) ?? []), compiled]);
  }
  return { byId: new Map(list.map((compiled) => [compiled.rule.id, compiled])), bySubject, hash };
}

/** The severity of a level of a rule: 0 is the threshold's own. */
export function severityOf(rule: IncidentRule, level: number): Severity {
  return level === 0 ? rule.severity : rule.levels[level - 1]!.severity;
}

function compileRule(rule: IncidentRule, periodsMs: SamplePeriodsMs): CompiledRule {
  const matching = sourcesMatching(rule.match);
  const usable = rule.threshold === undefined ? matching : matching.filter((source) => rule.match.field in source.fields);
  const periodic = usable.filter((source) => source.cadence.kind === "periodic");
  const sources = periodic.length > 0 ? periodic : usable;
  const unit = sources.find((source) => source.fields[rule.match.field]?.unit !== undefined)?.fields[rule.match.field]?.unit;
  return {
    rule,
    cadence: periodic.length > 0 ? "periodic" : "edge",
    onDelayMs: milliseconds(rule.onDelayS),
    offDelayMs: milliseconds(rule.offDelayS),
    cooldownMs: milliseconds(rule.cooldownS),
    gapMs: periodic.length === 0 ? Number.POSITIVE_INFINITY : gapMsOf(rule, periodic, periodsMs),
    busSubjects: new Set(sources.map((source) => source.busSubject)),
    ...(unit === undefined ? {} : { unit }),
  };
}

function gapMsOf(rule: IncidentRule, sources: readonly EventSource[], periodsMs: SamplePeriodsMs): number {
  if (rule.gapToleranceS !== undefined) return milliseconds(rule.gapToleranceS);
  const periods = sources.map((source) => (source.cadence.kind === "periodic" ? periodsMs[source.cadence.clock] : 0));
  return Math.round(2.5 * Math.max(...periods));
}

function milliseconds(seconds: number): number {
  return Math.round(seconds * 1000);
}
