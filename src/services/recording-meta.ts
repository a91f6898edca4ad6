import { randomUUID } from "node:crypto";
import { formatUtcMs } from "#base/rfc3339.ts";
import { sha256Hex } from "#base/sha256.ts";
import { canonicalJson } from "#base/canonical-json.ts";
import { COMMANDS } from "#contracts/command-catalogue.ts";
import { DICTIONARY } from "#contracts/dictionary.ts";
import type { RecordingMeta } from "#contracts/recording.ts";
import { HASH_ALGORITHM } from "#craft/layout.ts";
import type { GuardRulesFile } from "./guard-rules-file.ts";
import type { SimModel } from "#twin/sim-state.ts";
import { createSimMachine } from "#twin/sim-machine.ts";

/** Everything needed to build the machines of a run anew: the first row of its recording. */
export function recordingMeta(options: {
  readonly model: SimModel;
  readonly scenario: { readonly name: string; readonly sha256: string; readonly text: string };
  readonly rules: { readonly hash: string; readonly text: string } | undefined;
  /** Absent without a tracker. */
  readonly guardRules?: Pick<GuardRulesFile, "ruleSet" | "text">;
  /** Whether guard events leave the tracker. */
  readonly publishesGuards?: boolean;
  readonly productVersion: string;
}): RecordingMeta {
  const { model } = options;
  const { setup, settings } = model;
  const machine = createSimMachine(model);
  return {
    recording_id: randomUUID(),
    segment: 1,
    run_id: machine.runId,
    boot_id: setup.bootId,
    product_version: options.productVersion,
    node: process.version,
    arch: process.arch,
    contracts_hash: sha256Hex(canonicalJson({ commands: COMMANDS, dictionary: DICTIONARY })),
    hash_algo: HASH_ALGORITHM,
    rooms: [
      "craft",
      "scene",
      ...(options.guardRules === undefined ? [] : ["tracks", "guards"]),
      ...(options.rules === undefined ? [] : ["incidents"]),
    ],
    epoch: formatUtcMs(settings.epochMs),
    tick_ms: settings.tickMs,
    seed: settings.seed,
    scenario: { ...options.scenario },
    profile: setup.profile as Record<string, unknown>,
    profile_hash: setup.profileHash ?? null,
    thrusters: (setup.thrusters as unknown[] | undefined) ?? [],
    rules: options.rules === undefined ? {} : { ...options.rules },
    guard_rules:
      options.guardRules === undefined
        ? {}
        : {
            hash: options.guardRules.ruleSet().hash,
            text: options.guardRules.text(),
            cooldown_s: options.guardRules.ruleSet().cooldownS,
            published: options.publishesGuards !== false,
          },
    config: { ...settings.config },
    ...(setup.transponderId === undefined ? {} : { transponder_id: setup.transponderId }),
    starts_running: setup.scenario.startsRunning,
    mode: setup.mode,
    subjects: [
      "qiki.telemetry",
      "qiki.events.v1.>",
      "qiki.radar.v1.>",
      "qiki.commands.control",
      "qiki.responses.control",
      "qiki.recording.v1.>",
    ],
    start: { tick: 0, state_hash: machine.hash() },
  };
}
