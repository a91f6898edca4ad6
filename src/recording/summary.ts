import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import { endRowSchema, recordingMetaSchema, type RecordingSummary } from "#contracts/recording.ts";
import { SUBJECTS } from "#contracts/subjects.ts";
import { parseLine } from "./parse-line.ts";
import { firstLine } from "./segments.ts";
import { isCompressed } from "./text-source.ts";
import { FRAME_MAGIC, frameText, scanFrame } from "./zstd-frames.ts";

const metaSchema = recordingMetaSchema.pick({ recording_id: true, segment: true, run_id: true, scenario: true, start: true });
const TAIL_BYTES = 16_384;
const NEWLINE = 10;

/** Summary of a file in a folder; undefined for one that has no meta row, such as a foreign or an old one. */
export function summaryOf(folder: string, file: string): RecordingSummary | undefined {
  const path = join(folder, file);
  const first = dataOf(firstLine(path), SUBJECTS.recordMeta);
  const meta = metaSchema.safeParse(first);
  if (!meta.success) return undefined;
  const { recording_id, segment, run_id, scenario, start } = meta.data;
  const { size, line } = lastLine(path);
  const end = endRowSchema.safeParse(dataOf(line, SUBJECTS.recordEnd));
  const rows = end.success ? end.data.rows : null;
  return { file, recording_id, segment, run_id, scenario: scenario.name, start_tick: start.tick, bytes: size, rows };
}

function dataOf(text: string | undefined, subject: string): unknown {
  const line = text === undefined ? undefined : parseLine(text);
  if (line === undefined || line.kind !== "row" || line.head.subject !== subject) return undefined;
  try {
    return JSON.parse(line.dataJson);
  } catch {
    return undefined;
  }
}

function lastLine(path: string): { readonly size: number; readonly line: string | undefined } {
  const file = openSync(path, "r");
  try {
    const { size } = fstatSync(file);
    const end = Buffer.alloc(Math.min(size, TAIL_BYTES));
    readSync(file, end, 0, end.length, size - end.length);
    const tail = isCompressed(path) ? lastFrameText(end) : end;
    const isWhole = tail.at(-1) === NEWLINE;
    const start = tail.lastIndexOf(NEWLINE, tail.length - 2) + 1;
    const isFirst = isCompressed(path) && start === 0;
    return { size, line: isWhole && (start > 0 || isFirst) ? tail.toString("utf8", start, tail.length - 1) : undefined };
  } finally {
    closeSync(file);
  }
}

/** Text of the frame that ends with these bytes; none when it is not whole or begins before them. */
function lastFrameText(end: Buffer): Buffer {
  const at = end.lastIndexOf(FRAME_MAGIC);
  const scan = at < 0 ? undefined : scanFrame(end, at);
  return scan?.kind === "whole" && scan.end === end.length ? frameText(end.subarray(at)) : Buffer.alloc(0);
}
