import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { applyCraftCommand } from "./commands.ts";
import { Fleet } from "./fleet.ts";
import { LANES } from "./layout.ts";
import { command, profileSet } from "./test-random.ts";
import { type Rig, rigOf } from "./test-rig.ts";

const shipped: unknown = JSON.parse(readFileSync(new URL("../../profiles/shipped.json", import.meta.url), "utf8"));
const thrusters: unknown = JSON.parse(readFileSync(new URL("../../config/propulsion/thrusters.json", import.meta.url), "utf8"));

const RUNS = process.env.QIKI_SOAK === "1" ? 200 : 12;
const SEED = 20_261_125;
const TICKS = 120;
/** One group full, and one with lanes to spare. */
const COUNT = LANES + 5;

/** Which craft of the fleet gets what before which tick. */
const script = fc.array(
  fc.record({
    craft: fc.integer({ min: 0, max: COUNT - 1 }),
    tick: fc.integer({ min: 0, max: TICKS - 1 }),
    command,
  }),
  { minLength: 20, maxLength: 120 },
);

describe("fleet", () => {
  test(`fleet - ${RUNS} random fleets are bit for bit what their crafts are alone, tick by tick (seed ${SEED})`, () => {
    let compared = 0;
    fc.assert(
      fc.property(profileSet, script, (set, entries) => {
        const alone = Array.from({ length: COUNT }, () => rigOf(shipped, { thrusters, set }));
        const { config } = alone[0]!;
        const fleet = new Fleet(config, COUNT);
        alone.forEach((rig, craft) => copy(rig, fleet.crafts[craft]!.values));
        for (let tick = 0; tick < TICKS; tick += 1) {
          for (const entry of entries) {
            if (entry.tick !== tick) continue;
            const refusals = [alone[entry.craft]!.state, fleet.crafts[entry.craft]!].map((craft) =>
              applyCraftCommand(craft, config, entry.command),
            );
            expect(refusals[1]).toEqual(refusals[0]);
          }
          for (const rig of alone) rig.run(1);
          fleet.step();
          alone.forEach((rig, craft) => {
            compare(rig, fleet.crafts[craft]!.values, `craft ${craft}, tick ${tick + 1}`);
            compared += 1;
          });
        }
        expect(fleet.crafts.map((craft) => craft.tripEdges)).toEqual(alone.map((rig) => rig.state.tripEdges));
      }),
      { seed: SEED, numRuns: RUNS },
    );
    expect(compared).toBe(RUNS * TICKS * COUNT);
  });
});

/** A rig has previewed its outputs; the fleet's craft starts from the same. */
function copy({ values, config }: Rig, into: Float64Array): void {
  for (const { offset } of config.layout.fields) into[offset] = values[offset]!;
}

function compare({ values, config }: Rig, theirs: Float64Array, where: string): void {
  for (const { name, offset } of config.layout.fields) {
    if (!Object.is(values[offset], theirs[offset])) throw new Error(`${where}: ${name} is ${theirs[offset]}, alone ${values[offset]}`);
  }
}
