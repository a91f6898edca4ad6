import { assertNever } from "#base/assert.ts";
import type { ComparisonOp } from "./rule.ts";

/** Whether `value op limit` holds; `=` is exact. */
export function compares(value: number | string, op: ComparisonOp, limit: number | string): boolean {
  switch (op) {
    case ">":
      return value > limit;
    case ">=":
      return value >= limit;
    case "<":
      return value < limit;
    case "<=":
      return value <= limit;
    case "=":
      return value === limit;
    case "!=":
      return value !== limit;
    default:
      return assertNever(op, "comparison");
  }
}

/**
 * Whether a value that passed a limit has come back: beyond the limit shifted by the deadband, or, with no deadband,
 * simply no longer past it. Values between hold what was (operations §6.3).
 */
export function isBack(value: number, op: ComparisonOp, limit: number, deadband: number): boolean {
  if (deadband === 0) return !compares(value, op, limit);
  switch (op) {
    case ">":
    case ">=":
      return value < limit - deadband;
    case "<":
    case "<=":
      return value > limit + deadband;
    case "=":
    case "!=":
      return !compares(value, op, limit);
    default:
      return assertNever(op, "comparison");
  }
}

/** The worse of two values in the direction of a comparison: the larger for `>`, the smaller for `<`, else the newer. */
export function worse(op: ComparisonOp | undefined, before: number | undefined, value: number | undefined): number | undefined {
  if (before === undefined || value === undefined) return value ?? before;
  if (op === ">" || op === ">=") return value > before ? value : before;
  if (op === "<" || op === "<=") return value < before ? value : before;
  return value;
}
