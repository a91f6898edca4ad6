/**
 * JSON Schemas of what an existing client reads, written from the tables of the specification and from nothing in `src/`: they say when
 * the product's own schemas drift. `closed` objects take no other key; elsewhere a reader ignores what it does not know.
 */
type Schema = Readonly<Record<string, unknown>>;

const number = { type: "number" };
const count = { type: "integer", minimum: 0 };
const text = { type: "string" };
const boolean = { type: "boolean" };
const texts = { type: "array", items: text };
const bit = { enum: [0, 1] };
const percent = { type: "number", minimum: 0, maximum: 100 };
const orNull = (schema: Schema): Schema => ({ anyOf: [schema, { type: "null" }] });
const oneOf = (...values: readonly unknown[]): Schema => ({ enum: values });
const upTo = (last: number): Schema => ({ type: "integer", minimum: 0, maximum: last });
const list = (items: Schema, minItems = 0, maxItems = 20_000): Schema => ({ type: "array", items, minItems, maxItems });

const open = (properties: Readonly<Record<string, Schema>>, optional: Readonly<Record<string, Schema>> = {}): Schema => ({
  type: "object",
  properties: { ...properties, ...optional },
  required: Object.keys(properties),
});
const closed = (properties: Readonly<Record<string, Schema>>, optional: Readonly<Record<string, Schema>> = {}): Schema => ({
  ...open(properties, optional),
  additionalProperties: false,
});
/** The same schema for many keys. */
const each = (schema: Schema, ...keys: readonly string[]): Record<string, Schema> => Object.fromEntries(keys.map((key) => [key, schema]));

/** What holds where a property has this value, and elsewhere. */
const where = (key: string, value: unknown, holds: Schema, elsewhere: Schema = {}): Schema => {
  const condition = { properties: { [key]: { const: value } }, required: [key] };
  return { allOf: [{ anyOf: [{ not: condition }, holds] }, { anyOf: [condition, elsewhere] }] };
};

const uuid = { type: "string", pattern: "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$" };
const utcMs = { type: "string", pattern: "^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z$" };
const radarTime = { type: "string", pattern: "^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(\\.\\d{6})?Z$" };
const xyz = closed(each(number, "x", "y", "z"));
const heat = oneOf("missing", "nominal", "hot", "critical");

