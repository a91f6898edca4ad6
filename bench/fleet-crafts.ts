import { randomStream } from "#base/random.ts";
import { hash128, hash128Hex } from "#base/murmur3.ts";
import { applyCraftCommand } from "#craft/commands.ts";
import type { CraftConfig } from "#craft/config.ts";
import { Fleet } from "#craft/fleet.ts";
import { initialise } from "#craft/initialise.ts";
import type { CraftState } from "#craft/state.ts";

export const FLEET_SIZE = 10_000;
/** Fleet steps of one run. */
export const FLEET_STEPS = 300;

/** Crafts `first` up to `end` of the fleet: docked or adrift, driving or not, each with a charge and temperatures of its own. */
export function benchFleet(config: CraftConfig, first: number, end: number): Fleet {
  const fleet = new Fleet(config, end - first);
  fleet.crafts.forEach((craft, index) => prepare(craft, config, first + index));
  return fleet;
}

function prepare(craft: CraftState, config: CraftConfig, number: number): void {
  const random = randomStream(`42/bench-craft-${number}`);
  const [core, pdu] = [20 + 20 * random.uniform(), 20 + 20 * random.uniform()];
  const init = { soc_pct: 40 + 50 * random.uniform(), supercap_soc_pct: 100 * random.uniform(), temps: { core, pdu } };
  const problems = initialise(craft, config, init);
  if (problems.length > 0) throw new Error(`craft ${number} cannot start: ${problems[0]!.problem}`);
  if (number % 4 === 0) applyCraftCommand(craft, config, { kind: "dock_release" });
  if (number % 4 === 1) applyCraftCommand(craft, config, { kind: "drive", speedMps: random.uniform() });
}

/** Digests of all crafts, in their order. */
export function digestsOf(fleet: Fleet): Uint32Array {
  const words = new Uint32Array(fleet.crafts.length * 4);
  fleet.crafts.forEach((craft, index) => craft.hash(words.subarray(index * 4, index * 4 + 4)));
  return words;
}

/** One digest of digests. */
export function fleetHash(parts: readonly Uint32Array[]): string {
  const words = new Uint32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    words.set(part, at);
    at += part.length;
  }
  return hash128Hex(hash128(new Uint8Array(words.buffer)));
}
