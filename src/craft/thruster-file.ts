import { isRaw, printed, readObject } from "#base/key-reader.ts";
import type { ValuesOf } from "#base/key-spec.ts";
import type { Report } from "./profile-problem.ts";
import { THRUSTER_KEYS } from "./profile-schema.ts";

/** One thruster: where it sits, where it pushes the craft, and how hard. Body axes: X forward, Y left, Z up. */
export type Thruster = ValuesOf<typeof THRUSTER_KEYS>;

/** Groups are chosen among all subsets of four: more thrusters would make loading slow. */
export const THRUSTERS_MAX = 64;

/** Reads a thruster file's value: an array of thrusters with unique indices and unit directions. */
export function readThrusters(
  { thrusters: raw, thrustersProblem }: { readonly thrusters?: unknown; readonly thrustersProblem?: string },
  filePath: string | undefined,
  report: Report,
): readonly Thruster[] {
  if (raw === undefined) {
    const expected = "a JSON file with an array of thrusters";
    report(
      "unreadable",
      "propulsion_plane.thrusters_path",
      filePath,
      thrustersProblem === undefined ? expected : `${expected}: ${thrustersProblem}`,
    );
    return [];
  }
  if (!Array.isArray(raw)) {
    report("wrong_type", "thrusters", raw, `an array of thrusters in ${printed(filePath)}`);
    return [];
  }
  if (raw.length > THRUSTERS_MAX) report("out_of_range", "thrusters", `${raw.length} entries`, `at most ${THRUSTERS_MAX}`);
  const seen = new Set<number>();
  return raw.slice(0, THRUSTERS_MAX).flatMap((item: unknown, at) => {
    const path = `thrusters[${at}]`;
    if (!isRaw(item)) {
      report("wrong_type", path, item, "an object");
      return [];
    }
    const thruster = readObject(THRUSTER_KEYS, item, path, "refused", report) as Thruster;
    // A value with a problem is undefined in spite of its type.
    if (thruster.index !== undefined && seen.has(thruster.index)) report("duplicate_id", `${path}.index`, thruster.index, "unique");
    seen.add(thruster.index);
    if (thruster.direction !== undefined) {
      const [x, y, z] = thruster.direction;
      const length = Math.sqrt(x * x + y * y + z * z);
      if (length < 0.99 || length > 1.01) report("out_of_range", `${path}.direction`, item.direction, "a vector of length 0.99..1.01");
    }
    return [thruster];
  });
}
