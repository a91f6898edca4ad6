import { describe, expect, test } from "vitest";
import { randomStream } from "#base/random.ts";
import { AssignmentSolver } from "./assign.ts";
import { Association } from "./association.ts";
import { PLOT_STRIDE } from "./convert.ts";
import { createKalman } from "./filter/kalman.ts";
import { STATE_SIZE } from "./filter/filter.ts";
import { PlotGrid } from "./gate.ts";
import { Plots } from "./plots.ts";
import { trackerSettingsOf } from "./test-rig.ts";
import { STATUS, type Track, TrackTable } from "./tracks.ts";

function solve(rows: readonly (readonly number[])[]): { readonly columns: number[]; readonly cost: number } {
  const width = rows[0]!.length;
  const columns = Array.from(new AssignmentSolver().solve(Float64Array.from(rows.flat()), rows.length, width).subarray(0, rows.length));
  return { columns, cost: columns.reduce((sum, column, row) => sum + rows[row]![column]!, 0) };
}

/** Least cost by trying everything. */
function leastCost(rows: readonly (readonly number[])[], row = 0, used = 0): number {
  if (row === rows.length) return 0;
  let least = Number.POSITIVE_INFINITY;
  rows[row]!.forEach((cost, column) => {
    if ((used & (1 << column)) === 0) least = Math.min(least, cost + leastCost(rows, row + 1, used | (1 << column)));
  });
  return least;
}

describe("assignment", () => {
  test.each([
    [
      "RAD-060",
      [
        [400, 150, 400],
        [400, 450, 600],
        [300, 225, 300],
      ],
      [1, 0, 2],
      850,
    ],
    [
      "RAD-061",
      [
        [400, 150, 400, 1],
        [400, 450, 600, 2],
        [300, 225, 300, 3],
      ],
      [1, 3, 0],
      452,
    ],
    [
      "RAD-062",
      [
        [10, 10, 8],
        [9, 8, 1],
        [9, 7, 4],
      ],
      [0, 2, 1],
      18,
    ],
    [
      "RAD-063",
      [
        [10, 10, 8, 11],
        [9, 8, 1, 1],
        [9, 7, 4, 10],
      ],
      [0, 3, 2],
      15,
    ],
    [
      "RAD-064",
      [
        [1, 1, 1],
        [1, 1, 1],
        [1, 1, 1],
      ],
      [0, 1, 2],
      3,
    ],
  ] as const)("%s assignment - known optimum, ties to the lowest index", (_id, rows, columns, cost) => {
    expect(solve(rows)).toEqual({ columns, cost });
  });

  test.each([
    [5, 35],
    [10, 220],
    [100, 171_700],
  ])("RAD-065 assignment - i times j, n = %d", (n, cost) => {
    const rows = Array.from({ length: n }, (_, i) => Array.from({ length: n }, (__, j) => (i + 1) * (j + 1)));
    const solved = solve(rows);
    expect(solved.cost).toBe(cost);
    expect(solved.columns).toEqual(Array.from({ length: n }, (_, i) => n - 1 - i));
  });

  test("RAD-067 assignment - 1,000 random cases against every permutation (seed RAD-067)", () => {
    const stream = randomStream("RAD-067");
    for (let index = 0; index < 1000; index += 1) {
      const size = stream.integer(1, 7);
      const width = stream.integer(size, 7);
      const rows = Array.from({ length: size }, () => Array.from({ length: width }, () => stream.integer(0, 30)));
      const solved = solve(rows);
      expect(new Set(solved.columns).size).toBe(size);
      expect(solved.cost, JSON.stringify(rows)).toBe(leastCost(rows));
    }
  });
});

