import type { KeySpec } from "./profile-schema.ts";

export type ProfileProblemCode =
  | "missing_required"
  | "wrong_type"
  | "not_finite"
  | "out_of_range"
  | "unknown_key"
  | "duplicate_id"
  | "unknown_reference"
  | "inconsistent"
  | "unstable"
  | "unreadable";

/** One thing wrong with a profile. */
export interface ProfileProblem {
  readonly code: ProfileProblemCode;
  /** Where, from inside `hardware_profile`. */
  readonly path: string;
  /** The value found, printed. */
  readonly got: string;
  /** What would be right, with its unit. */
  readonly expected: string;
}

export type Report = (code: ProfileProblemCode, path: string, got: unknown, expected: string) => void;

/** The line a person reads: `PROFILE <code> <path>: got <value>, expected <range> <unit>`. */
export function formatProfileProblem(problem: ProfileProblem): string {
  return `PROFILE ${problem.code} ${problem.path}: got ${problem.got}, expected ${problem.expected}`;
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
