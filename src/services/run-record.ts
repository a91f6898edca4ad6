import type { RunId } from "#base/units.ts";
import type { SimModel } from "#twin/sim-state.ts";
import { craftFactsOf } from "./craft-facts.ts";

/** What consoles are told of a run: identity, settings, limits, craft, radar (last value `run`). */
export function runRecordOf(model: SimModel, runId: RunId | string): Readonly<Record<string, unknown>> {
  const { sensor } = model.settings;
  return {
    ...model.runRecord,
    run_id: runId,
    craft: craftFactsOf(model.config),
    radar: { radar_period_s: sensor.framePeriodS, sr_threshold_m: sensor.srThresholdM, lr_max_range_m: sensor.lr.maxRangeM },
  };
}
