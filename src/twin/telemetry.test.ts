import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { RepeatedJson } from "#base/repeated-json.ts";
import { utf8Decode } from "#base/utf8.ts";
import { type TelemetryPayload, telemetrySchema } from "#contracts/telemetry.ts";
import { applyCraftCommand, type CraftCommand } from "#craft/commands.ts";
import * as at from "#craft/layout.ts";
import { preview } from "#craft/preview.ts";
import { craftHashHex } from "#craft/state.ts";
import { flatProfile, type Rig, type RigOptions, rigOf, thermalProfile } from "#craft/test-rig.ts";
import { projectSection, projectTelemetry } from "./telemetry.ts";

const read = (path: string): unknown => JSON.parse(readFileSync(new URL(path, import.meta.url), "utf8"));
const shipped = read("../../profiles/shipped.json");
const thrusters = read("../../config/propulsion/thrusters.json");
const example = read("telemetry.example.json") as TelemetryPayload;

const CONTEXT = {
  runId: "854ca25f-fa62-5dc8-8ec3-302659e4ebe3",
  seed: 42,
  epochMs: 1_767_225_600_000,
  runState: "RUNNING" as const,
  speed: 1,
  heartbeat: false,
  profileHash: example.hardware_profile_hash!,
  ownTransponderId: "ALLY-762E17",
  spoofId: "SPOOF-0A1B2C",
};

const craft = (options: RigOptions = {}): Rig => rigOf(shipped, { thrusters, ...options });
const undocked = (options: RigOptions = {}): Rig =>
  craft({ ...options, set: { "power_plane.dock_connected_init": false, ...options.set } });

function telemetryOf(rig: Rig): TelemetryPayload {
  const { tickMs } = rig.config.settings;
  return projectTelemetry(rig.state, rig.config, { ...CONTEXT, tickMs, stateHash: craftHashHex(rig.state), tsIngest: example.ts_ingest! });
}

function near(ours: number, expected: number): void {
  expect(Math.abs(ours - expected), `${ours}, expected ${expected}`).toBeLessThanOrEqual(1e-9 * Math.max(1, Math.abs(expected)));
}

