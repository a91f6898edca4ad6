import { openDatabase, inTransaction } from "./database.ts";

const MIGRATIONS = [
  `CREATE TABLE runs (run_id TEXT PRIMARY KEY, wall_ms INTEGER NOT NULL, json TEXT NOT NULL) STRICT;
CREATE TABLE telemetry_history (
  id INTEGER PRIMARY KEY, run_id TEXT NOT NULL, tick INTEGER NOT NULL, ts_ms INTEGER NOT NULL, wall_ms INTEGER NOT NULL, json BLOB NOT NULL
) STRICT;
CREATE INDEX telemetry_by_time ON telemetry_history (run_id, ts_ms);
CREATE INDEX telemetry_by_wall ON telemetry_history (wall_ms);
CREATE TABLE marks (
  id INTEGER PRIMARY KEY, run_id TEXT NOT NULL, tick INTEGER NOT NULL, ts_ms INTEGER NOT NULL, wall_ms INTEGER NOT NULL, lane TEXT NOT NULL,
  json TEXT NOT NULL
) STRICT;
CREATE INDEX marks_by_time ON marks (run_id, ts_ms);
CREATE INDEX marks_by_wall ON marks (wall_ms);`,
];

/** What kind of thing a mark on the time line is. */
export const MARK_LANES = ["alarms", "commands", "guards", "modes"] as const;
export type MarkLane = (typeof MARK_LANES)[number];

/** When something was: the run and its tick, event time and wall time in ms. */
export interface Moment {
  readonly runId: string;
  readonly tick: number;
  readonly tsMs: number;
  readonly wallMs: number;
}

export interface HistoryLimits {
  /** What is older by wall time goes. */
  readonly keepMs: number;
  /** Beyond this the oldest goes, whatever its age; bytes in use inside the file. */
  readonly maxBytes: number;
}

/** What is stored together; `json` is JSON text. */
export interface HistoryBatch {
  readonly telemetry: readonly (Moment & { readonly json: string })[];
  readonly marks: readonly (Moment & { readonly lane: MarkLane; readonly json: string })[];
  /** What is known of a run. */
  readonly runs: readonly { readonly runId: string; readonly wallMs: number; readonly json: string }[];
}

/** The recorder's memory of telemetry and marks, for trends and the time line; the proof is in recordings, not here. */
export interface HistoryStore {
  readonly path: string;
  /** All of it or nothing. @throws whatever SQLite throws */
  add(batch: Partial<HistoryBatch>): void;
  /** Takes away what is too old by `nowMs` (wall) and what is too much; returns how many rows went. */
  prune(nowMs: number): number;
  close(): void;
}

export const HISTORY_LIMITS: HistoryLimits = { keepMs: 24 * 3_600_000, maxBytes: 512 * 1_048_576 };
/** Share of the telemetry that goes at once when it is too much. */
const SLICE = 0.05;

/** @throws QikiError as `openDatabase` */
export function openHistoryStore(path: string, limits: HistoryLimits = HISTORY_LIMITS): HistoryStore {
  const db = openDatabase(path, MIGRATIONS);
  // A trend that lacks its last second after a power loss is no loss: the disk is not waited for.
  db.exec("PRAGMA synchronous = NORMAL");
  const addRun = db.prepare("INSERT OR REPLACE INTO runs (run_id, wall_ms, json) VALUES (?, ?, ?)");
  const addTelemetry = db.prepare("INSERT INTO telemetry_history (run_id, tick, ts_ms, wall_ms, json) VALUES (?, ?, ?, ?, jsonb(?))");
  const addMark = db.prepare("INSERT INTO marks (run_id, tick, ts_ms, wall_ms, lane, json) VALUES (?, ?, ?, ?, ?, ?)");
  const dropTelemetry = db.prepare("DELETE FROM telemetry_history WHERE wall_ms < ?");
  const dropMarks = db.prepare("DELETE FROM marks WHERE wall_ms < ?");
  const dropRuns = db.prepare("DELETE FROM runs WHERE wall_ms < ? AND run_id NOT IN (SELECT DISTINCT run_id FROM telemetry_history)");
  const dropOldest = db.prepare(
    "DELETE FROM telemetry_history WHERE id <= (SELECT MIN(id) + CAST(COUNT(*) * ? AS INTEGER) FROM telemetry_history)",
  );
  const number = (pragma: string): number => Number(Object.values(db.prepare(`PRAGMA ${pragma}`).get() ?? {})[0]);
  const usedBytes = (): number => (number("page_count") - number("freelist_count")) * number("page_size");

  return {
    path,
    add: ({ telemetry = [], marks = [], runs = [] }) =>
      inTransaction(db, () => {
        for (const { runId, wallMs, json } of runs) addRun.run(runId, wallMs, json);
        for (const { runId, tick, tsMs, wallMs, json } of telemetry) addTelemetry.run(runId, tick, tsMs, wallMs, json);
        for (const { runId, tick, tsMs, wallMs, lane, json } of marks) addMark.run(runId, tick, tsMs, wallMs, lane, json);
      }),
    prune(nowMs) {
      const oldestMs = nowMs - limits.keepMs;
      let gone = Number(dropTelemetry.run(oldestMs).changes) + Number(dropMarks.run(oldestMs).changes);
      dropRuns.run(oldestMs);
      while (usedBytes() > limits.maxBytes) {
        const dropped = Number(dropOldest.run(SLICE).changes);
        if (dropped === 0) break;
        gone += dropped;
      }
      return gone;
    },
    close: () => db.close(),
  };
}
