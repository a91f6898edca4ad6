import type { Actor } from "#alarms/incident/incident-state.ts";
import type { IncidentAction } from "#alarms/incident/operator-actions.ts";
import type { CommandValues } from "#contracts/command.ts";

/** What an incident command of the catalogue does; undefined for other commands. `values` are checked. */
export function incidentAction(name: string, values: CommandValues, by: Actor): IncidentAction | undefined {
  const incidentId = String(values.incident_id);
  const comment = values.comment === undefined ? {} : { comment: String(values.comment) };
  switch (name) {
    case "incident.ack":
      return { kind: "ack", incidentId, by, occ: Number(values.occ), ...comment };
    case "incident.clear":
      return { kind: "clear", incidentId, by, occ: Number(values.occ), comment: String(values.comment) };
    case "incident.shelve":
      return { kind: "shelve", incidentId, by, durationS: Number(values.duration_s), reason: String(values.reason) };
    case "incident.unshelve":
      return { kind: "unshelve", incidentId, by };
    case "incident.out_of_service":
      return { kind: "out_of_service", incidentId, by, reason: String(values.reason) };
    case "incident.return":
      return { kind: "return", incidentId, by, reason: String(values.reason) };
    default:
      return undefined;
  }
}