describe("telemetry", () => {
  test("telemetry - reproduces the contract's example, keys in its order, numbers to its rounding", () => {
    const rig = undocked().run(300).do({ kind: "drive", speedMps: 0.7 });
    // The example's figures leave out the processor's share of handling the command.
    rig.state.commandsApplied = 0;
    rig.run(10);
    const ours = { ...telemetryOf(rig), state_hash: example.state_hash };
    expect(rounded(ours)).toEqual(rounded(example));
    expect(keysOf(ours)).toEqual(keysOf(example));
  });

  test("telemetry - fits its schema, and closed objects take no other key", () => {
    const payload = telemetryOf(craft().run(3));
    expect(telemetrySchema.parse(payload)).toEqual(payload);
    for (const key of ["power", "thermal", "position", "attitude", "hull", "velocity_xyz_m_s", "orbit"] as const) {
      expect(telemetrySchema.safeParse({ ...payload, [key]: { ...payload[key], extra: 1 } }).success, key).toBe(false);
    }
    const node = { ...payload.thermal.nodes[0], extra: 1 };
    expect(telemetrySchema.safeParse({ ...payload, thermal: { nodes: [node] } }).success).toBe(false);
    expect(
      telemetrySchema.safeParse({ ...payload, power: { ...payload.power, loads_w: { ...payload.power.loads_w, extra: 1 } } }).success,
    ).toBe(false);
    expect(telemetrySchema.safeParse({ ...payload, comms: { ...payload.comms, age_s: 1 }, extra: 1 }).success).toBe(true);
  });

  test("SIM-086 telemetry - 10,000 fuzzed ticks are valid (seed 86)", () => {
    const commands = fc.sample(anyCommand, { seed: 86, numRuns: 10_000 });
    const rig = craft({ set: { "sensor_plane.star_tracker": { enabled: true, locked_init: false }, power_capacity_wh: 3 } });
    let explained = 0;
    for (const command of commands) {
      applyCraftCommand(rig.state, rig.config, command);
      rig.run(1);
      const payload = telemetryOf(rig);
      telemetrySchema.parse(payload);
      explained += payload.explain.length;
      const parsed = JSON.parse(JSON.stringify(payload)) as unknown;
      expect(JSON.stringify(parsed)).toBe(JSON.stringify(payload));
    }
    expect(explained).toBeGreaterThan(10_000);
  });

  test("SIM-086 telemetry - the repeated JSON of 1,000 fuzzed ticks is that of JSON.stringify (seed 87)", () => {
    const rig = craft({ set: { "sensor_plane.star_tracker": { enabled: true, locked_init: false }, power_capacity_wh: 3 } });
    const json = new RepeatedJson();
    for (const command of fc.sample(anyCommand, { seed: 87, numRuns: 1000 })) {
      applyCraftCommand(rig.state, rig.config, command);
      rig.run(1);
      const payload = telemetryOf(rig);
      expect(utf8Decode(json.encode(payload))).toBe(JSON.stringify(payload));
    }
  });

  test("telemetry - a section made alone is that of the whole", () => {
    const rig = undocked().run(20);
    const payload = telemetryOf(rig);
    const sections = ["power", "thermal", "motion", "power_detail", "explain"] as const;
    for (const key of sections) expect(projectSection(key, rig.state, rig.config), key).toEqual(payload[key]);
    expect(projectSection("tick", rig.state, rig.config)).toBeUndefined();
  });

  test("telemetry - every explain id of a run is one that the layout has a slot for (seed 87)", () => {
    const rig = craft({ set: { power_capacity_wh: 3 } });
    for (const command of fc.sample(anyCommand, { seed: 87, numRuns: 2000 })) {
      applyCraftCommand(rig.state, rig.config, command);
      rig.run(1);
      const active = telemetryOf(rig).explain;
      for (const entry of active) expect(rig.values[rig.config.layout.sinceAt.get(entry.id)!], entry.id).toBe(entry.since_tick);
      const slots = [...rig.config.layout.sinceAt].filter(([, offset]) => rig.values[offset]! >= 0).map(([id]) => id);
      expect(slots.toSorted()).toEqual(active.map((entry) => entry.id).toSorted());
    }
  });

  test("telemetry - after a command while time stands, the outputs are a preview and nothing else moved", () => {
    const rig = undocked().run(20);
    const truth = rig.values.slice(at.TICK, at.SOURCE_BASE_W);
    applyCraftCommand(rig.state, rig.config, { kind: "nbl", on: false });
    preview(rig.state, rig.config);
    expect(telemetryOf(rig).power).toMatchObject({ nbl_active: false, nbl_power_w: 0 });
    truth[at.NBL_ACTIVE - at.TICK] = 0;
    expect(rig.values.slice(at.TICK, at.SOURCE_BASE_W)).toEqual(truth);
  });

  test("telemetry - says which fields a scenario set", () => {
    const rig = craft();
    expect(telemetryOf(rig).field_sources).toEqual(example.field_sources);
    rig.do({ kind: "input", input: { ambientC: 5 } }).do({ kind: "input", input: { radiationUsvh: 0.5 } });
    expect(telemetryOf(rig).field_sources).toMatchObject({ radiation_usvh: "scenario", temp_external_c: "scenario", hull: "fixture" });
    expect(telemetryOf(rig)).toMatchObject({ radiation_usvh: 0.5, temp_external_c: 5 });
  });
});

