/** Every subject of the product (operations §2.1). */
export const SUBJECTS = {
  telemetry: "qiki.telemetry",
  commands: "qiki.commands.control",
  responses: "qiki.responses.control",
  thermal: "qiki.events.v1.sensor.thermal",
  thermalTrip: "qiki.events.v1.sensor.thermal.trip",
  powerBus: "qiki.events.v1.power.bus",
  powerPdu: "qiki.events.v1.power.pdu",
  radarSensor: "qiki.events.v1.radar.sensor",
  radarGuard: "qiki.events.v1.radar.guard",
  radarTracker: "qiki.events.v1.radar.tracker",
  radarFrames: "qiki.radar.v1.frames",
  radarFramesLr: "qiki.radar.v1.frames.lr",
  /** A frame despite its name: the SR plots of one scan. */
  radarFramesSr: "qiki.radar.v1.tracks.sr",
  radarTracks: "qiki.radar.v1.tracks",
  recordStorage: "qiki.events.v1.record.storage",
  systemMode: "qiki.events.v1.system_mode",
  audit: "qiki.events.v1.audit",
  operatorIncidents: "qiki.events.v1.operator.incidents",
  recordMeta: "qiki.recording.v1.meta",
  recordHashes: "qiki.recording.v1.hashes",
  recordKeyframe: "qiki.recording.v1.keyframe",
  recordKeyframeGet: "qiki.recording.v1.keyframe.get",
  recordCheck: "qiki.recording.v1.check",
  recordRules: "qiki.recording.v1.rules",
  recordGap: "qiki.recording.v1.gap",
  recordEnd: "qiki.recording.v1.end",
} as const;

export const EVENTS_PREFIX = "qiki.events.v1.";
export const EVENTS_PATTERN = "qiki.events.v1.>";
export const RADAR_PREFIX = "qiki.radar.v1.";
export const RADAR_PATTERN = "qiki.radar.v1.>";
export const RECORDING_PREFIX = "qiki.recording.v1.";
export const QUERY_PREFIX = "qiki.query.v1.";

/** Queries that a role answers by request and reply (operations §2.4). */
export const QUERIES = {
  audit: { subject: "qiki.query.v1.audit", owner: "alarms" },
  auditVerify: { subject: "qiki.query.v1.audit_verify", owner: "alarms" },
  series: { subject: "qiki.query.v1.series", owner: "recorder" },
  timeline: { subject: "qiki.query.v1.timeline", owner: "recorder" },
  recordings: { subject: "qiki.query.v1.recordings", owner: "recorder" },
} as const;
