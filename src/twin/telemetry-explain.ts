import type { ExplainRecord } from "#contracts/telemetry.ts";
import type { CraftConfig } from "#craft/config.ts";
import { explain, type Reason, type RestoresWhen } from "#craft/explain.ts";
import type { CraftState } from "#craft/state.ts";

/** The `explain` list. */
export function explainOf(state: CraftState, config: CraftConfig): ExplainRecord[] {
  return explain(state, config).map(record);
}

function record(reason: Reason): ExplainRecord {
  return {
    id: reason.id,
    kind: reason.kind,
    ...(reason.load === undefined ? {} : { load: reason.load }),
    ...(reason.node === undefined ? {} : { node: reason.node }),
    reason: reason.reason,
    since_tick: reason.sinceTick,
    value: reason.value ?? null,
    limit: reason.limit ?? null,
    unit: reason.unit,
    restores_when: reason.restoresWhen === undefined ? null : condition(reason.restoresWhen),
  };
}

function condition({ field, op, value, unit, holdS, remainingS }: RestoresWhen): NonNullable<ExplainRecord["restores_when"]> {
  return {
    field,
    op,
    value,
    unit,
    ...(holdS === undefined ? {} : { hold_s: holdS }),
    ...(remainingS === undefined ? {} : { remaining_s: remainingS }),
  };
}
