import { statSync } from "node:fs";
import { QikiError } from "#base/error.ts";
import { describeProblem, type RecordingProblem } from "#recording/reader.ts";

/** The path of a recording that is there. @throws QikiError file_unreadable */
export function recordingFile(path: string): string {
  if (statSync(path, { throwIfNoEntry: false })?.isFile() === true) return path;
  throw new QikiError("file_unreadable", `there is no recording ${path}: give the path that 'qiki up' printed at its end`);
}

/** Says on standard error what a reader found and read on. */
export function tellProblem(problem: RecordingProblem): void {
  process.stderr.write(`qiki: ${describeProblem(problem)}\n`);
}
