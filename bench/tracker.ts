import { courseFigure } from "./course.ts";
import type { FigureSpec } from "./harness.ts";
import { quantile, rounded } from "./harness.ts";
import { ladder } from "./ladder.ts";
import { ring } from "./ring.ts";
import { BIRTH_S1, configured, oracle, PLAIN_GNN_S1, SHIPPED_S1, scoreS1, truthOf } from "./williams.ts";

const TRUTH_SEED = 9;
const S1_RUNS = 100;

/** What each size must and could reach. */
const SIZES = [
  { targets: 100, floor: 1e6, reach: 5e6, floorMs: 0.25, reachMs: 0.1 },
  { targets: 1000, floor: 1e6, reach: 4e6, floorMs: 2, reachMs: 1 },
  { targets: 10_000, floor: 6e5, reach: 3e6, floorMs: 25, reachMs: 5 },
] as const;
const DETECTION = [1, 0.9, 0.7];
const CLUTTER_SHARES = [0, 0.1, 1];

/** Track updates a second and time of a scan at three sizes, the hand-over ring, and how near to the truth the tracks of S1 are. */
export function trackerFigures(): FigureSpec[] {
  return [...SIZES.flatMap(sizeFigures), ringFigure(), ...s1Figures(), ...ladderFigures()];
}

/** Both figures of a size come from the same runs; the second one only reads what the first has measured. */
function sizeFigures({ targets, floor, reach, floorMs, reachMs }: (typeof SIZES)[number]): FigureSpec[] {
  const course = courseFigure(() => ladder({ targets, pd: 0.9, clutter: 0.1 * targets }), passesOf(targets));
  const p99Ms: number[] = [];
  let read = 0;
  const common = { group: "tracker" } as const;
  return [
    {
      ...common,
      id: `tracker.n${targets}`,
      unit: "track updates/s",
      floor,
      reach,
      better: "more",
      run() {
        const rate = course.run();
        p99Ms.push(course.p99Ms());
        return rate;
      },
      note: () => course.note(),
    },
    { ...common, id: `tracker.n${targets}.p99`, unit: "ms", floor: floorMs, reach: reachMs, better: "less", run: () => p99Ms[read++]! },
  ];
}

/** Every probability of detection with every density of clutter, at every size: the rest of S6. */
function ladderFigures(): FigureSpec[] {
  return SIZES.flatMap(({ targets, floor, reach }) =>
    DETECTION.flatMap((pd) =>
      CLUTTER_SHARES.filter((share) => pd !== 0.9 || share !== 0.1).map((share): FigureSpec => {
        const course = courseFigure(() => ladder({ targets, pd, clutter: share * targets }), passesOf(targets));
        const id = `ladder.n${targets}.pd${pd}.clutter${share * targets}`;
        const common = { group: "ladder", onlyWhenNamed: true, unit: "track updates/s", better: "more" } as const;
        return { ...common, id, floor, reach, run: () => course.run(), note: () => course.note() };
      }),
    ),
  );
}

/** Two bands, three dimensions, range rates: the product's own configuration, with 200 targets. */
function ringFigure(): FigureSpec {
  const course = courseFigure(ring, 10);
  const common = { group: "tracker", unit: "track updates/s", better: "more" } as const;
  return {
    ...common,
    id: "tracker.ring",
    floor: SIZES[0].floor,
    reach: SIZES[0].reach,
    run: () => course.run(),
    note: () => course.note(),
  };
}

/** A small scene is over before the compiler is done with it: it is run as often as makes up for its size. */
function passesOf(targets: number): number {
  return Math.ceil(5000 / targets);
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
        const parts = `localisation ${rounded(ours.localisation)}, missed ${rounded(ours.missed)}, false ${rounded(ours.false)}`;
        const beside = `without a birth model ${rounded(shipped.rms)} ± ${rounded(shipped.halfWidth)}, oracle ${rounded(best.rms)}, plain nearest neighbour ${rounded(plain.rms)}`;
        note = `± ${rounded(ours.halfWidth)} (95 %), ${parts}; ${beside}`;
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
