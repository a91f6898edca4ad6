import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import * as at from "./layout.ts";
import { profileWith, type Rig, type RigOptions, rigOf, thermalProfile } from "./test-rig.ts";
import { thermal } from "./thermal.ts";

const read = (path: string): unknown => JSON.parse(readFileSync(new URL(`../../${path}`, import.meta.url), "utf8"));
const shipped = read("profiles/shipped.json");
const thrusters = read("config/propulsion/thrusters.json");

/** One node, alone or with others, in an ambient. */
function network(nodes: readonly Record<string, unknown>[], couplings: readonly Record<string, unknown>[] = [], ambientC = -60): Rig {
  const rig = rigOf(thermalProfile(nodes, couplings), { tickMs: 1 });
  return rig.do({ kind: "input", input: { ambientC } });
}

function node(id: string, capacity: number, initialC: number, more: Record<string, unknown> = {}): Record<string, unknown> {
  return { id, heat_capacity_j_per_c: capacity, t_init_c: initialC, ...more };
}

function stages(rig: Rig, count: number, dtS: number): void {
  for (let n = 0; n < count; n += 1) thermal(rig.state, rig.config, dtS);
}

function near(ours: number, expected: number, tolerance = 1e-9): void {
  expect(Math.abs(ours - expected), `${ours}, expected ${expected}`).toBeLessThanOrEqual(tolerance * Math.max(1, Math.abs(expected)));
}

