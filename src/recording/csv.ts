import { QikiError } from "#base/error.ts";
import { type DictionaryEntry, dictionaryEntry } from "#contracts/dictionary.ts";
import { SUBJECTS } from "#contracts/subjects.ts";
import { parsePath, type ValuePath, valueAt } from "#base/path.ts";
import type { RecordingRow } from "./row.ts";

const LINE_END = "\r\n";

/** A value of telemetry that becomes a column. */
export interface CsvColumn {
  readonly path: ValuePath;
  readonly unit: string;
}

/**
 * Columns of a list of telemetry paths with commas between them (simulation §11).
 * @throws QikiError usage for a path that telemetry does not have
 */
export function csvColumns(paths: string): readonly CsvColumn[] {
  return paths.split(",").map((text) => {
    const path = parsePath(text.trim());
    const entry = path === undefined ? undefined : entryOf(path.text);
    if (path === undefined || entry === undefined)
      throw new QikiError(
        "usage",
        `"${text}" is no value of telemetry: name paths such as power.bus_v,thermal.nodes[id=core].temp_c (docs/telemetry.md)`,
      );
    return { path, unit: entry.unit };
  });
}

/** Lines of a table (RFC 4180): a header with units, then a row per telemetry message. A value that is null or not there is an empty field. */
export function* csvLines(rows: Iterable<RecordingRow>, columns: readonly CsvColumn[]): Generator<string> {
  const names = columns.map(({ path, unit }) => (unit === "" ? path.text : `${path.text} [${unit}]`));
  yield lineOf(["tick", "ts_epoch", ...names]);
  for (const { head, data } of telemetryOf(rows))
    yield lineOf([(data as { tick?: number }).tick ?? head.tick, head.ts_epoch, ...columns.map(({ path }) => valueAt(data, path))]);
}

function* telemetryOf(rows: Iterable<RecordingRow>): Generator<RecordingRow> {
  for (const row of rows) if (row.head.subject === SUBJECTS.telemetry) yield row;
}

/** The dictionary's entry of a path, or of the vector or map that it reaches into. */
function entryOf(path: string): DictionaryEntry | undefined {
  const exact = dictionaryEntry(path);
  if (exact !== undefined) return exact;
  for (let text = path; text.includes(".") || text.includes("["); ) {
    text = text.replace(/(\.[^.[]*|\[[^\]]*\])$/, "");
    const entry = dictionaryEntry(text);
    if (entry !== undefined) return entry.type === "map" || entry.type === "vector" || entry.type === "list" ? entry : undefined;
  }
  return undefined;
}

function lineOf(values: readonly unknown[]): string {
  return values.map(field).join(",") + LINE_END;
}

function field(value: unknown): string {
  if (value === undefined || value === null) return "";
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
