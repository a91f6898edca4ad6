import type { Command } from "commander";
import { divergenceText, verifyRecording } from "#recording/verify.ts";
import { addCaseVerb } from "./case.ts";
import { addForkVerb } from "./fork.ts";
import { addFuzzVerb } from "./fuzz.ts";
import { addRecordVerb } from "./record.ts";
import { recordingSource, type WindowFlags, windowOf } from "./recording-file.ts";
import { addReplayVerb } from "./replay.ts";

interface VerifyFlags extends WindowFlags {
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
    .option("--json", "print the verdict as JSON")
    .action((file: string, options: VerifyFlags) => {
      const verdict = verifyRecording(recordingSource(file), windowOf(file, options));
      if (options.json === true) {
        process.stdout.write(`${JSON.stringify(verdict)}\n`);
      } else if (verdict.kind === "identical") {
        process.stdout.write(`identical: ${verdict.ticks} ticks, ${verdict.messages} messages, hash ${verdict.hash}\n`);
      } else process.stdout.write(`${divergenceText(verdict.first)}\n`);
      process.exitCode = verdict.kind === "identical" ? 0 : 1;
    });
}
