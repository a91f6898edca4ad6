import type { IncidentWire } from "#contracts/incident.ts";
import { incidentModel } from "./replay.ts";

export type Incident = IncidentWire;

const SEVERITY_ORDER = "ACWI";

/** Incidents as an operator wants them: what calls first, then by severity, newest first. */
export function sortedIncidents(from = incidentModel()): Incident[] {
  const all = [...from.records("incidents").value.values()] as Incident[];
  return all.sort(
    (a, b) =>
      Number(isUnacked(b)) - Number(isUnacked(a)) ||
      Number(isAlarm(b)) - Number(isAlarm(a)) ||
      SEVERITY_ORDER.indexOf(a.severity) - SEVERITY_ORDER.indexOf(b.severity) ||
      (b.opened_ms ?? 0) - (a.opened_ms ?? 0),
  );
}

/** Its subject as people call it; the id stands in the list's details. */
export function subjectOf({ subject_ref: ref, subject_id: id }: Incident): string {
  return ref ?? id;
}

/** Calls for the operator: letters B, D and E. */
export function isUnacked(incident: Incident): boolean {
  return incident.letter === "B" || incident.letter === "D" || incident.letter === "E";
}

export function isAlarm(incident: Incident): boolean {
  return incident.letter === "B" || incident.letter === "C";
}

/** Seconds of event time since it opened, undefined where either time is missing. */
export function openForS(incident: Incident, from = incidentModel()): number | undefined {
  const now = from.value("ts_unix_ms");
  return typeof now === "number" && incident.opened_ms !== null ? (now - incident.opened_ms) / 1000 : undefined;
}
