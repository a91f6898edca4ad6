import { isRaw } from "#base/key-reader.ts";
import { parsePath } from "#base/path.ts";

type Json = Record<string, unknown>;

/**
 * A copy of a parsed profile with a scenario's `set` put in: paths below `hardware_profile`, such as
 * `power_plane.max_bus_a` or `thermal_plane.nodes[id=core].t_init_c`. Objects on the way are made; list members must exist.
 */
export function applyProfileSet(
  profile: unknown,
  set: Readonly<Record<string, unknown>>,
): { readonly profile: unknown; readonly problems: readonly { path: string; problem: string }[] } {
  // A profile without the object that paths lead into is refused as it is, by its own check.
  if (Object.keys(set).length === 0 || !isRaw(profile) || !isRaw(profile.hardware_profile)) return { profile, problems: [] };
  const copy = deepCopy(profile) as { readonly hardware_profile: Json };
  const problems: { path: string; problem: string }[] = [];
  const root = copy.hardware_profile;
  for (const [text, value] of Object.entries(set)) {
    const problem = put(root, text, value);
    if (problem !== undefined) problems.push({ path: `set.${text}`, problem });
  }
  return { profile: copy, problems };
}

function put(root: Json, text: string, value: unknown): string | undefined {
  const path = parsePath(text);
  const last = path?.steps.at(-1);
  if (path === undefined || last === undefined) return "expected a path such as power_plane.max_bus_a";
  if (last.kind !== "key") return "expected a path that ends in a key";
  if (path.steps.some((step) => step.kind === "key" && step.key === "__proto__")) return "leads nowhere in this profile";
  let target: unknown = root;
  for (const step of path.steps.slice(0, -1)) {
    if (step.kind === "key") {
      const parent = target as Json;
      if (!Object.hasOwn(parent, step.key)) parent[step.key] = {};
      target = parent[step.key];
    } else if (!Array.isArray(target)) return "names a member of something that is not a list";
    else target = step.kind === "index" ? target[step.index] : target.find((item: Json) => item?.id === step.id);
    if (typeof target !== "object" || target === null) return "leads nowhere in this profile";
  }
  (target as Json)[last.key] = value;
  return undefined;
}

function deepCopy(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(deepCopy);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, deepCopy(member)]));
}
