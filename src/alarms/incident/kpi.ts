import type { Engine, KpiState } from "./engine-state.ts";
import { newKpiState } from "./engine-state.ts";
import { type IncidentState, letterOf } from "./incident-state.ts";
import type { Severity } from "./rule.ts";

const WINDOW_MS = 600_000;
const CHATTER_WINDOW_MS = 60_000;
const CHATTER_CALLS = 3;
const FLOOD_ABOVE = 10;
const FLOOD_ENDS_BELOW = 5;
const STANDING_MS = 86_400_000;
const TOP = 10;
const ACK_TIMES_MAX = 1000;
const CALLS_MAX = 100_000;

/** How the alarm system does, in event time of the current run (operations §6.7; after ISA-18.2 and EEMUA 191). */
export interface IncidentKpi {
  /** Calls in the last ten minutes. */
  readonly alarms10m: number;
  readonly flood: boolean;
  /** Incidents that called at least three times in the last minute. */
  readonly chattering: readonly string[];
  /** Incidents in alarm for more than a day. */
  readonly standing: readonly string[];
  /** Share of this run's calls that the ten busiest incidents made, 0..1; undefined without calls. */
  readonly top10Share: number | undefined;
  readonly top10: readonly { readonly incidentId: string; readonly calls: number }[];
  /** Median and 95th percentile (nearest rank) of the newest acknowledgement times, s. */
  readonly ackTimeP50S: number | undefined;
  readonly ackTimeP95S: number | undefined;
  /** Calls of this run by severity. */
  readonly priorityMix: Readonly<Record<Severity, number>>;
  readonly shelved: number;
}

/** Counts one call for attention and remembers when it was. */
export function countAnnunciation(kpi: KpiState, incident: IncidentState, atMs: number): void {
  incident.annunciatedMs = atMs;
  incident.annunciations += 1;
  kpi.mix[incident.severity] += 1;
  kpi.annunciations.push({ atMs, id: incident.id });
  if (kpi.annunciations.length > CALLS_MAX) kpi.annunciations.shift();
  updateFlood(kpi, atMs);
}

export function countAckTime(kpi: KpiState, ackTimeMs: number): void {
  kpi.ackTimesMs.push(ackTimeMs);
  if (kpi.ackTimesMs.length > ACK_TIMES_MAX) kpi.ackTimesMs.shift();
}

/** Lets calls leave the window (t-600 s, t] and starts or ends the flood: above ten, below five. */
export function updateFlood(kpi: KpiState, clockMs: number): void {
  let left = 0;
  while (left < kpi.annunciations.length && kpi.annunciations[left]!.atMs <= clockMs - WINDOW_MS) left += 1;
  if (left > 0) kpi.annunciations.splice(0, left);
  const calls = kpi.annunciations.length;
  if (calls > FLOOD_ABOVE) kpi.flood = true;
  else if (calls < FLOOD_ENDS_BELOW) kpi.flood = false;
}

/** Another run: its windows start empty. */
export function clearKpi(engine: Engine): void {
  engine.state.kpi = newKpiState();
  for (const incident of engine.incidents.values()) incident.annunciations = 0;
}

export function kpiOf(engine: Engine): IncidentKpi {
  const { kpi, clockMs = 0 } = engine.state;
  const lastMinute = new Map<string, number>();
  for (let index = kpi.annunciations.length - 1; index >= 0; index -= 1) {
    const { atMs, id } = kpi.annunciations[index]!;
    if (atMs <= clockMs - CHATTER_WINDOW_MS) break;
    lastMinute.set(id, (lastMinute.get(id) ?? 0) + 1);
  }
  const standing: string[] = [];
  const calls: { incidentId: string; calls: number }[] = [];
  let total = kpi.evictedAnnunciations;
  let shelved = 0;
  for (const incident of engine.incidents.values()) {
    if (incident.cond === "ALARM" && incident.alarmSinceMs !== undefined && clockMs - incident.alarmSinceMs > STANDING_MS)
      standing.push(incident.id);
    if (letterOf(incident) === "G") shelved += 1;
    if (incident.annunciations === 0) continue;
    total += incident.annunciations;
    calls.push({ incidentId: incident.id, calls: incident.annunciations });
  }
  calls.sort((a, b) => b.calls - a.calls || compareText(a.incidentId, b.incidentId));
  const top10 = calls.slice(0, TOP);
  const sorted = [...kpi.ackTimesMs].sort((a, b) => a - b);
  return {
    alarms10m: kpi.annunciations.length,
    flood: kpi.flood,
    chattering: [...lastMinute]
      .filter(([, count]) => count >= CHATTER_CALLS)
      .map(([id]) => id)
      .sort(compareText),
    standing: standing.sort(compareText),
    top10Share: total === 0 ? undefined : top10.reduce((sum, entry) => sum + entry.calls, 0) / total,
    top10,
    ackTimeP50S: nearestRankS(sorted, 50),
    ackTimeP95S: nearestRankS(sorted, 95),
    priorityMix: { ...kpi.mix },
    shelved,
  };
}

/** From when on the passing of time alone changes an indicator, ms: a call leaves a window, an alarm has stood for a day. */
export function nextKpiChangeMs(engine: Engine): number {
  const { kpi, clockMs = 0 } = engine.state;
  let next = Number.POSITIVE_INFINITY;
  const oldest = kpi.annunciations[0];
  if (oldest !== undefined) next = oldest.atMs + WINDOW_MS;
  for (let index = kpi.annunciations.length - 1; index >= 0; index -= 1) {
    const leavesMs = kpi.annunciations[index]!.atMs + CHATTER_WINDOW_MS;
    if (leavesMs <= clockMs) break;
    next = Math.min(next, leavesMs);
  }
  for (const { cond, alarmSinceMs } of engine.incidents.values()) {
    if (cond !== "ALARM" || alarmSinceMs === undefined) continue;
    const standsFromMs = alarmSinceMs + STANDING_MS + 1;
    if (standsFromMs > clockMs) next = Math.min(next, standsFromMs);
  }
  return next;
}

/** By UTF-16 unit, the order of canonical JSON. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function nearestRankS(sortedMs: readonly number[], percent: number): number | undefined {
  if (sortedMs.length === 0) return undefined;
  return sortedMs[Math.ceil((percent * sortedMs.length) / 100) - 1]! / 1000;
}
