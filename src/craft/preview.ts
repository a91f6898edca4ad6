import { allocation } from "./allocation.ts";
import type { CraftConfig } from "./config.ts";
import { demand } from "./demand.ts";
import * as at from "./layout.ts";
import { permission } from "./permission.ts";
import { flagTrips } from "./report.ts";
import type { CraftState } from "./state.ts";
import { storage } from "./storage.ts";

/**
 * Fills the outputs (powers, sheds, faults) as the next tick would compute them from the state at rest: at tick 0, and after a
 * command while time stands still. No energy, latch, counter or temperature changes, nor the soft start.
 */
export function preview(state: CraftState, config: CraftConfig): void {
  const { values } = state;
  const truth = values.slice(at.TICK, at.SOURCE_BASE_W);
  // S6 counts one tick of soft start before it uses the count; here the count as it stands is asked for.
  values[at.DOCK_TICKS]! -= 1;
  values[at.TICK]! += 1;
  demand(state, config, config.dtS);
  permission(state, config);
  allocation(state, config, config.dtS);
  storage(state, config, config.dtS);
  values.set(truth, at.TICK);
  flagTrips(values, 0, config);
}
