import { formatUtcMs } from "#base/rfc3339.ts";
import type { RunId, Tick } from "#base/units.ts";

/** One message on its way to the bus, before wall time and sequence numbers are put in. */
export interface Message {
  readonly subject: string;
  /** Becomes UTF-8 JSON; the publisher adds `ts_ingest` where the contract has it. */
  readonly payload: Readonly<Record<string, unknown>>;
  /** `Nats-Msg-Id` and `ce_id`; absent on subjects without deduplication. */
  readonly msgId?: string;
  /** CloudEvents type; absent on subjects without CloudEvents headers. */
  readonly type?: string;
  /** CloudEvents source. */
  readonly source: string;
  /** Event time, integer milliseconds since 1970. */
  readonly timeMs: number;
  readonly tick: Tick;
  readonly runId: RunId;
  /** The n-th repeat of the same tick's message; absent on the first. */
  readonly heartbeat?: number;
  /** Headers of this message beside those that every message has. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** CloudEvents types and sources of what we publish (operations §2.2). */
export const CLOUD_EVENTS = {
  telemetry: { type: "qiki.telemetry.v1.Snapshot", source: "urn:qiki:q-sim-service:telemetry" },
  thermal: { type: "qiki.events.v1.SensorReading", source: "urn:qiki:q-sim-service:thermal" },
  thermalTrip: { type: "qiki.events.v1.ThermalTrip", source: "urn:qiki:q-sim-service:thermal" },
  powerBus: { type: "qiki.events.v1.PowerBusReading", source: "urn:qiki:q-sim-service:power" },
  powerPdu: { type: "qiki.events.v1.PowerPduStatus", source: "urn:qiki:q-sim-service:power" },
  radarSensor: { type: "qiki.events.v1.RadarSensorStatus", source: "urn:qiki:q-sim-service:radar" },
  radarFrames: { type: "qiki.radar.v1.UNSPECIFIEDFrame", source: "urn:qiki:q-sim-service:radar" },
  radarFramesLr: { type: "qiki.radar.v1.LRFrame", source: "urn:qiki:q-sim-service:radar" },
  radarFramesSr: { type: "qiki.radar.v1.SRFrame", source: "urn:qiki:q-sim-service:radar" },
  radarTracks: { type: "qiki.radar.v1.Track", source: "urn:qiki:faststream-bridge:radar" },
  radarGuard: { type: "qiki.events.v1.RadarGuardAlert", source: "urn:qiki:faststream-bridge:radar_guard" },
  radarTracker: { type: "qiki.events.v1.RadarTrackerStatus", source: "urn:qiki:faststream-bridge:radar" },
  systemMode: { type: "qiki.events.v1.SystemMode", source: "urn:qiki:q-sim-service:mode" },
  audit: { type: "qiki.events.v1.AuditRecord", source: "urn:qiki:alarms" },
  simAudit: { type: "qiki.events.v1.AuditRecord", source: "urn:qiki:q-sim-service:audit" },
  recordStorage: { type: "qiki.events.v1.RecordStorage", source: "urn:qiki:recorder" },
  recorderAudit: { type: "qiki.events.v1.AuditRecord", source: "urn:qiki:recorder" },
} as const;

export const MSG_ID_HEADER = "Nats-Msg-Id";
export const RUN_HEADER = "x-qiki-run";
export const TICK_HEADER = "x-qiki-tick";
export const SEQ_HEADER = "x-qiki-seq";
export const HEARTBEAT_HEADER = "x-qiki-heartbeat";
export const BAND_HEADER = "x-range-band";
/** Bands that looked: `LR`, `SR` or `LR,SR`; absent means both. */
export const SCAN_HEADER = "x-qiki-scan";
/** Own velocity at a scan as JSON [vx,vy,vz], m/s, world axes; absent means unchanged. */
export const OWN_VELOCITY_HEADER = "x-qiki-own-vel";

/** The headers of a message; `seq` grows by one per publisher and subject. */
export function headersOf(message: Message, seq: number): Record<string, string> {
  const headers: Record<string, string> = {};
  if (message.msgId !== undefined) headers[MSG_ID_HEADER] = message.msgId;
  if (message.type !== undefined) {
    headers.ce_specversion = "1.0";
    headers.ce_id = message.msgId ?? `${message.runId}:${message.subject}:${seq}`;
    headers.ce_type = message.type;
    headers.ce_source = message.source;
    headers.ce_time = formatUtcMs(message.timeMs);
    headers.ce_datacontenttype = "application/json";
  }
  headers[RUN_HEADER] = message.runId;
  headers[TICK_HEADER] = String(message.tick);
  headers[SEQ_HEADER] = String(seq);
  if (message.heartbeat !== undefined) headers[HEARTBEAT_HEADER] = String(message.heartbeat);
  if (message.headers !== undefined) Object.assign(headers, message.headers);
  return headers;
}
