import { zstdDecompressSync } from "node:zlib";
import { parse as parseYaml } from "yaml";
import { QikiError } from "#base/error.ts";
import type { Tick } from "#base/units.ts";
import type { Ack } from "#contracts/ack.ts";
import type { CommandRefusal } from "#contracts/command.ts";
import { type Message, RUN_HEADER } from "#contracts/message.ts";
import { SUBJECTS } from "#contracts/subjects.ts";
import { parseScenario } from "#twin/scenario.ts";
import { parseSettings, type SimSettings } from "#twin/settings.ts";
import { createSimMachine, type SimInput, type SimMachine } from "#twin/sim-machine.ts";
import { createSimModel, type SimModel } from "#twin/sim-state.ts";
import { type AnsweredCommand, createCommandMatch } from "./command-match.ts";
import { isSimRow } from "./sim-rows.ts";

/** A recorded row, as far as recomputing needs it. */
export interface DrivenRow {
  readonly line: number;
  readonly type: string;
  readonly subject: string;
  /** The payload's members; none when it is no JSON object. */
  readonly data: Readonly<Record<string, unknown>>;
  /** The payload as the bus carried it. */
  bytes(): Uint8Array;
  readonly tick?: number | undefined;
  readonly streamSeq?: number | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** An input of the sim machine with the place at which it was recorded: after this many ticks of its run. */
export interface RecordedInput {
  readonly afterTick: number;
  readonly runId: string;
  readonly input: SimInput;
}

/** A message recomputed, by subject and in order. */
export interface ComputedMessage {
  readonly subject: string;
  readonly payload: Readonly<Record<string, unknown>>;
  readonly tick: number;
  readonly runId: string;
}

/** Refusals that only wall time, keys or earlier messages could decide: a recording's own verdict is taken. */
const OUTSIDE_CODES = new Set(["expired", "not_authorized"]);

/** The model that a recording's meta row describes. @throws QikiError not_verifiable */
export function modelOfMeta(meta: Readonly<Record<string, unknown>>): SimModel {
  const scenario = meta.scenario as { text?: string } | undefined;
  if (scenario?.text === undefined || meta.profile === undefined) throw new QikiError("not_verifiable", "not verifiable: no start state");
  const parsed = parseScenario(parseYaml(scenario.text, { version: "1.2" }), meta.config as Record<string, unknown>);
  if (parsed.kind === "refused")
    throw new QikiError(
      "not_verifiable",
      `not verifiable: its scenario is refused: ${parsed.problems[0]?.path} ${parsed.problems[0]?.problem}`,
    );
  const model = createSimModel({
    profile: meta.profile,
    profileHash: (meta.profile_hash as string | null) ?? undefined,
    thrusters: meta.thrusters ?? undefined,
    scenario: { ...parsed.scenario, settings: settingsOf(meta), startsRunning: meta.starts_running !== false },
    bootId: String(meta.boot_id),
    ...(typeof meta.transponder_id === "string" ? { transponderId: meta.transponder_id } : {}),
    mode: (meta.mode as "FACTORY" | "MISSION" | undefined) ?? "FACTORY",
  });
  if (model.kind === "refused")
    throw new QikiError("not_verifiable", `not verifiable: its scenario does not fit its profile: ${model.problems[0]?.problem}`);
  return model.model;
}

/** The settings in force, whatever the scenario's text alone would give. */
function settingsOf(meta: Readonly<Record<string, unknown>>): SimSettings {
  const parsed = parseSettings(meta.config as Record<string, unknown>);
  if (parsed.kind === "refused") throw new QikiError("not_verifiable", `not verifiable: its settings are refused: ${parsed.problems[0]}`);
  return parsed.settings;
}

/** Collects the sim's inputs in recorded order: commands where their ACKs stand, heartbeats where they were sent. */
export function createInputCollector(): {
  take(row: DrivenRow): void;
  readonly inputs: readonly RecordedInput[];
  /** Last tick that each run is known to have reached. */
  readonly lastTick: ReadonlyMap<string, number>;
  /** Why the inputs are not complete. */
  problem(): string | undefined;
  /** A proof begins here: inputs before are in the state that it begins with. */
  begin(): void;
} {
  const match = createCommandMatch("sim");
  const inputs: RecordedInput[] = [];
  const lastTick = new Map<string, number>();

  function noteTick(runId: string, tick: number): void {
    lastTick.set(runId, Math.max(lastTick.get(runId) ?? 0, tick));
  }

  function takeTelemetry({ data }: DrivenRow): void {
    const run = data.run as { id?: string; heartbeat?: boolean } | undefined;
    if (typeof run?.id !== "string" || typeof data.tick !== "number") return;
    noteTick(run.id, data.tick);
    if (run.heartbeat === true) inputs.push({ afterTick: data.tick, runId: run.id, input: { kind: "heartbeat" } });
  }

  return {
    inputs,
    lastTick,
    problem: match.problem,
    begin() {
      match.begin();
      inputs.length = 0;
      lastTick.clear();
    },
    take(row) {
      const answered = match.take(row);
      if (answered !== undefined) inputs.push({ afterTick: answered.ack.tick - 1, runId: answered.ack.run_id, input: inputOf(answered) });
      if (row.subject === SUBJECTS.telemetry) takeTelemetry(row);
      // An event may come after the last telemetry message.
      const runId = row.headers?.[RUN_HEADER];
      if (runId !== undefined && row.tick !== undefined && (isSimRow(row) || isSimKeyframe(row))) noteTick(runId, row.tick);
    },
  };
}

/** The closing keyframe may be all that tells of the last ticks. */
function isSimKeyframe({ subject, data }: DrivenRow): boolean {
  return subject === SUBJECTS.recordKeyframe && data.role === "sim";
}

function inputOf({ ack, decoded, actor }: AnsweredCommand): SimInput {
  const refusal = ack.error_detail === undefined ? undefined : refusalOf(ack.error_detail);
  if (decoded.kind === "malformed")
    return { kind: "malformed", name: decoded.name, requestId: decoded.requestId, refusal: refusal ?? decoded.refusal };
  const isDecidedOutside = refusal !== undefined && (OUTSIDE_CODES.has(refusal.code) || refusal.field?.startsWith("metadata.") === true);
  return { kind: "command", command: decoded.command, actor, ...(isDecidedOutside ? { refusal } : {}) };
}

/** Runs a sim machine through recorded inputs, one elementary step at a time. */
export interface Driver {
  readonly machine: SimMachine;
  /**
   * Feeds the next input or tick and returns what came of it; undefined when nothing recorded lies ahead. `beyond` ticks more may
   * follow the last one that the recording names.
   */
  next(beyond?: number): readonly ComputedMessage[] | undefined;
}

/** @param keyframe row with the state to begin with; without it the machine boots */
export function createDriver(
  model: SimModel,
  inputs: readonly RecordedInput[],
  lastTick: ReadonlyMap<string, number>,
  keyframe?: DrivenRow,
): Driver {
  const machine = createSimMachine(model);
  let at = 0;
  let booted = keyframe !== undefined;
  if (keyframe !== undefined) machine.restore(keyframeState(keyframe));

  function feed(input: SimInput): readonly ComputedMessage[] {
    const computed: ComputedMessage[] = [];
    for (const output of machine.accept(input, machine.tick)) {
      if (output.kind === "message") computed.push(ofMessage(output.message));
      else if (output.kind === "ack")
        computed.push({ subject: SUBJECTS.responses, payload: output.ack as never, tick: output.tick, runId: output.runId });
    }
    return computed;
  }

  return {
    machine,
    next(beyond = 0) {
      if (!booted) {
        booted = true;
        return feed({ kind: "boot" });
      }
      const ahead = inputs[at];
      if (ahead !== undefined && ahead.runId === machine.runId && ahead.afterTick <= machine.tick) {
        at += 1;
        return feed(ahead.input);
      }
      const until = Math.max(lastTick.get(machine.runId) ?? 0, ahead?.runId === machine.runId ? ahead.afterTick : 0);
      const isDue = machine.runState === "RUNNING" || machine.pendingSteps > 0;
      // One more than was reached: an entry of the timeline that ends the run is applied by the tick that it keeps from coming.
      if (machine.tick > until + beyond || !isDue) return undefined;
      return feed({ kind: "tick" });
    },
  };
}

/** The state in a keyframe row. */
export function keyframeState({ data }: DrivenRow): Uint8Array {
  return zstdDecompressSync(Buffer.from(String(data.state), "base64"));
}

function ofMessage(message: Message): ComputedMessage {
  return { subject: message.subject, payload: message.payload, tick: message.tick as Tick, runId: message.runId };
}

function refusalOf(detail: NonNullable<Ack["error_detail"]>): CommandRefusal {
  const { details } = detail as { details: Record<string, unknown> };
  return {
    code: detail.code as CommandRefusal["code"],
    message: detail.message,
    ...(details.field === undefined ? {} : { field: details.field as string }),
    ...(details.given === undefined ? {} : { given: details.given }),
    ...(details.expected === undefined ? {} : { expected: details.expected as string }),
    ...(details.unit === undefined ? {} : { unit: details.unit as string }),
    ...(details.reason === undefined ? {} : { reason: details.reason as string }),
    ...(details.hint === undefined ? {} : { hint: details.hint as string }),
  };
}
