import type { RuleFinding } from "./rule.ts";

/** Reads the members of one mapping of a file, and remembers what it did not like. null counts as absent. */
export interface FieldReader {
  readonly path: string;
  text(key: string): string | undefined;
  number(key: string, low: number, high: number): number | undefined;
  flag(key: string): boolean | undefined;
  oneOf<Word extends string>(key: string, words: readonly Word[], code?: RuleFinding["code"]): Word | undefined;
  scalar(key: string): number | string | undefined;
  list(key: string): readonly unknown[] | undefined;
  mapping(key: string, known: readonly string[]): FieldReader | undefined;
  /** The mappings of a list. */
  mappings(key: string, known: readonly string[]): FieldReader[];
  /** A finding if the key is absent. */
  require(key: string, expectation: string, code?: RuleFinding["code"]): void;
  refuse(key: string, message: string, code?: RuleFinding["code"]): void;
}

/** A reader of `value`, or undefined after the finding that it is no mapping. Keys outside `known` are found too. */
export function readMapping(
  value: unknown,
  path: string,
  known: readonly string[],
  findings: RuleFinding[],
  ruleId?: string,
): FieldReader | undefined {
  const add = (at: string, given: unknown, message: string, code: RuleFinding["code"] = "shape"): void => {
    findings.push({ code, ...(ruleId === undefined ? {} : { ruleId }), path: at, value: given, message });
  };
  if (!isMapping(value)) {
    add(path, value, "expected a mapping");
    return undefined;
  }
  for (const key of Object.keys(value)) {
    if (!known.includes(key)) add(join(path, key), value[key], `unknown key; expected one of ${known.join(", ")}`);
  }
  const get = (key: string): unknown => value[key] ?? undefined;

  return {
    path,
    require(key, expectation, code) {
      if (get(key) === undefined) add(join(path, key), undefined, `missing; expected ${expectation}`, code);
    },
    refuse: (key, message, code) => add(join(path, key), value[key], message, code),
    text(key) {
      const given = get(key);
      if (given === undefined || (typeof given === "string" && given.trim() !== "")) return given;
      add(join(path, key), given, "expected a text that is not blank");
      return undefined;
    },
    number(key, low, high) {
      const given = get(key);
      if (given === undefined) return undefined;
      if (typeof given === "number" && Number.isFinite(given) && given >= low && given <= high) return given;
      add(join(path, key), given, `expected a number ${rangeText(low, high)}`);
      return undefined;
    },
    flag(key) {
      const given = get(key);
      if (given === undefined || typeof given === "boolean") return given;
      add(join(path, key), given, "expected true or false");
      return undefined;
    },
    oneOf(key, words, code) {
      const given = get(key);
      if (given === undefined) return undefined;
      const found = words.find((word) => word === given);
      if (found === undefined) add(join(path, key), given, `expected one of ${words.join(" ")}`, code);
      return found;
    },
    scalar(key) {
      const given = get(key);
      if (given === undefined || typeof given === "string" || (typeof given === "number" && Number.isFinite(given))) return given;
      add(join(path, key), given, "expected a finite number or a text");
      return undefined;
    },
    list(key) {
      const given = get(key);
      if (given === undefined || Array.isArray(given)) return given;
      add(join(path, key), given, "expected a list");
      return undefined;
    },
    mapping(key, keys) {
      const given = get(key);
      return given === undefined ? undefined : readMapping(given, join(path, key), keys, findings, ruleId);
    },
    mappings(key, keys) {
      const readers = (this.list(key) ?? []).map((item, index) =>
        readMapping(item, `${join(path, key)}[${index}]`, keys, findings, ruleId),
      );
      return readers.filter((reader) => reader !== undefined);
    },
  };
}

export function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function join(path: string, key: string): string {
  return path === "" ? key : `${path}.${key}`;
}

function rangeText(low: number, high: number): string {
  if (low === -Number.MAX_VALUE) return "(finite)";
  return high === Number.MAX_VALUE ? `from ${low}` : `in ${low}..${high}`;
}
