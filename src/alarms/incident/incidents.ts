import { assert } from "#base/assert.ts";
import { canonicalJson } from "#base/canonical-json.ts";
import { compileRules } from "./compiled-rules.ts";
import { fireDeadlines, scheduleChanged, scheduleNext } from "./deadlines.ts";
import { type Engine, forget, INCIDENTS_MAX, markShown, newEngineState, type EngineState, type IgnoredCounts } from "./engine-state.ts";
import { evaluate } from "./evaluate.ts";
import { eventSourceOf, eventTimePublisher, type SamplePeriodsMs } from "./event-sources.ts";
import { isMapping } from "./field-reader.ts";
import type { IncidentRecord } from "./incident-record.ts";
import { type IncidentState } from "./incident-state.ts";
import { type IncidentView, incidentView } from "./incident-view.ts";
import { compareText, type IncidentKpi, kpiOf, nextKpiChangeMs, updateFlood } from "./kpi.ts";
import { act, type ActionResult, type IncidentAction } from "./operator-actions.ts";
import { stampMs } from "./recording.ts";
import type { IncidentRule } from "./rule.ts";
import { startRun } from "./run-change.ts";
import { labelEvent, matchesEvent } from "./sample.ts";
import { refreshSuppression } from "./suppression.ts";

/** One message of the event stream. */
export interface IncidentEvent {
  /** Bus subject, without a prefix. */
  readonly subject: string;
  readonly payload: unknown;
  /** Header `x-qiki-run`; absent means the current run. */
  readonly runId?: string | undefined;
  /** Header `x-qiki-tick`. */
  readonly tick?: number | undefined;
}

export interface RuleSet {
  readonly rules: readonly IncidentRule[];
  /** Identity of the text they were read from. */
  readonly hash: string;
}

/** What has to be kept so that a restored engine goes on as if never stopped: plain data, apart from the rules. */
export interface IncidentsSnapshot {
  readonly state: EngineState;
  /** In id order. */
  readonly incidents: readonly IncidentState[];
}

/** What one input changed. */
export interface IncidentChanges {
  readonly records: readonly IncidentRecord[];
  /** Incidents whose stored state differs. */
  readonly changed: readonly string[];
  /** Those that operators see differ. */
  readonly shown: readonly string[];
  readonly removed: readonly string[];
  /** The indicators, if they are others than before. */
  readonly kpi?: IncidentKpi;
}

export interface Incidents {
  /** Takes one event in stream order; deadlines before it fire first. */
  acceptEvent(event: IncidentEvent): void;
  act(action: IncidentAction): ActionResult;
  /** Puts other rules in force; live incidents stay and are evaluated again at their next sample. */
  setRules(ruleSet: RuleSet): void;
  /** Hands out what happened since the last call. */
  takeChanges(): IncidentChanges;
  view(id: string): IncidentView | undefined;
  /** Ids of incidents that have opened, in order of first sight. */
  ids(): string[];
  /** One incident as it is stored, for the keeper of the state. */
  stored(id: string): IncidentState | undefined;
  kpi(): IncidentKpi;
  ignored(): Readonly<IgnoredCounts>;
  clock(): { readonly ms: number | undefined; readonly tick: number | undefined; readonly runId: string | undefined };
  snapshot(): IncidentsSnapshot;
  restore(snapshot: IncidentsSnapshot, ruleSet: RuleSet): void;
  /** Canonical JSON of what a state hash covers: everything but ids that differ between equal runs. */
  hashedText(): string;
}

const NO_CHANGES: IncidentChanges = { records: [], changed: [], shown: [], removed: [] };
/** Largest event time taken, ms: the last instant of the year 9999. */
const TIME_MAX_MS = 253_402_300_799_999;

export interface IncidentsOptions {
  readonly ruleSet: RuleSet;
  readonly periodsMs: SamplePeriodsMs;
  /** Incidents kept at most, 500 unless told: above it the longest closed ones leave. */
  readonly incidentsMax?: number | undefined;
}

/**
 * The incident engine: events and operator actions in, transitions out (operations §6). It knows no wall clock: its time
 * is the largest event time it has seen, so equal inputs give equal records.
 */
