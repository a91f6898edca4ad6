import { describe, expect, test } from "vitest";
import { parseRadarFrame, parseRadarTrack, RADAR_SENSOR_ID, radarDetectionSchema } from "./radar.ts";

const ID = "a2a41684-3850-568c-ab3e-30bef93ecf82";

function detection(more: Record<string, unknown> = {}): Record<string, unknown> {
  return { range_m: 100, bearing_deg: 30, elev_deg: 10, vr_mps: -1, snr_db: 20, rcs_dbsm: 0, range_band: 2, ...more };
}

function frame(detections: unknown[], more: Record<string, unknown> = {}): Record<string, unknown> {
  return { schema_version: 1, frame_id: ID, sensor_id: RADAR_SENSOR_ID, timestamp: "2026-01-01T00:00:01Z", detections, ...more };
}

function track(more: Record<string, unknown> = {}): Record<string, unknown> {
  const { range_band: _band, ...polar } = detection();
  return {
    schema_version: 1,
    track_id: ID,
    object_type: 0,
    iff: 3,
    transponder_on: false,
    transponder_mode: 0,
    transponder_id: null,
    quality: 1,
    status: 2,
    ...polar,
    position: { x: 1, y: 2, z: 3 },
    velocity: { x: 0, y: 0, z: 0 },
    position_covariance: [1, 0, 0, 1, 0, 1],
    velocity_covariance: [1, 0, 0, 1, 0, 1],
    age_s: 0,
    miss_count: 0,
    timestamp: "2026-01-01T00:00:01.5Z",
    ts_event: null,
    ts_ingest: null,
    range_band: 2,
    id_present: null,
    ...more,
  };
}

function problems(raw: unknown): string {
  const result = parseRadarFrame(raw);
  return result.kind === "ok" ? "" : result.problems.join("; ");
}

describe("RAD-004 radar messages", () => {
  test.each([
    [{ bearing_deg: 360 }, "bearing_deg"],
    [{ elev_deg: 90.0001 }, "elev_deg"],
    [{ range_m: -1 }, "range_m"],
    [{ snr_db: -0.1 }, "snr_db"],
  ])("RAD-004 detection - %o is refused with its path", (more, path) => {
    expect(problems(frame([detection(), detection(more)]))).toMatch(new RegExp(`^detections\\.1\\.${path}: `));
  });

  test.each(["range_m", "snr_db", "vr_mps"])("RAD-005 detection - %s must be a finite number", (key) => {
    for (const value of [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN, "12"])
      expect(problems(frame([detection({ [key]: value })]))).toMatch(`detections.0.${key}: `);
    expect(() => JSON.parse(`{"${key}":Infinity}`)).toThrow(SyntaxError);
  });

  test("RAD-006 LR - a detection with an id or id_present is refused, transponder_on alone is not", () => {
    expect(problems(frame([detection({ range_band: 1, transponder_id: "X" })]))).toMatch("detections.0.transponder_id");
    expect(problems(frame([detection({ range_band: 1, id_present: true })]))).toMatch("detections.0.id_present");
    expect(problems(frame([detection({ range_band: 1, transponder_on: true })]))).toBe("");
    expect(problems(frame([detection({ range_band: 1, transponder_id: "" })]))).toBe("");
  });

  test("RAD-007 LR - a track with a transponder mode is refused", () => {
    expect(parseRadarTrack(track({ range_band: 1, transponder_mode: 1 }))).toMatchObject({
      kind: "refused",
      problems: ["transponder_mode: an LR track carries no transponder mode: expected 0"],
    });
    expect(parseRadarTrack(track({ range_band: 1 })).kind).toBe("ok");
  });

  test("RAD-008 keys - an unknown one is refused in frame, detection and track", () => {
    expect(problems(frame([], { extra: 1 }))).toMatch("extra");
    expect(problems(frame([detection({ extra: 1 })]))).toMatch("extra");
    expect(parseRadarTrack(track({ extra: 1 })).kind).toBe("refused");
  });

  test("RAD-008 aliases - older spellings of a track's keys are read; ts_event is the timestamp", () => {
    for (const alias of ["iff_class", "iffClass"]) {
      const { iff: _iff, ...rest } = track();
      expect(parseRadarTrack({ ...rest, [alias]: 2 })).toMatchObject({ kind: "ok", value: { iff: 2 } });
    }
    for (const alias of ["positionCovariance", "error_covariance", "errorCovariance"]) {
      const { position_covariance: _covariance, ...rest } = track();
      expect(parseRadarTrack({ ...rest, [alias]: [9, 0, 0, 9, 0, 9] })).toMatchObject({
        kind: "ok",
        value: { position_covariance: [9, 0, 0, 9, 0, 9], ts_event: "2026-01-01T00:00:01.5Z" },
      });
    }
    expect(parseRadarFrame(frame([], { ts_event: "2020-01-01T00:00:00Z" }))).toMatchObject({ value: { ts_event: "2026-01-01T00:00:01Z" } });
  });

  test("RAD-008 defaults - what a detection leaves out", () => {
    const { range_band: _band, ...bare } = detection();
    expect(radarDetectionSchema.parse(bare)).toMatchObject({
      transponder_on: false,
      transponder_mode: 0,
      transponder_id: null,
      range_band: 0,
      id_present: null,
    });
    expect(problems(frame(Array.from({ length: 20_001 }, () => detection())))).toMatch("detections");
  });
});
