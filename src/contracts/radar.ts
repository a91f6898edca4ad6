import { z } from "zod";
import { FRIEND_FOE, OBJECT_TYPES, RANGE_BANDS, TRACK_STATUSES, TRANSPONDER_MODES, timeUsOf } from "./radar-words.ts";

export { FRIEND_FOE, formatEventTime, OBJECT_TYPES, RANGE_BANDS, TRACK_STATUSES, TRANSPONDER_MODES, timeUsOf } from "./radar-words.ts";

/** Radar messages as they cross processes (radar §2). Closed objects: an unknown key is refused, on input and on output. */

/** Sensor id of every frame of ours: uuid5 of `qiki:q_sim_service:radar:main` in the namespace of URLs. */
export const RADAR_SENSOR_ID = "e46bc6f6-b33d-5ee4-a4ee-ae47bf13509c";

/** Most detections in one frame. */
export const DETECTIONS_MAX = 20_000;

const LR = RANGE_BANDS.indexOf("RR_LR");
const enumNumber = (words: readonly string[]): z.ZodInt =>
  z
    .int()
    .min(0)
    .max(words.length - 1);

/** RFC 3339 with Z: no fraction when it is zero, else six digits. */
const eventTime = z.string().refine((text) => timeUsOf(text) !== undefined, "expected a time such as 2026-01-01T00:00:01Z");

const identity = {
  transponder_on: z.boolean(),
  transponder_mode: enumNumber(TRANSPONDER_MODES),
  transponder_id: z.string().nullable(),
};

const polar = {
  range_m: z.number().min(0),
  bearing_deg: z.number().min(0).lt(360),
  elev_deg: z.number().min(-90).max(90),
  vr_mps: z.number(),
  snr_db: z.number().min(0),
  rcs_dbsm: z.number(),
};

export const radarDetectionSchema = z
  .strictObject({
    ...polar,
    transponder_on: identity.transponder_on.default(false),
    transponder_mode: identity.transponder_mode.default(0),
    transponder_id: identity.transponder_id.default(null),
    range_band: enumNumber(RANGE_BANDS).default(0),
    id_present: z.boolean().nullable().default(null),
  })
  .superRefine(refuseIdentityOnLr);

export const radarFrameSchema = z.strictObject({
  schema_version: z.literal(1),
  frame_id: z.uuid(),
  sensor_id: z.uuid(),
  timestamp: eventTime,
  ts_event: eventTime.nullish(),
  ts_ingest: eventTime.nullish(),
  detections: z.array(radarDetectionSchema).max(DETECTIONS_MAX),
});

const vector = z.strictObject({ x: z.number(), y: z.number(), z: z.number() });
/** xx, xy, xz, yy, yz, zz. */
const covariance = z.array(z.number()).length(6);

export const radarTrackSchema = z
  .strictObject({
    schema_version: z.literal(1),
    track_id: z.uuid(),
    object_type: enumNumber(OBJECT_TYPES),
    iff: enumNumber(FRIEND_FOE),
    ...identity,
    quality: z.number().min(0).max(1),
    status: enumNumber(TRACK_STATUSES).default(1),
    ...polar,
    position: vector.nullable(),
    velocity: vector.nullable(),
    position_covariance: covariance.nullable(),
    velocity_covariance: covariance.nullable(),
    age_s: z.number().min(0),
    miss_count: z.int().min(0),
    timestamp: eventTime,
    ts_event: eventTime.nullish(),
    ts_ingest: eventTime.nullish(),
    range_band: enumNumber(RANGE_BANDS),
    id_present: z.boolean().nullable(),
  })
  .superRefine((track, context) => {
    refuseIdentityOnLr(track, context);
    if (track.range_band === LR && track.transponder_mode !== 0)
      context.addIssue({ code: "custom", path: ["transponder_mode"], message: "an LR track carries no transponder mode: expected 0" });
  });

export type RadarDetectionWire = z.output<typeof radarDetectionSchema>;
export type RadarFrameWire = z.output<typeof radarFrameSchema>;
export type RadarTrackWire = z.output<typeof radarTrackSchema>;

export type RadarResult<T> =
  | { readonly kind: "ok"; readonly value: T }
  | { readonly kind: "refused"; readonly problems: readonly string[] };

