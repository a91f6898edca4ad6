import { assertNever } from "#base/assert.ts";
import type { CommandValues } from "#contracts/command.ts";
import type { CommandGroup, CommandSpec, EffectCondition, EffectSpec } from "#contracts/command-catalogue.ts";
import { parsePath, valueAt } from "#base/path.ts";

type Wanted = number | string | boolean | readonly string[];

interface WatchedCondition {
  readonly path: string;
  readonly op: EffectCondition["op"];
  readonly value: Wanted;
}

/** A command that was applied and whose effect has not been seen yet. Plain data: it is part of the snapshot. */
export interface EffectWatch {
  readonly requestId: string;
  readonly name: string;
  readonly group: CommandGroup | null;
  readonly operator: string;
  readonly role: string;
  readonly conditions: readonly WatchedCondition[];
  readonly appliedTick: number;
  /** The last tick at which the effect counts. */
  readonly lastTick: number;
}

export type EffectOutcome =
  | { readonly kind: "confirmed" }
  | { readonly kind: "missing"; readonly reason: "deadline" | "superseded"; readonly supersededBy?: string };

/** What the deadlines and values of the catalogue depend on. */
export interface EffectContext {
  readonly tick: number;
  readonly tickMs: number;
  readonly softStartS: number;
  readonly turnRateDps: number;
  readonly defaultPort: string | null;
}

/** The conditions of a command's effect with its own values put in. */
export function watchedConditions(effect: EffectSpec, values: CommandValues, context: EffectContext): readonly WatchedCondition[] {
  const conditions: WatchedCondition[] = [];
  for (const { path, op, value } of effect.all) {
    if (typeof value !== "object" || !("parameter" in value || "ticksAfter" in value)) conditions.push({ path, op, value });
    else if ("ticksAfter" in value) conditions.push({ path, op, value: context.tick + Number(values[value.ticksAfter]) });
    else {
      const wanted = parameterValue(value.parameter, values, context);
      if (wanted !== undefined) conditions.push({ path, op, value: wanted });
    }
  }
  return conditions;
}

/** Ticks after application in which the effect may come true. */
export function deadlineTicks(effect: EffectSpec, values: CommandValues, context: EffectContext): number {
  const seconds = deadlineSeconds(effect, values, context);
  return Math.floor((seconds * 1000) / context.tickMs + 1e-9);
}

/** Whether every condition holds in a telemetry payload (or another object of the same paths). */
export function effectHolds(conditions: readonly WatchedCondition[], payload: unknown): boolean {
  return conditions.every((condition) => conditionHolds(condition, observed(condition.path, payload)));
}

/** The values now at the watched paths, for the record of a missing effect. */
export function observedValues(conditions: readonly WatchedCondition[], payload: unknown): Record<string, unknown> {
  return Object.fromEntries(conditions.map(({ path }) => [path, observed(path, payload) ?? null]));
}

/** The load whose sheds and trips can block a command of this group. */
export function blockedLoad(group: CommandSpec["group"] | null): string | undefined {
  switch (group) {
    case "nbl":
    case "rcs":
      return group;
    case "xpdr":
      return "transponder";
    case "drive":
    case "turn":
      return "motion";
    case "dock":
    case "sim_state":
    case null:
    case undefined:
      return undefined;
    default:
      return assertNever(group, "command group");
  }
}

function deadlineSeconds(effect: EffectSpec, values: CommandValues, context: EffectContext): number {
  switch (effect.deadline) {
    case "soft_start":
      return context.softStartS + 1;
    case "turn":
      return Math.abs(Number(values.delta_deg)) / context.turnRateDps + 1;
    case "steps":
      return (Number(values.ticks) * context.tickMs) / 1000;
    default:
      return effect.deadline;
  }
}

/** A parameter's value; two are derived: the port that a blank one means, and whether a transponder mode transmits. */
function parameterValue(name: string, values: CommandValues, context: EffectContext): Wanted | undefined {
  if (name === "port") return values.port ?? context.defaultPort ?? undefined;
  if (name === "active") return values.mode === "ON" || values.mode === "SPOOF" ? true : undefined;
  return values[name];
}

function observed(path: string, payload: unknown): unknown {
  const parsed = parsePath(path);
  const value = parsed === undefined ? undefined : valueAt(payload, parsed);
  if (!Array.isArray(value)) return value;
  let sum = 0;
  for (const component of value as number[]) sum += component * component;
  return Math.sqrt(sum);
}

function conditionHolds({ op, value: wanted }: WatchedCondition, value: unknown): boolean {
  switch (op) {
    case "==":
      return value === wanted;
    case "in":
      return Array.isArray(wanted) && wanted.includes(value as string);
    case "<=":
      return typeof value === "number" && value <= (wanted as number);
    case ">=":
      return typeof value === "number" && value >= (wanted as number);
    case ">":
      return typeof value === "number" && value > (wanted as number);
    default:
      return assertNever(op, "operator");
  }
}
