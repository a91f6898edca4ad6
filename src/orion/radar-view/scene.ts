import { FRIEND_FOE, RANGE_BANDS, TRACK_STATUSES, TRANSPONDER_MODES } from "#contracts/radar-words.ts";
import type { RadarView, TrackView } from "#orion/model/radar.ts";

/** What is to be drawn, in metres relative to own ship: +X east, +Y north. */
export interface RadarScene {
  /** False when there is no picture: rings and own ship are drawn, and no target. */
  readonly ok: boolean;
  /** Course of own ship, degrees from north, clockwise; undefined when not published. */
  readonly headingDeg: number | undefined;
  readonly targets: readonly Target[];
  readonly zones: readonly Zone[];
}

export type TargetStatus = "NEW" | "TRACKED" | "COASTING" | "LOST" | "UNSPECIFIED";
export type Identity = "FRIEND" | "FOE" | "UNKNOWN" | "UNSPECIFIED";

export interface Target {
  readonly id: string;
  readonly label: string;
  readonly xM: number;
  readonly yM: number;
  /** Metres per second; undefined when unknown. */
  readonly velocity: { readonly x: number; readonly y: number } | undefined;
  readonly covariance: readonly number[] | null;
  readonly status: TargetStatus;
  readonly identity: Identity;
  readonly isSpoof: boolean;
  readonly band: "LR" | "SR" | undefined;
  readonly rangeM: number;
  readonly ageMs: number;
  readonly isAged: boolean;
  readonly severity: string | undefined;
  readonly isCalling: boolean;
  readonly trail: TrackView["trail"];
}

export interface Zone {
  readonly name: string;
  readonly minM: number;
  readonly maxM: number | undefined;
  readonly hysteresisM: number;
  readonly severity: "info" | "warning" | "critical";
  readonly isActive: boolean;
}

export interface SceneNames {
  readonly zone: (ruleId: string) => string;
}

/** The scene of a radar view; a track without a position stands where range and bearing put it. */
export function sceneFrom(view: RadarView, headingDeg: number | undefined, names: SceneNames): RadarScene {
  return {
    ok: view.empty === undefined,
    headingDeg,
    targets: view.tracks.map(targetOf),
    zones: view.zones.map(({ id, rule, minM, maxM, hysteresisM, isActive }) => ({
      name: names.zone(id),
      minM,
      maxM,
      hysteresisM,
      severity: rule.severity,
      isActive,
    })),
  };
}

function targetOf({ id, label, wire, ageMs, isAged, incident, isCalling, trail }: TrackView): Target {
  const { position, velocity } = wire;
  const flat = position ?? polarPosition(wire.range_m, wire.bearing_deg, wire.elev_deg);
  const band = RANGE_BANDS[wire.range_band];
  return {
    id,
    label,
    xM: flat.x,
    yM: flat.y,
    velocity: velocity ?? undefined,
    covariance: wire.position_covariance,
    status: TRACK_STATUSES[wire.status] ?? "UNSPECIFIED",
    identity: FRIEND_FOE[wire.iff] ?? "UNSPECIFIED",
    isSpoof: TRANSPONDER_MODES[wire.transponder_mode] === "SPOOF",
    band: band === "RR_LR" ? "LR" : band === "RR_SR" ? "SR" : undefined,
    rangeM: wire.range_m,
    ageMs,
    isAged,
    severity: incident?.severity,
    isCalling,
    trail,
  };
}

const RAD_PER_DEG = Math.PI / 180;

function polarPosition(rangeM: number, bearingDeg: number, elevDeg: number): { x: number; y: number } {
  const flatM = rangeM * Math.cos(elevDeg * RAD_PER_DEG);
  return { x: flatM * Math.sin(bearingDeg * RAD_PER_DEG), y: flatM * Math.cos(bearingDeg * RAD_PER_DEG) };
}