describe("gate", () => {
  test("RAD-053 index - finds the very edges of the test of all pairs, in 200 random scenes (seed RAD-053)", () => {
    const stream = randomStream("RAD-053");
    const filter = createKalman({ dims: 3, doppler: true, q: 0.5, initSpeedSigmaMps: 30 });
    for (let scene = 0; scene < 200; scene += 1) {
      const plots = new Plots();
      const spread = Math.exp(stream.integer(0, 5) * Math.LN10);
      const count = stream.integer(0, 40);
      // Every tenth scene lies on a line, every twentieth in one point.
      const [sx, sy] = [scene % 20 === 0 ? 0 : spread, scene % 10 === 0 ? 0 : spread];
      for (let plot = 0; plot < count; plot += 1)
        plots.addPlace(sx * stream.gaussian(), sy * stream.gaussian(), stream.gaussian() * 100, 1 + 400 * stream.uniform(), 100, 3);
      const grid = new PlotGrid();
      grid.build(plots);
      const found = new Int32Array(count + 1);
      for (let track = 0; track < 20; track += 1) {
        const state = new Float64Array(STATE_SIZE);
        const start = new Plots();
        start.addPlace(sx * stream.gaussian(), sy * stream.gaussian(), stream.gaussian() * 100, 1 + 400 * stream.uniform(), 100, 3);
        filter.init(state, 0, start, 0);
        filter.predict(state, 0, stream.uniform() * 3, [0, 0, 0]);
        const threshold = 13.276704;
        const reach = new Float64Array(3);
        filter.reach(state, 0, plots, reach);
        const [hx, hy, hz] = reach.map((variance) => Math.sqrt(threshold * variance));
        const size = grid.search(state[0]!, state[1]!, state[2]!, hx!, hy!, hz!, found);
        const isEdge = (plot: number): boolean => filter.evaluate(state, 0, plots, plot * PLOT_STRIDE, threshold) <= threshold;
        const byIndex = Array.from(found.subarray(0, size))
          .filter(isEdge)
          .sort((a, b) => a - b);
        const byAll = Array.from({ length: count }, (_, plot) => plot).filter(isEdge);
        expect(byIndex).toEqual(byAll);
      }
    }
  });

  test("RAD-067 rivals - of two tracks that could take one plot the solver's has it, bit for bit, ties included; 500 scenes", () => {
    const stream = randomStream("assign/rivals");
    const settings = trackerSettingsOf();
    const { pd, extraneousDensity } = settings;
    const filter = createKalman({ dims: 3, doppler: true, q: 0.5, initSpeedSigmaMps: 30 });
    const constant = filter.dof * Math.log(2 * Math.PI) + 2 * Math.log(extraneousDensity);
    const seen = { first: 0, second: 0 };
    for (let round = 0; round < 500; round += 1) {
      const table = new TrackTable(filter.stride);
      const plots = new Plots();
      const plotAt = (spread: number): void =>
        plots.addPlace(1000 + spread * stream.gaussian(), spread * stream.gaussian(), 0, 10 + 40 * stream.uniform(), 100, 3);
      for (let track = 0; track < 2; track += 1) {
        plots.clear();
        // Every fifth scene has the same track twice: a tie.
        if (round % 5 === 0) plots.addPlace(1000, 0, 0, 20, 100, 3);
        else plotAt(8);
        const row = table.takeRow();
        filter.init(table.states, row, plots, 0);
        filter.predict(table.states, row, 1, [0, 0, 0]);
        const status = round % 5 === 0 || stream.uniform() < 0.5 ? STATUS.tracked : STATUS.new;
        table.tracks.push({ row, status, existence: 0.5 } as Track);
      }
      plots.clear();
      plotAt(8);
      const costs = table.tracks.map(({ row, status }) => {
        const r = status === STATUS.new ? 0.5 : 0.999;
        const d2 = filter.evaluate(table.states, row, plots, 0, Number.POSITIVE_INFINITY);
        return { plot: d2 + filter.logDetS + (constant - 2 * Math.log(r * pd)), none: -2 * Math.log(1 - r * pd) };
      });
      const [one, other] = costs as [(typeof costs)[number], (typeof costs)[number]];
      const best = solve([
        [one.plot, one.none, 1e12],
        [other.plot, 1e12, other.none],
      ]).columns;
      const association = new Association(settings, filter);
      association.assign(table, plots);
      expect(Array.from(association.plotOf.subarray(0, 2)), `round ${round}`).toEqual(best.map((column) => (column === 0 ? 0 : -1)));
      seen[best[0] === 0 ? "first" : "second"] += 1;
    }
    expect(Math.min(seen.first, seen.second)).toBeGreaterThan(100);
  });
});
