import { z } from "zod";

/** What records of the audit chain tell (operations §5.2; `incident_deescalate`: a level fell, the alarm goes on). */
export const AUDIT_KINDS = [
  "incident_open",
  "incident_realarm",
  "incident_escalate",
  "incident_deescalate",
  "incident_ack",
  "incident_rtn",
  "incident_clear",
  "incident_autoclear",
  "incident_shelve",
  "incident_unshelve",
  "incident_suppress",
  "incident_unsuppress",
  "incident_oos",
  "incident_return",
  "incident_stale",
  "incident_gone",
  "incident_refused",
  "incident_evicted",
  "command_result",
  "command_effect",
  "rules_changed",
  "mode_changed",
  "service_start",
  "service_stop",
  "chain_start",
  "chain_head",
  "poison_message",
  "stream_gap",
  "recording_removed",
  "recording_stopped",
  "denied",
  "foreign",
] as const;
export type AuditKind = (typeof AUDIT_KINDS)[number];

export const LETTERS = ["A", "B", "C", "D", "E", "F", "G", "H", "I"] as const;
export const SEVERITIES = ["I", "W", "C", "A"] as const;
const hashSchema = z.string().regex(/^[0-9a-f]{64}$/);

/** Members of an audit record before it enters the chain. Event time is null where no event time is known. */
const draftShape = {
  schema_version: z.literal(1),
  category: z.literal("audit"),
  source: z.literal("alarms"),
  subject: z.enum(["incident", "command", "rules", "service", "foreign"]),
  kind: z.enum(AUDIT_KINDS),
  action_type: z.enum(AUDIT_KINDS),
  /** Event time, s. */
  ts_epoch: z.number().nullable(),
  timestamp: z.iso.datetime().nullable(),
  tick: z.int().nonnegative().nullable(),
  run_id: z.string().nullable(),
  operator: z.string(),
  role: z.string(),
  request_id: z.string().optional(),
  ok: z.boolean(),
  body: z.record(z.string(), z.unknown()),
};

const incidentShape = {
  incident_id: z.string(),
  incident_key: z.string(),
  rule_id: z.string(),
  occ: z.int().nonnegative(),
  from: z.enum(LETTERS),
  to: z.enum(LETTERS),
  cause: z.string(),
  level: z.int().nonnegative(),
  value: z.number().nullable(),
  limit: z.number().nullable(),
  comment: z.string().optional(),
  ack_time_ms: z.number().optional(),
  rules_hash: z.string(),
  /** Only where the operator is called: existing consoles make an incident of any record that has it. */
  severity: z.enum(SEVERITIES).optional(),
};

const chainShape = {
  chain_id: z.string(),
  seq: z.int().nonnegative(),
  prev_hash: hashSchema,
  hash: hashSchema,
  /** Wall time of chaining; outside of every proof. */
  wall: z.iso.datetime(),
};

/** A record on its way into the chain: `chain_id`, `seq`, `prev_hash`, `hash` and `wall` are put in by the store. */
export const auditDraftSchema = z.object({ ...draftShape, ...z.object(incidentShape).partial().shape });
export type AuditDraft = z.infer<typeof auditDraftSchema>;

/** A draft about an incident: all of the incident's members are there. */
export const incidentDraftSchema = z.object({ ...draftShape, ...incidentShape });
export type IncidentAuditDraft = z.infer<typeof incidentDraftSchema>;

/** A record of the chain, as stored, published on `…operator.incidents` or `…audit`, and exported. */
export const auditRecordSchema = z.object({ ...draftShape, ...z.object(incidentShape).partial().shape, ...chainShape });
export type AuditRecord = z.infer<typeof auditRecordSchema>;

/** What stands on `qiki.events.v1.audit`: chain records of ours and facts of other services on their way into the chain. */
export const auditEventSchema = z.looseObject({
  schema_version: z.literal(1),
  category: z.literal("audit"),
  source: z.string(),
  subject: z.string(),
  kind: z.string(),
  ts_epoch: z.number().nullable().optional(),
});
