import { timeUsOf } from "#contracts/radar-words.ts";
import type { Receipt } from "./freshness.ts";
import type { Age } from "./model.ts";
import type { Read } from "./sampling.ts";

/** Why there is no radar picture. */
export type EmptyReason =
  | "not_received"
  | "link_lost"
  | "data_stale"
  | "stopped"
  | "disabled"
  | "unpowered"
  | "dropout"
  | "no_look"
  | "sensor_silent";

/** Whether something works on the frames: an empty sky and a dead tracker look alike without it. */
export type TrackerState =
  | { readonly kind: "ok"; readonly ageMs: number }
  | { readonly kind: "silent"; readonly ageMs: number }
  /** No fresh frame comes: there is nothing for it to work on. */
  | { readonly kind: "idle" };

type Entry = Receipt & { readonly value: unknown };

export interface RadarStateInput {
  readonly read: Read;
  readonly isLinkLost: boolean;
  readonly data: "ok" | "lag" | "stale" | "none";
  /** Records of the topic `system`. */
  readonly system: ReadonlyMap<string, Entry>;
  readonly ageOf: (receipt: Receipt) => Age;
  /** Wall time from one frame to the next at the speed of now. */
  readonly framePeriodMs: number;
}

export interface RadarState {
  readonly empty: EmptyReason | undefined;
  readonly tracker: TrackerState;
  readonly frame: { readonly ageMs: number; readonly isFresh: boolean; readonly scan: readonly string[] | undefined } | undefined;
  /** Time stands still by order: what was true goes on being true. */
  readonly isPaused: boolean;
  /** Age of a record about an event of that time. */
  readonly ageOf: (receipt: Receipt, eventUs: number | undefined) => Age;
}

const FRESH_MS = 5000;
const FRESH_PERIODS = 2.5;

/** Whether the radar looks and is worked on, and if not why. */
export function radarState(input: RadarStateInput): RadarState {
  const { read, system, data } = input;
  const runState = read("sim_state.fsm_state");
  const isPaused = data === "ok" && runState !== undefined && runState !== "RUNNING";
  const speed = read("sim_state.speed");
  const nowMs = read("ts_unix_ms");

  /** By both roads: since it came, and how far the event lies behind the newest telemetry. The longer one counts. */
  function ageOf(receipt: Receipt, eventUs: number | undefined): Age {
    const { ageMs, isTrusted } = input.ageOf(receipt);
    const pace = typeof speed === "number" && speed > 1 ? speed : 1;
    const behindMs = typeof nowMs === "number" && eventUs !== undefined ? Math.max(0, (nowMs - eventUs / 1000) / pace) : 0;
    return { ageMs: Math.max(isPaused ? 0 : ageMs, behindMs), isTrusted };
  }

  const freshMs = Math.max(FRESH_MS, FRESH_PERIODS * input.framePeriodMs);
  const about = (key: string, timeOf: (value: Readonly<Record<string, unknown>>) => number | undefined) => {
    const entry = system.get(key);
    if (entry === undefined) return undefined;
    const value = entry.value as Readonly<Record<string, unknown>>;
    const { ageMs, isTrusted } = ageOf(entry, timeOf(value));
    return { value, ageMs, isFresh: ageMs <= freshMs && isTrusted };
  };
  const epochUs = (value: Readonly<Record<string, unknown>>): number => (value.ts_epoch as number) * 1e6;
  const sensor = about("radar_sensor", epochUs);
  const tracker = about("radar_tracker", epochUs);
  const frame = about("radar_frame", (value) => timeUsOf(value.timestamp as string));
  const scan = (frame?.value.scan as readonly string[] | null | undefined) ?? undefined;
  return {
    empty: emptyReason(input, sensor),
    tracker: trackerState(tracker, frame),
    frame: frame === undefined ? undefined : { ageMs: frame.ageMs, isFresh: frame.isFresh, scan },
    isPaused,
    ageOf,
  };
}

function emptyReason(
  { read, isLinkLost, data, system }: RadarStateInput,
  sensor: { readonly value: Readonly<Record<string, unknown>>; readonly isFresh: boolean } | undefined,
): EmptyReason | undefined {
  if (data === "none") return isLinkLost ? "link_lost" : "not_received";
  if (data === "stale") return isLinkLost ? "link_lost" : "data_stale";
  const [asksW, getsW] = [read("power_detail.demand_w.radar"), read("power.loads_w.radar")];
  if (typeof asksW === "number" && asksW > 0 && getsW === 0) return "unpowered";
  if (read("sim_state.fsm_state") !== "RUNNING" && !system.has("radar_frame")) return "stopped";
  if (asksW === 0 && sensor?.isFresh !== true) return "disabled";
  if (sensor === undefined) return "sensor_silent";
  // What follows is old news when the link is slow: the marks of age say so.
  if (sensor.value.reason === "unpowered") return "unpowered";
  if (sensor.value.reason === "dropout") return "dropout";
  if (sensor.value.value === 0) return "no_look";
  return sensor.isFresh || data !== "ok" ? undefined : "sensor_silent";
}

interface Heard {
  readonly ageMs: number;
  readonly isFresh: boolean;
}

/** A tracker that never spoke is as silent as one that stopped, for as long as frames come. */
function trackerState(tracker: Heard | undefined, frame: Heard | undefined): TrackerState {
  if (tracker?.isFresh === true) return { kind: "ok", ageMs: tracker.ageMs };
  return frame?.isFresh === true ? { kind: "silent", ageMs: tracker?.ageMs ?? Number.POSITIVE_INFINITY } : { kind: "idle" };
}
