import { z } from "zod";

/**
 * `qiki.telemetry`, schema version 1 (simulation §7). Closed objects are strict; the others may grow, and readers ignore keys they do
 * not know. JSON Schema is to be generated for input (`io: "input"`), which leaves the open ones open.
 */

const number = z.number();
const count = z.int().nonnegative();
const percent = z.number().min(0).max(100);
const watts = z.number().nonnegative();
const texts = z.array(z.string());
const vector = z.tuple([number, number, number]);
const nullableNumber = number.nullable();
const tempState = z.enum(["missing", "nominal", "hot", "critical"]);
const sensorStatus = z.enum(["na", "ok", "warn", "crit"]);
const xyz = z.strictObject({ x: number, y: number, z: number });

const power = z.strictObject({
  soc_pct: percent,
  sources_w: z.strictObject({ base: watts, dock: watts, supercap_discharge: watts }),
  loads_w: z.strictObject({
    base: watts,
    motion: watts,
    mcqpu: watts,
    radar: watts,
    transponder: watts,
    nbl: watts,
    rcs: watts,
    supercap_charge: watts,
  }),
  power_in_w: watts,
  power_out_w: watts,
  battery_capacity_wh: z.number().nonnegative(),
  battery_charge_w: watts,
  battery_discharge_w: watts,
  battery_temp_state: tempState,
  battery_spill_w: watts,
  battery_unserved_w: watts,
  bus_v: z.number().nonnegative(),
  battery_1_voltage_v: z.number().nonnegative(),
  battery_2_voltage_v: z.number().nonnegative(),
  bus_a: z.number().nonnegative(),
  bus_v_min: z.number().nonnegative(),
  max_bus_a: z.number().nonnegative(),
  soc_shed_low_pct: percent,
  soc_shed_high_pct: percent,
  load_shedding: z.boolean(),
  shed_loads: texts,
  shed_reasons: texts,
  pdu_limit_w: watts,
  pdu_throttled: z.boolean(),
  throttled_loads: texts,
  faults: texts,
  supercap_soc_pct: percent,
  supercap_capacity_wh: z.number().nonnegative(),
  supercap_charge_w: watts,
  supercap_discharge_w: watts,
  supercap_temp_state: tempState,
  dock_connected: z.boolean(),
  dock_soft_start_pct: percent,
  dock_power_w: watts,
  dock_v: z.number().nonnegative(),
  dock_a: z.number().nonnegative(),
  dock_temp_c: number,
  nbl_active: z.boolean(),
  nbl_allowed: z.boolean(),
  nbl_power_w: watts,
  nbl_budget_w: watts,
});

const thermal = z.strictObject({
  nodes: z.array(
    z.strictObject({
      id: z.string(),
      temp_c: number,
      tripped: z.boolean(),
      warned: z.boolean(),
      warn_c: number,
      trip_c: number,
      hys_c: number,
    }),
  ),
});

const orbit = z.strictObject({
  state: z.literal("off"),
  reason: z.literal("orbit_not_modelled"),
  confidence: z.literal(0),
  apoapsis_km: z.null(),
  periapsis_km: z.null(),
  inclination_deg: z.number().min(-90).max(90),
  eccentricity: z.null(),
  period_min: z.null(),
});

const comms = z.object({
  enabled: z.boolean(),
  link: z.enum(["online", "degraded", "offline"]),
  link_state: z.enum(["online", "degraded", "offline"]),
  latency_ms: nullableNumber,
  packet_loss_pct: percent.nullable(),
  rssi_dbm: number,
  snr_db: number,
  tx_power_w: watts,
  data_rate_kbps: z.number().nonnegative(),
  antenna_status: z.string(),
  plane_enabled: z.boolean(),
  plane_profile: z.string(),
  xpdr: z.object({ mode: z.enum(["ON", "OFF", "SILENT", "SPOOF"]), active: z.boolean(), allowed: z.boolean(), id: z.string().nullable() }),
  EMCON_state: z.string(),
  available: z.boolean(),
  reason_codes: texts,
  reason_text: z.string(),
});

const thruster = z.object({
  index: z.int(),
  cluster_id: z.string(),
  duty_pct: percent,
  valve_open: z.boolean(),
  f_max_newton: z.number().nonnegative(),
  status: z.literal("throttled").optional(),
  reason: z.literal("pdu_overcurrent").optional(),
});

const propulsion = z.object({
  propellant_tank_pressure_pa: z.number().nonnegative(),
  oxidizer_mass_kg: z.number().nonnegative(),
  fuel_pct: percent,
  fuel_total_g: z.number().nonnegative(),
  fuel_rate_gs: z.number().nonnegative(),
  remaining_fuel_g: z.number().nonnegative(),
  rcs: z.object({
    enabled: z.boolean(),
    active: z.boolean(),
    throttled: z.boolean(),
    axis: z.enum(["forward", "aft", "port", "starboard", "up", "down"]).nullable(),
    command_pct: percent,
    time_left_s: z.number().nonnegative(),
    propellant_kg: z.number().nonnegative(),
    power_w: watts,
    net_force_n: vector,
    net_torque_nm: vector,
    thrusters: z.array(thruster),
  }),
});

