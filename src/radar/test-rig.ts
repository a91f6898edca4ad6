import { assert } from "#base/assert.ts";
import { type Raw, readObject } from "#base/key-reader.ts";
import type { KeySpec } from "#base/key-spec.ts";
import { type ContactSpec, readContacts } from "./contacts.ts";
import { polarOfXyz, rangeRateMps, type Vector3 } from "./coordinates.ts";
import { type Detection, type Frame, RADAR_SENSOR_ID, RANGE_BAND } from "./frame.ts";
import { LR_KEYS, SENSOR_KEYS, type SensorSettings, sensorSettings, SR_KEYS } from "./sensor-settings.ts";
import { Tracker } from "./tracker.ts";
import { checkTrackerSettings, TRACKER_SECTIONS, type TrackerSettings } from "./tracker-settings.ts";
import { type Trajectory, trajectoryOf } from "./trajectory.ts";

/** Sensor settings with `{key: value}` as configuration writes them, keys under `radar.`, `radar.lr.` and `radar.sr.`. */
export function sensorSettingsOf(config: Raw = {}, problems?: string[]): SensorSettings {
  const report = (_code: string, path: string, got: unknown, expected: string): void => {
    assert(problems !== undefined, "the settings of a test are right", { path, got, expected });
    problems.push(`${path}: got ${String(got)}, expected ${expected}`);
  };
  const section = (prefix: string, keys: readonly KeySpec[]): never => {
    const given = Object.fromEntries(keys.map(({ key }) => [key, config[`${prefix}.${key}`]]));
    return readObject(keys, given, prefix, "ignored", report) as never;
  };
  return sensorSettings(section("radar", SENSOR_KEYS), section("radar.lr", LR_KEYS), section("radar.sr", SR_KEYS), 100, report);
}

/** A contact as a scenario writes it: at (300, 2000, 100) m, 1 m/s east, 10 dBsm, unless told otherwise. */
export function contactOf(id: string, more: Raw = {}): ContactSpec {
  const at = { x: 300, y: 2000, z: 100 };
  const raw = {
    id,
    type: "SHIP",
    rcs_dbsm: 10,
    trajectory: { kind: "constant_velocity", at, velocity: { x: 1, y: 0, z: 0 } },
    ...more,
  };
  const [contact] = readContacts([raw], "contacts", (_code, path, got, expected) =>
    assert(false, "a contact of a test is right", { path, got, expected }),
  );
  return contact!;
}

/** The trajectory that a scenario writes so. */
export function trajectoryFrom(raw: Raw, ownStartM: readonly [number, number, number] = [0, 0, 0]): Trajectory {
  return trajectoryOf(contactOf("one", { trajectory: raw }).trajectory, ownStartM);
}

/** Tracker settings with `{key: value}` as configuration writes them. */
export function trackerSettingsOf(config: Raw = {}): TrackerSettings {
  const report = (_code: string, path: string, got: unknown, expected: string): void =>
    assert(false, "the settings of a test are right", { path, got, expected });
  const section = (prefix: keyof typeof TRACKER_SECTIONS): never => {
    const keys: readonly KeySpec[] = TRACKER_SECTIONS[prefix];
    const given = Object.fromEntries(keys.map(({ key }) => [key, config[`${prefix}.${key}`]]));
    return readObject(keys, given, prefix, "ignored", report) as never;
  };
  const own: Omit<TrackerSettings, "score" | "birth" | "alphaBeta" | "imm" | "iff" | "identity"> = section("tracker");
  const settings: TrackerSettings = {
    ...own,
    score: section("tracker.score"),
    birth: section("tracker.birth"),
    alphaBeta: section("tracker.alpha_beta"),
    imm: section("tracker.imm"),
    iff: section("iff"),
    identity: section("identity"),
  };
  checkTrackerSettings(settings, 1, report);
  return settings;
}

export function trackerOf(config: Raw = {}, sensor: Raw = {}): Tracker {
  return new Tracker(trackerSettingsOf(config), sensorSettingsOf(sensor));
}

/** An SR plot at 20 dB at (1000 m, 0, 0), unless told otherwise. */
export function detectionOf(more: Partial<Detection> = {}): Detection {
  return {
    rangeM: 1000,
    bearingDeg: 0,
    elevDeg: 0,
    rangeRateMps: 0,
    snrDb: 20,
    rcsDbsm: 0,
    transponderOn: false,
    transponderMode: 0,
    transponderId: null,
    band: RANGE_BAND.sr,
    idPresent: null,
    ...more,
  };
}

/** What a place moving so looks like, without noise. */
export function detectionAt(position: Vector3, velocity: Vector3 = [0, 0, 0], more: Partial<Detection> = {}): Detection {
  return detectionOf({ ...polarOfXyz(...position), rangeRateMps: rangeRateMps(...position, ...velocity), ...more });
}

/** A frame of both bands' looks `timeS` after 2026-01-01. */
export function frameAt(timeS: number, detections: readonly Detection[], more: Partial<Frame> = {}): Frame {
  return {
    frameId: `frame-${timeS}`,
    sensorId: RADAR_SENSOR_ID,
    timeUs: 1_767_225_600_000_000 + Math.round(timeS * 1e6),
    tick: Math.round(timeS * 10),
    runId: undefined,
    looked: { lr: true, sr: true },
    ownVelocityMps: undefined,
    detections,
    ...more,
  };
}
