import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import * as at from "./layout.ts";
import { SHEDDABLE_LOADS } from "./profile-schema.ts";
import { field } from "./test-random.ts";
import { flatProfile, profileWith, type Rig, rigOf, thermalProfile } from "./test-rig.ts";

const thrusters: unknown = JSON.parse(readFileSync(new URL("../../config/propulsion/thrusters.json", import.meta.url), "utf8"));

const RUNS = process.env.QIKI_SOAK === "1" ? 500 : 60;
const TICKS = 400;
const SEED = 20_260_202;

/**
 * Noise around a band: a walk, jumps across it, trembling at either edge, and the edges themselves.
 * Values lie within twice the band's width around it.
 */
const noise = (low: number, high: number): fc.Arbitrary<number[]> => {
  const width = high - low;
  const value = fc.oneof(
    fc.constantFrom(low, high, (low + high) / 2),
    fc.double({ min: low - width, max: high + width, noNaN: true }),
    fc.double({ min: low - 1e-6 * width, max: low + 1e-6 * width, noNaN: true }),
    fc.double({ min: high - 1e-6 * width, max: high + 1e-6 * width, noNaN: true }),
  );
  return fc.array(value, { minLength: TICKS, maxLength: TICKS });
};

/** Full crossings of a band: how often a value that was beyond one end is beyond the other, the first end given. */
function fullCrossings(values: readonly number[], isOn: (value: number) => boolean, isOff: (value: number) => boolean): number {
  let side = false;
  let count = 0;
  for (const value of values) {
    const next: boolean = side ? !isOff(value) : isOn(value);
    if (next !== side) count += 1;
    side = next;
  }
  return count;
}

/** Changes of what `read` says, from a beginning at rest. */
function changes(readings: readonly number[]): number {
  return readings.filter((value, index) => value !== (index === 0 ? 0 : readings[index - 1])).length;
}

interface Switch {
  readonly name: string;
  readonly low: number;
  readonly high: number;
  /** Makes the craft whose switch is watched. */
  readonly rig: () => Rig;
  /** Puts one value in before a tick. */
  readonly put: (rig: Rig, value: number) => void;
  readonly read: (rig: Rig) => number;
  readonly isOn: (value: number) => boolean;
  readonly isOff: (value: number) => boolean;
}

const LOADED = { radar_power_w: 18, transponder_power_w: 6, nbl_max_power_w: 20, nbl_active_init: true };
const flat = (power: Readonly<Record<string, unknown>>): Rig => rigOf(flatProfile(100, { ...LOADED, ...power }));
const nodeOnly = (): Rig =>
  rigOf(thermalProfile([{ id: "x", heat_capacity_j_per_c: 1000, cooling_w_per_c: 0, t_init_c: 20, t_max_c: 90, t_hysteresis_c: 5 }]));

const SWITCHES: readonly Switch[] = [
  {
    name: "charge latch",
    low: 20,
    high: 30,
    rig: () => flat({}),
    put: (rig, value) => rig.setSocPct(value),
    read: (rig) => field(rig, "soc_latch"),
    isOn: (value) => value <= 20,
    isOff: (value) => value >= 30,
  },
  {
    name: "NBL charge gate",
    low: 35,
    high: 36,
    rig: () => flat({ nbl_soc_min_pct: 35 }),
    put: (rig, value) => rig.setSocPct(value),
    read: (rig) => field(rig, "nbl_soc_gate"),
    isOn: (value) => value < 35,
    isOff: (value) => value >= 36,
  },
  {
    name: "NBL heat gate",
    low: 88,
    high: 90,
    rig: () =>
      rigOf(
        profileWith(thermalProfile([{ id: "core", heat_capacity_j_per_c: 1000, cooling_w_per_c: 0, t_init_c: 20 }]), {
          "power_plane.nbl_core_temp_max_c": 90,
        }),
      ),
    put: (rig, value) => rig.setTempC("core", value),
    read: (rig) => field(rig, "nbl_temp_gate"),
    isOn: (value) => value > 90,
    isOff: (value) => value <= 88,
  },
  {
    name: "thermal trip",
    low: 85,
    high: 90,
    rig: nodeOnly,
    put: (rig, value) => rig.setTempC("x", value),
    read: (rig) => Number(rig.isTripped("x")),
    isOn: (value) => value >= 90,
    isOff: (value) => value <= 85,
  },
  {
    name: "thermal warning",
    low: 75,
    high: 80,
    rig: nodeOnly,
    put: (rig, value) => rig.setTempC("x", value),
    read: (rig) => field(rig, "nodes.x.warned"),
    isOn: (value) => value >= 80,
    isOff: (value) => value <= 75,
  },
];

/** What the state makes of a value put in, which it holds as energy. */
function seen(rig: Rig, { name }: Switch, value: number): number {
  return name.includes("charge") ? rig.socPct() : value;
}

