import { join, relative } from "node:path";
import type { Command } from "commander";
import { QikiError } from "#base/error.ts";
import { randomPlan } from "#twin/fuzz/random-plan.ts";
import type { FuzzBase } from "#twin/fuzz/plan.ts";
import { runFuzz } from "#twin/fuzz/run.ts";
import { shrink } from "#twin/fuzz/shrink.ts";
import { fuzzRules, writeFuzzCase } from "./fuzz-case.ts";
import { checkProfile, readProfileFile } from "./load-profile.ts";

interface FuzzFlags {
  readonly firstSeed: string;
  readonly seeds: string;
  readonly ticks: string;
  readonly profile: string;
  readonly busFaults?: boolean;
  readonly out: string;
}

const SEED_MAX = 4_294_967_295;
const TICKS_MAX = 10_000_000;
/** Any: it only has to be one that a profile is checked at. */
const CHECK_TICK_MS = 100;

/** `qiki fuzz`: random scenarios, commands and faults, each run under every invariant. */
export function addFuzzVerb(program: Command): void {
  program
    .command("fuzz")
    .description("run random scenarios, commands and faults under every invariant; the first failure is shrunk and written as a case")
    .option("--first-seed <n>", "seed of the first run", "1")
    .option("--seeds <n>", "how many runs, each of its own seed", "100")
    .option("--ticks <n>", "ticks of each run", "6000")
    .option("--profile <file>", "craft profile that the runs vary", "profiles/shipped.json")
    .option("--bus-faults", "messages between the machines get lost, repeated, swapped and delayed too")
    .option("--out <folder>", "folder for a failure's case", "fuzz")
    .action(fuzz);
}

async function fuzz(flags: FuzzFlags): Promise<void> {
  const firstSeed = count("--first-seed", flags.firstSeed, 0, SEED_MAX);
  const seeds = count("--seeds", flags.seeds, 1, SEED_MAX - firstSeed + 1);
  const ticks = count("--ticks", flags.ticks, 1, TICKS_MAX);
  const base = loadBase(flags.profile);
  for (let seed = firstSeed; seed < firstSeed + seeds; seed += 1) {
    const { plan, run } = randomPlan({ seed, ticks, linkFaults: flags.busFaults === true }, base);
    const { finding, ...rest } = runFuzz(run, base);
    if (finding === undefined) continue;
    const shrunk = shrink(plan, { ...rest, finding }, base);
    const { invariant, tick, message } = shrunk.outcome.finding;
    const file = await writeFuzzCase(shrunk, base, join(flags.out, `seed-${seed}`));
    process.stdout.write(
      `seed ${seed}, invariant ${invariant}, tick ${tick}, file ${relative(process.cwd(), file)}\n` +
        `  ${message}\n` +
        `  shrunk from ${plan.items.length} to ${shrunk.plan.items.length} inputs in ${shrunk.tries} tries\n`,
    );
    process.exitCode = 1;
    return;
  }
  process.stdout.write(`fuzz: ${seeds} seeds, ${seeds * ticks} ticks, 0 violations\n`);
}

/** What the runs of a fuzz vary. @throws QikiError profile_invalid, rules_invalid */
export function loadBase(profile: string): FuzzBase {
  const file = readProfileFile(profile, process.cwd());
  const { thrusters } = checkProfile(file.path, file.value, CHECK_TICK_MS);
  return { profile: file.value, profilePath: file.path, profileHash: file.hash, thrusters, ...fuzzRules() };
}

function count(flag: string, text: string, min: number, max: number): number {
  const value = text.trim() === "" ? Number.NaN : Number(text);
  if (Number.isSafeInteger(value) && value >= min && value <= max) return value;
  throw new QikiError("usage", `${flag} is ${text}: give a whole number in [${min}, ${max}]`);
}
