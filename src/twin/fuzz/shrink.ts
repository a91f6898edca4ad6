import { commandSpec } from "#contracts/command-catalogue.ts";
import { buildRun, type FuzzBase, type FuzzItem, type FuzzPlan } from "./plan.ts";
import { type FuzzFinding, type FuzzOutcome, runFuzz } from "./run.ts";

/** The smallest plan found that violates the same invariant, with what it shows. */
export interface Shrunk {
  readonly plan: FuzzPlan;
  readonly outcome: FuzzOutcome & { readonly finding: FuzzFinding };
  /** Runs it took. */
  readonly tries: number;
}

/** Runs that shrinking may take (operations §9). */
export const TRIES_MAX = 200;

/**
 * Leaves out of a failing plan what is not needed for the failure: the ticks after it, then inputs, in ever smaller groups
 * (delta debugging: Zeller and Hildebrandt, Simplifying and Isolating Failure-Inducing Input, 2002). At last live commands become
 * entries of the timeline, if the failure does not need them live.
 */
export function shrink(plan: FuzzPlan, outcome: FuzzOutcome & { readonly finding: FuzzFinding }, base: FuzzBase): Shrunk {
  let best = { plan: { ...plan, ticks: Math.max(1, outcome.ticks) }, outcome };
  let tries = 0;

  /** Takes a smaller plan over if it fails alike. */
  function take(items: readonly FuzzItem[]): boolean {
    const smaller = { ...best.plan, items };
    const run = tries < TRIES_MAX ? buildRun(smaller, base) : undefined;
    if (run === undefined || "problems" in run) return false;
    tries += 1;
    const { finding, ...rest } = runFuzz(run, base);
    if (finding?.invariant !== outcome.finding.invariant) return false;
    best = { plan: { ...smaller, ticks: Math.max(1, rest.ticks) }, outcome: { ...rest, finding } };
    return true;
  }

  let size = Math.ceil(plan.items.length / 2);
  for (let hasShrunk = true; size > 1 || hasShrunk; size = Math.ceil(size / 2)) {
    hasShrunk = false;
    for (let end = best.plan.items.length; end > 0; end -= size) {
      const { items } = best.plan;
      if (take([...items.slice(0, Math.max(0, end - size)), ...items.slice(end)])) hasShrunk = true;
    }
  }
  const { items } = best.plan;
  if (items.some(({ kind }) => kind === "command")) take(items.map(asEntry));
  return { ...best, tries };
}

function asEntry(item: FuzzItem): FuzzItem {
  if (item.kind !== "command" || commandSpec(item.command.name)?.owner !== "sim") return item;
  const { afterTick, name, parameters } = item.command;
  return { kind: "entry", entry: { at: `${afterTick}t`, do: "command", name, params: parameters } };
}
