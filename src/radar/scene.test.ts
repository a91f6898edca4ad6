import { describe, expect, test } from "vitest";
import { RANGE_BAND } from "./frame.ts";
import type { ContactSpec } from "./contacts.ts";
import { createScene, type Scene, type SensorInputs, type SentScan } from "./scene.ts";
import { contactOf as contact, sensorSettingsOf, trajectoryFrom } from "./test-rig.ts";

function sceneOf(contacts: readonly ContactSpec[], config: Record<string, unknown> = {}, seed = 42): Scene {
  return createScene({ settings: sensorSettingsOf(config), contacts, seed, tickMs: 100, ownStartM: [0, 0, 0] });
}

function inputs(more: Partial<SensorInputs> = {}): SensorInputs {
  return {
    radarOn: true,
    interrogates: true,
    positionM: [0, 0, 0],
    velocityMps: [0, 0, 0],
    dropout: { lr: false, sr: false },
    lateS: 0,
    ...more,
  };
}

/** Advances through ticks 1..last with what `at` says of each. */
function run(scene: Scene, last: number, at: (tick: number) => SensorInputs = () => inputs(), first = 1): (SentScan & { tick: number })[] {
  const sent: (SentScan & { tick: number })[] = [];
  for (let tick = first; tick <= last; tick += 1) for (const one of scene.advance(tick, at(tick))) sent.push({ ...one, tick });
  return sent;
}

describe("RAD-032 trajectories", () => {
  test("RAD-032 circular - a quarter turn clockwise from north", () => {
    const motion = trajectoryFrom({
      kind: "circular",
      centre: { x: 7, y: -3, z: 2 },
      radius_m: 100,
      speed_mps: 10,
      start_deg: 0,
      direction: "cw",
    })(5 * Math.PI);
    expect(motion.positionM[0]).toBeCloseTo(107, 9);
    expect(motion.positionM[1]).toBeCloseTo(-3, 9);
    expect(motion.velocityMps[0]).toBeCloseTo(0, 9);
    expect(motion.velocityMps[1]).toBeCloseTo(-10, 9);
  });

  test("RAD-032 waypoints - at rest before the first, linear between, held or continued after the last", () => {
    const points = [
      { t_s: 10, at: { x: 0, y: 0, z: 0 } },
      { t_s: 20, at: { x: 100, y: 0, z: 50 } },
    ];
    const hold = trajectoryFrom({ kind: "waypoints", points });
    const onward = trajectoryFrom({ kind: "waypoints", points, end: "continue" });
    expect(hold(9.999)).toEqual({ positionM: [0, 0, 0], velocityMps: [0, 0, 0] });
    expect(hold(15)).toEqual({ positionM: [50, 0, 25], velocityMps: [10, 0, 5] });
    expect(hold(20)).toEqual({ positionM: [100, 0, 50], velocityMps: [0, 0, 0] });
    expect(onward(30)).toEqual({ positionM: [200, 0, 100], velocityMps: [10, 0, 5] });
  });

  test("RAD-032 manoeuvre - exact through an acceleration, a turn and straight on", () => {
    const trajectory = trajectoryFrom(
      {
        kind: "manoeuvre",
        at: { range_m: 100, bearing_deg: 90, elev_deg: 0 },
        velocity: { x: 0, y: 10, z: 0 },
        segments: [
          { duration_s: 2, accel: { x: 0, y: 5, z: 0 } },
          { duration_s: 9, turn_dps: 10 },
        ],
      },
      [0, 1000, 0],
    );
    expect(trajectory(2).positionM[1]).toBeCloseTo(1030, 9);
    const turned = trajectory(11);
    expect(turned.velocityMps[0]).toBeCloseTo(20, 9);
    expect(turned.velocityMps[1]).toBeCloseTo(0, 9);
    // A quarter circle of radius v/w, to the right of the way north.
    const radiusM = 20 / ((10 * Math.PI) / 180);
    expect(turned.positionM[0]).toBeCloseTo(100 + radiusM, 9);
    expect(turned.positionM[1]).toBeCloseTo(1030 + radiusM, 9);
    expect(trajectory(12).positionM[0]).toBeCloseTo(120 + radiusM, 9);
  });
});

