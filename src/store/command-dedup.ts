import type { DatabaseSync } from "node:sqlite";

/** Table for the answers of one or more command owners. */
export const COMMAND_DEDUP_SCHEMA = `
CREATE TABLE command_dedup (
  key TEXT PRIMARY KEY,
  digest TEXT NOT NULL,
  ack BLOB NOT NULL,
  expires INTEGER NOT NULL
) STRICT;
CREATE INDEX command_dedup_expires ON command_dedup (expires);
`;

/** How long an answer is kept, ms of wall time, and how many at most (operations §4.5). */
export const DEDUP_WINDOW_MS = 600_000;
export const DEDUP_MAX = 100_000;

export interface CommandAnswer {
  readonly messageId: string;
  /** SHA-256 of canonical {command_name, parameters}. */
  readonly digest: string;
  /** Bytes of the ACK as sent. */
  readonly ack: Uint8Array;
}

/** Answers given to commands, so that a repeated message gets the same one and is applied once. */
export interface CommandDedup {
  /** `wallMs`: wall clock, ms, fractions allowed. */
  find(messageId: string, wallMs: number): { readonly digest: string; readonly ack: Uint8Array } | undefined;
  put(answer: CommandAnswer, wallMs: number): void;
}

/** Dedup of one owner's commands in a database that has the table. */
export function createCommandDedup(db: DatabaseSync, owner: string): CommandDedup {
  const select = db.prepare("SELECT digest, ack FROM command_dedup WHERE key = ? AND expires > ?");
  const insert = db.prepare("INSERT OR REPLACE INTO command_dedup (key, digest, ack, expires) VALUES (?, ?, ?, ?)");
  const prune = db.prepare("DELETE FROM command_dedup WHERE expires <= ?");
  const count = db.prepare("SELECT COUNT(*) AS n FROM command_dedup");
  const trim = db.prepare("DELETE FROM command_dedup WHERE key IN (SELECT key FROM command_dedup ORDER BY expires, rowid LIMIT ?)");
  const keyOf = (messageId: string): string => `${owner}:${messageId}`;
  let kept = Number(count.get()?.n ?? 0);

  return {
    find(messageId, wallMs) {
      const row = select.get(keyOf(messageId), wallMs);
      return row === undefined ? undefined : { digest: row.digest as string, ack: row.ack as Uint8Array };
    },
    put(answer, wallMs) {
      insert.run(keyOf(answer.messageId), answer.digest, answer.ack, Math.ceil(wallMs) + DEDUP_WINDOW_MS);
      kept += 1 - Number(prune.run(wallMs).changes);
      if (kept > DEDUP_MAX) {
        kept = Number(count.get()?.n ?? 0);
        if (kept > DEDUP_MAX) kept -= Number(trim.run(kept - DEDUP_MAX).changes);
      }
    },
  };
}
