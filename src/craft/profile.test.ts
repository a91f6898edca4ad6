import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { ERROR_EXIT_CODES } from "#base/error.ts";
import { compileCraftConfig } from "./config.ts";
import { formatProfileProblem, parseProfile, thrustersPathOf } from "./profile.ts";
import { profileHash } from "./profile-hash.ts";
import { profileWith, thermalProfile } from "./test-rig.ts";
import type { Thruster } from "./thruster-file.ts";
import { allocationRank, chooseGroups } from "./thrusters.ts";

const read = (path: string): unknown => JSON.parse(readFileSync(new URL(`../../${path}`, import.meta.url), "utf8"));
const shipped = read("profiles/shipped.json");
const thrusters = read("config/propulsion/thrusters.json");
const FIXTURES = ["pdu_overcurrent", "soc_drain", "temp_core_spike", "temp_core_trip", "comms_disabled"];

function linesOf(raw: unknown, tickMs = 100): string[] {
  const result = parseProfile(raw, { tickMs, thrusters });
  return result.kind === "ok" ? [] : result.problems.map(formatProfileProblem);
}

function problemsOf(set: Readonly<Record<string, unknown>>): string[] {
  return linesOf(profileWith(shipped, set));
}

describe("profile", () => {
  test("SIM-001 profile - the shipped profile and the five fixtures load, the thrusters command all six motions", () => {
    for (const name of ["shipped", ...FIXTURES.map((fixture) => `test/${fixture}`)]) {
      const result = parseProfile(read(`profiles/${name}.json`), { tickMs: 100, thrusters });
      expect(result.kind, name).toBe("ok");
      if (result.kind === "ok") expect(allocationRank(result.profile.thrusters, [0, 0, 0])).toBe(6);
    }
  });

  test("profile - the fixtures say what they are for", () => {
    const profiles = FIXTURES.map((name) => parseProfile(read(`profiles/test/${name}.json`), { tickMs: 100, thrusters }));
    const [overcurrent, drain, spike, trip, silent] = profiles.map((one) => (one.kind === "ok" ? one.profile : undefined));
    expect(overcurrent).toMatchObject({
      powerCapacityWh: 10,
      batterySocInitPct: 100,
      powerPlane: { maxBusA: 1, busVMin: 28, basePowerOutW: 72 },
    });
    expect(overcurrent!.thermalPlane.nodes).toEqual([]);
    expect(drain!.powerPlane).toEqual({ ...overcurrent!.powerPlane, maxBusA: 50 });
    expect(spike!.thermalPlane.couplings).toEqual([]);
    expect(spike!.thermalPlane.nodes[0]).toMatchObject({ id: "core", coolingWPerC: 0, initialC: 80 });
    expect(trip!.thermalPlane.nodes[0]!.initialC).toBe(110);
    expect(silent!.commsPlane.enabled).toBe(false);
  });

  test.each([
    ["a text", "18", "wrong_type", '"18"'],
    ["a boolean", true, "wrong_type", "true"],
    ["NaN", Number.NaN, "not_finite", "NaN"],
    ["1e999", JSON.parse("1e999"), "not_finite", "Infinity"],
  ])("SIM-002 profile - %s is no power", (_what, value, code, got) => {
    const raw = profileWith(shipped, {}) as { hardware_profile: { power_plane: Record<string, unknown> } };
    raw.hardware_profile.power_plane.radar_power_w = value;
    expect(linesOf(raw)).toEqual([`PROFILE ${code} power_plane.radar_power_w: got ${got}, expected 0..1000000 W`]);
    expect(ERROR_EXIT_CODES.profile_invalid).toBe(2);
  });

  test("SIM-003 profile - shed thresholds must leave a band", () => {
    expect(problemsOf({ "power_plane.soc_shed_low_pct": 30 })).toEqual([
      "PROFILE inconsistent power_plane.soc_shed_low_pct: got 30, expected below soc_shed_high_pct, 30 %",
    ]);
  });

  test("SIM-004 profile - the initial charge is a percentage", () => {
    const result = parseProfile(profileWith(shipped, { battery_soc_init_pct: 42.5 }), { tickMs: 100, thrusters });
    expect(result.kind === "ok" && result.profile.batterySocInitPct).toBe(42.5);
    expect(problemsOf({ battery_soc_init_pct: 120 })).toEqual(["PROFILE out_of_range battery_soc_init_pct: got 120, expected 0..100 %"]);
    expect(problemsOf({ battery_soc_init_pct: -10 })).toEqual(["PROFILE out_of_range battery_soc_init_pct: got -10, expected 0..100 %"]);
  });

  test("SIM-005 profile - a key that no plane has is an error, a note is none", () => {
    expect(problemsOf({ "power_plane.radar_powr_w": 18 })[0]).toMatch(
      /^PROFILE unknown_key power_plane\.radar_powr_w: got 18, expected one of /,
    );
    expect(problemsOf({ "power_plane._note": "18", _sketch: 1, sketch: 2 })).toEqual([]);
  });

  test("SIM-006 profile - a thermal network too stiff for the tick is refused with the longest tick it stands", () => {
    const nodes = (shipped as { hardware_profile: { thermal_plane: { nodes: object[] } } }).hardware_profile.thermal_plane.nodes;
    const stiff = [{ ...nodes[0], heat_capacity_j_per_c: 1, cooling_w_per_c: 2000 }, ...nodes.slice(1)];
    const [line, ...more] = problemsOf({ "thermal_plane.nodes": stiff });
    expect(more).toEqual([]);
    // core: cooling 2000, ambient exchange 0.2, couplings 0.4 and 0.2
    expect(line).toContain(
      `unstable thermal_plane.nodes[0]: got "a tick of 0.1 s", expected at most ${1 / 2000.8} s, because of node core`,
    );
  });

  test("SIM-007 profile - the stability limit itself passes", () => {
    const node = (id: string, capacity: number, cooling = 0): Record<string, unknown> => ({
      id,
      heat_capacity_j_per_c: capacity,
      cooling_w_per_c: cooling,
    });
    const couplings = [
      { a: "a", b: "b", k_w_per_c: 2 },
      { a: "b", b: "c", k_w_per_c: 3 },
    ];
    const chain = thermalProfile([node("a", 500), node("b", 800), node("c", 300, 1)], couplings);
    expect(linesOf(chain, 75_000)).toEqual([]);
    expect(linesOf(chain, 75_100)[0]).toMatch(/^PROFILE unstable thermal_plane\.nodes\[2\]/);
    expect(linesOf(shipped, 333_333)).toEqual([]);
    expect(linesOf(shipped, 333_334)[0]).toMatch(/^PROFILE unstable thermal_plane\.nodes\[1\].*333\.33/);
  });

  test("SIM-008 profile - a thruster file that could not be read is unreadable", () => {
    const result = parseProfile(shipped, { tickMs: 100 });
    expect(result.kind === "refused" && result.problems.map(formatProfileProblem)).toEqual([
      'PROFILE unreadable propulsion_plane.thrusters_path: got "config/propulsion/thrusters.json", expected a JSON file with an array of thrusters',
    ]);
  });

  test("SIM-010 profile hash - keeps numbers as written and sorts keys", () => {
    const hash = "sha256:5e5b9cbb241f8389e4a14747704801cb040f81e658f9793f1ba9d68f1093da4b";
    expect(profileHash('{"hardware_profile": {"b": 500, "a": 28.0}, "hardware_manifest": {}}')).toBe(hash);
    expect(profileHash('{"hardware_profile": {"a": 28.0, "b": 500}}')).toBe(hash);
    expect(profileHash('{"hardware_profile": {"a": 28, "b": 500}}')).not.toBe(hash);
  });

  test("profile hash - keys sort by code point, beyond the first plane too", () => {
    // U+1F6F0 is above U+FF5E by code point, below it by UTF-16 unit.
    const one = profileHash('{"hardware_profile": {"\u{1F6F0}": 1, "\uFF5E": 2}}');
    expect(one).toBe(profileHash('{"hardware_profile": {"\uFF5E": 2, "\u{1F6F0}": 1}}'));
    expect(one).toBe("sha256:a3cd340410ca7db4ef54916c5cf5f400f30927fef8d7dc92778ee94ad9caee74");
  });

  test("profile hash - a key sorts before the longer one it begins", () => {
    const hash = profileHash('{"hardware_profile": {"ab": 1, "a": 2}}');
    expect(hash).toBe("sha256:06d3dde9eea11ab5c4691c7b891c61d4a6329947bf22fc9338d2fbd0fac21a6f");
  });

  test("profile - all problems come at once, sorted by path", () => {
    const lines = problemsOf({
      max_speed_mps: 0,
      "comms_plane.xpdr_mode_init": "LOUD",
      "power_plane.bus_v_min": 29,
      "motion_plane.inertia_kg_m2": [1, 1, 3],
      "docking_plane.default_port": "C",
    });
    expect(lines.map((line) => line.split(" ").slice(1, 3).join(" "))).toEqual([
      "out_of_range comms_plane.xpdr_mode_init:",
      "unknown_reference docking_plane.default_port:",
      "out_of_range max_speed_mps:",
      "inconsistent motion_plane.inertia_kg_m2:",
      "out_of_range power_plane.bus_v_min:",
    ]);
  });

  test.each([
    ["a thermal node twice", { id: "core" }, "duplicate_id thermal_plane.nodes[1].id"],
    ["a trip named twice with different values", { t_max_c: 50, t_trip_c: 60 }, "inconsistent thermal_plane.nodes[1].t_max_c"],
    ["a warning above its trip", { t_max_c: 50, t_warn_c: 50 }, "inconsistent thermal_plane.nodes[1].t_warn_c"],
    ["a shed that is no load", { sheds: ["base"] }, "out_of_range thermal_plane.nodes[1].sheds[0]"],
    ["a capacity of zero", { heat_capacity_j_per_c: 0 }, "out_of_range thermal_plane.nodes[1].heat_capacity_j_per_c"],
  ])("profile - refuses %s", (_what, changed, expected) => {
    const nodes = [
      { id: "core", heat_capacity_j_per_c: 1000 },
      { id: "other", heat_capacity_j_per_c: 1000, ...changed },
    ];
    expect(linesOf(thermalProfile(nodes))[0]).toContain(expected);
  });

  test("profile - couplings join two known nodes", () => {
    const nodes = [{ id: "core", heat_capacity_j_per_c: 1000 }];
    expect(linesOf(thermalProfile(nodes, [{ a: "core", b: "hull" }]))[0]).toContain("unknown_reference thermal_plane.couplings[0].b");
    expect(linesOf(thermalProfile(nodes, [{ a: "core", b: "core" }]))[0]).toContain("inconsistent thermal_plane.couplings[0].b");
  });

  test.each([
    ["an unknown key", { colour: 1 }, "unknown_key thrusters[1].colour"],
    ["an index twice", { index: 0 }, "duplicate_id thrusters[1].index"],
    ["a direction that is no unit vector", { direction: [1, 1, 0] }, "out_of_range thrusters[1].direction"],
    ["a negative thrust", { f_max_newton: -1 }, "out_of_range thrusters[1].f_max_newton"],
    ["a missing position", { position_m: undefined }, "missing_required thrusters[1].position_m"],
  ])("profile - the thruster file refuses %s", (_what, changed, expected) => {
    const list = thrusters as object[];
    const file = JSON.parse(JSON.stringify([list[0], { ...list[1], ...changed }])) as unknown;
    const result = parseProfile(shipped, { tickMs: 100, thrusters: file });
    expect(result.kind === "refused" && result.problems.map(formatProfileProblem)[0]).toContain(expected);
  });

  test("profile - what is absent is a fault that lasts", () => {
    const result = parseProfile({ hardware_profile: {} }, { tickMs: 100 });
    expect(result.kind === "ok" && result.profile.configFaults).toEqual(["BATTERY_CAPACITY_MISSING", "POWER_PLANE_CONFIG_MISSING"]);
    expect(result.kind === "ok" && result.profile.powerCapacityWh).toBe(200);
    expect(linesOf({})).toEqual(["PROFILE missing_required hardware_profile: got nothing, expected an object"]);
    expect(linesOf([])).toEqual(["PROFILE wrong_type file: got [], expected an object"]);
  });

  test("profile - propulsion names its file only when it is enabled", () => {
    expect(thrustersPathOf(shipped)).toBe("config/propulsion/thrusters.json");
    expect(thrustersPathOf(profileWith(shipped, { "propulsion_plane.enabled": false }))).toBeUndefined();
    expect(problemsOf({ "propulsion_plane.isp_s": undefined })).toEqual([
      "PROFILE missing_required propulsion_plane.isp_s: got nothing, expected (0,10000] s when enabled",
    ]);
  });

  test("thrusters - torque beyond the tolerance costs a group more than a little thrust gains it", () => {
    const thruster = (y: number, fMaxNewton: number, index: number): Thruster => ({
      index,
      clusterId: "A",
      positionM: [0, y, 0],
      direction: [1, 0, 0],
      fMaxNewton,
    });
    const list = [thruster(1, 110, 0), thruster(1, 110, 1), thruster(1, 100, 2), thruster(-1, 100, 3)];
    expect(chooseGroups(list, [0, 0, 0], 1000)[0]?.members).toEqual([0, 1, 2, 3]);
    expect(chooseGroups(list.slice(1), [0, 0, 0], 0)[0]?.members).toEqual([0, 2]);
    expect(chooseGroups(list, [0, 0, 0], 1000)[1]).toBeUndefined();
  });

  test("SIM-068 thrusters - each axis has its four, without torque", () => {
    const result = parseProfile(shipped, { tickMs: 100, thrusters });
    if (result.kind !== "ok") throw new Error("the shipped profile is valid");
    const { groups } = compileCraftConfig(result.profile, { tickMs: 100, radarEnabled: true });
    expect(groups.map((group) => group?.members)).toEqual([
      [4, 5, 6, 7],
      [0, 1, 2, 3],
      [0, 2, 4, 6],
      [1, 3, 5, 7],
      [12, 13, 14, 15],
      [8, 9, 10, 11],
    ]);
    groups.forEach((group, axis) => {
      const along = group!.forceN[axis >> 1]! * (axis % 2 === 0 ? 1 : -1);
      expect(along).toBeCloseTo(axis < 4 ? 735.384 : 622.248, 9);
      for (const nm of group!.torqueNm) expect(Math.abs(nm)).toBeLessThan(1e-9);
    });
  });
});
