import type { GuardEvent, GuardTrack } from "#alarms/guard/guard.ts";
import { formatUtcUs } from "#base/rfc3339.ts";
import { uuid5 } from "#base/uuid5.ts";
import { OWN_VELOCITY_HEADER, RUN_HEADER, SCAN_HEADER, TICK_HEADER } from "#contracts/message.ts";
import { type RadarFrameWire, type RadarTrackWire, TRACKER_COUNTERS, timeUsOf } from "#contracts/radar.ts";
import { polarOfXyz, rangeRateMps, type Vector3 } from "#radar/coordinates.ts";
import { type Detection, type Frame, RANGE_BAND, type RangeBand, type TransponderMode } from "#radar/frame.ts";
import type { TrackerCounters } from "#radar/tracker.ts";
import type { TrackView } from "#radar/track-view.ts";
import { type Birth, handleOf, STATUS } from "#radar/tracks.ts";

type Headers = Readonly<Record<string, string>>;

/** A frame of the wire with its headers as the tracker takes it, or undefined when a header of ours says nothing sensible. */
export function frameOfWire(wire: RadarFrameWire, headers: Headers): Frame | undefined {
  const timeUs = timeUsOf(wire.timestamp);
  const ownVelocityMps = headers[OWN_VELOCITY_HEADER] === undefined ? undefined : velocityOf(headers[OWN_VELOCITY_HEADER]);
  const scan = headers[SCAN_HEADER];
  const bands = scan?.split(",") ?? ["LR", "SR"];
  const isKnown = bands.every((band) => band === "LR" || band === "SR");
  if (timeUs === undefined || ownVelocityMps === null || !isKnown) return undefined;
  return {
    frameId: wire.frame_id.toLowerCase(),
    sensorId: wire.sensor_id.toLowerCase(),
    timeUs,
    tick: tickOfHeader(headers[TICK_HEADER]),
    runId: headers[RUN_HEADER] || undefined,
    looked: { lr: bands.includes("LR"), sr: bands.includes("SR") },
    ownVelocityMps,
    detections: wire.detections.map(
      (one): Detection => ({
        rangeM: one.range_m,
        bearingDeg: one.bearing_deg,
        elevDeg: one.elev_deg,
        rangeRateMps: one.vr_mps,
        snrDb: one.snr_db,
        rcsDbsm: one.rcs_dbsm,
        transponderOn: one.transponder_on,
        transponderMode: one.transponder_mode as TransponderMode,
        transponderId: one.transponder_id,
        band: one.range_band as RangeBand,
        idPresent: one.id_present,
      }),
    ),
  };
}

/** The tick that a header names, undefined when it names none. */
export function tickOfHeader(header: string | undefined): number | undefined {
  return header !== undefined && /^\d{1,15}$/.test(header) ? Number(header) : undefined;
}

function velocityOf(header: string): Vector3 | null {
  try {
    const value: unknown = JSON.parse(header);
    return Array.isArray(value) && value.length === 3 && value.every(Number.isFinite) ? (value as never as Vector3) : null;
  } catch {
    return null;
  }
}

/** Track ids, each worked out once: a birth's id never changes. */
export function createTrackIds(): (birth: Birth) => string {
  const known = new WeakMap<Birth, string>();
  return (birth) => {
    let id = known.get(birth);
    if (id === undefined) {
      id = uuid5(birth.frameId, `track:${birth.order}`);
      known.set(birth, id);
    }
    return id;
  };
}

/** A track as its message says it, keys in the contract's order (radar §2.4). */
export function trackWire(view: TrackView, trackId: string, timeUs: number): RadarTrackWire {
  const { positionM: p, velocityMps: v } = view;
  const polar = polarOfXyz(p[0], p[1], p[2]);
  const timestamp = formatUtcUs(timeUs);
  return {
    schema_version: 1,
    track_id: trackId,
    object_type: view.objectType,
    iff: view.iff,
    transponder_on: view.transponderOn,
    transponder_mode: view.transponderMode,
    transponder_id: view.transponderId,
    quality: view.quality,
    status: view.status,
    range_m: polar.rangeM,
    bearing_deg: polar.bearingDeg,
    elev_deg: polar.elevDeg,
    vr_mps: rangeRateMps(p[0], p[1], p[2], v[0], v[1], v[2]) + 0,
    snr_db: view.snrDb,
    rcs_dbsm: view.rcsDbsm,
    position: { x: p[0], y: p[1], z: p[2] },
    velocity: { x: v[0], y: v[1], z: v[2] },
    position_covariance: [...view.positionCovariance],
    velocity_covariance: [...view.velocityCovariance],
    age_s: (timeUs - view.birth.timeUs) / 1e6,
    miss_count: view.misses,
    timestamp,
    ts_event: timestamp,
    ts_ingest: null,
    range_band: wireBand(view),
    id_present: view.idPresent,
  };
}

