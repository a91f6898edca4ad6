import type { Vector3 } from "./coordinates.ts";

/** Id of our own sensor in every frame: uuid5 of `qiki:q_sim_service:radar:main` in the namespace of URLs. */
export const RADAR_SENSOR_ID = "e46bc6f6-b33d-5ee4-a4ee-ae47bf13509c";

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

/** A frame as the tracker takes it: only what the message and its headers carry. */
export interface Frame {
  readonly frameId: string;
  readonly sensorId: string;
  /** Event time, integer microseconds since 1970. */
  readonly timeUs: number;
  /** The tick of the scan, where its sender says it. */
  readonly tick: number | undefined;
  readonly runId: string | undefined;
  readonly looked: Looked;
  /** Absent means unchanged. */
  readonly ownVelocityMps: Vector3 | undefined;
  readonly detections: readonly Detection[];
}
