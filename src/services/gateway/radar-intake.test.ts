import { expect, test } from "vitest";
import { type RadarFrameWire, type RadarTrackWire, radarTrackSchema } from "#contracts/radar.ts";
import type { Hub } from "./hub.ts";
import { createRadarIntake, type RadarIntake } from "./radar-intake.ts";
import { manualClock, type ManualClock } from "./test-rig.ts";
import { createHub } from "./hub.ts";

const A = "8b6aa8fc-e2d3-58f7-b2e5-34c16d12d93c";
const B = "c4cb5877-30d4-5912-b11d-d2beb856b608";
const [NEW, TRACKED, LOST] = [1, 2, 3];
const SENSOR = "e46bc6f6-b33d-5ee4-a4ee-ae47bf13509c";

function timeOf(second: number): string {
  return new Date(Date.UTC(2026, 0, 1, 0, 0, second)).toISOString().replace(".000Z", "Z");
}

function track(trackId: string, second: number, status = TRACKED): RadarTrackWire {
  return radarTrackSchema.parse({
    schema_version: 1,
    track_id: trackId,
    object_type: 0,
    iff: 3,
    transponder_on: false,
    transponder_mode: 0,
    transponder_id: null,
    quality: 0.5,
    status,
    range_m: 100,
    bearing_deg: 90,
    elev_deg: 0,
    vr_mps: -1,
    snr_db: 20,
    rcs_dbsm: 0,
    position: { x: 100, y: 0, z: 0 },
    velocity: { x: -1, y: 0, z: 0 },
    position_covariance: null,
    velocity_covariance: null,
    age_s: 1,
    miss_count: 0,
    timestamp: timeOf(second),
    range_band: 2,
    id_present: false,
  });
}

function frame(second: number, bands: readonly number[] = []): RadarFrameWire {
  const detection = { range_m: 1, bearing_deg: 0, elev_deg: 0, vr_mps: 0, snr_db: 1, rcs_dbsm: 0 };
  const identity = { transponder_on: false, transponder_mode: 0, transponder_id: null, id_present: null };
  const detections = bands.map((range_band) => ({ ...detection, ...identity, range_band }));
  return { schema_version: 1, frame_id: A, sensor_id: SENSOR, timestamp: timeOf(second), detections };
}

const status = (second: number): Record<string, unknown> => ({ kind: "tracker_status", last_frame_ts: timeOf(second) });

function rig(): { hub: Hub; clock: ManualClock; radar: RadarIntake; ids(): string[] } {
  const clock = manualClock();
  const hub = createHub(clock);
  return { hub, clock, radar: createRadarIntake(hub, clock), ids: () => [...hub.entries("tracks").keys()] };
}

test("radar intake - a lost track is shown for 5 s and then gone; a tombstone of a track nobody saw says nothing", () => {
  const { hub, clock, radar, ids } = rig();
  radar.track(track(A, 1), "r1");
  radar.track(track(B, 1, LOST), "r1");
  expect(ids()).toEqual([A]);
  radar.track(track(A, 2, LOST), "r1");
  clock.advance(4999);
  expect((hub.get("tracks", A)!.value as RadarTrackWire).status).toBe(LOST);
  clock.advance(1);
  expect(ids()).toEqual([]);
});

test("radar intake - a tentative track that the newest frame no longer tells of is gone; a confirmed one waits for its tombstone", () => {
  const { radar, ids } = rig();
  radar.track(track(A, 1, NEW), "r1");
  radar.track(track(B, 1), "r1");
  radar.status(status(1), "r1");
  expect(ids()).toEqual([A, B]);
  radar.status(status(2), "r1");
  expect(ids()).toEqual([B]);
});

test("radar intake - of several sensors the one that is behind keeps its tentative tracks, unless it has been silent for long", () => {
  const { radar, ids } = rig();
  const of = (...seconds: number[]): Record<string, unknown> => ({
    ...status(Math.max(...seconds)),
    sensors: seconds.map((second) => ({ last_frame_ts: timeOf(second) })),
  });
  radar.track(track(A, 5, NEW), "r1");
  radar.status(of(7, 5), "r1");
  expect(ids()).toEqual([A]);
  radar.status(of(15, 5), "r1");
  expect(ids()).toEqual([A]);
  radar.status(of(16, 5), "r1");
  expect(ids()).toEqual([]);
});

test("radar intake - tracks repeated after the tracker's restart do not turn time back", () => {
  const { hub, radar } = rig();
  radar.track(track(A, 5), "r1");
  radar.track(track(A, 4), "r1");
  expect((hub.get("tracks", A)!.value as RadarTrackWire).timestamp).toBe(timeOf(5));
});

test("radar intake - another run takes the tracks of the one before away, whichever tells of it first", () => {
  const { radar, ids } = rig();
  radar.track(track(A, 50), "r1");
  radar.track(track(B, 1), "r2");
  radar.run("r2");
  expect(ids()).toEqual([B]);
  radar.track(track(A, 50), "r1");
  radar.status(status(1), "r2");
  expect(ids()).toEqual([B]);
});

test("radar intake - the last frame is told in numbers with the bands that looked; what a sender without tombstones forgot goes", () => {
  const { hub, radar, ids } = rig();
  radar.track(track(A, 0), undefined);
  radar.frame(frame(300, [1, 1, 2, 0]), { "x-qiki-tick": "3000", "x-qiki-scan": "LR" });
  expect(hub.get("system", "radar_frame")?.value).toEqual({
    frame_id: A,
    timestamp: timeOf(300),
    tick: 3000,
    scan: ["LR"],
    detections: { lr: 2, sr: 1, other: 1 },
  });
  expect(ids()).toEqual([A]);
  radar.frame(frame(301), {});
  expect(ids()).toEqual([]);
  expect(hub.get("system", "radar_frame")?.value).toMatchObject({ tick: null, scan: null });
});

test("radar intake - guard rules stand by their ids; one that is no longer in force goes, what is no rule file is refused", () => {
  const { hub, radar } = rig();
  const rule = {
    description: "d",
    severity: "critical",
    iff: 3,
    require_transponder_on: null,
    allowed_transponder_modes: null,
    min_range_m: 0,
    max_range_m: 70,
    hysteresis_m: 5,
    min_quality: 0,
    max_radial_velocity_mps: null,
  };
  const rules = (...ids: string[]): unknown => ({ hash: "h", rules: ids.map((id) => ({ id, ...rule })) });
  expect(radar.rules(rules("NEAR", "FAR"))).toBe(true);
  expect([...hub.entries("guards").keys()]).toEqual(["NEAR", "FAR"]);
  expect(radar.rules({ rules: [{ id: "X" }] })).toBe(false);
  expect(radar.rules(rules("FAR"))).toBe(true);
  expect([...hub.entries("guards")].map(([id, { value }]) => [id, value])).toEqual([["FAR", { id: "FAR", ...rule }]]);
  radar.rules(null);
  expect(hub.entries("guards").size).toBe(0);
});
