import { formatUtcMs } from "#base/rfc3339.ts";
import type { IncidentRecord } from "#alarms/incident/incident-record.ts";
import type { Acknowledgement } from "#alarms/incident/incident-state.ts";
import type { IncidentView } from "#alarms/incident/incident-view.ts";
import type { Incidents } from "#alarms/incident/incidents.ts";
import type { AuditDraft, IncidentAuditDraft } from "#contracts/audit.ts";
import type { IncidentKpiWire, IncidentWire } from "#contracts/incident.ts";

/** One transition as its audit record says it, before chain and wall time (operations §5.2). */
export function incidentDraft(record: IncidentRecord): IncidentAuditDraft {
  const kind = `incident_${record.kind}` as const;
  return {
    schema_version: 1,
    category: "audit",
    source: "alarms",
    subject: "incident",
    kind,
    action_type: kind,
    ts_epoch: record.atMs / 1000,
    timestamp: formatUtcMs(record.atMs),
    tick: record.tick ?? null,
    run_id: record.runId ?? null,
    operator: record.operator,
    role: record.role,
    ...(record.requestId === undefined ? {} : { request_id: record.requestId }),
    ok: record.ok,
    body: { ...record.details },
    incident_id: record.incidentId,
    incident_key: record.incidentId,
    rule_id: record.ruleId,
    occ: record.occ,
    from: record.from,
    to: record.to,
    cause: record.cause,
    level: record.level,
    value: record.value ?? null,
    limit: record.limit ?? null,
    ...(record.comment === undefined ? {} : { comment: record.comment }),
    ...(record.ackTimeMs === undefined ? {} : { ack_time_ms: record.ackTimeMs }),
    rules_hash: record.rulesHash,
    ...(record.severity === undefined ? {} : { severity: record.severity }),
  };
}

/** That other rules came into force, at the clock of the incidents. */
export function rulesChangedDraft(
  clock: ReturnType<Incidents["clock"]>,
  by: { readonly operator: string; readonly role: string; readonly requestId?: string | undefined },
  oldHash: string,
  newHash: string,
): AuditDraft {
  return {
    schema_version: 1,
    category: "audit",
    source: "alarms",
    subject: "rules",
    kind: "rules_changed",
    action_type: "rules_changed",
    ts_epoch: clock.ms === undefined ? null : clock.ms / 1000,
    timestamp: clock.ms === undefined ? null : formatUtcMs(clock.ms),
    tick: clock.tick ?? null,
    run_id: clock.runId ?? null,
    operator: by.operator,
    role: by.role,
    ...(by.requestId === undefined ? {} : { request_id: by.requestId }),
    ok: true,
    body: { old_hash: oldHash, new_hash: newHash },
  };
}

/** One incident as consoles get it. */
export function incidentWire(view: IncidentView): IncidentWire {
  const title = view.rule?.text.title ?? { en: view.rule?.title ?? view.ruleId, ru: view.rule?.title ?? view.ruleId };
  return {
    schema_version: 1,
    incident_id: view.id,
    rule_id: view.ruleId,
    subject_id: view.subjectId,
    ...(view.subjectRef === view.subjectId ? {} : { subject_ref: view.subjectRef }),
    state: view.isClosed ? "cleared" : "active",
    letter: view.letter,
    acked: view.acked,
    latched: view.latched,
    condition: view.cond,
    severity: view.severity,
    level: view.level,
    value: view.value ?? null,
    limit: view.limit ?? null,
    peak_value: view.peak ?? null,
    unit: view.unit ?? null,
    count: view.count,
    occ: view.occ,
    opened_ms: view.openedMs ?? null,
    opened_tick: view.openedTick ?? null,
    run_id: view.openedRunId ?? null,
    last_seen_ms: view.lastSeenMs ?? null,
    last_seen_tick: view.lastSeenTick ?? null,
    closed_ms: view.closedMs ?? null,
    quality: view.quality,
    quality_cause: view.qualityCause ?? null,
    ack: view.ack === undefined ? null : acknowledgementWire(view.ack),
    ack_history: view.ackHistory.map(acknowledgementWire),
    shelved: view.shelf !== undefined,
    shelf: view.shelf === undefined ? null : { until_ms: view.shelf.untilMs, reason: view.shelf.reason, by: view.shelf.by },
    shelve_max_s: view.rule?.shelveMaxS ?? null,
    out_of_service: view.outOfService !== undefined,
    service:
      view.outOfService === undefined
        ? null
        : { reason: view.outOfService.reason, by: view.outOfService.by, since_ms: view.outOfService.sinceMs },
    suppressed_by: [...view.suppressedBy],
    rule_disabled: view.isRuleDisabled,
    rule: {
      title,
      description: view.rule?.description ?? null,
      consequence: view.rule?.text.consequence ?? null,
      action: view.rule?.text.action ?? null,
      group: view.rule?.group ?? null,
    },
  };
}

export function kpiWire(incidents: Incidents): IncidentKpiWire {
  const kpi = incidents.kpi();
  const { ms, runId } = incidents.clock();
  // In one order of keys, also after a snapshot, which sorts them.
  const { I, W, C, A } = kpi.priorityMix;
  return {
    schema_version: 1,
    t_ms: ms ?? null,
    run_id: runId ?? null,
    alarms_10m: kpi.alarms10m,
    flood: kpi.flood,
    chattering: [...kpi.chattering],
    standing_24h: [...kpi.standing],
    top10_share: kpi.top10Share ?? null,
    top10: kpi.top10.map(({ incidentId, calls }) => ({ incident_id: incidentId, calls })),
    ack_time_p50_s: kpi.ackTimeP50S ?? null,
    ack_time_p95_s: kpi.ackTimeP95S ?? null,
    priority_mix: { I, W, C, A },
    shelved: kpi.shelved,
  };
}

function acknowledgementWire(ack: Acknowledgement): NonNullable<IncidentWire["ack"]> {
  return { operator: ack.operator, comment: ack.comment ?? null, t_ms: ack.atMs, tick: ack.tick ?? null, occ: ack.occ, level: ack.level };
}
