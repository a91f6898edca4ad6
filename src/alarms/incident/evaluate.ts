import { assertNever } from "#base/assert.ts";
import { worse } from "./comparison.ts";
import type { CompiledRule } from "./compiled-rules.ts";
import { type Engine, forget } from "./engine-state.ts";
import { type IncidentState, isClosed, newIncident } from "./incident-state.ts";
import { changeLevel, loseQuality, raise, returnToNormal, touch } from "./lifecycle.ts";
import { stampMs } from "./recording.ts";
import { type LabelledEvent, type Sample, sampleOf } from "./sample.ts";

/** Lets one event act on one rule that matches it (operations §6.3); `atMs` is the event's time. */
export function evaluate(engine: Engine, compiled: CompiledRule, event: LabelledEvent, atMs: number, runId: string | undefined): void {
  const id = `${compiled.rule.id}:${event.subjectId}`;
  const known = engine.incidents.get(id);
  const sample = sampleOf(compiled.rule, event, known?.cond === "ALARM" ? known.level : undefined);
  if (sample.kind === "none") {
    engine.state.ignored.noSample += 1;
    return;
  }
  if (sample.kind === "gone") {
    if (known?.cond === "ALARM" && known.quality !== "GONE") loseQuality(engine, known, "GONE", sample.cause, atMs);
    return;
  }
  if (known === undefined && compiled.cadence === "edge" && sample.kind !== "on") return;
  const incident = known ?? addIncident(engine, compiled, event, id);
  if (incident.lastSampleMs !== undefined && atMs <= incident.lastSampleMs) {
    engine.state.ignored.lateSample += 1;
    return;
  }
  noteSample(engine, incident, compiled, sample, atMs, runId);
  if (incident.cond === "NORMAL") whileNormal(engine, incident, compiled, sample, atMs);
  else whileInAlarm(engine, incident, compiled, sample, atMs);
  if (compiled.cadence === "edge" && incident.occ === 0 && incident.pending === undefined) forget(engine, id);
}

/** Earliest time at which a pending incident may open: its on-delay over and, if it was closed, its cooldown too. */
export function opensAtMs(incident: IncidentState, compiled: CompiledRule): number {
  const { pending, closedMs } = incident;
  if (pending === undefined) return Number.POSITIVE_INFINITY;
  const delayedMs = pending.sinceMs + compiled.onDelayMs;
  if (closedMs === undefined || !isClosed(incident)) return delayedMs;
  return Math.max(delayedMs, closedMs + compiled.cooldownMs);
}

function addIncident(engine: Engine, compiled: CompiledRule, event: LabelledEvent, id: string): IncidentState {
  const { state } = engine;
  const incident = newIncident(id, compiled.rule.id, event.subjectId, event.subjectRef, state.nextOrdinal, compiled.rule.severity);
  state.nextOrdinal += 1;
  engine.incidents.set(id, incident);
  engine.removed.delete(id);
  return incident;
}

type Reading = Exclude<Sample, { readonly kind: "none" | "gone" }>;

/** Takes the sample's value over; after a gap both timers start afresh, and the incident is known again. */
function noteSample(
  engine: Engine,
  incident: IncidentState,
  compiled: CompiledRule,
  sample: Reading,
  atMs: number,
  runId: string | undefined,
): void {
  if (incident.lastSampleMs !== undefined && atMs - incident.lastSampleMs > compiled.gapMs) {
    incident.pending = undefined;
    incident.offSinceMs = undefined;
  }
  incident.lastSampleMs = atMs;
  incident.runId = runId;
  incident.value = sample.value ?? incident.value;
  incident.limit = sample.limit ?? incident.limit;
  if (incident.quality !== "GOOD") {
    incident.quality = "GOOD";
    incident.qualityCause = undefined;
    incident.offSinceMs = undefined;
  }
  engine.changed.add(incident.id);
  if (!isClosed(incident)) engine.shown.add(incident.id);
}

function whileNormal(engine: Engine, incident: IncidentState, compiled: CompiledRule, sample: Reading, atMs: number): void {
  if (sample.kind !== "on") {
    incident.pending = undefined;
    return;
  }
  const op = compiled.rule.threshold?.op;
  incident.pending = {
    sinceMs: incident.pending?.sinceMs ?? atMs,
    level: sample.level,
    worst: worse(op, incident.pending?.worst, sample.value),
  };
  if (atMs >= opensAtMs(incident, compiled)) raise(engine, incident, compiled, sample.level, atMs, "threshold");
}

function whileInAlarm(engine: Engine, incident: IncidentState, compiled: CompiledRule, sample: Reading, atMs: number): void {
  switch (sample.kind) {
    case "on":
    case "hold":
      incident.offSinceMs = undefined;
      if (sample.kind === "on") {
        incident.count += 1;
        incident.peak = worse(compiled.rule.threshold?.op, incident.peak, sample.value);
        touch(engine, incident, stampMs(engine, atMs));
      }
      if (sample.level !== incident.level) changeLevel(engine, incident, compiled, sample.level, atMs);
      return;
    case "off":
      incident.offSinceMs ??= atMs;
      if (atMs - incident.offSinceMs >= compiled.offDelayMs) returnToNormal(engine, incident, atMs, sample.cause);
      return;
    default:
      assertNever(sample, "sample");
  }
}
