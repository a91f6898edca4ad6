import { existsSync } from "node:fs";
import type { Command } from "commander";
import { QikiError } from "#base/error.ts";
import type { DrivenRow } from "#recording/drive.ts";
import { describeProblem, type ReadOptions, readRecordingSync } from "#recording/reader.ts";
import type { RecordingRow } from "#recording/row.ts";
import { divergenceText, verifyRecording } from "#recording/verify.ts";
import { addRecordVerb } from "./record.ts";
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
      const verdict = verifyRecording({ rows: () => drivenRows(file) });
      if (options.json === true) {
        process.stdout.write(`${JSON.stringify(verdict)}\n`);
      } else if (verdict.kind === "identical") {
        process.stdout.write(`identical: ${verdict.ticks} ticks, ${verdict.messages} messages, hash ${verdict.hash}\n`);
      } else process.stdout.write(`${divergenceText(verdict.first)}\n`);
      process.exitCode = verdict.kind === "identical" ? 0 : 1;
    });
}

/** Rows of a recording as verification reads them; problems go to standard error. @throws QikiError file_unreadable */
export function drivenRows(
  file: string,
  onProblem: ReadOptions["onProblem"] = (problem) => void process.stderr.write(`qiki: ${describeProblem(problem)}\n`),
): Iterable<DrivenRow> {
  if (!existsSync(file))
    throw new QikiError("file_unreadable", `there is no recording ${file}: give the path that 'qiki up' printed at its end`);
  return mapped(readRecordingSync(file, { strict: false, data: "checked", onProblem }));
}

function* mapped(rows: Iterable<RecordingRow>): Generator<DrivenRow> {
  for (const row of rows) {
    yield {
      line: row.line,
      type: row.head.type,
      subject: row.head.subject,
      data: row.data as Readonly<Record<string, unknown>>,
      tick: row.head.tick,
      streamSeq: row.head.stream_seq,
      headers: row.head.headers,
    };
  }
}
