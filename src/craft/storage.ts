import { EPSILON_W } from "./allocation.ts";
import type { CraftConfig } from "./config.ts";
import { snappedEnergyJ } from "./energy.ts";
import * as at from "./layout.ts";
import { RUNTIME_FAULTS } from "./reasons.ts";
import type { Crafts } from "./state.ts";

// The engine folds constants of this module, not imported ones.
const {
  BASE_IN_W,
  BATTERY_AVAILABLE_W,
  BATTERY_CHARGE_W,
  BATTERY_DISCHARGE_W,
  BATTERY_J,
  BUS_A,
  BUS_V,
  DOCK_A,
  DOCK_CONNECTED,
  DOCK_TICKS,
  FAULTS_IN_FORCE,
  FAULT_FLAGS,
  FAULT_VALUE,
  LIMIT_W,
  LOAD_W,
  NEXT,
  POWER_IN_W,
  POWER_OUT_W,
  SOFT_START_PCT,
  SOURCE_BASE_W,
  SOURCE_DOCK_W,
  SPILL_W,
  SUPERCAP_CHARGE_W,
  SUPERCAP_DISCHARGE_W,
  SUPERCAP_J,
  SUPPLY_FRACTION,
  UNSERVED_W,
} = at;

const VOLTAGE_ZERO = FAULT_FLAGS + RUNTIME_FAULTS.indexOf("BUS_V_ZERO") * NEXT;
const CHARGE_LIMIT = FAULT_FLAGS + RUNTIME_FAULTS.indexOf("BATTERY_CHARGE_LIMIT") * NEXT;
const DISCHARGE_LIMIT = FAULT_FLAGS + RUNTIME_FAULTS.indexOf("BATTERY_DISCHARGE_LIMIT") * NEXT;
const CAPACITY_ZERO = FAULT_FLAGS + RUNTIME_FAULTS.indexOf("BATTERY_CAPACITY_ZERO") * NEXT;
const EMPTY = FAULT_FLAGS + RUNTIME_FAULTS.indexOf("BATTERY_EMPTY") * NEXT;
const EMPTY_TOLERANCE_W = 1e-6;

/** S6: dock, then supercapacitor, then battery carry the difference between sources and loads; the rest is spilled or unserved. */
export function storage(crafts: Crafts, config: CraftConfig, dtS: number): void {
  dock(crafts, config, dtS);
  supercap(crafts, config, dtS);
  battery(crafts, config, dtS);
  bus(crafts, config);
}

/** Battery content that can be used: the nominal capacity less what a fault took, J. */
export function usableCapacityJ(values: Float64Array, lane: number, config: CraftConfig): number {
  const slot = config.capacityLossAt + lane;
  if (values[FAULTS_IN_FORCE + lane] === 0 || values[slot] === 0) return config.batteryCapacityJ;
  return config.batteryCapacityJ * (1 - values[FAULT_VALUE + slot]!);
}

/** Power through the bridge: what the station offers, rising over the soft start. */
function dock({ values, lanes }: Crafts, config: CraftConfig, dtS: number): void {
  const { dockSoftStartS, dockStationBusV } = config.profile.powerPlane;
  const softStartS = Math.max(0.001, dockSoftStartS);
  for (let lane = 0; lane < lanes; lane += 1) {
    values[SOURCE_BASE_W + lane] = values[BASE_IN_W + lane]!;
    if (values[DOCK_CONNECTED + lane] === 0) {
      values[DOCK_TICKS + lane] = 0;
      values[SOFT_START_PCT + lane] = 0;
      values[SOURCE_DOCK_W + lane] = 0;
      values[DOCK_A + lane] = 0;
      continue;
    }
    const ticks = values[DOCK_TICKS + lane]! + 1;
    values[DOCK_TICKS + lane] = ticks;
    // At 100 % power and current stay what they are, for as long as the step is the configured one.
    if (ticks > 1 && values[SOFT_START_PCT + lane] === 100 && dtS === config.dtS) continue;
    const softPct = Math.min(100, (100 * ticks * dtS) / softStartS);
    const dockW = (config.dockAvailableW * softPct) / 100;
    values[SOFT_START_PCT + lane] = softPct;
    values[SOURCE_DOCK_W + lane] = dockW;
    values[DOCK_A + lane] = dockStationBusV > 0 ? dockW / dockStationBusV : 0;
  }
}

/** What sources give more than loads take, before any storage, W. */
function surplusW(values: Float64Array, lane: number): number {
  return values[SOURCE_BASE_W + lane]! + values[SOURCE_DOCK_W + lane]! - values[LOAD_W + lane]!;
}

