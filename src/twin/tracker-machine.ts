import { Guard, type GuardEvent, type GuardState } from "#alarms/guard/guard.ts";
import { readGuardRules } from "#alarms/guard/rules.ts";
import { assertNever } from "#base/assert.ts";
import { canonicalJson } from "#base/canonical-json.ts";
import { QikiError } from "#base/error.ts";
import { hash128, hash128Hex } from "#base/murmur3.ts";
import { formatUtcUs } from "#base/rfc3339.ts";
import { asTick } from "#base/tick-time.ts";
import type { RunId } from "#base/units.ts";
import { utf8Decode, utf8Encode } from "#base/utf8.ts";
import { uuid5 } from "#base/uuid5.ts";
import { CLOUD_EVENTS, type Message, RUN_HEADER } from "#contracts/message.ts";
import { parseRadarFrame, type RadarTrackWire } from "#contracts/radar.ts";
import { SUBJECTS } from "#contracts/subjects.ts";
import type { SensorSettings } from "#radar/sensor-settings.ts";
import { Tracker, type TrackScan } from "#radar/tracker.ts";
import type { TrackView } from "#radar/track-view.ts";
import type { TrackerSettings } from "#radar/tracker-settings.ts";
import { handleOf, STATUS } from "#radar/tracks.ts";
import type { GuardRuleSet } from "./guard-rule-set.ts";
import type { Machine } from "./machine.ts";
import { createTrackIds, frameOfWire, guardBody, guardTrack, statusBody, trackWire } from "./tracker-projection.ts";

export type TrackerInput =
  /** A message of the frames subject with its headers, in stream order. */
  | { readonly kind: "frame"; readonly payload: unknown; readonly headers: Readonly<Record<string, string>> }
  /** Other guard rules come into force. */
  | { readonly kind: "rules"; readonly ruleSet: GuardRuleSet };

export interface TrackerOutput {
  readonly kind: "message";
  readonly message: Message;
}

export interface TrackerMachine extends Machine<TrackerInput, TrackerOutput> {
  readonly ruleSet: GuardRuleSet;
  /** Live tracks, and those that ended with the last frame. */
  views(): readonly TrackView[];
  /** The same, without those that ended, as their messages said them. */
  wires(): readonly RadarTrackWire[];
  /** Active keys of each guard rule. */
  activeGuards(): Readonly<Record<string, number>>;
  /** Digests of the rooms `tracks` and `guards`. */
  hashes(): { readonly tracks: string; readonly guards: string };
}

export interface TrackerModel {
  readonly tracker: TrackerSettings;
  readonly sensor: SensorSettings;
  readonly ruleSet: GuardRuleSet;
}

/** What stays beside tracker and guard; plain data. */
interface Rest {
  /** Event time of the last status. */
  statusUs: number | undefined;
  /** Run and tick that the last frame named. */
  runId: string;
  tick: number;
  hashRows: { at: number[]; tracks: string[]; guards: string[] };
}

const SNAPSHOT_SCHEMA = 1;
const STATUS_PERIOD_US = 1_000_000;

