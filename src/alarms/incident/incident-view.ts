import type { Engine } from "./engine-state.ts";
import { type IncidentState, isClosed, type Letter, letterOf } from "./incident-state.ts";
import type { IncidentRule } from "./rule.ts";

/** One incident with what follows from its state and its rule: a copy that later inputs do not change. */
export interface IncidentView extends Readonly<IncidentState> {
  readonly letter: Letter;
  readonly isClosed: boolean;
  /** Its rule is disabled or no longer in the file, so nothing evaluates it. */
  readonly isRuleDisabled: boolean;
  readonly rule: IncidentRule | undefined;
  readonly unit: string | undefined;
}

/** The view of one incident that has opened at least once, else undefined. */
export function incidentView(engine: Engine, id: string): IncidentView | undefined {
  const incident = engine.incidents.get(id);
  if (incident === undefined || incident.occ === 0) return undefined;
  const compiled = engine.rules.byId.get(incident.ruleId);
  return {
    ...incident,
    letter: letterOf(incident),
    isClosed: isClosed(incident),
    isRuleDisabled: compiled === undefined || !compiled.rule.enabled,
    rule: compiled?.rule,
    unit: compiled?.unit,
  };
}
