import { dirname } from "node:path";
import { QikiError } from "#base/error.ts";
import { isRaw, type Raw } from "#base/key-reader.ts";
import { sha256Hex } from "#base/sha256.ts";
import { parseYamlText } from "#services/yaml-text.ts";
import { applyProfileSet } from "#twin/profile-set.ts";
import type { RunSetup } from "#twin/run-setup.ts";
import { parseScenario, type Scenario } from "#twin/scenario.ts";
import { createSimModel, type SimModel } from "#twin/sim-state.ts";
import type { RadarEnvironment } from "./radar-env.ts";
import { checkProfile, readProfileFile } from "./load-profile.ts";
import { findFile, readText } from "./read-file.ts";

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
  /** What the environment says, over the scenario's own word. */
  readonly environment?: Pick<RadarEnvironment, "config" | "transponderId" | "profile" | "mode">;
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
  const file = readProfileFile(
    options.profile ?? options.environment?.profile ?? parsed.profilePath ?? "profiles/shipped.json",
    dirname(scenarioPath),
  );
  const { profile, problems } = applyProfileSet(file.value, parsed.set);
  if (problems.length > 0) throw scenarioError(scenarioPath, problems);
  const { thrusters } = checkProfile(file.path, profile, parsed.settings.tickMs);
  const setup: RunSetup = {
    profile,
    profileHash: file.hash,
    thrusters,
    scenario: parsed,
    bootId: options.bootId,
    ...(options.environment?.transponderId === undefined ? {} : { transponderId: options.environment.transponderId }),
    mode: options.environment?.mode ?? "FACTORY",
  };
  const model = createSimModel(setup);
  if (model.kind === "refused") throw scenarioError(scenarioPath, model.problems);
  return { model: model.model, scenarioFile: { name: parsed.name, sha256: sha256Hex(scenarioText), text: scenarioText } };
}

/** Reads and checks a scenario text, with what the command line changes of it. */
export function readScenario(
  text: string,
  path: string,
  options: Pick<LoadOptions, "seed" | "stopped" | "durationS" | "environment"> = {},
): Scenario {
  const parsed = parseYamlText(text);
  if ("problems" in parsed) throw new QikiError("scenario_invalid", `${path} is not YAML: ${parsed.problems[0]!.message}`);
  const result = parseScenario(isRaw(parsed.value) ? changed(parsed.value, options) : parsed.value);
  if (result.kind === "refused") throw scenarioError(path, result.problems);
  return {
    ...result.scenario,
    ...(options.stopped === true ? { startsRunning: false } : {}),
    ...(options.durationS === undefined ? {} : { durationS: options.durationS }),
  };
}

/** The scenario with another seed, and with the environment's settings over its own. */
function changed(raw: Raw, { seed, environment }: Pick<LoadOptions, "seed" | "environment">): Raw {
  const given = environment?.config ?? {};
  const config = Object.keys(given).length === 0 || !isRaw(raw.config ?? {}) ? {} : { config: { ...(raw.config as Raw | null), ...given } };
  return { ...raw, ...config, ...(seed === undefined ? {} : { seed }) };
}

function scenarioError(path: string, problems: readonly { path: string; problem: string }[]): QikiError {
  return new QikiError(
    "scenario_invalid",
    `${path} is not a valid scenario:\n${problems.map((one) => `  ${one.path}: ${one.problem}`).join("\n")}`,
  );
}
