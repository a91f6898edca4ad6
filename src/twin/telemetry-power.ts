import type { TelemetryPayload } from "#contracts/telemetry.ts";
import type { CraftConfig } from "#craft/config.ts";
import { shedSince } from "#craft/explain.ts";
import { faultsInForce } from "#craft/explain-faults.ts";
import * as at from "#craft/layout.ts";
import { nodeTempC, stateOfChargePct } from "#craft/permission.ts";
import { SHEDDABLE_LOADS } from "#craft/profile-schema.ts";
import { SHED_REASONS } from "#craft/reasons.ts";
import { isWarned, shownDenials } from "#craft/report.ts";
import type { CraftState } from "#craft/state.ts";

type Power = TelemetryPayload["power"];

/** The `power` object. */
export function powerOf({ values }: CraftState, config: CraftConfig): Power {
  const { powerPlane, powerCapacityWh } = config.profile;
  const busV = values[at.BUS_V]!;
  const halfDeltaV = powerPlane.batteryChannelDeltaV / 2;
  const isConnected = values[at.DOCK_CONNECTED] === 1;
  const nblW = values[at.GRANTED_W + at.NBL]!;
  const throttled = throttledLoads(values);
  return {
    soc_pct: stateOfChargePct(values, 0, config),
    sources_w: {
      base: values[at.SOURCE_BASE_W]!,
      dock: values[at.SOURCE_DOCK_W]!,
      supercap_discharge: values[at.SUPERCAP_DISCHARGE_W]!,
    },
    loads_w: {
      base: values[at.GRANTED_W + at.BASE]!,
      motion: values[at.GRANTED_W + at.MOTION]!,
      mcqpu: values[at.GRANTED_W + at.MCQPU]!,
      radar: values[at.GRANTED_W + at.RADAR]!,
      transponder: values[at.GRANTED_W + at.TRANSPONDER]!,
      nbl: nblW,
      rcs: values[at.GRANTED_W + at.RCS]!,
      supercap_charge: values[at.SUPERCAP_CHARGE_W]!,
    },
    power_in_w: values[at.POWER_IN_W]!,
    power_out_w: values[at.POWER_OUT_W]!,
    battery_capacity_wh: powerCapacityWh,
    battery_charge_w: values[at.BATTERY_CHARGE_W]!,
    battery_discharge_w: values[at.BATTERY_DISCHARGE_W]!,
    battery_temp_state: tempState(values, config.batteryNode),
    battery_spill_w: values[at.SPILL_W]!,
    battery_unserved_w: values[at.UNSERVED_W]!,
    bus_v: busV,
    battery_1_voltage_v: Math.max(0, busV + halfDeltaV),
    battery_2_voltage_v: Math.max(0, busV - halfDeltaV),
    bus_a: values[at.BUS_A]!,
    bus_v_min: powerPlane.busVMin,
    max_bus_a: powerPlane.maxBusA,
    soc_shed_low_pct: powerPlane.socShedLowPct,
    soc_shed_high_pct: powerPlane.socShedHighPct,
    load_shedding: values[at.SHED_ORDER] !== 0,
    shed_loads: named(values[at.SHED_ORDER]!, SHEDDABLE_LOADS),
    shed_reasons: named(values[at.REASON_ORDER]!, SHED_REASONS),
    pdu_limit_w: values[at.LIMIT_W]!,
    pdu_throttled: throttled.length > 0,
    throttled_loads: throttled,
    faults: [...faultsInForce(values, config)],
    supercap_soc_pct: config.supercapCapacityJ > 0 ? (100 * values[at.SUPERCAP_J]!) / config.supercapCapacityJ : 0,
    supercap_capacity_wh: powerPlane.supercapCapacityWh,
    supercap_charge_w: values[at.SUPERCAP_CHARGE_W]!,
    supercap_discharge_w: values[at.SUPERCAP_DISCHARGE_W]!,
    supercap_temp_state: tempState(values, config.supercapNode),
    dock_connected: isConnected,
    dock_soft_start_pct: values[at.SOFT_START_PCT]!,
    dock_power_w: values[at.SOURCE_DOCK_W]!,
    dock_v: isConnected ? powerPlane.dockStationBusV : 0,
    dock_a: values[at.DOCK_A]!,
    dock_temp_c: nodeTempC(values, 0, config.dockNode, powerPlane.dockTempCInit),
    nbl_active: values[at.NBL_ACTIVE] === 1,
    nbl_allowed: nblW > 0,
    nbl_power_w: nblW,
    nbl_budget_w: nblW > 0 ? values[at.NBL_MAX_W]! : 0,
  };
}

