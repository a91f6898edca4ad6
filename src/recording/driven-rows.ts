import type { DrivenRow } from "./drive.ts";
import { payloadBytes } from "./line.ts";
import { type RecordingProblem, readRecordingSync } from "./reader.ts";
import type { RecordingRow } from "./row.ts";

/** Rows of a recording as verification reads them. @throws QikiError file_unreadable, recording_damaged */
export function drivenRows(file: string, onProblem: (problem: RecordingProblem) => void): Iterable<DrivenRow> {
  return mapped(readRecordingSync(file, { strict: false, data: "checked", onProblem }));
}

function* mapped(rows: Iterable<RecordingRow>): Generator<DrivenRow> {
  for (const row of rows) yield drivenRow(row);
}

/** A row as recomputing reads it. @throws QikiError recording_damaged when its payload is no JSON */
export function drivenRow(row: RecordingRow): DrivenRow {
  return {
    line: row.line,
    type: row.head.type,
    subject: row.head.subject,
    data: typeof row.data === "object" && row.data !== null ? (row.data as Readonly<Record<string, unknown>>) : {},
    bytes: () => payloadBytes(row.dataJson),
    tick: row.head.tick,
    streamSeq: row.head.stream_seq,
    headers: row.head.headers,
  };
}
