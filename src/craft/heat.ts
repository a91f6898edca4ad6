/** One source of heat: a share of a load or flow, in W per W, or of the square of a current, in W per A². */
export interface HeatTerm {
  readonly node: string;
  /** A number, or the profile key that gives it. */
  readonly share: number | string;
  /** Telemetry paths whose sum it is a share of; of currents the square. */
  readonly of: readonly string[];
}

/**
 * What heats the thermal nodes (simulation §5, S8), for documents. The step has the shares as constants of its own, where the
 * engine folds them; a test measures each of them against this table.
 */
export const HEAT_TERMS: readonly HeatTerm[] = [
  { node: "core", share: 0.8, of: ["power.loads_w.mcqpu"] },
  { node: "core", share: 0.7, of: ["power.loads_w.nbl"] },
  { node: "pdu", share: 0.02, of: ["power.power_out_w"] },
  { node: "pdu", share: 0.4, of: ["power.bus_a"] },
  { node: "supercap", share: 0.03, of: ["power.supercap_charge_w", "power.supercap_discharge_w"] },
  { node: "battery", share: 0.01, of: ["power.battery_charge_w", "power.battery_discharge_w"] },
  { node: "dock_bridge", share: 0.25, of: ["power.dock_a"] },
  { node: "hull", share: "propulsion_plane.heat_fraction_to_hull", of: ["power.loads_w.rcs"] },
];
