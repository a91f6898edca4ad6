import { describe, expect, test } from "vitest";
import { rulesMatched } from "./guard-match.ts";
import { type RadarInput, radarView } from "./radar.ts";
import { followSelection, NOTHING_SELECTED, selectTrack, stepSelection } from "./radar-selection.ts";
import { approachOf, riskOf, trackLabel } from "./radar-track.ts";
import { readOf } from "./test-telemetry.ts";
import { TRACK_A, TRACK_B, trackWire } from "./test-tracks.ts";
import { createTrails } from "./trails.ts";

const T0_MS = Date.UTC(2026, 0, 1);
const RUNNING = {
  ts_unix_ms: T0_MS + 10_000,
  sim_state: { fsm_state: "RUNNING", speed: 1 },
  power: { loads_w: { radar: 18 } },
  power_detail: { demand_w: { radar: 18 } },
};

/** A record so many milliseconds old. */
const aged = (value: unknown, ageMs = 0) => ({ value, ageMs, monoMs: 0, wallMs: 0 });
const SENSOR = { ts_epoch: T0_MS / 1000 + 10, value: 1, reason: "ok", detections: 0 };
const TRACKER = { ts_epoch: T0_MS / 1000 + 10 };
const FRAME = { timestamp: "2026-01-01T00:00:10Z", scan: ["LR", "SR"] };

function input(more: Partial<RadarInput> & { readonly telemetry?: object } = {}): RadarInput {
  const { telemetry = {}, ...rest } = more;
  return {
    read: readOf({ ...RUNNING, ...telemetry }),
    isLinkLost: false,
    data: "ok",
    system: new Map([
      ["radar_sensor", aged(SENSOR)],
      ["radar_tracker", aged(TRACKER)],
      ["radar_frame", aged(FRAME)],
    ]),
    ageOf: (receipt) => ({ ageMs: receipt.ageMs, isTrusted: true }),
    framePeriodMs: 1000,
    tracks: new Map([[TRACK_A, aged(trackWire())]]),
    guards: new Map(),
    incidents: new Map(),
    trailOf: () => [],
    ...rest,
  };
}

const without = (key: string): RadarInput["system"] => new Map([...input().system].filter(([name]) => name !== key));
const withSensor = (more: object): RadarInput["system"] => new Map([...input().system, ["radar_sensor", aged({ ...SENSOR, ...more })]]);

const sensorAt = (second: number): RadarInput["system"] => withSensor({ ts_epoch: T0_MS / 1000 + second });

describe("why there is no picture", () => {
  test.each([
    ["nothing has come", "not_received", { data: "none" }],
    ["nothing has come and the link is lost", "link_lost", { data: "none", isLinkLost: true }],
    ["telemetry has been silent for 30 s", "data_stale", { data: "stale" }],
    ["the link has been lost for 30 s", "link_lost", { data: "stale", isLinkLost: true }],
    ["power is asked for and not granted", "unpowered", { telemetry: { power: { loads_w: { radar: 0 } } } }],
    ["the sensor says so", "unpowered", { system: withSensor({ value: 0, reason: "unpowered" }) }],
    ["both bands drop out", "dropout", { system: withSensor({ value: 0, reason: "dropout" }) }],
    ["it has not looked", "no_look", { system: withSensor({ value: 0 }) }],
    ["the sensor says nothing while time runs", "sensor_silent", { system: without("radar_sensor") }],
    ["nothing has run yet", "stopped", { system: without("radar_frame"), telemetry: { sim_state: { fsm_state: "STOPPED", speed: 1 } } }],
    ["it asks for no power", "disabled", { system: without("radar_sensor"), telemetry: { power_detail: { demand_w: { radar: 0 } } } }],
  ] as [string, string, Parameters<typeof input>[0]][])("RV-003 %s - no target, reason %s", (_what, reason, more) => {
    const view = radarView(input(more));
    expect([view.empty, view.tracks]).toEqual([reason, []]);
  });

  test("RV-003 all is well - there is a picture with its tracks", () => {
    const view = radarView(input());
    expect([view.empty, view.none, view.tracker.kind, view.counts.TRACKED]).toEqual([undefined, undefined, "ok", 1]);
    expect(view.frame).toMatchObject({ isFresh: true, scan: ["LR", "SR"] });
  });

  test("WEB-016 empty sky - only a fresh frame and a living tracker say that there are no contacts", () => {
    const none = (more: Parameters<typeof input>[0]): unknown => radarView(input({ tracks: new Map(), ...more })).none;
    expect(none({})).toBe("no_contacts");
    expect(none({ system: without("radar_tracker") })).toBe("tracker_silent");
    expect(none({ system: new Map([...input().system, ["radar_tracker", aged(TRACKER, 5001)]]) })).toBe("tracker_silent");
    expect(none({ system: without("radar_frame") })).toBe("no_frame");
    const dark = new Map([...without("radar_frame"), ["radar_tracker", aged(TRACKER, 5001)]]) as RadarInput["system"];
    expect(radarView(input({ system: dark })).tracker).toEqual({ kind: "idle" });
    expect(none({ tracks: new Map([[TRACK_A, aged(trackWire(), 41_000)]]) })).toBe("all_hidden");
  });
});

