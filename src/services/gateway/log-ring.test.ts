import fc from "fast-check";
import { expect, test } from "vitest";
import { createLogRing } from "./log-ring.ts";

test("log ring - numbers from 1 and holds nothing at first", () => {
  const ring = createLogRing();
  expect([ring.first, ring.last, ring.read(1, 100)]).toEqual([1, 0, []]);
  ring.append('"a"');
  expect([ring.first, ring.last, ring.read(1, 100), ring.read(2, 100)]).toEqual([1, 1, ['"a"'], []]);
});

test("log ring - reads as much as fits, and at least one", () => {
  const ring = createLogRing();
  for (const text of ["aaaa", "bbbb", "cccc"]) ring.append(text);
  expect(ring.read(1, 7)).toEqual(["aaaa"]);
  expect(ring.read(1, 8)).toEqual(["aaaa", "bbbb"]);
  expect(ring.read(2, 1)).toEqual(["bbbb"]);
});

test("log ring - counts bytes, not characters", () => {
  const ring = createLogRing();
  ring.append("жжжж");
  ring.append("жжжж");
  expect(ring.newest({ items: 10, bytes: 8 })).toBe(2);
  expect(ring.newest({ items: 10, bytes: 15 })).toBe(2);
  expect(ring.newest({ items: 10, bytes: 16 })).toBe(1);
});

test("log ring - stays within its limits and keeps the newest in order", () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ maxLength: 40 }), { maxLength: 200 }),
      fc.integer({ min: 1, max: 30 }),
      fc.integer({ min: 40, max: 300 }),
      (texts, items, bytes) => {
        const ring = createLogRing({ items, bytes });
        for (const text of texts) ring.append(text);
        expect(ring.last).toBe(texts.length);
        const held = ring.read(ring.first, Number.POSITIVE_INFINITY);
        expect(held).toEqual(texts.slice(ring.first - 1));
        expect(held.length).toBeLessThanOrEqual(items * 1.125);
        const size = (list: readonly string[]): number => list.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
        expect(size(held)).toBeLessThanOrEqual(bytes * 1.125);
        const from = ring.newest({ items: 5, bytes: 60 });
        const newest = ring.read(from, Number.POSITIVE_INFINITY);
        expect(newest.length).toBeLessThanOrEqual(5);
        expect(size(newest)).toBeLessThanOrEqual(60);
        const oneMore = ring.read(from - 1, Number.POSITIVE_INFINITY);
        if (from > ring.first) expect(oneMore.length > 5 || size(oneMore) > 60).toBe(true);
      },
    ),
    { seed: 20_260_101, numRuns: 500 },
  );
});
