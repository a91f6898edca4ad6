import type { GuardRuleWire } from "#contracts/guard-rules.ts";
import type { IncidentWire } from "#contracts/incident.ts";
import type { RadarTrackWire } from "#contracts/radar.ts";
import { timeUsOf, TRACK_STATUSES } from "#contracts/radar-words.ts";
import type { Receipt } from "./freshness.ts";
import type { Age } from "./model.ts";
import { type EmptyReason, radarState, type RadarStateInput, type TrackerState } from "./radar-state.ts";
import { type Approach, approachOf, type Risk, riskOf, trackLabel } from "./radar-track.ts";
import type { TrailPoint } from "./trails.ts";

/** A track as the operator sees it. */
export interface TrackView {
  readonly id: string;
  readonly label: string;
  readonly wire: RadarTrackWire;
  readonly ageMs: number;
  /** Too old to say where the contact is. */
  readonly isAged: boolean;
  /** Undefined without kinematics, or standing still. */
  readonly approach: Approach | undefined;
  readonly risk: Risk | undefined;
  /** The worst incident on it that is in alarm or not acknowledged. */
  readonly incident: Pick<IncidentWire, "incident_id" | "rule_id" | "severity" | "letter"> | undefined;
  readonly isCalling: boolean;
  readonly trail: readonly TrailPoint[];
}

/** A guard rule's zone as its file has it; no outer bound is undefined. */
export interface ZoneView {
  readonly id: string;
  readonly rule: GuardRuleWire;
  readonly minM: number;
  readonly maxM: number | undefined;
  readonly hysteresisM: number;
  /** An incident of this rule is in alarm. */
  readonly isActive: boolean;
}

export interface RadarView {
  /** Why there is no picture; undefined when there is one. */
  readonly empty: EmptyReason | undefined;
  /** Why the picture has no tracks in it; undefined when it has. */
  readonly none: "no_contacts" | "all_hidden" | "tracker_silent" | "no_frame" | undefined;
  readonly tracker: TrackerState;
  readonly frame: { readonly ageMs: number; readonly isFresh: boolean; readonly scan: readonly string[] | undefined } | undefined;
  readonly isPaused: boolean;
  /** Sorted: the greatest risk first, then the nearest. */
  readonly tracks: readonly TrackView[];
  /** Older than what may be shown, and still counted. */
  readonly hidden: { readonly count: number; readonly oldestMs: number };
  readonly counts: Readonly<Record<"NEW" | "TRACKED" | "COASTING" | "LOST", number>>;
  readonly zones: readonly ZoneView[];
}

export interface RadarInput extends RadarStateInput {
  readonly tracks: ReadonlyMap<string, Receipt & { readonly value: unknown }>;
  readonly guards: ReadonlyMap<string, unknown>;
  readonly incidents: ReadonlyMap<string, unknown>;
  readonly trailOf: (trackId: string) => readonly TrailPoint[];
}

const AGED_MS = 5000;
const HIDDEN_MS = 30_000;
/** At low speed frames come rarely: a track may be this many periods old. */
const AGED_PERIODS = 2.5;
const RISK_ORDER: readonly (Risk | undefined)[] = ["critical", "warning", "none", undefined];
const SEVERITY_ORDER = "ACWI";

/** Everything the radar screen shows, from what the gateway told; a pure function of it. */
export function radarView(input: RadarInput): RadarView {
  const state = radarState(input);
  const agedMs = Math.max(AGED_MS, AGED_PERIODS * input.framePeriodMs);
  const all = [...input.tracks].map(([id, entry]) => trackView(id, entry, input, state.ageOf, agedMs));
  const hiddenMs = Math.max(HIDDEN_MS, 2 * agedMs);
  const known = all.filter(({ ageMs }) => ageMs <= hiddenMs).toSorted(byRiskThenRange);
  const hidden = all.filter(({ ageMs }) => ageMs > hiddenMs);
  const counts = { NEW: 0, TRACKED: 0, COASTING: 0, LOST: 0 };
  const tracks = state.empty === undefined ? known : [];
  for (const { wire } of tracks) counts[TRACK_STATUSES[wire.status] as keyof typeof counts] += 1;
  return {
    ...state,
    none: tracks.length > 0 ? undefined : noneOf(state, hidden.length),
    tracks,
    hidden: { count: hidden.length, oldestMs: Math.max(0, ...hidden.map(({ ageMs }) => ageMs)) },
    counts,
    zones: [...input.guards.values()].map((rule) => zoneView(rule as GuardRuleWire, input.incidents)),
  };
}

function trackView(
  id: string,
  entry: Receipt & { readonly value: unknown },
  { incidents, trailOf }: RadarInput,
  ageOf: (receipt: Receipt, eventUs: number | undefined) => Age,
  agedMs: number,
): TrackView {
  const wire = entry.value as RadarTrackWire;
  const { ageMs, isTrusted } = ageOf(entry, timeUsOf(wire.timestamp));
  const incident = worstIncident(id, incidents);
  return {
    id,
    label: trackLabel(wire),
    wire,
    ageMs,
    isAged: ageMs > agedMs || !isTrusted,
    approach: approachOf(wire),
    risk: riskOf(wire),
    incident,
    isCalling: incident !== undefined && "BDE".includes(incident.letter),
    trail: trailOf(id),
  };
}

function worstIncident(trackId: string, incidents: ReadonlyMap<string, unknown>): IncidentWire | undefined {
  let worst: IncidentWire | undefined;
  for (const incident of incidents.values() as Iterable<IncidentWire>) {
    if (incident.subject_id !== trackId || !"BCDE".includes(incident.letter)) continue;
    const isWorse = worst === undefined || SEVERITY_ORDER.indexOf(incident.severity) < SEVERITY_ORDER.indexOf(worst.severity);
    if (isWorse) worst = incident;
  }
  return worst;
}

function zoneView(rule: GuardRuleWire, incidents: ReadonlyMap<string, unknown>): ZoneView {
  const isActive = ([...incidents.values()] as IncidentWire[]).some(
    (incident) => incident.rule_id === rule.id && (incident.letter === "B" || incident.letter === "C"),
  );
  const { id, min_range_m: minM, max_range_m: maxM, hysteresis_m: hysteresisM } = rule;
  return { id, rule, minM, maxM: maxM ?? undefined, hysteresisM, isActive };
}

/** An empty sky is only what a fresh frame and a living tracker say. */
function noneOf({ tracker, frame }: Pick<RadarView, "tracker" | "frame">, hidden: number): NonNullable<RadarView["none"]> {
  if (frame?.isFresh !== true) return "no_frame";
  if (tracker.kind !== "ok") return "tracker_silent";
  return hidden > 0 ? "all_hidden" : "no_contacts";
}

function byRiskThenRange(a: TrackView, b: TrackView): number {
  return RISK_ORDER.indexOf(a.risk) - RISK_ORDER.indexOf(b.risk) || a.wire.range_m - b.wire.range_m || (a.id < b.id ? -1 : 1);
}
