import { resolve } from "node:path";
import { parse as parseYaml } from "yaml";
import type { RuleSet } from "#alarms/incident/incidents.ts";
import { DEFAULT_PERIODS_MS } from "#alarms/incident/event-sources.ts";
import { loadIncidentRules } from "#alarms/incident/lint-rules.ts";
import { QikiError } from "#base/error.ts";
import { sha256Hex } from "#base/sha256.ts";
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
  const loaded = loadIncidentRules(raw, { periodsMs: DEFAULT_PERIODS_MS });
  if (!loaded.ok)
    throw new QikiError(
      "rules_invalid",
      `${path}:\n${loaded.findings.map((finding) => `  ${finding.path}: ${finding.message}`).join("\n")}`,
    );
  return { ruleSet: { rules: loaded.rules, hash: sha256Hex(text) }, text };
}