describe("comms", () => {
  test.each([
    [80, 80, 0, -65, 24],
    [30, 95, 0, -82.5, 14],
    [10, 155, 2.5, -89.5, 10],
  ])("SIM-077 comms - link quality at %s % charge", (soc, latency, loss, rssi, snr) => {
    const rig = rigOf(flatProfile(0), { set: { battery_soc_init_pct: soc, "power_plane.soc_shed_low_pct": 1 } });
    const { comms } = telemetryOf(rig);
    near(comms.latency_ms!, latency);
    near(comms.packet_loss_pct!, loss);
    near(comms.rssi_dbm, rssi);
    near(comms.snr_db, snr);
    expect(comms).toMatchObject({
      link_state: "online",
      antenna_status: "lock",
      data_rate_kbps: 192,
      reason_codes: [],
      reason_text: "Link up.",
    });
  });

  test("SIM-078 comms - silent, shed, switched off", () => {
    const silent = craft().do({ kind: "xpdr_mode", mode: "SILENT" }).run(1);
    expect(telemetryOf(silent).comms).toMatchObject({
      link_state: "degraded",
      reason_codes: ["COMMS_DEGRADED"],
      xpdr: { mode: "SILENT", active: false, id: null },
    });
    const shed = rigOf(flatProfile(0.1, { transponder_power_w: 10 })).run(1);
    expect(telemetryOf(shed).comms).toMatchObject({
      link_state: "degraded",
      reason_codes: ["COMMS_POWER_BLOCK"],
      xpdr: { allowed: false, active: false, id: null },
    });
    const off = craft({ set: { "comms_plane.enabled": false } }).run(1);
    expect(telemetryOf(off).comms).toMatchObject({
      link_state: "offline",
      latency_ms: null,
      packet_loss_pct: null,
      rssi_dbm: -120,
      reason_codes: ["COMMS_NOT_IMPLEMENTED"],
      xpdr: { mode: "OFF" },
    });
    const refusal = applyCraftCommand(silent.state, silent.config, { kind: "xpdr_mode", mode: "MAYBE" as never });
    expect(refusal?.code).toBe("invalid_mode");
  });

  test("comms - spoofing, emission control, loss, a hot node, a dead transponder", () => {
    const spoof = craft().do({ kind: "xpdr_mode", mode: "SPOOF" }).run(1);
    expect(telemetryOf(spoof).comms).toMatchObject({
      link_state: "online",
      data_rate_kbps: 96,
      xpdr: { active: true, id: "SPOOF-0A1B2C" },
    });
    const quiet = craft({ set: { "comms_plane.emcon_state": "EMCON_block" } }).run(1);
    expect(telemetryOf(quiet).comms).toMatchObject({ link_state: "offline", EMCON_state: "EMCON_block", reason_codes: ["EMCON_BLOCK"] });
    const lost = craft().do({ kind: "fault_inject", fault: "comms_loss" }).run(1);
    expect(telemetryOf(lost).comms).toMatchObject({ available: false, reason_codes: ["COMMS_LINK_LOSS"] });
    const hot = rigOf(
      thermalProfile([{ id: "transponder_1", heat_capacity_j_per_c: 1000, t_init_c: 81, t_max_c: 90, t_hysteresis_c: 5 }]),
    ).run(1);
    expect(telemetryOf(hot).comms).toMatchObject({ link_state: "degraded", reason_codes: ["COMMS_THERMAL_BLOCK"], packet_loss_pct: 35 });
    const dead = craft().do({ kind: "fault_inject", fault: "dead_load", target: "transponder" }).run(1);
    expect(telemetryOf(dead).comms).toMatchObject({ link_state: "degraded", reason_codes: ["COMMS_POWER_BLOCK"], xpdr: { active: false } });
  });
});

describe("sensors", () => {
  test.each([
    [0.5, "ok", "within limits"],
    [1, "warn", "value>=warn (1>=1)"],
    [1.5, "warn", "value>=warn (1.5>=1)"],
    [2, "crit", "value>=crit (2>=2)"],
  ])("SIM-083 radiation - background %s uSv/h", (background, status, reason) => {
    const rig = craft()
      .do({ kind: "input", input: { radiationUsvh: background } })
      .run(1);
    expect(telemetryOf(rig).sensor_plane.radiation).toMatchObject({ status, reason, background_usvh: background });
  });

  test("SIM-083 radiation - the dose adds up", () => {
    const rig = craft()
      .do({ kind: "input", input: { radiationUsvh: 10 } })
      .run(360);
    near(telemetryOf(rig).sensor_plane.radiation.dose_total_usv!, 0.1);
  });

  test("sensors - a disabled one reads nothing; limits may be missing", () => {
    const off = telemetryOf(craft({ set: { "sensor_plane.enabled": false } })).sensor_plane;
    expect(off.imu).toEqual({
      enabled: false,
      status: "na",
      reason: "disabled",
      ok: false,
      roll_rate_rps: null,
      pitch_rate_rps: null,
      yaw_rate_rps: null,
    });
    expect(off.radiation).toMatchObject({ status: "na", reason: "disabled", background_usvh: null, dose_total_usv: null });
    const unlimited = telemetryOf(craft({ set: { "sensor_plane.radiation": { enabled: true, background_usvh: 3 } } })).sensor_plane
      .radiation;
    expect(unlimited).toMatchObject({
      status: "na",
      reason: "limits not configured",
      background_usvh: 3,
      limits: { warn_usvh: null, crit_usvh: null },
    });
  });

  test("star tracker - needs its lock and the IMU", () => {
    const tracker = (set: Record<string, unknown>): TelemetryPayload["sensor_plane"]["star_tracker"] =>
      telemetryOf(craft({ set })).sensor_plane.star_tracker;
    const on = { enabled: true, locked_init: true, attitude_err_deg_init: 0.1 };
    expect(tracker({ "sensor_plane.star_tracker": on })).toEqual({
      enabled: true,
      status: "ok",
      reason: "ok",
      locked: true,
      attitude_err_deg: 0.1,
    });
    expect(tracker({ "sensor_plane.star_tracker": { enabled: true, locked_init: false } })).toMatchObject({
      status: "warn",
      reason: "not ok",
      attitude_err_deg: null,
    });
    expect(tracker({ "sensor_plane.star_tracker": on, "sensor_plane.imu.enabled": false })).toMatchObject({ status: "crit" });
  });

  test("stuck sensor - repeats what it showed in the tick of its fault, status too", () => {
    const rig = craft({ set: { "motion_plane.tip_off_dps": [1, 2, 3] } }).run(5);
    rig.do({ kind: "fault_inject", fault: "stuck_sensor", target: "imu", forTicks: 20 });
    rig.do({ kind: "input", input: { radiationUsvh: 1.5 } }).do({ kind: "fault_inject", fault: "stuck_sensor", target: "radiation" });
    rig.run(1);
    const frozen = telemetryOf(rig).sensor_plane;
    near(frozen.imu.yaw_rate_rps!, -rig.values[at.RATES_RPS + 2 * at.NEXT]!);
    rig.do({ kind: "input", input: { radiationUsvh: 9 } }).run(19);
    expect(telemetryOf(rig).sensor_plane).toMatchObject({ imu: frozen.imu, radiation: frozen.radiation });
    expect(frozen.radiation.status).toBe("warn");
    rig.run(1);
    expect(telemetryOf(rig).sensor_plane.imu).not.toEqual(frozen.imu);
    expect(telemetryOf(rig).sensor_plane.radiation).toEqual(frozen.radiation);
  });
});

