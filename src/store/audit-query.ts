import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import { QikiError } from "#base/error.ts";
import type { AuditRecord } from "#contracts/audit.ts";

/** Records asked for at most in one page (operations §2.4). */
export const AUDIT_PAGE_MAX = 500;

export interface AuditFilters {
  /** Half-open window, ms: of event time where `run` is given, else of wall time. */
  readonly fromMs?: number;
  readonly toMs?: number;
  readonly run?: string;
  readonly operator?: string;
  readonly incident?: string;
  readonly kind?: string;
  readonly requestId?: string;
}

export interface AuditPage {
  readonly items: readonly AuditRecord[];
  /** The `after` of the following page; absent on the last. */
  readonly next?: number;
}

/** Which end of the chain a page is counted from. */
export type AuditOrder = "oldest" | "newest";

/** Records that pass all filters, from the oldest after a sequence number or from the newest before it. @throws QikiError `usage` for a limit outside 1..500 */
export function listAudit(
  db: DatabaseSync,
  filters: AuditFilters,
  after: number | undefined,
  limit: number,
  order: AuditOrder = "oldest",
): AuditPage {
  if (!Number.isSafeInteger(limit) || limit < 1 || limit > AUDIT_PAGE_MAX) {
    throw new QikiError("usage", `limit ${limit}: expected a whole number in 1..${AUDIT_PAGE_MAX}`);
  }
  const conditions = [order === "oldest" ? "seq > ?" : "seq < ?"];
  const values: SQLInputValue[] = [after ?? (order === "oldest" ? -1 : Number.MAX_SAFE_INTEGER)];
  const where = (condition: string, value: SQLInputValue | undefined): void => {
    if (value === undefined) return;
    conditions.push(condition);
    values.push(value);
  };
  const time = filters.run === undefined ? "wall_ms" : "ts_ms";
  where(`${time} >= ?`, filters.fromMs);
  where(`${time} < ?`, filters.toMs);
  where("run_id = ?", filters.run);
  where("operator = ?", filters.operator);
  where("incident_id = ?", filters.incident);
  where("kind = ?", filters.kind);
  where("request_id = ?", filters.requestId);
  const rows = db
    .prepare(`SELECT json FROM audit WHERE ${conditions.join(" AND ")} ORDER BY seq ${order === "oldest" ? "ASC" : "DESC"} LIMIT ?`)
    .all(...values, limit + 1);
  const items = rows.slice(0, limit).map((row) => JSON.parse(row.json as string) as AuditRecord);
  const last = items.at(-1);
  return rows.length > limit && last !== undefined ? { items, next: last.seq } : { items };
}

/** Every stored record in order, as parsed values; text that is not JSON comes as undefined. For verification and export. */
export function* allAudit(db: DatabaseSync): Generator<unknown> {
  for (const row of db.prepare("SELECT json FROM audit ORDER BY seq").iterate()) yield parseOrUndefined(row.json as string);
}

/** A line of an export, or undefined if it is not JSON. */
export function parseOrUndefined(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
