import { expect, test } from "vitest";
import { ageMsAt, dataStateOf, elapsedMs, expiryMs } from "./freshness.ts";

const at = (monoMs: number, wallMs: number): { monoMs: number; wallMs: number } => ({ monoMs, wallMs });

test("freshness - elapsed time is the longer of both clocks, never negative", () => {
  expect(elapsedMs(at(0, 0), at(500, 400))).toBe(500);
  // Asleep: only the wall clock went on. Wall clock set back: only the monotonic one did.
  expect(elapsedMs(at(0, 0), at(10, 3_600_000))).toBe(3_600_000);
  expect(elapsedMs(at(0, 0), at(500, -90_000))).toBe(500);
  expect(elapsedMs(at(10, 10), at(5, 5))).toBe(0);
  expect(ageMsAt({ ageMs: 40, ...at(0, 0) }, at(100, 100))).toBe(140);
});

test.each([
  ["RUNNING ×1", 1, { fsm_state: "RUNNING", speed: 1 }, 2500],
  ["RUNNING ×0.25", 1, { fsm_state: "RUNNING", speed: 0.25 }, 10_000],
  ["RUNNING ×2", 1, { fsm_state: "RUNNING", speed: 2 }, 1250],
  ["RUNNING ×1000", 1, { fsm_state: "RUNNING", speed: 1000 }, 1000],
  ["RUNNING ×1, period 5 s", 5, { fsm_state: "RUNNING", speed: 1 }, 12_500],
  ["PAUSED, period 5 s", 5, { fsm_state: "PAUSED", speed: 1 }, 2500],
  ["STOPPED", 1, { fsm_state: "STOPPED", speed: 0.01 }, 2500],
  ["unknown", 1, undefined, 2500],
  ["no speed", 1, { fsm_state: "RUNNING" }, 2500],
])("freshness - expiry when %s", (_when, periodS, simState, expected) => {
  expect(expiryMs(periodS, simState)).toBe(expected);
});

test("VM-003 data word - OK, LAG when stale and always from 10 s, STALE from 30 s", () => {
  const word = (ageMs: number, isStale: boolean): string => dataStateOf(ageMs, isStale).kind;
  expect([word(100, false), word(100, true), word(9999, false), word(10_000, false)]).toEqual(["ok", "lag", "ok", "lag"]);
  expect([word(29_999, true), word(30_000, true), word(30_000, false)]).toEqual(["lag", "stale", "stale"]);
});
