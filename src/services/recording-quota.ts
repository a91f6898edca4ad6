import { readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { parseLine } from "#recording/parse-line.ts";
import { firstLine, isRecordingName } from "#recording/segments.ts";
import type { RecordingSummary } from "#contracts/recording.ts";
import { summaryOf } from "#recording/summary.ts";
import { indexPath } from "#recording/index-file.ts";

/** A recording that is being written. */
export interface OpenRecording {
  readonly recordingId: string;
  /** File that is being written, as a path. */
  readonly segmentPath: string;
}

/** A file of a recording that had to go. */
export type RemovedFile = Pick<RecordingSummary, "file" | "recording_id" | "segment" | "run_id" | "bytes">;

interface Candidate extends RemovedFile {
  readonly isOpen: boolean;
  /** Wall time of its first row, s. */
  readonly begunS: number;
}

/** A file without an end row that grew so recently may be another recorder's. */
const STILL_WRITTEN_MS = 600_000;

/** Files of a folder and what is below it, as paths within it. */
export function filesBelow(folder: string): readonly { readonly file: string; readonly bytes: number }[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" }).flatMap((file) => {
    const stat = statSync(join(folder, file), { throwIfNoEntry: false });
    return stat?.isFile() === true ? [{ file, bytes: stat.size }] : [];
  });
}

/**
 * Removes recordings until what the folder holds fits the quota: the oldest finished one whole, then the next; then, segment by
 * segment, the oldest of those that are being written (operations §7.3). A file that is being written never goes, nor one that is no
 * recording of this product.
 * @returns what went, the oldest first
 */
export function keepWithinQuota(folder: string, quotaBytes: number, open: readonly OpenRecording[], nowMs: number): readonly RemovedFile[] {
  const files = filesBelow(folder);
  let used = files.reduce((sum, { bytes }) => sum + bytes, 0);
  if (used <= quotaBytes) return [];
  const removed: RemovedFile[] = [];
  let goingId: string | undefined;
  for (const candidate of candidatesOf(folder, files, open, nowMs)) {
    const { isOpen, begunS: _, ...file } = candidate;
    if (used <= quotaBytes && (isOpen || candidate.recording_id !== goingId)) break;
    goingId = candidate.recording_id;
    const path = join(folder, file.file);
    const index = indexPath(path);
    used -= file.bytes + (statSync(index, { throwIfNoEntry: false })?.size ?? 0);
    rmSync(path);
    rmSync(index, { force: true });
    removed.push(file);
  }
  return removed;
}

/** Files that may go, in the order in which they do. */
function candidatesOf(
  folder: string,
  files: readonly { readonly file: string }[],
  open: readonly OpenRecording[],
  nowMs: number,
): Candidate[] {
  const openPaths = new Set(open.map(({ segmentPath }) => segmentPath));
  const openIds = new Set(open.map(({ recordingId }) => recordingId));
  const candidates: Candidate[] = [];
  for (const { file } of files) {
    const path = join(folder, file);
    const summary = isRecordingName(file) && !openPaths.has(path) ? summaryOf(folder, file) : undefined;
    if (summary === undefined || (summary.rows === null && nowMs - statSync(path).mtimeMs < STILL_WRITTEN_MS)) continue;
    const { recording_id, segment, run_id, bytes } = summary;
    candidates.push({ file, recording_id, segment, run_id, bytes, isOpen: openIds.has(recording_id), begunS: begunOf(path) });
  }
  const begun = new Map<string, number>();
  for (const { recording_id: id, begunS } of candidates) begun.set(id, Math.min(begunS, begun.get(id) ?? begunS));
  return candidates.sort(
    (a, b) =>
      Number(a.isOpen) - Number(b.isOpen) ||
      begun.get(a.recording_id)! - begun.get(b.recording_id)! ||
      compare(a.recording_id, b.recording_id) ||
      a.segment - b.segment,
  );
}

function begunOf(path: string): number {
  const line = parseLine(firstLine(path) ?? "");
  return line.kind === "row" ? line.head.ts_ingest_epoch : 0;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