/** Checks a frame; its `ts_event` becomes its `timestamp`, whatever the sender put there. */
export function parseRadarFrame(raw: unknown): RadarResult<RadarFrameWire> {
  const result = resultOf(radarFrameSchema.safeParse(raw));
  return result.kind === "ok" ? { kind: "ok", value: { ...result.value, ts_event: result.value.timestamp } } : result;
}

/** Spellings of track keys that older senders use. */
const TRACK_ALIASES: Readonly<Record<string, string>> = {
  iff_class: "iff",
  iffClass: "iff",
  positionCovariance: "position_covariance",
  error_covariance: "position_covariance",
  errorCovariance: "position_covariance",
  velocityCovariance: "velocity_covariance",
};

/** Checks a track, older spellings of its keys included. */
export function parseRadarTrack(raw: unknown): RadarResult<RadarTrackWire> {
  if (typeof raw !== "object" || raw === null) return resultOf(radarTrackSchema.safeParse(raw));
  const named = Object.fromEntries(Object.entries(raw).map(([key, value]) => [TRACK_ALIASES[key] ?? key, value as unknown]));
  const result = resultOf(radarTrackSchema.safeParse(named));
  return result.kind === "ok" ? { kind: "ok", value: { ...result.value, ts_event: result.value.timestamp } } : result;
}

const eventCommon = {
  schema_version: z.literal(1),
  category: z.literal("radar"),
  ts_epoch: z.number(),
};

const guardCommon = {
  ...eventCommon,
  source: z.literal("guard"),
  subject: z.string(),
  rule_id: z.string(),
  id: z.uuid(),
  track_id: z.uuid(),
  track_ref: z.string(),
  fsm_event: z.string(),
  severity: z.enum(["info", "warning", "critical"]),
  message: z.string(),
  ts_ingest_epoch: z.number().optional(),
  occurrence: z.int().min(1),
};

/** A guard rule's alert or clear (radar §2.5). A clear has no `range_m`, so that no threshold takes it for an alert. */
export const guardEventSchema = z.discriminatedUnion("kind", [
  z.looseObject({
    ...guardCommon,
    kind: z.literal("guard_alert"),
    range_m: z.number().min(0),
    quality: z.number().min(0).max(1),
    iff: enumNumber(FRIEND_FOE),
    transponder_on: z.boolean(),
    transponder_mode: enumNumber(TRANSPONDER_MODES),
  }),
  z.looseObject({
    ...guardCommon,
    kind: z.literal("guard_clear"),
    last_range_m: z.number().min(0),
    last_quality: z.number().min(0).max(1),
    clear_reason: z.enum(["exit", "track_lost", "rule_removed", "reset"]),
    active_s: z.number().min(0),
  }),
]);

export const TRACKER_COUNTERS = [
  "frames",
  "late",
  "duplicate",
  "same_time",
  "foreign_sensor",
  "invalid",
  "births_refused",
  "cluster_overflow",
  "merged",
  "absorbed",
  "restarts",
] as const;

const count = z.int().min(0);

const trackerShare = {
  tracks: z.strictObject({ new: count, tracked: count, coasting: count }),
  counters: z.looseObject(
    Object.fromEntries(TRACKER_COUNTERS.map((name) => [name, count])) as Record<(typeof TRACKER_COUNTERS)[number], typeof count>,
  ),
  last_frame_ts: eventTime.nullable(),
};

/** What the tracker holds and refused (radar §2.6); where several sensors are tracked, the totals, and each sensor's share beside them. */
export const trackerStatusSchema = z.looseObject({
  ...eventCommon,
  source: z.literal("tracker"),
  subject: z.literal("tracker"),
  kind: z.literal("tracker_status"),
  ...trackerShare,
  sensors: z.array(z.looseObject({ sensor_id: z.uuid(), ...trackerShare })).optional(),
});

function refuseIdentityOnLr(
  plot: { range_band: number; transponder_id: string | null; id_present: boolean | null },
  context: z.RefinementCtx,
): void {
  if (plot.range_band !== LR) return;
  if (plot.transponder_id !== null && plot.transponder_id !== "")
    context.addIssue({ code: "custom", path: ["transponder_id"], message: "long range reads no identity: expected null" });
  if (plot.id_present === true)
    context.addIssue({ code: "custom", path: ["id_present"], message: "long range reads no identity: expected false or null" });
}

function resultOf<T>(parsed: z.ZodSafeParseResult<T>): RadarResult<T> {
  if (parsed.success) return { kind: "ok", value: parsed.data };
  return { kind: "refused", problems: parsed.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`) };
}
