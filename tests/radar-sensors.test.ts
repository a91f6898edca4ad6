import { describe, expect, test } from "vitest";
import { loadGuardRules } from "#cli/load-rules.ts";
import type { Message } from "#contracts/message.ts";
import { guardEventSchema, RADAR_SENSOR_ID, type RadarTrackWire, trackerStatusSchema } from "#contracts/radar.ts";
import { SUBJECTS } from "#contracts/subjects.ts";
import { parseSettings } from "#twin/settings.ts";
import { createTrackerMachine, type TrackerInput, type TrackerMachine } from "#twin/tracker-machine.ts";
import type { Body } from "./service-rig.ts";

const A = RADAR_SENSOR_ID;
const B = "00000000-0000-5000-8000-00000000000b";
const C = "00000000-0000-5000-8000-00000000000c";
const BOTH = [A, B];
const EPOCH_MS = Date.parse("2026-01-01T00:00:00Z");

type Frame = TrackerInput & { kind: "frame" };

function machineOf(sensorIds: readonly string[], config: Body = {}): TrackerMachine {
  const parsed = parseSettings({ "tracker.sensor_ids": sensorIds, ...config });
  if (parsed.kind === "refused") throw new Error(parsed.problems.join("; "));
  const { tracker, sensor } = parsed.settings;
  return createTrackerMachine({ tracker, sensor, ruleSet: loadGuardRules().ruleSet() });
}

let frames = 0;

/** A frame of SR plots at 20 dB, north of own ship. */
function frameOf(sensorId: string, timeS: number, rangesM: readonly number[], headers: Record<string, string> = {}): Frame {
  frames += 1;
  const payload = {
    schema_version: 1,
    frame_id: `10000000-0000-5000-8000-${String(frames).padStart(12, "0")}`,
    sensor_id: sensorId,
    timestamp: new Date(EPOCH_MS + timeS * 1000).toISOString(),
    detections: rangesM.map((range_m) => ({ range_m, bearing_deg: 0, elev_deg: 0, vr_mps: 0, snr_db: 20, rcs_dbsm: 0, range_band: 2 })),
  };
  return { kind: "frame", payload, headers: { "x-qiki-tick": String(Math.round(timeS * 10)), ...headers } };
}

function sent(machine: TrackerMachine, frame: Frame): readonly Message[] {
  return machine.accept(frame, 0 as never).map(({ message }) => message);
}

function bodiesOn(subject: string, messages: readonly Message[]): readonly Body[] {
  return messages.flatMap((message) => (message.subject === subject ? [message.payload] : []));
}

const tracksOf = (messages: readonly Message[]): readonly RadarTrackWire[] =>
  bodiesOn(SUBJECTS.radarTracks, messages) as never as readonly RadarTrackWire[];

