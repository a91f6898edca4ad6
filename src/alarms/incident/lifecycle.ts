import type { CompiledRule } from "./compiled-rules.ts";
import { severityOf } from "./compiled-rules.ts";
import { type Engine, forget } from "./engine-state.ts";
import { alarmLetterOf, type IncidentState, isMasked, letterOf } from "./incident-state.ts";
import { compareText } from "./kpi.ts";
import { recordFact, recordTransition, stampMs } from "./recording.ts";
import { retireAck, setSuppression, spreadSuppression, suppressorsOf } from "./suppression.ts";

/** Rows 1 and 6: the condition has held for the on-delay, a new occurrence begins. */
export function raise(engine: Engine, incident: IncidentState, compiled: CompiledRule, level: number, atMs: number, cause: string): void {
  const { rule } = compiled;
  const stamp = stampMs(engine, atMs);
  if (incident.occ === 0) setSuppression(engine, incident, suppressorsOf(engine, incident), stamp);
  const from = letterOf(incident);
  const isFresh = alarmLetterOf(incident) === "A";
  incident.cond = "ALARM";
  incident.level = level;
  incident.severity = severityOf(rule, level);
  incident.latched = !rule.autoClear;
  incident.acked = isFresh && !rule.requireAck;
  retireAck(incident);
  incident.occ += 1;
  incident.count = 1;
  incident.peak = incident.pending?.worst ?? incident.value;
  incident.pending = undefined;
  incident.offSinceMs = undefined;
  incident.closedMs = undefined;
  incident.openedMs = stamp;
  incident.openedTick = engine.state.tick;
  incident.openedRunId = engine.state.runId;
  incident.alarmSinceMs = stamp;
  touch(engine, incident, stamp);
  recordTransition(engine, incident, "alarm", isFresh ? "open" : "realarm", from, stamp, { cause });
  spreadSuppression(engine, incident, stamp);
  evictClosed(engine, stamp);
}

/** Rows 3 and 4: the condition has been off for the off-delay, or a person states that it is. */
export function returnToNormal(engine: Engine, incident: IncidentState, atMs: number, cause: string): void {
  const stamp = stampMs(engine, atMs);
  const from = letterOf(incident);
  incident.cond = "NORMAL";
  incident.offSinceMs = undefined;
  incident.alarmSinceMs = undefined;
  // Hidden, nobody is asked for an acknowledgement: unless latched, the incident is over.
  if (isMasked(from) && !incident.latched) incident.acked = true;
  const isOver = alarmLetterOf(incident) === "A";
  if (isOver) incident.closedMs = stamp;
  recordTransition(engine, incident, "normal", isOver && !isMasked(from) ? "autoclear" : "rtn", from, stamp, { cause });
  spreadSuppression(engine, incident, stamp);
}

/** Rows 9 and 10: a rise calls again, a fall is only written down. */
export function changeLevel(engine: Engine, incident: IncidentState, compiled: CompiledRule, level: number, atMs: number): void {
  const stamp = stampMs(engine, atMs);
  const from = letterOf(incident);
  const isRise = level > incident.level;
  incident.level = level;
  incident.severity = severityOf(compiled.rule, level);
  if (isRise) {
    incident.acked = false;
    retireAck(incident);
    recordTransition(engine, incident, "rise", "escalate", from, stamp, { cause: "level_rose" });
  } else {
    recordTransition(engine, incident, "fall", "deescalate", from, stamp, { cause: "level_fell" });
  }
}

/** Remembers when the condition was last seen true. */
export function touch(engine: Engine, incident: IncidentState, atMs: number): void {
  incident.lastSeenMs = atMs;
  incident.lastSeenTick = engine.state.tick;
}

/** Samples stopped, the run changed, or the subject is gone: what is shown is not known to be so any more. */
export function loseQuality(engine: Engine, incident: IncidentState, quality: "STALE" | "GONE", cause: string, atMs: number): void {
  incident.quality = quality;
  incident.qualityCause = cause;
  recordFact(engine, incident, quality === "STALE" ? "stale" : "gone", stampMs(engine, atMs), { cause });
}

/** Above the limit the longest closed incidents leave; live ones may exceed it. */
function evictClosed(engine: Engine, atMs: number): void {
  let opened = 0;
  for (const incident of engine.incidents.values()) if (incident.occ > 0) opened += 1;
  const { incidentsMax } = engine;
  if (opened <= incidentsMax) return;
  const closed = [...engine.incidents.values()].filter(
    (incident) => incident.occ > 0 && letterOf(incident) === "A" && incident.pending === undefined,
  );
  closed.sort((a, b) => (a.closedMs ?? 0) - (b.closedMs ?? 0) || compareText(a.id, b.id));
  for (const incident of closed.slice(0, opened - incidentsMax)) {
    recordFact(engine, incident, "evicted", atMs, { cause: `more than ${incidentsMax} incidents` });
    engine.state.kpi.evictedAnnunciations += incident.annunciations;
    forget(engine, incident.id);
  }
}
