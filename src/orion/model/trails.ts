import type { RadarTrackWire } from "#contracts/radar.ts";
import { timeUsOf, TRACK_STATUSES } from "#contracts/radar-words.ts";

/** Where a track was when it was reported, metres relative to own ship. */
export interface TrailPoint {
  readonly xM: number;
  readonly yM: number;
  readonly timeUs: number;
  /** Predicted, not measured. */
  readonly isCoasting: boolean;
  /** Reports between the point before and this one are missing. */
  readonly isAfterGap: boolean;
}

/** The last reported points of every track that is known, oldest first; a track's trail goes with it. */
export interface Trails {
  of(trackId: string): readonly TrailPoint[];
  /** Takes the tracks known now. */
  follow(tracks: ReadonlyMap<string, unknown>): void;
  clear(): void;
}

export const TRAIL_POINTS = 20;
/** Points further apart than this many of the shortest step between points of the trail have a gap between them. */
const GAP_STEPS = 2.5;
const COASTING = TRACK_STATUSES.indexOf("COASTING");
const LOST = TRACK_STATUSES.indexOf("LOST");

export function createTrails(): Trails {
  const trails = new Map<string, TrailPoint[]>();
  let followed: ReadonlyMap<string, unknown> | undefined;

  function extend(trackId: string, track: RadarTrackWire): void {
    const { position } = track;
    const timeUs = timeUsOf(track.timestamp);
    if (position === null || timeUs === undefined) return;
    const trail = trails.get(trackId) ?? [];
    const last = trail.at(-1);
    if (last !== undefined && timeUs <= last.timeUs) return;
    const stepUs = trail.length < 2 ? Number.POSITIVE_INFINITY : shortestStepUs(trail);
    const isAfterGap = last !== undefined && timeUs - last.timeUs > GAP_STEPS * stepUs;
    const isCoasting = track.status === COASTING || track.status === LOST;
    trails.set(trackId, [...trail, { xM: position.x, yM: position.y, timeUs, isCoasting, isAfterGap }].slice(-TRAIL_POINTS));
  }

  return {
    of: (trackId) => trails.get(trackId) ?? [],
    follow(tracks) {
      if (tracks === followed) return;
      followed = tracks;
      for (const trackId of trails.keys()) if (!tracks.has(trackId)) trails.delete(trackId);
      for (const [trackId, track] of tracks) extend(trackId, track as RadarTrackWire);
    },
    clear() {
      trails.clear();
      followed = undefined;
    },
  };
}

function shortestStepUs(trail: readonly TrailPoint[]): number {
  let least = Number.POSITIVE_INFINITY;
  for (let at = 1; at < trail.length; at += 1) least = Math.min(least, trail[at]!.timeUs - trail[at - 1]!.timeUs);
  return least;
}
