import { describe, expect, test } from "vitest";
import { randomStream } from "#base/random.ts";
import { DEG_PER_RAD, RAD_PER_DEG } from "#base/units.ts";
import { polarOfXyz, type Vector3 } from "./coordinates.ts";
import { measurementSigma } from "./detectability.ts";
import { modelProbabilities } from "./filter/imm.ts";
import { type Detection, type Frame, RANGE_BAND } from "./frame.ts";
import { IFF } from "./identity.ts";
import { existenceAfterHit, existenceAfterMiss, existenceRatio } from "./lifecycle.ts";
import { isAbsorbedByAny, type PolarPlot, widestSigmaM } from "./merge.ts";
import { detectionAt, detectionOf, frameAt, sensorSettingsOf, trackerOf } from "./test-rig.ts";
import type { Tracker } from "./tracker.ts";
import type { TrackView } from "./track-view.ts";
import { handleOf, STATUS } from "./tracks.ts";

const NAMES = ["DROPPED", "NEW", "TRACKED", "LOST", "COASTING"];

function feed(tracker: Tracker, frame: Frame): readonly TrackView[] {
  return tracker.step(frame).flatMap(({ tracks }) => tracks);
}

/** Status and misses of every track after each frame, one frame a second: `x` a plot, `.` nothing. */
function lives(pattern: string, detection: Detection = detectionOf(), tracker = trackerOf()): string[] {
  return [...pattern].map((look, k) =>
    feed(tracker, frameAt(k, look === "x" ? [detection] : []))
      .map((view) => `${NAMES[view.status]} ${view.misses} ${Number(view.quality.toFixed(6))}`)
      .join(" | "),
  );
}

/** Every id ever seen confirmed. */
function confirmedIds(views: Iterable<TrackView>): Set<string> {
  const ids = new Set<string>();
  for (const view of views) if (view.status !== STATUS.new) ids.add(handleOf(view.birth));
  return ids;
}

/** A straight line past own ship along x, exact range rates. */
function crossing(tracker: Tracker, x0: number, speed: number, y: number, steps: number): TrackView[][] {
  return Array.from({ length: steps }, (_, k) => [...feed(tracker, frameAt(k, [detectionAt([x0 + speed * k, y, 0], [speed, 0, 0])]))]);
}

const sensor = sensorSettingsOf();

/** What an SR look at 20 dB (or with other errors) makes of a place. */
function noisy(
  at: Vector3,
  velocity: Vector3,
  stream: ReturnType<typeof randomStream>,
  sigma = measurementSigma(sensor.sr, 20),
): Detection {
  const exact = detectionAt(at, velocity);
  const bearing = exact.bearingDeg + sigma.angleRad * DEG_PER_RAD * stream.gaussian();
  return {
    ...exact,
    rangeM: exact.rangeM + sigma.rangeM * stream.gaussian(),
    bearingDeg: (bearing + 360) % 360,
    elevDeg: exact.elevDeg + sigma.angleRad * DEG_PER_RAD * stream.gaussian(),
    rangeRateMps: exact.rangeRateMps + sigma.rangeRateMps * stream.gaussian(),
  };
}

