import { isMap, isScalar, isSeq, parseDocument, type YAMLMap } from "yaml";

/**
 * The text of a rules file with one rule's `enabled` set and not another character changed, or undefined if no rule has
 * this id. Works for incident and guard rules alike.
 */
export function withRuleEnabled(text: string, ruleId: string, enabled: boolean): string | undefined {
  const rules = parseDocument(text).get("rules");
  if (!isSeq(rules)) return undefined;
  const rule = rules.items.find((item): item is YAMLMap => isMap(item) && item.get("id") === ruleId);
  if (rule === undefined) return undefined;
  const given = rule.get("enabled", true);
  if (isScalar(given) && given.range) return `${text.slice(0, given.range[0])}${enabled}${text.slice(given.range[1])}`;
  const idPair = rule.items.find((pair) => isScalar(pair.key) && pair.key.value === "id");
  if (!isScalar(idPair?.key) || !idPair.key.range || !isScalar(idPair.value) || !idPair.value.range) return undefined;
  const idEnd = idPair.value.range[1];
  if (rule.flow === true) return `${text.slice(0, idEnd)}, enabled: ${enabled}${text.slice(idEnd)}`;
  const idStart = idPair.key.range[0];
  const indent = " ".repeat(idStart - (text.lastIndexOf("\n", idStart - 1) + 1));
  const newline = text.indexOf("\n", idEnd);
  const lineEnd = newline < 0 ? text.length : newline;
  return `${text.slice(0, lineEnd)}\n${indent}enabled: ${enabled}${text.slice(lineEnd)}`;
}
