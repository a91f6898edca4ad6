import type { CommandValues } from "#contracts/command.ts";
import { type CommandGroup, type CommandSpec, commandSpec } from "#contracts/command-catalogue.ts";
import type { TelemetryPayload } from "#contracts/telemetry.ts";
import {
  blockedLoad,
  deadlineTicks,
  type EffectContext,
  type EffectWatch,
  effectHolds,
  observedValues,
  watchedConditions,
} from "./effect-watch.ts";
import type { Actor } from "./sim-machine.ts";
import type { SimModel, SimState } from "./sim-state.ts";

/** A watch that ended, with the body of its audit record. */
export interface SettledEffect {
  readonly watch: EffectWatch;
  readonly body: Record<string, unknown>;
}

/** Watches applied commands until their effect is seen in telemetry or its deadline has passed (operations §4.6). */
export interface Effects {
  /** Before the command is applied: the watch it will need, or undefined when it has no effect to check. */
  arm(
    spec: CommandSpec,
    values: CommandValues,
    about: { state: SimState; actor: Actor; requestId: string | null },
  ): EffectWatch | undefined;
  /** Right after it was applied: earlier watches of its group end, its own is tested at once. */
  applied(
    state: SimState,
    spec: CommandSpec,
    watch: EffectWatch | undefined,
    isReset: boolean,
    telemetry: TelemetryPayload,
  ): readonly SettledEffect[];
  /** A command of the timeline was applied, or a reset: watches of its group end, of a reset all. */
  overtaken(state: SimState, group: CommandGroup | undefined, isReset: boolean, telemetry: TelemetryPayload): readonly SettledEffect[];
  /** After every tick. */
  afterTick(state: SimState, telemetry: TelemetryPayload): readonly SettledEffect[];
}

export function createEffects(model: SimModel): Effects {
  return {
    arm(spec, values, { state, actor, requestId }) {
      const stops = spec.name === "sim.rcs.fire" && (values.pct === 0 || values.duration_s === 0);
      const effect = (stops ? commandSpec("sim.rcs.stop") : spec)?.effect;
      if (effect === undefined || requestId === null) return undefined;
      const context: EffectContext = {
        tick: state.craft.tick,
        tickMs: model.settings.tickMs,
        softStartS: model.softStartS,
        turnRateDps: model.turnRateDps,
        defaultPort: model.defaultPort,
      };
      const appliedTick = spec.name === "sim.reset" ? 0 : state.craft.tick;
      return {
        requestId,
        name: spec.name,
        group: spec.group ?? null,
        operator: actor.operator,
        role: actor.role,
        conditions: watchedConditions(effect, values, context),
        appliedTick,
        lastTick: appliedTick + deadlineTicks(effect, values, context),
      };
    },
    applied(state, spec, watch, isReset, telemetry) {
      const settled = overtaken(state, spec.group, isReset, watch?.requestId ?? null, telemetry);
      if (watch === undefined) return settled;
      if (effectHolds(watch.conditions, telemetry)) settled.push(confirmed(watch, telemetry));
      else if (watch.lastTick === watch.appliedTick) settled.push(missing(watch, telemetry, { reason: "deadline" }));
      else state.watches.push(watch);
      return settled;
    },
    overtaken: (state, group, isReset, telemetry) => overtaken(state, group, isReset, null, telemetry),
    afterTick(state, telemetry) {
      const settled: SettledEffect[] = [];
      state.watches = state.watches.filter((watch) => {
        if (state.craft.tick <= watch.lastTick && effectHolds(watch.conditions, telemetry)) settled.push(confirmed(watch, telemetry));
        else if (state.craft.tick > watch.lastTick) settled.push(missing(watch, telemetry, { reason: "deadline" }));
        else return true;
        return false;
      });
      return settled;
    },
  };
}

/** Ends the watches that a command of the group, or a reset, makes pointless. */
function overtaken(
  state: SimState,
  group: CommandGroup | undefined,
  isReset: boolean,
  by: string | null,
  telemetry: TelemetryPayload,
): SettledEffect[] {
  const ends = (watch: EffectWatch): boolean => isReset || (group !== undefined && watch.group === group);
  const settled = state.watches.filter(ends).map((watch) => missing(watch, telemetry, { reason: "superseded", superseded_by: by }));
  state.watches = state.watches.filter((watch) => !ends(watch));
  return settled;
}

function confirmed(watch: EffectWatch, telemetry: TelemetryPayload): SettledEffect {
  return {
    watch,
    body: { ok: true, effect: "effect_confirmed", ...timing(watch, telemetry), observed: observedValues(watch.conditions, telemetry) },
  };
}

function missing(watch: EffectWatch, telemetry: TelemetryPayload, why: Record<string, unknown>): SettledEffect {
  const load = blockedLoad(watch.group);
  const blocking = telemetry.explain.filter((entry) => load !== undefined && "load" in entry && entry.load === load);
  return {
    watch,
    body: {
      ok: false,
      effect: "effect_missing",
      ...why,
      ...timing(watch, telemetry),
      // In one order of keys, also after a snapshot, which sorts them.
      wanted: watch.conditions.map(({ path, op, value }) => ({ path, op, value })),
      observed: observedValues(watch.conditions, telemetry),
      explain: blocking,
    },
  };
}

function timing(watch: EffectWatch, telemetry: TelemetryPayload): Record<string, unknown> {
  return { applied_after_tick: watch.appliedTick, settled_tick: telemetry.tick, last_tick: watch.lastTick };
}
