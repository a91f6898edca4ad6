/** Information, warning, caution that needs action, alarm: from least to most urgent. */
export type Severity = "I" | "W" | "C" | "A";
export const SEVERITIES: readonly Severity[] = ["I", "W", "C", "A"];

export type ComparisonOp = ">" | ">=" | "<" | "<=" | "=" | "!=";
export const COMPARISON_OPS: readonly ComparisonOp[] = [">", ">=", "<", "<=", "=", "!="];

/** A text in both languages of the console. */
export interface RuleText {
  readonly en: string;
  readonly ru: string;
}

/** Which events are samples of the rule: every key that is given must match, trimmed and in lower case. */
export interface RuleMatch {
  readonly type?: string;
  readonly source?: string;
  readonly subject?: string;
  /** The payload member that is the sample. */
  readonly field: string;
}

export interface RuleThreshold {
  readonly op: ComparisonOp;
  /** The limit; absent only where `valueField` names the member that carries it. */
  readonly value?: number;
  readonly valueField?: string;
}

export interface RuleClearOn {
  readonly field: string;
  readonly op: ComparisonOp;
  readonly value: number | string;
}

export interface RuleLevel {
  readonly value: number;
  readonly severity: Severity;
}

/** One incident rule (operations §6.1), checked, with every default filled in. Times are seconds of event time. */
export interface IncidentRule {
  readonly id: string;
  readonly enabled: boolean;
  readonly title?: string;
  readonly description?: string;
  readonly match: RuleMatch;
  /** Absent: the presence of a matching event is the condition. */
  readonly threshold?: RuleThreshold;
  readonly clearOn?: RuleClearOn;
  /** Further levels beyond the threshold, each with its own severity, in the direction of the comparison. */
  readonly levels: readonly RuleLevel[];
  readonly severity: Severity;
  readonly requireAck: boolean;
  /** False latches the incident until somebody clears it. */
  readonly autoClear: boolean;
  readonly deadband: number;
  readonly onDelayS: number;
  readonly offDelayS: number;
  readonly cooldownS: number;
  /** Absent: 2.5 periods of the source. */
  readonly gapToleranceS?: number;
  readonly group?: string;
  /** Ids of rules whose incidents are silent while this one is in alarm. */
  readonly suppresses: readonly string[];
  readonly scope: "same_subject" | "any";
  readonly shelveMaxS: number;
  readonly text: { readonly title?: RuleText; readonly consequence?: RuleText; readonly action?: RuleText };
}

/** One thing wrong with a rules file. E and `shape` refuse the file, W is advice. */
export interface RuleFinding {
  /** `shape`: the file is not of the form of operations §6.1; the others are the lint of §6.6. */
  readonly code: "shape" | "E1" | "E2" | "E3" | "E4" | "E5" | "E6" | "E7" | "E8" | "W1" | "W2" | "W3" | "W4" | "W5" | "W6";
  readonly ruleId?: string;
  /** Where in the file: `rules[2].threshold.op`. */
  readonly path: string;
  readonly value: unknown;
  readonly message: string;
}

/** Whether a finding refuses the file. */
export function isRefusal(finding: RuleFinding): boolean {
  return !finding.code.startsWith("W");
}
