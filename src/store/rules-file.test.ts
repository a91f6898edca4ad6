import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { withRuleEnabled } from "./rules-file.ts";

const shipped = readFileSync("config/incident_rules.yaml", "utf8");

test("rules file - switching a rule off and on again changes that one line and nothing else", () => {
  const off = withRuleEnabled(shipped, "RADAR_SIGNAL_LOSS", false)!;
  expect(off.replace("\n    enabled: false", "")).toBe(shipped);
  const rules = (parse(off) as { rules: { id: string; enabled?: boolean }[] }).rules;
  expect(rules.filter((rule) => rule.enabled === false).map((rule) => rule.id)).toEqual(["RADAR_SIGNAL_LOSS"]);
  expect(withRuleEnabled(off, "RADAR_SIGNAL_LOSS", true)).toBe(off.replace("enabled: false", "enabled: true"));
});

test("rules file - comments, flow style and a missing last newline are kept", () => {
  expect(withRuleEnabled("rules:\n  - id: A # first\n    severity: W", "A", false)).toBe(
    "rules:\n  - id: A # first\n    enabled: false\n    severity: W",
  );
  expect(withRuleEnabled("rules: [{ id: A, severity: W }] # end\n", "A", true)).toBe(
    "rules: [{ id: A, enabled: true, severity: W }] # end\n",
  );
  expect(withRuleEnabled('rules:\n  - { enabled: true, id: "A" }', "A", false)).toBe('rules:\n  - { enabled: false, id: "A" }');
  expect(withRuleEnabled("rules:\n  - severity: W\n    id: A", "A", false)).toBe("rules:\n  - severity: W\n    id: A\n    enabled: false");
});

test("rules file - an unknown rule or a file of another form is told", () => {
  expect(withRuleEnabled(shipped, "NOPE", true)).toBeUndefined();
  expect(withRuleEnabled("version: 1\n", "NOPE", true)).toBeUndefined();
});
