import { statSync } from "node:fs";
import type { EndRow, LineType, RecordingMeta } from "#contracts/recording.ts";
import { SUBJECTS } from "#contracts/subjects.ts";
import { describeProblem, type ReadOptions, readRecordingSync } from "./reader.ts";
import type { RecordingRow } from "./row.ts";

/** One file of a recording. */
export interface SegmentInfo {
  readonly file: string;
  readonly bytes: number;
  readonly rows: number;
  /** Check and end rows that vouch for the bytes before them; all of them hold, or reading would have failed. */
  readonly checks: number;
  /** Rows after the last of them: nothing but recomputing guards these. */
  readonly rows_unchecked: number;
  /** Whether its writer closed it in order. */
  readonly ended: boolean;
}

/** What a recording holds, found by reading all of it, every segment. */
export interface RecordingInfo {
  /** The first segment's word; null for a file of the older system, which has none. */
  readonly meta: Partial<RecordingMeta> | null;
  readonly segments: readonly SegmentInfo[];
  readonly rows: number;
  readonly counts: Readonly<Partial<Record<LineType, number>>>;
  /** Messages that never reached the file: dropped by the writer, or missed on their way to it. */
  readonly dropped: number;
  readonly first: Moment | null;
  readonly last: Moment | null;
  /** Ticks of the sim's keyframes. */
  readonly keyframe_ticks: readonly number[];
  readonly problems: readonly string[];
}

interface Moment {
  readonly tick: number | null;
  readonly ts_epoch: number;
}

type Open = { -readonly [Key in keyof SegmentInfo]: SegmentInfo[Key] };

/**
 * Reads a recording through and says what is in it; torn tails and bad lines are among the problems.
 * @throws QikiError file_unreadable, recording_damaged
 */
export function recordingInfo(path: string, options: Pick<ReadOptions, "strict">): RecordingInfo {
  const segments: Open[] = [];
  const counts: Partial<Record<LineType, number>> = {};
  const keyframeTicks = new Set<number>();
  const problems: string[] = [];
  let meta: Partial<RecordingMeta> | null = null;
  let dropped = 0;
  let first: Moment | null = null;
  let last: Moment | null = null;
  let rows = 0;
  const onProblem: ReadOptions["onProblem"] = (problem) => void problems.push(describeProblem(problem));
  for (const row of readRecordingSync(path, { ...options, data: "checked", onProblem })) {
    const { head } = row;
    let segment = segments.at(-1);
    if (segment?.file !== row.path) segments.push((segment = newSegment(row.path)));
    rows += 1;
    counts[head.type] = (counts[head.type] ?? 0) + 1;
    if (head.subject === SUBJECTS.recordMeta) meta ??= row.data as Partial<RecordingMeta>;
    if (head.subject === SUBJECTS.recordKeyframe && isOfSim(row)) keyframeTicks.add((row.data as { tick: number }).tick);
    if (head.subject === SUBJECTS.recordGap) dropped += (row.data as { missed?: number }).missed ?? 0;
    if (head.subject === SUBJECTS.recordEnd) dropped += (row.data as Partial<EndRow>).dropped ?? 0;
    noteRow(segment, head.subject);
    if (head.type !== "telemetry") continue;
    last = { tick: head.tick ?? null, ts_epoch: head.ts_epoch };
    first ??= last;
  }
  return { meta, segments, rows, counts, dropped, first, last, keyframe_ticks: [...keyframeTicks], problems };
}

function newSegment(file: string): Open {
  return { file, bytes: statSync(file).size, rows: 0, checks: 0, rows_unchecked: 0, ended: false };
}

function noteRow(segment: Open, subject: string): void {
  segment.rows += 1;
  segment.rows_unchecked += 1;
  if (subject !== SUBJECTS.recordCheck && subject !== SUBJECTS.recordEnd) return;
  segment.checks += 1;
  segment.rows_unchecked = 0;
  if (subject === SUBJECTS.recordEnd) segment.ended = true;
}

function isOfSim(row: RecordingRow): boolean {
  return (row.data as { role?: unknown }).role === "sim";
}