const docking = z.object({
  enabled: z.boolean(),
  state: z.enum(["docked", "undocked", "disabled"]),
  connected: z.boolean(),
  port: z.string().nullable(),
  ports: texts,
});

const sensorPlane = z.object({
  enabled: z.boolean(),
  imu: z.object({
    enabled: z.boolean(),
    status: sensorStatus,
    reason: z.string(),
    ok: z.boolean(),
    roll_rate_rps: nullableNumber,
    pitch_rate_rps: nullableNumber,
    yaw_rate_rps: nullableNumber,
  }),
  radiation: z.object({
    enabled: z.boolean(),
    background_usvh: nullableNumber,
    dose_total_usv: nullableNumber,
    status: sensorStatus,
    reason: z.string(),
    limits: z.object({ warn_usvh: nullableNumber, crit_usvh: nullableNumber }),
  }),
  proximity: z.object({ enabled: z.boolean(), min_range_m: nullableNumber, contacts: nullableNumber }),
  solar: z.object({ enabled: z.boolean(), illumination_pct: nullableNumber }),
  star_tracker: z.object({
    enabled: z.boolean(),
    status: sensorStatus,
    reason: z.string(),
    locked: z.boolean().nullable(),
    attitude_err_deg: nullableNumber,
  }),
  magnetometer: z.object({ enabled: z.boolean(), field_ut: z.object({ x: number, y: number, z: number }).nullable() }),
});

const explainRecord = z.object({
  id: z.string(),
  kind: z.enum(["latch", "gate", "trip", "warn", "shed", "throttle", "brownout", "hold", "fault"]),
  load: z.string().optional(),
  node: z.string().optional(),
  reason: z.string(),
  since_tick: count,
  value: nullableNumber,
  limit: nullableNumber,
  unit: z.string(),
  restores_when: z
    .object({
      field: z.string(),
      op: z.enum(["<=", ">=", "==", ">"]),
      value: z.union([number, z.boolean()]),
      unit: z.string(),
      hold_s: z.number().nonnegative().optional(),
      remaining_s: z.number().nonnegative().optional(),
    })
    .nullable(),
});

const powerDetail = z.object({
  demand_w: z.object({
    base: watts,
    motion: watts,
    mcqpu: watts,
    radar: watts,
    transponder: watts,
    nbl: watts,
    rcs: watts,
  }),
  sheds: z.array(z.object({ load: z.string(), reason: z.string(), since_tick: count })),
  supply_fraction: z.number().min(0).max(1),
  residual_w: number,
  nbl_max_w: watts,
  fit_w: z.object({ nbl: watts.optional(), radar: watts.optional(), transponder: watts.optional() }),
});

const fieldSource = z.enum(["fixture", "scenario", "not_modelled"]);

export const telemetrySchema = z.object({
  schema_version: z.literal(1),
  source: z.literal("q_sim_service"),
  timestamp: z.iso.datetime(),
  ts_unix_ms: z.int(),
  position: xyz,
  velocity: z.number().nonnegative(),
  speed_m_s: z.number().nonnegative(),
  velocity_xyz_m_s: xyz,
  heading: z.number().min(0).lt(360),
  attitude: z.strictObject({
    roll_rad: z
      .number()
      .min(-2 * Math.PI)
      .max(2 * Math.PI),
    pitch_rad: z
      .number()
      .min(-2 * Math.PI)
      .max(2 * Math.PI),
    yaw_rad: z
      .number()
      .min(-2 * Math.PI)
      .max(2 * Math.PI),
  }),
  battery: percent,
  hull: z.strictObject({ integrity: percent }),
  power,
  thermal,
  orbit,
  comms,
  propulsion,
  radiation_usvh: number,
  temp_external_c: number,
  temp_core_c: number,
  cpu_usage: percent,
  memory_usage: percent,
  docking,
  sensor_plane: sensorPlane,
  hardware_profile_hash: z
    .string()
    .regex(/^sha256:[0-9a-f]{64}$/)
    .optional(),
  sim_state: z.object({
    running: z.boolean(),
    paused: z.boolean(),
    speed: z.number().positive(),
    fsm_state: z.enum(["STOPPED", "RUNNING", "PAUSED"]),
  }),
  tick: count,
  sim_time_s: z.number().nonnegative(),
  dt_s: z.number().positive(),
  ts_ingest: z.iso.datetime().optional(),
  run: z.object({ seed: count, id: z.string(), epoch: z.iso.datetime(), heartbeat: z.boolean() }),
  state_hash: z.string().regex(/^[0-9a-f]{32}$/),
  field_sources: z.object({ hull: fieldSource, radiation_usvh: fieldSource, temp_external_c: fieldSource, orbit: fieldSource }),
  motion: z.object({
    position_m: vector,
    velocity_mps: vector,
    inertial_velocity_mps: vector,
    quaternion: z.tuple([number, number, number, number]),
    body_rates_rps: vector,
    drive_command_mps: number,
    drive_actual_mps: number,
    turn_left_deg: number,
    mass_kg: z.number().positive(),
  }),
  power_detail: powerDetail,
  explain: z.array(explainRecord),
});

export type TelemetryPayload = z.infer<typeof telemetrySchema>;
export type ExplainRecord = TelemetryPayload["explain"][number];