/** simulation.md §7. */
export const TELEMETRY: Schema = open(
  {
    schema_version: { const: 1 },
    source: { const: "q_sim_service" },
    timestamp: utcMs,
    ts_unix_ms: count,
    position: xyz,
    velocity_xyz_m_s: xyz,
    ...each({ type: "number", minimum: 0 }, "velocity", "speed_m_s"),
    heading: { type: "number", minimum: 0, exclusiveMaximum: 360 },
    attitude: closed(each({ type: "number", minimum: -6.2832, maximum: 6.2832 }, "roll_rad", "pitch_rad", "yaw_rad")),
    battery: percent,
    hull: closed({ integrity: percent }),
    ...each(percent, "cpu_usage", "memory_usage"),
    ...each(number, "radiation_usvh", "temp_external_c", "temp_core_c"),
    power: closed({
      soc_pct: percent,
      sources_w: closed(each(number, "base", "dock", "supercap_discharge")),
      loads_w: closed(each(number, "base", "motion", "mcqpu", "radar", "transponder", "nbl", "rcs", "supercap_charge")),
      ...each(number, "power_in_w", "power_out_w", "battery_capacity_wh", "battery_charge_w", "battery_discharge_w"),
      ...each(heat, "battery_temp_state", "supercap_temp_state"),
      ...each(number, "battery_spill_w", "battery_unserved_w", "bus_v", "battery_1_voltage_v", "battery_2_voltage_v", "bus_a", "bus_v_min"),
      ...each(number, "max_bus_a", "soc_shed_low_pct", "soc_shed_high_pct", "pdu_limit_w"),
      ...each(boolean, "load_shedding", "pdu_throttled", "dock_connected", "nbl_active", "nbl_allowed"),
      ...each(texts, "shed_loads", "shed_reasons", "throttled_loads", "faults"),
      ...each(number, "supercap_soc_pct", "supercap_capacity_wh", "supercap_charge_w", "supercap_discharge_w"),
      ...each(number, "dock_soft_start_pct", "dock_power_w", "dock_v", "dock_a", "dock_temp_c", "nbl_power_w", "nbl_budget_w"),
    }),
    thermal: closed({
      nodes: list(closed({ id: text, ...each(boolean, "tripped", "warned"), ...each(number, "temp_c", "warn_c", "trip_c", "hys_c") })),
    }),
    orbit: closed({
      state: { const: "off" },
      reason: { const: "orbit_not_modelled" },
      confidence: { const: 0 },
      inclination_deg: number,
      ...each({ type: "null" }, "apoapsis_km", "periapsis_km", "eccentricity", "period_min"),
    }),
    comms: open({
      ...each(boolean, "enabled", "plane_enabled", "available"),
      ...each(text, "link", "link_state", "antenna_status", "plane_profile", "EMCON_state", "reason_text"),
      ...each(orNull(number), "latency_ms", "packet_loss_pct"),
      ...each(number, "rssi_dbm", "snr_db", "tx_power_w", "data_rate_kbps"),
      reason_codes: texts,
      xpdr: open({ mode: oneOf("ON", "OFF", "SILENT", "SPOOF"), ...each(boolean, "active", "allowed"), id: orNull(text) }),
    }),
    propulsion: open({
      ...each(number, "propellant_tank_pressure_pa", "oxidizer_mass_kg", "fuel_total_g", "fuel_rate_gs", "remaining_fuel_g"),
      fuel_pct: percent,
      rcs: open({
        ...each(boolean, "enabled", "active", "throttled"),
        axis: orNull(text),
        ...each(number, "command_pct", "time_left_s", "propellant_kg", "power_w"),
        ...each(list(number, 3, 3), "net_force_n", "net_torque_nm"),
        thrusters: list(open({ index: count, duty_pct: number, valve_open: boolean, f_max_newton: number })),
      }),
    }),
    docking: open({
      ...each(boolean, "enabled", "connected"),
      state: oneOf("docked", "undocked", "disabled"),
      port: orNull(text),
      ports: texts,
    }),
    sensor_plane: open({
      enabled: boolean,
      ...each(open({ enabled: boolean }), "imu", "radiation", "proximity", "solar", "star_tracker", "magnetometer"),
    }),
    sim_state: open({ ...each(boolean, "running", "paused"), speed: number, fsm_state: oneOf("RUNNING", "PAUSED", "STOPPED") }),
    tick: count,
    ...each(number, "sim_time_s", "dt_s"),
    state_hash: { type: "string", pattern: "^[0-9a-f]{32}$" },
    ts_ingest: utcMs,
    field_sources: { type: "object", additionalProperties: oneOf("fixture", "scenario", "not_modelled") },
    run: open({ seed: count, id: uuid, epoch: utcMs, heartbeat: boolean }),
    motion: { type: "object" },
    power_detail: { type: "object" },
    explain: list(open({ id: text, kind: text, reason: text, since_tick: count })),
  },
  { hardware_profile_hash: { type: "string", pattern: "^sha256:[0-9a-f]{64}$" } },
);

const detection = {
  range_m: { type: "number", minimum: 0 },
  bearing_deg: { type: "number", minimum: 0, exclusiveMaximum: 360 },
  elev_deg: { type: "number", minimum: -90, maximum: 90 },
  vr_mps: number,
  snr_db: { type: "number", minimum: 0 },
  rcs_dbsm: number,
  transponder_on: boolean,
  transponder_mode: upTo(3),
  transponder_id: orNull(text),
  range_band: upTo(2),
  id_present: orNull(boolean),
};

/** A plot of a band: long range brings no identity. */
const longRange = where("range_band", 1, {
  properties: { transponder_id: { type: "null" }, id_present: { not: { const: true } }, transponder_mode: { const: 0 } },
});

/** radar.md §2.2 and §2.3. */
export const RADAR_FRAME: Schema = closed({
  schema_version: { const: 1 },
  frame_id: uuid,
  sensor_id: { const: "e46bc6f6-b33d-5ee4-a4ee-ae47bf13509c" },
  timestamp: radarTime,
  ts_event: radarTime,
  ts_ingest: orNull(radarTime),
  detections: list({ ...closed(detection), ...longRange }),
});

const bandOnly = (band: number): Schema => ({
  allOf: [RADAR_FRAME, { properties: { detections: { minItems: 1, items: { properties: { range_band: { const: band } } } } } }],
});
export const RADAR_FRAME_LR = bandOnly(1);
export const RADAR_FRAME_SR = bandOnly(2);

