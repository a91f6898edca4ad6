import { randomUUID } from "node:crypto";
import { formatUtcMs } from "#base/rfc3339.ts";
import type { RunId, Tick } from "#base/units.ts";
import { AUDIT_KINDS, type AuditDraft, type AuditKind } from "#contracts/audit.ts";
import { CLOUD_EVENTS, type Message } from "#contracts/message.ts";
import { SUBJECTS } from "#contracts/subjects.ts";

export interface AuditFact {
  /** Who says it; absent: the alarms role. */
  readonly source?: "tracker";
  readonly kind: "command_result" | "command_effect";
  /** Event time, integer ms. */
  readonly timeMs: number;
  readonly tick: Tick;
  readonly runId: RunId;
  readonly operator: string;
  readonly role: string;
  readonly requestId: string | null;
  readonly commandName: string;
  readonly ok: boolean;
  readonly body: Readonly<Record<string, unknown>>;
}

/** What a role other than the sim says of a command, on its way to the audit writer: a fact like those of other owners, not yet chained. */
export function auditMessage(fact: AuditFact): Message {
  const { source = "alarms", kind, timeMs, tick, runId, operator, role, requestId, commandName, ok, body } = fact;
  return {
    ...CLOUD_EVENTS.audit,
    subject: SUBJECTS.audit,
    msgId: `audit-${randomUUID()}`,
    timeMs,
    tick,
    runId,
    payload: {
      ...auditHead(source, "command", kind, { timeMs, tick, runId }),
      operator,
      role,
      ...(requestId === null ? {} : { request_id: requestId }),
      command_name: commandName,
      ok,
      ...body,
    },
  };
}

/** The members that every record on the audit subject begins with. */
function auditHead(
  source: string,
  subject: string,
  kind: string,
  { timeMs, tick, runId }: Pick<Message, "timeMs" | "tick" | "runId">,
): Readonly<Record<string, unknown>> {
  return {
    schema_version: 1,
    category: "audit",
    source,
    subject,
    kind,
    action_type: kind,
    ts_epoch: timeMs / 1000,
    timestamp: formatUtcMs(timeMs),
    tick,
    run_id: runId,
  };
}

/** What the recorder says of itself on the audit subject. */
export function recorderAudit(
  kind: "recording_removed" | "recording_stopped",
  moment: Pick<Message, "timeMs" | "tick" | "runId">,
  body: Readonly<Record<string, unknown>>,
): Message {
  return {
    ...CLOUD_EVENTS.recorderAudit,
    subject: SUBJECTS.audit,
    msgId: `audit-${randomUUID()}`,
    ...moment,
    payload: {
      ...auditHead("recorder", "recording", kind, moment),
      operator: "recorder",
      role: "service",
      ok: kind === "recording_removed",
      ...body,
    },
  };
}

/** The last instant of the year 9999, s. */
const TIME_MAX_S = 253_402_300_799;
/** Kinds that only the alarms role itself may claim: in another's record they stay in the body. */
const OWN_KIND = /^(incident|chain)_/;
const FOREIGN_KINDS: ReadonlySet<string> = new Set(AUDIT_KINDS.filter((kind) => !OWN_KIND.test(kind)));

/**
 * The chain's record of what stands on the audit subject, with the original as `body`; undefined for our own chain records,
 * which are in it already. `payload` is parsed JSON of anybody's: nothing of it is trusted to have a form.
 */
export function chainedDraft(payload: unknown): AuditDraft | undefined {
  const original = isRecord(payload) ? payload : { value: payload };
  if (original.source === "alarms" && original.chain_id !== undefined) return undefined;
  const kind = kindOf(original);
  const timeMs = eventTimeMs(original.ts_epoch);
  const requestId = textOf(original.request_id);
  return {
    schema_version: 1,
    category: "audit",
    source: "alarms",
    subject: subjectOf(kind),
    kind,
    action_type: kind,
    ts_epoch: timeMs === undefined ? null : timeMs / 1000,
    timestamp: timeMs === undefined ? null : formatUtcMs(timeMs),
    tick: typeof original.tick === "number" && Number.isSafeInteger(original.tick) && original.tick >= 0 ? original.tick : null,
    run_id: textOf(original.run_id) ?? null,
    operator: textOf(original.operator) ?? textOf(original.source) ?? "unknown",
    role: textOf(original.role) ?? "unknown",
    ...(requestId === undefined ? {} : { request_id: requestId }),
    ok: original.ok !== false,
    body: withFiniteNumbers(original) as Record<string, unknown>,
  };
}

function kindOf({ kind }: Readonly<Record<string, unknown>>): AuditKind {
  return typeof kind === "string" && FOREIGN_KINDS.has(kind) ? (kind as AuditKind) : "foreign";
}

function subjectOf(kind: AuditKind): AuditDraft["subject"] {
  if (kind === "foreign") return "foreign";
  if (kind === "rules_changed") return "rules";
  return kind.startsWith("command_") ? "command" : "service";
}

function eventTimeMs(seconds: unknown): number | undefined {
  return typeof seconds === "number" && seconds >= 0 && seconds <= TIME_MAX_S ? Math.round(seconds * 1000) : undefined;
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** JSON text may hold numbers beyond the largest (1e999); canonical JSON has no form for them, so they are kept as texts. */
function withFiniteNumbers(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (_key, member: unknown) => (member === Infinity || member === -Infinity ? String(member) : member)),
  );
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
