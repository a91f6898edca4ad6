import type { Engine } from "./engine-state.ts";
import { markShown, SYSTEM } from "./engine-state.ts";
import type { IncidentRecord, IncidentRecordKind } from "./incident-record.ts";
import { type Actor, type IncidentState, isMasked, type Letter, letterOf } from "./incident-state.ts";
import { countAnnunciation } from "./kpi.ts";
import { assertAllowed, isAnnunciation, type Trigger } from "./transitions.ts";

/** What a record says beyond the incident's own state. */
export interface RecordNotes {
  readonly cause: string;
  readonly by?: Actor;
  readonly comment?: string | undefined;
  readonly ackTimeMs?: number | undefined;
  readonly ok?: boolean;
  readonly details?: Readonly<Record<string, unknown>>;
}

const SEVERITY_KINDS: ReadonlySet<IncidentRecordKind> = new Set(["open", "realarm", "escalate"]);

/** Event time of what happens now: never before the clock, so that records of a run are in time order. */
export function stampMs(engine: Engine, atMs: number): number {
  const { clockMs } = engine.state;
  return clockMs === undefined || atMs > clockMs ? atMs : clockMs;
}

/**
 * Closes a transition whose change of state is done: checks the edge against the table, writes the record and counts
 * the call if the operator is called.
 */
export function recordTransition(
  engine: Engine,
  incident: IncidentState,
  trigger: Trigger,
  kind: IncidentRecordKind,
  from: Letter,
  atMs: number,
  notes: RecordNotes,
): void {
  const to = letterOf(incident);
  assertAllowed(trigger, from, to, incident.id);
  if (isAnnunciation(trigger, to)) countAnnunciation(engine.state.kpi, incident, atMs);
  writeRecord(engine, incident, kind, from, to, atMs, notes);
}

/** Writes down a fact that moves the incident nowhere: stale, gone, refused, evicted. */
export function recordFact(engine: Engine, incident: IncidentState, kind: IncidentRecordKind, atMs: number, notes: RecordNotes): void {
  const letter = letterOf(incident);
  writeRecord(engine, incident, kind, letter, letter, atMs, notes);
}

function writeRecord(
  engine: Engine,
  incident: IncidentState,
  kind: IncidentRecordKind,
  from: Letter,
  to: Letter,
  atMs: number,
  notes: RecordNotes,
): void {
  const { state } = engine;
  const by = notes.by ?? SYSTEM;
  const record: IncidentRecord = {
    kind,
    incidentId: incident.id,
    ruleId: incident.ruleId,
    occ: incident.occ,
    from,
    to,
    cause: notes.cause,
    level: incident.level,
    value: incident.value,
    limit: incident.limit,
    // Existing consoles make an incident of any record with a severity, so a hidden one carries none.
    severity: SEVERITY_KINDS.has(kind) && !isMasked(to) ? incident.severity : undefined,
    comment: notes.comment,
    ackTimeMs: notes.ackTimeMs,
    operator: by.operator,
    role: by.role,
    requestId: by.requestId,
    ok: notes.ok ?? true,
    atMs,
    tick: state.tick,
    runId: state.runId,
    rulesHash: engine.rules.hash,
    details: notes.details ?? {},
  };
  engine.records.push(record);
  markShown(engine, incident.id);
}
