import { readFileSync } from "node:fs";
import { DEFAULT_PERIODS_MS, type SamplePeriodsMs } from "#alarms/incident/event-sources.ts";
import type { RuleSet } from "#alarms/incident/incidents.ts";
import { type LintContext, type LoadedRules, loadIncidentRules } from "#alarms/incident/lint-rules.ts";
import type { IncidentRule, RuleFinding } from "#alarms/incident/rule.ts";
import { QikiError } from "#base/error.ts";
import { sha256Hex } from "#base/sha256.ts";
import { writeFileDurably } from "#store/durable-file.ts";
import { withRuleEnabled } from "#store/rules-file.ts";
import { parseYamlText } from "./yaml-text.ts";

/** One rule as consoles show it. */
export interface RuleView {
  readonly id: string;
  readonly enabled: boolean;
  readonly severity: IncidentRule["severity"];
  readonly title: { readonly en: string; readonly ru: string };
  readonly description: string | null;
  readonly group: string | null;
  readonly require_ack: boolean;
  readonly latching: boolean;
  readonly shelve_max_s: number;
}

export interface RulesView {
  readonly hash: string;
  readonly rules: readonly RuleView[];
}

export type RulesRefusal = "rules_invalid" | "rules_changed" | "unknown_rule" | "file_unreadable" | "file_unwritable";

export type RulesChange =
  | {
      readonly kind: "ok";
      readonly ruleSet: RuleSet;
      readonly text: string;
      /** Puts the rules of before in force again, and their text back if the change wrote the file. */
      readonly undo: () => void;
    }
  | { readonly kind: "refused"; readonly reason: RulesRefusal; readonly problem: string };

/** The incident rules in force, and the file they came from. */
export interface RulesFile {
  readonly path: string;
  readonly periodsMs: SamplePeriodsMs;
  /** Incidents kept at most; undefined as the machine has it. */
  readonly incidentsMax: number | undefined;
  ruleSet(): RuleSet;
  /** Text of the rules in force. */
  text(): string;
  view(): RulesView;
  ruleView(id: string): RuleView | undefined;
  /** Reads the file again; refused, the old rules stay in force. */
  reload(): RulesChange;
  /** Switches one rule in the file, leaving its comments and everything else as they are. */
  setEnabled(id: string, enabled: boolean): RulesChange;
}

/** What rules are held against beside the catalogue of event sources. */
export type RulesContext = Omit<LintContext, "periodsMs"> & { readonly incidentsMax?: number | undefined };

interface InForce {
  readonly text: string;
  readonly ruleSet: RuleSet;
}

/** Opens the rules file. @throws QikiError `rules_invalid` with every finding a line, `file_unreadable` */
export function openRulesFile(path: string, context: RulesContext = {}): RulesFile {
  let inForce = loadOrThrow(path, context);

  function change(text: string, writesFile: boolean): RulesChange {
    const loaded = parseRulesText(text, context);
    if (!loaded.ok) return { kind: "refused", reason: "rules_invalid", problem: refusalText(path, loaded.findings) };
    if (writesFile) {
      try {
        writeFileDurably(path, text);
      } catch (error) {
        const problem = `${path} cannot be written: ${(error as Error).message}; check its folder's owner and free space`;
        return { kind: "refused", reason: "file_unwritable", problem };
      }
    }
    const before = inForce;
    inForce = { text, ruleSet: { rules: loaded.rules, hash: sha256Hex(text) } };
    return {
      kind: "ok",
      ruleSet: inForce.ruleSet,
      text,
      undo() {
        inForce = before;
        if (writesFile) writeFileDurably(path, before.text);
      },
    };
  }

  function readAgain(): string | (RulesChange & { readonly kind: "refused" }) {
    try {
      return readFileSync(path, "utf8");
    } catch (error) {
      return { kind: "refused", reason: "file_unreadable", problem: `${path} cannot be read: ${(error as Error).message}` };
    }
  }

  return {
    path,
    periodsMs: DEFAULT_PERIODS_MS,
    incidentsMax: context.incidentsMax,
    ruleSet: () => inForce.ruleSet,
    text: () => inForce.text,
    view: () => ({ hash: inForce.ruleSet.hash, rules: inForce.ruleSet.rules.map(ruleView) }),
    ruleView(id) {
      const rule = inForce.ruleSet.rules.find((one) => one.id === id);
      return rule === undefined ? undefined : ruleView(rule);
    },
    reload() {
      const text = readAgain();
      return typeof text === "string" ? change(text, false) : text;
    },
    setEnabled(id, enabled) {
      const text = readAgain();
      if (typeof text !== "string") return text;
      // Switching a rule must not put in force what somebody is still editing.
      if (text !== inForce.text) {
        const problem = `${path} was edited since it was read: rules.reload first, then switch ${id}`;
        return { kind: "refused", reason: "rules_changed", problem };
      }
      const changed = withRuleEnabled(text, id, enabled);
      if (changed !== undefined) return change(changed, changed !== text);
      const ids = inForce.ruleSet.rules.map((rule) => rule.id);
      return { kind: "refused", reason: "unknown_rule", problem: `there is no rule ${id} in ${path}: expected one of ${ids.join(", ")}` };
    },
  };
}

/** Parses and lints the text of an incident rules file; text that is no YAML is a finding like any other. */
export function parseRulesText(text: string, context: RulesContext = {}): LoadedRules {
  const parsed = parseYamlText(text);
  if ("value" in parsed) return loadIncidentRules(parsed.value, { periodsMs: DEFAULT_PERIODS_MS, ...context });
  const findings = parsed.problems.map(({ code, message, line, column }): RuleFinding => {
    const path = line === undefined ? "" : `line ${line}, column ${column}`;
    return { code: "shape", path, value: code, message };
  });
  return { ok: false, findings };
}

/** One finding in one line: code, rule, place, value, what is wrong. */
export function findingText({ code, ruleId, path, value, message }: RuleFinding): string {
  const place = [code, ruleId, path].filter((part) => part !== undefined && part !== "").join(" ");
  return value === undefined
    ? `${place}: ${message}`
    : `${place} is ${typeof value === "string" ? value : JSON.stringify(value)}: ${message}`;
}

function loadOrThrow(path: string, context: RulesContext): InForce {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw new QikiError("file_unreadable", `the incident rules ${path} cannot be read: ${(error as Error).message}`, error);
  }
  const loaded = parseRulesText(text, context);
  if (!loaded.ok) throw new QikiError("rules_invalid", refusalText(path, loaded.findings));
  return { text, ruleSet: { rules: loaded.rules, hash: sha256Hex(text) } };
}

function refusalText(path: string, findings: readonly RuleFinding[]): string {
  return `${path} is not a valid incident rules file:\n${findings.map((finding) => `  ${findingText(finding)}`).join("\n")}`;
}

function ruleView(rule: IncidentRule): RuleView {
  const title = rule.title ?? rule.id;
  return {
    id: rule.id,
    enabled: rule.enabled,
    severity: rule.severity,
    title: rule.text.title ?? { en: title, ru: title },
    description: rule.description ?? null,
    group: rule.group ?? null,
    require_ack: rule.requireAck,
    latching: !rule.autoClear,
    shelve_max_s: rule.shelveMaxS,
  };
}
