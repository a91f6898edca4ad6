import { type Engine, markShown } from "./engine-state.ts";
import { alarmLetterOf, type IncidentState, letterOf } from "./incident-state.ts";
import { compareText } from "./kpi.ts";
import { recordTransition } from "./recording.ts";

/** Rules that keep an incident silent now: theirs is in alarm, in service, and of the scope they name. Sorted. */
export function suppressorsOf(engine: Engine, incident: IncidentState): string[] {
  const found = new Set<string>();
  for (const other of engine.incidents.values()) {
    // An alarm taken out of service is not trusted, so it hides nothing.
    if (other.cond !== "ALARM" || other.outOfService !== undefined) continue;
    const rule = engine.rules.byId.get(other.ruleId)?.rule;
    if (rule === undefined || !rule.enabled || !rule.suppresses.includes(incident.ruleId)) continue;
    if (rule.scope === "any" || other.subjectId === incident.subjectId) found.add(rule.id);
  }
  return [...found].sort(compareText);
}

/** Applies what opening, closing or servicing one incident means for those that its rule keeps silent. */
export function spreadSuppression(engine: Engine, suppressor: IncidentState, atMs: number): void {
  const rule = engine.rules.byId.get(suppressor.ruleId)?.rule;
  if (rule === undefined || rule.suppresses.length === 0) return;
  refreshSuppression(engine, atMs, (incident) => rule.suppresses.includes(incident.ruleId));
}

/** Brings the suppression of incidents that have opened before, and that `concerns` picks, up to date, in id order. */
export function refreshSuppression(engine: Engine, atMs: number, concerns: (incident: IncidentState) => boolean): void {
  const targets = [...engine.incidents.values()].filter((incident) => incident.occ > 0 && concerns(incident));
  targets.sort((a, b) => compareText(a.id, b.id));
  for (const target of targets) setSuppression(engine, target, suppressorsOf(engine, target), atMs);
}

/** Rows 15 of the state table. */
export function setSuppression(engine: Engine, incident: IncidentState, suppressors: string[], atMs: number): void {
  if (suppressors.join(" ") === incident.suppressedBy.join(" ")) return;
  const from = letterOf(incident);
  const before = incident.suppressedBy;
  incident.suppressedBy = suppressors;
  markShown(engine, incident.id);
  if (before.length === 0) {
    incident.beforeSuppression = { acked: incident.acked, occ: incident.occ, level: incident.level };
    if (from !== "I")
      recordTransition(engine, incident, "suppress", "suppress", from, atMs, { cause: `suppressed_by ${suppressors.join(" ")}` });
  } else if (suppressors.length === 0) {
    const kept = incident.beforeSuppression;
    incident.beforeSuppression = undefined;
    if (from === "I") return;
    const isUnchanged = kept !== undefined && kept.occ === incident.occ && kept.level === incident.level;
    comeBack(incident, isUnchanged && kept.acked && incident.acked, atMs);
    recordTransition(engine, incident, "unsuppress", "unsuppress", from, atMs, { cause: `suppressor_closed ${before.join(" ")}` });
  }
}

/** Row 14: what was hidden stands unacknowledged again if it is in alarm or latched, else it is closed. */
export function comeBack(incident: IncidentState, keepsAck: boolean, atMs: number): void {
  const letter = alarmLetterOf(incident);
  if (letter === "A") return;
  if (letter === "D") {
    incident.acked = true;
    incident.closedMs = atMs;
    return;
  }
  if (incident.acked && !keepsAck && incident.ack !== undefined) retireAck(incident);
  incident.acked = keepsAck;
}

const ACK_HISTORY_MAX = 10;

/** An acknowledgement that no longer covers what is there becomes history. */
export function retireAck(incident: IncidentState): void {
  if (incident.ack === undefined) return;
  incident.ackHistory = [...incident.ackHistory, incident.ack].slice(-ACK_HISTORY_MAX);
  incident.ack = undefined;
}
