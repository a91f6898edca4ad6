import type { Raw } from "#base/key-reader.ts";
import { type CommandSpec, COMMANDS, type ParameterSpec } from "#contracts/command-catalogue.ts";
import { FAULT_KINDS, type FaultKindSpec } from "#craft/faults.ts";
import { INPUT_KEYS } from "#craft/inputs.ts";
import { PROFILE_KEYS } from "#craft/profile-schema.ts";
import { CONTACT_KEYS, CONTACT_MODES } from "#radar/contacts.ts";
import { SETTING_SECTIONS } from "../settings.ts";
import { Draw, leavesOf } from "./draw.ts";
import { buildRun, type FuzzBase, type FuzzItem, type FuzzPlan, type FuzzRun, hardwareOf, type LiveCommand } from "./plan.ts";

export interface PlanOptions {
  readonly seed: number;
  readonly ticks: number;
  /** Whether messages between the machines get lost, repeated, swapped and delayed. */
  readonly linkFaults: boolean;
}

/** A plan with the run that it builds. */
export interface BuiltPlan {
  readonly plan: FuzzPlan;
  readonly run: FuzzRun;
}

/** The plan of a seed: another profile, other settings, contacts, faults, commands and link faults, all possible for this profile. */
export function randomPlan(options: PlanOptions, base: FuzzBase): BuiltPlan {
  const { seed, ticks } = options;
  const draw = new Draw(`fuzz/${seed}`);
  const hardware = hardwareOf(base.profile);
  const contacts = Array.from({ length: draw.pick([0, 0, 1, 2, 3, 5]) }, (_, index) => contactOf(draw, `c${index + 1}`));
  const moments = momentsOf(draw, ticks);
  const craft = craftWords(hardware, base.thrusters);
  const items: FuzzItem[] = [
    ...settingItems(draw),
    ...profileItems(draw, hardware),
    ...initItems(draw, hardware),
    ...contacts.map((contact): FuzzItem => ({ kind: "contact", contact })),
    ...entryItems(draw, moments, craft, contacts),
    ...commandItems(draw, moments, craft),
    ...(options.linkFaults ? linkItems(draw, ticks) : []),
  ];
  return possible({ seed, ticks, items }, base);
}

/** Leaves out what this profile cannot have, until the rest builds. */
function possible(plan: FuzzPlan, base: FuzzBase): BuiltPlan {
  let items = [...plan.items];
  for (;;) {
    const rest: FuzzPlan = { ...plan, items };
    const run = buildRun(rest, base);
    if (!("problems" in run)) return { plan: rest, run };
    const wrong = new Set(run.problems.map(({ path }) => path));
    const kept = withoutWrong(items, wrong);
    // A profile whose values do not go together does not say which of them to leave out: the last one goes.
    items = kept.length < items.length ? kept : withoutLast(items);
  }
}

function withoutWrong(items: readonly FuzzItem[], paths: ReadonlySet<string>): FuzzItem[] {
  const places = { contact: 0, entry: 0 };
  const names = { contact: "contacts", entry: "timeline" } as const;
  return items.filter((item) => {
    let name: string;
    if (item.kind === "contact" || item.kind === "entry") {
      name = `${names[item.kind]}[${places[item.kind]}]`;
      places[item.kind] += 1;
    } else if (item.kind === "set" || item.kind === "init" || item.kind === "config") name = `${item.kind}.${item.key}`;
    else return true;
    for (const path of paths) if (path === name || path.startsWith(`${name}.`) || path.startsWith(`${name}[`)) return false;
    return true;
  });
}

function withoutLast(items: readonly FuzzItem[]): FuzzItem[] {
  for (const kind of ["set", "config", "init", "entry", "contact"] as const) {
    const last = items.findLastIndex((item) => item.kind === kind);
    if (last >= 0) return items.filter((_, index) => index !== last);
  }
  return [];
}

/** Things happen together more often than chance would have it. */
function momentsOf(draw: Draw, ticks: number): () => number {
  const busy = Array.from({ length: 4 }, () => draw.integer(0, ticks - 1));
  return () => (draw.chance(0.5) ? draw.pick(busy) : draw.integer(0, ticks - 1));
}

