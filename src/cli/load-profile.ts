import { dirname } from "node:path";
import { QikiError } from "#base/error.ts";
import { type CraftProfile, formatProfileProblem, parseProfile, thrustersPathOf } from "#craft/profile.ts";
import { profileHash } from "#craft/profile-hash.ts";
import { findFile, parseJsonText, readText } from "./read-file.ts";

/** A profile file that could be read; its content is not checked yet. */
export interface ProfileFile {
  readonly path: string;
  readonly hash: string;
  readonly value: unknown;
}

export interface CheckedProfile {
  readonly profile: CraftProfile;
  /** Parsed thruster file, when the profile names one. */
  readonly thrusters: unknown;
}

/**
 * Reads a profile file, sought as `findFile` seeks.
 * @throws QikiError profile_invalid when there is none, it cannot be read or is not JSON
 */
export function readProfileFile(name: string, besideFolder: string): ProfileFile {
  let path: string;
  let text: string;
  try {
    path = findFile(name, besideFolder, "profile");
    text = readText(path, "profile");
  } catch (error) {
    if (!(error instanceof QikiError)) throw error;
    throw unreadable(name, error.message, error);
  }
  const parsed = parseJsonText(text);
  if ("problem" in parsed) throw unreadable(path, parsed.problem);
  if (parsed.isStrict) return { path, hash: profileHash(text), value: parsed.value };
  // A number that JSON does not know: the check of the values says where, unless it stands where nobody looks.
  checkProfile(path, parsed.value, CHECK_TICK_MS);
  throw unreadable(path, "NaN and Infinity are not");
}

const CHECK_TICK_MS = 1;

/** Checks a profile's value and the thruster file it names. @throws QikiError profile_invalid with every problem, one a line */
export function checkProfile(path: string, value: unknown, tickMs: number): CheckedProfile {
  const thrusters = readThrusters(value, path);
  const checked = parseProfile(value, { tickMs, ...thrusters });
  if (checked.kind === "ok") return { profile: checked.profile, thrusters: thrusters.thrusters };
  throw new QikiError("profile_invalid", `${path} is not a valid profile:\n${checked.problems.map(formatProfileProblem).join("\n")}`);
}

/** The thruster file that a profile names, or why it cannot be read; nothing when it names none. */
function readThrusters(profile: unknown, profilePath: string): { readonly thrusters?: unknown; readonly thrustersProblem?: string } {
  const path = thrustersPathOf(profile);
  if (path === undefined) return {};
  try {
    const found = findFile(path, dirname(profilePath), "thruster file");
    const parsed = parseJsonText(readText(found, "thruster file"));
    return "problem" in parsed
      ? { thrustersProblem: `the thruster file ${found} is not JSON: ${parsed.problem}` }
      : { thrusters: parsed.value };
  } catch (error) {
    if (error instanceof QikiError) return { thrustersProblem: error.message };
    throw error;
  }
}

function unreadable(path: string, reason: string, cause?: unknown): QikiError {
  const problem = { code: "unreadable", path, got: `no JSON (${reason})`, expected: "a JSON object with hardware_profile" } as const;
  return new QikiError("profile_invalid", formatProfileProblem(problem), cause);
}
