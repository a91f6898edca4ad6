import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { applyCraftCommand, type CraftCommand } from "./commands.ts";
import * as at from "./layout.ts";
import { restoreCraft, snapshotCraft } from "./snapshot.ts";
import { type CraftState, writeVector } from "./state.ts";
import { field, profileSet, script, thermalNetwork } from "./test-random.ts";
import { flatProfile, type Rig, rigOf, rigOfState } from "./test-rig.ts";

const read = (path: string): unknown => JSON.parse(readFileSync(new URL(`../../${path}`, import.meta.url), "utf8"));
const shipped = read("profiles/shipped.json");
const thrusters = read("config/propulsion/thrusters.json");

const RUNS = process.env.QIKI_SOAK === "1" ? 400 : 40;
const SEED = 20_260_303;
const TICKS = 200;

/** Runs a craft through a script; commands that it refuses change nothing. */
function play(rig: Rig, commands: readonly (readonly [number, CraftCommand])[], from: number, to: number): void {
  for (let tick = from; tick < to; tick += 1) {
    for (const [after, one] of commands) if (after === tick) applyCraftCommand(rig.state, rig.config, one);
    rig.run(1);
  }
}

/** Fields by name whose bits differ between two crafts, of those that both have. */
function differing(ours: Rig, theirs: Rig, isLeftOut: (name: string) => boolean = () => false): string[] {
  const offsets = new Map(theirs.config.layout.fields.map((one) => [one.name, one.offset]));
  return ours.config.layout.fields
    .filter(({ name, offset }) => !isLeftOut(name) && !Object.is(ours.values[offset], theirs.values[offsets.get(name)!]))
    .map(({ name }) => name);
}

type Node = Record<string, unknown> & { readonly id: string };
type Coupling = { readonly a: string; readonly b: string; readonly k_w_per_c: number };
const nodesOf = (set: Readonly<Record<string, unknown>>): Node[] => set["thermal_plane.nodes"] as Node[];
const couplingsOf = (set: Readonly<Record<string, unknown>>): Coupling[] => set["thermal_plane.couplings"] as Coupling[];

describe("order and company", () => {
  test(`SIM-088 thermal - the order of nodes and couplings, and which end is a, do not matter (seed ${SEED})`, () => {
    // Without trips: rounding may move a threshold by a tick, which is no property of the network.
    const network = thermalNetwork.map((set) => ({ ...set, "thermal_plane.nodes": nodesOf(set).map((node) => ({ ...node, t_max_c: 0 })) }));
    const shuffled = network.chain((set) =>
      fc.record({
        set: fc.constant(set),
        nodes: fc.shuffledSubarray(nodesOf(set), { minLength: nodesOf(set).length }),
        couplings: fc.shuffledSubarray(couplingsOf(set), { minLength: couplingsOf(set).length }),
        turned: fc.boolean(),
      }),
    );
    fc.assert(
      fc.property(shuffled, ({ set, nodes, couplings, turned }) => {
        const one = rigOf(shipped, { thrusters, set });
        const turnedCouplings = turned ? couplings.map(({ a, b, ...rest }) => ({ a: b, b: a, ...rest })) : couplings;
        const other = rigOf(shipped, {
          thrusters,
          set: { ...set, "thermal_plane.nodes": nodes, "thermal_plane.couplings": turnedCouplings },
        });
        one.run(TICKS);
        other.run(TICKS);
        for (const { id } of nodes) expect(Math.abs(one.tempC(id) - other.tempC(id))).toBeLessThanOrEqual(1e-12 * 160);
      }),
      { seed: SEED, numRuns: RUNS },
    );
  });

  test(`SIM-093 thermal - an unused node anywhere in the list changes not one bit of the rest (seed ${SEED})`, () => {
    const idle = { id: "idle", heat_capacity_j_per_c: 500, cooling_w_per_c: 0.5, t_init_c: 20 };
    fc.assert(
      fc.property(profileSet, script(TICKS), fc.nat(8), (set, commands, place) => {
        const nodes = nodesOf(set);
        const plain = rigOf(shipped, { thrusters, set });
        const more = rigOf(shipped, { thrusters, set: { ...set, "thermal_plane.nodes": nodes.toSpliced(place, 0, idle) } });
        play(plain, commands, 0, TICKS);
        play(more, commands, 0, TICKS);
        // Which node denies a load is kept as an index into the list.
        expect(differing(plain, more, (name) => name.startsWith("work.denying_node"))).toEqual([]);
      }),
      { seed: SEED, numRuns: RUNS },
    );
  });
});

