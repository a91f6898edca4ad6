import { existsSync, readFileSync } from "node:fs";
import { QikiError } from "#base/error.ts";
import type { ChainHead } from "./audit-chain.ts";

/** Where the head of a store's chain is kept beside it, so that cutting off its end shows. */
export function headPath(storePath: string): string {
  return `${storePath}.head`;
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