function settingItems(draw: Draw): FuzzItem[] {
  const items: FuzzItem[] = [];
  // Seconds are dear: each has all periodic messages.
  const tickMs = draw.chance(0.01) ? 1000 : draw.pick([100, 100, 100, 10, 200]);
  if (tickMs !== 100) items.push({ kind: "config", key: "sim.tick_ms", value: tickMs });
  if (draw.chance(0.1)) items.push({ kind: "config", key: "radar.frame_period_s", value: draw.pick([0.2, 2, 4]) });
  const { sim: _sim, ...sections } = SETTING_SECTIONS;
  const leaves = Object.entries(sections).flatMap(([name, keys]) => leavesOf(keys, {}, `${name}.`));
  for (let count = draw.pick([0, 0, 1, 2, 4]); count > 0; count -= 1) {
    const { path, spec } = draw.pick(leaves);
    const value = draw.valueOf(spec, "default" in spec ? spec.default : undefined);
    if (value !== undefined && !TOO_SLOW.has(path)) items.push({ kind: "config", key: path, value });
  }
  return items;
}

/** A sky full of false alarms, or a scan in every tick, takes the time of a hundred runs. */
const TOO_SLOW = new Set(["radar.frame_period_s", "radar.lr.false_alarms_per_scan", "radar.sr.false_alarms_per_scan", "radar.pfa"]);

function profileItems(draw: Draw, hardware: Raw): FuzzItem[] {
  const leaves = leavesOf(PROFILE_KEYS, hardware);
  const vivid = leaves.filter(({ path }) => /^(power|battery|thermal)/.test(path));
  const items: FuzzItem[] = [];
  // A battery that empties and fills within a run.
  if (draw.chance(0.6)) items.push({ kind: "set", key: "power_capacity_wh", value: draw.pick([0, 0.05, 0.5, 2, 10, 50]) });
  if (draw.chance(0.5)) items.push({ kind: "set", key: "power_plane.dock_connected_init", value: draw.chance(0.5) });
  for (let count = draw.pick([0, 1, 3, 6, 12]); count > 0; count -= 1) {
    const { path, spec, current } = draw.pick(draw.chance(0.7) && vivid.length > 0 ? vivid : leaves);
    const value = draw.valueOf(spec, current);
    if (value !== undefined) items.push({ kind: "set", key: path, value });
  }
  return items;
}

function initItems(draw: Draw, hardware: Raw): FuzzItem[] {
  const items: FuzzItem[] = [];
  const set = (key: string, value: unknown): void => void items.push({ kind: "init", key, value });
  if (draw.chance(0.7)) set("soc_pct", draw.pick([0, 100, 20, 20.01, 29.99, 30, 35, 36, draw.number(0, 100)]));
  if (draw.chance(0.4)) set("supercap_soc_pct", draw.pick([0, 100, draw.number(0, 100)]));
  if (draw.chance(0.2)) set("velocity_mps", [draw.number(-50, 50), draw.number(-50, 50), draw.number(-5, 5)]);
  if (draw.chance(0.2)) set("body_rates_dps", [draw.number(-30, 30), draw.number(-30, 30), draw.number(-30, 30)]);
  if (draw.chance(0.2)) set("propellant_kg", draw.pick([0, 0.1, draw.number(0, 12)]));
  for (const { id, trip } of nodesOf(hardware))
    if (draw.chance(0.25)) set(`temps.${id}`, trip > 0 ? draw.number(trip - 15, trip + 2) : draw.number(-60, 100));
  return items;
}