describe("explain", () => {
  test("explain - names the latch, what it denies and the way back", () => {
    const rig = rigOf(flatProfile(5, { radar_power_w: 40 }), { set: { battery_soc_init_pct: 20 } }).run(3);
    const restores = { field: "power.soc_pct", op: ">=", value: 30, unit: "%" };
    expect(telemetryOf(rig).explain).toMatchObject([
      { id: "latch:power:low_soc", kind: "latch", reason: "low_soc", since_tick: 1, limit: 20, unit: "%", restores_when: restores },
      { id: "shed:radar:low_soc", kind: "shed", load: "radar", since_tick: 1, restores_when: restores },
    ]);
  });

  test("explain - a tripped node, what it sheds, and the fault", () => {
    const rig = rigOf(thermalProfile([{ id: "pdu", heat_capacity_j_per_c: 1e6, t_init_c: 60, t_max_c: 50, t_hysteresis_c: 5 }]), {
      set: { "power_plane.radar_power_w": 1 },
    }).run(2);
    const restores = { field: "thermal.nodes[id=pdu].temp_c", op: "<=", value: 45, unit: "C" };
    expect(telemetryOf(rig).explain).toMatchObject([
      { id: "trip:pdu:thermal_trip", node: "pdu", since_tick: 1, limit: 50, restores_when: restores },
      { id: "shed:radar:thermal_overheat", load: "radar", since_tick: 2, limit: 50, restores_when: restores },
      { id: "fault:pdu:THERMAL_TRIP:pdu", node: "pdu", since_tick: 1, reason: "THERMAL_TRIP:pdu", restores_when: restores },
    ]);
  });

  test("explain - gates, throttle, brownout and faults of the supply", () => {
    const nbl = { nbl_active_init: true, nbl_max_power_w: 5, nbl_soc_min_pct: 50 };
    const rig = rigOf(flatProfile(0.5, { base_power_out_w: 5, motion_power_w_per_mps: 40, battery_max_discharge_w: 10, ...nbl }), {
      set: { battery_soc_init_pct: 40 },
    });
    rig.do({ kind: "drive", speedMps: 1 }).run(1);
    const { explain } = telemetryOf(rig);
    expect(explain.map((entry) => entry.id)).toEqual([
      "gate:nbl:nbl_budget",
      "shed:nbl:nbl_budget",
      "throttle:motion:pdu_overcurrent",
      "brownout:bus:supply_short",
      "fault:power:BATTERY_DISCHARGE_LIMIT",
    ]);
    expect(explain[2]).toMatchObject({
      value: 40,
      limit: 9,
      restores_when: { field: "power_detail.demand_w.motion", op: "<=", value: 9, unit: "W" },
    });
    expect(explain[3]).toMatchObject({ limit: 0.8, restores_when: { field: "power_detail.supply_fraction", op: ">=", value: 1 - 1e-9 } });
    expect(explain[4]).toMatchObject({ value: 14, limit: 10, restores_when: { field: "power.battery_unserved_w", op: "<=", value: 0 } });
  });

  test("explain - an NBL that its gate denies after a trip has ended shows the gate", () => {
    const rig = craft({ set: { "power_plane.nbl_core_temp_max_c": 60 } });
    rig.setTempC("core", 95);
    rig.run(2);
    expect(telemetryOf(rig).explain.find((entry) => entry.kind === "shed")).toMatchObject({ limit: 90, restores_when: { value: 85 } });
    rig.setTempC("core", 80);
    rig.run(2);
    expect(telemetryOf(rig).explain.find((entry) => entry.kind === "shed")).toMatchObject({
      limit: 60,
      restores_when: { field: "temp_core_c", value: 58 },
    });
  });

  test("explain - hold, warnings and faults of the configuration", () => {
    const held = craft({ set: { "motion_plane.hold_when_docked": true } }).run(4);
    expect(telemetryOf(held).explain).toMatchObject([
      {
        id: "hold:motion:docked",
        load: "motion",
        since_tick: 1,
        value: 1,
        limit: 0,
        restores_when: { field: "docking.connected", op: "==", value: false },
      },
    ]);
    const bare = rigOf({
      hardware_profile: { thermal_plane: { enabled: true, nodes: [{ id: "x", heat_capacity_j_per_c: 1e6, t_init_c: 85, t_max_c: 90 }] } },
    });
    expect(telemetryOf(bare.run(1)).explain).toMatchObject([
      { id: "gate:nbl:thermal_overheat", load: "nbl" },
      { id: "warn:x:thermal_warn", node: "x", since_tick: 1, limit: 80, restores_when: { value: 79 } },
      { id: "fault:power:BATTERY_CAPACITY_MISSING", since_tick: 0, restores_when: null },
      { id: "fault:power:POWER_PLANE_CONFIG_MISSING", since_tick: 0, value: null, limit: null, restores_when: null },
      { id: "fault:x:THERMAL_PLANE_PARAM_INVALID:x:hys_zero", node: "x", since_tick: 0 },
    ]);
    expect(telemetryOf(bare).power.faults).toEqual(bare.config.profile.configFaults);
  });
});

