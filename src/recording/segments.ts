import { closeSync, openSync, readSync } from "node:fs";
import { LINE_MAX_BYTES, recordingMetaSchema } from "#contracts/recording.ts";
import { SUBJECTS } from "#contracts/subjects.ts";
import { parseLine } from "./parse-line.ts";

const NEWLINE = 10;
/** A meta row is seldom longer; read first, so that a folder of recordings is listed quickly. */
const FIRST_BYTES = 262_144;
const identitySchema = recordingMetaSchema.pick({ recording_id: true, segment: true });

/** Path of the n-th segment of a recording: `NAME.jsonl`, `NAME.2.jsonl`, … */
export function segmentPath(firstPath: string, segment: number): string {
  return segment === 1 ? firstPath : firstPath.replace(/(\.jsonl)?$/, `.${segment}$1`);
}

/** The files of a recording: with its first segment those that follow it in number under the same recording id. */
export function segmentPaths(path: string): string[] {
  const paths = [path];
  const first = identityOf(path);
  if (first === undefined || first.segment !== 1) return paths;
  for (let segment = 2; ; segment += 1) {
    const next = identityOf(segmentPath(path, segment));
    if (next?.recordingId !== first.recordingId || next.segment !== segment) return paths;
    paths.push(segmentPath(path, segment));
  }
}

/** What the meta row says, or undefined for a file that is not there or has none. */
function identityOf(path: string): { readonly recordingId: string; readonly segment: number } | undefined {
  const text = firstLine(path);
  const line = text === undefined ? undefined : parseLine(text);
  if (line === undefined || line.kind !== "row" || line.head.subject !== SUBJECTS.recordMeta) return undefined;
  const meta = identitySchema.safeParse(parsed(line.dataJson));
  return meta.success ? { recordingId: meta.data.recording_id, segment: meta.data.segment } : undefined;
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

/** The first line of a file, undefined if there is none. */
export function firstLine(path: string): string | undefined {
  let file: number;
  try {
    file = openSync(path, "r");
  } catch {
    return undefined;
  }
  try {
    for (const bytes of [FIRST_BYTES, LINE_MAX_BYTES]) {
      const buffer = Buffer.allocUnsafe(bytes);
      const length = readSync(file, buffer, 0, bytes, 0);
      const end = buffer.subarray(0, length).indexOf(NEWLINE);
      if (end >= 0) return buffer.toString("utf8", 0, end);
    }
    return undefined;
  } finally {
    closeSync(file);
  }
}
