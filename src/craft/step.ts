import { allocation } from "./allocation.ts";
import type { CraftConfig } from "./config.ts";
import { demand } from "./demand.ts";
import { expireFaults } from "./faults.ts";
import { feedback } from "./feedback.ts";
import * as at from "./layout.ts";
import { mcqpu } from "./mcqpu.ts";
import { motion } from "./motion.ts";
import { permission } from "./permission.ts";
import { report } from "./report.ts";
import { sense } from "./sensors.ts";
import type { CraftState } from "./state.ts";
import { storage } from "./storage.ts";
import { thermal } from "./thermal.ts";

/**
 * One world advance. Commands and inputs for it have been applied to the state already; its outputs, trip edges and the change of
 * overcurrent can be read from the state afterwards.
 */
export function step(state: CraftState, config: CraftConfig, dtS: number = config.dtS): void {
  const { values } = state;
  const tick = values[at.TICK]! + 1;
  values[at.TICK] = tick;
  values[at.COMMANDS_APPLIED] = values[at.COMMANDS_PENDING]!;
  values[at.COMMANDS_PENDING] = 0;
  if (state.tripEdges.length > 0) state.tripEdges.length = 0;
  if (values[at.FAULTS_IN_FORCE]! > 0) expireFaults(state, config, tick);
  motion(state, config, dtS);
  mcqpu(state, config, dtS);
  demand(state, config, dtS, tick);
  permission(state, config);
  allocation(state, config, dtS, tick);
  storage(state, config, dtS);
  feedback(state, config, dtS);
  thermal(state, config, dtS);
  sense(state, config, dtS);
  report(state, config);
}
