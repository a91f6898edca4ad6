import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { HEAT_TERMS } from "./heat.ts";
import * as at from "./layout.ts";
import { type Rig, rigOf } from "./test-rig.ts";

const read = (path: string): unknown => JSON.parse(readFileSync(new URL(`../../${path}`, import.meta.url), "utf8"));
const shipped = read("profiles/shipped.json");
const thrusters = read("config/propulsion/thrusters.json");

/** The figures of a craft that stand in telemetry at the paths of the table. */
const READINGS: Readonly<Record<string, (rig: Rig) => number>> = {
  "power.loads_w.mcqpu": (rig) => rig.load("mcqpu"),
  "power.loads_w.nbl": (rig) => rig.load("nbl"),
  "power.loads_w.rcs": (rig) => rig.load("rcs"),
  "power.power_out_w": (rig) => rig.values[at.POWER_OUT_W]!,
  "power.bus_a": (rig) => rig.values[at.BUS_A]!,
  "power.supercap_charge_w": (rig) => rig.out(at.SUPERCAP_CHARGE_W),
  "power.supercap_discharge_w": (rig) => rig.out(at.SUPERCAP_DISCHARGE_W),
  "power.battery_charge_w": (rig) => rig.out(at.BATTERY_CHARGE_W),
  "power.battery_discharge_w": (rig) => rig.out(at.BATTERY_DISCHARGE_W),
  "power.dock_a": (rig) => rig.values[at.DOCK_A]!,
};

test("heat - each node warms by exactly what the table says of the tick's power", () => {
  // No exchange with anything: what a node gains in a tick is its heat alone.
  const plane = (shipped as { hardware_profile: { thermal_plane: { nodes: object[] } } }).hardware_profile.thermal_plane;
  const set = {
    "thermal_plane.nodes": plane.nodes.map((node) => ({ ...node, cooling_w_per_c: 0 })),
    "thermal_plane.couplings": [],
    "thermal_plane.ambient_exchange_w_per_c": 0,
    "propulsion_plane.heat_fraction_to_hull": 0.35,
    "power_plane.max_bus_a": 50,
  };
  const rig = rigOf(shipped, { thrusters, set, init: { supercap_soc_pct: 1 } });
  rig.do({ kind: "rcs_fire", axis: "up", pct: 100, durationS: 3 });
  const heated = new Set<string>();
  rig.run(60, (tick) => {
    if (tick === 40) rig.do({ kind: "dock_release" });
  });
  for (let tick = 0; tick < 300; tick += 1) {
    if (tick === 20) rig.do({ kind: "rcs_fire", axis: "up", pct: 100, durationS: 1 });
    if (tick === 30) rig.do({ kind: "input", input: { baseInW: 400 } });
    const before = rig.config.profile.thermalPlane.nodes.map(({ id }) => rig.tempC(id));
    rig.run(1);
    rig.config.profile.thermalPlane.nodes.forEach(({ id, heatCapacityJPerC }, node) => {
      const terms = HEAT_TERMS.filter((term) => term.node === id);
      const heatW = terms.reduce((sum, { share, of }) => {
        const value = of.reduce((total, path) => total + READINGS[path]!(rig), 0);
        if (value > 0) for (const path of of) if (READINGS[path]!(rig) > 0) heated.add(path);
        return sum + (typeof share === "number" ? share : 0.35) * (of[0]!.endsWith("_a") ? value * value : value);
      }, 0);
      const gainW = ((rig.tempC(id) - before[node]!) * heatCapacityJPerC) / rig.config.dtS;
      expect(Math.abs(gainW - heatW), `${id} at tick ${tick}`).toBeLessThan(1e-6);
    });
  }
  expect(HEAT_TERMS.flatMap(({ of }) => of).filter((path) => !heated.has(path))).toEqual(["power.dock_a"]);
});

test("heat - the dock bridge warms by the square of the dock's current", () => {
  const rig = rigOf(shipped, { thrusters }).run(30);
  const before = rig.tempC("dock_bridge");
  rig.values[at.NODES + 5 * at.NODE_STRIDE] = before;
  rig.run(1);
  const share = HEAT_TERMS.find(({ node }) => node === "dock_bridge")!.share as number;
  const amperes = rig.values[at.DOCK_A]!;
  // Coupled to the hull, which was set to the same temperature, and to an ambient of -60 C.
  const expectedC = before - ((before + 60) * ((0.9 + 0.2) * 0.1)) / 500 + (share * amperes * amperes * 0.1) / 500;
  expect(Math.abs(rig.tempC("dock_bridge") - expectedC)).toBeLessThan(1e-9);
});
