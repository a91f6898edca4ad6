import type { TrackerSettings } from "./tracker-settings.ts";
import { STATUS, type Track } from "./tracks.ts";

/** What association knows of a hit. */
export interface HitEvidence {
  readonly dof: number;
  readonly d2: number;
  readonly logDetS: number;
}

/** Whether a newborn of this existence needs no second plot. */
export function isConfirmedAtBirth({ lifecycle, confirmM, score }: TrackerSettings, existence: number): boolean {
  return lifecycle === "mofn" ? confirmM === 1 : existence > score.confirm;
}

/** A track got a plot (radar §6.8). */
export function countHit(track: Track, settings: TrackerSettings, { dof, d2, logDetS }: HitEvidence): void {
  const { lifecycle, confirmM, confirmN, pd, extraneousDensity, score } = settings;
  track.hits += 1;
  track.misses = 0;
  track.opportunities += 1;
  if (lifecycle === "score") {
    track.existence = existenceAfterHit(track.existence, existenceRatio(pd, extraneousDensity, dof, d2, logDetS), score.rMax);
    if (track.status !== STATUS.new || track.existence > score.confirm) track.status = STATUS.tracked;
  } else if (track.status !== STATUS.new || (track.hits >= confirmM && track.opportunities <= confirmN)) track.status = STATUS.tracked;
}

/** A track had a chance to be seen and was not. */
export function countMiss(track: Track, { lifecycle, confirmM, confirmN, maxMisses, pd, score }: TrackerSettings): void {
  track.opportunities += 1;
  track.misses += 1;
  const isNew = track.status === STATUS.new;
  let isOver = false;
  if (lifecycle === "score") {
    track.existence = existenceAfterMiss(track.existence, pd);
    isOver = track.existence <= score.delete;
  } else isOver = isNew ? track.hits + (confirmN - track.opportunities) < confirmM : track.misses > maxMisses;
  if (isOver) endTrack(track);
  else if (!isNew) track.status = STATUS.coasting;
}

/** A confirmed track is lost, a new one is dropped without a word. */
export function endTrack(track: Track): void {
  track.status = track.status === STATUS.new ? STATUS.dropped : STATUS.lost;
}

/** How far a hit raises the odds that there is something: its likelihood over the density of plots that mean nothing (radar §6.8). */
export function existenceRatio(pd: number, extraneousDensity: number, dof: number, d2: number, logDetS: number): number {
  return (pd * Math.exp(-(d2 + logDetS + dof * Math.log(2 * Math.PI)) / 2)) / extraneousDensity;
}

export function existenceAfterHit(r: number, ratio: number, most: number): number {
  return Math.min(most, (r * ratio) / (1 - r + r * ratio));
}

export function existenceAfterMiss(r: number, pd: number): number {
  return (r * (1 - pd)) / (1 - r * pd);
}
