import { isRaw, type Raw } from "#base/key-reader.ts";
import type { RuleSet } from "#alarms/incident/incidents.ts";
import { parseProfile } from "#craft/profile.ts";
import type { GuardRuleSet } from "../guard-rule-set.ts";
import type { LinkFault } from "../links.ts";
import { applyProfileSet } from "../profile-set.ts";
import { parseScenario, type ScenarioProblem } from "../scenario.ts";
import { createSimModel, type SimModel } from "../sim-state.ts";

/** A command that arrives live, after a tick. */
export interface LiveCommand {
  readonly afterTick: number;
  readonly name: string;
  readonly parameters: Raw;
  /** Where among the incidents that exist then the one lies that it names, 0..1; absent: the parameters name it. */
  readonly incidentAt?: number;
}

/** One thing that a run has beyond its bare profile: what shrinking leaves out or keeps. */
export type FuzzItem =
  | { readonly kind: "set" | "config"; readonly key: string; readonly value: unknown }
  /** Keys of `init`; a node's temperature is `temps.<node>`. */
  | { readonly kind: "init"; readonly key: string; readonly value: unknown }
  | { readonly kind: "contact"; readonly contact: Raw }
  | { readonly kind: "entry"; readonly entry: Raw }
  | { readonly kind: "command"; readonly command: LiveCommand }
  | { readonly kind: "link"; readonly fault: LinkFault };

export interface FuzzPlan {
  readonly seed: number;
  readonly ticks: number;
  readonly items: readonly FuzzItem[];
}

/** What the runs of one fuzz have in common. */
export interface FuzzBase {
  /** Parsed profile file, and its name for scenario files. */
  readonly profile: unknown;
  readonly profilePath: string;
  readonly profileHash: string | undefined;
  readonly thrusters: unknown;
  readonly ruleSet: RuleSet;
  readonly guardRuleSet: GuardRuleSet;
}

/** What a run is made of, ready to be run. */
export interface FuzzRun {
  readonly model: SimModel;
  readonly ticks: number;
  /** By tick; those of one tick in their order. */
  readonly commands: readonly LiveCommand[];
  readonly links: readonly LinkFault[];
}

type ItemOf<Kind extends FuzzItem["kind"]> = Extract<FuzzItem, { readonly kind: Kind }>;

/** The scenario file's content of a plan. */
export function scenarioOf({ seed, ticks, items }: FuzzPlan, profilePath: string): Raw {
  const config = entriesOf(items, "config");
  const init = entriesOf(items, "init");
  const temps = Object.fromEntries(
    Object.entries(init).flatMap(([key, value]) => (key.startsWith("temps.") ? [[key.slice("temps.".length), value]] : [])),
  );
  const others = Object.fromEntries(Object.entries(init).filter(([key]) => !key.startsWith("temps.")));
  const filled: Raw = {
    set: entriesOf(items, "set"),
    config,
    init: { ...others, ...(Object.keys(temps).length === 0 ? {} : { temps }) },
    contacts: ofKind(items, "contact").map(({ contact }) => contact),
    timeline: ofKind(items, "entry").map(({ entry }) => entry),
  };
  const tickMs = typeof config["sim.tick_ms"] === "number" ? config["sim.tick_ms"] : DEFAULT_TICK_MS;
  return {
    name: `fuzz-${seed}`,
    seed,
    profile: profilePath,
    duration_s: (ticks * tickMs) / 1000,
    ...Object.fromEntries(
      Object.entries(filled).filter(([, value]) => (Array.isArray(value) ? value.length : Object.keys(value as Raw).length) > 0),
    ),
  };
}

/** Builds the run of a plan, or says what of it is not possible. */
export function buildRun(plan: FuzzPlan, base: FuzzBase): FuzzRun | { readonly problems: readonly ScenarioProblem[] } {
  const parsed = parseScenario(scenarioOf(plan, base.profilePath));
  if (parsed.kind === "refused") return { problems: parsed.problems };
  const { scenario } = parsed;
  const { profile, problems } = applyProfileSet(base.profile, scenario.set);
  if (problems.length > 0) return { problems };
  const { profileHash, thrusters } = base;
  const checked = parseProfile(profile, { tickMs: scenario.settings.tickMs, ...(thrusters === undefined ? {} : { thrusters }) });
  if (checked.kind === "refused")
    return { problems: checked.problems.map(({ path, expected }) => ({ path: `set.${path}`, problem: expected })) };
  const created = createSimModel({ profile, profileHash, thrusters, scenario, bootId: "0", mode: "FACTORY" });
  if (created.kind === "refused") return { problems: created.problems };
  return {
    model: created.model,
    ticks: plan.ticks,
    commands: ofKind(plan.items, "command")
      .map(({ command }) => command)
      .toSorted((a, b) => a.afterTick - b.afterTick),
    links: ofKind(plan.items, "link").map(({ fault }) => fault),
  };
}

const DEFAULT_TICK_MS = 100;

export function ofKind<Kind extends FuzzItem["kind"]>(items: readonly FuzzItem[], kind: Kind): ItemOf<Kind>[] {
  return items.filter((item): item is ItemOf<Kind> => item.kind === kind);
}

function entriesOf(items: readonly FuzzItem[], kind: "set" | "config" | "init"): Raw {
  return Object.fromEntries(ofKind(items, kind).map(({ key, value }) => [key, value]));
}

/** The profile's own part of a profile file's value. */
export function hardwareOf(profile: unknown): Raw {
  return isRaw(profile) && isRaw(profile.hardware_profile) ? profile.hardware_profile : {};
}