/** An LR track carries no identity: one that holds some says no band while long range follows it. */
function wireBand({ band, transponderOn, transponderMode, transponderId, idPresent }: TrackView): RangeBand {
  const holdsIdentity = transponderOn || transponderMode !== 0 || (transponderId ?? "") !== "" || idPresent === true;
  return band === RANGE_BAND.lr && holdsIdentity ? RANGE_BAND.unspecified : band;
}

/** A confirmed track as guard rules see it. */
export function guardTrack(view: TrackView, trackId: string): GuardTrack {
  const { positionM: p, velocityMps: v } = view;
  return {
    handle: handleOf(view.birth),
    trackId,
    rangeM: Math.sqrt(p[0] * p[0] + p[1] * p[1] + p[2] * p[2]),
    rangeRateMps: rangeRateMps(p[0], p[1], p[2], v[0], v[1], v[2]),
    quality: view.quality,
    iff: view.iff,
    transponderOn: view.transponderOn,
    transponderMode: view.transponderMode,
  };
}

/**
 * Body of a guard event (radar §2.5). Each sensor numbers its tracks by itself: behind the handle of the second sensor's and of later
 * ones' stands `@2`, `@3`, …
 */
export function guardBody(event: GuardEvent, sensorPlace: number): Record<string, unknown> {
  const { rule, trackId, handle, timeUs, occurrence } = event;
  const common = {
    schema_version: 1,
    category: "radar",
    source: "guard",
    subject: rule.id,
    kind: event.kind === "alert" ? "guard_alert" : "guard_clear",
    rule_id: rule.id,
    id: trackId,
    track_id: trackId,
    track_ref: sensorPlace === 0 ? handle : `${handle}@${sensorPlace + 1}`,
    fsm_event: rule.fsmEvent,
    severity: event.kind === "alert" ? rule.severity : "info",
    message: rule.description,
    ts_epoch: timeUs / 1e6,
    occurrence,
  };
  if (event.kind === "clear")
    return {
      ...common,
      clear_reason: event.reason,
      active_s: event.activeUs / 1e6,
      last_range_m: event.lastRangeM,
      last_quality: event.lastQuality,
    };
  const { rangeM, quality, iff, transponderOn, transponderMode } = event.track;
  return { ...common, range_m: rangeM, quality, iff, transponder_on: transponderOn, transponder_mode: transponderMode };
}

/** One sensor's share of the tracker's status. */
interface StatusPart {
  readonly sensorId: string | undefined;
  readonly tracks: readonly { readonly status: number }[];
  readonly counters: TrackerCounters;
  /** Event time of its last scan. */
  readonly timeUs: number | undefined;
}

/** Body of the tracker's status (radar §2.6), with a share for each sensor where there are several: it tells an empty sky from a dead tracker. */
export function statusBody(parts: readonly StatusPart[], timeUs: number): Record<string, unknown> {
  const share = (of: readonly StatusPart[]): Record<string, unknown> => {
    const count = (status: number): number => of.reduce((sum, { tracks }) => sum + tracks.filter((one) => one.status === status).length, 0);
    const total = (name: keyof TrackerCounters): number => of.reduce((sum, { counters }) => sum + counters[name], 0);
    return {
      tracks: { new: count(STATUS.new), tracked: count(STATUS.tracked), coasting: count(STATUS.coasting) },
      counters: Object.fromEntries(TRACKER_COUNTERS.map((name) => [name, total(name)])),
    };
  };
  const lastFrame = (us: number | undefined): string | null => (us === undefined ? null : formatUtcUs(us));
  return {
    schema_version: 1,
    category: "radar",
    source: "tracker",
    subject: "tracker",
    kind: "tracker_status",
    ts_epoch: timeUs / 1e6,
    ...share(parts),
    last_frame_ts: lastFrame(timeUs),
    ...(parts.length === 1
      ? {}
      : { sensors: parts.map((part) => ({ sensor_id: part.sensorId, ...share([part]), last_frame_ts: lastFrame(part.timeUs) })) }),
  };
}
