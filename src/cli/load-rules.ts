import { resolve } from "node:path";
import { parse as parseYaml } from "yaml";
import { QikiError } from "#base/error.ts";
import { type RuleSet, ruleSetOf } from "#twin/rule-set.ts";
import { readText } from "./load-run.ts";
import { PRODUCT_ROOT } from "./version.ts";

export const RULES_PATH = resolve(PRODUCT_ROOT, "config/incident_rules.yaml");

/** The incident rules of a file, ready for the machine. @throws QikiError rules_invalid with every finding */
export function loadRuleSet(path = RULES_PATH): { readonly ruleSet: RuleSet; readonly text: string } {
  const text = readText(path, "rules file");
  let raw: unknown;
  try {
    raw = parseYaml(text, { version: "1.2" });
  } catch (error) {
    throw new QikiError("rules_invalid", `${path} is not YAML: ${(error as Error).message}`, error);
  }
  const result = ruleSetOf(raw, text);
  if (result.kind === "refused")
    throw new QikiError("rules_invalid", `${path}:\n${result.problems.map((problem) => `  ${problem}`).join("\n")}`);
  return { ruleSet: result.ruleSet, text };
}
