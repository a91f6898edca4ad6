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
import type { Crafts } from "./state.ts";
import { storage } from "./storage.ts";
import { clearTripEdges, thermal } from "./thermal.ts";

// The engine folds constants of this module, not imported ones.
const { COMMANDS_APPLIED, COMMANDS_PENDING, FAULTS_IN_FORCE, TICK, TRIP_EDGES } = at;

/**
 * One world advance of a craft, or of several that do not act on each other: each stage goes over all of them. Commands and inputs
 * for it have been applied to the state already; its outputs, trip edges and the change of overcurrent can be read afterwards.
 */
export function step(crafts: Crafts, config: CraftConfig, dtS: number = config.dtS): void {
  begin(crafts, config);
  motion(crafts, config, dtS);
  mcqpu(crafts, config, dtS);
  demand(crafts, config, dtS);
  permission(crafts, config);
  allocation(crafts, config, dtS);
  storage(crafts, config, dtS);
  feedback(crafts, config, dtS);
  thermal(crafts, config, dtS);
  sense(crafts, config, dtS);
  report(crafts, config);
}

/** The tick becomes the next one, and faults past their last tick end. */
function begin(crafts: Crafts, config: CraftConfig): void {
  const { values, lanes } = crafts;
  for (let lane = 0; lane < lanes; lane += 1) {
    values[TICK + lane]! += 1;
    values[COMMANDS_APPLIED + lane] = values[COMMANDS_PENDING + lane]!;
    values[COMMANDS_PENDING + lane] = 0;
    if (values[TRIP_EDGES + lane]! > 0) clearTripEdges(values, lane, config);
    if (values[FAULTS_IN_FORCE + lane]! > 0) expireFaults(values, lane, config);
  }
}
