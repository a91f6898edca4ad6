import { describe, expect, test } from "vitest";
import { randomStream, type RandomStream } from "#base/random.ts";
import { guardRulesOfText } from "#services/guard-rules-file.ts";
import { guardEventSchema, type RadarTrackWire, radarTrackSchema } from "#contracts/radar.ts";
import type { Message } from "#contracts/message.ts";
import { SUBJECTS } from "#contracts/subjects.ts";
import { RADAR_SENSOR_ID } from "#radar/frame.ts";
import { polarOfXyz } from "#radar/coordinates.ts";
import { parseSettings } from "#twin/settings.ts";
import { createTrackerMachine, type TrackerInput, type TrackerMachine } from "#twin/tracker-machine.ts";
import type { Body } from "./service-rig.ts";

/** Seeds per run of this test; the soak takes its time. */
const SEEDS = process.env.QIKI_SOAK === "1" ? 1500 : 25;
const FIRST_SEED = Number(process.env.QIKI_FIRST_SEED ?? 1);
const FRAMES = 60;
const EPOCH_MS = Date.parse("2026-01-01T00:00:00Z");

const RULES = `
schema_version: 1
rules:
  - { id: NEAR, description: near, severity: critical, fsm_event: NEAR, max_range_m: 400, min_quality: 0.3, hysteresis_m: 20, cooldown_s: 3 }
  - { id: SLOW, description: slow, severity: warning, fsm_event: SLOW, max_radial_velocity_mps: 20, min_duration_s: 2, clear_after_s: 2 }
  - { id: SPOOF, description: spoof, severity: info, fsm_event: SPOOF, allowed_transponder_modes: [SPOOF], cooldown_s: 0 }
`;

type Frame = TrackerInput & { kind: "frame" };

function pick<T>(stream: RandomStream, values: readonly T[]): T {
  return values[Math.floor(stream.uniform() * values.length)]!;
}

function machineOf(config: Body): TrackerMachine {
  const parsed = parseSettings(config);
  if (parsed.kind === "refused") throw new Error(parsed.problems.join("; "));
  const rules = guardRulesOfText(RULES, 2);
  if (rules.kind === "refused") throw new Error(rules.problems.join("; "));
  return createTrackerMachine({ tracker: parsed.settings.tracker, sensor: parsed.settings.sensor, ruleSet: rules.ruleSet });
}

function randomConfig(stream: RandomStream): Body {
  return {
    "tracker.filter": pick(stream, ["kalman", "kalman", "alpha_beta", "imm"]),
    "tracker.dims": pick(stream, [3, 3, 2]),
    "tracker.doppler": stream.uniform() < 0.7,
    "tracker.lifecycle": pick(stream, ["mofn", "mofn", "score"]),
    "tracker.extraneous_density": pick(stream, [1e-13, 1e-7]),
    "tracker.reorder_window_s": pick(stream, [0, 0, 1.5]),
    "tracker.max_tracks": pick(stream, [20_000, 5]),
    "tracker.cluster_max": pick(stream, [400, 3]),
    "tracker.recapture_p": pick(stream, [0.9999, 0]),
    "tracker.dedup_frames": 16,
    "tracker.restart_after_late": 3,
    "tracker.max_coast_s": pick(stream, [10, 4]),
    "iff.foes": ["RED-*"],
  };
}

/** A contact that flies straight; some sit at own position or pass through it. */
interface Contact {
  readonly at: readonly number[];
  readonly velocity: readonly number[];
  readonly id: string | null;
  readonly mode: number;
}

function randomContact(stream: RandomStream): Contact {
  const spread = pick(stream, [0, 1, 100, 3000, 60_000]);
  const speed = pick(stream, [0, 10, 200]);
  const vector = (size: number): number[] => [0, 1, 2].map(() => size * stream.gaussian());
  const mode = pick(stream, [0, 0, 1, 3]);
  return { at: vector(spread), velocity: vector(speed), mode, id: mode === 0 ? null : pick(stream, ["ALLY-1", "RED-1", "X", ""]) };
}

