import { randomUUID } from "node:crypto";
import { canonicalJson } from "#base/canonical-json.ts";
import { formatUtcMs } from "#base/rfc3339.ts";
import { sha256Hex } from "#base/sha256.ts";
import { COMMANDS } from "#contracts/command-catalogue.ts";
import { DICTIONARY } from "#contracts/dictionary.ts";
import type { AlarmsMeta, RecordingMeta, SimMeta, TrackerMeta } from "#contracts/recording.ts";
import { HASH_ALGORITHM } from "#craft/layout.ts";
import { createSimMachine } from "#twin/sim-machine.ts";
import type { SimModel } from "#twin/sim-state.ts";
import type { GuardRulesFile } from "./guard-rules-file.ts";
import type { RulesFile } from "./incident-rules-file.ts";

export interface ScenarioFile {
  readonly name: string;
  readonly sha256: string;
  readonly text: string;
}

/** The sim's part: all that its machine is made of, and the state it starts with. */
export function simMeta(model: SimModel, scenario: ScenarioFile): SimMeta {
  const { setup, settings } = model;
  const machine = createSimMachine(model);
  return {
    run_id: machine.runId,
    boot_id: setup.bootId,
    epoch: formatUtcMs(settings.epochMs),
    tick_ms: settings.tickMs,
    seed: settings.seed,
    scenario: { ...scenario },
    profile: setup.profile as Record<string, unknown>,
    profile_hash: setup.profileHash ?? null,
    thrusters: (setup.thrusters as unknown[] | undefined) ?? [],
    config: { ...settings.config },
    ...(setup.transponderId === undefined ? {} : { transponder_id: setup.transponderId }),
    starts_running: setup.scenario.startsRunning,
    mode: setup.mode,
    start: { tick: 0, state_hash: machine.hash() },
  };
}

/** The tracker's part: the guard rules in force, and whether guard events leave it. */
export function trackerMeta(guardRules: Pick<GuardRulesFile, "ruleSet" | "text">, publishesGuards: boolean): TrackerMeta {
  const { hash, cooldownS } = guardRules.ruleSet();
  return { hash, text: guardRules.text(), cooldown_s: cooldownS, published: publishesGuards };
}

/** The alarms' part: the incident rules in force, and how many incidents are kept where that was set. */
export function alarmsMeta({ ruleSet, text, incidentsMax }: Pick<RulesFile, "ruleSet" | "text" | "incidentsMax">): AlarmsMeta {
  return { hash: ruleSet().hash, text: text(), ...(incidentsMax === undefined ? {} : { incidents_max: incidentsMax }) };
}

/** Everything needed to build the machines of a run anew: the first row of its recording. */
export function recordingMeta(parts: {
  readonly sim: SimMeta;
  /** Absent without a tracker, or without alarms. */
  readonly tracker?: TrackerMeta | undefined;
  readonly alarms?: AlarmsMeta | undefined;
  readonly productVersion: string;
}): RecordingMeta {
  const { sim, tracker, alarms } = parts;
  return {
    recording_id: randomUUID(),
    segment: 1,
    ...sim,
    product_version: parts.productVersion,
    node: process.version,
    arch: process.arch,
    contracts_hash: sha256Hex(canonicalJson({ commands: COMMANDS, dictionary: DICTIONARY })),
    hash_algo: HASH_ALGORITHM,
    rooms: ["craft", "scene", ...(tracker === undefined ? [] : ["tracks", "guards"]), ...(alarms === undefined ? [] : ["incidents"])],
    rules: alarms ?? {},
    guard_rules: tracker ?? {},
    subjects: [
      "qiki.telemetry",
      "qiki.events.v1.>",
      "qiki.radar.v1.>",
      "qiki.commands.control",
      "qiki.responses.control",
      "qiki.recording.v1.>",
    ],
  };
}
