import { EPSILON_W } from "./allocation.ts";
import type { CraftConfig } from "./config.ts";
import { snappedEnergyJ } from "./energy.ts";
import * as at from "./layout.ts";
import { RUNTIME_FAULTS } from "./reasons.ts";
import type { CraftState } from "./state.ts";

const BUS_V_ZERO = RUNTIME_FAULTS.indexOf("BUS_V_ZERO");
const BATTERY_CHARGE_LIMIT = RUNTIME_FAULTS.indexOf("BATTERY_CHARGE_LIMIT");
const BATTERY_DISCHARGE_LIMIT = RUNTIME_FAULTS.indexOf("BATTERY_DISCHARGE_LIMIT");
const BATTERY_CAPACITY_ZERO = RUNTIME_FAULTS.indexOf("BATTERY_CAPACITY_ZERO");
const BATTERY_EMPTY = RUNTIME_FAULTS.indexOf("BATTERY_EMPTY");
const EMPTY_TOLERANCE_W = 1e-6;

/** S6: dock, then supercapacitor, then battery carry the difference between sources and loads; the rest is spilled or unserved. */
export function storage(state: CraftState, config: CraftConfig, dtS: number): void {
  const { values } = state;
  const { powerPlane } = config.profile;
  const out = config.outputsAt;
  const loadW = values[at.LOAD_W]!;
  const limitW = values[at.LIMIT_W]!;
  const busV = values[at.BUS_V]!;
  const baseInW = values[config.bodyAt + at.BASE_IN_W]!;
  const dockW = dock(values, config, dtS);
  const beforeSupercapW = baseInW + dockW - loadW;
  const headroomW = powerPlane.maxBusA > 0 ? Math.max(0, limitW - loadW) : Infinity;
  const beforeBatteryW = supercap(values, config, dtS, beforeSupercapW, headroomW);
  battery(values, config, dtS, beforeBatteryW);
  const powerOutW = loadW + values[out + at.SUPERCAP_CHARGE_W]!;
  values[out + at.SOURCE_BASE_W] = baseInW;
  values[out + at.SOURCE_DOCK_W] = dockW;
  values[at.POWER_IN_W] = baseInW + dockW + values[out + at.SUPERCAP_DISCHARGE_W]!;
  values[at.POWER_OUT_W] = powerOutW;
  const isAtLimit = powerPlane.maxBusA > 0 && Math.abs(powerOutW - limitW) <= EPSILON_W;
  // At the limit the quotient of two rounded numbers could come out above the rated current.
  values[at.BUS_A] = busV === 0 ? 0 : isAtLimit ? powerPlane.maxBusA : powerOutW / busV;
  values[at.SUPPLY_FRACTION] = loadW > 0 ? Math.max(0, 1 - values[out + at.UNSERVED_W]! / loadW) : 1;
  values[out + at.FAULT_FLAGS + BUS_V_ZERO] = busV === 0 ? 1 : 0;
}

/** Battery content that can be used: the nominal capacity less what a fault took, J. */
export function usableCapacityJ(values: Float64Array, config: CraftConfig): number {
  const slot = config.capacityLossAt;
  return values[slot] === 1 ? config.batteryCapacityJ * (1 - values[slot + at.FAULT_VALUE]!) : config.batteryCapacityJ;
}

/** Power through the bridge, W: what the station offers, rising over the soft start. */
function dock(values: Float64Array, config: CraftConfig, dtS: number): number {
  if (values[at.DOCK_CONNECTED] === 0) {
    values[at.DOCK_TICKS] = 0;
    values[at.SOFT_START_PCT] = 0;
    values[at.DOCK_A] = 0;
    return 0;
  }
  const { dockSoftStartS, dockStationBusV } = config.profile.powerPlane;
  const ticks = values[at.DOCK_TICKS]! + 1;
  const isUp = ticks > 1 && values[at.SOFT_START_PCT] === 100 && dtS === config.dtS;
  const softPct = isUp ? 100 : Math.min(100, (100 * ticks * dtS) / Math.max(0.001, dockSoftStartS));
  const dockW = (config.dockAvailableW * softPct) / 100;
  values[at.DOCK_TICKS] = ticks;
  values[at.SOFT_START_PCT] = softPct;
  values[at.DOCK_A] = dockStationBusV > 0 ? dockW / dockStationBusV : 0;
  return dockW;
}