describe("freshness of tracks", () => {
  const ageOf = (ageMs: number, more: Parameters<typeof input>[0] = {}) =>
    radarView(input({ tracks: new Map([[TRACK_A, aged(trackWire(), ageMs)]]), ...more }));

  test("WEB-016 contact silent - aged from 5 s, hidden from 30 s and counted with its age", () => {
    expect(ageOf(5000).tracks[0]).toMatchObject({ isAged: false, ageMs: 5000 });
    expect(ageOf(5001).tracks[0]).toMatchObject({ isAged: true });
    expect(ageOf(30_000).hidden.count).toBe(0);
    expect(ageOf(41_000)).toMatchObject({ tracks: [], hidden: { count: 1, oldestMs: 41_000 } });
  });

  test("VM-002 after sleep - what came before it is old whatever the clocks say", () => {
    expect(ageOf(10, { data: "lag", ageOf: ({ ageMs }) => ({ ageMs, isTrusted: false }) }).tracks[0]!.isAged).toBe(true);
  });

  test("VM-005 speed 0.25 - a frame comes every 4 s: not aged at 9 s, aged past 10 s", () => {
    const slow = { framePeriodMs: 4000, telemetry: { sim_state: { fsm_state: "RUNNING", speed: 0.25 } } };
    expect(ageOf(9000, slow).tracks[0]!.isAged).toBe(false);
    expect(ageOf(10_001, slow).tracks[0]!.isAged).toBe(true);
  });

  test("VM-006 paused - tracks do not age by the wall clock, and do by event time", () => {
    const paused = { ...RUNNING, sim_state: { fsm_state: "PAUSED", speed: 1 } };
    expect(ageOf(600_000, { telemetry: paused })).toMatchObject({ isPaused: true, tracks: [{ ageMs: 0, isAged: false }] });
    expect(ageOf(0, { telemetry: { ...paused, ts_unix_ms: T0_MS + 16_000 }, system: sensorAt(16) }).tracks[0]).toMatchObject({
      ageMs: 6000,
      isAged: true,
    });
  });

  test("event time - a tracker that lags reports old positions: they are as old as they lie behind telemetry", () => {
    expect(ageOf(100, { telemetry: { ts_unix_ms: T0_MS + 17_000 }, system: sensorAt(17) }).tracks[0]).toMatchObject({
      ageMs: 7000,
      isAged: true,
    });
    const fast = { ts_unix_ms: T0_MS + 17_000, sim_state: { fsm_state: "RUNNING", speed: 100 } };
    expect(ageOf(100, { telemetry: fast }).tracks[0]).toMatchObject({ ageMs: 100, isAged: false });
  });
});

