import type { TelemetryPayload } from "#contracts/telemetry.ts";
import type { CraftConfig } from "#craft/config.ts";
import * as at from "#craft/layout.ts";
import { vectorAt } from "#craft/state.ts";
import { BURN_AXES } from "#craft/thrusters.ts";

const GRAMS_PER_KG = 1000;
/** A burn that got less of its power than this counts as throttled. */
const THROTTLED_BELOW = 0.999;

/** The `propulsion` object. */
export function propulsionOf(values: Float64Array, config: CraftConfig): TelemetryPayload["propulsion"] {
  const plane = config.profile.propulsionPlane;
  const propellantKg = values[at.PROPELLANT_KG]!;
  const initialKg = plane.enabled ? plane.propellantKgInit : 0;
  const fill = initialKg > 0 ? propellantKg / initialKg : 0;
  const { propellantTankPressureMinPa: minPa, propellantTankPressureNominalPa: nominalPa } = plane;
  const axis = values[at.BURN_AXIS]!;
  return {
    propellant_tank_pressure_pa: minPa + (nominalPa - minPa) * fill,
    oxidizer_mass_kg: propellantKg * plane.oxidizerMassRatio,
    fuel_pct: 100 * fill,
    fuel_total_g: GRAMS_PER_KG * initialKg,
    fuel_rate_gs: values[at.BURN_FLOW_GS]!,
    remaining_fuel_g: GRAMS_PER_KG * propellantKg,
    rcs: {
      enabled: plane.enabled,
      active: axis >= 0,
      throttled: values[at.RCS_THROTTLED] === 1,
      axis: axis >= 0 ? BURN_AXES[axis]! : null,
      command_pct: values[at.BURN_PCT]!,
      time_left_s: values[at.BURN_LEFT_S]!,
      propellant_kg: propellantKg,
      power_w: values[at.GRANTED_W + at.RCS]!,
      net_force_n: vectorAt(values, at.BURN_FORCE_N),
      net_torque_nm: vectorAt(values, at.BURN_TORQUE_NM),
      thrusters: axis >= 0 ? thrustersOf(values, config, axis) : [],
    },
  };
}

/** The `docking` object. */
export function dockingOf(values: Float64Array, config: CraftConfig): TelemetryPayload["docking"] {
  const { enabled, ports } = config.profile.dockingPlane;
  const isDocked = values[at.DOCKED] === 1;
  return {
    enabled,
    state: enabled ? (isDocked ? "docked" : "undocked") : "disabled",
    connected: isDocked,
    port: isDocked ? ports[values[at.PORT]!]! : null,
    ports: [...ports],
  };
}

function thrustersOf(values: Float64Array, config: CraftConfig, axis: number): TelemetryPayload["propulsion"]["rcs"]["thrusters"] {
  const duty = values[at.BURN_EFFECTIVE]!;
  const isThrottled = values[at.BURN_GRANTED]! < THROTTLED_BELOW;
  const members = config.groups[axis]?.members ?? [];
  return members.map((member) => {
    const { index, clusterId, fMaxNewton } = config.profile.thrusters[member]!;
    return {
      index,
      cluster_id: clusterId,
      duty_pct: 100 * duty,
      valve_open: duty > 0,
      f_max_newton: fMaxNewton,
      ...(isThrottled ? ({ status: "throttled", reason: "pdu_overcurrent" } as const) : {}),
    };
  });
}
