import type { Severity } from "./rule.ts";

/**
 * A normal; B alarm, not acknowledged; C alarm, acknowledged; D normal again, not acknowledged; E latched, not acknowledged;
 * F latched, acknowledged; G shelved; H suppressed by design; I out of service (letters after ISA-18.2).
 */
export type Letter = "A" | "B" | "C" | "D" | "E" | "F" | "G" | "H" | "I";

export type Quality = "GOOD" | "STALE" | "GONE";

/** Who acts: a person, or the engine itself. */
export interface Actor {
  readonly operator: string;
  readonly role: string;
  readonly requestId?: string | undefined;
}

export interface Acknowledgement {
  readonly operator: string;
  readonly comment?: string | undefined;
  readonly atMs: number;
  readonly tick?: number | undefined;
  readonly occ: number;
  readonly level: number;
}

export interface Shelf {
  /** Event time, ms, at which the incident comes back. */
  readonly untilMs: number;
  readonly reason: string;
  readonly by: string;
}

export interface OutOfService {
  readonly reason: string;
  readonly by: string;
  readonly sinceMs: number;
}

/** All that is remembered of one incident. Times are event time, ms; a rule and a subject make one incident. */
export interface IncidentState {
  readonly id: string;
  readonly ruleId: string;
  readonly subjectId: string;
  /** What stands for the subject in a state hash: the track's handle for radar tracks, whose ids differ from run to run. */
  readonly subjectRef: string;
  /** Order of first sight. */
  readonly ordinal: number;

  cond: "NORMAL" | "ALARM";
  /** 0 the threshold itself, 1 the first of the rule's further levels, … */
  level: number;
  severity: Severity;
  acked: boolean;
  latched: boolean;
  occ: number;
  quality: Quality;
  qualityCause?: string | undefined;
  /** Rules that keep it silent now, sorted. */
  suppressedBy: readonly string[];
  /** What an acknowledgement was about when suppression began: kept if nothing changed meanwhile. */
  beforeSuppression?: { readonly acked: boolean; readonly occ: number; readonly level: number } | undefined;
  shelf?: Shelf | undefined;
  outOfService?: OutOfService | undefined;

  /** The condition has been true since, but not yet for the on-delay. */
  pending?: { readonly sinceMs: number; readonly level: number; readonly worst?: number | undefined } | undefined;
  /** The condition has been off since, but not yet for the off-delay. */
  offSinceMs?: number | undefined;
  lastSampleMs?: number | undefined;
  /** Run of the last sample. */
  runId?: string | undefined;

  value?: number | undefined;
  limit?: number | undefined;
  peak?: number | undefined;
  count: number;
  openedMs?: number | undefined;
  openedTick?: number | undefined;
  openedRunId?: string | undefined;
  lastSeenMs?: number | undefined;
  lastSeenTick?: number | undefined;
  closedMs?: number | undefined;
  /** In alarm since, in the time of the current run: what "standing" counts from. */
  alarmSinceMs?: number | undefined;
  /** Last time it called for attention, in the time of the current run. */
  annunciatedMs?: number | undefined;
  /** How often it called in this run. */
  annunciations: number;
  ack?: Acknowledgement | undefined;
  /** Acknowledgements that a later occurrence or escalation made history, oldest first. */
  ackHistory: readonly Acknowledgement[];
}

/** An incident that has never opened. */
export function newIncident(
  id: string,
  ruleId: string,
  subjectId: string,
  subjectRef: string,
  ordinal: number,
  severity: Severity,
): IncidentState {
  return {
    id,
    ruleId,
    subjectId,
    subjectRef,
    ordinal,
    cond: "NORMAL",
    level: 0,
    severity,
    acked: true,
    latched: false,
    occ: 0,
    quality: "GOOD",
    suppressedBy: [],
    count: 0,
    annunciations: 0,
    ackHistory: [],
  };
}

/** The letter of operations §6.4: out of service before suppressed before shelved before the alarm itself. */
export function letterOf(incident: IncidentState): Letter {
  if (incident.outOfService !== undefined) return "I";
  if (incident.suppressedBy.length > 0) return "H";
  if (incident.shelf !== undefined) return "G";
  return alarmLetterOf(incident);
}

/** The letter without what hides it. */
export function alarmLetterOf(incident: IncidentState): Letter {
  if (incident.cond === "ALARM") return incident.acked ? "C" : "B";
  if (incident.latched) return incident.acked ? "F" : "E";
  return incident.acked ? "A" : "D";
}

export function isClosed(incident: IncidentState): boolean {
  return alarmLetterOf(incident) === "A";
}

/** Whether a letter hides the alarm from the list of things to do. */
export function isMasked(letter: Letter): boolean {
  return letter === "G" || letter === "H" || letter === "I";
}
