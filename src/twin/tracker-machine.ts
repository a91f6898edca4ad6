import type { GuardEvent } from "#alarms/guard/guard.ts";
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
import type { TrackScan } from "#radar/tracker.ts";
import type { TrackView } from "#radar/track-view.ts";
import type { TrackerSettings } from "#radar/tracker-settings.ts";
import { handleOf, STATUS } from "#radar/tracks.ts";
import type { GuardRuleSet } from "./guard-rule-set.ts";
import type { Machine } from "./machine.ts";
import { type SensorsState, type TrackedSensor, TrackedSensors } from "./tracked-sensors.ts";
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
  /** Active keys of each guard rule, over all sensors. */
  activeGuards(): Readonly<Record<string, number>>;
  /** Digests of the rooms `tracks` and `guards`. */
  hashes(): { readonly tracks: string; readonly guards: string };
}

export interface TrackerModel {
  readonly tracker: TrackerSettings;
  readonly sensor: SensorSettings;
  readonly ruleSet: GuardRuleSet;
}

/** What stays beside trackers and guards; plain data. */
interface Rest {
  /** Run and tick that the last frame named. */
  runId: string;
  tick: number;
  hashRows: { at: number[]; tracks: string[]; guards: string[] };
}

const SNAPSHOT_SCHEMA = 1;
const STATUS_PERIOD_US = 1_000_000;

