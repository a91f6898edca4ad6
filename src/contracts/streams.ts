import { base64UrlEncode } from "#base/base64url.ts";
import { utf8Encode } from "#base/utf8.ts";
import { EVENTS_PATTERN, RADAR_PATTERN, SUBJECTS } from "./subjects.ts";

/** A stream as we want it (operations §2.3): file storage, limits retention, the oldest message goes first. */
export interface StreamDefinition {
  readonly name: string;
  /** Patterns captured; empty when the stream copies from `source`. */
  readonly subjects: readonly string[];
  readonly source?: { readonly stream: string; readonly filter: string };
  readonly maxAgeMs: number;
  readonly maxBytes: number;
  /** A message id repeated within this span of the server's wall time is stored once. */
  readonly dedupWindowMs: number;
}

/** Where a consumer starts: the oldest message kept, the next one, the newest that passes its filter, a sequence, or a time of storing. */
export type DeliverFrom = "all" | "new" | "last" | { readonly seq: number } | { readonly timeMs: number };

/** A durable pull consumer with explicit acknowledgement. */
export interface DurableDefinition {
  readonly name: string;
  readonly stream: string;
  readonly filter: string;
  readonly deliver: DeliverFrom;
  readonly ackWaitMs: number;
  readonly maxDeliver: number;
  readonly maxAckPending: number;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const MIB = 1_048_576;
const DEDUP_WINDOW_MS = 120_000;

export const STREAMS = {
  radar: {
    name: "QIKI_RADAR_V1",
    subjects: [RADAR_PATTERN],
    maxAgeMs: HOUR_MS,
    maxBytes: 256 * MIB,
    dedupWindowMs: DEDUP_WINDOW_MS,
  },
  events: {
    name: "QIKI_EVENTS_V1",
    subjects: [EVENTS_PATTERN],
    maxAgeMs: DAY_MS,
    maxBytes: 256 * MIB,
    dedupWindowMs: DEDUP_WINDOW_MS,
  },
  audit: {
    name: "QIKI_AUDIT_V1",
    subjects: [],
    source: { stream: "QIKI_EVENTS_V1", filter: SUBJECTS.audit },
    maxAgeMs: 400 * DAY_MS,
    maxBytes: 4096 * MIB,
    dedupWindowMs: DEDUP_WINDOW_MS,
  },
  operator: {
    name: "QIKI_OPERATOR_V1",
    subjects: [],
    source: { stream: "QIKI_EVENTS_V1", filter: "qiki.events.v1.operator.>" },
    maxAgeMs: 400 * DAY_MS,
    maxBytes: 4096 * MIB,
    dedupWindowMs: DEDUP_WINDOW_MS,
  },
} as const satisfies Readonly<Record<string, StreamDefinition>>;

const DURABLE = { deliver: "new", ackWaitMs: 45_000, maxDeliver: 7, maxAckPending: 512 } as const;

/** Each is created by its reader; `qiki bus init` makes all of them beforehand. */
export const DURABLES = {
  radarFrames: { ...DURABLE, name: "radar_frames_pull", stream: STREAMS.radar.name, filter: "qiki.radar.v1.frames" },
  radarTracks: { ...DURABLE, name: "radar_tracks_pull", stream: STREAMS.radar.name, filter: "qiki.radar.v1.tracks" },
  eventsAudit: { ...DURABLE, name: "events_audit_pull", stream: STREAMS.events.name, filter: SUBJECTS.audit },
  alarmsEvents: { ...DURABLE, name: "alarms_events_pull", stream: STREAMS.events.name, filter: EVENTS_PATTERN, maxAckPending: 4096 },
} as const satisfies Readonly<Record<string, DurableDefinition>>;

/** The bucket of last values: history 1, in a file, nothing expires. */
export const STATE_BUCKET = "QIKI_STATE";

export const STATE_KEYS = {
  systemMode: "system_mode",
  simState: "sim_state",
  run: "run",
  rules: "rules",
  guards: "guards",
  auditHead: "audit_head",
  kpi: "kpi",
  recorder: "recorder",
  simMeta: "meta.sim",
  trackerMeta: "meta.tracker",
  alarmsMeta: "meta.alarms",
} as const;

/** Under it each role tells what must be known to build its machine anew; roles read it, consoles do not. */
export const META_KEY_PREFIX = "meta.";

export const INCIDENT_KEY_PREFIX = "incidents.";

/** Key of an incident's last value: incident ids hold letters that a key may not, so base64url carries them. */
export function incidentKey(incidentId: string): string {
  return `${INCIDENT_KEY_PREFIX}${base64UrlEncode(utf8Encode(incidentId))}`;
}
