import { z } from "zod";

/** Bodies of the event subjects that this build publishes (operations §5.1). Readers ignore keys they do not know. */
const common = {
  schema_version: z.literal(1),
  category: z.string(),
  source: z.string(),
  subject: z.string(),
  ts_epoch: z.number(),
  unit: z.string().optional(),
  tick: z.int().nonnegative().optional(),
  sim_time_s: z.number().nonnegative().optional(),
};

export const thermalReadingSchema = z.looseObject({ ...common, temp: z.number() });

export const thermalTripSchema = z.looseObject({
  ...common,
  kind: z.enum(["thermal_trip", "thermal_clear"]),
  tripped: z.union([z.literal(0), z.literal(1)]),
  temp: z.number(),
  trip_c: z.number(),
  hys_c: z.number(),
  reason: z.string().optional(),
});

export const powerBusSchema = z.looseObject({
  ...common,
  current: z.number(),
  bus_v: z.number(),
  demand_a: z.number(),
  max_bus_a: z.number().optional(),
});

export const powerPduSchema = z.looseObject({
  ...common,
  overcurrent: z.union([z.literal(0), z.literal(1)]),
  pdu_limit_w: z.number(),
  power_out_w: z.number(),
  bus_a: z.number(),
  bus_v: z.number(),
  shed_loads: z.array(z.string()),
  throttled_loads: z.array(z.string()),
  edge: z.boolean().optional(),
});

/** Whether the radar looks (operations §5.1): 1 when a band looked within the last second or frame period, whichever is longer. */
export const radarSensorSchema = z.looseObject({
  ...common,
  value: z.union([z.literal(0), z.literal(1)]),
  reason: z.enum(["ok", "unpowered", "dropout"]),
  /** Plots of the last scan. */
  detections: z.int().nonnegative(),
});

export const systemModeSchema = z.looseObject({
  event_schema_version: z.literal(1),
  source: z.string(),
  subject: z.string(),
  timestamp: z.iso.datetime(),
  ts_epoch: z.number(),
  mode: z.enum(["FACTORY", "MISSION"]),
});

export const recordStorageSchema = z.looseObject({ ...common, used_pct: z.number().min(0).max(100) });