/** Charges or discharges the supercapacitor; returns the net power that is left for the battery. */
function supercap(values: Float64Array, config: CraftConfig, dtS: number, netW: number, headroomW: number): number {
  const { supercapMaxChargeW, supercapMaxDischargeW } = config.profile.powerPlane;
  const capacityJ = config.supercapCapacityJ;
  const energyJ = values[at.SUPERCAP_J]!;
  let chargeW = 0;
  let dischargeW = 0;
  if (capacityJ > 0 && netW > 0) chargeW = Math.min(netW, (capacityJ - energyJ) / dtS, supercapMaxChargeW, headroomW);
  else if (capacityJ > 0 && netW < 0) dischargeW = Math.min(-netW, energyJ / dtS, supercapMaxDischargeW);
  values[config.outputsAt + at.SUPERCAP_CHARGE_W] = chargeW;
  values[config.outputsAt + at.SUPERCAP_DISCHARGE_W] = dischargeW;
  values[at.SUPERCAP_J] = snappedEnergyJ(energyJ + (chargeW - dischargeW) * dtS, capacityJ);
  return netW - chargeW + dischargeW;
}

function battery(values: Float64Array, config: CraftConfig, dtS: number, netW: number): void {
  const { batteryMaxChargeW, batteryMaxDischargeW } = config.profile.powerPlane;
  const faults = config.outputsAt + at.FAULT_FLAGS;
  const capacityJ = usableCapacityJ(values, config);
  const energyJ = values[at.BATTERY_J]!;
  const chargeLimitW = batteryMaxChargeW > 0 ? batteryMaxChargeW : Infinity;
  const dischargeLimitW = batteryMaxDischargeW > 0 ? batteryMaxDischargeW : Infinity;
  const roomW = (capacityJ - energyJ) / dtS;
  const contentW = energyJ / dtS;
  let chargeW = 0;
  let dischargeW = 0;
  let spillW = 0;
  let unservedW = 0;
  if (netW > 0) {
    chargeW = Math.min(netW, chargeLimitW, roomW);
    spillW = netW - chargeW;
  } else if (netW < 0) {
    dischargeW = Math.min(-netW, dischargeLimitW, contentW);
    unservedW = -netW - dischargeW;
  }
  values[config.outputsAt + at.BATTERY_CHARGE_W] = chargeW;
  values[config.outputsAt + at.BATTERY_DISCHARGE_W] = dischargeW;
  values[config.outputsAt + at.SPILL_W] = spillW;
  values[config.outputsAt + at.UNSERVED_W] = unservedW;
  values[at.BATTERY_AVAILABLE_W] = Math.min(contentW, MAX_PUBLISHED_W);
  values[at.BATTERY_J] = snappedEnergyJ(energyJ + (chargeW - dischargeW) * dtS, capacityJ);
  values[faults + BATTERY_CHARGE_LIMIT] = netW - chargeLimitW > EPSILON_W && roomW - chargeLimitW > EPSILON_W ? 1 : 0;
  values[faults + BATTERY_DISCHARGE_LIMIT] = -netW - dischargeLimitW > EPSILON_W ? 1 : 0;
  values[faults + BATTERY_CAPACITY_ZERO] = config.batteryCapacityJ === 0 ? 1 : 0;
  values[faults + BATTERY_EMPTY] = Math.min(-netW, dischargeLimitW) - contentW > EMPTY_TOLERANCE_W ? 1 : 0;
}

/** Content at a very short tick makes a power beyond any load; it is only a limit, and stays a finite number. */
const MAX_PUBLISHED_W = 1e12;
