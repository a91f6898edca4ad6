import { randomUUID } from "node:crypto";
import type { Command } from "commander";
import { QikiError } from "#base/error.ts";
import { isRaw } from "#base/key-reader.ts";
import { decodeCommand } from "#contracts/command.ts";
import { commandSpec } from "#contracts/command-catalogue.ts";
import { RUN_HEADER } from "#contracts/message.ts";
import type { RecordingMeta } from "#contracts/recording.ts";
import { DigestTable, type ForkPoint, forkPoint } from "#recording/fork.ts";
import { withoutEnding } from "#recording/segments.ts";
import { readRules } from "#recording/alarms-replay.ts";
import { readGuards } from "#recording/tracker-replay.ts";
import { parseYamlText } from "#services/yaml-text.ts";
import type { SimInput } from "#twin/sim-machine.ts";
import { createTwin, type SteppedTwin, type Twin } from "#twin/twin.ts";
import { tickOfMoment } from "./moment.ts";
import { readText } from "./read-file.ts";
import { recordingWithRows, recordingSource } from "./recording-file.ts";
import { openTwinRecorder, type RunRecorder } from "./run-recorder.ts";
import { loadGuardRules, loadRuleSet } from "./load-rules.ts";
import { PRODUCT_VERSION } from "./version.ts";

interface ForkFlags {
  readonly at: string;
  readonly commands?: string;
  readonly duration?: number;
  readonly out?: string;
  readonly force?: boolean;
}

/** A command of the fork, applied after this tick, so that it acts in the next one. */
interface ForkCommand {
  readonly afterTick: number;
  readonly bytes: Uint8Array;
  readonly input: SimInput;
}

/** `qiki fork FILE --at T`: what would have become of a recorded run with other commands. */
export function addForkVerb(program: Command): void {
  program
    .command("fork")
    .description("recompute a recording up to a moment and go on with other commands; says where the two first differ")
    .argument("<file>", "recording")
    .requiredOption("--at <T>", "the moment: seconds after the start, RFC 3339, or tick:N; its later commands are dropped")
    .option("--commands <file>", "YAML list of {at, command_name, parameters}; without it nothing is commanded any more")
    .option("--duration <s>", "go on for so long; else as long as the recording does", Number)
    .option("--out <file>", "recording of the fork; else beside the original")
    .option("--force", "overwrite that file")
    .action(forkRecording);
}

async function forkRecording(file: string, flags: ForkFlags): Promise<void> {
  const tick = tickOfMoment(recordingWithRows(file), flags.at);
  const commands = flags.commands === undefined ? [] : readCommands(file, flags.commands, tick);
  const source = recordingSource(file);
  const point = forkPoint(source, tick);
  const parent = new DigestTable();
  for (const { subject, headers, data } of source.rows()) parent.take(subject, headers?.[RUN_HEADER], data);
  const lastTick = lastTickOf(flags.duration, tick, point, parent);
  const path = flags.out ?? `${withoutEnding(file)}.fork-${tick}.jsonl`;
  const twin = createTwin({
    model: point.model,
    ruleSet: readRulesOf(point.meta.rules) ?? loadRuleSet().ruleSet,
    guardRuleSet: readGuardsOf(point.meta.guard_rules) ?? loadGuardRules().ruleSet(),
    hashesIncidents: true,
    start: point.start,
  });
  const recorder = await openTwinRecorder(path, flags.force === true, forkMeta(point, twin), point.model.settings);
  recorder.begin(twin);
  const own = await goOn(twin, recorder, commands, lastTick);
  const difference = parent.firstDifference(own, tick);
  const span = `${tick} to ${twin.sim.tick}`;
  const verdict =
    difference === undefined
      ? `no difference from ${file} in ticks ${span}`
      : `first difference from ${file}: tick ${difference.tick}, room ${difference.room}`;
  process.stdout.write(`forked at tick ${tick}, ticks ${span}, ${commands.length} commands\n${verdict}\nrecording: ${path}\n`);
}

