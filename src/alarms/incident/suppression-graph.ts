import type { IncidentRule } from "./rule.ts";

/** Circles among the `suppresses` of rules, each once, as the ids met on the way round, the first repeated at the end. */
export function suppressionCycles(rules: readonly IncidentRule[]): string[][] {
  const targets = new Map(rules.map((rule) => [rule.id, rule.suppresses]));
  const finished = new Set<string>();
  const cycles: string[][] = [];

  function walk(id: string, way: readonly string[]): void {
    const seenAt = way.indexOf(id);
    if (seenAt >= 0) {
      cycles.push([...way.slice(seenAt), id]);
      return;
    }
    if (finished.has(id)) return;
    for (const target of targets.get(id) ?? []) walk(target, [...way, id]);
    finished.add(id);
  }

  for (const rule of rules) walk(rule.id, []);
  return cycles;
}
