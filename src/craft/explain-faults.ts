import { assertNever } from "#base/assert.ts";
import type { CraftConfig } from "./config.ts";
import { type Cause, nodeCause, type Reason, type Since } from "./explain-causes.ts";
import * as at from "./layout.ts";
import { faultExplainId, faultNode, RUNTIME_FAULTS } from "./reasons.ts";

/** Faults in force as `power.faults` lists them: of the configuration, of the power stages, of the nodes. */
export function faultsInForce(values: Float64Array, config: CraftConfig): readonly string[] {
  const { configFaults, thermalPlane } = config.profile;
  if (!isAnyInForce(values, config)) return NO_FAULTS;
  const flags = at.FAULT_FLAGS;
  const runtime = RUNTIME_FAULTS.filter((_, index) => values[flags + index * at.NEXT] === 1);
  const trips = thermalPlane.nodes.filter((_, node) => values[config.layout.tripFlagsAt + node * at.NEXT] === 1);
  return [...configFaults, ...runtime, ...trips.map(({ id }) => `THERMAL_TRIP:${id}`)];
}

const NO_FAULTS: readonly string[] = [];

function isAnyInForce(values: Float64Array, config: CraftConfig): boolean {
  let count = config.profile.configFaults.length;
  for (let fault = 0; fault < RUNTIME_FAULTS.length; fault += 1) count += values[at.FAULT_FLAGS + fault * at.NEXT]!;
  for (let node = 0; node < config.nodes.count; node += 1) count += values[config.layout.tripFlagsAt + node * at.NEXT]!;
  return count > 0;
}

/** Adds the faults in force. */
export function explainFaults(values: Float64Array, config: CraftConfig, since: Since, reasons: Reason[]): void {
  if (!isAnyInForce(values, config)) return;
  const { configFaults, thermalPlane } = config.profile;
  const add = (fault: string, slot: number, cause: Cause): void => {
    const node = faultNode(fault);
    const about = { id: faultExplainId(fault), kind: "fault", ...(node === undefined ? {} : { node }), reason: fault } as const;
    reasons.push({ ...about, sinceTick: since(slot), ...cause });
  };
  configFaults.forEach((fault, index) => add(fault, config.since.configFaults[index]!, configCause(fault, config)));
  const flags = at.FAULT_FLAGS;
  RUNTIME_FAULTS.forEach((fault, index) => {
    if (values[flags + index * at.NEXT] === 1) add(fault, config.since.faults[index]!, runtimeCause(fault, values, config));
  });
  thermalPlane.nodes.forEach(({ id, tripC }, node) => {
    if (values[config.layout.tripFlagsAt + node * at.NEXT] === 0) return;
    add(`THERMAL_TRIP:${id}`, config.since.faults[RUNTIME_FAULTS.length + node]!, nodeCause(values, config, node, tripC));
  });
}

/** Faults of the configuration stay for the whole run. */
function configCause(fault: string, config: CraftConfig): Cause {
  if (fault === "BATTERY_CAPACITY_MISSING")
    return { value: config.profile.powerCapacityWh, limit: undefined, unit: "Wh", restoresWhen: undefined };
  if (fault === "POWER_PLANE_CONFIG_MISSING") return { value: undefined, limit: undefined, unit: "", restoresWhen: undefined };
  return { value: 0, limit: 0, unit: "C", restoresWhen: undefined };
}

function runtimeCause(fault: (typeof RUNTIME_FAULTS)[number], values: Float64Array, config: CraftConfig): Cause {
  const { powerPlane } = config.profile;
  const chargeAskedW = values[at.BATTERY_CHARGE_W]! + values[at.SPILL_W]!;
  const dischargeAskedW = values[at.BATTERY_DISCHARGE_W]! + values[at.UNSERVED_W]!;
  const nothing = (field: string): Cause["restoresWhen"] => ({ field, op: "<=", value: 0, unit: "W" });
  switch (fault) {
    case "BUS_V_ZERO":
      return { value: values[at.BUS_V]!, limit: 0, unit: "V", restoresWhen: { field: "power.bus_v", op: ">", value: 0, unit: "V" } };
    case "PDU_OVERCURRENT": {
      const limitW = values[at.LIMIT_W]!;
      const restoresWhen = { field: "power.power_out_w", op: "<=", value: limitW, unit: "W" } as const;
      return { value: values[at.LOAD_W]!, limit: limitW, unit: "W", restoresWhen };
    }
    case "BATTERY_CHARGE_LIMIT":
      return { value: chargeAskedW, limit: powerPlane.batteryMaxChargeW, unit: "W", restoresWhen: nothing("power.battery_spill_w") };
    case "BATTERY_DISCHARGE_LIMIT":
      return {
        value: dischargeAskedW,
        limit: powerPlane.batteryMaxDischargeW,
        unit: "W",
        restoresWhen: nothing("power.battery_unserved_w"),
      };
    case "BATTERY_CAPACITY_ZERO":
      return { value: 0, limit: 0, unit: "Wh", restoresWhen: undefined };
    case "BATTERY_EMPTY": {
      const limit = values[at.BATTERY_AVAILABLE_W]!;
      return { value: dischargeAskedW, limit, unit: "W", restoresWhen: nothing("power.battery_unserved_w") };
    }
    default:
      return assertNever(fault, "fault");
  }
}
