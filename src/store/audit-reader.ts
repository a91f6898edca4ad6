import { DatabaseSync } from "node:sqlite";
import { QikiError } from "#base/error.ts";
import { allAudit, type AuditFilters, type AuditPage, listAudit } from "./audit-query.ts";
import { readHead } from "./head-file.ts";
import { lockStore } from "./lock.ts";
import { type ChainVerdict, type KnownHead, verifyChain } from "./verify-chain.ts";

/** A store that nobody writes, opened to look at its chain without touching it. */
export interface AuditReader {
  list(filters: AuditFilters, after: number | undefined, limit: number): AuditPage;
  records(): Generator<unknown>;
  /** Kept incidents, each as JSON. */
  incidents(): readonly string[];
  /** Checks the chain against the head file beside it and any other known heads. */
  verify(heads?: readonly KnownHead[]): ChainVerdict;
  close(): void;
}

/**
 * Opens the audit chain of a store file for reading, also one whose end was cut off.
 * @throws QikiError `store_in_use`, or `store_damaged` if it cannot be read
 */
export function openAuditReader(path: string): AuditReader {
  const lock = lockStore(path);
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(path, { readOnly: true });
    db.prepare("SELECT COUNT(*) FROM audit").get();
  } catch (cause) {
    db?.close();
    lock.release();
    throw new QikiError("store_damaged", `${path} is not a readable store: ${String(cause)}`, cause);
  }
  const opened = db;
  return {
    list: (filters, after, limit) => listAudit(opened, filters, after, limit),
    records: () => allAudit(opened),
    incidents: () =>
      opened
        .prepare("SELECT json FROM incidents ORDER BY key")
        .all()
        .map((row) => row.json as string),
    verify(heads = []) {
      const kept = readHead(path);
      return verifyChain(allAudit(opened), kept === undefined ? heads : [kept, ...heads]);
    },
    close() {
      opened.close();
      lock.release();
    },
  };
}