const anyCommand: fc.Arbitrary<CraftCommand> = fc.oneof(
  fc.record({ kind: fc.constant("dock_power" as const), on: fc.boolean() }),
  fc.record({ kind: fc.constant("nbl" as const), on: fc.boolean() }),
  fc.constantFrom<CraftCommand>({ kind: "dock_release" }, { kind: "dock_engage", port: "B" }, { kind: "rcs_stop" }),
  fc.record({ kind: fc.constant("drive" as const), speedMps: fc.double({ min: 0, max: 1, noNaN: true }) }),
  fc.record({ kind: fc.constant("turn" as const), deltaDeg: fc.double({ min: -360, max: 360, noNaN: true }) }),
  fc.record({ kind: fc.constant("xpdr_mode" as const), mode: fc.constantFrom("ON", "OFF", "SILENT", "SPOOF") }),
  fc.record({
    kind: fc.constant("rcs_fire" as const),
    axis: fc.constantFrom("forward", "aft", "port", "starboard", "up", "down"),
    pct: fc.double({ min: 0, max: 100, noNaN: true }),
    durationS: fc.double({ min: 0, max: 5, noNaN: true }),
  }),
  fc.record({ kind: fc.constant("input" as const), input: fc.record({ baseInW: fc.double({ min: 0, max: 300, noNaN: true }) }) }),
  fc.record({ kind: fc.constant("input" as const), input: fc.record({ ambientC: fc.double({ min: -120, max: 160, noNaN: true }) }) }),
  fc.record({
    kind: fc.constant("fault_inject" as const),
    fault: fc.constant("heat_leak" as const),
    target: fc.constantFrom("core", "pdu", "supercap", "battery"),
    value: fc.double({ min: -1e4, max: 1e4, noNaN: true }),
    forTicks: fc.integer({ min: 1, max: 30 }),
  }),
  fc.record({
    kind: fc.constant("fault_inject" as const),
    fault: fc.constant("thruster_dead" as const),
    target: fc.integer({ min: 0, max: 15 }),
    forTicks: fc.integer({ min: 1, max: 30 }),
  }),
  fc.record({
    kind: fc.constant("fault_inject" as const),
    fault: fc.constant("stuck_sensor" as const),
    target: fc.constantFrom("imu", "radiation", "star_tracker", "magnetometer"),
    forTicks: fc.integer({ min: 1, max: 30 }),
  }),
);

/** Numbers to three decimals, as the example prints them. */
function rounded(value: unknown): unknown {
  if (typeof value === "number") return Math.round(value * 1000) / 1000 + 0;
  if (Array.isArray(value)) return value.map(rounded);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, rounded(member)]));
}

/** Every path, in order. */
function keysOf(value: unknown, path = ""): string[] {
  if (typeof value !== "object" || value === null) return [path];
  return Object.entries(value).flatMap(([key, member]) => keysOf(member, `${path}.${key}`));
}