describe("RAD-028 the scene", () => {
  test("RAD-028 streams - one more contact changes no detection of the others", () => {
    const two = run(sceneOf([contact("a"), contact("b", { rcs_dbsm: -10 })], { "radar.sr.false_alarms_per_scan": 3 }), 400);
    const three = run(
      sceneOf([contact("a"), contact("aa"), contact("b", { rcs_dbsm: -10 })], { "radar.sr.false_alarms_per_scan": 3 }),
      400,
    );
    const alone = run(sceneOf([contact("aa")], { "radar.sr.false_alarms_per_scan": 3 }), 400);
    const kept = three.map(({ scan }) => scan.detections.map((one) => JSON.stringify(one)));
    two.forEach(({ scan }, index) => {
      for (const one of scan.detections) expect(kept[index]).toContain(JSON.stringify(one));
      // And nothing else: what is more is what the new contact shows when it is alone.
      const all = [...scan.detections, ...alone[index]!.scan.detections].map((one) => JSON.stringify(one));
      expect([...new Set(kept[index])].sort()).toEqual([...new Set(all)].sort());
    });
    expect(two.some(({ scan }) => scan.detections.length > 5)).toBe(true);
  });

  test("RAD-029 identity - only while own transponder interrogates", () => {
    const scene = sceneOf([contact("ally", { rcs_dbsm: 40, transponder: { mode: "ON", id: "ALLY-1" } })]);
    const sent = run(scene, 60, (tick) => inputs({ interrogates: tick <= 20 || tick > 40 }));
    const ids = sent.flatMap(({ tick, scan }) =>
      scan.detections
        .filter((one) => one.band === RANGE_BAND.sr)
        .map((one) => [tick, one.transponderOn, one.transponderMode, one.transponderId]),
    );
    expect(ids).toEqual([
      [10, true, 1, "ALLY-1"],
      [20, true, 1, "ALLY-1"],
      [30, false, 0, null],
      [40, false, 0, null],
      [50, true, 1, "ALLY-1"],
      [60, true, 1, "ALLY-1"],
    ]);
    for (const { scan } of sent)
      for (const one of scan.detections) if (one.band === RANGE_BAND.lr) expect([one.transponderId, one.idPresent]).toEqual([null, false]);
  });

  test("RAD-030 identity - a spoof answers with its id and fails authentication; off and silent look alike", () => {
    const spoof = contact("spoof", { rcs_dbsm: 40, transponder: { mode: "SPOOF", id: "ALLY-7F3A21" } });
    const silent = contact("silent", { rcs_dbsm: 40, transponder: { mode: "SILENT", id: "RED-1" } });
    const { scan } = run(sceneOf([spoof, silent]), 10)[0]!;
    const sr = scan.detections.filter((one) => one.band === RANGE_BAND.sr);
    expect(sr.map((one) => [one.transponderOn, one.transponderMode, one.transponderId, one.idPresent])).toEqual([
      [true, 3, "ALLY-7F3A21", true],
      [false, 0, null, false],
    ]);
    expect(scan.detections.filter((one) => one.band === RANGE_BAND.lr).map((one) => one.transponderId)).toEqual([null, null]);
  });

  test("RAD-031 looks - none without power or with both bands out; one band out leaves the other", () => {
    const scene = sceneOf([contact("a", { rcs_dbsm: 40 })]);
    const sent = run(scene, 80, (tick) =>
      inputs({
        radarOn: tick !== 20,
        dropout: { lr: tick === 40 || tick === 50, sr: tick === 30 || tick === 40 },
      }),
    );
    expect(sent.map(({ tick, scan }) => [tick, scan.looked.lr, scan.looked.sr])).toEqual([
      [10, true, true],
      [30, true, false],
      [50, false, true],
      [60, true, true],
      [70, true, true],
      [80, true, true],
    ]);
    expect(sent[1]!.scan.detections.map((one) => one.band)).toEqual([RANGE_BAND.lr]);
    // The draws of a band that does not look are not made: tick 30 has the LR draws of its second look.
    expect(sceneOf([]).advance(10, inputs())[0]?.scan.detections).toEqual([]);
  });

  test("RAD-031 looks - every nth frame of a band", () => {
    const sent = run(sceneOf([], { "radar.lr.every_frames": 3, "radar.sr.every_frames": 2 }), 70);
    expect(sent.map(({ tick, scan }) => [tick, scan.looked.lr, scan.looked.sr])).toEqual([
      [10, true, true],
      [30, false, true],
      [40, true, false],
      [50, false, true],
      [70, true, true],
    ]);
  });

  test("RAD-124 dropouts - while LR and both are out there is no frame; with both cleared SR looks alone", () => {
    const dropout = (tick: number): SensorInputs["dropout"] => ({ lr: tick < 60, sr: tick < 40 });
    const sent = run(sceneOf([contact("a", { rcs_dbsm: 40 })]), 80, (tick) => inputs({ dropout: dropout(tick) }));
    expect(sent.map(({ tick, scan }) => [tick, scan.looked.lr, scan.looked.sr])).toEqual([
      [40, false, true],
      [50, false, true],
      [60, true, true],
      [70, true, true],
      [80, true, true],
    ]);
  });

  test("RAD-122 late frames - the union of an odd frame comes later, its subsets at once, its content unchanged", () => {
    const late = run(sceneOf([contact("a")]), 80, () => inputs({ lateS: 1.5 }));
    const prompt = run(sceneOf([contact("a")]), 80);
    expect(late.map((one) => [one.tick, one.scan.tick, one.sendsSubsets, one.sendsUnion])).toEqual([
      [10, 10, true, true],
      [20, 20, true, false],
      [30, 30, true, true],
      [35, 20, false, true],
      [40, 40, true, false],
      [50, 50, true, true],
      [55, 40, false, true],
      [60, 60, true, false],
      [70, 70, true, true],
      [75, 60, false, true],
      [80, 80, true, false],
    ]);
    for (const { scan } of late) expect(scan).toEqual(prompt.find((one) => one.tick === scan.tick)!.scan);
  });

  test("RAD-123 snapshot - restored after each tick, the frames go on byte for byte, held ones included", () => {
    const contacts = [contact("a"), contact("b", { rcs_dbsm: -5, transponder: { mode: "ON", id: "ALLY-B" } })];
    const config = { "radar.lr.false_alarms_per_scan": 2, "radar.sr.every_frames": 2 };
    const at = (tick: number): SensorInputs =>
      inputs({
        lateS: tick > 20 && tick < 90 ? 2.5 : 0,
        dropout: { lr: tick > 40 && tick < 60, sr: tick > 50 && tick < 80 },
        positionM: [tick, 0, 0],
      });
    const change = (scene: Scene, tick: number): void => {
      if (tick === 35) scene.change({ id: "a", appear: false, transponder: undefined });
      if (tick === 45) scene.change({ id: "b", appear: undefined, transponder: { mode: "SPOOF", id: "X" } });
      if (tick === 95) scene.change({ id: "a", appear: true, transponder: undefined });
    };
    const straight = sceneOf(contacts, config);
    const broken = { scene: sceneOf(contacts, config) };
    for (let tick = 1; tick <= 140; tick += 1) {
      for (const scene of [straight, broken.scene]) change(scene, tick);
      const expected = straight.advance(tick, at(tick));
      expect(JSON.stringify(broken.scene.advance(tick, at(tick)))).toBe(JSON.stringify(expected));
      const bytes = JSON.stringify(broken.scene.state());
      broken.scene = sceneOf(contacts, config);
      broken.scene.restore(JSON.parse(bytes));
      expect(broken.scene.hash()).toBe(straight.hash());
    }
  });

  test("scene - contacts come and go at their times, and a timeline's word wins", () => {
    const scene = sceneOf([contact("a", { rcs_dbsm: 50, fluctuation: "steady", appear_s: 2, disappear_s: 4 })]);
    const seen = (ticks: number, first: number): number[] => run(scene, ticks, undefined, first).map(({ scan }) => scan.detections.length);
    expect(seen(50, 1)).toEqual([0, 2, 2, 0, 0]);
    scene.change({ id: "a", appear: true, transponder: undefined });
    expect(seen(70, 51)).toEqual([2, 2]);
  });

  test("settings - what two keys together forbid is reported", () => {
    const problems: string[] = [];
    sensorSettingsOf({ "radar.sr_threshold_m": 2e5, "radar.frame_period_s": 0.25, "radar.pfa": "x" }, problems);
    expect(problems).toEqual([
      "radar.pfa: got x, expected 1e-12..0.01",
      "radar.lr.max_range_m: got 100000, expected more than radar.sr_threshold_m, 200000 m",
      "radar.frame_period_s: got 0.25, expected a multiple of the tick, 100 ms",
    ]);
  });
});
