import { clamp } from "#base/units.ts";
import type { Vector3 } from "./coordinates.ts";
import { decibel } from "./detectability.ts";
import { STATE } from "./filter/filter.ts";
import type { TrackIdentity } from "./identity.ts";
import { STATUS, type Track } from "./tracks.ts";

/** A track as it stands after a frame; a LOST one is its last word. */
export interface TrackView
  extends TrackIdentity,
    Pick<Track, "birth" | "status" | "misses" | "lastPlotUs" | "existence" | "rcsDbsm" | "band"> {
  /** In [0, 1]. */
  readonly quality: number;
  readonly snrDb: number;
  /** Relative to own ship, world axes. */
  readonly positionM: Vector3;
  readonly velocityMps: Vector3;
  /** xx, xy, xz, yy, yz, zz. */
  readonly positionCovariance: readonly number[];
  readonly velocityCovariance: readonly number[];
}

export function trackView(track: Track, states: Float64Array, maxMisses: number): TrackView {
  const { birth, status, misses, lastPlotUs, existence, rcsDbsm, band, identity, row, snr } = track;
  // Adding 0 makes -0 a 0: the wire has one zero.
  const number = (offset: number): number => states[row + offset]! + 0;
  const six = (offset: number): number[] => [0, 1, 2, 3, 4, 5].map((member) => number(offset + member));
  const vector = (offset: number): Vector3 => [number(offset), number(offset + 1), number(offset + 2)];
  return {
    birth,
    status,
    misses,
    lastPlotUs,
    existence,
    rcsDbsm,
    band,
    ...identity,
    quality: qualityOf(track, maxMisses),
    snrDb: Math.max(0, decibel(snr)),
    positionM: vector(STATE.position),
    velocityMps: vector(STATE.velocity),
    positionCovariance: six(STATE.pp),
    velocityCovariance: six(STATE.vv),
  };
}

/** Share of the misses still allowed, times the strength of the echo up to 20 dB; 0 for a lost track. */
function qualityOf({ status, misses, snr }: Track, maxMisses: number): number {
  if (status === STATUS.lost) return 0;
  return clamp(((maxMisses - misses) / maxMisses) * Math.min(decibel(snr) / 20, 1), 0, 1);
}
