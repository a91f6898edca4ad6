import type { RadarTrackWire } from "#contracts/radar.ts";
import { TRACK_STATUSES } from "#contracts/radar-words.ts";

/** Closest approach to own ship if both keep their velocity; worked out here from the track as reported. */
export interface Approach {
  /** Seconds from the time of the report; 0 when it is already past. */
  readonly inS: number;
  readonly distanceM: number;
  readonly isAhead: boolean;
}

/** What a track means for own ship, worked out from range and range rate. */
export type Risk = "critical" | "warning" | "none";

/** Slower than this is standing still: the time of closest approach would be a guess. */
const STANDING_MPS = 0.01;

const NEW = TRACK_STATUSES.indexOf("NEW");

/** Undefined without kinematics, for a track that stands still relative to own ship, and for a tentative one: it has only a range rate. */
export function approachOf({ position, velocity, status }: Pick<RadarTrackWire, "position" | "velocity" | "status">): Approach | undefined {
  if (position === null || velocity === null || status === NEW) return undefined;
  const speed2 = velocity.x * velocity.x + velocity.y * velocity.y + velocity.z * velocity.z;
  if (speed2 < STANDING_MPS * STANDING_MPS) return undefined;
  const toGo = -(position.x * velocity.x + position.y * velocity.y + position.z * velocity.z) / speed2;
  const inS = Math.max(0, toGo);
  const [x, y, z] = [position.x + velocity.x * inS, position.y + velocity.y * inS, position.z + velocity.z * inS];
  return { inS, distanceM: Math.sqrt(x * x + y * y + z * z), isAhead: toGo > 0 };
}

const CRITICAL = { withinS: 8, rangeM: 150 };
const WARNING = { withinS: 20, closingMps: 5 };

/** Console §4.6: how soon range is used up at the present range rate. Undefined without kinematics, and for a tentative track. */
export function riskOf({ range_m: rangeM, vr_mps: rangeRateMps, velocity, status }: RadarTrackWire): Risk | undefined {
  if (velocity === null || status === NEW) return undefined;
  if (rangeRateMps >= 0) return "none";
  const inS = rangeM / -rangeRateMps;
  if (inS < CRITICAL.withinS && rangeM < CRITICAL.rangeM) return "critical";
  return inS < WARNING.withinS || -rangeRateMps > WARNING.closingMps ? "warning" : "none";
}

/** How a track is called on screen: who it says it is, else the beginning of its id. */
export function trackLabel({ transponder_id: saysId, track_id: trackId }: Pick<RadarTrackWire, "transponder_id" | "track_id">): string {
  return saysId === null || saysId === "" ? trackId.slice(0, 5).toUpperCase() : saysId;
}
