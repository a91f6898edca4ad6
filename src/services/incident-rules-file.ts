import { readFileSync } from "node:fs";
import { parse as parseYaml } from "yaml";
import type { RuleSet } from "#alarms/incident/incidents.ts";
import { DEFAULT_PERIODS_MS, type SamplePeriodsMs } from "#alarms/incident/event-sources.ts";
import { loadIncidentRules } from "#alarms/incident/lint-rules.ts";
import { QikiError } from "#base/error.ts";
import { sha256Hex } from "#base/sha256.ts";
import { writeFileDurably } from "#store/durable-file.ts";
import { withRuleEnabled } from "#store/rules-file.ts";

export type RulesChange =
  | { readonly kind: "ok"; readonly ruleSet: RuleSet; readonly text: string }
  | { readonly kind: "refused"; readonly problem: string };

/** The incident rules file in force. */
export interface RulesFile {
  readonly periodsMs: SamplePeriodsMs;
  ruleSet(): RuleSet;
  text(): string;
  /** Rules as consoles list them. */
  view(): Readonly<Record<string, unknown>>;
  ruleView(id: string): Readonly<Record<string, unknown>> | undefined;
  /** Reads the file again; a broken one is refused and the rules in force stay. */
  reload(): RulesChange;
  /** Switches one rule in the file, comments kept. */
  setEnabled(id: string, enabled: boolean): RulesChange;
}

/** @throws QikiError file_unreadable, rules_invalid with every finding */
export function openRulesFile(path: string, context: { readonly maxBusA?: number } = {}): RulesFile {
  const periodsMs = DEFAULT_PERIODS_MS;
  let current = read();
  if (current.kind === "refused") throw new QikiError("rules_invalid", current.problem);

  function read(): RulesChange {
    try {
      return parse(readFileSync(path, "utf8"));
    } catch (error) {
      return { kind: "refused", problem: `${path} cannot be read: ${(error as Error).message}` };
    }
  }

  function parse(text: string): RulesChange {
    let raw: unknown;
    try {
      raw = parseYaml(text, { version: "1.2" });
    } catch (error) {
      return { kind: "refused", problem: `${path} is not YAML: ${(error as Error).message}` };
    }
    const loaded = loadIncidentRules(raw, { periodsMs, ...context });
    if (loaded.ok) return { kind: "ok", ruleSet: { rules: loaded.rules, hash: sha256Hex(text) }, text };
    return {
      kind: "refused",
      problem: `${path}:\n${loaded.findings.map((finding) => `  ${finding.path}: ${finding.message}`).join("\n")}`,
    };
  }

  function take(change: RulesChange): RulesChange {
    if (change.kind === "ok") current = change;
    return change;
  }

  const inForce = (): Extract<RulesChange, { kind: "ok" }> => current as Extract<RulesChange, { kind: "ok" }>;
  const viewOf = (rule: RuleSet["rules"][number]): Readonly<Record<string, unknown>> => ({ ...rule });

  return {
    periodsMs,
    ruleSet: () => inForce().ruleSet,
    text: () => inForce().text,
    view: () => ({ hash: inForce().ruleSet.hash, rules: inForce().ruleSet.rules.map(viewOf) }),
    ruleView(id) {
      const rule = inForce().ruleSet.rules.find((one) => one.id === id);
      return rule === undefined ? undefined : viewOf(rule);
    },
    reload: () => take(read()),
    setEnabled(id, enabled) {
      if (!inForce().ruleSet.rules.some((rule) => rule.id === id)) return { kind: "refused", problem: `there is no rule ${id} in ${path}` };
      const changed = withRuleEnabled(inForce().text, id, enabled);
      if (changed === undefined) return { kind: "refused", problem: `rule ${id} could not be found in the text of ${path}` };
      const parsed = parse(changed);
      if (parsed.kind === "refused") return parsed;
      writeFileDurably(path, changed);
      return take(parsed);
    },
  };
}
