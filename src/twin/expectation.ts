import { assertNever } from "#base/assert.ts";
import { ticksOfSeconds } from "#base/tick-time.ts";
import { parsePath, type ValuePath, valueFrom } from "#base/path.ts";

type Literal = number | boolean | null | string;
type Predicate =
  | { readonly kind: "compare"; readonly path: ValuePath; readonly op: string; readonly value: Literal; readonly tolerance: number }
  | { readonly kind: "contains" | "lacks"; readonly path: ValuePath; readonly value: Literal }
  | { readonly kind: "changes"; readonly path: ValuePath; readonly op: "<=" | "="; readonly count: number };

/** What a scenario says must be seen, and when. Ticks are those after which one looks. */
export interface Expectation {
  readonly text: string;
  readonly when: "at" | "within" | "always" | "never";
  readonly fromTick: number;
  readonly toTick: number;
  readonly predicate: Predicate;
}

export interface Verdict {
  readonly text: string;
  readonly ok: boolean;
  /** The tick that decided it, where one did. */
  readonly tick?: number;
  /** What was seen there, for people. */
  readonly seen: string;
}

const TIME = String.raw`(\d+(?:\.\d+)?)(s|t)`;
/** Form of an expectation: when, then what. */
export const EXPECTATION_PATTERN = String.raw`^(?:(at)\s+${TIME}|(within)\s+${TIME}\.\.${TIME}|(always|never)(?:\s+${TIME}\.\.${TIME})?)\s+(.+)$`;
const WHEN = new RegExp(EXPECTATION_PATTERN);
const CHANGES = /^(\S+)\s+changes\s+(<=|=)\s*(\d+)$/;
const MEMBER = /^(\S+)\s+(contains|lacks)\s+(.+)$/;
const COMPARE = /^(\S+)\s+(==|!=|<=|>=|<|>|~=)\s+(.+?)(?:\s+\+-\s+(\S+))?$/;

/** Reads one expectation (grammar: simulation §11), or says what is wrong with it. */
export function parseExpectation(text: string, tickMs: number): Expectation | string {
  const match = WHEN.exec(text.trim());
  if (match === null) return "expected: at T | within T..T | always [T..T] | never [T..T], then path, operator and value";
  const tick = (value: string | undefined, unit: string | undefined): number =>
    unit === "t" ? Number(value) : ticksOfSeconds(Number(value), tickMs);
  const [, at, atValue, atUnit, within, fromValue, fromUnit, toValue, toUnit, whole, wFrom, wFromUnit, wTo, wToUnit, rest] = match;
  const predicate = parsePredicate(rest!);
  if (typeof predicate === "string") return predicate;
  if (at !== undefined) {
    const only = tick(atValue, atUnit);
    return { text, when: "at", fromTick: only, toTick: only, predicate };
  }
  const [fromTick, toTick] =
    within !== undefined
      ? [tick(fromValue, fromUnit), tick(toValue, toUnit)]
      : wFrom === undefined
        ? [1, Number.POSITIVE_INFINITY]
        : [tick(wFrom, wFromUnit), tick(wTo, wToUnit)];
  if (toTick < fromTick) return `its window ends before it begins (tick ${toTick} < ${fromTick})`;
  return { text, when: within !== undefined ? "within" : (whole as "always" | "never"), fromTick, toTick, predicate };
}

/** Watches one run against its expectations. */
export interface Judge {
  /** Whether any open expectation looks after this tick. */
  looksAt(tick: number): boolean;
  /** `rootOf` gives a member of the telemetry payload, or one of the roots `incidents`, `tracks` and `guards` beside them. */
  observe(tick: number, rootOf: (key: string) => unknown): void;
  /** One verdict each, in the order given; a run that ended before a window is a miss. */
  verdicts(): readonly Verdict[];
}

