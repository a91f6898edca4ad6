import { existsSync, readFileSync, statSync } from "node:fs";
import { isAbsolute, resolve } from "node:path";
import { QikiError } from "#base/error.ts";
import { isTooDeep, TOO_DEEP } from "#services/yaml-text.ts";
import { PRODUCT_ROOT } from "./version.ts";

/** Scenarios, profiles, thruster and rules files are written by people: a larger one is something else. */
const FILE_BYTES_MAX = 4 * 1024 * 1024;

/** A path as given, else beside the file that names it, else in the product. @throws QikiError file_unreadable */
export function findFile(path: string, besideFolder: string, what: string): string {
  const places = isAbsolute(path)
    ? [path]
    : [...new Set([resolve(process.cwd(), path), resolve(besideFolder, path), resolve(PRODUCT_ROOT, path)])];
  const found = path === "" ? undefined : places.find((place) => existsSync(place));
  if (found === undefined) throw unreadable(`there is no ${what} ${path === "" ? '""' : path}: looked for ${places.join(", ")}`);
  return found;
}

/** Text of a file that people write. @throws QikiError file_unreadable */
export function readText(path: string, what: string): string {
  try {
    const { size, ...kind } = statOf(path);
    if (!kind.isFile) throw unreadable(`the ${what} ${path} is ${kind.isFolder ? "a folder" : "no plain file"}: name a file`);
    if (size > FILE_BYTES_MAX)
      throw unreadable(`the ${what} ${path} has ${size} bytes, at most ${FILE_BYTES_MAX} are read: is it the right file?`);
    return new TextDecoder("utf-8", { fatal: true }).decode(readFileSync(path));
  } catch (error) {
    if (error instanceof QikiError) throw error;
    if (error instanceof TypeError) throw unreadable(`the ${what} ${path} is not UTF-8 text: is it the right file?`);
    throw unreadable(`the ${what} ${path} cannot be read: ${(error as Error).message}`, error);
  }
}

/**
 * Value of a JSON text, or why there is none. The words NaN and Infinity, which some writers put in spite of JSON, are read as
 * these numbers and `isStrict` is false: whoever checks the value can say where they stand.
 */
export function parseJsonText(text: string): { readonly value: unknown; readonly isStrict: boolean } | { readonly problem: string } {
  try {
    const value: unknown = JSON.parse(text);
    return isTooDeep(value) ? { problem: TOO_DEEP } : { value, isStrict: true };
  } catch (error) {
    const marked = text.replace(NOT_FINITE, (found) => (found.startsWith('"') ? found : `"${MARK}${found}"`));
    try {
      if (marked !== text) return { value: JSON.parse(marked, reviveNotFinite), isStrict: false };
    } catch {
      // What is wrong with the text itself is the better message.
    }
    return { problem: (error as Error).message.split("\n")[0]! };
  }
}

const NOT_FINITE = /"(?:[^"\\]|\\.)*"|-?\b(?:NaN|Infinity)\b/g;
/** A character that no file has a use for. */
const MARK = "\u{f8ff}";

function reviveNotFinite(_key: string, value: unknown): unknown {
  return typeof value === "string" && value.startsWith(MARK) ? Number(value.slice(MARK.length)) : value;
}

function statOf(path: string): { readonly size: number; readonly isFile: boolean; readonly isFolder: boolean } {
  const stat = statSync(path);
  return { size: stat.size, isFile: stat.isFile(), isFolder: stat.isDirectory() };
}

function unreadable(message: string, cause?: unknown): QikiError {
  return new QikiError("file_unreadable", message, cause);
}