function detectionsOf(stream: RandomStream, contacts: readonly Contact[], timeS: number, looked: readonly string[]): Body[] {
  const detections: Body[] = [];
  const plot = (x: number, y: number, z: number, rate: number, more: Body): void => {
    const { rangeM, bearingDeg, elevDeg } = polarOfXyz(x, y, z);
    const measured = { range_m: rangeM, bearing_deg: bearingDeg, elev_deg: elevDeg, vr_mps: rate };
    detections.push({ ...measured, snr_db: pick(stream, [0, 13, 20, 60, 300]), rcs_dbsm: 10 * stream.gaussian(), ...more });
  };
  for (const { at, velocity, id, mode } of contacts) {
    const [x, y, z] = [0, 1, 2].map((axis) => at[axis]! + velocity[axis]! * timeS + (spreadOf(at) > 0 ? stream.gaussian() : 0));
    const range = Math.hypot(x!, y!, z!);
    const rate = range === 0 ? 0 : (x! * velocity[0]! + y! * velocity[1]! + z! * velocity[2]!) / range;
    if (looked.includes("LR") && stream.uniform() < 0.8) plot(x!, y!, z!, rate, { range_band: 1, id_present: false });
    const said = { transponder_on: mode !== 0, transponder_mode: mode, transponder_id: id };
    if (looked.includes("SR") && range < 5000 && stream.uniform() < 0.8) plot(x!, y!, z!, rate, { range_band: 2, ...said });
    if (stream.uniform() < 0.05) plot(x!, y!, z!, rate, { range_band: 0 });
  }
  for (let clutter = stream.uniform() * 4; clutter > 1; clutter -= 1)
    plot(2000 * stream.gaussian(), 2000 * stream.gaussian(), 200 * stream.gaussian(), 50 * stream.gaussian(), {
      range_band: pick(stream, [0, 1, 2]),
    });
  return detections;
}

function spreadOf(at: readonly number[]): number {
  return at.reduce((sum, one) => sum + Math.abs(one), 0);
}

/** Frames of a random run, spoilt: dropouts, repeats, late ones, foreign and broken ones, resets, headers that are missing. */
function randomFrames(stream: RandomStream): Frame[] {
  const contacts = Array.from({ length: 1 + Math.floor(stream.uniform() * 6) }, () => randomContact(stream));
  const frames: Frame[] = [];
  const hasHeaders = stream.uniform() < 0.8;
  let [run, timeUs, number] = [1, 0, 0];
  let own = [0, 0, 0];
  for (let index = 0; index < FRAMES; index += 1) {
    if (stream.uniform() < 0.03) [run, timeUs] = [run + 1, 0];
    timeUs += pick(stream, [1_000_000, 1_000_000, 1_000_000, 100_000, 3_700_001, 12_000_000]);
    if (stream.uniform() < 0.1) own = own.map(() => 5 * stream.gaussian());
    const looked = pick(stream, [["LR", "SR"], ["LR", "SR"], ["LR"], ["SR"]]);
    number += 1;
    const frame = {
      schema_version: 1,
      frame_id: `00000000-0000-5000-8000-${String(number).padStart(12, "0")}`,
      sensor_id: RADAR_SENSOR_ID,
      timestamp: new Date(EPOCH_MS + Math.floor(timeUs / 1000)).toISOString().replace("Z", `${String(timeUs % 1000).padStart(3, "0")}Z`),
      detections: stream.uniform() < 0.1 ? [] : detectionsOf(stream, contacts, timeUs / 1e6, looked),
    };
    const headers: Record<string, string> = hasHeaders
      ? {
          "x-qiki-run": `run-${run}`,
          "x-qiki-tick": String(Math.floor(timeUs / 100_000)),
          "x-qiki-scan": looked.join(","),
          "x-qiki-own-vel": JSON.stringify(own),
        }
      : {};
    frames.push({ kind: "frame", payload: frame, headers });
    const luck = stream.uniform();
    if (luck < 0.05) frames.push(frames.at(-1)!);
    else if (luck < 0.1) frames.push({ kind: "frame", payload: { ...frame, sensor_id: "00000000-0000-5000-8000-000000000001" }, headers });
    else if (luck < 0.13)
      frames.push({
        kind: "frame",
        payload: pick<unknown>(stream, [undefined, 7, {}, { ...frame, extra: 1 }, { ...frame, timestamp: "today" }]),
        headers,
      });
    else if (luck < 0.16)
      frames.push({ kind: "frame", payload: { ...frame, frame_id: frame.frame_id.replace("00000000", "00000001") }, headers });
    else if (luck < 0.19) frames.push({ kind: "frame", payload: frame, headers: { ...headers, "x-qiki-own-vel": "[1,2]" } });
    else if (luck < 0.25 && frames.length > 3) frames.splice(-3, 0, frames.pop()!);
  }
  return frames;
}