export function createJudge(expectations: readonly Expectation[]): Judge {
  const cases = expectations.map((expectation) => ({
    expectation,
    verdict: undefined as Verdict | undefined,
    changes: 0,
    last: undefined as string | undefined,
    looked: 0,
  }));
  return {
    looksAt: (tick) =>
      cases.some(({ expectation, verdict }) => verdict === undefined && tick >= expectation.fromTick && tick <= expectation.toTick),
    observe(tick, rootOf) {
      for (const one of cases) {
        const { expectation } = one;
        if (one.verdict !== undefined || tick < expectation.fromTick || tick > expectation.toTick) continue;
        one.looked += 1;
        const value = valueFrom(rootOf, expectation.predicate.path);
        const seen = value === undefined ? "missing" : JSON.stringify(value);
        if (value === undefined && expectation.when !== "within") {
          one.verdict = { text: expectation.text, ok: false, tick, seen };
          continue;
        }
        if (expectation.predicate.kind === "changes") {
          if (one.last !== undefined && one.last !== seen) one.changes += 1;
          one.last = seen;
          continue;
        }
        const holds = value !== undefined && predicateHolds(expectation.predicate, value);
        const decides = expectation.when === "at" || (expectation.when === "always" ? !holds : holds);
        if (decides) one.verdict = { text: expectation.text, ok: expectation.when !== "never" && holds, tick, seen };
      }
    },
    verdicts: () =>
      cases.map(({ expectation, verdict, changes, looked }) => {
        if (verdict !== undefined) return verdict;
        const { text, when, predicate } = expectation;
        if (looked === 0) return { text, ok: false, seen: "the run did not reach it" };
        if (predicate.kind === "changes") {
          const holds = predicate.op === "=" ? changes === predicate.count : changes <= predicate.count;
          return { text, ok: when === "never" ? !holds : holds, seen: `${changes} changes` };
        }
        const ok = when !== "within";
        return { text, ok, seen: ok ? `${looked} ticks` : "never" };
      }),
  };
}

function parsePredicate(text: string): Predicate | string {
  const changes = CHANGES.exec(text);
  const member = MEMBER.exec(text);
  const compare = COMPARE.exec(text);
  const pathText = (changes ?? member ?? compare)?.[1];
  if (pathText === undefined) return `${text} is not: path op value | path contains value | path lacks value | path changes <= N`;
  const path = parsePath(pathText);
  if (path === undefined) return `${pathText} is not a path such as power.soc_pct or thermal.nodes[id=core].temp_c`;
  if (changes !== null) return { kind: "changes", path, op: changes[2] as "<=" | "=", count: Number(changes[3]) };
  const literal = parseLiteral((member ?? compare)![3]!);
  if (literal === undefined) return `${(member ?? compare)![3]} is not a value: number, true, false, null, word or "text"`;
  if (member !== null) return { kind: member[2] as "contains" | "lacks", path, value: literal };
  const op = compare![2]!;
  const tolerance = compare![4] === undefined ? 0 : Number(compare![4]);
  if ((op === "~=") !== (compare![4] !== undefined)) return "~= goes with a tolerance: path ~= value +- tolerance";
  if (op === "~=" && (typeof literal !== "number" || !(tolerance >= 0)))
    return "~= compares a number within a tolerance that is a number from 0";
  if (/[<>]/.test(op) && typeof literal !== "number") return `${op} compares numbers, got ${compare![3]}`;
  return { kind: "compare", path, op, value: literal, tolerance };
}

function parseLiteral(text: string): Literal | undefined {
  if (/^"[^"]*"$/.test(text)) return text.slice(1, -1);
  if (text === "true" || text === "false") return text === "true";
  if (text === "null") return null;
  if (/^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$/.test(text)) return Number(text);
  return /^[A-Za-z_][A-Za-z0-9_:.-]*$/.test(text) ? text : undefined;
}

function predicateHolds(predicate: Exclude<Predicate, { kind: "changes" }>, value: unknown): boolean {
  switch (predicate.kind) {
    case "contains":
    case "lacks": {
      const has = Array.isArray(value)
        ? value.includes(predicate.value)
        : typeof value === "string" && value.includes(String(predicate.value));
      return has === (predicate.kind === "contains");
    }
    case "compare":
      return compareValues(predicate.op, value, predicate.value, predicate.tolerance);
    default:
      return assertNever(predicate, "predicate");
  }
}

function compareValues(op: string, value: unknown, wanted: Literal, tolerance: number): boolean {
  if (op === "==") return value === wanted;
  if (op === "!=") return value !== wanted;
  if (typeof value !== "number" || typeof wanted !== "number") return false;
  switch (op) {
    case "<":
      return value < wanted;
    case "<=":
      return value <= wanted;
    case ">":
      return value > wanted;
    case ">=":
      return value >= wanted;
    default:
      return Math.abs(value - wanted) <= tolerance;
  }
}
