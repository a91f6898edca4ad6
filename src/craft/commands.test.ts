import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { requestActuator } from "./actuators.ts";
import { applyCraftCommand, type CraftCommand, type Refusal } from "./commands.ts";
import { initialise } from "./initialise.ts";
import * as at from "./layout.ts";
import { type Rig, type RigOptions, rigOf } from "./test-rig.ts";

const read = (path: string): unknown => JSON.parse(readFileSync(new URL(`../../${path}`, import.meta.url), "utf8"));
const shipped = read("profiles/shipped.json");
const thrusters = read("config/propulsion/thrusters.json");
const docked = (options: RigOptions = {}): Rig => rigOf(shipped, { thrusters, ...options });

/** A refused command leaves every byte as it was. */
function refused(rig: Rig, command: CraftCommand): Refusal {
  const before = rig.values.slice();
  const refusal = applyCraftCommand(rig.state, rig.config, command);
  expect(rig.values).toEqual(before);
  if (refusal === undefined) throw new Error(`${JSON.stringify(command)} was accepted`);
  return refusal;
}

describe("commands", () => {
  test("SIM-081 dock - power needs a docked craft, and engaging leaves the bridge open", () => {
    const rig = docked().do({ kind: "dock_release" }).run(1);
    expect(rig.values[at.DOCK_CONNECTED]).toBe(0);
    expect(rig.values[at.PORT]).toBe(-1);
    expect(refused(rig, { kind: "dock_power", on: true })).toMatchObject({ code: "not_allowed_in_state", expected: "docked" });
    rig.do({ kind: "dock_engage", port: "B" }).run(1);
    expect(rig.values[at.DOCKED]).toBe(1);
    expect(rig.values[at.PORT]).toBe(1);
    expect(rig.values[at.DOCK_CONNECTED]).toBe(0);
    expect(refused(rig, { kind: "dock_engage", port: "Z" })).toMatchObject({
      code: "invalid_parameter",
      field: "port",
      given: "Z",
      expected: "one of A, B",
    });
    rig.do({ kind: "dock_power", on: true }).run(1);
    expect(rig.out(at.SOURCE_DOCK_W)).toBeGreaterThan(0);
  });

  test("commands - a disabled subsystem refuses", () => {
    const rig = docked({ set: { "docking_plane.enabled": false, "propulsion_plane.enabled": false, "comms_plane.enabled": false } });
    expect(refused(rig, { kind: "dock_engage" }).code).toBe("subsystem_disabled");
    expect(refused(rig, { kind: "dock_release" }).code).toBe("subsystem_disabled");
    expect(refused(rig, { kind: "rcs_fire", axis: "up", pct: 10, durationS: 1 }).code).toBe("subsystem_disabled");
    expect(refused(rig, { kind: "rcs_stop" }).code).toBe("subsystem_disabled");
    expect(refused(rig, { kind: "xpdr_mode", mode: "ON" }).code).toBe("comms_disabled");
    rig.do({ kind: "dock_power", on: true }).run(1);
    expect(rig.out(at.SOURCE_DOCK_W)).toBeGreaterThan(0);
  });

  test("commands - an unknown transponder mode, no propellant, no group for the axis", () => {
    const rig = docked({ init: { propellant_kg: 0 } });
    expect(refused(rig, { kind: "xpdr_mode", mode: "MAYBE" as never })).toMatchObject({
      code: "invalid_mode",
      message: "invalid mode: MAYBE",
    });
    expect(refused(rig, { kind: "rcs_fire", axis: "up", pct: 10, durationS: 1 }).code).toBe("not_allowed_in_state");
    const forwardOnly = docked({ thrusters: (thrusters as object[]).slice(4, 8) });
    expect(refused(forwardOnly, { kind: "rcs_fire", axis: "aft", pct: 10, durationS: 1 })).toMatchObject({
      code: "invalid_parameter",
      field: "axis",
    });
  });

  test("commands - each one loads the next tick, faults and inputs do not", () => {
    const rig = docked();
    rig.do({ kind: "nbl", on: true }).do({ kind: "drive", speedMps: 0 });
    rig.do({ kind: "fault_inject", fault: "comms_loss" }).do({ kind: "fault_clear", fault: "comms_loss" });
    rig.do({ kind: "input", input: { ambientC: 1 } });
    expect(rig.state.commandsApplied).toBe(2);
    rig.run(1);
    expect(rig.state.commandsApplied).toBe(0);
    expect(rig.values[at.COMMANDS_APPLIED]).toBe(2);
  });

  test("commands - inputs have ranges", () => {
    const rig = docked();
    expect(refused(rig, { kind: "input", input: { baseInW: -1 } })).toMatchObject({
      field: "base_in_w",
      given: -1,
      expected: "0..1000000 W",
    });
    expect(refused(rig, { kind: "input", input: { ambientC: Number.NaN } }).field).toBe("ambient_c");
    expect(refused(rig, { kind: "input", input: { radiationUsvh: -1 } }).field).toBe("radiation_usvh");
  });

  test.each([
    [{ kind: "fault_inject", fault: "gremlin" }, "kind"],
    [{ kind: "fault_inject", fault: "stuck_sensor" }, "target"],
    [{ kind: "fault_inject", fault: "stuck_sensor", target: "sextant" }, "target"],
    [{ kind: "fault_inject", fault: "comms_loss", target: "imu" }, "target"],
    [{ kind: "fault_inject", fault: "radar_dropout", target: "both" }, "target"],
    [{ kind: "fault_inject", fault: "battery_capacity_loss" }, "value"],
    [{ kind: "fault_inject", fault: "battery_capacity_loss", value: 1.1 }, "value"],
    [{ kind: "fault_inject", fault: "heat_leak", target: "core", value: 10_001 }, "value"],
    [{ kind: "fault_inject", fault: "comms_loss", value: 1 }, "value"],
    [{ kind: "fault_inject", fault: "thruster_dead", target: 16 }, "target"],
    [{ kind: "fault_inject", fault: "late_frames", value: 61 }, "value"],
    [{ kind: "fault_inject", fault: "comms_loss", forTicks: -5 }, "for_s"],
    [{ kind: "fault_clear", fault: "heat_leak", target: "moon" }, "target"],
  ])("faults - %o is refused for its %s", (command, field) => {
    expect(refused(docked(), command as CraftCommand)).toMatchObject({ code: "invalid_parameter", field });
  });

  test("actuators - requests map by role", () => {
    const actuators = [
      { id: "left", role: "motor_left" },
      { id: "up", role: "rcs_up" },
      { id: "lamp", role: "light" },
    ];
    const rig = docked({ set: { actuators } });
    const request = (actuatorId: string, action: Parameters<typeof requestActuator>[2]["action"]): Refusal | undefined =>
      requestActuator(rig.state, rig.config, { actuatorId, action });
    expect(request("left", { kind: "SET_VELOCITY", pct: 70, durationS: 0 })).toBeUndefined();
    expect(request("left", { kind: "ROTATE", deltaDeg: -30 })).toBeUndefined();
    expect(request("up", { kind: "SET_VELOCITY", pct: 40, durationS: 2 })).toBeUndefined();
    expect(rig.values[at.DRIVE_COMMAND_MPS]).toBe(0.7);
    expect(rig.values[at.TURN_LEFT_DEG]).toBe(-30);
    expect([rig.out(at.RCS_AXIS), rig.out(at.RCS_PCT), rig.out(at.RCS_DURATION_S)]).toEqual([4, 40, 2]);
    for (const refusal of [
      request("lamp", { kind: "SET_VELOCITY", pct: 1, durationS: 1 }),
      request("up", { kind: "ROTATE", deltaDeg: 1 }),
      request("nobody", { kind: "ROTATE", deltaDeg: 1 }),
      request("left", { kind: "SET_VELOCITY", pct: 101, durationS: 1 }),
    ])
      expect(refusal?.code).toBe("invalid_parameter");
  });

  test("init - puts in what it is given, or nothing", () => {
    const rig = docked();
    const before = rig.values.slice();
    const wrong = {
      supercap_soc_pct: 10,
      soc_pct: 101,
      temps: { moon: 1 },
      position_m: [1, 2],
      body_rates_dps: [0, 31, 0],
      propellant_kg: 13,
      mood: 1,
    };
    expect(initialise(rig.state, rig.config, wrong).map(({ path }) => path)).toEqual([
      "init.mood",
      "init.soc_pct",
      "init.position_m",
      "init.body_rates_dps[1]",
      "init.temps.moon",
      "init.propellant_kg",
    ]);
    expect(rig.values).toEqual(before);
    const init = {
      soc_pct: 50,
      supercap_soc_pct: 10,
      temps: { hull: 7 },
      position_m: [1, 2, 3],
      velocity_mps: [4, 5, 6],
      body_rates_dps: [180 / Math.PI / 100, 0, -0],
      propellant_kg: 3,
    };
    expect(initialise(rig.state, rig.config, init)).toEqual([]);
    expect([rig.socPct(), rig.supercapPct(), rig.tempC("hull"), rig.out(at.PROPELLANT_KG)]).toEqual([50, 10, 7, 3]);
    expect(rig.fields(at.POSITION_M, 6)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(Object.is(rig.values[at.RATES_RPS + 2 * at.NEXT], 0)).toBe(true);
  });
});

describe("faults", () => {
  test("SIM-098 battery capacity loss - what does not fit is lost at once", () => {
    const rig = docked({ set: { "power_plane.dock_connected_init": false } });
    rig.do({ kind: "fault_inject", fault: "battery_capacity_loss", value: 0.5 }).run(1);
    expect(rig.socPct()).toBe(50);
    expect(rig.config.profile.powerCapacityWh).toBe(500);
    expect(rig.faults()).toEqual([]);
  });

  test("faults - end after their ticks; a new one of the same target replaces the old", () => {
    const rig = docked().do({ kind: "fault_inject", fault: "dead_load", target: "radar", forTicks: 3 });
    const on: boolean[] = [];
    rig.run(5, () => on.push(rig.state.radarOn));
    expect(on).toEqual([false, false, false, true, true]);
    rig.do({ kind: "fault_inject", fault: "dead_load", target: "radar" });
    rig.do({ kind: "fault_inject", fault: "dead_load", target: "radar", forTicks: 1 });
    rig.run(1);
    expect(rig.state.radarOn).toBe(false);
    rig.run(1);
    expect(rig.state.radarOn).toBe(true);
  });

  test("SIM-103 comms loss - for 5 s at 310 s acts on ticks 3101 to 3150", () => {
    const rig = docked().run(3100).do({ kind: "fault_inject", fault: "comms_loss", forTicks: 50 });
    expect(rig.values[rig.config.commsLossAt + at.FAULT_END_TICK]).toBe(3150);
    const lost: number[] = [];
    rig.run(100, (tick) => {
      if (rig.values[rig.config.commsLossAt] === 1) lost.push(tick);
    });
    expect([lost[0], lost.at(-1), lost.length]).toEqual([3101, 3150, 50]);
  });

  test("faults - each dead load asks for nothing", () => {
    const rig = docked({ set: { "power_plane.max_bus_a": 50 } });
    for (const target of ["radar", "transponder", "nbl", "rcs", "motion"]) rig.do({ kind: "fault_inject", fault: "dead_load", target });
    rig.do({ kind: "drive", speedMps: 1 }).do({ kind: "rcs_fire", axis: "up", pct: 100, durationS: 1 }).run(3);
    for (const load of ["radar", "transponder", "nbl", "rcs", "motion"] as const) expect(rig.demand(load)).toBe(0);
    expect(rig.fields(at.POSITION_M, 6)).toEqual([0, 0, 0, 0, 0, 0]);
    expect(rig.out(at.PROPELLANT_KG)).toBe(12);
    expect([rig.state.radarOn, rig.state.transponderOn]).toEqual([false, false]);
  });

  test("radar faults - a band's dropout and the one of both are faults of their own", () => {
    const rig = docked();
    rig.do({ kind: "fault_inject", fault: "radar_dropout", target: "LR" }).do({ kind: "fault_inject", fault: "radar_dropout" });
    expect(rig.state.radarDropout).toEqual({ lr: true, sr: true });
    rig.do({ kind: "fault_clear", fault: "radar_dropout" });
    expect(rig.state.radarDropout).toEqual({ lr: true, sr: false });
    rig.do({ kind: "fault_inject", fault: "late_frames", value: 1.5 });
    expect(rig.state.lateFramesS).toBe(1.5);
  });
});