function shuffled(stream: RandomStream, frame: Frame): Frame {
  const { payload } = frame;
  if (typeof payload !== "object" || payload === null || !("detections" in payload)) return frame;
  const detections = (payload.detections as Body[])
    .map((one) => ({ one, key: stream.uniform() }))
    .sort((a, b) => a.key - b.key)
    .map(({ one }) => one);
  return { ...frame, payload: { ...payload, ts_ingest: "2027-01-01T00:00:00Z", detections } };
}

interface InsideTrack {
  readonly birth: { readonly frameId: string; readonly order: number };
  readonly hits: number;
  readonly lastPlotUs: number;
  readonly numbers: readonly number[];
}

interface Inside {
  readonly tracker: {
    readonly counters: Readonly<Record<string, number>>;
    readonly tracks: readonly InsideTrack[];
    readonly intake: { readonly waiting: readonly { readonly frameId: string; readonly detections: readonly unknown[] }[] };
    readonly scannedUs?: number;
  };
  readonly guard: { readonly tracks: readonly { readonly handle: string; readonly keys: Body }[] };
}

function insideOf(machine: TrackerMachine): Inside {
  return JSON.parse(Buffer.from(machine.snapshot()).toString("utf8")) as Inside;
}

const REFUSALS = ["late", "duplicate", "same_time", "foreign_sensor", "invalid"];

function refusals({ tracker }: Inside): number {
  return REFUSALS.reduce((sum, name) => sum + tracker.counters[name]!, 0);
}

/**
 * I5, where one frame was processed: no track took two plots; and every plot is accounted for once, merged, taken, absorbed, born or
 * refused, which would not add up had two tracks taken one. Returns whether there was something to see.
 */
function checkPlots(before: Inside["tracker"], after: Inside["tracker"], frame: Frame, isScored: boolean): boolean {
  const more = (name: string): number => after.counters[name]! - before.counters[name]!;
  if (more("frames") !== 1 || more("restarts") !== 0) return false;
  const { frame_id: id, detections } = frame.payload as { frame_id: string; detections: readonly unknown[] };
  const left = new Set(after.intake.waiting.map(({ frameId }) => frameId));
  const here = [...before.intake.waiting, { frameId: id, detections }].filter(({ frameId }) => !left.has(frameId));
  expect(here.length, "one frame was processed").toBe(1);
  const nameOf = ({ birth }: InsideTrack): string => `${birth.frameId}:${birth.order}`;
  const known = new Map(before.tracks.map((track) => [nameOf(track), track]));
  let [hits, births, survivors] = [0, 0, 0];
  for (const track of after.tracks) {
    const earlier = known.get(nameOf(track));
    if (earlier === undefined) births += 1;
    else {
      survivors += 1;
      expect([0, 1], "I5 a track takes at most one plot").toContain(track.hits - earlier.hits);
      expect(track.lastPlotUs === after.scannedUs, "I5 a hit is a plot of this frame").toBe(track.hits > earlier.hits);
      hits += track.hits - earlier.hits;
    }
  }
  const taken = here[0]!.detections.length - more("merged") - more("absorbed") - more("births_refused") - births;
  // A track whose score ends it may have taken a plot in the same frame.
  const unseen = isScored ? before.tracks.length - survivors : 0;
  expect(taken, "I5 a plot updates at most one track").toBeGreaterThanOrEqual(hits);
  expect(taken, "I5 a plot updates at most one track").toBeLessThanOrEqual(hits + unseen);
  return hits > 0;
}

