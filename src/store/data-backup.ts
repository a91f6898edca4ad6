import { createHash } from "node:crypto";
import {
  closeSync,
  copyFileSync,
  createReadStream,
  existsSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  fstatSync,
  statSync,
} from "node:fs";
import { dirname, join, sep } from "node:path";
import { backup, DatabaseSync } from "node:sqlite";
import { QikiError } from "#base/error.ts";
import { isRaw, type KeyProblemCode, keyProblemText, readObject } from "#base/key-reader.ts";
import type { KeySpec, ValuesOf } from "#base/key-spec.ts";
import { makeFolder, sqliteCode } from "./database.ts";
import { writeFileDurably } from "./durable-file.ts";
import { lockFolder } from "./lock.ts";

export const MANIFEST = "manifest.json";

const MANIFEST_KEYS = [
  { kind: "number", key: "version", unit: "", required: true, integer: true, min: 1, max: 1 },
  { kind: "text", key: "made", required: true },
  { kind: "text", key: "product_version", required: true },
  {
    kind: "list",
    key: "files",
    keys: [
      // Inside the folder, wherever that is: no way up, no root.
      { kind: "text", key: "path", required: true, pattern: "^(?!/)(?!.*(^|/)\\.\\.(/|$))[^\\\\]+$", form: "a path inside the folder" },
      { kind: "number", key: "bytes", unit: "B", required: true, integer: true, min: 0 },
      { kind: "text", key: "sha256", required: true, pattern: "^[0-9a-f]{64}$", form: "64 lowercase hex digits" },
    ],
  },
] as const satisfies readonly KeySpec[];

export type BackupManifest = ValuesOf<typeof MANIFEST_KEYS>;

/** Belongs to a process, not to what it keeps. */
const NOT_KEPT = /(^|\/)lock$|\.lock$|\.pid$|-(wal|shm|journal)$|\.tmp$/;
const DATABASE = /\.sqlite$/;
const GROWING = /\.jsonl$/;
const PAGES_AT_ONCE = 1 << 30;
const NEWLINE = 10;
const TAIL_BYTES = 4_194_304;

/**
 * Copies a data folder, also one in use, so that a twin started on the copy goes on from one moment: the bus first, for what
 * was acknowledged there is in the stores by then; a chain's head before its chain, for it must be found in there. Each
 * database as one snapshot; a recording that is being written as far as it has whole lines.
 * @throws QikiError `usage` for a target that is not empty, `store_damaged`, `folder_unwritable`
 */
export async function backUp(
  dataFolder: string,
  target: string,
  about: { readonly made: string; readonly productVersion: string },
): Promise<BackupManifest> {
  if (!existsSync(dataFolder)) throw new QikiError("usage", `there is no data folder ${dataFolder}: give it with --data`);
  demandEmpty(target);
  makeFolder(target);
  const files: BackupManifest["files"][number][] = [];
  for (const path of filesOf(dataFolder).sort(byOrder)) {
    const copy = join(target, path);
    makeFolder(dirname(copy));
    if (DATABASE.test(path)) await copyDatabase(join(dataFolder, path), copy);
    else copyFile(join(dataFolder, path), copy, GROWING.test(path));
    sync(copy);
    files.push({ path, bytes: statSync(copy).size, sha256: await sha256Of(copy) });
  }
  const manifest = { version: 1, made: about.made, product_version: about.productVersion, files };
  writeFileDurably(join(target, MANIFEST), `${JSON.stringify(manifest, undefined, 2)}\n`);
  return { version: 1, made: about.made, productVersion: about.productVersion, files };
}

/**
 * Fills an empty data folder from a backup, after every byte of the backup has been checked.
 * @throws QikiError `backup_damaged` before anything is written, `usage` for a folder that is not empty, `data_folder_in_use`
 */