describe("lifecycle", () => {
  test("RAD-080 lifecycle - hit hit", () => expect(lives("xx")).toEqual(["NEW 0 1", "TRACKED 0 1"]));
  test("RAD-081 lifecycle - hit miss hit", () => expect(lives("x.x")).toEqual(["NEW 0 1", "NEW 1 0.666667", "TRACKED 0 1"]));
  test("RAD-082 lifecycle - hit miss miss: dropped without a word", () => {
    expect(lives("x...").map((one) => one.split(" ")[0])).toEqual(["NEW", "NEW", "", ""]);
  });

  test("RAD-084 lifecycle - a confirmed track coasts three times, is lost once, then nothing", () => {
    expect(lives("xx.....", detectionOf({ snrDb: 12 })).slice(1)).toEqual([
      "TRACKED 0 0.6",
      "COASTING 1 0.4",
      "COASTING 2 0.2",
      "COASTING 3 0",
      "LOST 4 0",
      "",
    ]);
    expect(lives("xx.....", detectionOf({ snrDb: 25 })).slice(1)).toEqual([
      "TRACKED 0 1",
      "COASTING 1 0.666667",
      "COASTING 2 0.333333",
      "COASTING 3 0",
      "LOST 4 0",
      "",
    ]);
  });

  test("RAD-086 coasting - moves on with growing covariance, at the time of the frame", () => {
    const tracker = trackerOf();
    crossing(tracker, -150, 25, 100, 8);
    let [before] = tracker.views();
    for (let k = 8; k < 11; k += 1) {
      const [scan] = tracker.step(frameAt(k, []));
      const [view] = scan!.tracks;
      expect(view!.status).toBe(STATUS.coasting);
      view!.positionM.forEach((value, axis) =>
        expect(Math.abs(value - before!.positionM[axis]! - before!.velocityMps[axis]!)).toBeLessThan(1e-9),
      );
      expect(trace(view!)).toBeGreaterThan(trace(before!));
      expect(scan!.timeUs).toBe(frameAt(k, []).timeUs);
      before = view;
    }
  });

  test("RAD-088 silence - 10.5 s is one LOST in that frame, 10.0 s is a miss", () => {
    for (const [gapS, expected] of [
      [10.5, "LOST 0"],
      [10, "COASTING 1"],
    ] as const) {
      const tracker = trackerOf();
      feed(tracker, frameAt(0, [detectionOf()]));
      feed(tracker, frameAt(1, [detectionOf()]));
      const views = feed(tracker, frameAt(1 + gapS, []));
      expect(views.map(({ status, misses }) => `${NAMES[status]} ${misses}`)).toEqual([expected]);
    }
  });

  test("RAD-089 opportunities - frames of SR alone are no miss of an LR track at 60 km; silence ends it past 10 s", () => {
    const tracker = trackerOf();
    const far = detectionOf({ rangeM: 60_000, band: RANGE_BAND.lr, idPresent: false });
    for (const k of [0, 1]) feed(tracker, frameAt(k, [far]));
    const looked = { lr: false, sr: true };
    const seen = Array.from({ length: 11 }, (_, k) =>
      feed(tracker, frameAt(k + 2, [], { looked })).map(({ status, misses }) => [status, misses]),
    );
    expect(seen.slice(0, 10)).toEqual(Array.from({ length: 10 }, () => [[STATUS.tracked, 0]]));
    expect(seen[10]).toEqual([[STATUS.lost, 0]]);
  });

  test("RAD-090 tracks - each contact one message per frame, distinct ids; RAD-091 none for an empty sky", () => {
    const tracker = trackerOf();
    const plots = [detectionAt([1000, 0, 0]), detectionAt([0, 2000, 0]), detectionAt([-3000, 100, 50])];
    for (let k = 0; k < 5; k += 1) {
      const views = feed(tracker, frameAt(k, plots));
      expect(views.length).toBe(3);
      expect(new Set(views.map(({ birth }) => handleOf(birth))).size).toBe(3);
    }
    expect(trackerOf().step(frameAt(0, []))[0]!.tracks).toEqual([]);
  });

  test("RAD-119 score - a hit raises the odds by its likelihood", () => {
    // S = 4 I in two dimensions.
    const ratio = existenceRatio(0.9, 1 / 9000, 2, 0, Math.log(16));
    expect(ratio).toBeCloseTo(322.288759761, 8);
    expect(existenceAfterHit(0.01 * 0.99, ratio, 0.999)).toBeCloseTo(0.763176958, 9);
  });

  test("RAD-120 score - misses from .999", () => {
    let r = 0.999;
    for (const expected of [0.89999181, 0.449752182, 0.074299408, 0.007877112]) {
      r = existenceAfterMiss(r * 0.99, 0.9);
      expect(r).toBeCloseTo(expected, 9);
    }
  });

  test("RAD-119 score - a newborn's existence is the share of contacts not seen yet in all that a plot can be", () => {
    const region = { "tracker.birth.sigma_m": 100, "tracker.birth.y_m": 1000, "tracker.birth.initial": 2, "tracker.birth.per_scan": 0.1 };
    const tracker = trackerOf({
      "tracker.lifecycle": "score",
      "tracker.dims": 2,
      "tracker.doppler": false,
      "tracker.extraneous_density": 1e-5,
      ...region,
    });
    const [first] = feed(tracker, frameAt(0, [detectionOf({ snrDb: 60 })]));
    // 0.9 * 2 / (2 pi 100²) against 1e-5: the middle of the region, debiased by less than a millimetre.
    const density = (0.9 * 2) / (2 * Math.PI * 10_000);
    expect(first!.existence).toBeCloseTo(density / (density + 1e-5), 6);
    expect(first!.status).toBe(STATUS.tracked);
    // A scan later a tenth of the two are unseen still, 0.99 of them survive, and a tenth came.
    const next = feed(tracker, frameAt(1, [detectionOf({ snrDb: 60 }), detectionOf({ rangeM: 1100, snrDb: 60 })])).at(-1)!;
    const later = 0.9 * (2 * 0.1 * 0.99 + 0.1) * (Math.exp(-0.5) / (2 * Math.PI * 10_000));
    expect(next.existence).toBeCloseTo(later / (later + 1e-5), 5);
    expect(next.status).toBe(STATUS.new);
  });

  test("RAD-120 score - confirms over the threshold, ends at the other", () => {
    const config = {
      "tracker.lifecycle": "score",
      "tracker.doppler": false,
      "tracker.extraneous_density": 1e-7,
      "tracker.init_speed_sigma_mps": 1,
    };
    const statuses = lives("xxxx..........", detectionOf(), trackerOf(config)).map((one) => one.split(" ")[0]);
    expect(statuses.slice(0, 4)).toEqual(["NEW", "TRACKED", "TRACKED", "TRACKED"]);
    expect(statuses.filter((one) => one === "LOST").length).toBe(1);
    expect(statuses.at(-1)).toBe("");
  });
});

