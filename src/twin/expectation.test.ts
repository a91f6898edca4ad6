import { expect, test } from "vitest";
import { createJudge, type Expectation, parseExpectation, type Verdict } from "./expectation.ts";

/** The verdict of one expectation over values seen at ticks 1, 2, … (tick 0 first when `zero`). */
function verdictOf(text: string, values: readonly unknown[], tickMs = 100): Verdict {
  const expectation = parseExpectation(text, tickMs) as Expectation;
  expect(typeof expectation).toBe("object");
  const judge = createJudge([expectation]);
  values.forEach((value, tick) => {
    if (judge.looksAt(tick)) judge.observe(tick, (root) => (root === "a" ? { b: value } : undefined));
  });
  return judge.verdicts()[0]!;
}

test.each([
  ["at 2t a.b == 5", [0, 0, 5], true],
  ["at 2t a.b == 5", [5, 5, 4], false],
  ["at 0.2s a.b >= 5", [0, 0, 5], true],
  ["at 9t a.b == 1", [1, 1], false],
  ["within 1t..2t a.b == x", [0, 0, "x"], true],
  ["within 1t..2t a.b == x", ["x", 0, 0, "x"], false],
  ["always a.b < 5", [9, 4, 4], true],
  ["always a.b < 5", [0, 4, 5], false],
  ["always 2t..3t a.b < 5", [9, 9, 4, 4, 9], true],
  ["never a.b == true", [true, false, false], true],
  ["never a.b == true", [false, true], false],
  ["always a.b ~= 1 +- 0.125", [0, 1.125, 0.875], true],
  ["always a.b ~= 1 +- 0.05", [0, 1.1], false],
  ["at 1t a.b contains nbl", [[], ["nbl"]], true],
  ["at 1t a.b lacks nbl", [[], ["nbl"]], false],
  ["always a.b changes <= 1", [0, 0, 1, 1], true],
  ["always a.b changes = 1", [0, 0, 1, 0], false],
  ["at 1t a.b == null", [0, null], true],
  ["never a.c == 1", [0, 0], false],
  ["always a.c != 1", [0, 0], false],
  ['at 1t a.b == "two words"', [0, "two words"], true],
])("expectation - %s over %j is %s", (text, values, ok) => {
  expect(verdictOf(text, values).ok).toBe(ok);
});

test.each([
  "sometime a.b == 1",
  "at 5 a.b == 1",
  "at 5s a..b == 1",
  "at 5s a.b < x",
  "at 5s a.b ~= 1",
  "within 5s..1s a.b == 1",
  "at 1s [0] == 1",
])("expectation - refuses %s with a reason", (text) => {
  expect(typeof parseExpectation(text, 100)).toBe("string");
});
