import { assertNever } from "#base/assert.ts";
import { isRaw, keyProblemText, type KeyReport, type Raw, readObject, readValue } from "#base/key-reader.ts";
import type { KeySpec, ValuesOf } from "#base/key-spec.ts";
import { ticksOfSeconds } from "#base/tick-time.ts";
import { INIT_KEYS } from "#craft/initialise.ts";
import { type ContactChange, type ContactSpec, checkContactChange, readContacts } from "#radar/contacts.ts";
import { type Expectation, parseExpectation } from "./expectation.ts";
import { ACTION_KEYS, type ActionName, AT_KEY, INIT_RUN, SCENARIO_KEYS } from "./scenario-keys.ts";
import { parseSettings, type SimSettings } from "./settings.ts";

/** What a timeline entry does, before the craft has checked it. */
export type TimelineAction =
  | { readonly do: "command"; readonly name: string; readonly params: Raw }
  | { readonly do: "input"; readonly values: Raw }
  | { readonly do: "fault"; readonly kind: string; readonly target?: string | number; readonly value?: number; readonly forS?: number }
  | { readonly do: "clear"; readonly kind: string; readonly target?: string | number }
  | { readonly do: "contact"; readonly change: ContactChange };

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

/** Reads a scenario (simulation §11) from plain values; `config` is the service configuration below it. */
export function parseScenario(raw: unknown, config: Raw = {}): ScenarioResult {
  const problems: ScenarioProblem[] = [];
  const report: KeyReport = (code, path, got, expected) => {
    problems.push({ path, problem: keyProblemText(code, got, expected) });
  };
  if (!isRaw(raw)) {
    const problem = keyProblemText("wrong_type", raw, "a mapping with name, profile, timeline, expect");
    return { kind: "refused", problems: [{ path: "the file", problem }] };
  }
  // A section without content, which YAML reads as null, is one that is not there.
  const filled = Object.fromEntries(Object.entries(raw).filter(([, value]) => value !== null));
  // A value with a problem is undefined in spite of its type; a scenario with problems is not returned.
  const read = readObject(SCENARIO_KEYS, filled, "", "refused", report) as ValuesOf<typeof SCENARIO_KEYS>;
  const settings = readSettings(read, config, problems);
  const { run, ...init } = read.init ?? {};
  // The craft reads these itself; here they are only looked at, so that all that is wrong with a file is said at once.
  readObject([...INIT_KEYS, INIT_RUN], read.init ?? {}, "init", "refused", report);
  const contacts = readContacts(read.contacts ?? [], "contacts", report);
  const timeline = readTimeline(read.timeline ?? [], settings.tickMs, report);
  for (const { action, path } of timeline)
    if (action.do === "contact")
      checkContactChange(
        action.change,
        contacts.map(({ id }) => id),
        path,
        report,
      );
  const expectations = readExpectations(read.expect ?? [], settings.tickMs, problems);
  if (problems.length > 0) return { kind: "refused", problems: problems.toSorted(byPath) };
  return {
    kind: "ok",
    scenario: {
      name: read.name,
      description: read.description ?? "",
      profilePath: read.profile,
      durationS: read.durationS,
      set: read.set ?? {},
      init,
      startsRunning: run !== "STOPPED",
      settings,
      timeline,
      expectations,
      contacts,
    },
  };
}

/** By path, the numbers in it as numbers. */
export function byPath(a: ScenarioProblem, b: ScenarioProblem): number {
  const [left, right] = [a, b].map(({ path }) => path.replace(/\d+/g, (digits) => digits.padStart(9, "0")));
  return left! < right! ? -1 : left! > right! ? 1 : 0;
}

function readSettings(read: ValuesOf<typeof SCENARIO_KEYS>, config: Raw, problems: ScenarioProblem[]): SimSettings {
  const merged: Record<string, unknown> = { ...config, ...read.config };
  if (read.seed !== undefined) merged["sim.seed"] = read.seed;
  if (read.tickMs !== undefined) merged["sim.tick_ms"] = read.tickMs;
  const result = parseSettings(merged);
  if (result.kind === "ok") return result.settings;
  for (const problem of result.problems) problems.push({ path: "config", problem });
  return (parseSettings({}) as { settings: SimSettings }).settings;
}

function readTimeline(raw: readonly unknown[], tickMs: number, report: KeyReport): readonly TimelineEntry[] {
  const entries: TimelineEntry[] = [];
  raw.forEach((entry, index) => {
    const path = `timeline[${index}]`;
    if (!isRaw(entry)) return report("wrong_type", path, entry, "{at, do, ...}");
    const verb = readValue(DO_KEY, entry.do, `${path}.do`, report) as ActionName | undefined;
    if (verb === undefined) return;
    const read = readObject([AT_KEY, DO_KEY, ...ACTION_KEYS[verb]], entry, path, "refused", report);
    if (typeof read.at === "string") entries.push({ afterTick: tickOf(read.at, tickMs), path, action: actionOf(verb, read, entry) });
    if (verb === "input" && ACTION_KEYS.input.every(({ key }) => entry[key] === undefined))
      report("missing_required", path, undefined, `at least one of ${ACTION_KEYS.input.map(({ key }) => key).join(", ")}`);
  });
  return entries
    .map((entry, index) => ({ entry, index }))
    .sort((a, b) => a.entry.afterTick - b.entry.afterTick || a.index - b.index)
    .map(({ entry }) => entry);
}

const DO_KEY = { kind: "word", key: "do", words: Object.keys(ACTION_KEYS), required: true } as const satisfies KeySpec;

/** `read` is the entry read by the table of its verb. */
function actionOf(verb: ActionName, read: Readonly<Record<string, unknown>>, entry: Raw): TimelineAction {
  const fault = {
    kind: read.kind as string,
    ...(read.target === undefined ? {} : { target: read.target as string | number }),
  };
  switch (verb) {
    case "command":
      return { do: "command", name: read.name as string, params: (read.params as Raw | undefined) ?? {} };
    case "input": {
      const { at: _at, do: _do, ...values } = entry;
      return { do: verb, values };
    }
    case "contact":
      return { do: verb, change: read as unknown as ContactChange };
    case "fault":
      return {
        do: "fault",
        ...fault,
        ...(read.value === undefined ? {} : { value: read.value as number }),
        ...(read.forS === undefined ? {} : { forS: read.forS as number }),
      };
    case "clear":
      return { do: "clear", ...fault };
    default:
      return assertNever(verb, "timeline action");
  }
}

function readExpectations(raw: readonly unknown[], tickMs: number, problems: ScenarioProblem[]): readonly Expectation[] {
  const expectations: Expectation[] = [];
  raw.forEach((text, index) => {
    const parsed = typeof text === "string" ? parseExpectation(text, tickMs) : keyProblemText("wrong_type", text, "a text");
    if (typeof parsed === "string") problems.push({ path: `expect[${index}]`, problem: parsed });
    else expectations.push(parsed);
  });
  return expectations;
}

function tickOf(at: string, tickMs: number): number {
  const value = Number(at.slice(0, -1));
  return at.endsWith("s") ? ticksOfSeconds(value, tickMs) : value;
}