/** Frames of every sensor in; tracks, guard events, tracker status and room hashes out. Same frames, same bytes: it knows no wall clock. */
export function createTrackerMachine(model: TrackerModel): TrackerMachine {
  let { ruleSet } = model;
  const sensors = new TrackedSensors(model, ruleSet.rules);
  const trackId = createTrackIds();
  let rest: Rest = { runId: "", tick: 0, hashRows: { at: [], tracks: [], guards: [] } };
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
      sensors.lead.tracker.counters.invalid += 1;
      return;
    }
    const taken = sensors.step(frame);
    if (taken === undefined || taken.scans.length === 0) return;
    rest.runId = headers[RUN_HEADER] || rest.runId;
    for (const scan of taken.scans) publishScan(taken.sensor, scan);
  }

  function publishScan(sensor: TrackedSensor, { timeUs, tick, tracks, isRestart }: TrackScan): void {
    const { guard } = sensor;
    rest.tick = tick ?? rest.tick;
    for (const view of tracks) emitTrack(view, timeUs);
    const lost = tracks.filter(({ status }) => status === STATUS.lost).map(({ birth }) => handleOf(birth));
    if (isRestart) {
      emitGuards(sensor, guard.lost(timeUs, lost, "reset"));
      return;
    }
    const confirmed = tracks.filter(({ status }) => status === STATUS.tracked || status === STATUS.coasting);
    const guarded = confirmed.map((view) => guardTrack(view, trackId(view.birth)));
    emitGuards(sensor, guard.evaluate(timeUs, guarded));
    emitGuards(sensor, guard.lost(timeUs, lost, "track_lost"));
    emitStatus(sensor, timeUs, tracks);
    if (tick !== undefined) recordHashes(tick, timeUs, sensor.statusUs === timeUs);
  }

  function emitTrack(view: TrackView, timeUs: number): void {
    const id = trackId(view.birth);
    emit("radarTracks", timeUs, {
      msgId: `${id}:${formatUtcUs(timeUs, "always")}`,
      payload: trackWire(view, id, timeUs),
      headers: { "x-qiki-truth-state": "OK", "x-qiki-fallback": "false" },
    });
  }

  function emitGuards(sensor: TrackedSensor, events: readonly GuardEvent[]): void {
    for (const event of events) {
      const payload = guardBody(event, sensors.all.indexOf(sensor));
      const hex = uuid5(event.trackId, `${event.rule.id}:${String(payload.kind)}:${event.timeUs}`).replaceAll("-", "");
      emit("radarGuard", event.timeUs, { msgId: `evt-${Math.floor(event.timeUs / 1000)}-${hex}`, payload });
    }
  }

  /** At most once a second of the sensor's event time; a new run starts the count anew. */
  function emitStatus(sensor: TrackedSensor, timeUs: number, tracks: readonly TrackView[]): void {
    const { statusUs } = sensor;
    const sinceUs = statusUs === undefined ? Number.POSITIVE_INFINITY : timeUs - statusUs;
    if (sinceUs >= 0 && sinceUs < STATUS_PERIOD_US) return;
    sensor.statusUs = timeUs;
    const others = sensors.all.filter((one) => one !== sensor);
    // Sensors need not share a clock: after another's status, one counts from its own next scan.
    if (statusUs === undefined && others.some((one) => one.statusUs !== undefined)) return;
    for (const one of others) one.statusUs = undefined;
    const parts = sensors.all.map((one) => ({
      sensorId: one.id,
      tracks: one === sensor ? tracks : one.tracker.table.tracks,
      counters: one.tracker.counters,
      timeUs: one === sensor ? timeUs : one.tracker.scannedUs,
    }));
    const name = sensor === sensors.lead ? `evt:tracker:${timeUs}` : `evt:tracker:${sensor.id}:${timeUs}`;
    emit("radarTracker", timeUs, {
      msgId: `evt-${Math.floor(timeUs / 1000)}-${statusHex(rest.runId, name)}`,
      payload: statusBody(parts, timeUs),
    });
  }

  function recordHashes(tick: number, timeUs: number, isStatusDue: boolean): void {
    const { tracks, guards } = hashes();
    const { hashRows } = rest;
    hashRows.at.push(tick);
    hashRows.tracks.push(tracks);
    hashRows.guards.push(guards);
    if (!isStatusDue) return;
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
    return {
      tracks: roomHash(sensors.all, ({ tracker }) => tracker.hash()),
      guards: roomHash(sensors.all, ({ guard }) => {
        const { nowUs, tracks } = guard.state();
        return textHash({ nowUs, keys: tracks.map(({ trackId: _trackId, ...state }) => state) });
      }),
    };
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
          sensors.setRules(ruleSet.rules);
          for (const sensor of sensors.all) emitGuards(sensor, sensor.guard.setRules(ruleSet.rules));
          break;
        default:
          assertNever(input, "input of the tracker");
      }
      return outputs;
    },
    snapshot() {
      const { statusUs, ...state } = sensors.state();
      const rules = { raw: ruleSet.raw, hash: ruleSet.hash, cooldownS: ruleSet.cooldownS };
      return utf8Encode(canonicalJson({ schema: SNAPSHOT_SCHEMA, ...state, rules, rest: { ...rest, statusUs } }));
    },
    restore(bytes) {
      const { rules, rest: stored, ...state } = parseSnapshot(bytes);
      const read = readGuardRules(rules.raw, rules.cooldownS);
      if (read.kind === "refused")
        throw new QikiError("snapshot_refused", `tracker snapshot with guard rules that this build refuses: ${read.problems[0]}`);
      const { statusUs, ...others } = stored;
      sensors.restore(state, statusUs);
      sensors.setRules(read.rules);
      ruleSet = { ...rules, rules: read.rules };
      rest = others;
    },
    views: () => sensors.all.flatMap(({ tracker }) => tracker.views()),
    wires: () =>
      sensors.all.flatMap(({ tracker }) => {
        const { scannedUs } = tracker;
        if (scannedUs === undefined) return [];
        const live = tracker.views().filter(({ status }) => status !== STATUS.lost);
        return live.map((view) => trackWire(view, trackId(view.birth), scannedUs));
      }),
    activeGuards() {
      const total: Record<string, number> = {};
      for (const { guard } of sensors.all) for (const [id, active] of Object.entries(guard.active())) total[id] = (total[id] ?? 0) + active;
      return total;
    },
    hashes,
  };
}

/** The digest of the only sensor's part of a room; of several, a digest over theirs with their names. */
function roomHash(sensors: readonly TrackedSensor[], hashOf: (sensor: TrackedSensor) => string): string {
  if (sensors.length === 1) return hashOf(sensors[0]!);
  return textHash(sensors.map((sensor) => ({ sensor: sensor.id, hash: hashOf(sensor) })));
}

function textHash(value: unknown): string {
  return hash128Hex(hash128(utf8Encode(canonicalJson(value))));
}

/** Namespace of ids where no run is known (RFC 9562 §5.9). */
const NIL_UUID = "00000000-0000-0000-0000-000000000000";
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Tail of a status message's id, in its run's namespace; a sender may name its run as it likes, only ours are UUIDs. */
function statusHex(runId: string, name: string): string {
  return (UUID.test(runId) ? uuid5(runId, name) : uuid5(NIL_UUID, `${runId}:${name}`)).replaceAll("-", "");
}

interface Snapshot extends SensorsState {
  readonly rules: Omit<GuardRuleSet, "rules">;
  readonly rest: Rest & { readonly statusUs: number | undefined };
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
