import type { Command } from "commander";
import { drivenRows } from "#recording/driven-rows.ts";
import { divergenceText, verifyRecording } from "#recording/verify.ts";
import { addRecordVerb } from "./record.ts";
import { recordingFile, tellProblem } from "./recording-file.ts";
import { addReplayVerb } from "./replay.ts";

/** `qiki record`, `qiki replay`, `qiki verify`. */
export function addRecordingVerbs(program: Command): void {
  addRecordVerb(program);
  addReplayVerb(program);
  program
    .command("verify")
    .description("recompute a recording from its start and prove that every message and hash comes out the same")
    .argument("<file>", "recording, such as qiki-data/recordings/….jsonl")
    .option("--json", "print the verdict as JSON")
    .action((file: string, options: { readonly json?: boolean }) => {
      let said = false;
      const verdict = verifyRecording({
        rows: () => {
          const quiet = said;
          said = true;
          return drivenRows(recordingFile(file), quiet ? () => {} : tellProblem);
        },
      });
      if (options.json === true) {
        process.stdout.write(`${JSON.stringify(verdict)}\n`);
      } else if (verdict.kind === "identical") {
        process.stdout.write(`identical: ${verdict.ticks} ticks, ${verdict.messages} messages, hash ${verdict.hash}\n`);
      } else process.stdout.write(`${divergenceText(verdict.first)}\n`);
      process.exitCode = verdict.kind === "identical" ? 0 : 1;
    });
}
