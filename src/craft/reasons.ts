import { SHEDDABLE_LOADS } from "./profile-schema.ts";

/** Why a sheddable load is off, in the order of the shed table (simulation §6). */
export const SHED_REASONS = ["low_soc", "thermal_overheat", "nbl_budget", "pdu_overcurrent"] as const;
export type ShedReason = (typeof SHED_REASONS)[number];

/** Bits of the reasons a load is denied for, in the same order. */
export const DENIED = { lowSoc: 1, thermal: 2, nblBudget: 4, pdu: 8 } as const;

/** Faults that the power stages raise, in the order of `power.faults`. */
export const RUNTIME_FAULTS = [
  "BUS_V_ZERO",
  "PDU_OVERCURRENT",
  "BATTERY_CHARGE_LIMIT",
  "BATTERY_DISCHARGE_LIMIT",
  "BATTERY_CAPACITY_ZERO",
  "BATTERY_EMPTY",
] as const;

interface Named {
  readonly thermalPlane: { readonly nodes: readonly { readonly id: string }[] };
  readonly configFaults: readonly string[];
}

/** Explain id of a fault: it stands with the node its text names, else with the power plane. */
export function faultExplainId(fault: string): string {
  return `fault:${faultNode(fault) ?? "power"}:${fault}`;
}

/** The node that a fault's text names. */
export function faultNode(fault: string): string | undefined {
  const trip = /^THERMAL_TRIP:(.+)$/s.exec(fault) ?? /^THERMAL_PLANE_PARAM_INVALID:(.+):hys_zero$/s.exec(fault);
  return trip?.[1];
}

/** Every explain id that a profile can have, in no order. */
export function explainIds({ thermalPlane, configFaults }: Named): string[] {
  const nodeIds = thermalPlane.nodes.map((node) => node.id);
  const faults = [...configFaults, ...RUNTIME_FAULTS, ...nodeIds.map((id) => `THERMAL_TRIP:${id}`)];
  return [
    "latch:power:low_soc",
    "gate:nbl:nbl_budget",
    "gate:nbl:thermal_overheat",
    ...nodeIds.flatMap((id) => [`trip:${id}:thermal_trip`, `warn:${id}:thermal_warn`]),
    ...SHEDDABLE_LOADS.flatMap((load) => SHED_REASONS.map((reason) => `shed:${load}:${reason}`)),
    "throttle:motion:pdu_overcurrent",
    "throttle:rcs:pdu_overcurrent",
    "brownout:bus:supply_short",
    "hold:motion:docked",
    ...faults.map(faultExplainId),
  ];
}
