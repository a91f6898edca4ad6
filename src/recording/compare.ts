/** Members of a message that wall time and the chain put in: they are no part of a proof (operations §9). */
const OUTSIDE_PROOF = new Set(["ts_ingest", "wall", "seq", "prev_hash", "hash", "chain_id"]);

/** Where two values differ first. */
export interface Difference {
  readonly path: string;
  readonly recorded: unknown;
  readonly computed: unknown;
}

/** The first difference of two JSON values, depth first in key order, or undefined when they are the same. */
export function firstDifference(recorded: unknown, computed: unknown, path = ""): Difference | undefined {
  if (Object.is(recorded, computed)) return undefined;
  // Numbers that JSON cannot carry stand as null on the wire: a refused 1e999 is named so.
  if (recorded === null && typeof computed === "number" && !Number.isFinite(computed)) return undefined;
  if (typeof recorded === "number" && typeof computed === "number" && recorded === computed) return undefined;
  if (!isObject(recorded) || !isObject(computed) || Array.isArray(recorded) !== Array.isArray(computed))
    return { path, recorded, computed };
  const keys = [...new Set([...Object.keys(recorded), ...Object.keys(computed)])].sort();
  for (const key of keys) {
    if (path === "" && OUTSIDE_PROOF.has(key)) continue;
    const a = (recorded as Record<string, unknown>)[key];
    const b = (computed as Record<string, unknown>)[key];
    if (a === b || (a === undefined && b === undefined)) continue;
    const at = Array.isArray(recorded) ? `${path}[${key}]` : path === "" ? key : `${path}.${key}`;
    const difference = firstDifference(a, b, at);
    if (difference !== undefined) return difference;
  }
  return undefined;
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
