import { DatabaseSync } from "node:sqlite";
import { parsePath, stepInto } from "#base/path.ts";
import type { MarkLane } from "./history-store.ts";

export interface SeriesQuestion {
  /** Path into telemetry, such as `thermal.nodes[id=core].temp_c`. */
  readonly path: string;
  /** Absent: the newest run known. */
  readonly run?: string;
  /** Half-open window of event time, ms; absent: all that is kept of the run. */
  readonly fromMs?: number;
  readonly toMs?: number;
  /** Buckets at most. */
  readonly points: number;
}

/** Smallest, largest and last value of one stretch of time; null where there was none. */
export type SeriesBucket = readonly [min: number, max: number, last: number] | null;

export interface SeriesAnswer {
  readonly run: string | null;
  readonly from_ms: number;
  readonly bucket_ms: number;
  readonly buckets: readonly SeriesBucket[];
}

export interface TimelineQuestion {
  readonly run?: string;
  readonly fromMs?: number;
  readonly toMs?: number;
  readonly after: number;
  readonly limit: number;
}

export interface TimelineMark {
  readonly id: number;
  readonly run_id: string;
  readonly tick: number;
  readonly ts_ms: number;
  readonly lane: MarkLane;
  readonly what: unknown;
}

export interface HistoryReader {
  /** undefined when the run or a number at the path is not known. */
  series(question: SeriesQuestion): SeriesAnswer | { readonly unknown: "run" | "path" };
  timeline(question: TimelineQuestion): { readonly items: readonly TimelineMark[]; readonly next?: number };
  close(): void;
}

const PERIOD_DEFAULT_MS = 1000;

/** Opens a history that somebody else may be writing. */
export function openHistoryReader(path: string): HistoryReader {
  const db = new DatabaseSync(path, { readOnly: true, timeout: 5000 });
  const newestRun = db.prepare("SELECT run_id FROM telemetry_history ORDER BY id DESC LIMIT 1");
  const newestRow = db.prepare("SELECT json(json) AS json FROM telemetry_history WHERE run_id = ? ORDER BY id DESC LIMIT 1");
  const aboutRun = db.prepare("SELECT json FROM runs WHERE run_id = ?");
  const extent = db.prepare("SELECT MIN(ts_ms) AS first, MAX(ts_ms) AS last FROM telemetry_history WHERE run_id = ?");
  const samples = db.prepare(
    "SELECT ts_ms, json_extract(json, ?) AS value FROM telemetry_history WHERE run_id = ? AND ts_ms >= ? AND ts_ms < ? ORDER BY ts_ms, id",
  );
  const marks = db.prepare(
    `SELECT id, run_id, tick, ts_ms, lane, json FROM marks
     WHERE (? IS NULL OR run_id = ?) AND ts_ms >= ? AND ts_ms < ? AND id > ? ORDER BY id LIMIT ?`,
  );

  function runOf(asked: string | undefined): string | undefined {
    return asked ?? (newestRun.get()?.run_id as string | undefined);
  }

  function periodMs(run: string): number {
    const row = aboutRun.get(run);
    const { telemetry_period_s: periodS } = row === undefined ? {} : (JSON.parse(row.json as string) as { telemetry_period_s?: number });
    return periodS === undefined ? PERIOD_DEFAULT_MS : Math.round(periodS * 1000);
  }

  return {
    series({ path, run: asked, fromMs, toMs, points }) {
      const run = runOf(asked);
      const row = run === undefined ? undefined : newestRow.get(run);
      if (run === undefined || row === undefined) return { unknown: "run" };
      const jsonPath = jsonPathOf(path, JSON.parse(row.json as string));
      if (jsonPath === undefined) return { unknown: "path" };
      const { first, last } = extent.get(run) as { first: number; last: number };
      const from = fromMs ?? first;
      const to = toMs ?? last + 1;
      // Narrower than the telemetry's own period every second bucket would look like a gap.
      const bucketMs = Math.max(periodMs(run), Math.ceil((to - from) / points));
      const buckets: ([number, number, number] | null)[] = Array.from(
        { length: Math.max(0, Math.ceil((to - from) / bucketMs)) },
        () => null,
      );
      for (const { ts_ms: tsMs, value } of samples.iterate(jsonPath, run, from, to)) {
        if (typeof value !== "number") continue;
        const at = Math.floor((Number(tsMs) - from) / bucketMs);
        const bucket = buckets[at];
        buckets[at] = bucket ? [Math.min(bucket[0], value), Math.max(bucket[1], value), value] : [value, value, value];
      }
      return { run, from_ms: from, bucket_ms: bucketMs, buckets };
    },
    timeline({ run, fromMs = 0, toMs = Number.MAX_SAFE_INTEGER, after, limit }) {
      const rows = marks.all(run ?? null, run ?? null, fromMs, toMs, after, limit + 1);
      const items = rows
        .slice(0, limit)
        .map(({ json, ...mark }) => ({ ...mark, what: JSON.parse(json as string) as unknown }) as unknown as TimelineMark);
      const last = items.at(-1);
      return rows.length > limit && last !== undefined ? { items, next: last.id } : { items };
    },
    close: () => db.close(),
  };
}

/** The path in SQLite's words, or undefined when there is no number or nothing at it in `sample`; ids become places in the list. */
function jsonPathOf(path: string, sample: unknown): string | undefined {
  let value: unknown = sample;
  let text = "$";
  for (const step of parsePath(path)?.steps ?? []) {
    text += step.kind === "key" ? `."${step.key}"` : `[${step.kind === "index" ? step.index : placeOf(step.id, value)}]`;
    value = stepInto(value, step);
  }
  return typeof value === "number" || value === null ? text : undefined;
}

function placeOf(id: string, list: unknown): number {
  return Array.isArray(list) ? list.findIndex((item: { readonly id?: unknown }) => item?.id === id) : -1;
}