function contactOf(draw: Draw, id: string): Raw {
  const [type, allegiance] = ["type", "allegiance"].map((key) => {
    const spec = CONTACT_KEYS.find((one) => one.key === key)!;
    return spec.kind === "word" ? draw.pick(spec.words) : undefined;
  });
  const velocity = (most: number): Raw => ({
    x: draw.number(-most, most),
    y: draw.number(-most, most),
    z: draw.number(-most / 10, most / 10),
  });
  const at = {
    range_m: draw.pick([draw.number(5, 600), draw.number(100, 8000), draw.small(1000, 90_000)]),
    bearing_deg: draw.number(0, 360),
    elev_deg: draw.number(-10, 10),
  };
  const speed = draw.pick([0, 5, 40, 300]);
  const trajectory = draw.pick<Raw>([
    { kind: "constant_velocity", at, velocity: velocity(speed) },
    {
      kind: "circular",
      centre: at,
      radius_m: draw.number(10, 3000),
      speed_mps: speed,
      start_deg: draw.number(0, 360),
      direction: draw.pick(["cw", "ccw"]),
    },
    { kind: "manoeuvre", at, velocity: velocity(speed), segments: [{ duration_s: draw.number(1, 20), turn_dps: draw.number(-10, 10) }] },
  ]);
  const appears = draw.chance(0.3) ? { appear_s: draw.number(0, 20), disappear_s: draw.number(21, 60) } : {};
  return { id, type, allegiance, rcs_dbsm: draw.number(-20, 30), transponder: transponderOf(draw), ...appears, trajectory };
}

function transponderOf(draw: Draw): Raw {
  const mode = draw.pick(CONTACT_MODES);
  return { mode, ...(mode === "ON" || mode === "SPOOF" ? { id: draw.pick(["ALLY-1", "RED-1", "X"]) } : {}) };
}

/** Words of a craft that faults aim at. */
interface CraftWords {
  readonly nodes: readonly string[];
  readonly thrusters: readonly number[];
}

function craftWords(hardware: Raw, thrusters: unknown): CraftWords {
  const indices = Array.isArray(thrusters) ? thrusters.map((one: { readonly index: number }) => one.index) : [];
  return { nodes: nodesOf(hardware).map(({ id }) => id), thrusters: indices };
}

function nodesOf(hardware: Raw): { readonly id: string; readonly trip: number }[] {
  const nodes = (hardware.thermal_plane as { readonly nodes?: readonly Raw[] } | undefined)?.nodes ?? [];
  return nodes.map((node) => ({ id: String(node.id), trip: Number(node.t_max_c ?? node.t_trip_c ?? 0) }));
}

/** Kind, target and, to inject it, value and duration of a fault, as a timeline and a command say it. */
function faultOf(draw: Draw, { nodes, thrusters }: CraftWords, injects: boolean): Raw {
  const kind = draw.pick(Object.keys(FAULT_KINDS) as (keyof typeof FAULT_KINDS)[]);
  const { targets, isTargetOptional, value }: FaultKindSpec = FAULT_KINDS[kind];
  const words = targets === "nodes" ? nodes : targets === "thrusters" ? thrusters : (targets ?? []);
  const isAimed = words.length > 0 && !(isTargetOptional === true && draw.chance(0.4));
  return {
    kind,
    ...(isAimed ? { target: draw.pick<string | number>(words) } : {}),
    ...(injects && value !== undefined
      ? { value: value.min < 0 ? draw.small(0, value.max) * draw.pick([1, 1, -1]) : draw.number(value.min, value.max) }
      : {}),
    ...(injects && draw.chance(0.5) ? { for_s: draw.number(0.1, 20) } : {}),
  };
}

function entryItems(draw: Draw, moment: () => number, craft: CraftWords, contacts: readonly Raw[]): FuzzItem[] {
  return Array.from({ length: draw.pick([0, 2, 5, 10, 20]) }, (): FuzzItem => {
    const at = `${moment()}t`;
    const verb = draw.pick([
      "fault",
      "fault",
      "fault",
      "clear",
      "input",
      "command",
      "command",
      ...(contacts.length > 0 ? ["contact"] : []),
    ]);
    switch (verb) {
      case "fault":
      case "clear":
        return { kind: "entry", entry: { at, do: verb, ...faultOf(draw, craft, verb === "fault") } };
      case "input": {
        const spec = draw.pick(INPUT_KEYS);
        return {
          kind: "entry",
          entry: { at, do: verb, [spec.key]: draw.valueOf(spec, spec.kind === "boolean" ? draw.chance(0.5) : draw.pick([0, 2, 30, 100])) },
        };
      }
      case "contact": {
        const change = draw.chance(0.5) ? { appear: draw.chance(0.5) } : { transponder: transponderOf(draw) };
        return { kind: "entry", entry: { at, do: verb, id: draw.pick(contacts).id, ...change } };
      }
      default: {
        const spec = draw.pick(draw.chance(0.9) ? CRAFT_COMMANDS : SIM_COMMANDS);
        return { kind: "entry", entry: { at, do: "command", name: spec.name, params: parametersOf(draw, spec, craft) } };
      }
    }
  });
}

