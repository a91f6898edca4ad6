import { z } from "zod";
import { LETTERS, SEVERITIES } from "./audit.ts";

const textSchema = z.object({ en: z.string(), ru: z.string() });
const msSchema = z.int();
const tickSchema = z.int().nonnegative().nullable();

const acknowledgementSchema = z.object({
  operator: z.string(),
  comment: z.string().nullable(),
  /** Event time, ms. */
  t_ms: msSchema,
  tick: tickSchema,
  occ: z.int().positive(),
  level: z.int().nonnegative(),
});

/** One incident as consoles show it: KV `incidents.<id>` and `GET /api/incidents`. Times are event time, ms since 1970. */
export const incidentSchema = z.object({
  schema_version: z.literal(1),
  incident_id: z.string(),
  rule_id: z.string(),
  subject_id: z.string(),
  /** What people call the subject where its id is none to read: the handle of a radar track (radar §2.8). */
  subject_ref: z.string().optional(),
  /** `cleared` once nothing is left to do; a hidden one is active while its alarm is. */
  state: z.enum(["active", "cleared"]),
  letter: z.enum(LETTERS),
  acked: z.boolean(),
  latched: z.boolean(),
  condition: z.enum(["NORMAL", "ALARM"]),
  severity: z.enum(SEVERITIES),
  level: z.int().nonnegative(),
  value: z.number().nullable(),
  limit: z.number().nullable(),
  peak_value: z.number().nullable(),
  unit: z.string().nullable(),
  /** True samples of this occurrence. */
  count: z.int().nonnegative(),
  occ: z.int().positive(),
  opened_ms: msSchema.nullable(),
  opened_tick: tickSchema,
  /** Run of this occurrence's beginning: its times count in that run. */
  run_id: z.string().nullable(),
  last_seen_ms: msSchema.nullable(),
  last_seen_tick: tickSchema,
  closed_ms: msSchema.nullable(),
  quality: z.enum(["GOOD", "STALE", "GONE"]),
  quality_cause: z.string().nullable(),
  ack: acknowledgementSchema.nullable(),
  ack_history: z.array(acknowledgementSchema),
  shelved: z.boolean(),
  shelf: z.object({ until_ms: msSchema, reason: z.string(), by: z.string() }).nullable(),
  shelve_max_s: z.number().nullable(),
  out_of_service: z.boolean(),
  service: z.object({ reason: z.string(), by: z.string(), since_ms: msSchema }).nullable(),
  suppressed_by: z.array(z.string()),
  rule_disabled: z.boolean(),
  rule: z.object({
    title: textSchema,
    description: z.string().nullable(),
    consequence: textSchema.nullable(),
    action: textSchema.nullable(),
    group: z.string().nullable(),
  }),
});
export type IncidentWire = z.infer<typeof incidentSchema>;

/** KV `kpi` and `GET /api/kpi` (operations §6.7): event time of the current run. */
export const incidentKpiSchema = z.object({
  schema_version: z.literal(1),
  /** Event time these figures hold for, ms. */
  t_ms: msSchema.nullable(),
  run_id: z.string().nullable(),
  /** Calls for attention in (t - 600 s, t]. */
  alarms_10m: z.int().nonnegative(),
  flood: z.boolean(),
  chattering: z.array(z.string()),
  standing_24h: z.array(z.string()),
  /** Share of the run's calls made by the ten busiest incidents, 0..1. */
  top10_share: z.number().min(0).max(1).nullable(),
  top10: z.array(z.object({ incident_id: z.string(), calls: z.int().positive() })),
  ack_time_p50_s: z.number().nullable(),
  ack_time_p95_s: z.number().nullable(),
  priority_mix: z.object({ I: z.int(), W: z.int(), C: z.int(), A: z.int() }),
  shelved: z.int().nonnegative(),
});
export type IncidentKpiWire = z.infer<typeof incidentKpiSchema>;