function trace({ positionCovariance: p }: TrackView): number {
  return p[0]! + p[3]! + p[5]!;
}

describe("following", () => {
  test("RAD-092 crossing - 25 m/s: one id, confirmed with the second plot, velocity found", () => {
    const views = crossing(trackerOf(), -150, 25, 100, 12);
    expect(new Set(views.flat().map(({ birth }) => handleOf(birth))).size).toBe(1);
    expect(views.map(([view]) => view!.status)).toEqual([STATUS.new, ...Array.from({ length: 11 }, () => STATUS.tracked)]);
    const last = views.at(-1)![0]!;
    [25, 0, 0].forEach((value, axis) => expect(Math.abs(last.velocityMps[axis]! - value)).toBeLessThan(0.01));
  });

  test.each([
    [-50, 10],
    [-300, 50],
    [-50, 25],
  ])("RAD-093 crossing - from %d m at %d m/s: one id", (x0, speed) => {
    expect(confirmedIds(crossing(trackerOf(), x0, speed, 100, 12).flat()).size).toBe(1);
  });

  test("RAD-094 static - 100 seeds of 200 frames: one confirmed id, none lost", () => {
    const sigma = { rangeM: 5, angleRad: 0.1 * RAD_PER_DEG, rangeRateMps: 0.1 };
    const truth = polarToXyz(3500, 45, 5);
    for (let seed = 1; seed <= 100; seed += 1) {
      const tracker = trackerOf();
      const stream = randomStream(`RAD-094/${seed}`);
      const views: TrackView[] = [];
      for (let k = 0; k < 200; k += 1) views.push(...feed(tracker, frameAt(k, [noisy(truth, [0, 0, 0], stream, sigma)])));
      expect(confirmedIds(views).size, `seed ${seed}`).toBe(1);
      expect(
        views.some(({ status }) => status === STATUS.lost),
        `seed ${seed}`,
      ).toBe(false);
    }
  });

  test("RAD-096 passing - two targets head-on, 60 m apart: no swap in at least 99 of 100 seeds", () => {
    let swaps = 0;
    for (let seed = 1; seed <= 100; seed += 1) {
      const tracker = trackerOf();
      const stream = randomStream(`RAD-096/${seed}`);
      const first = new Map<string, number>();
      let swapped = false;
      for (let k = 0; k < 60; k += 1) {
        const truths: Vector3[] = [
          [-600 + 20 * k, 3000, 0],
          [600 - 20 * k, 3060, 0],
        ];
        const plots = truths.map((at, index) => noisy(at, [index === 0 ? 20 : -20, 0, 0], stream));
        for (const view of feed(tracker, frameAt(k, plots))) {
          const nearest = distance(view.positionM, truths[0]!) < distance(view.positionM, truths[1]!) ? 0 : 1;
          const id = handleOf(view.birth);
          if (k < 10) first.set(id, nearest);
          else if (k > 50 && first.get(id) !== nearest) swapped = true;
        }
      }
      if (swapped) swaps += 1;
    }
    expect(swaps).toBeLessThanOrEqual(1);
  });

  test("RAD-096 clusters - over the limit they are solved greedily and counted, and the next scan is as good as ever", () => {
    const tracker = trackerOf({ "tracker.cluster_max": 3 });
    // Two contacts 4 m apart: each one's plot lies in both gates.
    const pair = (k: number): Detection[] => [detectionAt([3 * k, 1000, 0], [3, 0, 0]), detectionAt([3 * k, 1004, 0], [3, 0, 0])];
    let views: readonly TrackView[] = [];
    for (let k = 0; k < 20; k += 1) views = feed(tracker, frameAt(k, pair(k)));
    expect(tracker.counters.cluster_overflow).toBeGreaterThan(0);
    expect(views.map(({ status, misses }) => [status, misses])).toEqual([
      [STATUS.tracked, 0],
      [STATUS.tracked, 0],
    ]);
    expect(confirmedIds(views).size).toBe(2);
  });

  test("RAD-117 alpha_beta - the crossing: one id, the velocity from the second hit", () => {
    // With angles as good as exact: the unbiased conversion of noisy ones stretches places by exp(sigma²), here by 5 parts in a million.
    const exact = { "radar.sr.beamwidth_deg": 0, "radar.sr.floor_angle_deg": 1e-6 };
    const views = crossing(trackerOf({ "tracker.filter": "alpha_beta" }, exact), -150, 25, 100, 12);
    expect(new Set(views.flat().map(({ birth }) => handleOf(birth))).size).toBe(1);
    for (const [view] of views.slice(1))
      [25, 0, 0].forEach((value, axis) => expect(Math.abs(view!.velocityMps[axis]! - value)).toBeLessThan(1e-9));
  });

  test("RAD-118 imm - a turn of 3 deg/s after 20 s straight: one id, the model of the right sign is likelier", () => {
    const tracker = trackerOf({ "tracker.filter": "imm" });
    const stream = randomStream("RAD-118");
    const [speed, rate] = [40, 3 * RAD_PER_DEG];
    const views: TrackView[] = [];
    for (let k = 0; k <= 26; k += 1) {
      const t = k - 20;
      const at: Vector3 =
        t <= 0 ? [-800 + speed * k, 2000, 0] : [(speed * Math.sin(rate * t)) / rate, 2000 - (speed * (1 - Math.cos(rate * t))) / rate, 0];
      const velocity: Vector3 = t <= 0 ? [speed, 0, 0] : [speed * Math.cos(rate * t), -speed * Math.sin(rate * t), 0];
      views.push(...feed(tracker, frameAt(k, [noisy(at, velocity, stream)])));
    }
    expect(confirmedIds(views).size).toBe(1);
    const [, clockwise, counterClockwise] = modelProbabilities(tracker.table.states, tracker.table.tracks[0]!.row);
    expect(clockwise).toBeGreaterThan(counterClockwise!);
  });

  test("RAD-069 order - shuffled detections give the very same tracks (seed RAD-069)", () => {
    const stream = randomStream("RAD-069");
    const [straight, shuffled] = [trackerOf(), trackerOf()];
    const targets = Array.from(
      { length: 12 },
      (): Vector3 => [2000 * stream.gaussian(), 2000 * stream.gaussian(), 100 * stream.gaussian()],
    );
    for (let k = 0; k < 50; k += 1) {
      const plots = targets.flatMap((at) => {
        const sr = noisy(at, [0, 0, 0], stream);
        return [sr, { ...noisy(at, [0, 0, 0], stream), band: RANGE_BAND.lr }, ...(stream.uniform() < 0.1 ? [sr] : [])];
      });
      const mixed = plots
        .map((plot) => ({ plot, key: stream.uniform() }))
        .sort((a, b) => a.key - b.key)
        .map(({ plot }) => plot);
      expect(JSON.stringify(feed(shuffled, frameAt(k, mixed)))).toBe(JSON.stringify(feed(straight, frameAt(k, plots))));
    }
  });
});

