import { assertNever } from "#base/assert.ts";
import type { Engine } from "./engine-state.ts";
import { type Actor, alarmLetterOf, type IncidentState, letterOf } from "./incident-state.ts";
import { countAckTime } from "./kpi.ts";
import { returnToNormal } from "./lifecycle.ts";
import { recordFact, recordTransition } from "./recording.ts";
import { comeBack, retireAck, spreadSuppression } from "./suppression.ts";

/** What a person does to one incident; who may is checked before (operations §4.7). */
export type IncidentAction = { readonly incidentId: string; readonly by: Actor } & (
  | { readonly kind: "ack" /** Absent: whatever occurrence there is. */; readonly occ?: number; readonly comment?: string }
  | { readonly kind: "clear"; readonly occ: number; readonly comment: string }
  | { readonly kind: "shelve"; readonly durationS: number; readonly reason: string }
  | { readonly kind: "unshelve" }
  | { readonly kind: "out_of_service" | "return"; readonly reason: string }
);

export type ActionResult =
  | { readonly ok: true /** It was so before; nothing was written down. */; readonly already: boolean }
  | {
      readonly ok: false;
      readonly code: "invalid_parameter" | "not_allowed_in_state";
      readonly reason: string;
      readonly message: string;
      readonly field?: string;
      readonly given?: unknown;
      readonly expected?: string;
      readonly unit?: string;
      readonly hint?: string;
      readonly currentOcc?: number;
    };

const DONE: ActionResult = { ok: true, already: false };
const ALREADY: ActionResult = { ok: true, already: true };
const SHELVE_MIN_S = 60;
const SHELVE_MAX_DEFAULT_S = 28_800;

/** Applies an action, or says why not (operations §6.4, rows 2, 5, 7, 8, 11-14, 16-18). Nothing is half applied. */
export function act(engine: Engine, action: IncidentAction): ActionResult {
  const incident = engine.incidents.get(action.incidentId);
  if (incident === undefined || incident.occ === 0) {
    return invalid("incident_id", action.incidentId, "the id of a known incident", "unknown_incident");
  }
  switch (action.kind) {
    case "ack":
      return acknowledge(engine, incident, action);
    case "clear":
      return clear(engine, incident, action);
    case "shelve":
      return shelve(engine, incident, action);
    case "unshelve":
      return unshelve(engine, incident, action);
    case "out_of_service":
      return takeOutOfService(engine, incident, action);
    case "return":
      return returnToService(engine, incident, action);
    default:
      return assertNever(action, "incident action");
  }
}

type Action<Kind extends IncidentAction["kind"]> = Extract<IncidentAction, { kind: Kind }>;

function acknowledge(engine: Engine, incident: IncidentState, action: Action<"ack">): ActionResult {
  const from = letterOf(incident);
  if (action.occ !== undefined && action.occ !== incident.occ) return refuseOccurrence(engine, incident, action.by, action.occ);
  if (from === "A" || from === "C" || from === "F") return ALREADY;
  if (from === "G" || from === "H" || from === "I") return refuseHidden(engine, incident, action.by);
  const atMs = now(engine);
  const ackTimeMs = incident.annunciatedMs === undefined ? undefined : atMs - incident.annunciatedMs;
  retireAck(incident);
  incident.ack = {
    operator: action.by.operator,
    comment: action.comment,
    atMs,
    tick: engine.state.tick,
    occ: incident.occ,
    level: incident.level,
  };
  incident.acked = true;
  if (ackTimeMs !== undefined) countAckTime(engine.state.kpi, ackTimeMs);
  if (alarmLetterOf(incident) === "A") incident.closedMs = atMs;
  recordTransition(engine, incident, "ack", "ack", from, atMs, { cause: "operator", by: action.by, comment: action.comment, ackTimeMs });
  return DONE;
}

function clear(engine: Engine, incident: IncidentState, action: Action<"clear">): ActionResult {
  if (action.comment.trim() === "") return invalid("comment", action.comment, "a text that is not blank", "comment_required");
  if (action.occ !== incident.occ) return refuseOccurrence(engine, incident, action.by, action.occ);
  const letter = letterOf(incident);
  switch (letter) {
    case "A":
      return refuse(engine, incident, action.by, "nothing_to_clear", "it is closed already");
    case "D":
      return refuse(engine, incident, action.by, "needs_ack", "its condition has ended; acknowledge it, that closes it", "ack");
    case "G":
    case "H":
    case "I":
      return refuseHidden(engine, incident, action.by);
    case "B":
    case "C":
      if (!isBeyondObservation(engine, incident)) {
        return refuse(engine, incident, action.by, "condition_active", "its condition is still true; shelve it to silence it", "shelve");
      }
      returnToNormal(engine, incident, now(engine), "operator");
      if (incident.latched) releaseLatch(engine, incident, action);
      return DONE;
    case "E":
    case "F":
      releaseLatch(engine, incident, action);
      return DONE;
    default:
      return assertNever(letter, "letter");
  }
}

/** Whether no event can ever say that the condition ended, so that a person may. */
export function isBeyondObservation(engine: Engine, incident: IncidentState): boolean {
  const compiled = engine.rules.byId.get(incident.ruleId);
  if (compiled === undefined || !compiled.rule.enabled || incident.quality === "GONE") return true;
  // A restarted craft sends no end of a trip that only its former run had.
  return compiled.cadence === "edge" && incident.quality === "STALE";
}

