import { parsePath, type Step, stepInto } from "#base/path.ts";
import { type DictionaryEntry, dictionaryEntry } from "#contracts/dictionary.ts";

/** Why a value is not there; it is never replaced by zero or by the last one unmarked. */
export type AbsenceReason =
  | "not_received"
  | "not_published"
  | "null_from_source"
  | "disabled"
  | "not_ok"
  | "no_permission"
  | "link_lost"
  | "out_of_range";

export type Cell =
  | {
      readonly kind: "value";
      readonly value: unknown;
      readonly unit: string;
      readonly ageMs: number;
      readonly stale: boolean;
      /** Of a constant: where it comes from. */
      readonly constant: string | undefined;
      readonly entry: DictionaryEntry | undefined;
    }
  | {
      readonly kind: "absent";
      readonly reason: AbsenceReason;
      readonly constant: string | undefined;
      readonly entry: DictionaryEntry | undefined;
    };

export interface CellContext {
  /** Age of the record the path lies in. */
  readonly ageMs: number;
  readonly stale: boolean;
  readonly fieldSources: Readonly<Record<string, string>>;
}

/** The value at a path of a telemetry record, or why there is none. `record` is the top-level value of the path's first key. */
export function cellOf(path: string, record: unknown, context: CellContext): Cell {
  const entry = dictionaryEntry(path);
  const unit = entry?.unit ?? "";
  let value: unknown = record;
  let disabled = false;
  for (const step of stepsWithin(path)) {
    if (value === undefined || value === null) break;
    if (typeof value === "object" && (value as { enabled?: unknown }).enabled === false) disabled = true;
    value = stepInto(value, step);
  }
  const constant = context.fieldSources[path] ?? context.fieldSources[topOf(path)];
  const absent = (reason: AbsenceReason): Cell => ({ kind: "absent", reason, constant, entry });
  if (value === undefined || value === null) {
    if (disabled) return absent("disabled");
    return absent(value === null ? "null_from_source" : "not_published");
  }
  if (typeof value === "number" && !Number.isFinite(value)) return absent("out_of_range");
  return { kind: "value", value, unit, ageMs: context.ageMs, stale: context.stale, constant, entry };
}

/** The top-level member of telemetry that a path lies in. */
export function topOf(path: string): string {
  return path.split(/[.[]/, 1)[0]!;
}

/** The raw value at a path; undefined where there is none. `record` as for `cellOf`. */
export function valueAt(path: string, record: unknown): unknown {
  let value: unknown = record;
  for (const step of stepsWithin(path)) value = stepInto(value, step);
  return value ?? undefined;
}

/** The steps after the first key. */
function stepsWithin(path: string): readonly Step[] {
  return parsePath(path)?.steps.slice(1) ?? [];
}
