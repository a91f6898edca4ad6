import type { GuardRule } from "#alarms/guard/rules.ts";
import type { GuardRulesInForce } from "#contracts/guard-rules.ts";
import { TRANSPONDER_MODES } from "#contracts/radar.ts";
import type { GuardRuleSet } from "#twin/guard-rule-set.ts";

/** What consoles are told of the guard rules in force. */
export function guardRulesView({ hash, rules }: GuardRuleSet): GuardRulesInForce {
  return { hash, rules: rules.map(ruleView) };
}

function ruleView(rule: GuardRule): GuardRulesInForce["rules"][number] {
  const modes = TRANSPONDER_MODES.flatMap((_mode, number) => (((rule.modes >> number) & 1) === 1 ? [number] : []));
  return {
    id: rule.id,
    description: rule.description,
    severity: rule.severity,
    iff: rule.iff ?? null,
    require_transponder_on: rule.requireTransponderOn ?? null,
    allowed_transponder_modes: modes.length === TRANSPONDER_MODES.length ? null : modes,
    min_range_m: rule.minRangeM,
    max_range_m: finiteOrNull(rule.maxRangeM),
    hysteresis_m: rule.hysteresisM,
    min_quality: rule.minQuality,
    max_radial_velocity_mps: finiteOrNull(rule.maxRadialVelocityMps),
  };
}

function finiteOrNull(limit: number): number | null {
  return Number.isFinite(limit) ? limit : null;
}
