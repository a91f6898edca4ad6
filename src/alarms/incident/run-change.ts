import { type Engine, forget, markShown } from "./engine-state.ts";
import { type IncidentState, isClosed } from "./incident-state.ts";
import { clearKpi } from "./kpi.ts";
import { loseQuality } from "./lifecycle.ts";

const PAST_RUNS_MAX = 32;

/**
 * The first event of another run (reset, restart): its time line starts at `atMs`. Timers under way are dropped, open
 * incidents are no longer known to be true, what is left of shelves and cooldowns carries over (operations §6.3).
 */
export function startRun(engine: Engine, runId: string, atMs: number): void {
  const { state } = engine;
  const shiftMs = state.clockMs === undefined ? 0 : atMs - state.clockMs;
  if (state.runId !== undefined) state.pastRuns.push(state.runId);
  if (state.pastRuns.length > PAST_RUNS_MAX) state.pastRuns.shift();
  state.runId = runId;
  state.clockMs = atMs;
  state.tick = undefined;
  engine.kpiDueMs = Number.NEGATIVE_INFINITY;
  clearKpi(engine);
  for (const incident of [...engine.incidents.values()].sort((a, b) => a.ordinal - b.ordinal))
    carryOver(engine, incident, runId, shiftMs, atMs);
}

function carryOver(engine: Engine, incident: IncidentState, runId: string, shiftMs: number, atMs: number): void {
  // Its source may have told of the new run before the first event of the simulation did.
  const isOfNewRun = incident.runId === runId;
  incident.closedMs = shifted(incident.closedMs, shiftMs);
  incident.alarmSinceMs = shifted(incident.alarmSinceMs, shiftMs);
  incident.annunciatedMs = shifted(incident.annunciatedMs, shiftMs);
  if (incident.shelf !== undefined) incident.shelf = { ...incident.shelf, untilMs: incident.shelf.untilMs + shiftMs };
  markShown(engine, incident.id);
  if (isOfNewRun) return;
  incident.pending = undefined;
  incident.offSinceMs = undefined;
  incident.lastSampleMs = undefined;
  if (incident.occ === 0) {
    forget(engine, incident.id);
  } else if (!isClosed(incident) && incident.quality !== "GONE") {
    loseQuality(engine, incident, "STALE", "run_changed", atMs);
  }
}

function shifted(ms: number | undefined, byMs: number): number | undefined {
  return ms === undefined ? undefined : ms + byMs;
}
