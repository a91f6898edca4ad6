import { describe, expect, test } from "vitest";
import { randomStream } from "#base/random.ts";
import { type Cutoff, gospa, IdentityScore, ospa, type Place, SiapScore } from "./metrics.ts";

const TRUTH: readonly Place[] = [
  [0, 0],
  [10, 0],
  [20, 0],
];

describe("metrics", () => {
  test.each<[string, string, readonly Place[], Cutoff, number, number, [number, number, number]]>([
    [
      "RAD-130",
      "one moved, p 1",
      [
        [3, 4],
        [10, 0],
        [20, 0],
      ],
      { c: 10, p: 1 },
      1.6666667,
      5,
      [5, 0, 0],
    ],
    [
      "RAD-130",
      "one moved, p 2",
      [
        [3, 4],
        [10, 0],
        [20, 0],
      ],
      { c: 10, p: 2 },
      2.8867513,
      5,
      [25, 0, 0],
    ],
    [
      "RAD-131",
      "one missing",
      [
        [0, 0],
        [10, 0],
      ],
      { c: 10, p: 2 },
      5.7735027,
      7.0710678,
      [0, 50, 0],
    ],
    ["RAD-132", "one extra", [...TRUTH, [100, 100]], { c: 10, p: 2 }, 5, 7.0710678, [0, 0, 50]],
    [
      "RAD-133",
      "one missing and one far",
      [
        [0, 0],
        [10, 0],
        [100, 100],
      ],
      { c: 10, p: 2 },
      5.7735027,
      10,
      [0, 50, 50],
    ],
    [
      "RAD-134",
      "each 1 m off, shuffled",
      [
        [20, 1],
        [0, 1],
        [10, 1],
      ],
      { c: 10, p: 2 },
      1,
      1.7320508,
      [3, 0, 0],
    ],
    ["RAD-135", "empty", [], { c: 10, p: 2 }, 10, 12.2474487, [0, 150, 0]],
    [
      "RAD-136",
      "moved by the cutoff",
      [
        [3, 4],
        [10, 0],
        [20, 0],
      ],
      { c: 5, p: 1 },
      1.6666667,
      5,
      [0, 2.5, 2.5],
    ],
  ])("%s distance - %s", (_id, _what, estimate, cutoff, expectedOspa, expectedGospa, parts) => {
    expect(Math.abs(ospa(TRUTH, estimate, cutoff) - expectedOspa)).toBeLessThan(1e-7);
    expect(Math.abs(ospa(estimate, TRUTH, cutoff) - expectedOspa)).toBeLessThan(1e-7);
    const scored = gospa(TRUTH, estimate, cutoff);
    expect(Math.abs(scored.distance - expectedGospa)).toBeLessThan(1e-7);
    [scored.localisation, scored.missed, scored.false].forEach((part, index) => expect(Math.abs(part - parts[index]!)).toBeLessThan(1e-7));
  });

  test("RAD-135 distance - two empty sets are the same", () => {
    expect([ospa([], []), gospa([], []).distance]).toEqual([0, 0]);
  });

  test("RAD-134 distance - GOSPA, worked out group by group, is OSPA of the whole sets without its share for the difference; 300 scenes", () => {
    const stream = randomStream("metrics/groups");
    const scene = (count: number, size: number): Place[] =>
      Array.from({ length: count }, () => [size * stream.uniform(), size * stream.uniform()]);
    for (let round = 0; round < 300; round += 1) {
      const size = [5, 30, 200][round % 3]!;
      const [truth, estimate] = [scene(Math.floor(12 * stream.uniform()), size), scene(Math.floor(12 * stream.uniform()), size)];
      const cutoff = { c: 10, p: 1 + (round % 2) };
      const scored = gospa(truth, estimate, cutoff);
      const larger = Math.max(truth.length, estimate.length);
      const whole = (value: number): number => (cutoff.p === 1 ? value : value * value);
      const share = (whole(10) / 2) * Math.abs(truth.length - estimate.length);
      expect(Math.abs(whole(scored.distance) - (larger * whole(ospa(truth, estimate, cutoff)) - share)), `round ${round}`).toBeLessThan(
        1e-9,
      );
      for (const side of ["truth", "estimate"] as const)
        expect(new Set(scored.pairs.map((pair) => pair[side])).size).toBe(scored.pairs.length);
    }
  });

  test.each([
    [1, 1.9659603251],
    [2, 1.9824227602],
    [Number.POSITIVE_INFINITY, 2],
  ])("RAD-137 distance - OSPA of order %d", (p, expected) => {
    const x = [
      [0, 0],
      [2, 0],
    ];
    const y = [
      [2, 0],
      [3.9, 0.5],
    ];
    expect(Math.abs(ospa(x, y, { c: 10, p }) - expected)).toBeLessThan(1e-9);
  });

  test("RAD-138 identity - switches, fragmentation, purity", () => {
    const score = new IdentityScore();
    for (const track of ["A", "A", "-", "A", "B", "B", "A"]) score.take(track === "-" ? [] : [["t", track]]);
    expect([score.switches, score.fragmentation("t"), score.fragmentation("nobody")]).toEqual([2, 1, 0]);
    const pure = new IdentityScore();
    for (const truth of ["1", "1", "1", "2"]) pure.take([[truth, "a"]]);
    expect([pure.purity("a"), pure.purity("b"), pure.meanPurity()]).toEqual([0.75, null, 0.75]);
  });

  test("RAD-139 siap - two tracks on one truth, one on another, one on none", () => {
    const score = new SiapScore();
    expect(score.score()).toEqual({ completeness: null, ambiguity: null, spuriousness: null });
    score.take(
      [
        [0, 0],
        [100, 0],
        [200, 0],
      ],
      [
        [1, 0],
        [0, 1],
        [101, 0],
        [50, 50],
      ],
    );
    expect(score.score()).toEqual({ completeness: 2 / 3, ambiguity: 3 / 2, spuriousness: 1 / 4 });
  });
});
