import { assertNever } from "./assert.ts";
import { codeName, type KeySpec } from "./key-spec.ts";

export type KeyProblemCode = "missing_required" | "wrong_type" | "not_finite" | "out_of_range" | "unknown_key" | "inconsistent";

/** Takes one problem: where it is, what was found there, and what would be right, with its unit. */
export type KeyReport = (code: KeyProblemCode, path: string, got: unknown, expected: string) => void;

export type Raw = Readonly<Record<string, unknown>>;

/** What happens to a key that no table names: ignored, an error unless it starts with `_`, or always an error. */
export type UnknownKeys = "ignored" | "notes_only" | "refused";

/** Texts and lists longer than this are refused. */
const LENGTH_MAX = 10_000;

/** Reads an object by its table; every problem is reported, and a value with one is `undefined`. */
export function readObject(
  keys: readonly KeySpec[],
  raw: Raw,
  path: string,
  unknown: UnknownKeys,
  report: KeyReport,
): Record<string, unknown> {
  if (unknown !== "ignored") reportUnknownKeys(keys, raw, path, unknown, report);
  return Object.fromEntries(keys.map((spec) => [codeName(spec.key), readKey(spec, raw, path, report)]));
}

export function isRaw(value: unknown): value is Raw {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** `power_plane` and `max_bus_a` → `power_plane.max_bus_a`. */
export function joinPath(path: string, key: string): string {
  return path === "" ? key : `${path}.${key}`;
}

/** A problem in words, for where its path stands before it. */
export function keyProblemText(code: string, got: unknown, expected: string): string {
  if (code === "unknown_key") return `unknown key, expected ${expected}`;
  return code === "missing_required" ? `missing, expected ${expected}` : `got ${printed(got)}, expected ${expected}`;
}

/** The same where what was found may be a secret. */
export function secretKeyProblemText(code: string, expected: string): string {
  return code === "unknown_key" || code === "missing_required"
    ? keyProblemText(code, undefined, expected)
    : `expected ${expected}; what stands there is not shown`;
}

function reportUnknownKeys(keys: readonly KeySpec[], raw: Raw, path: string, unknown: UnknownKeys, report: KeyReport): void {
  const known = keys.flatMap((spec) => (spec.alias === undefined ? [spec.key] : [spec.key, spec.alias]));
  for (const key of Object.keys(raw)) {
    if (known.includes(key) || (unknown === "notes_only" && key.startsWith("_"))) continue;
    report("unknown_key", joinPath(path, key), raw[key], `one of ${known.join(", ")}`);
  }
}

function readKey(spec: KeySpec, raw: Raw, parentPath: string, report: KeyReport): unknown {
  const aliased = spec.alias === undefined ? undefined : raw[spec.alias];
  const path = joinPath(parentPath, raw[spec.key] === undefined && aliased !== undefined ? spec.alias! : spec.key);
  if (raw[spec.key] !== undefined && aliased !== undefined && raw[spec.key] !== aliased) {
    report("inconsistent", path, raw[spec.key], `the same as ${spec.alias}, or only one of the two`);
    return undefined;
  }
  const value = raw[spec.key] ?? (raw[spec.key] === null ? null : aliased);
  if (value !== undefined) return readValue(spec, value, path, report);
  if ("required" in spec && spec.required) {
    report("missing_required", path, undefined, expectedOf(spec));
    return undefined;
  }
  if (spec.kind === "object") return spec.optional ? undefined : readObject(spec.keys, {}, path, "ignored", report);
  if (spec.kind === "list") return [];
  return "default" in spec ? spec.default : undefined;
}

/** Reads one value by its key's table entry; with a problem it is `undefined`. */
export function readValue(spec: KeySpec, value: unknown, path: string, report: KeyReport): unknown {
  switch (spec.kind) {
    case "number":
      return readNumber(spec, value, path, report);
    case "vector":
      if (!Array.isArray(value) || value.length !== 3) return wrongType(spec, value, path, report);
      return allOrNothing(value.map((item, index) => readNumber(spec, item, `${path}[${index}]`, report)));
    case "boolean":
      return typeof value === "boolean" ? value : wrongType(spec, value, path, report);
    case "text":
      if (typeof value !== "string" || value === "" || value.length > LENGTH_MAX) return wrongType(spec, value, path, report);
      if (spec.pattern === undefined || new RegExp(spec.pattern, "u").test(value)) return value;
      report("out_of_range", path, value, expectedOf(spec));
      return undefined;
    case "target":
      return (typeof value === "string" && value !== "") || Number.isSafeInteger(value) ? value : wrongType(spec, value, path, report);
    case "mapping":
      return isRaw(value) ? value : wrongType(spec, value, path, report);
    case "sequence":
      return Array.isArray(value) && value.length <= LENGTH_MAX ? value : wrongType(spec, value, path, report);
    case "word":
      if (typeof value !== "string") return wrongType(spec, value, path, report);
      if (spec.words.includes(value)) return value;
      report("out_of_range", path, value, expectedOf(spec));
      return undefined;
    case "texts":
      if (!Array.isArray(value) || value.length > LENGTH_MAX) return wrongType(spec, value, path, report);
      return allOrNothing(value.map((item: unknown, index) => readText(spec, item, `${path}[${index}]`, report)));
    case "object":
      return isRaw(value) ? readObject(spec.keys, value, path, "notes_only", report) : wrongType(spec, value, path, report);
    case "list": {
      if (!Array.isArray(value) || value.length > LENGTH_MAX) return wrongType(spec, value, path, report);
      const items = value.map((item: unknown, index) => {
        const itemPath = `${path}[${index}]`;
        if (isRaw(item)) return readObject(spec.keys, item, itemPath, spec.open ? "ignored" : "notes_only", report);
        report("wrong_type", itemPath, item, "an object");
        return undefined;
      });
      return allOrNothing(items);
    }
    default:
      return assertNever(spec, "key of a file");
  }
}

function readNumber(
  spec: Extract<KeySpec, { kind: "number" | "vector" }>,
  value: unknown,
  path: string,
  report: KeyReport,
): number | undefined {
  if (typeof value !== "number") {
    report("wrong_type", path, value, rangeText(spec));
    return undefined;
  }
  if (!Number.isFinite(value)) {
    report("not_finite", path, value, rangeText(spec));
    return undefined;
  }
  const low = spec.min ?? -Infinity;
  const isInteger = spec.kind === "vector" || !spec.integer || Number.isSafeInteger(value);
  if (!isInteger || value < low || (spec.minExclusive && value === low) || value > (spec.max ?? Infinity)) {
    report("out_of_range", path, value, rangeText(spec));
    return undefined;
  }
  return value + 0;
}

function readText(spec: Extract<KeySpec, { kind: "texts" }>, value: unknown, path: string, report: KeyReport): string | undefined {
  if (typeof value !== "string" || value === "") report("wrong_type", path, value, spec.words?.join(", ") ?? "a text");
  else if (spec.words !== undefined && !spec.words.includes(value)) report("out_of_range", path, value, `one of ${spec.words.join(", ")}`);
  else return value;
  return undefined;
}

function wrongType(spec: KeySpec, value: unknown, path: string, report: KeyReport): undefined {
  report("wrong_type", path, value, expectedOf(spec));
  return undefined;
}

/** What a key takes, in words. */
export function expectedOf(spec: KeySpec): string {
  switch (spec.kind) {
    case "number":
      return rangeText(spec);
    case "vector":
      return `three numbers, each ${rangeText(spec)}`;
    case "boolean":
      return "true or false";
    case "text":
      return spec.pattern === undefined ? "a text that is not empty" : spec.form;
    case "target":
      return "a name or an index";
    case "mapping":
      return "a mapping";
    case "sequence":
      return `a list of at most ${LENGTH_MAX}`;
    case "word":
      return `one of ${spec.words.join(", ")}`;
    case "texts":
      return `a list of ${spec.words?.join(", ") ?? "texts"}`;
    case "object":
      return "an object";
    case "list":
      return "a list of objects";
    default:
      return assertNever(spec, "key of a file");
  }
}

function allOrNothing<Value>(values: readonly (Value | undefined)[]): readonly Value[] | undefined {
  return values.includes(undefined) ? undefined : (values as readonly Value[]);
}

/** A value as a problem shows it, cut at 80 characters. */
export function printed(value: unknown): string {
  if (value === undefined) return "nothing";
  const text = typeof value === "number" ? String(value) : (JSON.stringify(value) ?? typeof value);
  return text.length <= 80 ? text : `${text.slice(0, 79)}…`;
}

/** The range of a number in words: `0..100 %`, `(0,1000] V`, `>= 0 m`. */
export function rangeText(spec: Extract<KeySpec, { kind: "number" | "vector" }>, max = spec.max): string {
  const unit = spec.unit === "1" ? "" : ` ${spec.unit}`;
  const kind = spec.kind === "number" && spec.integer ? "a whole number" : "a finite number";
  if (spec.min === undefined) return `${kind}${unit}`;
  if (max === undefined) return `${spec.minExclusive ? ">" : ">="} ${spec.min}${unit}`;
  return spec.minExclusive ? `(${spec.min},${max}]${unit}` : `${spec.min}..${max}${unit}`;
}
