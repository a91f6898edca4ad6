import type { FigureSpec } from "./harness.ts";
import { type LadderScene, ladderScene, runLadder, scoreLadder } from "./ladder.ts";
import { BIRTH_S1, configured, oracle, PLAIN_GNN_S1, SHIPPED_S1, scoreS1, truthOf } from "./williams.ts";

const TRUTH_SEED = 9;
const S1_RUNS = 100;

/** Track updates a second and time of a scan at three sizes, and how near to the truth the tracks of S1 are. */
export function trackerFigures(): FigureSpec[] {
  return [
    ...ladderFigures(100, 1e6, 5e6, 0.25, 0.1),
    ...ladderFigures(1000, 1e6, 4e6, 2, 1),
    ...ladderFigures(10_000, 6e5, 3e6, 25, 5),
    ...s1Figures(),
  ];
}

/** Both figures of a size come from the same runs; the second one only reads what the first has measured. */
function ladderFigures(targets: number, floor: number, reach: number, floorMs: number, reachMs: number): FigureSpec[] {
  let scene: LadderScene | undefined;
  let confirmed: number | undefined;
  const p99Ms: number[] = [];
  const run = (): number => {
    scene ??= ladderScene({ targets, pd: 0.9, clutter: 0.1 * targets });
    const scanMs: number[] = [];
    const rates: number[] = [];
    // A small scene is over before the compiler is done with it: it is run as often as makes up for its size.
    for (let pass = 0; pass < Math.ceil(5000 / targets); pass += 1) {
      const result = runLadder(scene);
      if (confirmed !== undefined && confirmed !== result.confirmed)
        throw new Error(`${result.confirmed} confirmed tracks, the run before had ${confirmed}`);
      confirmed = result.confirmed;
      scanMs.push(...result.scanMs);
      rates.push(result.updatesPerS);
    }
    p99Ms.push(quantile(scanMs, 0.99));
    return quantile(rates, 0.5);
  };
  let read = 0;
  return [
    {
      id: `tracker.n${targets}`,
      group: "tracker",
      unit: "track updates/s",
      floor,
      reach,
      better: "more",
      run,
      note: () => (targets > 1000 ? `${confirmed} confirmed` : `${confirmed} confirmed; ${shown(scoreLadder(scene!))}`),
    },
    {
      id: `tracker.n${targets}.p99`,
      group: "tracker",
      unit: "ms",
      floor: floorMs,
      reach: reachMs,
      better: "less",
      run: () => p99Ms[read++]!,
    },
  ];
}

function s1Figures(): FigureSpec[] {
  const scanMs: number[] = [];
  let note = "";
  return [
    {
      id: "tracker.s1.gospa",
      group: "tracker",
      unit: "m",
      floor: 3.8,
      reach: 2.9,
      better: "less",
      runs: 1,
      run() {
        scanMs.length = 0;
        const ours = scoreS1(configured(BIRTH_S1), TRUTH_SEED, S1_RUNS, scanMs);
        const shipped = scoreS1(configured(SHIPPED_S1), TRUTH_SEED, S1_RUNS);
        const best = scoreS1(oracle(truthOf(TRUTH_SEED)), TRUTH_SEED, S1_RUNS);
        const plain = scoreS1(configured(PLAIN_GNN_S1), TRUTH_SEED, S1_RUNS);
        const parts = `localisation ${shown1(ours.localisation)}, missed ${shown1(ours.missed)}, false ${shown1(ours.false)}`;
        const beside = `without a birth model ${shown1(shipped.rms)} ± ${shown1(shipped.halfWidth)}, oracle ${shown1(best.rms)}, plain nearest neighbour ${shown1(plain.rms)}`;
        note = `± ${shown1(ours.halfWidth)} (95 %), ${parts}; ${beside}`;
        return ours.rms;
      },
      note: () => note,
    },
    {
      id: "tracker.s1.scan",
      group: "tracker",
      unit: "ms",
      floor: 0.5,
      reach: 0.1,
      better: "less",
      runs: 1,
      run: () => quantile(scanMs, 0.99),
    },
  ];
}

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!;
}

function shown(values: Readonly<Record<string, number | null>>): string {
  return Object.entries(values)
    .map(([name, value]) => `${name} ${value === null ? "none" : shown1(value)}`)
    .join(", ");
}

function shown1(value: number): string {
  return String(Number(value.toPrecision(3)));
}