/** radar.md §2.4. */
export const RADAR_TRACK: Schema = {
  ...closed({
    schema_version: { const: 1 },
    track_id: uuid,
    object_type: upTo(5),
    iff: upTo(3),
    ...detection,
    quality: { type: "number", minimum: 0, maximum: 1 },
    status: upTo(4),
    ...each(xyz, "position", "velocity"),
    ...each(list(number, 6, 6), "position_covariance", "velocity_covariance"),
    age_s: { type: "number", minimum: 0 },
    miss_count: count,
    timestamp: radarTime,
    ts_event: radarTime,
    ts_ingest: orNull(radarTime),
  }),
  ...longRange,
};

/** operations.md §5.1. */
const event = (
  type: string,
  source: string,
  subject: Schema,
  own: Readonly<Record<string, Schema>>,
  optional: Readonly<Record<string, Schema>> = {},
): Schema =>
  open(
    { schema_version: { const: 1 }, category: { const: type }, source: { const: source }, subject, ts_epoch: number, ...own },
    { unit: text, tick: count, sim_time_s: number, ...optional },
  );

export const THERMAL = event("sensor", "thermal", { const: "core" }, { temp: number });
export const THERMAL_TRIP = event(
  "sensor",
  "thermal",
  text,
  { kind: oneOf("thermal_trip", "thermal_clear"), tripped: bit, ...each(number, "temp", "trip_c", "hys_c") },
  { reason: text },
);
export const POWER_BUS = event("power", "bus", { const: "main" }, each(number, "current", "bus_v", "demand_a"), { max_bus_a: number });
export const POWER_PDU = event(
  "power",
  "pdu",
  { const: "main" },
  { overcurrent: bit, ...each(number, "pdu_limit_w", "power_out_w", "bus_a", "bus_v") },
  { ...each(texts, "shed_loads", "throttled_loads"), edge: boolean },
);
export const RADAR_SENSOR = event(
  "radar",
  "sensor",
  { const: "ppi" },
  { value: bit, reason: oneOf("ok", "unpowered", "dropout"), detections: count },
);
export const RECORD_STORAGE = event("record", "recorder", { const: "storage" }, { used_pct: percent });
export const SYSTEM_MODE: Schema = open({
  event_schema_version: { const: 1 },
  ...each(text, "source", "subject"),
  timestamp: text,
  ts_epoch: number,
  mode: oneOf("FACTORY", "MISSION"),
});

/** radar.md §2.5 and §2.6. */
export const RADAR_GUARD: Schema = {
  ...open({
    schema_version: { const: 1 },
    category: { const: "radar" },
    source: { const: "guard" },
    kind: oneOf("guard_alert", "guard_clear"),
    ...each(text, "subject", "rule_id", "track_ref", "fsm_event", "severity", "message"),
    ...each(uuid, "id", "track_id"),
    ts_epoch: number,
    occurrence: { type: "integer", minimum: 1 },
  }),
  ...where(
    "kind",
    "guard_alert",
    { required: ["range_m", "quality", "iff", "transponder_on", "transponder_mode"], not: { required: ["clear_reason"] } },
    { required: ["last_range_m", "last_quality", "clear_reason", "active_s"], not: { required: ["range_m"] } },
  ),
};
export const RADAR_TRACKER: Schema = open({
  schema_version: { const: 1 },
  category: { const: "radar" },
  source: { const: "tracker" },
  kind: { const: "tracker_status" },
  ts_epoch: number,
  tracks: open(each(count, "new", "tracked", "coasting")),
  counters: open({
    ...each(count, "frames", "late", "duplicate", "same_time", "foreign_sensor", "invalid", "births_refused", "cluster_overflow"),
    ...each(count, "merged", "absorbed", "restarts"),
  }),
});

const ACK_CODES = [
  "malformed",
  "unknown_command",
  "invalid_parameter",
  "not_allowed_in_state",
  "subsystem_disabled",
  "comms_disabled",
  "invalid_mode",
  "not_authorized",
  "expired",
  "exception",
];

/** operations.md §4.4: both pairs of aliases. */
export const ACK: Schema = {
  ...open(
    {
      version: { const: 1 },
      kind: text,
      ...each(boolean, "success", "ok"),
      ...each(orNull(text), "requestId", "request_id"),
      timestamp: utcMs,
      payload: open({ command_name: text, status: text }),
      stage: oneOf("applied", "rejected"),
      tick: count,
      order: count,
      run_id: orNull(uuid),
      ts_ingest: utcMs,
    },
    { after_seq: count },
  ),
  ...where("ok", false, {
    required: ["error", "error_detail"],
    properties: {
      error: oneOf("comms_disabled", "invalid_mode", "exception", "rejected"),
      error_detail: open({ code: { enum: ACK_CODES }, message: text, details: open({ command_name: text }) }),
    },
  }),
};

