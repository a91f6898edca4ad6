import { expect, test } from "vitest";
import { reasonsInForce, timeToS } from "./reasons.ts";
import { ratesOf, readOf, SHED } from "./test-telemetry.ts";

const CORE = "thermal.nodes[id=core].temp_c";

test("reasons - tell since when, and what ends them with what is left of it", () => {
  const [trip, shed] = reasonsInForce(readOf(SHED), ratesOf({ [CORE]: -0.5 }))!;
  expect(trip).toMatchObject({ forS: 10, sinceMs: 1_767_225_621_000 });
  // 7 °C to fall at half a degree a second.
  expect(trip!.restore).toMatchObject({ now: 92, value: 85, isMet: false, expectedS: 14, remainingS: undefined });
  expect(shed!.forS).toBeCloseTo(0.9, 12);
  expect(shed!.restore).toMatchObject({ now: 145.164, isMet: false, holdS: 5, remainingS: 5, expectedS: undefined });
});

test("reasons - a value that moves away, stands or has no past gives no expectation", () => {
  for (const rates of [{ [CORE]: 0.5 }, { [CORE]: 0 }, {} as Record<string, number>])
    expect(reasonsInForce(readOf(SHED), ratesOf(rates))![0]!.restore!.expectedS).toBeUndefined();
});

test("reasons - a condition that is met says so, booleans too; one that is not published is absent", () => {
  const entry = { ...SHED.explain[0], since_tick: 310 };
  const restoreOf = (restores_when: unknown): unknown => {
    const payload = { ...SHED, docking: { connected: false }, explain: [{ ...entry, restores_when }] };
    return reasonsInForce(readOf(payload), ratesOf({}))![0]!.restore;
  };
  expect(restoreOf({ field: CORE, op: "<=", value: 92, unit: "C" })).toMatchObject({ isMet: true });
  expect(restoreOf({ field: CORE, op: ">", value: 92, unit: "C" })).toMatchObject({ isMet: false });
  expect(restoreOf({ field: "docking.connected", op: "==", value: false, unit: "" })).toMatchObject({ isMet: true, now: false });
  expect(restoreOf({ field: "power.not_there", op: ">=", value: 1, unit: "" })).toMatchObject({ isMet: false, now: undefined });
  expect(restoreOf(null)).toBeUndefined();
});

test("reasons - nothing is told before telemetry tells it", () => {
  expect(reasonsInForce(readOf({}), ratesOf({}))).toBeUndefined();
  expect(reasonsInForce(readOf({ tick: 1, dt_s: 0.1, explain: [] }), ratesOf({}))).toEqual([]);
});

test("reasons - time to a value at a rate, never negative", () => {
  const rate = { kind: "value", perS: 2, overS: 60 } as const;
  expect(timeToS(10, 20, rate)).toBe(5);
  expect(timeToS(10, 10, rate)).toBe(0);
  expect(timeToS(0, 7200, rate)).toBe(3600);
  expect(timeToS(0, 7201, rate)).toBeUndefined();
  expect(timeToS(20, 10, rate)).toBeUndefined();
  expect(timeToS("20", 10, rate)).toBeUndefined();
});
