import type { Actor } from "#alarms/incident/incident-state.ts";
import type { IncidentAction } from "#alarms/incident/operator-actions.ts";
import type { IncidentRule } from "#alarms/incident/rule.ts";
import {
  type CommandLimits,
  type CommandRefusal,
  type CommandValues,
  type ControlCommand,
  checkParameters,
  specOf,
} from "#contracts/command.ts";

/** A command of the incidents with its parameters checked, as the action that it asks for; or why it cannot be one. */
export function checkIncidentCommand(command: ControlCommand, rules: readonly IncidentRule[], by: Actor): IncidentAction | CommandRefusal {
  const spec = specOf(command.name);
  if ("code" in spec) return spec;
  const checked = checkParameters(spec, command.parameters, incidentLimits(rules));
  if (checked.kind === "refused") return checked.refusal;
  return (
    incidentAction(spec.name, checked.values, by) ?? {
      code: "unknown_command",
      message: `${command.name} is not a command of the incidents`,
    }
  );
}

/** What the rules in force allow of commands. */
export function incidentLimits(rules: readonly IncidentRule[]): CommandLimits {
  return { max_speed: 0, max_speed_mps: 0, shelve_max_s: Math.max(...rules.map((rule) => rule.shelveMaxS), 0), ports: [] };
}

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