describe("no flap", () => {
  test.each(SWITCHES)(`no flap - $name changes once per full crossing of its band, whatever the noise (seed ${SEED})`, (one) => {
    let most = 0;
    fc.assert(
      fc.property(noise(one.low, one.high), (values) => {
        const rig = one.rig();
        const readings: number[] = [];
        const inState: number[] = [];
        for (const value of values) {
          one.put(rig, value);
          inState.push(seen(rig, one, value));
          rig.run(1);
          readings.push(one.read(rig));
        }
        const transitions = changes(readings);
        expect(transitions).toBe(fullCrossings(inState, one.isOn, one.isOff));
        most = Math.max(most, transitions);
      }),
      { seed: SEED, numRuns: RUNS },
    );
    // The noise does cross the band, so the bound is no empty one.
    expect(most).toBeGreaterThan(20);
  });

  test(`no flap - a load that the PDU shed comes back at most once per run of fitting ticks, whatever the noise (seed ${SEED})`, () => {
    let most = 0;
    const speeds = fc.array(
      fc
        .tuple(fc.oneof(fc.constantFrom(0, 1), fc.double({ min: 0, max: 1, noNaN: true })), fc.integer({ min: 1, max: 25 }))
        .map(([speed, ticks]) => Array.from({ length: ticks }, () => speed)),
      { minLength: 20, maxLength: 60 },
    );
    const shape = fc.record({
      delayS: fc.constantFrom(0, 0.1, 0.5, 1),
      marginPct: fc.constantFrom(0, 5, 20),
      limitA: fc.double({ min: 1, max: 5, noNaN: true }),
    });
    fc.assert(
      fc.property(speeds, shape, (stretches, { delayS, marginPct, limitA }) => {
        const rig = rigOf(
          flatProfile(limitA, {
            ...LOADED,
            base_power_out_w: 10,
            motion_power_w_per_mps: 100,
            pdu_restore_delay_s: delayS,
            pdu_restore_margin_pct: marginPct,
          }),
        );
        const watches = SHEDDABLE_LOADS.map((load) => restoreWatch(rig, load, delayS, marginPct));
        for (const speedMps of stretches.flat()) {
          rig.values[at.DRIVE_COMMAND_MPS] = speedMps;
          rig.run(1);
          for (const watch of watches) watch.look();
        }
        for (const { restores, fittingStretches, transitions } of watches) {
          expect(restores()).toBeLessThanOrEqual(fittingStretches());
          expect(transitions()).toBeLessThanOrEqual(2 * fittingStretches() + 1);
          most = Math.max(most, transitions());
        }
      }),
      { seed: SEED, numRuns: RUNS },
    );
    expect(most).toBeGreaterThan(10);
  });
});

/**
 * Bound of the PDU's latch with its delay of d ticks. A load is given back in a tick in which it fits with the margin after
 * having fitted in each of the d ticks before: d + 1 fitting ticks on end. Between two restores it was shed, in a tick in which
 * it did not fit. So restores use disjoint runs of d + 1 fitting ticks, and there are at most ⌊length / (d + 1)⌋ of these in each
 * unbroken stretch of fitting ticks. Fitting is counted from below: the loads that cannot be shed, the load itself, and those
 * more critical than it, all at their full demand; what the PDU counts is never less.
 */
function restoreWatch(rig: Rig, load: (typeof SHEDDABLE_LOADS)[number], delayS: number, marginPct: number) {
  const delayTicks = Math.ceil(delayS / rig.config.dtS - 1e-9);
  const moreCritical = SHEDDABLE_LOADS.slice(SHEDDABLE_LOADS.indexOf(load));
  let wasShed = 0;
  let restoreCount = 0;
  let transitionCount = 0;
  let stretch = 0;
  let windows = 0;
  return {
    look() {
      const shed = field(rig, `pdu.${load}.latched`);
      if (shed !== wasShed) transitionCount += 1;
      const isRestored = wasShed === 1 && shed === 0;
      if (isRestored) restoreCount += 1;
      wasShed = shed;
      let needW = 0;
      for (const one of ["base", "motion", "mcqpu", "rcs", ...moreCritical] as const) needW += rig.demand(one);
      const fits = needW <= field(rig, "work.limit_w") * (1 - marginPct / 100) + 2e-9;
      stretch = fits ? stretch + 1 : 0;
      if (stretch > 0 && stretch % (delayTicks + 1) === 0) windows += 1;
      if (isRestored) expect(stretch).toBeGreaterThan(delayTicks);
    },
    restores: () => restoreCount,
    transitions: () => transitionCount,
    fittingStretches: () => windows,
  };
}

test("no flap - a shed load stays off for the delay though it would fit in every other tick", () => {
  const rig = rigOf(flatProfile(1, { ...LOADED, nbl_active_init: false, radar_power_w: 18, motion_power_w_per_mps: 10 }), { thrusters });
  let restored = 0;
  for (let tick = 0; tick < 1000; tick += 1) {
    rig.values[at.DRIVE_COMMAND_MPS] = tick % 2;
    rig.run(1);
    if (tick > 2 && rig.load("radar") > 0) restored += 1;
  }
  expect(restored).toBe(0);
});