export async function restore(source: string, dataFolder: string): Promise<BackupManifest> {
  const manifest = readManifest(source);
  for (const { path, bytes, sha256 } of manifest.files) {
    const file = join(source, path);
    if (!existsSync(file)) throw new QikiError("backup_damaged", `the backup ${source} lacks ${path}: take another`);
    if (statSync(file).size !== bytes || (await sha256Of(file)) !== sha256)
      throw new QikiError(
        "backup_damaged",
        `${path} of the backup ${source} is not what was written there (${bytes} B, SHA-256 ${sha256}): take another`,
      );
  }
  demandEmpty(dataFolder);
  const lock = lockFolder(dataFolder);
  try {
    for (const { path } of manifest.files) {
      const copy = join(dataFolder, path);
      makeFolder(dirname(copy));
      copyFileSync(join(source, path), copy);
      sync(copy);
    }
  } finally {
    lock.release();
  }
  return manifest;
}

function byOrder(a: string, b: string): number {
  const rank = (path: string): number => (path.endsWith("bus.sqlite") ? 0 : path.endsWith(".head") ? 1 : DATABASE.test(path) ? 2 : 3);
  return rank(a) - rank(b) || (a < b ? -1 : 1);
}

function filesOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) =>
      join(parentPath, name)
        .slice(folder.length + 1)
        .replaceAll(sep, "/"),
    )
    .filter((path) => !NOT_KEPT.test(path));
}

async function copyDatabase(path: string, copy: string): Promise<void> {
  let source: DatabaseSync | undefined;
  try {
    source = new DatabaseSync(path, { readOnly: true, timeout: 5000 });
    await backup(source, copy, { rate: PAGES_AT_ONCE });
  } catch (cause) {
    const isHere = sqliteCode(cause) !== undefined;
    throw new QikiError(isHere ? "store_damaged" : "folder_unwritable", `${path} cannot be copied to ${copy}: ${String(cause)}`, cause);
  } finally {
    source?.close();
  }
  const check = new DatabaseSync(copy);
  try {
    const said = check.prepare("PRAGMA quick_check(1)").get()?.quick_check;
    if (said !== "ok") throw new QikiError("store_damaged", `${path} is damaged: ${String(said)}; a backup of it would be too`);
  } finally {
    check.close();
  }
}

/** A file that grows is copied up to its last whole line. */
function copyFile(path: string, copy: string, isGrowing: boolean): void {
  copyFileSync(path, copy);
  if (!isGrowing) return;
  const file = openSync(copy, "r+");
  try {
    const { size } = fstatSync(file);
    const tail = Buffer.alloc(Math.min(size, TAIL_BYTES));
    readSync(file, tail, 0, tail.length, size - tail.length);
    ftruncateSync(file, size - tail.length + tail.lastIndexOf(NEWLINE) + 1);
  } finally {
    closeSync(file);
  }
}

function readManifest(folder: string): BackupManifest {
  const path = join(folder, MANIFEST);
  if (!existsSync(path))
    throw new QikiError("backup_damaged", `${folder} has no ${MANIFEST}: it is no backup, or one that was not finished`);
  const report = (code: KeyProblemCode, where: string, got: unknown, expected: string): never => {
    throw new QikiError("backup_damaged", `${path}: ${where}: ${keyProblemText(code, got, expected)}`);
  };
  let raw: unknown;
  try {
    raw = JSON.parse(readFileSync(path, "utf8"));
  } catch (cause) {
    throw new QikiError("backup_damaged", `${path} is not JSON: ${String(cause)}`, cause);
  }
  if (!isRaw(raw)) return report("wrong_type", "manifest", raw, "an object");
  return readObject(MANIFEST_KEYS, raw, "", "ignored", report) as BackupManifest;
}

function demandEmpty(folder: string): void {
  if (existsSync(folder) && readdirSync(folder).length > 0)
    throw new QikiError("usage", `${folder} is not empty: give a folder that is, or does not exist`);
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest("hex");
}

function sync(path: string): void {
  const file = openSync(path, "r+");
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