function distance(a: Vector3, b: Vector3): number {
  return Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
}

function polarToXyz(rangeM: number, bearingDeg: number, elevDeg: number): Vector3 {
  const [b, e] = [bearingDeg * RAD_PER_DEG, elevDeg * RAD_PER_DEG];
  return [rangeM * Math.cos(e) * Math.sin(b), rangeM * Math.cos(e) * Math.cos(b), rangeM * Math.sin(e)];
}

describe("time", () => {
  const at = (timeS: number, more: Partial<Frame> = {}): Frame => frameAt(timeS, [detectionOf()], more);

  test("RAD-097 late - a frame older than the last one is refused and changes nothing", () => {
    const tracker = trackerOf();
    for (const t of [0, 1, 2]) tracker.step(at(t));
    const before = tracker.hash();
    expect(tracker.step(at(1.5))).toEqual([]);
    expect(tracker.counters.late).toBe(1);
    expect(tracker.hash()).toBe(before);
  });

  test("RAD-098 reorder - a window of half a second puts 0, 1, .8, 2, .9 in order, the last is late", () => {
    const tracker = trackerOf({ "tracker.reorder_window_s": 0.5 });
    const released = [0, 1, 0.8, 2, 0.9].flatMap((t) => tracker.step(at(t)).map(({ timeUs }) => (timeUs - at(0).timeUs) / 1e6));
    expect(released).toEqual([0, 0.8, 1]);
    expect(tracker.counters.late).toBe(1);
    const inOrder = trackerOf();
    for (const t of [0, 0.8, 1]) inOrder.step(at(t));
    expect(JSON.stringify(tracker.views())).toBe(JSON.stringify(inOrder.views()));
    expect(tracker.flush().map(({ timeUs }) => (timeUs - at(0).timeUs) / 1e6)).toEqual([2]);
  });

  test("RAD-099 repeats - the same frame, and another one of the same time", () => {
    const tracker = trackerOf();
    tracker.step(at(0));
    const before = tracker.hash();
    expect(tracker.step(at(0))).toEqual([]);
    expect(tracker.step(at(0, { frameId: "other" }))).toEqual([]);
    expect(tracker.counters).toMatchObject({ duplicate: 1, same_time: 1, frames: 1 });
    expect(tracker.hash()).toBe(before);
  });

  test("RAD-101 new run - every confirmed track is lost a microsecond later, then fresh ids", () => {
    const tracker = trackerOf();
    for (const t of [0, 1, 2]) tracker.step(at(t, { runId: "a", frameId: `a${t}` }));
    const scans = tracker.step(at(0, { runId: "b", frameId: "b0" }));
    expect(scans.map(({ timeUs, runId, isRestart }) => [timeUs - at(2).timeUs, runId, isRestart])).toEqual([
      [1, "b", true],
      [-2_000_000, "b", false],
    ]);
    expect(scans[0]!.tracks.map(({ status }) => status)).toEqual([STATUS.lost]);
    expect(scans[1]!.tracks.map(({ status, birth }) => [status, birth.frameId])).toEqual([[STATUS.new, "b0"]]);
    expect(tracker.counters.restarts).toBe(1);
  });

  test("RAD-101 new run - a repeat of the old run's frame begins nothing; before the first scan there is nothing to end", () => {
    const tracker = trackerOf();
    for (const t of [0, 1]) tracker.step(at(t, { runId: "a", frameId: `a${t}` }));
    tracker.step(at(0, { runId: "b", frameId: "b0" }));
    expect(tracker.step(at(1, { runId: "a", frameId: "a1" }))).toEqual([]);
    expect(tracker.counters).toMatchObject({ restarts: 1, duplicate: 1 });
    const waiting = trackerOf({ "tracker.reorder_window_s": 2 });
    expect(waiting.step(at(0, { runId: "a", frameId: "a0" }))).toEqual([]);
    expect(waiting.step(at(0, { runId: "b", frameId: "b0" }))).toEqual([]);
  });

  test("RAD-102 restart - five late frames with rising times start anew, four do not", () => {
    const tracker = trackerOf();
    for (const t of [100, 101]) tracker.step(at(t));
    for (const t of [1, 2, 3, 4]) expect(tracker.step(at(t))).toEqual([]);
    expect(tracker.counters).toMatchObject({ late: 4, restarts: 0 });
    expect(tracker.step(at(5)).length).toBe(2);
    expect(tracker.counters).toMatchObject({ late: 4, restarts: 1 });
    const falling = trackerOf();
    for (const t of [100, 9, 8, 7, 6, 5, 4]) falling.step(at(t));
    expect(falling.counters).toMatchObject({ late: 6, restarts: 0 });
  });

  test("RAD-115 invalid - one NaN spoils the whole frame", () => {
    const tracker = trackerOf();
    tracker.step(at(0));
    const before = tracker.hash();
    const plots = Array.from({ length: 10 }, (_, index) => detectionOf({ rangeM: index === 5 ? Number.NaN : 1000 + 100 * index }));
    expect(tracker.step(frameAt(1, plots))).toEqual([]);
    expect(tracker.counters.invalid).toBe(1);
    expect(tracker.hash()).toBe(before);
  });

  test.each([{ rangeM: 2e8 }, { rangeM: Number.POSITIVE_INFINITY }, { rangeRateMps: -2e7 }, { snrDb: 301 }, { rcsDbsm: Number.NaN }])(
    "RAD-115 invalid - %o is no measurement: what came of it would not be finite",
    (more) => {
      const tracker = trackerOf();
      expect(tracker.step(frameAt(0, [detectionOf(), detectionOf(more)]))).toEqual([]);
      expect(tracker.step(at(1, { ownVelocityMps: [0, 2e7, 0] }))).toEqual([]);
      expect(tracker.counters.invalid).toBe(2);
    },
  );

  test.each([0, 1e-9, 1, 1e6, 1e7])("RAD-056 far and near - a contact at rest at %d m is one track with a sound covariance", (rangeM) => {
    for (const filter of ["kalman", "alpha_beta", "imm"]) {
      const tracker = trackerOf({ "tracker.filter": filter });
      for (let k = 0; k < 20; k += 1) {
        const views = feed(tracker, frameAt(k, [detectionOf({ rangeM, bearingDeg: 33, elevDeg: 21, snrDb: 20 })]));
        expect(views.length, filter).toBe(1);
        const [xx, xy, xz, yy, yz, zz] = views[0]!.positionCovariance as [number, number, number, number, number, number];
        const minors = [xx, xx * yy - xy * xy, xx * (yy * zz - yz * yz) - xy * (xy * zz - yz * xz) + xz * (xy * yz - yy * xz)];
        for (const minor of minors) expect(minor, filter).toBeGreaterThan(0);
      }
    }
  });

  test("RAD-121 state - handed over in the middle, the tracks go on byte for byte (1,000 frames, seed RAD-121)", () => {
    const stream = randomStream("RAD-121");
    const frames = Array.from({ length: 1000 }, (_, k) => {
      const plots = [0, 1, 2, 3].flatMap((n) =>
        stream.uniform() < 0.85 ? [noisy([500 + 300 * n, 1000 + 3 * k, 50], [0, 3, 0], stream)] : [],
      );
      return frameAt(k, plots);
    });
    for (const filter of ["kalman", "alpha_beta", "imm"]) {
      const config = { "tracker.filter": filter, "tracker.reorder_window_s": 1.5 };
      const whole = trackerOf(config);
      let split = trackerOf(config);
      for (const [k, frame] of frames.entries()) {
        expect(JSON.stringify(split.step(frame))).toBe(JSON.stringify(whole.step(frame)));
        if (k % 100 !== 50) continue;
        const bytes = JSON.stringify(split.state());
        split = trackerOf(config);
        split.restore(JSON.parse(bytes));
        expect(split.hash()).toBe(whole.hash());
        expect(JSON.stringify(split.state())).toBe(bytes);
      }
    }
  });
});