export function createIncidents(options: IncidentsOptions): Incidents {
  const { periodsMs } = options;
  const engine: Engine = {
    state: newEngineState(),
    incidentsMax: options.incidentsMax ?? INCIDENTS_MAX,
    incidents: new Map(),
    rules: compileRules(options.ruleSet.rules, options.ruleSet.hash, periodsMs),
    records: [],
    changed: new Set(),
    shown: new Set(),
    removed: new Set(),
    nextDueMs: Number.POSITIVE_INFINITY,
    kpiDueMs: Number.POSITIVE_INFINITY,
  };
  let kpiText = kpiKey(engine);
  // Canonical text of each incident since it last changed: few change with an event, and every event is hashed.
  const texts = new Map<string, string>();

  function hashedText(): string {
    for (const id of engine.changed) texts.delete(id);
    const incidents: string[] = [];
    for (const [id, incident] of engine.incidents) {
      let text = texts.get(id);
      if (text === undefined) {
        text = canonicalJson({ ...incident, ...UNHASHED });
        texts.set(id, text);
      }
      incidents.push(text);
    }
    const members: Record<string, string> = { incidents: `[${incidents.join(",")}]` };
    for (const [key, value] of Object.entries(hashedRest(engine))) if (value !== undefined) members[key] = canonicalJson(value);
    const inOrder = Object.keys(members).sort();
    return `{${inOrder.map((key) => `"${key}":${members[key]}`).join(",")}}`;
  }

  function takeChanges(): IncidentChanges {
    const { records, changed, shown, removed } = engine;
    const isKpiDue = records.length > 0 || (engine.state.clockMs ?? 0) >= engine.kpiDueMs;
    if (!isKpiDue && changed.size === 0 && removed.size === 0) return NO_CHANGES;
    const changes = {
      records,
      changed: [...changed].sort(compareText),
      shown: [...shown].sort(compareText),
      removed: [...removed].sort(compareText),
    };
    engine.records = [];
    for (const id of changed) texts.delete(id);
    for (const id of removed) texts.delete(id);
    changed.clear();
    shown.clear();
    removed.clear();
    if (!isKpiDue) return changes;
    engine.kpiDueMs = nextKpiChangeMs(engine);
    const key = kpiKey(engine);
    if (key === kpiText) return changes;
    kpiText = key;
    return { ...changes, kpi: kpiOf(engine) };
  }

  return {
    acceptEvent(event) {
      acceptEvent(engine, event);
      scheduleChanged(engine);
    },
    act(action) {
      const result = act(engine, action);
      scheduleChanged(engine);
      return result;
    },
    setRules(ruleSet) {
      engine.rules = compileRules(ruleSet.rules, ruleSet.hash, periodsMs);
      applyRules(engine);
      scheduleNext(engine);
    },
    takeChanges,
    view: (id) => incidentView(engine, id),
    ids: () => [...engine.incidents.values()].filter((incident) => incident.occ > 0).map((incident) => incident.id),
    stored: (id) => engine.incidents.get(id),
    kpi: () => kpiOf(engine),
    ignored: () => engine.state.ignored,
    clock: () => ({ ms: engine.state.clockMs, tick: engine.state.tick, runId: engine.state.runId }),
    snapshot: () => ({ state: engine.state, incidents: [...engine.incidents.values()].sort((a, b) => compareText(a.id, b.id)) }),
    restore(snapshot, ruleSet) {
      engine.rules = compileRules(ruleSet.rules, ruleSet.hash, periodsMs);
      engine.state = structuredCopy(snapshot.state);
      engine.incidents.clear();
      texts.clear();
      const incidents = structuredCopy(snapshot.incidents) as IncidentState[];
      for (const incident of incidents.sort((a, b) => a.ordinal - b.ordinal)) engine.incidents.set(incident.id, incident);
      engine.records = [];
      engine.changed.clear();
      engine.shown.clear();
      engine.removed.clear();
      scheduleNext(engine);
      engine.kpiDueMs = nextKpiChangeMs(engine);
      kpiText = kpiKey(engine);
    },
    hashedText,
  };
}

