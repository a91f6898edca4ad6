import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { applyCraftCommand, type CraftCommand } from "./commands.ts";
import * as at from "./layout.ts";
import { craftHashHex } from "./state.ts";
import { usableCapacityJ } from "./storage.ts";
import { type Rig, rigOf } from "./test-rig.ts";

const shipped: unknown = JSON.parse(readFileSync(new URL("../../profiles/shipped.json", import.meta.url), "utf8"));
const thrusters: unknown = JSON.parse(readFileSync(new URL("../../config/propulsion/thrusters.json", import.meta.url), "utf8"));

/** The soak runs a million random ticks. */
const RUNS = process.env.QIKI_SOAK === "1" ? 2000 : 200;
const SEED = 20_260_101;

const watts = (max: number): fc.Arbitrary<number> => fc.oneof(fc.constant(0), fc.double({ min: 0, max, noNaN: true }));
const percent = fc.double({ min: 0, max: 100, noNaN: true });

const profileSet = fc
  .record({
    power_capacity_wh: fc.oneof(fc.constant(0), fc.double({ min: 0.01, max: 600, noNaN: true })),
    battery_soc_init_pct: percent,
    "power_plane.max_bus_a": fc.oneof(fc.constant(0), fc.double({ min: 0.05, max: 12, noNaN: true })),
    "power_plane.bus_v_min": fc.constantFrom(0, 20, 28),
    "power_plane.base_power_in_w": watts(200),
    "power_plane.base_power_out_w": watts(150),
    "power_plane.motion_power_w_per_mps": watts(200),
    "power_plane.mcqpu_power_w_at_100pct": watts(60),
    "power_plane.radar_power_w": watts(60),
    "power_plane.transponder_power_w": watts(30),
    "power_plane.battery_max_charge_w": watts(200),
    "power_plane.battery_max_discharge_w": watts(200),
    "power_plane.supercap_capacity_wh": watts(10),
    "power_plane.supercap_soc_pct_init": percent,
    "power_plane.dock_connected_init": fc.boolean(),
    "power_plane.pdu_restore_delay_s": fc.constantFrom(0, 0.5, 5),
    "power_plane.nbl_soc_min_pct": percent,
  })
  .map((set) => ({ ...set, "motion_plane.tip_off_dps": [1, -2, 3] }));

const command: fc.Arbitrary<CraftCommand> = fc.oneof(
  fc.record({ kind: fc.constant("dock_power" as const), on: fc.boolean() }),
  fc.record({ kind: fc.constant("nbl" as const), on: fc.boolean() }),
  fc.record({ kind: fc.constant("nbl_max" as const), maxPowerW: watts(80) }),
  fc.record({ kind: fc.constant("dock_engage" as const), port: fc.constantFrom("A", "B") }),
  fc.constant({ kind: "dock_release" } as const),
  fc.record({
    kind: fc.constant("rcs_fire" as const),
    axis: fc.constantFrom("forward", "aft", "port", "starboard", "up", "down"),
    pct: percent,
    durationS: fc.double({ min: 0, max: 5, noNaN: true }),
  }),
  fc.record({ kind: fc.constant("xpdr_mode" as const), mode: fc.constantFrom("ON", "OFF", "SILENT", "SPOOF") }),
  fc.record({ kind: fc.constant("drive" as const), speedMps: fc.double({ min: 0, max: 1, noNaN: true }) }),
  fc.record({ kind: fc.constant("turn" as const), deltaDeg: fc.double({ min: -360, max: 360, noNaN: true }) }),
  fc.record({ kind: fc.constant("input" as const), input: fc.record({ baseInW: watts(300) }) }),
  fc.record({ kind: fc.constant("input" as const), input: fc.record({ ambientC: fc.double({ min: -120, max: 160, noNaN: true }) }) }),
  fc.record({ kind: fc.constant("input" as const), input: fc.record({ radarEnabled: fc.boolean() }) }),
  fc.record({
    kind: fc.constant("fault_inject" as const),
    fault: fc.constant("battery_capacity_loss" as const),
    value: fc.double({ min: 0, max: 1, noNaN: true }),
    forTicks: fc.integer({ min: 1, max: 100 }),
  }),
  fc.record({
    kind: fc.constant("fault_inject" as const),
    fault: fc.constant("heat_leak" as const),
    target: fc.constantFrom("core", "pdu"),
    value: fc.double({ min: -1e4, max: 1e4, noNaN: true }),
    forTicks: fc.integer({ min: 1, max: 60 }),
  }),
  fc.record({
    kind: fc.constant("fault_inject" as const),
    fault: fc.constant("dead_load" as const),
    target: fc.constantFrom("radar", "transponder", "nbl", "rcs", "motion"),
    forTicks: fc.integer({ min: 1, max: 60 }),
  }),
);

const script = fc.array(fc.tuple(fc.integer({ min: 0, max: 499 }), command), { maxLength: 40 });

