import { valueAt } from "./cell.ts";
import type { Rate } from "./history.ts";
import type { RateOf } from "./reasons.ts";
import type { Read } from "./sampling.ts";

/** Reads from a payload that a test writes down. */
export function readOf(payload: Readonly<Record<string, unknown>>): Read {
  return (path) => valueAt(`payload.${path}`, payload);
}

/** A rate for the paths given, none for others. */
export function ratesOf(perS: Readonly<Record<string, number>>): RateOf {
  return (path): Rate => (perS[path] === undefined ? { kind: "absent" } : { kind: "value", perS: perS[path], overS: 60 });
}

/** An undocked craft whose NBL is shed by the bus limit (simulation §7, example). */
export const SHED = {
  tick: 310,
  dt_s: 0.1,
  ts_unix_ms: 1_767_225_631_000,
  temp_external_c: -60,
  power: {
    soc_pct: 80,
    sources_w: { base: 30, dock: 0, supercap_discharge: 95.164 },
    loads_w: { base: 60, motion: 28, mcqpu: 13.164, radar: 18, transponder: 6, nbl: 0, rcs: 0, supercap_charge: 0 },
    power_out_w: 125.164,
    battery_capacity_wh: 500,
    battery_charge_w: 0,
    battery_discharge_w: 0,
    battery_spill_w: 0,
    battery_unserved_w: 0,
    bus_a: 4.67,
    max_bus_a: 5,
    pdu_limit_w: 134,
    throttled_loads: [],
    supercap_soc_pct: 55.483,
    supercap_charge_w: 0,
    supercap_discharge_w: 95.164,
  },
  power_detail: {
    demand_w: { base: 60, motion: 28, mcqpu: 13.164, radar: 18, transponder: 6, nbl: 20, rcs: 0 },
    sheds: [{ load: "nbl", reason: "pdu_overcurrent", since_tick: 301 }],
    fit_w: { nbl: 145.164 },
  },
  thermal: {
    nodes: [
      { id: "core", temp_c: 92, tripped: true, warned: false, warn_c: 80, trip_c: 90, hys_c: 5 },
      { id: "pdu", temp_c: 21, tripped: false, warned: false, warn_c: 85, trip_c: 95, hys_c: 0 },
      { id: "hull", temp_c: -50, tripped: false, warned: false, warn_c: 0, trip_c: 0, hys_c: 10 },
    ],
  },
  explain: [
    {
      id: "trip:core:thermal_trip",
      kind: "trip",
      node: "core",
      reason: "thermal_trip",
      since_tick: 210,
      value: 92,
      limit: 90,
      unit: "C",
      restores_when: { field: "thermal.nodes[id=core].temp_c", op: "<=", value: 85, unit: "C" },
    },
    {
      id: "shed:nbl:pdu_overcurrent",
      kind: "shed",
      load: "nbl",
      reason: "pdu_overcurrent",
      since_tick: 301,
      value: 145.164,
      limit: 127.3,
      unit: "W",
      restores_when: { field: "power_detail.fit_w.nbl", op: "<=", value: 127.3, unit: "W", hold_s: 5, remaining_s: 5 },
    },
  ],
} as const;
