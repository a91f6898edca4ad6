import { ticksOfSeconds } from "#base/tick-time.ts";
import { type ContactSpec, checkContacts } from "#radar/contacts.ts";
import { type Expectation, parseExpectation } from "./expectation.ts";
import { parseSettings, type SimSettings } from "./settings.ts";

type Raw = Readonly<Record<string, unknown>>;

/** What a timeline entry does, before the craft has checked it. */
export type TimelineAction =
  | { readonly do: "command"; readonly name: string; readonly params: Raw }
  | { readonly do: "input"; readonly values: Raw }
  | { readonly do: "fault"; readonly kind: string; readonly target?: string | number; readonly value?: number; readonly forS?: number }
  | { readonly do: "clear"; readonly kind: string; readonly target?: string | number }
  | { readonly do: "contact"; readonly values: Raw };

export interface TimelineEntry {
  /** The entry is applied after this many ticks, so it acts in the next one. */
  readonly afterTick: number;
  /** Its place in the file, for messages. */
  readonly path: string;
  readonly action: TimelineAction;
}

/** A scenario file, read and checked except for what only the profile can decide. */
export interface Scenario {
  readonly name: string;
  readonly description: string;
  /** Path of the craft profile, as written. */
  readonly profilePath: string | undefined;
  readonly durationS: number | undefined;
  /** Profile path → value. */
  readonly set: Raw;
  readonly init: Raw;
  /** Whether the run begins RUNNING. */
  readonly startsRunning: boolean;
  readonly settings: SimSettings;
  /** Sorted by tick, entries of one tick in file order. */
  readonly timeline: readonly TimelineEntry[];
  readonly expectations: readonly Expectation[];
  readonly contacts: readonly ContactSpec[];
}

export interface ScenarioProblem {
  readonly path: string;
  readonly problem: string;
}

export type ScenarioResult =
  | { readonly kind: "ok"; readonly scenario: Scenario }
  | { readonly kind: "refused"; readonly problems: readonly ScenarioProblem[] };

const KEYS = ["name", "description", "seed", "profile", "tick_ms", "duration_s", "set", "config", "init", "timeline", "expect", "contacts"];
const INIT_KEYS = ["soc_pct", "supercap_soc_pct", "temps", "position_m", "velocity_mps", "body_rates_dps", "propellant_kg", "run"];
const ENTRY_KEYS: Readonly<Record<string, readonly string[]>> = {
  command: ["name", "params"],
  input: ["base_in_w", "ambient_c", "radar_enabled", "radiation_usvh"],
  fault: ["kind", "target", "value", "for_s"],
  clear: ["kind", "target"],
  contact: ["id", "appear", "transponder"],
};

/** Reads a scenario (simulation §11) from plain values; `config` is the service configuration below it. */
export function parseScenario(raw: unknown, config: Raw = {}): ScenarioResult {
  const problems: ScenarioProblem[] = [];
  const report = (path: string, problem: string): void => {
    problems.push({ path, problem });
  };
  if (!isRecord(raw))
    return { kind: "refused", problems: [{ path: "", problem: "expected a mapping with name, profile, timeline, expect" }] };
  for (const key of Object.keys(raw)) if (!KEYS.includes(key)) report(key, `unknown key; known are ${KEYS.join(", ")}`);
  if (typeof raw.name !== "string" || raw.name === "") report("name", "expected a text");
  if (raw.description !== undefined && (typeof raw.description !== "string" || raw.description.includes("\n")))
    report("description", "expected one line");
  if (raw.profile !== undefined && typeof raw.profile !== "string") report("profile", "expected the path of a profile file");
  if (raw.duration_s !== undefined && !(typeof raw.duration_s === "number" && raw.duration_s > 0))
    report("duration_s", "expected a number above 0 s");
  const settings = readSettings(raw, config, report);
  const init = mapping(raw.init, "init", report);
  for (const key of Object.keys(init))
    if (!INIT_KEYS.includes(key)) report(`init.${key}`, `unknown key; known are ${INIT_KEYS.join(", ")}`);
  if (init.run !== undefined && init.run !== "RUNNING" && init.run !== "STOPPED") report("init.run", "expected RUNNING or STOPPED");
  const timeline = readTimeline(raw.timeline, settings.tickMs, report);
  const expectations = readExpectations(raw.expect, settings.tickMs, report);
  const contacts = checkContacts(raw.contacts, "contacts", report);
  const set = mapping(raw.set, "set", report);
  if (problems.length > 0) return { kind: "refused", problems };
  const { run, ...craftInit } = init;
  return {
    kind: "ok",
    scenario: {
      name: raw.name as string,
      description: (raw.description as string | undefined) ?? "",
      profilePath: raw.profile as string | undefined,
      durationS: raw.duration_s as number | undefined,
      set,
      init: craftInit,
      startsRunning: run !== "STOPPED",
      settings,
      timeline,
      expectations,
      contacts,
    },
  };
}

type Report = (path: string, problem: string) => void;

