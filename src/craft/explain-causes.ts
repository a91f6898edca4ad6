import type { CraftConfig } from "./config.ts";
import * as at from "./layout.ts";
import { CORE_TEMP_C, nodeTempC, stateOfChargePct } from "./permission.ts";
import { SHEDDABLE_LOADS } from "./profile-schema.ts";
import type { ShedReason } from "./reasons.ts";

/** When a reason ends: the telemetry field that must meet the condition, and for how long. */
export interface RestoresWhen {
  readonly field: string;
  readonly op: "<=" | ">=" | "==" | ">";
  readonly value: number | boolean;
  readonly unit: string;
  readonly holdS?: number;
  readonly remainingS?: number;
}

/** Why something is off, limited or wrong now (simulation §6). */
export interface Reason {
  readonly id: string;
  readonly kind: "latch" | "gate" | "trip" | "warn" | "shed" | "throttle" | "brownout" | "hold" | "fault";
  readonly load?: string;
  readonly node?: string;
  readonly reason: string;
  readonly sinceTick: number;
  readonly value: number | undefined;
  readonly limit: number | undefined;
  readonly unit: string;
  readonly restoresWhen: RestoresWhen | undefined;
}

/** A threshold that something crossed, and the way back. */
export interface Cause {
  readonly value: number | undefined;
  readonly limit: number | undefined;
  readonly unit: string;
  readonly restoresWhen: RestoresWhen | undefined;
}

/** The first tick of unbroken activity, from its slot. */
export type Since = (slot: number) => number;

/** A node's threshold and its way back. */
export function nodeCause(values: Float64Array, config: CraftConfig, node: number, thresholdC: number): Cause {
  const backC = thresholdC - config.nodes.hysteresisC[node]!;
  const field = `thermal.nodes[id=${config.profile.thermalPlane.nodes[node]!.id}].temp_c`;
  return {
    value: nodeTempC(values, 0, node, CORE_TEMP_C),
    limit: thresholdC,
    unit: "C",
    restoresWhen: { field, op: "<=", value: backC, unit: "C" },
  };
}

/** The latch of a low battery. */
export function lowSoc(values: Float64Array, config: CraftConfig): Cause {
  const { socShedLowPct, socShedHighPct } = config.profile.powerPlane;
  return {
    value: stateOfChargePct(values, 0, config),
    limit: socShedLowPct,
    unit: "%",
    restoresWhen: { field: "power.soc_pct", op: ">=", value: socShedHighPct, unit: "%" },
  };
}

/** The charge below which the NBL is denied. */
export function socGate(values: Float64Array, config: CraftConfig): Cause {
  const { nblSocMinPct, nblSocHysteresisPct } = config.profile.powerPlane;
  return {
    value: stateOfChargePct(values, 0, config),
    limit: nblSocMinPct,
    unit: "%",
    restoresWhen: { field: "power.soc_pct", op: ">=", value: nblSocMinPct + nblSocHysteresisPct, unit: "%" },
  };
}

/** The core temperature above which the NBL is denied. */
export function tempGate(values: Float64Array, config: CraftConfig): Cause {
  const { nblCoreTempMaxC, nblTempHysteresisC } = config.profile.powerPlane;
  return {
    value: nodeTempC(values, 0, config.coreNode, CORE_TEMP_C),
    limit: nblCoreTempMaxC,
    unit: "C",
    restoresWhen: { field: "temp_core_c", op: "<=", value: nblCoreTempMaxC - nblTempHysteresisC, unit: "C" },
  };
}

/** Why a load is off for one of its reasons. */
export function shedCause(values: Float64Array, config: CraftConfig, shed: number, reason: ShedReason): Cause {
  const node = values[at.DENYING_NODE + shed * at.NEXT]!;
  switch (reason) {
    case "low_soc":
      return lowSoc(values, config);
    case "thermal_overheat":
      return node >= 0 ? nodeCause(values, config, node, config.nodes.tripC[node]!) : tempGate(values, config);
    case "nbl_budget":
      return socGate(values, config);
    case "pdu_overcurrent":
      return pduCause(values, config, shed);
  }
}

/** Where a shed load stands in the distribution unit's way back: its bus power with it, and the limit with margin. */
function pduCause(values: Float64Array, config: CraftConfig, shed: number): Cause {
  const limitW = values[at.LIMIT_W]! * config.restoreShare;
  const holdS = config.profile.powerPlane.pduRestoreDelayS;
  const fitTicks = values[at.PDU + shed * at.PDU_STRIDE + at.PDU_FIT_TICKS]!;
  return {
    value: values[at.FIT_W + shed * at.NEXT]!,
    limit: limitW,
    unit: "W",
    restoresWhen: {
      field: `power_detail.fit_w.${SHEDDABLE_LOADS[shed]}`,
      op: "<=",
      value: limitW,
      unit: "W",
      holdS,
      remainingS: Math.max(0, holdS - fitTicks * config.dtS),
    },
  };
}