describe("several sensors", () => {
  test.each([
    { name: "listed", ids: BOTH },
    { name: "taken as they come", ids: ["*"] },
  ])("RAD-115 sensors - $name: each has the tracks of its own plots, bit for bit those that it would have alone", ({ ids }) => {
    const together = machineOf(ids);
    const alone = new Map(BOTH.map((id) => [id, machineOf([id])]));
    for (let second = 0; second < 12; second += 1) {
      // One place, seen by both; the second sensor's clock is an hour behind and it looks half as often.
      const turns = [frameOf(A, 4000 + second, [1000 + 3 * second, 2500])];
      if (second % 2 === 0) turns.push(frameOf(B, 400 + second, second === 6 ? [] : [1000 + 3 * second]));
      for (const frame of turns) {
        const id = (frame.payload as { sensor_id: string }).sensor_id;
        const tracks = tracksOf(sent(together, frame));
        expect(tracks).toEqual(tracksOf(sent(alone.get(id)!, frame)));
        expect(tracks.length).toBe(id === A ? 2 : 1);
      }
    }
    expect(together.views().length).toBe(3);
    expect(together.wires()).toEqual(BOTH.flatMap((id) => alone.get(id)!.wires()));
    expect(together.hashes()).not.toEqual(alone.get(A)!.hashes());
  });

  test("RAD-101 sensors - a new run of one ends its own tracks alone; late and repeated are judged by its own clock", () => {
    const machine = machineOf(BOTH);
    for (const second of [1, 2]) {
      sent(machine, frameOf(A, 100 + second, [1000], { "x-qiki-run": "one" }));
      sent(machine, frameOf(B, second, [2000], { "x-qiki-run": "one" }));
    }
    const status = bodiesOn(SUBJECTS.radarTracker, sent(machine, frameOf(B, 3, [2000], { "x-qiki-run": "two" })))[0]!;
    expect(status.counters).toMatchObject({ frames: 5, late: 0, restarts: 1 });
    const counters = (status.sensors as readonly Body[]).map((share) => share.counters as Readonly<Record<string, number>>);
    expect(counters.map(({ frames: taken, restarts }) => [taken, restarts])).toEqual([
      [2, 0],
      [3, 1],
    ]);
    expect(tracksOf(sent(machine, frameOf(A, 103, [1000], { "x-qiki-run": "one" }))).map(({ status: word }) => word)).toEqual([2]);
    expect(sent(machine, frameOf(A, 50, [1000]))).toEqual([]);
    expect(sent(machine, frameOf(B, 4, [2000])).length).toBeGreaterThan(0);
  });

  test("RAD-099 sensors - a frame id that one sensor has used is a repeat for all: tracks are named by it", () => {
    const machine = machineOf(BOTH);
    const frame = frameOf(A, 1, [1000]);
    sent(machine, frame);
    const before = machine.hashes();
    const copy = { ...frame, payload: { ...(frame.payload as Body), sensor_id: B } };
    expect(sent(machine, copy)).toEqual([]);
    expect(machine.hashes()).toEqual(before);
    expect(bodiesOn(SUBJECTS.radarTracker, sent(machine, frameOf(A, 2, [])))[0]).toMatchObject({
      sensors: [{ counters: { duplicate: 0 } }, { counters: { duplicate: 1 } }],
    });
  });

  test("RAD-115 sensors - one that is not listed is foreign; frames that are refused leave no sensor behind and change no digest", () => {
    const listed = machineOf(BOTH);
    const before = listed.hashes();
    expect(sent(listed, frameOf(C, 1, [1000]))).toEqual([]);
    expect(listed.hashes()).toEqual(before);
    expect(bodiesOn(SUBJECTS.radarTracker, sent(listed, frameOf(A, 1, [])))[0]!.counters).toMatchObject({ foreign_sensor: 1 });

    const any = machineOf(["*"]);
    sent(any, frameOf(A, 1, [1000]));
    const single = any.hashes();
    expect(sent(any, frameOf(B, 1, [2e8]))).toEqual([]);
    expect(any.hashes()).toEqual(single);
    const status = bodiesOn(SUBJECTS.radarTracker, sent(any, frameOf(A, 2, [1000])))[0]!;
    expect([(status.counters as Body).invalid, status.sensors]).toEqual([1, undefined]);
  });

  test("RAD-115 sensors - any number may speak, 64 are tracked; the next one is foreign", () => {
    const machine = machineOf(["*"]);
    const idOf = (place: number): string => `00000000-0000-5000-8000-${String(place).padStart(12, "0")}`;
    for (let place = 1; place <= 65; place += 1) {
      const taken = sent(machine, frameOf(idOf(place), 1, [1000])).length > 0;
      expect(taken, `sensor ${place}`).toBe(place <= 64);
    }
    const status = bodiesOn(SUBJECTS.radarTracker, sent(machine, frameOf(idOf(64), 2, [])))[0]!;
    expect((status.sensors as Body[]).length).toBe(64);
    expect(status.counters).toMatchObject({ frames: 65, foreign_sensor: 1 });
  });

  test("RAD-091 sensors - the status counts all of them and each; at most one a second, every one with an id of its own", () => {
    const machine = machineOf(BOTH);
    const ids = new Set<string>();
    const statuses: Body[] = [];
    for (let step = 0; step < 12; step += 1)
      for (const [place, id] of BOTH.entries())
        for (const message of sent(machine, frameOf(id, 10 + step * 0.5 - place * 5, [1000 + 500 * place]))) {
          if (message.subject !== SUBJECTS.radarTracker) continue;
          ids.add(message.msgId!);
          statuses.push(trackerStatusSchema.parse(message.payload));
        }
    expect([statuses.length, ids.size]).toEqual([6, 6]);
    expect(statuses.at(-1)).toMatchObject({
      tracks: { new: 0, tracked: 2, coasting: 0 },
      sensors: [
        { sensor_id: A, tracks: { tracked: 1 } },
        { sensor_id: B, tracks: { tracked: 1 } },
      ],
    });
    // The first one falls silent: the other says it, a second of its own after the last.
    const times = [11, 11.5, 12, 12.5, 13].map(
      (second) => bodiesOn(SUBJECTS.radarTracker, sent(machine, frameOf(B, second, [1500]))).length,
    );
    expect(times).toEqual([1, 0, 1, 0, 1]);
  });

  test("GRD-019 sensors - each sensor's track has its alert, and handles tell them apart; a lost one clears its own alone", () => {
    const machine = machineOf(BOTH);
    const events: Body[] = [];
    const names = new Set<string>();
    for (let second = 1; second <= 8; second += 1)
      for (const id of BOTH) {
        const ranges = id === B && second > 3 ? [] : [60];
        for (const message of sent(machine, frameOf(id, second, ranges))) {
          if (message.subject !== SUBJECTS.radarGuard) continue;
          events.push(guardEventSchema.parse(message.payload));
          names.add(message.msgId!);
        }
      }
    expect(events.map(({ kind, track_ref: ref, clear_reason: reason }) => [kind, ref, reason])).toEqual([
      ["guard_alert", "10:0", undefined],
      ["guard_alert", "10:0@2", undefined],
      ["guard_clear", "10:0@2", "track_lost"],
    ]);
    expect(names.size).toBe(3);
    expect(machine.activeGuards()).toMatchObject({ UNKNOWN_CONTACT_CLOSE: 1 });
    const off = machine.accept({ kind: "rules", ruleSet: { ...machine.ruleSet, rules: [] } }, 0 as never);
    expect(off.map(({ message }) => [message.payload.track_ref, message.payload.clear_reason])).toEqual([["10:0", "rule_removed"]]);
  });

  test.each([
    { name: "listed", ids: BOTH },
    { name: "taken as they come", ids: ["*"] },
  ])("RAD-121 sensors - $name: restored after any frame, all goes on as if nothing had been", ({ ids }) => {
    const machine = machineOf(ids, { "tracker.reorder_window_s": 1.5 });
    for (let step = 0; step < 24; step += 1) {
      const id = step % 3 === 0 ? B : A;
      const frame = frameOf(id, step * 0.7, step > 15 ? [] : [60, 3000 + step]);
      const other = machineOf(ids, { "tracker.reorder_window_s": 1.5 });
      const bytes = machine.snapshot();
      other.restore(bytes);
      expect(other.hashes()).toEqual(machine.hashes());
      expect(Buffer.from(other.snapshot()).equals(bytes)).toBe(true);
      expect(JSON.stringify(other.accept(frame, 0 as never))).toBe(JSON.stringify(machine.accept(frame, 0 as never)));
      expect(Buffer.from(other.snapshot()).equals(machine.snapshot())).toBe(true);
    }
  });

  test("RAD-121 sensors - a snapshot of sensors that are not tracked here is refused, and nothing is changed", () => {
    const machine = machineOf(BOTH);
    for (const id of BOTH) sent(machine, frameOf(id, 1, [1000]));
    const bytes = machine.snapshot();
    for (const [ids, said] of [
      [[A], `tracker snapshot of sensor ${B}; tracker.sensor_ids has none there`],
      [[B, A], `tracker snapshot of sensor ${A}; tracker.sensor_ids has ${B} there`],
      [[A, C], `tracker snapshot of sensor ${B}; tracker.sensor_ids has ${C} there`],
    ] as const) {
      const other = machineOf(ids);
      const before = Buffer.from(other.snapshot());
      expect(() => other.restore(bytes)).toThrow(said);
      expect(Buffer.from(other.snapshot()).equals(before)).toBe(true);
    }
    for (const ids of [["*"], [A, B, C], [A, "*"]]) {
      const other = machineOf(ids);
      other.restore(bytes);
      expect(other.views()).toEqual(machine.views());
    }
  });
});