/** Whether a symmetric matrix is positive definite, by Cholesky; `at(row, column)` gives its members. */
function isPositiveDefinite(size: number, at: (row: number, column: number) => number): boolean {
  const l: number[][] = [];
  for (let row = 0; row < size; row += 1) {
    l.push([]);
    for (let column = 0; column <= row; column += 1) {
      let sum = at(row, column);
      for (let k = 0; k < column; k += 1) sum -= l[row]![k]! * l[column]![k]!;
      if (row === column && !(sum > 0)) return false;
      l[row]!.push(row === column ? Math.sqrt(sum) : sum / l[column]![column]!);
    }
  }
  return true;
}

const SIX = [0, 1, 2, 1, 3, 4, 2, 4, 5];

function blockIsPositive(members: readonly number[], dims: number): boolean {
  return isPositiveDefinite(dims, (row, column) => members[SIX[row * 3 + column]!]!);
}

/** What the messages of a run have said of its tracks so far. */
class Story {
  readonly #confirmed = new Set<string>();
  readonly #over = new Set<string>();
  #live = new Set<string>();
  #timeUs = Number.NEGATIVE_INFINITY;

  /** Everything begins anew: what was live must end at once, time may go back afterwards. */
  restart(timeUs: number, tracks: readonly RadarTrackWire[], dims: number): void {
    this.scan(timeUs, tracks, dims);
    expect(
      tracks.every(({ status }) => status === 3),
      "a restart ends every track",
    ).toBe(true);
    this.#timeUs = Number.NEGATIVE_INFINITY;
  }

