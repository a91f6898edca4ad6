import type { TelemetryPayload } from "#contracts/telemetry.ts";
import type { CraftConfig } from "#craft/config.ts";
import { type Step, Violation, type Watch } from "./step.ts";

const EPSILON_W = 1e-9;
const SHED_ORDER = ["nbl", "radar", "transponder"] as const;

/**
 * Holds every tick's telemetry against the specification of the craft (simulation §1, §5), worked out anew from what is published.
 * @param losesCapacity whether a fault may take stored energy away at once
 */
export function craftWatch(config: CraftConfig, losesCapacity: boolean): Watch {
  const bands = hysteresisWatch(config, losesCapacity);
  const restores = restoreWatch(config);
  return {
    see(step) {
      const { after, before, hasTicked } = step;
      checkBalance(after);
      checkBounds(after);
      if (hasTicked) {
        checkLimit(after);
        checkOrder(after);
        if (!losesCapacity) checkStorage(before, after);
      }
      bands(step);
      restores(step);
    },
  };
}

/** I2. */
function checkBalance({ power, tick }: TelemetryPayload): void {
  const { sources_w: sources, loads_w: loads } = power;
  let sinksW = power.battery_charge_w + power.battery_spill_w;
  for (const load of Object.values(loads)) sinksW += load;
  const sourcesW = sources.base + sources.dock + sources.supercap_discharge + power.battery_discharge_w + power.battery_unserved_w;
  // Of large powers the last bits are more than a nanowatt.
  if (!(Math.abs(sourcesW - sinksW) <= EPSILON_W + 1e-14 * sourcesW))
    throw new Violation("conservation", `sources ${sourcesW} W, sinks ${sinksW} W after tick ${tick}`);
}

function checkStorage(before: TelemetryPayload, after: TelemetryPayload): void {
  const parts = [
    ["battery", "soc_pct", "battery_capacity_wh", after.power.battery_charge_w - after.power.battery_discharge_w],
    ["supercapacitor", "supercap_soc_pct", "supercap_capacity_wh", after.power.supercap_charge_w - after.power.supercap_discharge_w],
  ] as const;
  for (const [name, soc, capacity, flowW] of parts) {
    const capacityJ = after.power[capacity] * 3600;
    const gainedJ = ((after.power[soc] - before.power[soc]) / 100) * capacityJ;
    const expectedJ = flowW * after.dt_s;
    if (!(Math.abs(gainedJ - expectedJ) <= 2e-9 + 1e-14 * capacityJ + 1e-12 * Math.abs(expectedJ)))
      throw new Violation("conservation", `the ${name} gained ${gainedJ} J where ${expectedJ} J flowed`);
  }
}

/** I6; that numbers are finite is part of the contract. */
function checkBounds({ power, propulsion, thermal }: TelemetryPayload): void {
  const inside = (name: string, value: number, low: number, high: number): void => {
    if (!(value >= low && value <= high)) throw new Violation("bounds", `${name} is ${value}, not in ${low}..${high}`);
  };
  inside("power.soc_pct", power.soc_pct, 0, 100);
  inside("power.supercap_soc_pct", power.supercap_soc_pct, 0, 100);
  inside("propulsion.rcs.propellant_kg", propulsion.rcs.propellant_kg, 0, Number.MAX_VALUE);
  for (const { id, temp_c: tempC } of thermal.nodes) inside(`temperature of ${id}`, tempC, -120, 160);
}

/** I3. */
function checkLimit({ power }: TelemetryPayload): void {
  if (power.max_bus_a > 0 && power.bus_a > power.max_bus_a && !power.faults.includes("PDU_OVERCURRENT"))
    throw new Violation("bus_limit", `the bus carries ${power.bus_a} A of at most ${power.max_bus_a} A`);
}

/** I4. */
function checkOrder({ power, power_detail: detail }: TelemetryPayload): void {
  let latched: string | undefined;
  for (const load of SHED_ORDER.toReversed()) {
    if (latched !== undefined && power.loads_w[load] > 0)
      throw new Violation("shed_order", `${load} has ${power.loads_w[load]} W while the PDU has shed ${latched}`);
    if (detail.fit_w[load] !== undefined) {
      latched = load;
      if (power.loads_w[load] > 0) throw new Violation("shed_order", `${load} is shed and has ${power.loads_w[load]} W`);
    }
  }
}

