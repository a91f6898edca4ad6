import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { QikiError } from "#base/error.ts";
import { makeFolder, sqliteCode } from "./database.ts";

export interface Lock {
  release(): void;
}

const SQLITE_BUSY = 5;

/** Keeps a data folder for this process. @throws QikiError `data_folder_in_use` naming folder and pid, `folder_unwritable` */
export function lockFolder(folder: string): Lock {
  makeFolder(folder);
  return acquire(join(folder, "lock"), "data_folder_in_use", `data folder ${folder}`);
}

/** Keeps a store file for this process. @throws QikiError `store_in_use` naming file and pid, `folder_unwritable` */
export function lockStore(storePath: string): Lock {
  makeFolder(dirname(storePath));
  return acquire(`${storePath}.lock`, "store_in_use", `store ${storePath}`);
}

/**
 * The operating system holds the lock through SQLite and frees it when the process ends in whatever way, so there is no
 * stale lock to clean up. The pid beside it is only there to be named.
 */
function acquire(path: string, code: "data_folder_in_use" | "store_in_use", what: string): Lock {
  const pidPath = `${path}.pid`;
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(path, { timeout: 0 });
    db.exec("PRAGMA journal_mode = DELETE; BEGIN EXCLUSIVE");
    writeFileSync(pidPath, `${process.pid}\n`);
  } catch (cause) {
    db?.close();
    if (sqliteCode(cause) === SQLITE_BUSY) {
      throw new QikiError(code, `${what} is in use by process ${readPid(pidPath)}; stop it or choose another`, cause);
    }
    throw new QikiError(
      "folder_unwritable",
      `${what}: ${basename(path)} cannot be written (${String(cause)}); check the folder's owner and free space`,
      cause,
    );
  }
  const held = db;
  return {
    release() {
      rmSync(pidPath, { force: true });
      held.exec("ROLLBACK");
      held.close();
    },
  };
}

function readPid(path: string): string {
  try {
    return readFileSync(path, "utf8").trim() || "unknown";
  } catch {
    return "unknown";
  }
}
