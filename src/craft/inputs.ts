import { assertNever } from "#base/assert.ts";
import { readValue } from "#base/key-reader.ts";
import { codeName, type KeySpec } from "#base/key-spec.ts";
import * as at from "./layout.ts";

/** What a scenario sets from outside, by the keys of a timeline's `input`. */
export const INPUT_KEYS = [
  { kind: "number", key: "base_in_w", about: "own generation", unit: "W", min: 0, max: 1e6 },
  { kind: "number", key: "ambient_c", about: "temperature outside", unit: "C", min: -273.15, max: 1000 },
  { kind: "boolean", key: "radar_enabled", about: "whether the radar is asked for" },
  { kind: "number", key: "radiation_usvh", about: "dose rate outside", unit: "uSv/h", min: 0, max: 1e9 },
] as const satisfies readonly KeySpec[];

export type CraftInput =
  | { readonly baseInW: number }
  | { readonly ambientC: number }
  | { readonly radarEnabled: boolean }
  | { readonly radiationUsvh: number };

export interface InputProblem {
  readonly field: string;
  readonly given: unknown;
  readonly expected: string;
}

/** Sets one input; one out of its range is a problem, and nothing has changed then. */
export function applyInput(values: Float64Array, input: CraftInput): InputProblem | undefined {
  for (const spec of INPUT_KEYS) {
    const value = (input as Readonly<Record<string, unknown>>)[codeName(spec.key)];
    if (value === undefined) continue;
    let problem: InputProblem | undefined;
    readValue(spec, value, spec.key, (_code, field, given, expected) => {
      problem = { field, given, expected };
    });
    if (problem !== undefined) return problem;
    write(values, spec.key, Number(value) + 0);
  }
  return undefined;
}

function write(values: Float64Array, key: (typeof INPUT_KEYS)[number]["key"], value: number): void {
  switch (key) {
    case "base_in_w":
      values[at.BASE_IN_W] = value;
      break;
    case "ambient_c":
      values[at.AMBIENT_C] = value;
      values[at.AMBIENT_FROM_SCENARIO] = 1;
      break;
    case "radar_enabled":
      values[at.RADAR_ENABLED] = value;
      break;
    case "radiation_usvh":
      values[at.RADIATION_USVH] = value;
      values[at.RADIATION_FROM_SCENARIO] = 1;
      break;
    default:
      assertNever(key, "input");
  }
}
