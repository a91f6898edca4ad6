import { z } from "zod";
import { EVENTS_PREFIX, RECORDING_PREFIX, SUBJECTS } from "./subjects.ts";

/** One line of a recording is at most so long, with its line end. */
export const LINE_MAX_BYTES = 4 * 1_048_576;

/** What a line holds, told by its subject. */
export const LINE_TYPES = ["telemetry", "radar_frame", "radar_track", "event", "control_ack", "command", "meta", "unknown"] as const;
export type LineType = (typeof LINE_TYPES)[number];

const TYPE_OF_SUBJECT: ReadonlyMap<string, LineType> = new Map([
  [SUBJECTS.telemetry, "telemetry"],
  [SUBJECTS.radarFrames, "radar_frame"],
  [SUBJECTS.radarFramesLr, "radar_frame"],
  [SUBJECTS.radarFramesSr, "radar_frame"],
  [SUBJECTS.radarTracks, "radar_track"],
  [SUBJECTS.responses, "control_ack"],
  [SUBJECTS.commands, "command"],
]);

/** The type of a line by its subject (operations §7.1). */
export function lineTypeOf(subject: string): LineType {
  const exact = TYPE_OF_SUBJECT.get(subject);
  if (exact !== undefined) return exact;
  if (subject.startsWith(EVENTS_PREFIX)) return "event";
  return subject.startsWith(RECORDING_PREFIX) ? "meta" : "unknown";
}

const hash = z.string().regex(/^[0-9a-f]{32}$/);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const count = z.int().nonnegative();

/** One line of a recording file (operations §7.1). */
export const recordingLineSchema = z.looseObject({
  schema_version: z.literal(1),
  type: z.enum(LINE_TYPES),
  /** Event time, seconds since 1970. */
  ts_epoch: z.number(),
  /** Wall time of taking it in, seconds since 1970. */
  ts_ingest_epoch: z.number(),
  subject: z.string(),
  data: z.json(),
  /** 1, 2, 3, … through all segments. */
  seq: z.int().positive().optional(),
  tick: count.optional(),
  stream_seq: z.int().positive().optional(),
  headers: z.record(z.string(), z.string()).optional(),
});

/** The first row: all that a proof needs to build the machines anew. */
export const recordingMetaSchema = z.looseObject({
  recording_id: z.string(),
  segment: z.int().positive(),
  parent: z.object({ recording_id: z.string(), tick: count, state_hash: hash }).optional(),
  run_id: z.string(),
  boot_id: z.string(),
  product_version: z.string(),
  node: z.string(),
  arch: z.string(),
  contracts_hash: z.string(),
  hash_algo: z.string(),
  rooms: z.array(z.string()),
  epoch: z.iso.datetime({ offset: true }),
  tick_ms: z.int().positive(),
  seed: count,
  scenario: z.object({ name: z.string(), sha256, text: z.string() }),
  profile: z.record(z.string(), z.unknown()),
  thrusters: z.array(z.unknown()),
  rules: z.record(z.string(), z.unknown()),
  guard_rules: z.record(z.string(), z.unknown()),
  config: z.record(z.string(), z.unknown()),
  /** Own transponder id, where the run did not make it. */
  transponder_id: z.string().optional(),
  subjects: z.array(z.string()),
  start: z.object({ tick: count, state_hash: hash }),
});
export type RecordingMeta = z.infer<typeof recordingMetaSchema>;

/** What the sim knows of a recording's meta: last value `meta.sim`. */
export const simMetaSchema = recordingMetaSchema.pick({
  run_id: true,
  boot_id: true,
  epoch: true,
  tick_ms: true,
  seed: true,
  scenario: true,
  profile: true,
  thrusters: true,
  config: true,
  transponder_id: true,
  start: true,
});
export type SimMeta = z.infer<typeof simMetaSchema>;

/** What the alarms know of it, the incident rules in force: last value `meta.alarms`. */
export const alarmsMetaSchema = z.looseObject({ hash: z.string(), text: z.string(), incidents_max: z.int().positive().optional() });
export type AlarmsMeta = z.infer<typeof alarmsMetaSchema>;

/** What the tracker knows of it, the guard rules in force: last value `meta.tracker`. */
export const trackerMetaSchema = z.looseObject({ hash: z.string(), text: z.string(), cooldown_s: z.number(), published: z.boolean() });
export type TrackerMeta = z.infer<typeof trackerMetaSchema>;

/** Digests of one room, `hashes[i]` at tick or stream sequence `at[i]`. */
export const hashesRowSchema = z
  .looseObject({ room: z.string(), at: z.array(count), hashes: z.array(hash) })
  .refine(({ at, hashes }) => at.length === hashes.length, { error: "as many hashes as places" });

/** One part of a machine's snapshot: zstd, base64. */
export const keyframeRowSchema = z
  .looseObject({
    role: z.enum(["sim", "tracker", "alarms"]),
    tick: count,
    after_seq: count.optional(),
    hashes: z.record(z.string(), hash),
    part: z.int().positive(),
    parts: z.int().positive(),
    state: z.base64(),
  })
  .refine(({ part, parts }) => part <= parts, { error: "a part within its parts" });

/** Number of rows before this one in the file, and the SHA-256 of their bytes. */
export const checkRowSchema = z.looseObject({ rows: count, sha256 });
export type CheckRow = z.infer<typeof checkRowSchema>;

/** A rules file that is in force from here on. */
export const rulesRowSchema = z.looseObject({ kind: z.enum(["incident", "guard"]), hash: z.string(), text: z.string() });

/** Messages of a subject that never reached the recorder. */
export const gapRowSchema = z.looseObject({ subject: z.string(), missed: z.int().positive() });
export type GapRow = z.infer<typeof gapRowSchema>;

/** The last row of a file that was closed in order; `next_segment`: the recording goes on in that one. */
export const endRowSchema = checkRowSchema.extend({
  counts: z.partialRecord(z.enum(LINE_TYPES), count),
  dropped: count,
  next_segment: z.int().positive().optional(),
});
export type EndRow = z.infer<typeof endRowSchema>;

/** What a recording says of itself, without reading it through. */
export interface RecordingSummary {
  readonly file: string;
  readonly recording_id: string;
  readonly segment: number;
  readonly run_id: string;
  readonly scenario: string;
  readonly start_tick: number;
  readonly bytes: number;
  /** Rows, once it has been closed; null while it is written, or if it was cut off. */
  readonly rows: number | null;
}