/** Run states are changed rarely, so that runs are not all stops. */
const CRAFT_COMMANDS = COMMANDS.filter(({ owner, group }) => owner === "sim" && group !== "sim_state");
const SIM_COMMANDS = COMMANDS.filter(({ owner }) => owner === "sim");
const INCIDENT_COMMANDS = COMMANDS.filter(({ name }) => name.startsWith("incident."));

function commandItems(draw: Draw, moment: () => number, craft: CraftWords): FuzzItem[] {
  return Array.from({ length: draw.pick([0, 3, 8, 20]) }, (): FuzzItem => {
    const afterTick = moment();
    if (draw.chance(0.25)) {
      const spec = draw.pick(INCIDENT_COMMANDS);
      const parameters = { ...parametersOf(draw, spec, craft), incident_id: "none" };
      return { kind: "command", command: { afterTick, name: spec.name, parameters, incidentAt: draw.number(0, 0.999) } };
    }
    const spec = draw.pick(draw.chance(0.7) ? CRAFT_COMMANDS : SIM_COMMANDS);
    const parameters = parametersOf(draw, spec, craft);
    const command: LiveCommand = { afterTick, name: spec.name, parameters: draw.chance(0.15) ? spoilt(draw, parameters) : parameters };
    return { kind: "command", command };
  });
}

function parametersOf(draw: Draw, spec: CommandSpec, craft: CraftWords): Raw {
  if (spec.name === "sim.fault.inject" || spec.name === "sim.fault.clear") return faultOf(draw, craft, spec.name === "sim.fault.inject");
  return Object.fromEntries(
    spec.parameters.flatMap((parameter) => {
      const isLeftOut = ("optional" in parameter || "default" in parameter) && draw.chance(0.3);
      return isLeftOut ? [] : [[parameter.name, parameterOf(draw, parameter)]];
    }),
  );
}

function parameterOf(draw: Draw, parameter: ParameterSpec): unknown {
  switch (parameter.kind) {
    case "number":
    case "integer": {
      const high = typeof parameter.max === "number" ? parameter.max : CONFIGURED_MAX;
      if (draw.chance(0.15) && parameter.minExclusive !== true) return parameter.min;
      const value = parameter.min < 0 || high <= 100 ? draw.number(parameter.min, high) : draw.small(parameter.min, high);
      return parameter.kind === "integer" ? Math.max(parameter.min, Math.round(value)) : value;
    }
    case "word":
      return parameter.words === "ports" ? draw.pick(["A", "B", "Z", ""]) : draw.pick(parameter.words);
    case "boolean":
      return draw.chance(0.5);
    default:
      return "fuzz";
  }
}

/** Stands for a limit that the profile sets; more than some. */
const CONFIGURED_MAX = 2;

/** Parameters that somebody got wrong. */
function spoilt(draw: Draw, parameters: Raw): Raw {
  const names = Object.keys(parameters);
  if (names.length === 0 || draw.chance(0.3)) return { ...parameters, extra: 1 };
  return { ...parameters, [draw.pick(names)]: draw.pick<unknown>(["x", null, -1e9, 1e300, true, {}]) };
}

function linkItems(draw: Draw, ticks: number): FuzzItem[] {
  return Array.from({ length: draw.integer(1, 20) }, (): FuzzItem => {
    const common = { on: draw.pick(["frames", "events"] as const), afterTick: draw.integer(0, ticks - 1) };
    const does = draw.pick(["drop", "repeat", "swap", "delay"] as const);
    return { kind: "link", fault: does === "delay" ? { ...common, does, ticks: draw.integer(1, 100) } : { ...common, does } };
  });
}
