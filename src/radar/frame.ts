import type { Vector3 } from "./coordinates.ts";

/** Numbers of enums as they stand on the wire (radar §2.1). */
export const RANGE_BAND = { unspecified: 0, lr: 1, sr: 2 } as const;
export type RangeBand = (typeof RANGE_BAND)[keyof typeof RANGE_BAND];

export const TRANSPONDER_MODE = { off: 0, on: 1, silent: 2, spoof: 3 } as const;
export type TransponderMode = (typeof TRANSPONDER_MODE)[keyof typeof TRANSPONDER_MODE];

/** What one look of one band saw of something, or took for something (radar §2.2). */
export interface Detection {
  /** Slant range, m, from 0. */
  readonly rangeM: number;
  /** In [0, 360). */
  readonly bearingDeg: number;
  /** In [-90, 90]. */
  readonly elevDeg: number;
  /** Range rate, m/s, negative is closing. */
  readonly rangeRateMps: number;
  /** From 0. */
  readonly snrDb: number;
  readonly rcsDbsm: number;
  readonly transponderOn: boolean;
  readonly transponderMode: TransponderMode;
  readonly transponderId: string | null;
  readonly band: RangeBand;
  /** Whether an id was read; null when the sensor does not say. */
  readonly idPresent: boolean | null;
}

/** Which bands looked. */
export interface Looked {
  readonly lr: boolean;
  readonly sr: boolean;
}

/** One scan of the sensor, before it is given ids and times. */
export interface Scan {
  /** The tick in which the bands looked. */
  readonly tick: number;
  readonly looked: Looked;
  readonly ownVelocityMps: Vector3;
  readonly detections: readonly Detection[];
}