  /** Checks the messages of one scan, all of one event time. */
  scan(timeUs: number, tracks: readonly RadarTrackWire[], dims: number): void {
    expect(timeUs, "I8 event time").toBeGreaterThan(this.#timeUs);
    this.#timeUs = timeUs;
    const said = tracks.map(({ track_id: id }) => id);
    expect(new Set(said).size, "I3 each track once").toBe(said.length);
    for (const track of tracks) this.#track(track, dims);
    const live = new Set(tracks.filter(({ status }) => status !== 3).map(({ track_id: id }) => id));
    for (const id of this.#live)
      if (!live.has(id) && !this.#over.has(id)) {
        expect(this.#confirmed.has(id), `I4 a confirmed track ${id} vanished without LOST`).toBe(false);
        this.#over.add(id);
      }
    this.#live = live;
  }

  #track(track: RadarTrackWire, dims: number): void {
    const { track_id: id, status } = track;
    radarTrackSchema.parse(track);
    expect(this.#over.has(id), `I4 the id ${id} came back`).toBe(false);
    if (status === 2 || status === 4) this.#confirmed.add(id);
    if (status === 3) {
      expect(this.#confirmed.has(id), "I4 LOST was TRACKED once").toBe(true);
      this.#over.add(id);
    }
    expect(blockIsPositive(track.position_covariance!, dims), `I7 position covariance ${track.position_covariance!.join(" ")}`).toBe(true);
    expect(blockIsPositive(track.velocity_covariance!, dims), `I7 velocity covariance ${track.velocity_covariance!.join(" ")}`).toBe(true);
  }
}

function runSeed(seed: number): { readonly scans: number; readonly lost: number; readonly guards: number; readonly updates: number } {
  const stream = randomStream(`radar-invariants/${seed}`);
  const config = randomConfig(stream);
  const dims = config["tracker.dims"] as number;
  const frames = randomFrames(stream);
  const machine = machineOf(config);
  let twin = machineOf(config);
  const story = new Story();
  const count = { scans: 0, lost: 0, guards: 0, updates: 0 };
  for (const frame of frames) {
    const [before, hashes] = [insideOf(machine), machine.hashes()];
    const messages = machine.accept(frame, 0 as never).map(({ message }) => message);
    const other = twin.accept(shuffled(stream, frame), 0 as never).map(({ message }) => message);
    expect(JSON.stringify(other), "I1, I6, I10").toBe(JSON.stringify(messages));
    const after = insideOf(machine);
    if (refusals(after) > refusals(before)) {
      expect(messages, "I8 a refused frame says nothing").toEqual([]);
      expect(machine.hashes(), "I8 a refused frame changes nothing").toEqual(hashes);
    }
    if (checkPlots(before.tracker, after.tracker, frame, config["tracker.lifecycle"] === "score")) count.updates += 1;
    const scans = scansOf(messages);
    const endUs = (before.tracker.scannedUs ?? 0) + 1;
    if (after.tracker.counters.restarts! > before.tracker.counters.restarts! && !scans.has(endUs)) story.restart(endUs, [], dims);
    for (const [timeUs, scan] of scans) {
      const tracks = scan
        .filter(({ subject }) => subject === SUBJECTS.radarTracks)
        .map(({ payload }) => payload as never as RadarTrackWire);
      if (timeUs === endUs) story.restart(timeUs, tracks, dims);
      else story.scan(timeUs, tracks, dims);
      count.scans += 1;
      count.lost += tracks.filter(({ status }) => status === 3).length;
    }
    for (const { subject, payload } of messages) {
      if (subject !== SUBJECTS.radarGuard) continue;
      guardEventSchema.parse(payload);
      count.guards += 1;
    }
    checkInside(machine, after, config["tracker.max_tracks"] as number);
    if (stream.uniform() < 0.2) {
      const bytes = twin.snapshot();
      twin = machineOf(config);
      twin.restore(bytes);
    }
    expect(twin.hashes(), "I1 digests").toEqual(machine.hashes());
  }
  return count;
}

/** Messages by event time, in order. */
function scansOf(messages: readonly Message[]): Map<number, Message[]> {
  const scans = new Map<number, Message[]>();
  for (const message of messages) {
    if (message.subject !== SUBJECTS.radarTracks && message.subject !== SUBJECTS.radarTracker) continue;
    const text = String(message.payload.timestamp ?? message.payload.last_frame_ts);
    const timeUs = Date.parse(`${text.slice(0, 19)}Z`) * 1000 + Number(text.slice(20, -1) || 0);
    const known = scans.get(timeUs);
    if (known === undefined) scans.set(timeUs, [message]);
    else known.push(message);
  }
  return scans;
}

function checkInside(machine: TrackerMachine, { tracker, guard }: Inside, maxTracks: number): void {
  const live = machine.views().filter(({ status }) => status !== 3);
  expect(live.length, "at most so many tracks").toBeLessThanOrEqual(maxTracks);
  const handles = new Set(live.filter(({ status }) => status !== 1).map(({ birth }) => `${birth.tick ?? birth.frameId}:${birth.order}`));
  expect(handles.size, "a handle names one track").toBe(live.filter(({ status }) => status !== 1).length);
  for (const { handle, keys } of guard.tracks) {
    expect(handles.has(handle), `I9 guard key of ${handle}, which is not live`).toBe(true);
    expect(Object.keys(keys).length, "I9 no empty entry").toBeGreaterThan(0);
  }
  for (const { numbers } of tracker.tracks) expect(numbers.every(Number.isFinite), "I7 finite").toBe(true);
}

describe("radar invariants", () => {
  test(`RAD-121 radar - I1 to I10 hold in random runs, seeds ${FIRST_SEED} to ${FIRST_SEED + SEEDS - 1}`, () => {
    const total = { scans: 0, lost: 0, guards: 0, updates: 0 };
    for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed += 1) {
      let count: ReturnType<typeof runSeed>;
      try {
        count = runSeed(seed);
      } catch (error) {
        throw new Error(`seed ${seed}: ${(error as Error).message}`, { cause: error });
      }
      for (const name of ["scans", "lost", "guards", "updates"] as const) total[name] += count[name];
    }
    // The runs are worth their time: tracks live and die in them, and guards speak.
    expect(total.scans).toBeGreaterThan(SEEDS * 20);
    expect(total.lost).toBeGreaterThan(SEEDS);
    expect(total.guards).toBeGreaterThan(SEEDS);
    expect(total.updates).toBeGreaterThan(SEEDS * 10);
  });
});
