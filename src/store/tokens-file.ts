import { createHash, randomBytes } from "node:crypto";
import { existsSync, readFileSync, statSync } from "node:fs";
import { QikiError } from "#base/error.ts";
import { isRaw, type KeyProblemCode, keyProblemText, readObject, secretKeyProblemText } from "#base/key-reader.ts";
import type { KeySpec, ValuesOf } from "#base/key-spec.ts";
import { parseUtcMs } from "#base/rfc3339.ts";
import { ROLES } from "#contracts/command-catalogue.ts";
import { makeFolder } from "./database.ts";
import { writeFileDurably } from "./durable-file.ts";
import { dirname } from "node:path";

/** One line of the tokens file: who may enter as what. The token itself is nowhere, only its SHA-256. */
const TOKEN_KEYS = [
  { kind: "text", key: "name", required: true, pattern: "^[\\p{L}\\p{N} ._-]{1,40}$", form: "1 to 40 letters, digits, spaces or . _ -" },
  { kind: "word", key: "role", required: true, words: ROLES },
  { kind: "text", key: "token_sha256", required: true, pattern: "^[0-9a-f]{64}$", form: "64 lowercase hex digits" },
  { kind: "text", key: "expires" },
] as const satisfies readonly KeySpec[];

export type TokenEntry = ValuesOf<typeof TOKEN_KEYS>;

/** Owner alone may read and write it. */
const MODE = 0o600;
const TOKEN_BYTES = 32;

/** Everybody in the file; nobody without one. @throws QikiError `tokens_invalid` naming the first problem */
export function readTokens(path: string): readonly TokenEntry[] {
  if (!existsSync(path)) return [];
  let raw: unknown;
  try {
    raw = JSON.parse(readFileSync(path, "utf8"));
  } catch (cause) {
    throw new QikiError("tokens_invalid", `the tokens file ${path} cannot be read: ${(cause as Error).message}`, cause);
  }
  if (!Array.isArray(raw)) throw new QikiError("tokens_invalid", `the tokens file ${path} is not a list of {name, role, token_sha256}`);
  const entries = raw.map((item: unknown, index) => readEntry(item, `[${index}]`, path));
  const twice = entries.find(({ name }, index) => entries.findIndex((other) => other.name === name) !== index);
  if (twice !== undefined)
    throw new QikiError("tokens_invalid", `the tokens file ${path} has two entries of the name ${twice.name}: keep one`);
  return entries;
}

function readEntry(item: unknown, at: string, path: string): TokenEntry {
  const report = (code: KeyProblemCode, where: string, got: unknown, expected: string): never => {
    // What stands where a hash belongs may be a token.
    const text = where.endsWith("token_sha256") ? secretKeyProblemText(code, expected) : keyProblemText(code, got, expected);
    throw new QikiError("tokens_invalid", `the tokens file ${path}: ${where}: ${text}`);
  };
  if (!isRaw(item)) return report("wrong_type", at, item, "an object {name, role, token_sha256}");
  const entry = readObject(TOKEN_KEYS, item, at, "refused", report) as TokenEntry;
  if (entry.expires !== undefined && parseUtcMs(entry.expires) === undefined)
    report("out_of_range", `${at}.expires`, entry.expires, "a time such as 2027-01-01T00:00:00Z");
  return entry;
}

/** Lets `name` in from now on, until `expires`; returns the token, which is kept nowhere. @throws QikiError `usage`, `tokens_invalid` */
export function addToken(path: string, name: string, role: string, expires?: string): string {
  const entries = readTokens(path);
  if (entries.some((entry) => entry.name === name))
    throw new QikiError("usage", `${name} has a token already: revoke it first, or give another name`);
  const token = `qiki_${randomBytes(TOKEN_BYTES).toString("base64url")}`;
  const entry = readEntry({ name, role, token_sha256: tokenHash(token), ...(expires === undefined ? {} : { expires }) }, name, path);
  write(path, [...entries, entry]);
  return token;
}

/** Ends a token: whoever is in with it is shown out. @throws QikiError `usage`, `tokens_invalid` */
export function revokeToken(path: string, name: string): void {
  const entries = readTokens(path);
  const kept = entries.filter((entry) => entry.name !== name);
  if (kept.length === entries.length) {
    const names = entries.map((entry) => entry.name).join(", ") || "nobody";
    throw new QikiError("usage", `${path} has no token of ${name}: it names ${names}`);
  }
  write(path, kept);
}

export function tokenHash(token: string): string {
  return createHash("sha256").update(token, "utf8").digest("hex");
}

/** Changes whenever the file does; empty without one. */
export function tokensVersion(path: string): string {
  const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
  return stat === undefined ? "" : `${stat.ino}:${stat.size}:${stat.mtimeNs}`;
}

function write(path: string, entries: readonly TokenEntry[]): void {
  makeFolder(dirname(path));
  const rows = entries.map(({ name, role, tokenSha256, expires }) => ({ name, role, token_sha256: tokenSha256, expires }));
  writeFileDurably(path, `${JSON.stringify(rows, undefined, 2)}\n`, MODE);
}