describe("two bands", () => {
  const both = (sr: Partial<Detection>, lr: Partial<Detection>): Detection[] => [
    detectionOf(sr),
    detectionOf({ band: RANGE_BAND.lr, idPresent: false, ...lr }),
  ];

  test("RAD-103 merge - SR at 4 km and LR at 90 km on one ray are two", () => {
    const tracker = trackerOf();
    const views = [0, 1].map((k) => feed(tracker, frameAt(k, both({ rangeM: 4000 }, { rangeM: 90_000 }))));
    expect(views[1]!.length).toBe(2);
    expect(tracker.counters.merged).toBe(0);
  });

  test("RAD-104 merge - LR 8 m beside SR is the same, 100 m beside it another", () => {
    const tracker = trackerOf();
    for (let k = 0; k < 5; k += 1) {
      const views = feed(tracker, frameAt(k, both({ rangeM: 4000 }, { rangeM: 4008 })));
      expect(views.length).toBe(1);
      expect(views[0]!.band).toBe(RANGE_BAND.sr);
      expect(Math.abs(polarOfXyz(...views[0]!.positionM).rangeM - 4000)).toBeLessThan(0.2);
      expect(tracker.counters.merged).toBe(k + 1);
    }
    const apart = trackerOf();
    for (const k of [0, 1]) feed(apart, frameAt(k, both({ rangeM: 4000 }, { rangeM: 4100 })));
    expect(apart.views().length).toBe(2);
  });

  test("RAD-106 merge - SR at 40 m and LR at 200 m stay two, the near one where it is", () => {
    const tracker = trackerOf();
    let views: readonly TrackView[] = [];
    for (let k = 0; k < 10; k += 1) views = feed(tracker, frameAt(k, both({ rangeM: 40 }, { rangeM: 200 })));
    expect(views.length).toBe(2);
    const near = views.find(({ band }) => band === RANGE_BAND.sr)!;
    expect(Math.abs(polarOfXyz(...near.positionM).rangeM - 40)).toBeLessThan(0.1);
  });

  test("RAD-108 hand-over - LR plots of an SR-born track keep its id and identity; the band says no long range", () => {
    const tracker = trackerOf();
    const known: Partial<Detection> = { rangeM: 4900, transponderOn: true, transponderMode: 1, transponderId: "ALLY-A", idPresent: true };
    for (const k of [0, 1, 2]) feed(tracker, frameAt(k, [detectionOf(known)]));
    const [before] = tracker.views();
    const [after] = feed(tracker, frameAt(3, [detectionOf({ rangeM: 4900, band: RANGE_BAND.lr, idPresent: false })]));
    expect(handleOf(after!.birth)).toBe(handleOf(before!.birth));
    expect([after!.transponderId, after!.iff, after!.band]).toEqual(["ALLY-A", IFF.friend, RANGE_BAND.lr]);
    expect(tracker.table.tracks.length).toBe(1);
  });

  test("RAD-104 merge - 20,000 plots of both bands, as many as a frame may hold, twice (seed RAD-104)", () => {
    const stream = randomStream("RAD-104");
    const tracker = trackerOf({ "tracker.max_tracks": 15_000 });
    for (const k of [0, 1]) {
      const plots = Array.from({ length: 20_000 }, (_, n) =>
        detectionAt([3000 * stream.gaussian(), 3000 * stream.gaussian(), 300 * stream.gaussian()], [0, 0, 0], {
          band: n % 2 === 0 ? RANGE_BAND.lr : RANGE_BAND.sr,
        }),
      );
      expect(tracker.step(frameAt(k, plots)).length).toBe(1);
    }
    const { merged, absorbed, births_refused: refused } = tracker.counters;
    expect(Math.min(merged, absorbed, refused)).toBeGreaterThan(100);
    expect(tracker.table.tracks.length).toBe(15_000);
  });

  test("RAD-104 absorbed - looking only where the range allows finds the same as looking everywhere (seed RAD-104)", () => {
    const stream = randomStream("RAD-104");
    const plotOf = (band: 1 | 2): PolarPlot => {
      const detection = detectionOf({ rangeM: 1000 + 300 * stream.uniform(), bearingDeg: 2 * stream.uniform(), band });
      return { detection, sigma: measurementSigma(band === 1 ? sensor.lr : sensor.sr, 10 + 20 * stream.uniform()) };
    };
    const sr = Array.from({ length: 10 }, () => plotOf(2)).sort((a, b) => a.detection.rangeM - b.detection.rangeM);
    const found = Array.from({ length: 400 }, () => {
      const lr = plotOf(1);
      const isAbsorbed = isAbsorbedByAny(lr, sr, widestSigmaM(sr));
      expect(isAbsorbed).toBe(sr.some((one) => isAbsorbedByAny(lr, [one], 1e9)));
      return isAbsorbed;
    });
    expect(new Set(found).size).toBe(2);
  });

  test("RAD-104 absorbed - an LR plot beside an SR plot, too far to be the same, starts no track", () => {
    const tracker = trackerOf();
    // 42 m are 3.3 standard deviations: over the single limit, under the sum.
    for (const k of [0, 1, 2]) feed(tracker, frameAt(k, both({ rangeM: 4000 }, { rangeM: 4042 })));
    expect(tracker.views().length).toBe(1);
    expect(tracker.counters).toMatchObject({ merged: 0, absorbed: 3 });
  });
});