/** Frames in; tracks, guard events, tracker status and room hashes out. Same frames, same bytes: it knows no wall clock. */
export function createTrackerMachine(model: TrackerModel): TrackerMachine {
  const tracker = new Tracker(model.tracker, model.sensor);
  let { ruleSet } = model;
  let guard = new Guard(ruleSet.rules);
  const trackId = createTrackIds();
  let rest: Rest = { statusUs: undefined, runId: "", tick: 0, hashRows: { at: [], tracks: [], guards: [] } };
  let outputs: TrackerOutput[] = [];

  const emit = (
    subject: keyof typeof CLOUD_EVENTS & keyof typeof SUBJECTS,
    timeUs: number,
    more: Pick<Message, "msgId" | "payload" | "headers">,
  ): void => {
    const base = { tick: asTick(rest.tick), runId: rest.runId as RunId, timeMs: Math.floor(timeUs / 1000) };
    outputs.push({ kind: "message", message: { ...base, ...CLOUD_EVENTS[subject], subject: SUBJECTS[subject], ...more } });
  };

  function acceptFrame({ payload, headers }: TrackerInput & { kind: "frame" }): void {
    const parsed = parseRadarFrame(payload);
    const frame = parsed.kind === "ok" ? frameOfWire(parsed.value, headers) : undefined;
    if (frame === undefined) {
      tracker.counters.invalid += 1;
      return;
    }
    const scans = tracker.step(frame);
    if (scans.length === 0) return;
    rest.runId = headers[RUN_HEADER] || rest.runId;
    for (const scan of scans) publishScan(scan);
  }

  function publishScan({ timeUs, tick, tracks, isRestart }: TrackScan): void {
    rest.tick = tick ?? rest.tick;
    for (const view of tracks) emitTrack(view, timeUs);
    const lost = tracks.filter(({ status }) => status === STATUS.lost).map(({ birth }) => handleOf(birth));
    if (isRestart) {
      emitGuards(guard.lost(timeUs, lost, "reset"));
      return;
    }
    const confirmed = tracks.filter(({ status }) => status === STATUS.tracked || status === STATUS.coasting);
    emitGuards(
      guard.evaluate(
        timeUs,
        confirmed.map((view) => guardTrack(view, trackId(view.birth))),
      ),
    );
    emitGuards(guard.lost(timeUs, lost, "track_lost"));
    emitStatus(timeUs, tracks);
    if (tick !== undefined) recordHashes(tick, timeUs);
  }

  function emitTrack(view: TrackView, timeUs: number): void {
    const id = trackId(view.birth);
    emit("radarTracks", timeUs, {
      msgId: `${id}:${formatUtcUs(timeUs, "always")}`,
      payload: trackWire(view, id, timeUs),
      headers: { "x-qiki-truth-state": "OK", "x-qiki-fallback": "false" },
    });
  }

  function emitGuards(events: readonly GuardEvent[]): void {
    for (const event of events) {
      const payload = guardBody(event);
      const hex = uuid5(event.trackId, `${event.rule.id}:${String(payload.kind)}:${event.timeUs}`).replaceAll("-", "");
      emit("radarGuard", event.timeUs, { msgId: `evt-${Math.floor(event.timeUs / 1000)}-${hex}`, payload });
    }
  }

  /** At most once a second of event time; a new run starts the count anew. */
  function emitStatus(timeUs: number, tracks: readonly TrackView[]): void {
    const sinceUs = rest.statusUs === undefined ? Number.POSITIVE_INFINITY : timeUs - rest.statusUs;
    if (sinceUs >= 0 && sinceUs < STATUS_PERIOD_US) return;
    rest.statusUs = timeUs;
    emit("radarTracker", timeUs, {
      msgId: `evt-${Math.floor(timeUs / 1000)}-${statusHex(rest.runId, timeUs)}`,
      payload: statusBody(tracks, tracker.counters, timeUs),
    });
  }

  function recordHashes(tick: number, timeUs: number): void {
    const { tracks, guards } = hashes();
    const { hashRows } = rest;
    hashRows.at.push(tick);
    hashRows.tracks.push(tracks);
    hashRows.guards.push(guards);
    if (rest.statusUs !== timeUs) return;
    for (const room of ["tracks", "guards"] as const) {
      const payload = { room, at: hashRows.at, hashes: hashRows[room] };
      const base = { tick: asTick(rest.tick), runId: rest.runId as RunId, timeMs: Math.floor(timeUs / 1000) };
      outputs.push({
        kind: "message",
        message: { ...base, source: CLOUD_EVENTS.radarTracks.source, subject: SUBJECTS.recordHashes, payload },
      });
    }
    rest.hashRows = { at: [], tracks: [], guards: [] };
  }

  function hashes(): { tracks: string; guards: string } {
    const { nowUs, tracks } = guard.state();
    const keys = tracks.map(({ trackId: _trackId, ...state }) => state);
    return { tracks: tracker.hash(), guards: hash128Hex(hash128(utf8Encode(canonicalJson({ nowUs, keys })))) };
  }

  return {
    get ruleSet() {
      return ruleSet;
    },
    accept(input) {
      outputs = [];
      switch (input.kind) {
        case "frame":
          acceptFrame(input);
          break;
        case "rules":
          ruleSet = input.ruleSet;
          emitGuards(guard.setRules(ruleSet.rules));
          break;
        default:
          assertNever(input, "input of the tracker");
      }
      return outputs;
    },
    snapshot: () =>
      utf8Encode(
        canonicalJson({
          schema: SNAPSHOT_SCHEMA,
          tracker: tracker.state(),
          guard: guard.state(),
          rules: { raw: ruleSet.raw, hash: ruleSet.hash, cooldownS: ruleSet.cooldownS },
          rest,
        }),
      ),
    restore(bytes) {
      const state = parseSnapshot(bytes);
      const read = readGuardRules(state.rules.raw, state.rules.cooldownS);
      if (read.kind === "refused")
        throw new QikiError("snapshot_refused", `tracker snapshot with guard rules that this build refuses: ${read.problems[0]}`);
      const { stride } = tracker.filter;
      const other = state.tracker.tracks.find(({ numbers }) => numbers.length !== stride);
      if (other !== undefined)
        throw new QikiError(
          "snapshot_refused",
          `tracker snapshot of another filter: ${other.numbers.length} numbers a track, not ${stride}`,
        );
      ruleSet = { ...state.rules, rules: read.rules };
      guard = new Guard(ruleSet.rules);
      guard.restore(state.guard);
      tracker.restore(state.tracker);
      rest = state.rest;
    },
    views: () => tracker.views(),
    wires: () => {
      const { scannedUs } = tracker;
      if (scannedUs === undefined) return [];
      return tracker
        .views()
        .filter(({ status }) => status !== STATUS.lost)
        .map((view) => trackWire(view, trackId(view.birth), scannedUs));
    },
    activeGuards: () => guard.active(),
    hashes,
  };
}

/** Namespace of ids where no run is known (RFC 9562 §5.9). */
const NIL_UUID = "00000000-0000-0000-0000-000000000000";
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Tail of a status message's id, in its run's namespace; a sender may name its run as it likes, only ours are UUIDs. */
function statusHex(runId: string, timeUs: number): string {
  const name = `evt:tracker:${timeUs}`;
  return (UUID.test(runId) ? uuid5(runId, name) : uuid5(NIL_UUID, `${runId}:${name}`)).replaceAll("-", "");
}

interface Snapshot {
  readonly tracker: ReturnType<Tracker["state"]>;
  readonly guard: GuardState;
  readonly rules: Omit<GuardRuleSet, "rules">;
  readonly rest: Rest;
}

function parseSnapshot(bytes: Uint8Array): Snapshot {
  const text = utf8Decode(bytes);
  let value: (Snapshot & { schema?: unknown }) | undefined;
  try {
    value = text === undefined ? undefined : (JSON.parse(text) as Snapshot & { schema?: unknown });
  } catch (cause) {
    throw new QikiError("snapshot_refused", `tracker snapshot of ${bytes.length} bytes is not JSON`, cause);
  }
  if (value?.schema !== SNAPSHOT_SCHEMA)
    throw new QikiError("snapshot_refused", `tracker snapshot of schema ${String(value?.schema)}; this build reads ${SNAPSHOT_SCHEMA}`);
  return value;
}