function readSettings(raw: Raw, config: Raw, report: Report): SimSettings {
  const merged: Record<string, unknown> = { ...config, ...mapping(raw.config, "config", report) };
  if (raw.seed !== undefined) merged["sim.seed"] = raw.seed;
  if (raw.tick_ms !== undefined) merged["sim.tick_ms"] = raw.tick_ms;
  const result = parseSettings(merged);
  if (result.kind === "ok") return result.settings;
  for (const problem of result.problems) report("config", problem);
  return (parseSettings({}) as { settings: SimSettings }).settings;
}

function readTimeline(raw: unknown, tickMs: number, report: Report): readonly TimelineEntry[] {
  if (raw === undefined) return [];
  if (!Array.isArray(raw)) {
    report("timeline", "expected a list of entries");
    return [];
  }
  const entries: TimelineEntry[] = [];
  raw.forEach((entry: unknown, index) => {
    const path = `timeline[${index}]`;
    if (!isRecord(entry)) return report(path, "expected {at, do, ...}");
    const afterTick = tickOf(entry.at, tickMs);
    if (afterTick === undefined) report(`${path}.at`, 'expected a time such as "12s" or a tick such as "120t"');
    const action = readAction(entry, path, report);
    if (afterTick !== undefined && action !== undefined) entries.push({ afterTick, path, action });
  });
  return entries
    .map((entry, index) => ({ entry, index }))
    .sort((a, b) => a.entry.afterTick - b.entry.afterTick || a.index - b.index)
    .map(({ entry }) => entry);
}

function readAction(entry: Raw, path: string, report: Report): TimelineAction | undefined {
  const allowed = typeof entry.do === "string" ? ENTRY_KEYS[entry.do] : undefined;
  if (allowed === undefined) {
    report(`${path}.do`, `expected one of ${Object.keys(ENTRY_KEYS).join(", ")}`);
    return undefined;
  }
  const { at: _at, do: verb, ...rest } = entry;
  for (const key of Object.keys(rest))
    if (!allowed.includes(key)) report(`${path}.${key}`, `unknown key; known are at, do, ${allowed.join(", ")}`);
  if (verb === "command") {
    if (typeof rest.name !== "string") report(`${path}.name`, "expected the name of a command");
    return { do: "command", name: String(rest.name), params: mapping(rest.params, `${path}.params`, report) };
  }
  if (verb === "input") {
    if (Object.keys(rest).length === 0) report(path, `expected at least one of ${allowed.join(", ")}`);
    for (const [key, value] of Object.entries(rest)) {
      const fits = key === "radar_enabled" ? typeof value === "boolean" : typeof value === "number" && Number.isFinite(value);
      if (!fits) report(`${path}.${key}`, key === "radar_enabled" ? "expected true or false" : "expected a finite number");
    }
    return { do: "input", values: rest };
  }
  if (verb === "contact") return { do: "contact", values: rest };
  if (typeof rest.kind !== "string") report(`${path}.kind`, "expected the kind of a fault");
  const isTarget = typeof rest.target === "string" || Number.isSafeInteger(rest.target);
  if (rest.target !== undefined && !isTarget) report(`${path}.target`, "expected a name or an index");
  for (const key of ["value", "for_s"]) {
    const value = rest[key];
    if (value !== undefined && !(typeof value === "number" && Number.isFinite(value))) report(`${path}.${key}`, "expected a finite number");
  }
  const common = { kind: String(rest.kind), ...(rest.target === undefined ? {} : { target: rest.target as string | number }) };
  if (verb === "clear") return { do: "clear", ...common };
  return {
    do: "fault",
    ...common,
    ...(rest.value === undefined ? {} : { value: rest.value as number }),
    ...(rest.for_s === undefined ? {} : { forS: rest.for_s as number }),
  };
}

function readExpectations(raw: unknown, tickMs: number, report: Report): readonly Expectation[] {
  if (raw === undefined) return [];
  if (!Array.isArray(raw)) {
    report("expect", "expected a list of texts");
    return [];
  }
  const expectations: Expectation[] = [];
  raw.forEach((text: unknown, index) => {
    const parsed = typeof text === "string" ? parseExpectation(text, tickMs) : "expected a text";
    if (typeof parsed === "string") report(`expect[${index}]`, parsed);
    else expectations.push(parsed);
  });
  return expectations;
}

function tickOf(value: unknown, tickMs: number): number | undefined {
  const match = typeof value === "string" ? /^(\d+(?:\.\d+)?)(s|t)$/.exec(value) : null;
  if (match === null) return undefined;
  return match[2] === "s" ? ticksOfSeconds(Number(match[1]), tickMs) : Math.trunc(Number(match[1]));
}

function mapping(raw: unknown, path: string, report: Report): Raw {
  if (raw === undefined || raw === null) return {};
  if (isRecord(raw)) return raw;
  report(path, "expected a mapping");
  return {};
}

function isRecord(value: unknown): value is Raw {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