describe("tracks", () => {
  const rule = {
    id: "NEAR",
    description: "d",
    severity: "critical" as const,
    iff: 3,
    require_transponder_on: null,
    allowed_transponder_modes: null,
    min_range_m: 0,
    max_range_m: 1500,
    hysteresis_m: 5,
    min_quality: 0.2,
    max_radial_velocity_mps: null,
  };

  test("approach - a pass at 60 m is 30 s away; past is past; standing still and unknown velocity have none", () => {
    const pass = { position: { x: -300, y: 60, z: 0 }, velocity: { x: 10, y: 0, z: 0 }, status: 2 };
    expect(approachOf(pass)).toEqual({ inS: 30, distanceM: 60, isAhead: true });
    expect(approachOf({ ...pass, velocity: { x: -10, y: 0, z: 0 } })).toMatchObject({ inS: 0, isAhead: false });
    expect(approachOf({ ...pass, velocity: { x: 0, y: 0, z: 0 } })).toBeUndefined();
    expect(approachOf({ ...pass, velocity: null })).toBeUndefined();
    expect(approachOf({ ...pass, status: 1 })).toBeUndefined();
  });

  test("RV-003 risk - critical under 8 s and 150 m, a warning under 20 s or above 5 m/s, none when opening, unknown without velocity", () => {
    const risk = (range_m: number, vr_mps: number) => riskOf(trackWire({ range_m, vr_mps }));
    expect([risk(149, -20), risk(151, -20), risk(60, -4), risk(100, -4), risk(5000, -5.1), risk(10, 1)]).toEqual([
      "critical",
      "warning",
      "warning",
      "none",
      "warning",
      "none",
    ]);
    expect(riskOf(trackWire({ velocity: null }))).toBeUndefined();
    expect(riskOf(trackWire({ status: 1 }))).toBeUndefined();
  });

  test("order - the riskiest first, then the nearest; the name is what it says, else its id", () => {
    const far = trackWire({ track_id: TRACK_B, range_m: 3000, vr_mps: 1 });
    const tracks = new Map([
      [TRACK_B, aged(far)],
      [TRACK_A, aged(trackWire())],
    ]);
    expect(radarView(input({ tracks })).tracks.map(({ label }) => label)).toEqual(["8B6AA", "C4CB5"]);
    expect(trackLabel(trackWire({ transponder_id: "ALLY-1" }))).toBe("ALLY-1");
  });

  test("WEB-015 guard - the zone and the track are called by the server's incident alone; a rule that merely matches calls nobody", () => {
    const incident = { incident_id: `NEAR:${TRACK_A}`, rule_id: "NEAR", subject_id: TRACK_A, severity: "C", letter: "B" };
    const guards = new Map([["NEAR", rule]]);
    const quiet = radarView(input({ guards }));
    expect([quiet.zones[0]!.isActive, quiet.tracks[0]!.isCalling, rulesMatched(trackWire(), quiet.zones)]).toEqual([
      false,
      false,
      ["NEAR"],
    ]);
    const loud = radarView(input({ guards, incidents: new Map([["i", incident]]) }));
    expect([loud.zones[0]!.isActive, loud.tracks[0]!.isCalling, loud.tracks[0]!.incident?.severity]).toEqual([true, true, "C"]);
    const acked = radarView(input({ guards, incidents: new Map([["i", { ...incident, letter: "C" }]]) }));
    expect([acked.zones[0]!.isActive, acked.tracks[0]!.isCalling]).toEqual([true, false]);
  });

  test.each([
    ["too far", { range_m: 1501 }],
    ["a friend", { iff: 1 }],
    ["too poor", { quality: 0.1 }],
  ])("guard match - not %s", (_what, more) => {
    expect(rulesMatched(trackWire(more), radarView(input({ guards: new Map([["NEAR", rule]]) })).zones)).toEqual([]);
  });

  test("selection - survives updates, goes round the list, and ends with its track at that tick", () => {
    const list = radarView(input({ tracks: new Map([TRACK_A, TRACK_B].map((id) => [id, aged(trackWire({ track_id: id }))])) })).tracks;
    const first = stepSelection(NOTHING_SELECTED, list, 1);
    expect(first).toEqual(selectTrack(list[0]!));
    expect(stepSelection(first, list, -1)).toEqual(selectTrack(list[1]!));
    expect(stepSelection(selectTrack(list[1]!), list, 1)).toEqual(first);
    expect(followSelection(first, () => true, 7)).toBe(first);
    const ended = followSelection(first, () => false, 7);
    expect(ended).toEqual({ kind: "ended", id: TRACK_A, label: "8B6AA", tick: 7 });
    expect(followSelection(ended, () => true, 9)).toBe(ended);
  });

  test("trail - 20 reported points, marked where predicted and where reports are missing; gone with the track", () => {
    const trails = createTrails();
    const report = (second: number, status = 2): void => {
      const timestamp = `2026-01-01T00:00:${String(second).padStart(2, "0")}Z`;
      trails.follow(new Map([[TRACK_A, trackWire({ timestamp, status, position: { x: second, y: 0, z: 0 } })]]));
    };
    for (let second = 0; second < 25; second += 1) report(second, second === 24 ? 4 : 2);
    report(24);
    expect(trails.of(TRACK_A)).toHaveLength(20);
    expect(trails.of(TRACK_A).map(({ xM }) => xM)).toEqual(Array.from({ length: 20 }, (_, at) => at + 5));
    expect(trails.of(TRACK_A).at(-1)).toMatchObject({ isCoasting: true, isAfterGap: false });
    report(28);
    expect(trails.of(TRACK_A).at(-1)).toMatchObject({ xM: 28, isAfterGap: true });
    trails.follow(new Map());
    expect(trails.of(TRACK_A)).toEqual([]);
  });
});
