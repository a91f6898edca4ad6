import { LINE_MAX_BYTES, recordingMetaSchema } from "#contracts/recording.ts";
import { SUBJECTS } from "#contracts/subjects.ts";
import { parseLine } from "./parse-line.ts";
import { openText, type TextSource } from "./text-source.ts";

const NEWLINE = 10;
/** A meta row is seldom longer; read first, so that a folder of recordings is listed quickly. */
const FIRST_BYTES = 262_144;
const identitySchema = recordingMetaSchema.pick({ recording_id: true, segment: true });

/** Path of the n-th segment of a recording: `NAME.jsonl`, `NAME.2.jsonl`, …, and with `.zst` alike. */
export function segmentPath(firstPath: string, segment: number): string {
  return segment === 1 ? firstPath : `${withoutEnding(firstPath)}.${segment}${firstPath.slice(withoutEnding(firstPath).length)}`;
}

/** The path of a recording without what its kind of file ends in. */
export function withoutEnding(path: string): string {
  return path.replace(/(\.jsonl)?(\.zst)?$/, "");
}

/** Whether a file of this name may be a recording. */
export function isRecordingName(name: string): boolean {
  return /\.jsonl(\.zst)?$/.test(name);
}

/**
 * The files of a recording: with its first segment, or the first that is left, those that follow it in number under the same
 * recording id; with a later one itself.
 */
export function segmentPaths(path: string): string[] {
  const paths = [path];
  const first = identityOf(path);
  const firstPath = first === undefined ? undefined : firstPathOf(path, first.segment);
  if (first === undefined || firstPath === undefined) return paths;
  const isThere = (segment: number): boolean => {
    const found = identityOf(segmentPath(firstPath, segment));
    return found?.recordingId === first.recordingId && found.segment === segment;
  };
  if (first.segment > 1 && isThere(first.segment - 1)) return paths;
  for (let segment = first.segment + 1; isThere(segment); segment += 1) paths.push(segmentPath(firstPath, segment));
  return paths;
}

/** The path that the first segment has, or had; undefined for a later one under another name. */
function firstPathOf(path: string, segment: number): string | undefined {
  if (segment === 1) return path;
  const name = withoutEnding(path);
  const suffix = `.${segment}`;
  return name.endsWith(suffix) ? name.slice(0, -suffix.length) + path.slice(name.length) : undefined;
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
  try {
    const source = openText(path);
    try {
      return lineOf(source);
    } finally {
      source.close();
    }
  } catch {
    return undefined;
  }
}

function lineOf(source: TextSource): string | undefined {
  let room = Buffer.allocUnsafe(FIRST_BYTES);
  for (let length = 0; ; ) {
    const bytes = source.read(room.subarray(length));
    const end = room.subarray(0, length + bytes).indexOf(NEWLINE, length);
    length += bytes;
    if (end >= 0) return room.toString("utf8", 0, end);
    if (bytes === 0 || length >= LINE_MAX_BYTES) return undefined;
    if (length === room.length) room = Buffer.concat([room], room.length * 2);
  }
}