describe("thermal network", () => {
  test("SIM-052 thermal - one node cools towards the ambient", () => {
    const rig = network([node("x", 2000, 60, { cooling_w_per_c: 2 })], [], 0);
    stages(rig, 100, 10);
    near(rig.tempC("x"), 21.9619404763938);
  });

  test("SIM-054 thermal - the error halves with the step", () => {
    const errors = [100, 50, 25, 12.5].map((dtS) => {
      const rig = network([node("x", 2000, 60, { cooling_w_per_c: 2 })], [], 0);
      stages(rig, 1000 / dtS, dtS);
      return rig.tempC("x") - 22.0727664702865;
    });
    for (const [index, expected] of [-1.15206, -0.563611, -0.27882, -0.138678].entries()) {
      expect(Math.abs(errors[index]! - expected)).toBeLessThanOrEqual(1e-5);
      if (index > 0) expect(Math.abs(errors[index - 1]! / errors[index]! - 2)).toBeLessThanOrEqual(0.06);
    }
  });

  test("SIM-055 thermal - two nodes share their heat and lose none", () => {
    const rig = network([node("a", 1000, 50), node("b", 500, -10)], [{ a: "a", b: "b", k_w_per_c: 2 }]);
    for (let n = 0; n < 500; n += 1) {
      stages(rig, 1, 0.1);
      near(1000 * rig.tempC("a") + 500 * rig.tempC("b"), 45_000, 1e-11);
    }
    expect(Math.abs(rig.tempC("a") - 44.8150305)).toBeLessThanOrEqual(1e-6);
    expect(Math.abs(rig.tempC("b") - 0.3699391)).toBeLessThanOrEqual(1e-6);
  });

  test("SIM-056 thermal - a step too long for the ambient term ends exactly at the ambient", () => {
    const rig = rigOf(thermalProfile([node("x", 1, 40, { cooling_w_per_c: 2000 })]), { tickMs: 0.1 });
    stages(rig, 1, 10);
    expect(rig.tempC("x")).toBe(-60);
  });

  test("SIM-057 thermal - a chain reaches its steady state", () => {
    const nodes = [node("a", 500, 15), node("b", 800, 15), node("c", 300, 15, { cooling_w_per_c: 1 })];
    const couplings = [
      { a: "a", b: "b", k_w_per_c: 2 },
      { a: "b", b: "c", k_w_per_c: 3 },
    ];
    const rig = network(nodes, couplings, 5);
    rig.do({ kind: "fault_inject", fault: "heat_leak", target: "a", value: 10 });
    rig.do({ kind: "fault_inject", fault: "heat_leak", target: "b", value: 5 });
    stages(rig, 600, 0.1);
    for (const [id, expected] of [
      ["a", 16.0972877],
      ["b", 15.2386504],
      ["c", 13.6856404],
    ] as const) {
      expect(Math.abs(rig.tempC(id) - expected)).toBeLessThanOrEqual(1e-6);
    }
    stages(rig, 6000, 10);
    near(rig.tempC("a"), 30);
    near(rig.tempC("b"), 25);
    near(rig.tempC("c"), 20);
  });

  test("SIM-058 thermal - conduction may pull a node below the ambient", () => {
    const more = { cooling_w_per_c: 2 };
    const rig = network([node("a", 1000, -60, more), node("b", 1000, -100, more)], [{ a: "a", b: "b", k_w_per_c: 1 }]);
    stages(rig, 1, 0.1);
    near(rig.tempC("a"), -60.004, 1e-12);
    near(rig.tempC("b"), -99.988, 1e-12);
  });

  test("SIM-059 thermal - a node below the ambient is warmed, not lifted", () => {
    const rig = network([node("x", 1000, -100, { cooling_w_per_c: 2 })]);
    stages(rig, 1, 0.1);
    expect(rig.tempC("x")).toBeGreaterThan(-100);
    expect(rig.tempC("x")).toBeLessThan(-60);
  });

  test("thermal - parallel couplings add", () => {
    const one = network([node("a", 1000, 50), node("b", 500, -10)], [{ a: "a", b: "b", k_w_per_c: 3 }]);
    const two = network(
      [node("a", 1000, 50), node("b", 500, -10)],
      [
        { a: "a", b: "b", k_w_per_c: 1 },
        { a: "b", b: "a", k_w_per_c: 2 },
      ],
    );
    for (const rig of [one, two]) stages(rig, 100, 0.1);
    near(one.tempC("a"), two.tempC("a"), 1e-12);
  });

  test("SIM-088 thermal - the order of nodes and couplings does not matter", () => {
    const plane = (shipped as { hardware_profile: { thermal_plane: { nodes: object[]; couplings: object[] } } }).hardware_profile
      .thermal_plane;
    const options: RigOptions = { thrusters };
    const forward = rigOf(shipped, options).run(3000);
    const set = { "thermal_plane.nodes": plane.nodes.toReversed(), "thermal_plane.couplings": plane.couplings.toReversed() };
    const backward = rigOf(shipped, { ...options, set }).run(3000);
    for (const id of ["core", "pdu", "supercap", "battery", "dock_bridge", "hull"]) near(backward.tempC(id), forward.tempC(id), 1e-12);
  });

  test("SIM-093 thermal - a node that touches nothing changes nothing", () => {
    const plane = (shipped as { hardware_profile: { thermal_plane: { nodes: object[] } } }).hardware_profile.thermal_plane;
    const plain = rigOf(shipped, { thrusters });
    const more = rigOf(shipped, { thrusters, set: { "thermal_plane.nodes": [...plane.nodes, node("unused", 100, 20)] } });
    plain.run(1500);
    more.run(1500);
    let compared = 0;
    for (const field of plain.config.layout.fields) {
      const other = more.config.layout.fields.find((one) => one.name === field.name)!;
      expect(more.values[other.offset], field.name).toBe(plain.values[field.offset]);
      compared += 1;
    }
    expect(compared).toBeGreaterThan(300);
  });
});

