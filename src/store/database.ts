import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { assert } from "#base/assert.ts";
import { QikiError } from "#base/error.ts";

const BUSY_TIMEOUT_MS = 5000;
const SQLITE_CORRUPT = 11;
const SQLITE_NOTADB = 26;

/** What a commit survives once it has returned: the loss of power (each is synced to the disk), or the end of the process only. */
export type Durability = "power" | "process";

/**
 * Opens a database with a write-ahead log and brings its schema up to date. It is whole after whatever happens; `durability` says
 * which commits are still in it. `migrations[n]` is the SQL that leads from version n to n+1; versions only go forward.
 * @throws QikiError `folder_unwritable`, `store_newer` (made by a later build) or `store_damaged`
 */
export function openDatabase(path: string, migrations: readonly string[], durability: Durability = "power"): DatabaseSync {
  makeFolder(dirname(path));
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS });
    const synchronous = durability === "power" ? "FULL" : "NORMAL";
    db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = ${synchronous}; PRAGMA foreign_keys = ON`);
    migrate(db, path, migrations);
    return db;
  } catch (cause) {
    db?.close();
    if (cause instanceof QikiError) throw cause;
    const code = sqliteCode(cause);
    if (code === SQLITE_CORRUPT || code === SQLITE_NOTADB) {
      throw new QikiError("store_damaged", `${path} is not a readable store: ${String(cause)}; restore it from a backup`, cause);
    }
    throw new QikiError(
      "folder_unwritable",
      `${path} cannot be opened for writing: ${String(cause)}; check the folder's owner and free space`,
      cause,
    );
  }
}

/**
 * Runs `work` as one transaction: all of it is stored or none.
 * @throws whatever `work` or the commit throws, after a rollback
 */
export function inTransaction<Result>(db: DatabaseSync, work: () => Result): Result {
  db.exec("BEGIN IMMEDIATE");
  try {
    const result = work();
    db.exec("COMMIT");
    return result;
  } catch (cause) {
    // A full disk may have ended the transaction already.
    if (db.isTransaction) db.exec("ROLLBACK");
    throw cause;
  }
}

/** Makes a folder and its parents. @throws QikiError `folder_unwritable` */
export function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true });
  } catch (cause) {
    throw new QikiError(
      "folder_unwritable",
      `folder ${folder} cannot be made: ${String(cause)}; choose another, with --data or the setting that names it`,
      cause,
    );
  }
}

/** SQLite's primary result code of an error, if it is one. */
export function sqliteCode(error: unknown): number | undefined {
  if (typeof error !== "object" || error === null || !("errcode" in error) || typeof error.errcode !== "number") return undefined;
  return error.errcode & 0xff;
}

function migrate(db: DatabaseSync, path: string, migrations: readonly string[]): void {
  const row = db.prepare("PRAGMA user_version").get();
  const version = Number(row?.user_version ?? 0);
  assert(migrations.length > 0, "a store has a schema");
  if (version > migrations.length) {
    throw new QikiError("store_newer", `${path} has schema ${version}, this build knows up to ${migrations.length}; use the newer build`);
  }
  if (version === migrations.length) return;
  inTransaction(db, () => {
    for (const sql of migrations.slice(version)) db.exec(sql);
    db.exec(`PRAGMA user_version = ${migrations.length}`);
  });
}
