import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { applyCraftCommand, type CraftCommand } from "./commands.ts";
import * as at from "./layout.ts";
import { craftHashHex } from "./state.ts";
import { usableCapacityJ } from "./storage.ts";
import { profileSet, scaled, script } from "./test-random.ts";
import { type Rig, rigOf } from "./test-rig.ts";

const shipped: unknown = JSON.parse(readFileSync(new URL("../../profiles/shipped.json", import.meta.url), "utf8"));
const thrusters: unknown = JSON.parse(readFileSync(new URL("../../config/propulsion/thrusters.json", import.meta.url), "utf8"));

/** The soak runs a million random ticks. */
const RUNS = process.env.QIKI_SOAK === "1" ? 2000 : 200;
const SEED = 20_260_101;
/** One in four is a hundred times as powerful. */
const anyProfile = fc.tuple(profileSet, fc.constantFrom(1, 1, 1, 100)).map(([set, factor]) => scaled(set, factor));
/** Lengths of a tick; the random networks stand all of them. */
const tickMs = fc.constantFrom(10, 100, 1000);

describe("invariants", () => {
  test(`SIM-087 craft - ${RUNS} random runs of 500 ticks keep I2, I3, I4, I5, I6 and I7 (seed ${SEED})`, () => {
    fc.assert(
      fc.property(anyProfile, tickMs, script(500), (set, tick, commands) => {
        const rig = rigOf(shipped, { thrusters, set, tickMs: tick });
        const watch = pduWatch(rig);
        rig.run(500, (now) => {
          checkBalance(rig);
          checkCurrent(rig);
          checkPriority(rig);
          watch();
          checkRanges(rig);
          for (const [after, one] of commands) if (after === now) giveOrLeave(rig, one);
        });
      }),
      { seed: SEED, numRuns: RUNS },
    );
  });

  test("regression - a tip-off too slow for radians is no negative zero (found by SIM-087, seed 20260101, run 44)", () => {
    const rig = rigOf(shipped, { thrusters, set: { "motion_plane.tip_off_dps": [0, 0, -5e-324] } });
    checkRanges(rig);
    expect(craftHashHex(rig.run(1).state)).toMatch(/^[0-9a-f]{32}$/);
  });

  test(`I1 craft - the same inputs give the same bits (seed ${SEED})`, () => {
    fc.assert(
      fc.property(profileSet, script(200), (set, commands) => {
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

/** I7: a command that is refused changes nothing. */
function giveOrLeave(rig: Rig, command: CraftCommand): void {
  const before = rig.values.slice();
  const refusal = applyCraftCommand(rig.state, rig.config, command);
  if (refusal === undefined) return;
  demand(
    rig.values.every((value, index) => Object.is(value, before[index])),
    `${command.kind} was refused and changed something`,
    rig,
    refusal.message,
  );
}

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
    values[at.BATTERY_J]! >= 0 && values[at.BATTERY_J]! <= usableCapacityJ(values, 0, config),
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
  demand(rig.out(at.PROPELLANT_KG) >= 0, "propellant", rig, rig.out(at.PROPELLANT_KG));
}
