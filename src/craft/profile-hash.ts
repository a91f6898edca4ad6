import { assert } from "#base/assert.ts";
import { sha256Hex } from "#base/sha256.ts";

/** ES2026 (JSON.parse source text access): the reviver sees the text of each primitive. The language library lacks it still. */
type SourceReviver = (key: string, value: unknown, context: { readonly source?: string }) => unknown;

class NumberLexeme {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/**
 * `sha256:` and the digest of a profile file's `{hardware_manifest, hardware_profile}` as compact JSON, keys sorted by code
 * point, numbers as written (28.0 stays 28.0), as the existing system computes it.
 * @throws SyntaxError when the text is not JSON
 */
export function profileHash(fileText: string): string {
  const reviver: SourceReviver = (_key, value, context) => {
    if (typeof value !== "number") return value;
    assert(context?.source !== undefined, "this JavaScript engine tells JSON.parse revivers the source text: Node 24 or later does");
    return new NumberLexeme(context.source);
  };
  const root = JSON.parse(fileText, reviver as (key: string, value: unknown) => unknown) as Readonly<Record<string, unknown>> | null;
  const part = (key: string): unknown => (typeof root === "object" && root !== null ? root[key] : undefined) ?? {};
  const text = compactJson({ hardware_manifest: part("hardware_manifest"), hardware_profile: part("hardware_profile") });
  return `sha256:${sha256Hex(text)}`;
}

function compactJson(value: unknown): string {
  if (value instanceof NumberLexeme) return value.text;
  if (Array.isArray(value)) return `[${value.map(compactJson).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const members = Object.entries(value)
    .sort(([a], [b]) => compareCodePoints(a, b))
    .map(([key, member]) => `${JSON.stringify(key)}:${compactJson(member)}`);
  return `{${members.join(",")}}`;
}

/** By code point, which differs from the language's own order by UTF-16 unit above U+FFFF. */
function compareCodePoints(a: string, b: string): number {
  const left = Array.from(a, (character) => character.codePointAt(0)!);
  const right = Array.from(b, (character) => character.codePointAt(0)!);
  for (let at = 0; at < Math.min(left.length, right.length); at += 1) {
    if (left[at] !== right[at]) return left[at]! - right[at]!;
  }
  return left.length - right.length;
}
