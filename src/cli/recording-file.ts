import { statSync } from "node:fs";
import { QikiError } from "#base/error.ts";
import { drivenRows } from "#recording/driven-rows.ts";
import { describeProblem, firstRowOf, type RecordingProblem } from "#recording/reader.ts";
import type { VerifySource, Window } from "#recording/verify.ts";
import { tickOfMoment } from "./moment.ts";

export interface WindowFlags {
  readonly from?: string;
  readonly to?: string;
}

/** The ticks that two moments name. @throws QikiError usage */
export function windowOf(file: string, { from, to }: WindowFlags): Window {
  const fromTick = from === undefined ? undefined : tickOfMoment(file, from);
  const toTick = to === undefined ? undefined : tickOfMoment(file, to);
  if (fromTick !== undefined && toTick !== undefined && toTick < fromTick)
    throw new QikiError("usage", `--to ${to} is before --from ${from}`);
  return { fromTick, toTick };
}

/** A recording as verification reads it, again and again; its problems are told once. @throws QikiError file_unreadable */
export function recordingSource(path: string): VerifySource {
  recordingFile(path);
  // A reading may end early, so that no one of them sees every problem.
  const told = new Set<string>();
  const tellOnce = (problem: RecordingProblem): void => {
    const text = describeProblem(problem);
    if (!told.has(text)) tellProblem(problem);
    told.add(text);
  };
  return { rows: () => drivenRows(path, tellOnce) };
}

/** The path of a recording that is there. @throws QikiError file_unreadable */
export function recordingFile(path: string): string {
  if (statSync(path, { throwIfNoEntry: false })?.isFile() === true) return path;
  throw new QikiError("file_unreadable", `there is no recording ${path}: give the path that 'qiki up' printed at its end`);
}

/** The same, when at least one row of it can be read. @throws QikiError file_unreadable, recording_damaged */
export function recordingWithRows(path: string): string {
  firstRowOf(recordingFile(path));
  return path;
}

/** Says on standard error what a reader found and read on. */
export function tellProblem(problem: RecordingProblem): void {
  process.stderr.write(`qiki: ${describeProblem(problem)}\n`);
}
