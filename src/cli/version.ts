import { readFileSync } from "node:fs";
import { resolve } from "node:path";

/** Folder of the product: where scenarios/, profiles/ and config/ lie. */
export const PRODUCT_ROOT = resolve(import.meta.dirname, "../..");

export const PRODUCT_VERSION = (JSON.parse(readFileSync(resolve(PRODUCT_ROOT, "package.json"), "utf8")) as { version: string }).version;
