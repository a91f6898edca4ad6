import { DEFAULT_PERIODS_MS, type SamplePeriodsMs } from "#alarms/incident/event-sources.ts";
import type { RuleSet } from "#alarms/incident/incidents.ts";
import { loadIncidentRules } from "#alarms/incident/lint-rules.ts";
import { sha256Hex } from "#base/sha256.ts";

export type { RuleSet } from "#alarms/incident/incidents.ts";
/** How often the sources of incident samples speak. */
export const SAMPLE_PERIODS_MS: SamplePeriodsMs = DEFAULT_PERIODS_MS;

export type RuleSetResult =
  | { readonly kind: "ok"; readonly ruleSet: RuleSet }
  | { readonly kind: "refused"; readonly problems: readonly string[] };

/** The incident rules of a file: `raw` is what its text says, the hash is the text's. */
export function ruleSetOf(raw: unknown, text: string, context: { readonly maxBusA?: number } = {}): RuleSetResult {
  const loaded = loadIncidentRules(raw, { periodsMs: SAMPLE_PERIODS_MS, ...context });
  if (loaded.ok) return { kind: "ok", ruleSet: { rules: loaded.rules, hash: sha256Hex(text) } };
  return { kind: "refused", problems: loaded.findings.map((finding) => `${finding.path}: ${finding.message}`) };
}
