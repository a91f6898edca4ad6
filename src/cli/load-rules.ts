import { resolve } from "node:path";
import type { RuleSet } from "#alarms/incident/incidents.ts";
import { openRulesFile } from "#services/incident-rules-file.ts";
import { type GuardRulesFile, openGuardRulesFile } from "#services/guard-rules-file.ts";
import { radarEnvironment } from "./radar-env.ts";
import { settings } from "./settings.ts";
import { PRODUCT_ROOT } from "./version.ts";

export const RULES_PATH = resolve(PRODUCT_ROOT, "config/incident_rules.yaml");

export const GUARD_RULES_PATH = resolve(PRODUCT_ROOT, "config/guard_rules.yaml");

/** Where the incident rules lie that the settings name. */
export function incidentRulesPath(): string {
  return settings().rules.incidents ?? RULES_PATH;
}

/** The guard rules of a file, ready for the machine. @throws QikiError `rules_invalid` with every problem, `file_unreadable` */
export function loadGuardRules(path = GUARD_RULES_PATH): GuardRulesFile {
  return openGuardRulesFile(path, radarEnvironment().guardCooldownS);
}

/** The incident rules of a file, ready for the machine. @throws QikiError `rules_invalid` with every finding, `file_unreadable` */
export function loadRuleSet(path = RULES_PATH): { readonly ruleSet: RuleSet; readonly text: string } {
  const file = openRulesFile(path);
  return { ruleSet: file.ruleSet(), text: file.text() };
}
