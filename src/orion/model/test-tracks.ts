import type { RadarTrackWire } from "#contracts/radar.ts";

export const TRACK_A = "8b6aa8fc-e2d3-58f7-b2e5-34c16d12d93c";
export const TRACK_B = "c4cb5877-30d4-5912-b11d-d2beb856b608";

/** A confirmed unknown 1,000 m to the north that closes with 10 m/s, reported at second 10 of the run. */
export function trackWire(more: Partial<RadarTrackWire> = {}): RadarTrackWire {
  return {
    schema_version: 1,
    track_id: TRACK_A,
    object_type: 0,
    iff: 3,
    transponder_on: false,
    transponder_mode: 0,
    transponder_id: null,
    quality: 0.9,
    status: 2,
    range_m: 1000,
    bearing_deg: 0,
    elev_deg: 0,
    vr_mps: -10,
    snr_db: 20,
    rcs_dbsm: 0,
    position: { x: 0, y: 1000, z: 0 },
    velocity: { x: 0, y: -10, z: 0 },
    position_covariance: [400, 50, 0, 100, 0, 25],
    velocity_covariance: [1, 0, 0, 1, 0, 1],
    age_s: 9,
    miss_count: 0,
    timestamp: "2026-01-01T00:00:10Z",
    ts_event: "2026-01-01T00:00:10Z",
    ts_ingest: null,
    range_band: 2,
    id_present: false,
    ...more,
  };
}
