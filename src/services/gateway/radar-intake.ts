import { guardRulesInForceSchema } from "#contracts/guard-rules.ts";
import { SCAN_HEADER, TICK_HEADER } from "#contracts/message.ts";
import { type RadarFrameWire, type RadarTrackWire, RANGE_BANDS, timeUsOf, TRACK_STATUSES } from "#contracts/radar.ts";
import type { Clock } from "../clock.ts";
import type { Hub } from "./hub.ts";

type Headers = Readonly<Record<string, string>>;

/** Keeps the hub's picture of the radar: tracks by id, the last frame in numbers, what the tracker said, guard rules. */
export interface RadarIntake {
  /** Takes a track with the run that its message names. */
  track(track: RadarTrackWire, run: string | undefined): void;
  frame(frame: RadarFrameWire, headers: Headers): void;
  /** Takes the tracker's status: it comes after the tracks of its frame, so what that frame no longer tells of is gone. */
  status(status: Readonly<Record<string, unknown>>, run: string | undefined): void;
  /** Takes the last value `guards`, null when there is none. @returns whether it is one */
  rules(value: unknown): boolean;
  /** Another run began: tracks of the one before are not of this world. */
  run(id: string): void;
}

const LOST = TRACK_STATUSES.indexOf("LOST");
const NEW = TRACK_STATUSES.indexOf("NEW");
/** How long a track that ended stays, so that its end is seen. */
const LOST_SHOWN_MS = 5000;
/** A track that a sender without tombstones no longer tells of is forgotten after this span of event time. */
const SILENCE_US = 300_000_000;
/** A sensor without a frame for so long no longer sweeps. */
const SENSOR_SILENCE_US = 10_000_000;

export function createRadarIntake(hub: Hub, clock: Clock): RadarIntake {
  /** Run and event time of every track in the hub. */
  const known = new Map<string, { readonly run: string | undefined; readonly timeUs: number; readonly status: number }>();

  function remove(trackId: string): void {
    known.delete(trackId);
    hub.delete("tracks", trackId);
  }

  function removeWhere(isGone: (track: { run: string | undefined; timeUs: number; status: number }) => boolean): void {
    for (const [trackId, track] of known) if (isGone(track)) remove(trackId);
  }

  return {
    track(track, run) {
      const { track_id: trackId, status, timestamp } = track;
      const timeUs = timeUsOf(timestamp)!;
      const last = known.get(trackId);
      // A tracker that restarts tells once more what it told; a tombstone of a track that nobody saw says nothing.
      if (last === undefined ? status === LOST : last.run === run && timeUs < last.timeUs) return;
      const entry = { run, timeUs, status };
      known.set(trackId, entry);
      hub.set("tracks", trackId, track);
      if (status !== LOST) return;
      clock.after(LOST_SHOWN_MS, () => {
        if (known.get(trackId) === entry) remove(trackId);
      });
    },
    frame(frame, headers) {
      const { frame_id, timestamp, detections } = frame;
      const counts = { lr: 0, sr: 0, other: 0 };
      for (const { range_band: band } of detections) counts[BAND_NAMES[band] ?? "other"] += 1;
      const scan = headers[SCAN_HEADER]?.split(",") ?? null;
      hub.set("system", "radar_frame", { frame_id, timestamp, tick: tickOf(headers), scan, detections: counts });
      const timeUs = timeUsOf(timestamp)!;
      removeWhere((track) => timeUs - track.timeUs > SILENCE_US);
    },
    status(status, run) {
      hub.set("system", "radar_tracker", status);
      const frameUs = oldestFrameUs(status);
      removeWhere((track) => {
        if (track.run !== run) return track.status !== LOST;
        return track.status === NEW && frameUs !== undefined && track.timeUs < frameUs;
      });
    },
    rules(value) {
      const read = value === null ? undefined : guardRulesInForceSchema.safeParse(value);
      if (read?.success === false) return false;
      const rules = new Map(read?.data.rules.map((rule) => [rule.id, rule]));
      for (const id of hub.entries("guards").keys()) if (!rules.has(id)) hub.delete("guards", id);
      for (const [id, rule] of rules) hub.set("guards", id, rule);
      return true;
    },
    run(id) {
      removeWhere((track) => track.run !== undefined && track.run !== id);
    },
  };
}

/** Up to where every sensor has told of its tracks; one that has been silent for long holds the others up no more. */
function oldestFrameUs({ last_frame_ts, sensors }: Readonly<Record<string, unknown>>): number | undefined {
  const shares = Array.isArray(sensors) ? (sensors as readonly { last_frame_ts?: unknown }[]) : [{ last_frame_ts }];
  const times = shares.flatMap(({ last_frame_ts: text }) => (typeof text === "string" ? [timeUsOf(text) ?? []] : [])).flat();
  const newestUs = Math.max(...times);
  return times.length === 0 ? undefined : Math.min(...times.filter((timeUs) => newestUs - timeUs <= SENSOR_SILENCE_US));
}

/** Tick that a message's headers name, null when they name none. */
export function tickOf(headers: Headers): number | null {
  const tick = Number(headers[TICK_HEADER] ?? Number.NaN);
  return Number.isSafeInteger(tick) && tick >= 0 ? tick : null;
}

const BAND_NAMES: Readonly<Record<number, "lr" | "sr">> = { [RANGE_BANDS.indexOf("RR_LR")]: "lr", [RANGE_BANDS.indexOf("RR_SR")]: "sr" };
