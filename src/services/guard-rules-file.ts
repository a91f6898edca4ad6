import { readFileSync } from "node:fs";
import { QikiError } from "#base/error.ts";
import { type GuardRuleSet, guardRuleSetOf } from "#twin/guard-rule-set.ts";
import { parseYamlText } from "./yaml-text.ts";

/** The guard rules in force, and the file they came from. */
export interface GuardRulesFile {
  readonly path: string;
  ruleSet(): GuardRuleSet;
  /** Text of the rules in force. */
  text(): string;
  /** Reads the file again; a wrong one changes nothing and is answered with every problem. */
  reload(): string | undefined;
}

interface InForce {
  readonly ruleSet: GuardRuleSet;
  readonly text: string;
}

/** Opens a guard rules file; `cooldownS` is what a rule without one has. @throws QikiError `rules_invalid`, `file_unreadable` */
export function openGuardRulesFile(path: string, cooldownS: number): GuardRulesFile {
  const first = read(path, cooldownS);
  if (typeof first === "string") throw new QikiError("rules_invalid", first);
  let inForce = first;
  return {
    path,
    ruleSet: () => inForce.ruleSet,
    text: () => inForce.text,
    reload() {
      let again: InForce | string;
      try {
        again = read(path, cooldownS);
      } catch (error) {
        return (error as Error).message;
      }
      if (typeof again === "string") return again;
      inForce = again;
      return undefined;
    },
  };
}

function read(path: string, cooldownS: number): InForce | string {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw new QikiError("file_unreadable", `the guard rules ${path} cannot be read: ${(error as Error).message}`, error);
  }
  const result = guardRulesOfText(text, cooldownS);
  return result.kind === "ok"
    ? { ruleSet: result.ruleSet, text }
    : `${path} is not a valid guard rules file:\n${result.problems.map((problem) => `  ${problem}`).join("\n")}`;
}

/** The rules of a file's text; text that is no YAML is a problem like any other. */
export function guardRulesOfText(text: string, cooldownS: number): ReturnType<typeof guardRuleSetOf> {
  const parsed = parseYamlText(text);
  if ("value" in parsed) return guardRuleSetOf(parsed.value, text, cooldownS);
  const problems = parsed.problems.map(({ message, line, column }) =>
    line === undefined ? message : `line ${line}, column ${column}: ${message}`,
  );
  return { kind: "refused", problems };
}