describe("thermal trips", () => {
  test("SIM-060 trip - holds until the temperature is back by the hysteresis, one event per edge", () => {
    const rig = network([node("x", 1000, 20, { t_max_c: 90, t_hysteresis_c: 5 })]);
    const edges: boolean[] = [];
    for (const [tempC, isTripped] of [
      [100, true],
      [85.001, true],
      [85, false],
      [89.999, false],
      [90, true],
    ] as const) {
      rig.setTempC("x", tempC);
      rig.run(1);
      expect(rig.isTripped("x"), `${tempC} C`).toBe(isTripped);
      edges.push(...rig.state.tripEdges.map((edge) => edge.tripped));
    }
    expect(edges).toEqual([true, false, true]);
  });

  test("SIM-061 trip - without a hysteresis a band of one degree is used, and a fault says so", () => {
    const rig = network([node("x", 1000, 20, { t_max_c: 90 })]);
    expect(rig.config.profile.configFaults).toContain("THERMAL_PLANE_PARAM_INVALID:x:hys_zero");
    for (const [tempC, isTripped] of [
      [90, true],
      [89.5, true],
      [89, false],
    ] as const) {
      rig.setTempC("x", tempC);
      rig.run(1);
      expect(rig.isTripped("x"), `${tempC} C`).toBe(isTripped);
    }
  });

  test("SIM-062 warn - has the same band; an explicit threshold counts", () => {
    const rig = network([
      node("x", 1000, 20, { t_max_c: 90, t_hysteresis_c: 5 }),
      node("y", 1000, 20, { t_max_c: 95, t_hysteresis_c: 5, t_warn_c: 88 }),
    ]);
    for (const [tempC, isWarned] of [
      [80, true],
      [75.001, true],
      [75, false],
    ] as const) {
      rig.setTempC("x", tempC);
      rig.run(1);
      expect(rig.isWarned("x"), `${tempC} C`).toBe(isWarned);
    }
    rig.setTempC("y", 87.999);
    expect(rig.run(1).isWarned("y")).toBe(false);
    rig.setTempC("y", 88);
    expect(rig.run(1).isWarned("y")).toBe(true);
  });

  test("SIM-063 trip - a core that begins hot trips at the end of tick 1; the NBL is denied from tick 1 by its gate", () => {
    const rig = rigOf(read("profiles/test/temp_core_trip.json"), { thrusters });
    rig.run(1);
    expect(rig.state.tripEdges).toEqual([{ node: 0, tripped: true }]);
    near(rig.tempC("core"), 110.000315846);
    const isShed = (): void => {
      expect(rig.sheds()).toEqual(["nbl"]);
      expect(rig.shedReasons()).toEqual(["thermal_overheat"]);
    };
    isShed();
    rig.run(100, isShed);
  });

  test("SIM-065 trip - acts on loads one tick later", () => {
    const raw = profileWith(thermalProfile([node("pdu", 10, 100, { t_max_c: 50, t_hysteresis_c: 5 })]), {
      "power_plane.max_bus_a": 100,
      "power_plane.radar_power_w": 18,
      "power_plane.transponder_power_w": 6,
    });
    const rig = rigOf(raw).run(1);
    expect(rig.faults()).toEqual(["THERMAL_TRIP:pdu"]);
    expect(rig.sheds()).toEqual([]);
    rig.run(1);
    expect(rig.sheds()).toEqual(["radar", "transponder"]);
    expect(rig.shedReasons()).toEqual(["thermal_overheat"]);
  });

  test("SIM-066 trip - a heat leak trips the core, sheds the NBL, and both come back", () => {
    const rig = rigOf(shipped, { thrusters });
    const edges: [number, boolean][] = [];
    const sheds: [number, boolean][] = [];
    let wasShed = false;
    rig.run(100).do({ kind: "fault_inject", fault: "heat_leak", target: "core", value: 600, forTicks: 1900 });
    rig.run(2900, (tick) => {
      for (const edge of rig.state.tripEdges) edges.push([tick, edge.tripped]);
      const isShed = rig.sheds().includes("nbl");
      if (isShed !== wasShed) sheds.push([tick, isShed]);
      wasShed = isShed;
    });
    const within = (found: [number, boolean][], expected: [number, boolean][]): void => {
      expect(found.map(([, value]) => value)).toEqual(expected.map(([, value]) => value));
      found.forEach(([tick], index) => expect(Math.abs(tick - expected[index]![0])).toBeLessThanOrEqual(1));
    };
    within(edges, [
      [1371, true],
      [2844, false],
    ]);
    within(sheds, [
      [1372, true],
      [2845, false],
    ]);
    expect(rig.out(at.AMBIENT_C)).toBe(-60);
  });
});