describe("identity", () => {
  const heard = (mode: 0 | 1 | 3, id: string | null): Detection =>
    detectionOf({ transponderOn: id !== null, transponderMode: mode, transponderId: id, idPresent: id !== null });

  test("RAD-109 spoof - another id in mode SPOOF: same track, new id, unknown", () => {
    const tracker = trackerOf();
    for (const k of [0, 1]) feed(tracker, frameAt(k, [heard(1, "ALLY-1")]));
    const [before] = tracker.views();
    const [after] = feed(tracker, frameAt(2, [heard(3, "SPOOF-9")]));
    expect(handleOf(after!.birth)).toBe(handleOf(before!.birth));
    expect([before!.iff, after!.transponderId, after!.transponderMode, after!.iff]).toEqual([IFF.friend, "SPOOF-9", 3, IFF.unknown]);
  });

  test("RAD-110 foe - stays one when its transponder falls silent", () => {
    const tracker = trackerOf({ "iff.foes": ["RED-*"] });
    for (const k of [0, 1]) feed(tracker, frameAt(k, [heard(1, "RED-1")]));
    expect(tracker.views()[0]!.iff).toBe(IFF.foe);
    const [silent] = feed(tracker, frameAt(2, [heard(0, null)]));
    expect([silent!.iff, silent!.transponderOn, silent!.transponderId]).toEqual([IFF.foe, false, null]);
    const [friend] = feed(tracker, frameAt(3, [heard(1, "ALLY-2")]));
    expect([friend!.iff, feed(tracker, frameAt(4, [heard(0, null)]))[0]!.iff]).toEqual([IFF.friend, IFF.unknown]);
  });

  test("RAD-111 friend - unknown when its transponder is off; a declared hostile is a foe", () => {
    const tracker = trackerOf({ "identity.types": [{ match: "ALLY-?", type: "DRONE" }] });
    for (const k of [0, 1]) feed(tracker, frameAt(k, [heard(1, "ALLY-1")]));
    const [friend] = tracker.views();
    expect([friend!.iff, friend!.objectType]).toEqual([IFF.friend, 1]);
    expect(feed(tracker, frameAt(2, [heard(0, null)]))[0]!.iff).toBe(IFF.unknown);
    tracker.declare(handleOf(friend!.birth), true);
    expect(tracker.views()[0]!.iff).toBe(IFF.foe);
  });
});