/** Runs the twin to a tick; returns the digests that it told. */
async function goOn(twin: SteppedTwin, recorder: RunRecorder, commands: readonly ForkCommand[], lastTick: number): Promise<DigestTable> {
  const digests = new DigestTable();
  let next = 0;
  const step = async (input: SimInput): Promise<void> => {
    const outputs = twin.step([input]);
    for (const output of outputs) {
      if (output.kind === "message") digests.take(output.message.subject, output.message.runId, output.message.payload);
      else if (output.kind === "note") process.stderr.write(`qiki: ${output.text}\n`);
      else if (output.kind === "ack" && !output.ack.ok)
        process.stderr.write(`qiki: ${output.ack.payload.command_name} was refused: ${output.ack.error_detail?.message}\n`);
    }
    await recorder.take(outputs, twin);
  };
  for (;;) {
    const command = commands[next];
    if (command !== undefined && command.afterTick <= twin.sim.tick) {
      next += 1;
      recorder.command(command.bytes);
      await step(command.input);
    } else if (twin.sim.tick < lastTick && (twin.sim.runState === "RUNNING" || twin.sim.pendingSteps > 0)) await step({ kind: "tick" });
    else break;
  }
  if (next < commands.length || twin.sim.tick < lastTick)
    process.stderr.write(`qiki: the run stands ${twin.sim.runState} at tick ${twin.sim.tick} of ${lastTick}\n`);
  await recorder.end(twin);
  return digests;
}

function lastTickOf(durationS: number | undefined, tick: number, { model }: ForkPoint, parent: DigestTable): number {
  if (durationS === undefined) return Math.max(tick, parent.lastTick);
  if (!(durationS >= 0 && durationS <= 1e9))
    throw new QikiError("usage", `--duration ${durationS} is not possible: give seconds, 0 or more`);
  return tick + Math.round((durationS * 1000) / model.settings.tickMs);
}

function forkMeta({ meta, tick }: ForkPoint, twin: Twin): RecordingMeta {
  const parent = { recording_id: String(meta.recording_id), tick, state_hash: twin.sim.hash() };
  return {
    ...(meta as RecordingMeta),
    recording_id: randomUUID(),
    segment: 1,
    parent,
    product_version: PRODUCT_VERSION,
    node: process.version,
  };
}

function readRulesOf(rules: unknown): ReturnType<typeof readRules> | undefined {
  return isRaw(rules) && typeof rules.text === "string" ? readRules(rules.text) : undefined;
}

function readGuardsOf(rules: unknown): ReturnType<typeof readGuards> | undefined {
  return isRaw(rules) && typeof rules.text === "string" ? readGuards(rules.text, rules.cooldown_s as number | undefined) : undefined;
}

/** @throws QikiError usage with the place of the first wrong entry */
function readCommands(recording: string, path: string, forkTick: number): ForkCommand[] {
  const parsed = parseYamlText(readText(path, "command file"));
  if ("problems" in parsed) throw new QikiError("usage", `${path} is not YAML: ${parsed.problems[0]!.message}`);
  if (!Array.isArray(parsed.value)) throw new QikiError("usage", `${path}: expected a list of {at, command_name, parameters}`);
  const commands = parsed.value.map((entry: unknown, index) => {
    const wrong = (problem: string): QikiError => new QikiError("usage", `${path} [${index}]: ${problem}`);
    if (!isRaw(entry) || !(typeof entry.at === "string" || typeof entry.at === "number") || typeof entry.command_name !== "string")
      throw wrong("expected {at, command_name, parameters}");
    if (commandSpec(entry.command_name)?.owner !== "sim") throw wrong(`${entry.command_name} is no command of the simulation`);
    const afterTick = tickOfMoment(recording, `${entry.at}`.replace(/(?<=\d)s$/, ""));
    if (afterTick < forkTick) throw wrong(`at ${entry.at} is before the fork at tick ${forkTick}`);
    const message = {
      command_name: entry.command_name,
      parameters: entry.parameters ?? {},
      metadata: { message_id: `fork-${index}`, source: "fork" },
    };
    const bytes = Buffer.from(JSON.stringify(message));
    const decoded = decodeCommand(bytes);
    if (decoded.kind === "malformed") throw wrong(decoded.refusal.message);
    return {
      afterTick,
      bytes,
      input: { kind: "command", command: decoded.command, actor: { operator: "fork", role: "operator" } } as const,
    };
  });
  return commands.toSorted((a, b) => a.afterTick - b.afterTick);
}