describe("time", () => {
  const powers = fc.record({
    base_power_in_w: fc.double({ min: 0, max: 200, noNaN: true }),
    base_power_out_w: fc.double({ min: 0, max: 200, noNaN: true }),
    radar_power_w: fc.double({ min: 0, max: 40, noNaN: true }),
    supercap_capacity_wh: fc.double({ min: 0, max: 0.5, noNaN: true }),
    supercap_soc_pct_init: fc.double({ min: 0, max: 100, noNaN: true }),
    supercap_max_charge_w: fc.double({ min: 0, max: 200, noNaN: true }),
    supercap_max_discharge_w: fc.double({ min: 0, max: 200, noNaN: true }),
  });

  test(`time - energies under constant power do not depend on how time is cut (seed ${SEED})`, () => {
    fc.assert(
      fc.property(powers, fc.double({ min: 40, max: 60, noNaN: true }), (power, socPct) => {
        const [coarse, fine] = [1000, 50].map((tickMs) =>
          rigOf(flatProfile(0, power), { tickMs, init: { soc_pct: socPct } }).run(20_000 / tickMs),
        );
        // Also across the moment at which the supercapacitor is full or empty: what it cannot carry in a tick the battery does.
        for (const name of ["battery_j", "supercap_j"])
          expect(Math.abs(field(coarse!, name) - field(fine!, name))).toBeLessThanOrEqual(1e-6);
      }),
      { seed: SEED, numRuns: RUNS },
    );
  });

  test(`time - the computer's lag, a drift, a turn, propellant and dose do not depend on how time is cut (seed ${SEED})`, () => {
    const start = fc.record({
      cpuPct: fc.double({ min: 0, max: 100, noNaN: true }),
      velocity: fc.tuple(...[0, 1, 2].map(() => fc.double({ min: -10, max: 10, noNaN: true }))),
      deltaDeg: fc.integer({ min: -180, max: 180 }),
      pct: fc.integer({ min: 1, max: 100 }),
      radiation: fc.double({ min: 0, max: 5, noNaN: true }),
    });
    fc.assert(
      fc.property(start, ({ cpuPct, velocity, deltaDeg, pct, radiation }) => {
        const [coarse, fine] = [1000, 125].map((tickMs) => {
          const set = { "power_plane.dock_connected_init": false, "power_plane.max_bus_a": 0, "power_plane.battery_max_discharge_w": 0 };
          const rig = rigOf(shipped, { thrusters, tickMs, set, init: { velocity_mps: velocity } }).run(1);
          // The first tick has no sensor readings yet, and its length differs.
          rig.values[at.CPU_PCT] = cpuPct;
          writeVector(rig.values, at.POSITION_M, [0, 0, 0]);
          rig.do({ kind: "input", input: { radiationUsvh: radiation } }).do({ kind: "turn", deltaDeg });
          rig.do({ kind: "rcs_fire", axis: "up", pct, durationS: 3.5 });
          // A command loads the computer for a tick, whatever its length.
          rig.state.commandsApplied = 0;
          return rig.run(10_000 / tickMs);
        });
        const near = (name: string, tolerance: number): void =>
          expect(Math.abs(field(coarse!, name) - field(fine!, name)), name).toBeLessThanOrEqual(tolerance);
        near("cpu_pct", 1e-10);
        near("propellant_kg", 1e-10);
        near("turn_left_deg", 1e-9);
        near("dose_usv", 1e-10);
        for (const axis of ["x", "y"]) near(`position_m.${axis}`, 1e-9);
        for (const part of ["w", "x", "y", "z"]) near(`quaternion.${part}`, 1e-9);
      }),
      { seed: SEED, numRuns: RUNS },
    );
  });

  test(`time - temperatures converge as the tick is halved (seed ${SEED})`, () => {
    const network = thermalNetwork.map((set) => ({
      ...set,
      "thermal_plane.nodes": nodesOf(set).map((node) => ({
        ...node,
        heat_capacity_j_per_c: 10 * (node.heat_capacity_j_per_c as number),
        t_init_c: (node.t_init_c as number) / 4,
        t_max_c: 0,
      })),
    }));
    fc.assert(
      fc.property(network, fc.double({ min: -20, max: 40, noNaN: true }), (set, ambientC) => {
        const ids = nodesOf(set).map(({ id }) => id);
        const temps = [1000, 500, 125].map((tickMs) => {
          const rig = rigOf(shipped, { thrusters, tickMs, set: { ...set, "power_plane.mcqpu_power_w_at_100pct": 0 } });
          rig.do({ kind: "dock_release" }).do({ kind: "input", input: { ambientC } });
          rig.run(60_000 / tickMs);
          return ids.map((id) => rig.tempC(id));
        });
        const distance = (which: number): number =>
          ids.reduce((sum, _, node) => sum + Math.abs(temps[which]![node]! - temps[2]![node]!), 0);
        // Of a method of first order the error with half the tick is (4 - 1) / (8 - 1) of the other, measured from an eighth.
        expect(distance(1)).toBeLessThanOrEqual(0.6 * distance(0) + 1e-6);
      }),
      { seed: SEED, numRuns: RUNS },
    );
  });
});

test(`SIM-015 snapshot - a random run split at random ticks is the unsplit run, bit for bit (seed ${SEED})`, () => {
  const cuts = fc.uniqueArray(fc.integer({ min: 0, max: TICKS - 1 }), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(profileSet, script(TICKS), cuts, (set, commands, splits) => {
      const whole = rigOf(shipped, { thrusters, set });
      let split = rigOf(shipped, { thrusters, set });
      const { config } = split;
      for (let tick = 0; tick < TICKS; tick += 1) {
        if (splits.includes(tick)) split = rigOfState(restored(split), config);
        play(whole, commands, tick, tick + 1);
        play(split, commands, tick, tick + 1);
        expect(differing(whole, split)).toEqual([]);
        expect(split.state.tripEdges).toEqual(whole.state.tripEdges);
      }
    }),
    { seed: SEED, numRuns: RUNS },
  );
});

/** The craft that comes out of a snapshot written as JSON. */
function restored({ state, config }: Rig): CraftState {
  const text = JSON.stringify(snapshotCraft(state, config));
  const craft = restoreCraft(config, JSON.parse(text) as Record<string, unknown>);
  if ("problem" in craft) throw new Error(craft.problem);
  return craft;
}
