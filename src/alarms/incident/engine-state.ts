import type { CompiledRules } from "./compiled-rules.ts";
import type { IncidentRecord } from "./incident-record.ts";
import type { Actor, IncidentState } from "./incident-state.ts";
import type { Severity } from "./rule.ts";

/** Why an event or sample was not used, counted for the metrics. */
export interface IgnoredCounts {
  /** Not on a subject that carries event time. */
  foreignSubject: number;
  badPayload: number;
  /** No usable `ts_epoch`. */
  badTime: number;
  oldRun: number;
  /** Not newer than the incident's last sample: late, equal, or a heartbeat's repeat. */
  lateSample: number;
  /** Matched a rule but carried no number in its field. */
  noSample: number;
}

/** Counted over the current run; cleared when another begins. */
export interface KpiState {
  /** Calls of the last ten minutes, oldest first. */
  annunciations: { readonly atMs: number; readonly id: string }[];
  flood: boolean;
  /** Calls of this run by severity. */
  mix: Record<Severity, number>;
  /** The newest acknowledgement times, ms, oldest first. */
  ackTimesMs: number[];
  /** Calls of this run by incidents that were evicted since. */
  evictedAnnunciations: number;
}

/** Everything that later results depend on, apart from the rules. Plain data. */
export interface EngineState {
  /** Largest time of accepted events of this run, ms; undefined before the first. */
  clockMs?: number | undefined;
  tick?: number | undefined;
  runId?: string | undefined;
  /** Earlier runs, oldest first: their events that come late are ignored. */
  pastRuns: string[];
  nextOrdinal: number;
  kpi: KpiState;
  ignored: IgnoredCounts;
}

/** Incidents kept at most unless told otherwise; only closed ones make room. */
export const INCIDENTS_MAX = 500;

/** The engine at work: its state, the rules in force, and what the input under way has produced so far. */
export interface Engine {
  state: EngineState;
  readonly incidentsMax: number;
  readonly incidents: Map<string, IncidentState>;
  rules: CompiledRules;
  records: IncidentRecord[];
  /** Incidents whose stored state differs from what was last handed out. */
  readonly changed: Set<string>;
  /** Those of them that look different to an operator too: a closed one's samples do not. */
  readonly shown: Set<string>;
  readonly removed: Set<string>;
  /** No deadline is due before, ms; Infinity without one. */
  nextDueMs: number;
  /** The passing of time changes no indicator before, ms. */
  kpiDueMs: number;
}

export const SYSTEM: Actor = { operator: "system", role: "system" };

export function newEngineState(): EngineState {
  return {
    pastRuns: [],
    nextOrdinal: 0,
    kpi: newKpiState(),
    ignored: { foreignSubject: 0, badPayload: 0, badTime: 0, oldRun: 0, lateSample: 0, noSample: 0 },
  };
}

export function newKpiState(): KpiState {
  return { annunciations: [], flood: false, mix: { I: 0, W: 0, C: 0, A: 0 }, ackTimesMs: [], evictedAnnunciations: 0 };
}

/** Says that an incident differs, to the store and to operators. */
export function markShown(engine: Engine, id: string): void {
  engine.changed.add(id);
  engine.shown.add(id);
}

/** Drops an incident from memory. */
export function forget(engine: Engine, id: string): void {
  engine.incidents.delete(id);
  engine.changed.delete(id);
  engine.shown.delete(id);
  engine.removed.add(id);
}
