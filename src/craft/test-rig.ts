import { assert } from "#base/assert.ts";
import { applyCraftCommand, type CraftCommand } from "./commands.ts";
import { type CraftConfig, compileCraftConfig } from "./config.ts";
import { initialise } from "./initialise.ts";
import * as at from "./layout.ts";
import { preview } from "./preview.ts";
import { parseProfile } from "./profile.ts";
import { SHEDDABLE_LOADS } from "./profile-schema.ts";
import { RUNTIME_FAULTS, SHED_REASONS } from "./reasons.ts";
import { type CraftState, createCraftState } from "./state.ts";
import { step } from "./step.ts";

/** For tests: a craft made of a plain profile object, with the readings that acceptance cases name. */
export interface Rig {
  readonly state: CraftState;
  readonly config: CraftConfig;
  readonly values: Float64Array;
  /** Steps some ticks; `each` sees every one. */
  run(ticks: number, each?: (tick: number) => void): Rig;
  /** Applies a command, which must be accepted. */
  do(command: CraftCommand): Rig;
  load(name: (typeof at.LOADS)[number]): number;
  demand(name: (typeof at.LOADS)[number]): number;
  /** The value of a field. */
  out(offset: number): number;
  /** Values of some fields that follow each other. */
  fields(first: number, count: number): number[];
  tempC(id: string): number;
  setTempC(id: string, tempC: number): void;
  isTripped(id: string): boolean;
  isWarned(id: string): boolean;
  socPct(): number;
  setSocPct(pct: number): void;
  supercapPct(): number;
  sheds(): string[];
  shedReasons(): string[];
  faults(): string[];
}

type Json = { [key: string]: unknown };

export interface RigOptions {
  /** Profile path → value, put in before parsing. */
  readonly set?: Readonly<Record<string, unknown>>;
  readonly tickMs?: number;
  readonly radarEnabled?: boolean;
  readonly init?: Readonly<Record<string, unknown>>;
  readonly thrusters?: unknown;
  readonly profileHash?: string;
}

/** A craft of a profile file's value, tip-off zero unless set, its outputs previewed. */
export function rigOf(file: unknown, options: RigOptions = {}): Rig {
  const raw = profileWith(file, { "motion_plane.tip_off_dps": [0, 0, 0], ...options.set });
  const tickMs = options.tickMs ?? 100;
  const parsed = parseProfile(raw, { tickMs, ...(options.thrusters === undefined ? {} : { thrusters: options.thrusters }) });
  assert(parsed.kind === "ok", "a test profile is valid", { problems: parsed.kind === "refused" ? parsed.problems : [] });
  const config = compileCraftConfig(parsed.profile, {
    tickMs,
    radarEnabled: options.radarEnabled ?? true,
    ...(options.profileHash === undefined ? {} : { profileHash: options.profileHash }),
  });
  const state = createCraftState(config);
  const problems = initialise(state, config, options.init ?? {});
  assert(problems.length === 0, "a test init is valid", { problems });
  preview(state, config);
  return rigOfState(state, config);
}

/** The same readings of a craft that exists. */
export function rigOfState(state: CraftState, config: CraftConfig): Rig {
  const { values } = state;
  const nodes = config.profile.thermalPlane.nodes.map((node) => node.id);
  const nodeAt = (id: string): number => {
    assert(nodes.includes(id), "the profile has the node", { id });
    return at.NODES + nodes.indexOf(id) * at.NODE_STRIDE;
  };
  const words = (digits: number, list: readonly string[]): string[] =>
    digits === 0 ? [] : Array.from(digits.toString(8), (digit) => list[Number(digit) - 1]!);
  const rig: Rig = {
    state,
    config,
    values,
    run(ticks, each) {
      for (let count = 0; count < ticks; count += 1) {
        step(state, config);
        each?.(state.tick);
      }
      return rig;
    },
    do(command) {
      const refusal = applyCraftCommand(state, config, command);
      assert(refusal === undefined, "a test command is accepted", { command, refusal });
      return rig;
    },
    load: (name) => values[at.GRANTED_W + at.LOADS.indexOf(name) * at.NEXT]!,
    demand: (name) => values[at.DEMAND_W + at.LOADS.indexOf(name) * at.NEXT]!,
    out: (offset) => values[offset]!,
    fields: (first, count) => Array.from({ length: count }, (_, index) => values[first + index * at.NEXT]!),
    tempC: (id) => values[nodeAt(id)]!,
    setTempC(id, tempC) {
      values[nodeAt(id)] = tempC;
    },
    isTripped: (id) => values[nodeAt(id) + at.NODE_TRIPPED] === 1,
    isWarned: (id) => values[nodeAt(id) + at.NODE_WARNED] === 1 && values[nodeAt(id) + at.NODE_TRIPPED] === 0,
    socPct: () => (100 * values[at.BATTERY_J]!) / config.batteryCapacityJ,
    setSocPct(pct) {
      values[at.BATTERY_J] = (config.batteryCapacityJ * pct) / 100;
    },
    supercapPct: () => (100 * values[at.SUPERCAP_J]!) / config.supercapCapacityJ,
    sheds: () => words(values[at.SHED_ORDER]!, SHEDDABLE_LOADS),
    shedReasons: () => words(values[at.REASON_ORDER]!, SHED_REASONS),
    faults: () => [
      ...RUNTIME_FAULTS.filter((_, index) => values[at.FAULT_FLAGS + index * at.NEXT] === 1),
      ...nodes.filter((_, index) => values[config.layout.tripFlagsAt + index * at.NEXT] === 1).map((id) => `THERMAL_TRIP:${id}`),
    ],
  };
  return rig;
}

/** A copy of a profile file's value with paths changed, such as `power_plane.max_bus_a`. */
export function profileWith(file: unknown, set: Readonly<Record<string, unknown>>): unknown {
  const copy = JSON.parse(JSON.stringify(file)) as { hardware_profile: Json };
  for (const [path, value] of Object.entries(set)) {
    const keys = path.split(".");
    let parent = copy.hardware_profile;
    for (const key of keys.slice(0, -1)) {
      parent[key] ??= {};
      parent = parent[key] as Json;
    }
    const last = keys.at(-1)!;
    if (value === undefined) delete parent[last];
    else parent[last] = value;
  }
  return copy;
}

/** F(a) of the acceptance table: flat 28 V, the current limit, 100 Wh full, other power values 0, no thermal plane. */
export function flatProfile(maxBusA: number, power: Readonly<Record<string, unknown>> = {}): unknown {
  const zeros = Object.fromEntries(
    [
      "base_power_in_w",
      "base_power_out_w",
      "motion_power_w_per_mps",
      "mcqpu_power_w_at_100pct",
      "radar_power_w",
      "transponder_power_w",
    ].map((key) => [key, 0]),
  );
  return {
    hardware_profile: {
      power_capacity_wh: 100,
      battery_soc_init_pct: 100,
      power_plane: { bus_v_nominal: 28, bus_v_min: 28, max_bus_a: maxBusA, nbl_core_temp_max_c: 90, ...zeros, ...power },
    },
  };
}

/** A profile of thermal nodes alone: they exchange with the ambient and each other, and nothing heats them. */
export function thermalProfile(nodes: readonly Json[], couplings: readonly Json[] = []): unknown {
  return profileWith(flatProfile(0), { thermal_plane: { enabled: true, nodes, couplings } });
}
