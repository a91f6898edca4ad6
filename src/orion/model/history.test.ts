import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createHistory, type RecordedHistory } from "./history.ts";

function filled(points: readonly (readonly [timeS: number, value: unknown])[], capacity?: number): RecordedHistory {
  const history = createHistory(capacity);
  for (const [timeS, value] of points) history.sample(timeS, 2.5, [["t", value]]);
  return history;
}

describe("history", () => {
  test("history - keeps values in order, and a gap breaks the line", () => {
    const history = filled([
      [1, 10],
      [2, 11],
      [6, 12],
      [7, null],
      [8, 13],
    ]);
    expect(history.series("t")).toEqual({ timesS: [1, 2, 4, 6, 7, 8], values: [10, 11, null, 12, null, 13] });
    expect(history.series("other")).toEqual({ timesS: [], values: [] });
  });

  test("history - a repeated or earlier moment changes nothing", () => {
    const history = filled([
      [1, 10],
      [1, 99],
      [0.5, 98],
    ]);
    expect(history.series("t").values).toEqual([10]);
    expect(history.version.value).toBe(1);
  });

  test("history - holds the newest points only, whatever the number", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 1, max: 9 }), (count, capacity) => {
        const points = Array.from({ length: count }, (_, index) => [index + 1, index * 2] as const);
        expect(filled(points, capacity).series("t").values).toEqual(points.slice(-capacity).map(([, value]) => value));
      }),
      { seed: 20260101 },
    );
  });

  test("history - the rate is a difference quotient over the window, and says over how long", () => {
    const warming = Array.from({ length: 91 }, (_, second) => [second + 1, 20 + 0.5 * second] as const);
    expect(filled(warming).rate("t")).toEqual({ kind: "value", perS: 0.5, overS: 60 });
    expect(filled(warming.slice(0, 11)).rate("t")).toEqual({ kind: "value", perS: 0.5, overS: 10 });
    expect(filled(warming.slice(0, 5)).rate("t")).toEqual({ kind: "absent" });
    expect(filled(warming.slice(0, 6)).rate("t")).toMatchObject({ overS: 5 });
  });

  test("history - the rate does not reach across a gap or a missing value", () => {
    const gap: (readonly [number, unknown])[] = [1, 2, 3, 4, 5, 6, 7].map((second) => [second, 100]);
    expect(filled([...gap, [20, 1], [21, 2]]).rate("t")).toEqual({ kind: "absent" });
    expect(filled([...gap, [8, null]]).rate("t")).toEqual({ kind: "absent" });
    expect(filled([...gap, [8, null], ...[9, 10, 11, 12, 13, 14].map((second) => [second, second] as const)]).rate("t")).toEqual({
      kind: "value",
      perS: 1,
      overS: 5,
    });
  });

  test("history - tells since when values have stood still", () => {
    const points = [
      [1, 5],
      [2, 7],
      [3, 7],
      [4, 7],
    ] as const;
    expect(filled(points).unchanged(["t"])).toEqual({ forS: 2, atLeast: false });
    expect(filled(points.slice(1)).unchanged(["t"])).toEqual({ forS: 2, atLeast: true });
    expect(filled(points).unchanged(["t", "other"])).toBeUndefined();
    expect(filled([]).unchanged(["t"])).toBeUndefined();
  });

  test("history - clearing forgets everything, and another run begins at zero", () => {
    const history = filled([
      [100, 1],
      [101, 2],
    ]);
    history.clear();
    expect(history.series("t").timesS).toEqual([]);
    history.sample(0, 2.5, [["t", 3]]);
    expect(history.series("t")).toEqual({ timesS: [0], values: [3] });
  });
});
