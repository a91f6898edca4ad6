import { closeSync, existsSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { QikiError } from "#base/error.ts";
import type { ChainHead } from "./audit-chain.ts";

/** Where the head of a store's chain is kept beside it, so that cutting off its end shows. */
export function headPath(storePath: string): string {
  return `${storePath}.head`;
}

/** Replaces a file so that after a crash either the old or the new content is there, never half of it. */
export function writeFileDurably(path: string, text: string): void {
  const temporary = `${path}.tmp`;
  const file = openSync(temporary, "w");
  try {
    writeSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(temporary, path);
  if (process.platform === "win32") return;
  const folder = openSync(dirname(path), "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

/** The head kept beside a store, or undefined without one. @throws QikiError `store_damaged` */
export function readHead(storePath: string): ChainHead | undefined {
  const path = headPath(storePath);
  if (!existsSync(path)) return undefined;
  let value: Partial<ChainHead>;
  try {
    value = JSON.parse(readFileSync(path, "utf8")) as Partial<ChainHead>;
  } catch (cause) {
    throw new QikiError("store_damaged", `${path} is not JSON: ${String(cause)}`, cause);
  }
  const { chain_id, seq, hash } = value;
  if (typeof chain_id !== "string" || typeof seq !== "number" || typeof hash !== "string") {
    throw new QikiError("store_damaged", `${path}: expected {chain_id, seq, hash}`);
  }
  return { chain_id, seq, hash };
}