/** operations.md §5.2: what the chain's records and those of command owners have in common. */
export const AUDIT: Schema = open({
  schema_version: { const: 1 },
  category: { const: "audit" },
  ...each(text, "source", "subject", "kind"),
});

/** operations.md §2.1 and §2.2: schema, CloudEvents type and source, and the form of the message id of each subject. */
export interface SpecSubject {
  readonly schema: Schema;
  readonly type?: string;
  readonly source?: string;
  readonly msgId?: RegExp;
}

const EVT = /^evt-\d+-[0-9a-f]{32}(:hb\d+)?$/;
const UUID = "[0-9a-f-]{36}";
const sim = (room: string): string => `urn:qiki:q-sim-service:${room}`;

export const SPEC_SUBJECTS: Readonly<Record<string, SpecSubject>> = {
  "qiki.telemetry": { schema: TELEMETRY, type: "qiki.telemetry.v1.Snapshot", source: sim("telemetry"), msgId: /^telemetry-\d+(:hb\d+)?$/ },
  "qiki.responses.control": { schema: ACK },
  "qiki.radar.v1.frames": {
    schema: RADAR_FRAME,
    type: "qiki.radar.v1.UNSPECIFIEDFrame",
    source: sim("radar"),
    msgId: new RegExp(`^${UUID}$`),
  },
  "qiki.radar.v1.frames.lr": {
    schema: RADAR_FRAME_LR,
    type: "qiki.radar.v1.LRFrame",
    source: sim("radar"),
    msgId: new RegExp(`^${UUID}:lr$`),
  },
  "qiki.radar.v1.tracks.sr": {
    schema: RADAR_FRAME_SR,
    type: "qiki.radar.v1.SRFrame",
    source: sim("radar"),
    msgId: new RegExp(`^${UUID}:sr$`),
  },
  "qiki.radar.v1.tracks": {
    schema: RADAR_TRACK,
    type: "qiki.radar.v1.Track",
    source: "urn:qiki:faststream-bridge:radar",
    msgId: new RegExp(`^${UUID}:\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{6}Z$`),
  },
  "qiki.events.v1.sensor.thermal": { schema: THERMAL, type: "qiki.events.v1.SensorReading", source: sim("thermal"), msgId: EVT },
  "qiki.events.v1.sensor.thermal.trip": { schema: THERMAL_TRIP, type: "qiki.events.v1.ThermalTrip", source: sim("thermal"), msgId: EVT },
  "qiki.events.v1.power.bus": { schema: POWER_BUS, type: "qiki.events.v1.PowerBusReading", source: sim("power"), msgId: EVT },
  "qiki.events.v1.power.pdu": { schema: POWER_PDU, type: "qiki.events.v1.PowerPduStatus", source: sim("power"), msgId: EVT },
  "qiki.events.v1.radar.sensor": { schema: RADAR_SENSOR, type: "qiki.events.v1.RadarSensorStatus", source: sim("radar"), msgId: EVT },
  "qiki.events.v1.radar.guard": {
    schema: RADAR_GUARD,
    type: "qiki.events.v1.RadarGuardAlert",
    source: "urn:qiki:faststream-bridge:radar_guard",
    msgId: EVT,
  },
  "qiki.events.v1.radar.tracker": {
    schema: RADAR_TRACKER,
    type: "qiki.events.v1.RadarTrackerStatus",
    source: "urn:qiki:faststream-bridge:radar",
  },
  "qiki.events.v1.record.storage": {
    schema: RECORD_STORAGE,
    type: "qiki.events.v1.RecordStorage",
    source: "urn:qiki:recorder",
    msgId: EVT,
  },
  "qiki.events.v1.system_mode": {
    schema: SYSTEM_MODE,
    type: "qiki.events.v1.SystemMode",
    source: sim("mode"),
    msgId: /^mode-[0-9a-f]{32}$/,
  },
  "qiki.events.v1.audit": { schema: AUDIT, type: "qiki.events.v1.AuditRecord", msgId: /^audit-/ },
  "qiki.events.v1.operator.incidents": {
    schema: AUDIT,
    type: "qiki.events.v1.AuditRecord",
    source: "urn:qiki:alarms",
    msgId: /^audit-[0-9a-f]{8}-\d+$/,
  },
};
