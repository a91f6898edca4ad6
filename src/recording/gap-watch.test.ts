import { expect, test } from "vitest";
import { GapWatch } from "./gap-watch.ts";

test("gaps - jumps of x-qiki-seq are told per subject; repeats and new runs are none", () => {
  const watch = new GapWatch();
  const note = (subject: string, seq: string, run = "r1") => watch.note(subject, { "x-qiki-seq": seq, "x-qiki-run": run });
  expect(note("a", "5")).toBeUndefined();
  expect(note("a", "6")).toBeUndefined();
  expect(note("b", "9")).toBeUndefined();
  expect(note("a", "9")).toEqual({ subject: "a", missed: 2 });
  expect(note("a", "7")).toBeUndefined();
  expect(note("a", "10")).toBeUndefined();
  expect(note("a", "40", "r2")).toBeUndefined();
  expect(note("a", "42", "r2")).toEqual({ subject: "a", missed: 1 });
  expect(watch.note("a", {})).toBeUndefined();
  expect(watch.note("a", { "x-qiki-seq": "many" })).toBeUndefined();
  expect(watch.note("a", undefined)).toBeUndefined();
});
