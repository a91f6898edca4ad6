import { formatUtcMs } from "#base/rfc3339.ts";
import type { RunId, Tick } from "#base/units.ts";
import { AUDIT_KINDS, type AuditDraft, type AuditKind } from "#contracts/audit.ts";
import { CLOUD_EVENTS, type Message } from "#contracts/message.ts";
import { SUBJECTS } from "#contracts/subjects.ts";
import type { Arrival } from "./command-door.ts";

export interface CommandReport {
  readonly kind: "command_result" | "command_effect";
  readonly arrival: Arrival & { readonly kind: "command" };
  /** Tells reports of one command apart from those of the next at the same tick. */
  readonly ordinal: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly timeMs: number;
  readonly tick: Tick;
  readonly runId: RunId;
}

/** How an alarms command ended, for the audit trail; the writer chains it like every service's report. */
export function auditMessage(report: CommandReport): Message {
  const { arrival, kind, timeMs, tick, runId } = report;
  const { command, actor } = arrival;
  return {
    subject: SUBJECTS.audit,
    ...CLOUD_EVENTS.audit,
    msgId: `audit-alarms-${runId}-${report.ordinal}-${kind}`,
    timeMs,
    tick,
    runId,
    payload: {
      schema_version: 1,
      category: "audit",
      source: "alarms",
      subject: "command",
      kind,
      action_type: kind,
      ts_epoch: timeMs / 1000,
      timestamp: formatUtcMs(timeMs),
      tick,
      run_id: runId,
      operator: actor.operator,
      role: actor.role,
      ...(command.requestId === null ? {} : { request_id: command.requestId }),
      command_name: command.name,
      ...report.body,
    },
  };
}

/** A report of a service as a draft for the chain, with the original as its body; undefined for records that come from the chain. */
export function chainedDraft(payload: unknown): AuditDraft | undefined {
  if (typeof payload !== "object" || payload === null) return undefined;
  const event = payload as Readonly<Record<string, unknown>>;
  if (event.chain_id !== undefined) return undefined;
  const kind: AuditKind = AUDIT_KINDS.find((known) => known === event.kind) ?? "foreign";
  const subject =
    (["incident", "command", "rules", "service"] as const).find((known) => known === event.subject && kind !== "foreign") ?? "foreign";
  return {
    schema_version: 1,
    category: "audit",
    source: "alarms",
    subject,
    kind,
    action_type: kind,
    ts_epoch: typeof event.ts_epoch === "number" ? event.ts_epoch : null,
    timestamp: typeof event.ts_epoch === "number" ? formatUtcMs(Math.round(event.ts_epoch * 1000)) : null,
    tick: typeof event.tick === "number" ? event.tick : null,
    run_id: typeof event.run_id === "string" ? event.run_id : null,
    operator: typeof event.operator === "string" ? event.operator : "unknown",
    role: typeof event.role === "string" ? event.role : "unknown",
    ...(typeof event.request_id === "string" ? { request_id: event.request_id } : {}),
    ok: event.ok !== false,
    body: { ...event },
  };
}
