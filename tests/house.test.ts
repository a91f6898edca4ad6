import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { houseProblems } from "./house.ts";

const sourceFolder = join(import.meta.dirname, "../src");
const files = readdirSync(sourceFolder, { recursive: true, encoding: "utf8" })
  .map((path) => path.replaceAll("\\", "/"))
  .filter((path) => /\.tsx?$/.test(path));

test("house - every file lies in a room and imports only what its room may", () => {
  expect(files.length).toBeGreaterThan(20);
  const problems = files.flatMap((path) => houseProblems(path, readFileSync(join(sourceFolder, path), "utf8")));
  expect(problems).toEqual([]);
});

test.each([
  ["an import against the direction", "craft/bad.ts", 'import { x } from "#twin/x.ts";', "craft may not import #twin/x.ts"],
  ["a type import against the direction", "base/bad.ts", 'import type { x } from "#craft/x.ts";', "base may not import"],
  ["a re-export against the direction", "store/bad.ts", 'export { x } from "#bus/x.ts";', "store may not import"],
  ["a dynamic import against the direction", "bus/bad.ts", 'const x = import("#services/x.ts");', "bus may not import"],
  ["a relative path into another room", "craft/bad.ts", 'import { x } from "../twin/x.ts";', "in another room"],
  ["a node module in a pure room", "twin/bad.ts", 'import { x } from "node:fs";', "may not import node:fs"],
  ["a package in a pure room that is another's", "craft/bad.ts", 'import { z } from "zod";', "may not import zod"],
  ["a power operator", "craft/bad.ts", "export const x = 2 ** 3;", "** gives other bits"],
  ["Math.pow", "alarms/bad.ts", "export const x = Math.pow(2, 3);", "Math.pow is not deterministic"],
  ["Math.random", "radar/bad.ts", "export const x = Math.random();", "Math.random is not deterministic"],
  ["a clock", "base/bad.ts", "export const x = new Date();", "Date does not belong"],
  ["a timer", "orion/model/bad.ts", "setTimeout(() => {}, 1);", "setTimeout does not belong"],
  ["an async function", "twin/bad.ts", "export async function x() {}", "not asynchronous"],
  ["a locale function", "contracts/bad.ts", 'export const x = "a".localeCompare("b");', "depends on the locale"],
  ["a file outside the rooms", "lost/bad.ts", "export const x = 1;", "lies in no room"],
  ["a file that does not parse", "base/bad.ts", "export const = ;", "does not parse"],
])("house - notices %s", (_what, path, source, problem) => {
  expect(houseProblems(path, source).join("\n")).toContain(problem);
});

test("house - leaves fields that share a banned name alone", () => {
  expect(houseProblems("craft/good.ts", 'import { x } from "#base/x.ts"; export const y = { process: 1, ...x }.process;')).toEqual([]);
});
