import { existsSync, readFileSync } from "node:fs";
import { dirname, isAbsolute, resolve } from "node:path";
import { parse as parseYaml } from "yaml";
import { QikiError } from "#base/error.ts";
import { sha256Hex } from "#base/sha256.ts";
import { formatProfileProblem, parseProfile, thrustersPathOf } from "#craft/profile.ts";
import { profileHash } from "#craft/profile-hash.ts";
import { applyProfileSet } from "#twin/profile-set.ts";
import type { RunSetup } from "#twin/run-setup.ts";
import { parseScenario, type Scenario } from "#twin/scenario.ts";
import { createSimModel, type SimModel } from "#twin/sim-state.ts";
import { PRODUCT_ROOT } from "./version.ts";

export interface LoadOptions {
  /** Path of the scenario, as given. */
  readonly scenario: string;
  /** Another profile than the scenario's. */
  readonly profile?: string;
  readonly bootId: string;
  readonly seed?: number;
  /** Another duration than the scenario's. */
  readonly durationS?: number;
  /** Boots STOPPED whatever the scenario says. */
  readonly stopped?: boolean;
}

export interface LoadedRun {
  readonly model: SimModel;
  readonly scenarioFile: { readonly name: string; readonly sha256: string; readonly text: string };
}

/** Reads scenario, profile and thrusters and makes the run of them. @throws QikiError with every problem, one a line */
export function loadRun(options: LoadOptions): LoadedRun {
  const scenarioPath = findFile(options.scenario, process.cwd(), "scenario");
  const scenarioText = readText(scenarioPath, "scenario");
  const parsed = readScenario(scenarioText, scenarioPath, options);
  const profilePath = findFile(options.profile ?? parsed.profilePath ?? "profiles/shipped.json", dirname(scenarioPath), "profile");
  const profileText = readText(profilePath, "profile");
  const file = parseJson(profileText, profilePath, "profile");
  const { profile, problems } = applyProfileSet(file, parsed.set);
  if (problems.length > 0) throw scenarioError(scenarioPath, problems);
  const thrustersPath = thrustersPathOf(profile);
  const thrusters = thrustersPath === undefined ? undefined : readThrusters(thrustersPath, profilePath);
  const checked = parseProfile(profile, { tickMs: parsed.settings.tickMs, ...(thrusters === undefined ? {} : { thrusters }) });
  if (checked.kind === "refused")
    throw new QikiError(
      "profile_invalid",
      `${profilePath} is not a valid profile:\n${checked.problems.map(formatProfileProblem).join("\n")}`,
    );
  const setup: RunSetup = {
    profile,
    profileHash: profileHash(profileText),
    thrusters,
    scenario: parsed,
    bootId: options.bootId,
    mode: "FACTORY",
  };
  const model = createSimModel(setup);
  if (model.kind === "refused") throw scenarioError(scenarioPath, model.problems);
  return { model: model.model, scenarioFile: { name: parsed.name, sha256: sha256Hex(scenarioText), text: scenarioText } };
}

/** Reads and checks a scenario text, with what the command line changes of it. */
export function readScenario(text: string, path: string, options: Pick<LoadOptions, "seed" | "stopped" | "durationS"> = {}): Scenario {
  let raw: unknown;
  try {
    raw = parseYaml(text, { version: "1.2" });
  } catch (error) {
    throw new QikiError("scenario_invalid", `${path} is not YAML: ${(error as Error).message.split("\n")[0]}`, error);
  }
  const changed = options.seed === undefined ? raw : { ...(raw as object), seed: options.seed };
  const result = parseScenario(changed);
  if (result.kind === "refused") throw scenarioError(path, result.problems);
  return {
    ...result.scenario,
    ...(options.stopped === true ? { startsRunning: false } : {}),
    ...(options.durationS === undefined ? {} : { durationS: options.durationS }),
  };
}

/** A path as given, else beside the file that names it, else in the product. @throws QikiError file_unreadable */
export function findFile(path: string, besideFolder: string, what: string): string {
  const places = isAbsolute(path)
    ? [path]
    : [...new Set([resolve(process.cwd(), path), resolve(besideFolder, path), resolve(PRODUCT_ROOT, path)])];
  const found = places.find((place) => existsSync(place));
  if (found === undefined) throw new QikiError("file_unreadable", `there is no ${what} ${path}: looked for ${places.join(", ")}`);
  return found;
}

export function readText(path: string, what: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new QikiError("file_unreadable", `the ${what} ${path} cannot be read: ${(error as Error).message}`, error);
  }
}

export function parseJson(text: string, path: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new QikiError(
      what === "profile" ? "profile_invalid" : "file_unreadable",
      `PROFILE unreadable ${path}: it is not JSON: ${(error as Error).message}`,
      error,
    );
  }
}

/** The parsed thruster file that a profile names. @throws QikiError file_unreadable */
export function readThrusters(path: string, profilePath: string): unknown {
  const found = findFile(path, dirname(profilePath), "thruster file");
  return parseJson(readText(found, "thruster file"), found, "thruster file");
}

function scenarioError(path: string, problems: readonly { path: string; problem: string }[]): QikiError {
  return new QikiError(
    "scenario_invalid",
    `${path} is not a valid scenario:\n${problems.map((one) => `  ${one.path}: ${one.problem}`).join("\n")}`,
  );
}
