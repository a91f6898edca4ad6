import { assertNever } from "#base/assert.ts";
import type { Engine } from "./engine-state.ts";
import { opensAtMs } from "./evaluate.ts";
import { type IncidentState, isClosed, letterOf } from "./incident-state.ts";
import { compareText, updateFlood } from "./kpi.ts";
import { loseQuality, raise, returnToNormal } from "./lifecycle.ts";
import { recordTransition } from "./recording.ts";
import { comeBack } from "./suppression.ts";

type DeadlineKind = "open" | "rtn" | "shelf" | "stale";

interface Deadline {
  readonly dueMs: number;
  readonly id: string;
  readonly kind: DeadlineKind;
}

/**
 * Fires what is due before an input of time `atMs`, in (due, incident id, kind) order, each stamped with its due time.
 * A source is stale only when its silence is longer than the tolerance, so that deadline lets its own instant pass.
 */
export function fireDeadlines(engine: Engine, atMs: number): void {
  if (engine.nextDueMs > atMs) return;
  for (;;) {
    let next: Deadline | undefined;
    for (const incident of engine.incidents.values()) {
      for (const deadline of deadlinesOf(engine, incident)) {
        if (isDue(deadline, atMs) && (next === undefined || compareDeadlines(deadline, next) < 0)) next = deadline;
      }
    }
    if (next === undefined) break;
    fire(engine, next);
  }
  scheduleNext(engine);
}

/** Finds when the next deadline is due, looking at every incident. */
export function scheduleNext(engine: Engine): void {
  engine.nextDueMs = Number.POSITIVE_INFINITY;
  for (const incident of engine.incidents.values()) schedule(engine, incident);
}

/** Takes in the deadlines of what an input has changed; the time kept may be early after that, never late. */
export function scheduleChanged(engine: Engine): void {
  for (const id of engine.changed) {
    const incident = engine.incidents.get(id);
    if (incident !== undefined) schedule(engine, incident);
  }
}

function schedule(engine: Engine, incident: IncidentState): void {
  for (const { dueMs } of deadlinesOf(engine, incident)) if (dueMs < engine.nextDueMs) engine.nextDueMs = dueMs;
}

function isDue(deadline: Deadline, atMs: number): boolean {
  return deadline.kind === "stale" ? deadline.dueMs < atMs : deadline.dueMs <= atMs;
}

function compareDeadlines(a: Deadline, b: Deadline): number {
  return a.dueMs - b.dueMs || compareText(a.id, b.id) || compareText(a.kind, b.kind);
}

const NO_DEADLINES: readonly Deadline[] = [];

function deadlinesOf(engine: Engine, incident: IncidentState): readonly Deadline[] {
  if (incident.shelf === undefined && incident.pending === undefined && isClosed(incident)) return NO_DEADLINES;
  const { id } = incident;
  const due: Deadline[] = [];
  if (incident.shelf !== undefined) due.push({ dueMs: incident.shelf.untilMs, id, kind: "shelf" });
  const compiled = engine.rules.byId.get(incident.ruleId);
  if (compiled === undefined || !compiled.rule.enabled) return due;
  if (compiled.cadence === "edge") {
    if (incident.pending !== undefined) due.push({ dueMs: opensAtMs(incident, compiled), id, kind: "open" });
    if (incident.offSinceMs !== undefined) due.push({ dueMs: incident.offSinceMs + compiled.offDelayMs, id, kind: "rtn" });
  } else if (incident.lastSampleMs !== undefined && incident.quality === "GOOD" && !isClosed(incident)) {
    due.push({ dueMs: incident.lastSampleMs + compiled.gapMs, id, kind: "stale" });
  }
  return due;
}

function fire(engine: Engine, deadline: Deadline): void {
  const { dueMs, kind } = deadline;
  const { state } = engine;
  const incident = engine.incidents.get(deadline.id)!;
  const compiled = engine.rules.byId.get(incident.ruleId);
  if (state.clockMs === undefined || dueMs > state.clockMs) {
    state.clockMs = dueMs;
    updateFlood(state.kpi, dueMs);
  }
  switch (kind) {
    case "open":
      raise(engine, incident, compiled!, incident.pending!.level, dueMs, "threshold");
      return;
    case "rtn":
      returnToNormal(engine, incident, dueMs, compiled!.rule.clearOn === undefined ? "threshold" : "clear_on");
      return;
    case "stale":
      loseQuality(engine, incident, "STALE", "no_samples", dueMs);
      return;
    case "shelf":
      expireShelf(engine, incident, dueMs);
      return;
    default:
      assertNever(kind, "deadline");
  }
}

/** Row 14; below suppression or out of service the shelf only ends. */
function expireShelf(engine: Engine, incident: IncidentState, atMs: number): void {
  const from = letterOf(incident);
  incident.shelf = undefined;
  if (from === "G") comeBack(incident, false, atMs);
  recordTransition(engine, incident, "unshelve", "unshelve", from, atMs, { cause: "shelf_expired" });
}