function acceptEvent(engine: Engine, event: IncidentEvent): void {
  const { state } = engine;
  const publisher = eventTimePublisher(event.subject);
  if (publisher === undefined) {
    state.ignored.foreignSubject += 1;
    return;
  }
  const { payload } = event;
  if (!isMapping(payload)) {
    state.ignored.badPayload += 1;
    return;
  }
  const atMs = eventMs(payload);
  if (atMs === undefined) {
    state.ignored.badTime += 1;
    return;
  }
  const source = eventSourceOf(event.subject);
  if (source?.goneWhen !== undefined && payload[source.goneWhen.field] === source.goneWhen.value && payload.clear_reason === "reset") {
    // Ends what the former run had; its time belongs to that run and moves nothing.
    forEachMatch(engine, event, payload, stampMs(engine, atMs));
    return;
  }
  const runId = event.runId ?? state.runId;
  if (runId !== undefined && state.pastRuns.includes(runId)) {
    state.ignored.oldRun += 1;
    return;
  }
  if (state.runId === undefined && runId !== undefined) {
    state.runId = runId;
    engine.kpiDueMs = Number.NEGATIVE_INFINITY;
  }
  // A tracker may tell of a run before the simulation does: then its event counts, but only the simulation starts runs.
  const isAhead = runId !== state.runId && publisher !== "sim";
  if (runId !== undefined && runId !== state.runId && !isAhead) startRun(engine, runId, atMs);
  if (!isAhead) advance(engine, atMs, event.tick ?? wholeNumber(payload.tick));
  forEachMatch(engine, event, payload, atMs);
}

/** Fires what is due before `atMs`, then moves the clock there unless it is further on. */
function advance(engine: Engine, atMs: number, tick: number | undefined): void {
  const { state } = engine;
  fireDeadlines(engine, atMs);
  if (state.clockMs !== undefined && atMs < state.clockMs) return;
  state.clockMs = atMs;
  state.tick = tick ?? state.tick;
  updateFlood(state.kpi, atMs);
}

function forEachMatch(engine: Engine, event: IncidentEvent, payload: Readonly<Record<string, unknown>>, atMs: number): void {
  const source = eventSourceOf(event.subject);
  if (source === undefined) return;
  const rules = engine.rules.bySubject.get(event.subject);
  if (rules === undefined) return;
  const labelled = labelEvent(source, payload);
  for (const compiled of rules) {
    if (matchesEvent(compiled, labelled)) evaluate(engine, compiled, labelled, atMs, event.runId ?? engine.state.runId);
  }
}

function applyRules(engine: Engine): void {
  for (const incident of engine.incidents.values()) {
    markShown(engine, incident.id);
    if (engine.rules.byId.get(incident.ruleId)?.rule.enabled === true) continue;
    incident.pending = undefined;
    incident.offSinceMs = undefined;
    if (incident.occ === 0) forget(engine, incident.id);
  }
  if (engine.state.clockMs !== undefined) refreshSuppression(engine, engine.state.clockMs, () => true);
}

/** Ids that differ between runs of equal seeds; canonical JSON drops undefined members. */
const UNHASHED = { id: undefined, subjectId: undefined, runId: undefined, openedRunId: undefined };

function hashedRest(engine: Engine): Readonly<Record<string, unknown>> {
  const { clockMs, tick, kpi, ignored, nextOrdinal } = engine.state;
  const handle = (id: string): string => {
    const incident = engine.incidents.get(id);
    return incident === undefined ? "evicted" : `${incident.ruleId}:${incident.subjectRef}`;
  };
  const calls = kpi.annunciations.map(({ atMs, id }) => `${atMs} ${handle(id)}`).sort(compareText);
  return { clockMs, tick, nextOrdinal, ignored, kpi: { ...kpi, annunciations: calls }, rules: engine.rules.hash };
}

/** The indicators and the run they are of: when this differs, they are news. */
function kpiKey(engine: Engine): string {
  return canonicalJson({ ...kpiOf(engine), runId: engine.state.runId });
}

function eventMs(payload: Readonly<Record<string, unknown>>): number | undefined {
  const seconds = payload.ts_epoch;
  if (typeof seconds !== "number" || !Number.isFinite(seconds)) return undefined;
  const ms = Math.round(seconds * 1000);
  return ms >= 0 && ms <= TIME_MAX_MS ? ms : undefined;
}

function wholeNumber(value: unknown): number | undefined {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}

/** A copy through canonical JSON: what a restored engine holds is exactly what the bytes said. */
function structuredCopy<Value>(value: Value): Value {
  const copy: unknown = JSON.parse(canonicalJson(value));
  assert(typeof copy === "object" && copy !== null, "a snapshot is an object or a list");
  return copy as Value;
}