function releaseLatch(engine: Engine, incident: IncidentState, action: Action<"clear">): void {
  const from = letterOf(incident);
  incident.latched = false;
  if (incident.acked) incident.closedMs = now(engine);
  recordTransition(engine, incident, "clear", "clear", from, now(engine), { cause: "operator", by: action.by, comment: action.comment });
}

function shelve(engine: Engine, incident: IncidentState, action: Action<"shelve">): ActionResult {
  if (action.reason.trim() === "") return invalid("reason", action.reason, "a text that is not blank", "reason_required");
  const maxS = engine.rules.byId.get(incident.ruleId)?.rule.shelveMaxS ?? SHELVE_MAX_DEFAULT_S;
  if (!(action.durationS >= SHELVE_MIN_S && action.durationS <= maxS)) {
    return { ...invalid("duration_s", action.durationS, `a number in ${SHELVE_MIN_S}..${maxS}`, "out_of_range"), unit: "s" };
  }
  const from = letterOf(incident);
  if (from === "G" || from === "H" || from === "I") return refuseHidden(engine, incident, action.by);
  const untilMs = now(engine) + Math.round(action.durationS * 1000);
  incident.shelf = { untilMs, reason: action.reason, by: action.by.operator };
  const details = { reason: action.reason, until_ms: untilMs, duration_s: action.durationS };
  recordTransition(engine, incident, "shelve", "shelve", from, now(engine), { cause: "operator", by: action.by, details });
  return DONE;
}

function unshelve(engine: Engine, incident: IncidentState, action: Action<"unshelve">): ActionResult {
  const from = letterOf(incident);
  if (from === "H" || from === "I") return refuseHidden(engine, incident, action.by);
  if (from !== "G") return refuse(engine, incident, action.by, "not_shelved", "it is not shelved");
  incident.shelf = undefined;
  comeBack(incident, false, now(engine));
  recordTransition(engine, incident, "unshelve", "unshelve", from, now(engine), { cause: "operator", by: action.by });
  return DONE;
}

function takeOutOfService(engine: Engine, incident: IncidentState, action: Action<"out_of_service" | "return">): ActionResult {
  if (action.reason.trim() === "") return invalid("reason", action.reason, "a text that is not blank", "reason_required");
  const from = letterOf(incident);
  if (from === "I") return refuse(engine, incident, action.by, "out_of_service", "it is out of service already");
  const atMs = now(engine);
  incident.outOfService = { reason: action.reason, by: action.by.operator, sinceMs: atMs };
  const details = { reason: action.reason };
  recordTransition(engine, incident, "out_of_service", "oos", from, atMs, { cause: "operator", by: action.by, details });
  spreadSuppression(engine, incident, atMs);
  return DONE;
}

function returnToService(engine: Engine, incident: IncidentState, action: Action<"out_of_service" | "return">): ActionResult {
  if (action.reason.trim() === "") return invalid("reason", action.reason, "a text that is not blank", "reason_required");
  const from = letterOf(incident);
  if (from !== "I") return refuse(engine, incident, action.by, "not_out_of_service", "it is in service");
  const atMs = now(engine);
  incident.outOfService = undefined;
  comeBack(incident, false, atMs);
  const details = { reason: action.reason };
  recordTransition(engine, incident, "return", "return", from, atMs, { cause: "operator", by: action.by, details });
  spreadSuppression(engine, incident, atMs);
  return DONE;
}

/** Actions happen at the clock: an incident exists, so events came before. */
function now(engine: Engine): number {
  return engine.state.clockMs ?? 0;
}

function refuseOccurrence(engine: Engine, incident: IncidentState, by: Actor, given: number): ActionResult {
  const refusal = refuse(
    engine,
    incident,
    by,
    "occ_mismatch",
    `occurrence ${given} was meant, ${incident.occ} is current; look at it again`,
  );
  return { ...refusal, field: "occ", given, expected: String(incident.occ), currentOcc: incident.occ };
}

function refuseHidden(engine: Engine, incident: IncidentState, by: Actor): ActionResult {
  const letter = letterOf(incident);
  if (letter === "I") return refuse(engine, incident, by, "out_of_service", "it is out of service; return it first", "return");
  if (letter === "G") return refuse(engine, incident, by, "shelved", "it is shelved; unshelve it first", "unshelve");
  return refuse(
    engine,
    incident,
    by,
    "suppressed",
    `it is silent while ${incident.suppressedBy.join(", ")} is in alarm; deal with that first`,
  );
}

type Refusal = Extract<ActionResult, { ok: false }>;

/** A refusal for the incident's state is a fact of its history. */
function refuse(engine: Engine, incident: IncidentState, by: Actor, reason: string, why: string, hint?: string): Refusal {
  const hinted = hint === undefined ? {} : { hint };
  recordFact(engine, incident, "refused", now(engine), { cause: reason, by, ok: false, details: hinted });
  const message = `incident ${incident.id} in state ${letterOf(incident)}: ${why}`;
  return { ok: false, code: "not_allowed_in_state", reason, message, ...hinted };
}

function invalid(field: string, given: unknown, expected: string, reason: string): Refusal {
  return {
    ok: false,
    code: "invalid_parameter",
    reason,
    field,
    given,
    expected,
    message: `${field}: expected ${expected}, given ${JSON.stringify(given)}`,
  };
}
