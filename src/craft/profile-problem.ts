import type { KeyProblemCode } from "#base/key-reader.ts";

export type ProfileProblemCode = KeyProblemCode | "duplicate_id" | "unknown_reference" | "unstable" | "unreadable";

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