/** The `power_detail` object: what was asked, what is off since when, and how the balance closes. */
export function powerDetailOf(state: CraftState, config: CraftConfig): TelemetryPayload["power_detail"] {
  const { values } = state;
  return {
    demand_w: {
      base: values[at.DEMAND_W + at.BASE]!,
      motion: values[at.DEMAND_W + at.MOTION]!,
      mcqpu: values[at.DEMAND_W + at.MCQPU]!,
      radar: values[at.DEMAND_W + at.RADAR]!,
      transponder: values[at.DEMAND_W + at.TRANSPONDER]!,
      nbl: values[at.DEMAND_W + at.NBL]!,
      rcs: values[at.DEMAND_W + at.RCS]!,
    },
    sheds: shedsOf(state, config),
    supply_fraction: values[at.SUPPLY_FRACTION]!,
    residual_w: residualW(values),
    nbl_max_w: values[at.NBL_MAX_W]!,
    fit_w: fitOf(values),
  };
}

/** Sources less sinks of the tick's energy balance, W; 0 but for rounding. */
function residualW(values: Float64Array): number {
  const sourcesW =
    values[at.SOURCE_BASE_W]! +
    values[at.SOURCE_DOCK_W]! +
    values[at.SUPERCAP_DISCHARGE_W]! +
    values[at.BATTERY_DISCHARGE_W]! +
    values[at.UNSERVED_W]!;
  let sinksW = values[at.SUPERCAP_CHARGE_W]! + values[at.BATTERY_CHARGE_W]! + values[at.SPILL_W]!;
  for (let load = 0; load < at.LOADS.length; load += 1) sinksW += values[at.GRANTED_W + load * at.NEXT]!;
  return sourcesW - sinksW;
}

function throttledLoads(values: Float64Array): string[] {
  const loads: string[] = [];
  if (values[at.MOTION_THROTTLED] === 1) loads.push("motion");
  if (values[at.RCS_THROTTLED] === 1) loads.push("rcs");
  return loads;
}

function shedsOf(state: CraftState, config: CraftConfig): TelemetryPayload["power_detail"]["sheds"] {
  const { values } = state;
  const sheds: TelemetryPayload["power_detail"]["sheds"] = [];
  if (values[at.SHED_ORDER] === 0) return sheds;
  SHEDDABLE_LOADS.forEach((load, shed) => {
    const bits = shownDenials(values, 0, shed);
    SHED_REASONS.forEach((reason, index) => {
      if ((bits & (1 << index)) !== 0) sheds.push({ load, reason, since_tick: shedSince(state, config, shed, index) });
    });
  });
  return sheds;
}

function fitOf(values: Float64Array): TelemetryPayload["power_detail"]["fit_w"] {
  const fit: { nbl?: number; radar?: number; transponder?: number } = {};
  SHEDDABLE_LOADS.forEach((load, shed) => {
    if (values[at.PDU + shed * at.PDU_STRIDE] === 1) fit[load] = values[at.FIT_W + shed * at.NEXT]!;
  });
  return fit;
}

/** Words of an octal list, first digit first; a digit is the word's place plus one. */
function named(digits: number, words: readonly string[]): string[] {
  const list: string[] = [];
  for (let rest = digits; rest > 0; rest >>= 3) list.push(words[(rest & 7) - 1]!);
  return list.reverse();
}

function tempState(values: Float64Array, node: number): Power["battery_temp_state"] {
  if (node < 0) return "missing";
  if (values[at.NODES + node * at.NODE_STRIDE + at.NODE_TRIPPED] === 1) return "critical";
  return isWarned(values, 0, node) ? "hot" : "nominal";
}