/** I5: a load that the PDU shed and that goes on asking stays off for the delay, in which it must have fitted with the margin. */
function restoreWatch({ restoreDelayTicks, profile }: CraftConfig): (step: Step) => void {
  const { pduRestoreMarginPct } = profile.powerPlane;
  const fitted = { nbl: 0, radar: 0, transponder: 0 };
  return ({ before, after, hasTicked, isNewRun }) => {
    if (isNewRun) Object.assign(fitted, { nbl: 0, radar: 0, transponder: 0 });
    if (!hasTicked) return;
    for (const load of SHED_ORDER) {
      const wasW = before.power_detail.fit_w[load];
      const isW = after.power_detail.fit_w[load];
      if (wasW !== undefined && isW === undefined && after.power_detail.demand_w[load] > 0 && fitted[load] < restoreDelayTicks)
        throw new Violation("no_flap", `the PDU gave ${load} back after it had fitted for ${fitted[load]} of ${restoreDelayTicks} ticks`);
      const fits = isW !== undefined && isW <= after.power.pdu_limit_w * (1 - pduRestoreMarginPct / 100) + EPSILON_W;
      fitted[load] = fits ? fitted[load] + 1 : 0;
    }
  };
}

/** A latch that sets at one threshold and clears at another one; between them it stays. */
function latchOf(sets: boolean, clears: boolean, was: boolean): boolean {
  return sets || (was && !clears);
}

function hysteresisWatch(config: CraftConfig, losesCapacity: boolean): (step: Step) => void {
  const { powerPlane } = config.profile;
  const warned = new Map<string, boolean>();
  const check = (name: string, is: boolean, expected: boolean, why: string): void => {
    if (is !== expected)
      throw new Violation("hysteresis", `${name} is ${is ? "on" : "off"} and must be ${expected ? "on" : "off"}: ${why}`);
  };
  return ({ before, after, hasTicked, isNewRun }) => {
    if (isNewRun) warned.clear();
    if (!hasTicked) return;
    const is = (payload: TelemetryPayload, id: string): boolean => payload.explain.some((reason) => reason.id === id);
    const gate = (id: string, value: number, sets: boolean, clears: boolean): void =>
      check(id, is(after, id), latchOf(sets, clears, is(before, id)), `${value} before the tick`);
    const { soc_pct: soc } = before.power;
    if (!losesCapacity) {
      gate("latch:power:low_soc", soc, soc <= powerPlane.socShedLowPct, soc >= powerPlane.socShedHighPct);
      const { nblSocMinPct: min, nblSocHysteresisPct: band } = powerPlane;
      gate("gate:nbl:nbl_budget", soc, soc < min, soc >= min + band);
    }
    const { temp_core_c: coreC } = before;
    const { nblCoreTempMaxC: max, nblTempHysteresisC: band } = powerPlane;
    gate("gate:nbl:thermal_overheat", coreC, coreC > max, coreC <= max - band);
    after.thermal.nodes.forEach((node, index) => {
      const { id, temp_c: tempC, trip_c: tripC, warn_c: warnC } = node;
      const hysteresisC = node.hys_c > 0 ? node.hys_c : 1;
      const wasTripped = before.thermal.nodes[index]!.tripped;
      const isTripped = tripC > 0 && latchOf(tempC >= tripC, tempC <= tripC - hysteresisC, wasTripped);
      check(`trip of ${id}`, node.tripped, isTripped, `${tempC} C, trips at ${tripC}, clears at ${tripC - hysteresisC}`);
      const isWarned = warnC > 0 && latchOf(tempC >= warnC, tempC <= warnC - hysteresisC, warned.get(id) ?? false);
      warned.set(id, isWarned);
      check(`warning of ${id}`, node.warned, isWarned && !isTripped, `${tempC} C, warns at ${warnC}, clears at ${warnC - hysteresisC}`);
    });
  };
}
