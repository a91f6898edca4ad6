import { expect, test } from "vitest";
import { createLossWatch } from "./loss-watch.ts";

const headers = (seq: number, source = "sim", run = "r1"): Record<string, string> => ({
  "x-qiki-seq": String(seq),
  "x-qiki-run": run,
  ce_source: source,
});

test("losses - a hole in a publisher's numbering is what it skipped", () => {
  const watch = createLossWatch();
  for (const seq of [7, 8, 9, 13]) watch.note("a", headers(seq));
  expect(watch.lost).toBe(3);
});

test("losses - publishers on one subject, and one publisher's subjects, are numbered apart", () => {
  const watch = createLossWatch();
  watch.note("audit", headers(1, "sim"));
  watch.note("audit", headers(40, "alarms"));
  watch.note("audit", headers(2, "sim"));
  watch.note("audit", headers(41, "alarms"));
  watch.note("thermal", headers(900, "sim"));
  expect(watch.lost).toBe(0);
  watch.note("audit", headers(4, "sim"));
  expect(watch.lost).toBe(1);
});

test("losses - roles of one process share its numbering, and what one skips another used", () => {
  const watch = createLossWatch();
  watch.note("audit", headers(1, "sim"));
  watch.note("audit", headers(2, "alarms"));
  watch.note("audit", headers(3, "alarms"));
  watch.note("audit", headers(4, "sim"));
  expect(watch.lost).toBe(0);
  watch.note("audit", headers(7, "alarms"));
  expect(watch.lost).toBe(2);
});

test("losses - a new run, a publisher that starts anew and the gateway's own start lose nothing", () => {
  const watch = createLossWatch();
  watch.note("a", headers(500));
  watch.note("a", headers(900, "sim", "r2"));
  watch.note("a", headers(1, "sim", "r2"));
  watch.note("a", headers(2, "sim", "r2"));
  expect(watch.lost).toBe(0);
  watch.note("a", headers(4, "sim", "r2"));
  expect(watch.lost).toBe(1);
});

test("losses - a message without a number says so", () => {
  const watch = createLossWatch();
  expect(watch.note("a", {})).toBe(false);
  expect(watch.note("a", { "x-qiki-seq": "-3" })).toBe(false);
  expect(watch.note("a", { "x-qiki-seq": "3" })).toBe(true);
  expect(watch.lost).toBe(0);
});

test("losses - without numbers, telemetry's own ticks tell: one run, RUNNING, whole periods", () => {
  const watch = createLossWatch();
  const at = (tick: number, run = "r1", isRunning = true): void => watch.noteTelemetry({ run, tick, isRunning }, 10);
  for (const tick of [10, 20, 60, 65, 70]) at(tick);
  expect(watch.lost).toBe(3);
  at(200, "r2");
  at(300, "r2", false);
  at(400, "r2");
  at(410, "r2");
  expect(watch.lost).toBe(3);
});