describe("invariants", () => {
  test(`SIM-087 craft - ${RUNS} random runs of 500 ticks keep I2, I3, I4, I5 and I6 (seed ${SEED})`, () => {
    fc.assert(
      fc.property(profileSet, script, (set, commands) => {
        const rig = rigOf(shipped, { thrusters, set });
        const watch = pduWatch(rig);
        rig.run(500, (tick) => {
          checkBalance(rig);
          checkCurrent(rig);
          checkPriority(rig);
          watch();
          checkRanges(rig);
          for (const [at, one] of commands) if (at === tick) applyCraftCommand(rig.state, rig.config, one);
        });
      }),
      { seed: SEED, numRuns: RUNS },
    );
  });

  test(`I1 craft - the same inputs give the same bits (seed ${SEED})`, () => {
    fc.assert(
      fc.property(profileSet, script, (set, commands) => {
        const hashes = [0, 1].map(() => {
          const rig = rigOf(shipped, { thrusters, set });
          rig.run(200, (tick) => {
            for (const [at, one] of commands) if (at === tick) applyCraftCommand(rig.state, rig.config, one);
          });
          return craftHashHex(rig.state);
        });
        expect(hashes[1]).toBe(hashes[0]);
      }),
      { seed: SEED, numRuns: 30 },
    );
  });
});

function demand(holds: boolean, what: string, rig: Rig, value: unknown): void {
  if (!holds) throw new Error(`${what} at tick ${rig.state.tick}: ${String(value)}`);
}

/** I2. */
function checkBalance(rig: Rig): void {
  let sinksW = rig.out(at.SUPERCAP_CHARGE_W) + rig.out(at.BATTERY_CHARGE_W) + rig.out(at.SPILL_W);
  for (const load of at.LOADS) sinksW += rig.load(load);
  const storedW = rig.out(at.SUPERCAP_DISCHARGE_W) + rig.out(at.BATTERY_DISCHARGE_W);
  const residualW = rig.out(at.SOURCE_BASE_W) + rig.out(at.SOURCE_DOCK_W) + storedW + rig.out(at.UNSERVED_W) - sinksW;
  demand(Math.abs(residualW) <= 1e-9, "the energy balance is off", rig, residualW);
}

/** I3. */
function checkCurrent(rig: Rig): void {
  const { maxBusA } = rig.config.profile.powerPlane;
  if (maxBusA === 0 || rig.faults().includes("PDU_OVERCURRENT")) return;
  demand(rig.values[at.BUS_A]! <= maxBusA, "the bus carries too much", rig, rig.values[at.BUS_A]);
  const isThrottled = rig.out(at.MOTION_THROTTLED) === 1 || rig.out(at.RCS_THROTTLED) === 1;
  if (isThrottled) demand(rig.values[at.LOAD_W] === rig.values[at.LIMIT_W], "throttled loads miss the limit", rig, rig.values[at.LOAD_W]);
}

/** I4. */
function checkPriority(rig: Rig): void {
  const isShed = (load: number): boolean => rig.values[at.PDU + load * at.PDU_STRIDE] === 1;
  if (isShed(1)) demand(rig.load("nbl") === 0, "nbl has power while radar is shed", rig, rig.load("nbl"));
  if (isShed(2))
    demand(rig.load("nbl") === 0 && rig.load("radar") === 0, "a load has power while the transponder is shed", rig, rig.load("radar"));
}

/** I5: a load that the distribution unit shed and that goes on asking stays off for the delay at least. */
function pduWatch(rig: Rig): () => void {
  const loads = ["nbl", "radar", "transponder"] as const;
  const shedAt: (number | undefined)[] = [undefined, undefined, undefined];
  const delayTicks = rig.config.restoreDelayTicks;
  return () => {
    const { tick } = rig.state;
    loads.forEach((load, index) => {
      if (rig.demand(load) === 0) shedAt[index] = undefined;
      else if (rig.values[at.PDU + index * at.PDU_STRIDE] === 1) shedAt[index] ??= tick;
      else if (shedAt[index] !== undefined) {
        demand(tick - shedAt[index]! >= delayTicks, `${load} came back too early`, rig, tick - shedAt[index]!);
        shedAt[index] = undefined;
      }
    });
  };
}

/** I6, and no negative zero: a restored craft would not have it. */
function checkRanges(rig: Rig): void {
  const { values, config } = rig;
  for (const field of config.layout.fields) {
    const value = values[field.offset]!;
    demand(Number.isFinite(value) && !Object.is(value, -0), `${field.name} is no published number`, rig, value);
  }
  demand(
    values[at.BATTERY_J]! >= 0 && values[at.BATTERY_J]! <= usableCapacityJ(values, config),
    "battery energy",
    rig,
    values[at.BATTERY_J],
  );
  demand(
    values[at.SUPERCAP_J]! >= 0 && values[at.SUPERCAP_J]! <= config.supercapCapacityJ,
    "supercapacitor energy",
    rig,
    values[at.SUPERCAP_J],
  );
  demand(rig.body(at.PROPELLANT_KG) >= 0, "propellant", rig, rig.body(at.PROPELLANT_KG));
}
