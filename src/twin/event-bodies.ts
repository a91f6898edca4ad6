import type { TelemetryPayload } from "#contracts/telemetry.ts";
import type { RadarReading } from "./sim-radar.ts";

/** Bodies of the sim's events (operations §5.1), taken from the telemetry of the same tick so that both say the same. */

interface EventTime {
  readonly timeMs: number;
  readonly tick: number;
  readonly simTimeS: number;
}

/** Core temperature reading. */
export function thermalReading(telemetry: TelemetryPayload, time: EventTime): Record<string, unknown> {
  return { ...common("sensor", "thermal", "core", time), temp: telemetry.temp_core_c, unit: "C" };
}

/** One node's thermal trip, or its end. */
export function thermalTrip(
  node: TelemetryPayload["thermal"]["nodes"][number],
  tripped: boolean,
  time: EventTime,
  reason?: "reset",
): Record<string, unknown> {
  return {
    ...common("sensor", "thermal", node.id, time),
    kind: tripped ? "thermal_trip" : "thermal_clear",
    tripped: tripped ? 1 : 0,
    temp: node.temp_c,
    trip_c: node.trip_c,
    hys_c: node.hys_c,
    unit: "C",
    ...(reason === undefined ? {} : { reason }),
  };
}

/** Bus current, and the current that all demands together would draw, denied loads included, storage charging not. */
export function busReading(telemetry: TelemetryPayload, time: EventTime): Record<string, unknown> {
  const { power } = telemetry;
  let demandW = 0;
  for (const watts of Object.values(telemetry.power_detail.demand_w)) demandW += watts;
  return {
    ...common("power", "bus", "main", time),
    current: power.bus_a,
    bus_v: power.bus_v,
    demand_a: power.bus_v === 0 ? 0 : demandW / power.bus_v,
    ...(power.max_bus_a > 0 ? { max_bus_a: power.max_bus_a } : {}),
    unit: "A",
  };
}

/** Power distribution unit: whether the bus is over its limit with nothing left to cut. */
export function pduReading(telemetry: TelemetryPayload, time: EventTime, edge: boolean): Record<string, unknown> {
  const { power } = telemetry;
  return {
    ...common("power", "pdu", "main", time),
    overcurrent: isOvercurrent(telemetry) ? 1 : 0,
    pdu_limit_w: power.pdu_limit_w,
    power_out_w: power.power_out_w,
    bus_a: power.bus_a,
    bus_v: power.bus_v,
    shed_loads: power.shed_loads,
    throttled_loads: power.throttled_loads,
    unit: "A",
    ...(edge ? { edge: true } : {}),
  };
}

/** Whether the radar looks, and what the last scan saw. */
export function radarSensorReading(reading: RadarReading, time: EventTime): Record<string, unknown> {
  return { ...common("radar", "sensor", "ppi", time), ...reading };
}

export function isOvercurrent(telemetry: TelemetryPayload): boolean {
  return telemetry.power.faults.includes("PDU_OVERCURRENT");
}

function common(category: string, source: string, subject: string, time: EventTime): Record<string, unknown> {
  return { schema_version: 1, category, source, subject, ts_epoch: time.timeMs / 1000, tick: time.tick, sim_time_s: time.simTimeS };
}
