import { type Command, Option } from "commander";
import { comparePipeline, type Pipeline, PIPELINES } from "#recording/pipeline.ts";
import { divergenceText, verifyRecording, type VerifySource, verifyWhole } from "#recording/verify.ts";
import { addCaseVerb } from "./case.ts";
import { addForkVerb } from "./fork.ts";
import { addFuzzVerb } from "./fuzz.ts";
import { addRecordVerb } from "./record.ts";
import { recordingSource, type WindowFlags, windowOf } from "./recording-file.ts";
import { addReplayVerb } from "./replay.ts";

interface VerifyFlags extends WindowFlags {
  readonly all?: boolean;
  readonly pipeline?: Pipeline;
  readonly json?: boolean;
}

/** `qiki record`, `qiki replay`, `qiki verify`, `qiki case`, `qiki fork`, `qiki fuzz`. */
export function addRecordingVerbs(program: Command): void {
  addRecordVerb(program);
  addReplayVerb(program);
  addCaseVerb(program);
  addForkVerb(program);
  addFuzzVerb(program);
  program
    .command("verify")
    .description("recompute a recording from its start and prove that every message and hash comes out the same")
    .argument("<file>", "recording, such as qiki-data/recordings/….jsonl")
    .option("--from <T>", "from this moment on: seconds after the start, RFC 3339, or tick:N")
    .option("--to <T>", "up to this moment")
    .option("--all", "go on after the first divergence and tell every one")
    .addOption(
      new Option("--pipeline <name>", "run only this reducer, twice, on the recorded frames or events, and compare what it says").choices([
        ...PIPELINES,
      ]),
    )
    .option("--json", "print the verdict as JSON")
    .action((file: string, options: VerifyFlags) => {
      const source = recordingSource(file);
      const { text, json, isIdentical } =
        options.pipeline === undefined ? proven(source, file, options) : reduced(source, options.pipeline);
      process.stdout.write(options.json === true ? `${JSON.stringify(json)}\n` : `${text}\n`);
      process.exitCode = isIdentical ? 0 : 1;
    });
}

interface Told {
  readonly text: string;
  readonly json: unknown;
  readonly isIdentical: boolean;
}

function proven(source: VerifySource, file: string, options: VerifyFlags): Told {
  const window = windowOf(file, options);
  const { verdict, all } =
    options.all === true ? verifyWhole(source, window) : { verdict: verifyRecording(source, window), all: undefined };
  if (verdict.kind === "identical") {
    const text = `identical: ${verdict.ticks} ticks, ${verdict.messages} messages, hash ${verdict.hash}`;
    return { text, json: verdict, isIdentical: true };
  }
  if (all === undefined) return { text: divergenceText(verdict.first), json: verdict, isIdentical: false };
  const text = `${all.map(divergenceText).join("\n")}\n${all.length} divergences in ${verdict.messages} messages`;
  return { text, json: { ...verdict, all }, isIdentical: false };
}

function reduced(source: VerifySource, pipeline: Pipeline): Told {
  const verdict = comparePipeline(source, pipeline);
  const inputs = `${verdict.inputs} ${pipeline === "tracker" ? "frames" : "events"}`;
  const text =
    verdict.kind === "identical"
      ? `identical: ${inputs}, ${verdict.outputs} outputs, sha256 ${verdict.sha256}`
      : `DIVERGED after ${inputs}, row ${verdict.row}\n  first   ${verdict.first}\n  second  ${verdict.second}`;
  return { text, json: verdict, isIdentical: verdict.kind === "identical" };
}