/** Charges with what the bus can still carry, or discharges. */
function supercap({ values, lanes }: Crafts, config: CraftConfig, dtS: number): void {
  const { maxBusA, supercapMaxChargeW, supercapMaxDischargeW } = config.profile.powerPlane;
  const capacityJ = config.supercapCapacityJ;
  for (let lane = 0; lane < lanes; lane += 1) {
    const netW = surplusW(values, lane);
    const energyJ = values[SUPERCAP_J + lane]!;
    let chargeW = 0;
    let dischargeW = 0;
    if (capacityJ > 0 && netW > 0) {
      const headroomW = maxBusA > 0 ? Math.max(0, values[LIMIT_W + lane]! - values[LOAD_W + lane]!) : Infinity;
      chargeW = Math.min(netW, (capacityJ - energyJ) / dtS, supercapMaxChargeW, headroomW);
    } else if (capacityJ > 0 && netW < 0) dischargeW = Math.min(-netW, energyJ / dtS, supercapMaxDischargeW);
    values[SUPERCAP_CHARGE_W + lane] = chargeW;
    values[SUPERCAP_DISCHARGE_W + lane] = dischargeW;
    values[SUPERCAP_J + lane] = snappedEnergyJ(energyJ + (chargeW - dischargeW) * dtS, capacityJ);
  }
}

/** Takes or gives what the supercapacitor left, within its limits. */
function battery(crafts: Crafts, config: CraftConfig, dtS: number): void {
  const { values, lanes } = crafts;
  const { batteryMaxChargeW, batteryMaxDischargeW } = config.profile.powerPlane;
  const chargeLimitW = batteryMaxChargeW > 0 ? batteryMaxChargeW : Infinity;
  const dischargeLimitW = batteryMaxDischargeW > 0 ? batteryMaxDischargeW : Infinity;
  for (let lane = 0; lane < lanes; lane += 1) {
    const netW = surplusW(values, lane) - values[SUPERCAP_CHARGE_W + lane]! + values[SUPERCAP_DISCHARGE_W + lane]!;
    const capacityJ = usableCapacityJ(values, lane, config);
    const energyJ = values[BATTERY_J + lane]!;
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
    values[BATTERY_CHARGE_W + lane] = chargeW;
    values[BATTERY_DISCHARGE_W + lane] = dischargeW;
    values[SPILL_W + lane] = spillW;
    values[UNSERVED_W + lane] = unservedW;
    values[BATTERY_AVAILABLE_W + lane] = Math.min(contentW, MAX_PUBLISHED_W);
    values[BATTERY_J + lane] = snappedEnergyJ(energyJ + (chargeW - dischargeW) * dtS, capacityJ);
    values[CHARGE_LIMIT + lane] = netW - chargeLimitW > EPSILON_W && roomW - chargeLimitW > EPSILON_W ? 1 : 0;
    values[DISCHARGE_LIMIT + lane] = -netW - dischargeLimitW > EPSILON_W ? 1 : 0;
    values[EMPTY + lane] = Math.min(-netW, dischargeLimitW) - contentW > EMPTY_TOLERANCE_W ? 1 : 0;
  }
}

/** Content at a very short tick makes a power beyond any load; it is only a limit, and stays a finite number. */
const MAX_PUBLISHED_W = 1e12;

/** What flows over the bus, and how much of the loads is served. */
function bus({ values, lanes }: Crafts, config: CraftConfig): void {
  const { maxBusA } = config.profile.powerPlane;
  const capacityZero = config.batteryCapacityJ === 0 ? 1 : 0;
  for (let lane = 0; lane < lanes; lane += 1) {
    const loadW = values[LOAD_W + lane]!;
    const busV = values[BUS_V + lane]!;
    const powerOutW = loadW + values[SUPERCAP_CHARGE_W + lane]!;
    const unservedW = values[UNSERVED_W + lane]!;
    const isAtLimit = maxBusA > 0 && Math.abs(powerOutW - values[LIMIT_W + lane]!) <= EPSILON_W;
    values[POWER_IN_W + lane] = values[SOURCE_BASE_W + lane]! + values[SOURCE_DOCK_W + lane]! + values[SUPERCAP_DISCHARGE_W + lane]!;
    values[POWER_OUT_W + lane] = powerOutW;
    // At the limit the quotient of two rounded numbers could come out above the rated current.
    values[BUS_A + lane] = busV === 0 ? 0 : isAtLimit ? maxBusA : powerOutW / busV;
    values[SUPPLY_FRACTION + lane] = unservedW > 0 && loadW > 0 ? Math.max(0, 1 - unservedW / loadW) : 1;
    values[VOLTAGE_ZERO + lane] = busV === 0 ? 1 : 0;
    values[CAPACITY_ZERO + lane] = capacityZero;
  }
}
