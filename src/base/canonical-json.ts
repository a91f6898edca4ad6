import { assert } from "./assert.ts";

/**
 * Canonical JSON: keys sorted by UTF-16 unit at every level, no white space, ECMAScript numbers, escapes as
 * `JSON.stringify`, undefined members dropped. Equal values give equal text.
 * @throws AssertionError on a number that is not finite, or a value JSON has no form for
 */
export function canonicalJson(value: unknown): string {
  switch (typeof value) {
    case "string":
    case "boolean":
      return JSON.stringify(value);
    case "number":
      assert(Number.isFinite(value), "canonical JSON holds finite numbers", { value: String(value) });
      return JSON.stringify(value);
    case "object":
      break;
    default:
      assert(false, "canonical JSON holds JSON values", { type: typeof value });
  }
  if (value === null) return "null";
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item ?? null)).join(",")}]`;
  const record = value as Readonly<Record<string, unknown>>;
  const members: string[] = [];
  for (const key of Object.keys(record).sort()) {
    const member = record[key];
    if (member !== undefined) members.push(`${JSON.stringify(key)}:${canonicalJson(member)}`);
  }
  return `{${members.join(",")}}`;
}
