import { type GuardRule, readGuardRules } from "#alarms/guard/rules.ts";
import { sha256Hex } from "#base/sha256.ts";

/** Guard rules in force: `raw` is what their file says, the hash is its text's. */
export interface GuardRuleSet {
  readonly raw: unknown;
  readonly rules: readonly GuardRule[];
  readonly hash: string;
  /** What a rule without a cooldown has, s. */
  readonly cooldownS: number;
}

export type GuardRuleSetResult =
  | { readonly kind: "ok"; readonly ruleSet: GuardRuleSet }
  | { readonly kind: "refused"; readonly problems: readonly string[] };

export function guardRuleSetOf(raw: unknown, text: string, cooldownS: number): GuardRuleSetResult {
  const read = readGuardRules(raw, cooldownS);
  return read.kind === "ok" ? { kind: "ok", ruleSet: { raw, rules: read.rules, hash: sha256Hex(text), cooldownS } } : read;
}
