import { assert } from "./assert.ts";

/**
 * Canonical JSON: keys sorted by UTF-16 unit at every level, no white space, ECMAScript numbers, escapes as
 * `JSON.stringify`, undefined members dropped. Equal values give equal text.
 * @throws AssertionError on a number that is not finite, or a value JSON has no form for
 */
export function canonicalJson(value: unknown): string {
  switch (typeof value) {
    case "string":
      return JSON.stringify(value);
    case "boolean":
      return value ? "true" : "false";
    case "number":
      assert(Number.isFinite(value), "canonical JSON holds finite numbers", { value: String(value) });
      return String(value);
    case "object":
      break;
    default:
      assert(false, "canonical JSON holds JSON values", { type: typeof value });
  }
  if (value === null) return "null";
  let text = "";
  if (Array.isArray(value)) {
    // Lists are long: their own JSON is several times faster than joining, most of all for numbers.
    if (isCanonical(value)) return JSON.stringify(value);
    for (const item of value) text += `${text === "" ? "" : ","}${canonicalJson(item ?? null)}`;
    return `[${text}]`;
  }
  const record = value as Readonly<Record<string, unknown>>;
  for (const key of sortedKeys(record)) {
    const member = record[key];
    if (member !== undefined) text += `${text === "" ? "" : ","}${name(key)}${canonicalJson(member)}`;
  }
  return `{${text}}`;
}

/** Whether a value's own JSON is canonical already. */
function isCanonical(value: unknown): boolean {
  switch (typeof value) {
    case "string":
    case "boolean":
      return true;
    case "number":
      return Number.isFinite(value);
    case "object":
      break;
    default:
      return false;
  }
  if (value === null) return true;
  if (Array.isArray(value)) {
    for (const item of value) if (item !== undefined && !isCanonical(item)) return false;
    return true;
  }
  const record = value as Readonly<Record<string, unknown>>;
  let before = "";
  for (const key of Object.keys(record)) {
    const member = record[key];
    if (key < before || (member !== undefined && !isCanonical(member))) return false;
    before = key;
  }
  return true;
}

/** Most records are written in order already, and looking is cheaper than sorting. */
function sortedKeys(record: Readonly<Record<string, unknown>>): readonly string[] {
  const keys = Object.keys(record);
  for (let index = 1; index < keys.length; index += 1) if (keys[index]! < keys[index - 1]!) return keys.sort();
  return keys;
}

/** Keys are few and come again and again: their quoted texts are kept, up to a limit. */
const names = new Map<string, string>();
const NAMES_MAX = 4096;

function name(key: string): string {
  const known = names.get(key);
  if (known !== undefined) return known;
  const made = `${JSON.stringify(key)}:`;
  if (names.size < NAMES_MAX) names.set(key, made);
  return made;
}
