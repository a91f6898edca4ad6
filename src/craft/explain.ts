import type { CraftConfig } from "./config.ts";
import { lowSoc, nodeCause, type Reason, type RestoresWhen, type Since, shedCause, socGate, tempGate } from "./explain-causes.ts";
import { explainFaults } from "./explain-faults.ts";
import * as at from "./layout.ts";
import { isHeld } from "./motion.ts";
import { SHEDDABLE_LOADS } from "./profile-schema.ts";
import { SHED_REASONS } from "./reasons.ts";
import { FULL_SUPPLY, isWarned, shownDenials } from "./report.ts";
import type { CraftState } from "./state.ts";

export type { Reason, RestoresWhen } from "./explain-causes.ts";

/** All reasons in force after the tick, by kind, then by load or node. */
export function explain(state: CraftState, config: CraftConfig): readonly Reason[] {
  const { values } = state;
  const reasons: Reason[] = [];
  const since: Since = (slot) => sinceTick(state, slot);
  if (values[at.SOC_LATCH] === 1)
    reasons.push({
      id: "latch:power:low_soc",
      kind: "latch",
      reason: "low_soc",
      sinceTick: since(config.since.latch),
      ...lowSoc(values, config),
    });
  explainGates(values, config, since, reasons);
  explainNodes(values, config, since, reasons);
  explainSheds(values, config, since, reasons);
  explainLimits(values, config, since, reasons);
  if (isHeld(values, 0, config)) {
    const restoresWhen: RestoresWhen = { field: "docking.connected", op: "==", value: false, unit: "" };
    const sinceTick = since(config.since.hold);
    reasons.push({
      id: "hold:motion:docked",
      kind: "hold",
      load: "motion",
      reason: "docked",
      sinceTick,
      value: 1,
      limit: 0,
      unit: "",
      restoresWhen,
    });
  }
  explainFaults(values, config, since, reasons);
  return reasons;
}

function explainGates(values: Float64Array, config: CraftConfig, since: Since, reasons: Reason[]): void {
  if (values[at.NBL_SOC_GATE] === 1) {
    const sinceTick = since(config.since.socGate);
    reasons.push({ id: "gate:nbl:nbl_budget", kind: "gate", load: "nbl", reason: "nbl_budget", sinceTick, ...socGate(values, config) });
  }
  if (values[at.NBL_TEMP_GATE] === 1) {
    const sinceTick = since(config.since.tempGate);
    reasons.push({
      id: "gate:nbl:thermal_overheat",
      kind: "gate",
      load: "nbl",
      reason: "thermal_overheat",
      sinceTick,
      ...tempGate(values, config),
    });
  }
}

function explainNodes(values: Float64Array, config: CraftConfig, since: Since, reasons: Reason[]): void {
  const { nodes } = config.profile.thermalPlane;
  nodes.forEach(({ id, tripC }, node) => {
    if (values[at.NODES + node * at.NODE_STRIDE + at.NODE_TRIPPED] === 0) return;
    const cause = nodeCause(values, config, node, tripC);
    reasons.push({
      id: `trip:${id}:thermal_trip`,
      kind: "trip",
      node: id,
      reason: "thermal_trip",
      sinceTick: since(config.since.trip[node]!),
      ...cause,
    });
  });
  nodes.forEach(({ id, warnC }, node) => {
    if (warnC === undefined || !isWarned(values, 0, node)) return;
    const cause = nodeCause(values, config, node, warnC);
    reasons.push({
      id: `warn:${id}:thermal_warn`,
      kind: "warn",
      node: id,
      reason: "thermal_warn",
      sinceTick: since(config.since.warn[node]!),
      ...cause,
    });
  });
}

function explainSheds(values: Float64Array, config: CraftConfig, since: Since, reasons: Reason[]): void {
  if (values[at.SHED_ORDER] === 0) return;
  SHEDDABLE_LOADS.forEach((load, shed) => {
    const bits = shownDenials(values, 0, shed);
    SHED_REASONS.forEach((reason, index) => {
      if ((bits & (1 << index)) === 0) return;
      const sinceTick = since(config.since.shed[shed * SHED_REASONS.length + index]!);
      reasons.push({ id: `shed:${load}:${reason}`, kind: "shed", load, reason, sinceTick, ...shedCause(values, config, shed, reason) });
    });
  });
}

function explainLimits(values: Float64Array, config: CraftConfig, since: Since, reasons: Reason[]): void {
  for (const [load, index, flag, slot] of [
    ["motion", at.MOTION, at.MOTION_THROTTLED, config.since.motionThrottle],
    ["rcs", at.RCS, at.RCS_THROTTLED, config.since.rcsThrottle],
  ] as const) {
    if (values[flag] === 0) continue;
    const grantedW = values[at.GRANTED_W + index]!;
    const restoresWhen: RestoresWhen = { field: `power_detail.demand_w.${load}`, op: "<=", value: grantedW, unit: "W" };
    const about = { id: `throttle:${load}:pdu_overcurrent`, kind: "throttle", load, reason: "pdu_overcurrent" } as const;
    reasons.push({ ...about, sinceTick: since(slot), value: values[at.DEMAND_W + index]!, limit: grantedW, unit: "W", restoresWhen });
  }
  const supply = values[at.SUPPLY_FRACTION]!;
  if (supply >= FULL_SUPPLY) return;
  const restoresWhen: RestoresWhen = { field: "power_detail.supply_fraction", op: ">=", value: FULL_SUPPLY, unit: "1" };
  const about = { id: "brownout:bus:supply_short", kind: "brownout", reason: "supply_short" } as const;
  const limit = config.profile.powerPlane.brownoutSupplyMin;
  reasons.push({ ...about, sinceTick: since(config.since.brownout), value: supply, limit, unit: "1", restoresWhen });
}

/** Since when a load has been off for a reason; `reason` counts in `SHED_REASONS`. */
export function shedSince(state: CraftState, config: CraftConfig, shed: number, reason: number): number {
  return sinceTick(state, config.since.shed[shed * SHED_REASONS.length + reason]!);
}

/** A slot that no tick has marked yet belongs to outputs that were previewed: they hold since now. */
function sinceTick({ values }: CraftState, slot: number): number {
  return values[slot]! >= 0 ? values[slot]! : values[at.TICK]!;
}
