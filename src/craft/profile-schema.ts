import type { KeySpec } from "#base/key-spec.ts";
import { POWER_PLANE } from "./profile-power.ts";
import { PERCENT, RATIO, TEMPERATURE, WATTS } from "./profile-ranges.ts";

/**
 * Every key of a craft profile as data: type, unit, default and range. The reader, the types of a read profile, its JSON
 * Schema and its documentation come from these tables.
 */

/** Loads that can be shed, in the order in which the power distribution unit gives them up. */
export const SHEDDABLE_LOADS = ["nbl", "radar", "transponder"] as const;
export const TRANSPONDER_MODES = ["ON", "OFF", "SILENT", "SPOOF"] as const;
export type TransponderMode = (typeof TRANSPONDER_MODES)[number];

const OFF = { kind: "boolean", key: "enabled", about: "whether the craft has this part", default: false } as const;

const THERMAL_NODE = [
  {
    kind: "text",
    key: "id",
    about: "name of the node; core, pdu, supercap, battery, dock_bridge and hull are heated",
    required: true,
    note: "unique",
  },
  {
    kind: "number",
    key: "heat_capacity_j_per_c",
    about: "heat capacity",
    unit: "J/C",
    min: 0,
    minExclusive: true,
    max: 1e9,
    required: true,
  },
  { kind: "number", key: "cooling_w_per_c", about: "own cooling to the ambient", unit: "W/C", min: 0, max: 1e4, default: 0 },
  { kind: "number", key: "t_init_c", about: "temperature at the start", ...TEMPERATURE, default: -60 },
  {
    kind: "number",
    key: "t_max_c",
    about: "trip temperature",
    alias: "t_trip_c",
    unit: "C",
    min: 0,
    max: 160,
    default: 0,
    note: "0: no trip",
  },
  {
    kind: "number",
    key: "t_hysteresis_c",
    about: "cooling below the threshold that ends a trip or warning",
    unit: "C",
    min: 0,
    max: 200,
    default: 0,
    note: "0 with a trip: a fault for the whole run, and 1 is used",
  },
  {
    kind: "number",
    key: "t_warn_c",
    about: "warning temperature",
    unit: "C",
    min: 0,
    minExclusive: true,
    max: 160,
    note: "below the trip; absent: trip - warn_delta_c, none without a trip",
  },
  {
    kind: "texts",
    key: "sheds",
    about: "loads that a trip denies",
    words: SHEDDABLE_LOADS,
    note: "absent: core sheds nbl; pdu sheds radar, transponder, nbl; others nothing",
  },
] as const satisfies readonly KeySpec[];

const COUPLING = [
  { kind: "text", key: "a", about: "one node", required: true },
  { kind: "text", key: "b", about: "another node", required: true },
  {
    kind: "number",
    key: "k_w_per_c",
    about: "conductance",
    unit: "W/C",
    min: 0,
    minExclusive: true,
    max: 1e4,
    default: 5,
    note: "parallel entries add",
  },
] as const satisfies readonly KeySpec[];

const THERMAL_PLANE = [
  OFF,
  {
    kind: "number",
    key: "ambient_exchange_w_per_c",
    about: "exchange with the ambient, added to the cooling of every node",
    unit: "W/C",
    min: 0,
    max: 1e4,
    default: 0,
  },
  { kind: "number", key: "warn_delta_c", about: "distance of the warning below the trip", unit: "C", min: 0, max: 80, default: 10 },
  { kind: "list", key: "nodes", about: "thermal nodes", keys: THERMAL_NODE },
  { kind: "list", key: "couplings", about: "conduction between nodes", keys: COUPLING },
] as const satisfies readonly KeySpec[];

const PROPULSION_PLANE = [
  OFF,
  {
    kind: "text",
    key: "thrusters_path",
    about: "file of the thrusters",
    default: "config/propulsion/thrusters.json",
    note: "beside the profile, else in the product; readable when enabled",
  },
  { kind: "number", key: "propellant_kg_init", about: "propellant at the start", unit: "kg", min: 0, max: 1e5, default: 0 },
  {
    kind: "number",
    key: "isp_s",
    about: "specific impulse",
    unit: "s",
    min: 0,
    minExclusive: true,
    max: 1e4,
    note: "required when enabled",
  },
  { kind: "number", key: "rcs_power_w_at_100pct", about: "power of a burn at full duty", ...WATTS, default: 0 },
  { kind: "number", key: "heat_fraction_to_hull", about: "share of that power that heats the hull", ...RATIO, default: 0 },
  {
    kind: "number",
    key: "ztt_torque_tol_nm",
    about: "torque a thruster group may leave without penalty",
    unit: "N m",
    min: 0,
    max: 1e6,
    default: 0,
  },
  { kind: "number", key: "pulse_window_s", about: "pulse window", unit: "s", min: 0, max: 60, default: 0, note: "unused" },
  {
    kind: "number",
    key: "propellant_tank_pressure_nominal_pa",
    about: "tank pressure when full",
    unit: "Pa",
    min: 0,
    max: 1e9,
    default: 2e6,
  },
  {
    kind: "number",
    key: "propellant_tank_pressure_min_pa",
    about: "tank pressure when empty",
    unit: "Pa",
    min: 0,
    max: 1e9,
    default: 2e5,
    note: "at most propellant_tank_pressure_nominal_pa",
  },
  { kind: "number", key: "oxidizer_mass_ratio", about: "oxidizer per propellant", unit: "1", min: 0, max: 100, default: 0 },
] as const satisfies readonly KeySpec[];

const DOCKING_PLANE = [
  OFF,
  { kind: "texts", key: "ports", about: "names of the ports", default: ["A", "B"], note: "not empty, unique" },
  { kind: "text", key: "default_port", about: "port of an engage command that names none", note: "one of ports; absent: the first" },
] as const satisfies readonly KeySpec[];

const RADIATION_LIMITS = [
  { kind: "number", key: "warn_usvh", about: "dose rate of a warning", unit: "uSv/h", min: 0, required: true, note: "below crit_usvh" },
  { kind: "number", key: "crit_usvh", about: "dose rate that is critical", unit: "uSv/h", min: 0, required: true },
] as const satisfies readonly KeySpec[];

const MAGNETIC_FIELD = [
  { kind: "number", key: "x", about: "component along X", unit: "uT", required: true },
  { kind: "number", key: "y", about: "component along Y", unit: "uT", required: true },
  { kind: "number", key: "z", about: "component along Z", unit: "uT", required: true },
] as const satisfies readonly KeySpec[];

const SENSOR_PLANE = [
  OFF,
  { kind: "object", key: "imu", about: "inertial measurement unit", keys: [OFF] },
  {
    kind: "object",
    key: "radiation",
    about: "radiation monitor",
    keys: [
      OFF,
      { kind: "object", key: "limits", about: "thresholds of the dose rate", optional: true, keys: RADIATION_LIMITS },
      { kind: "number", key: "background_usvh", about: "dose rate", unit: "uSv/h", min: 0, default: 0 },
    ],
  },
  {
    kind: "object",
    key: "proximity",
    about: "proximity sensor",
    keys: [
      OFF,
      { kind: "number", key: "min_range_m_init", about: "nearest range shown", unit: "m", min: 0 },
      { kind: "number", key: "contacts_init", about: "contacts shown", unit: "1", min: 0 },
    ],
  },
  {
    kind: "object",
    key: "solar",
    about: "solar sensor",
    keys: [OFF, { kind: "number", key: "illumination_pct_init", about: "illumination shown", unit: "%", min: 0 }],
  },
  {
    kind: "object",
    key: "star_tracker",
    about: "star tracker",
    keys: [
      OFF,
      { kind: "boolean", key: "locked_init", about: "whether it has a lock" },
      { kind: "number", key: "attitude_err_deg_init", about: "attitude error shown", unit: "deg", min: 0 },
    ],
  },
  {
    kind: "object",
    key: "magnetometer",
    about: "magnetometer",
    keys: [OFF, { kind: "object", key: "field_ut_init", about: "magnetic field shown", optional: true, keys: MAGNETIC_FIELD }],
  },
] as const satisfies readonly KeySpec[];

const COMMS_PLANE = [
  { kind: "boolean", key: "enabled", about: "whether the craft has this part", default: true },
  { kind: "word", key: "xpdr_mode_init", about: "transponder mode at the start", words: TRANSPONDER_MODES, default: "ON" },
  {
    kind: "text",
    key: "EMCON_state",
    about: "emission control; EMCON_block switches the link off",
    alias: "emcon_state",
    default: "missing",
  },
] as const satisfies readonly KeySpec[];

const MOTION_PLANE = [
  { kind: "number", key: "dry_mass_kg", about: "mass without propellant", unit: "kg", min: 0, minExclusive: true, max: 1e6, default: 388 },
  {
    kind: "vector",
    key: "inertia_kg_m2",
    about: "moments of inertia Ixx, Iyy, Izz",
    unit: "kg m2",
    min: 0,
    minExclusive: true,
    default: [150, 170, 190],
    note: "each below the sum of the others",
  },
  { kind: "vector", key: "com_m", about: "centre of mass", unit: "m", default: [0, 0, 0] },
  {
    kind: "vector",
    key: "tip_off_dps",
    about: "body rates at release",
    unit: "deg/s",
    min: -30,
    max: 30,
    default: [0.2, 0.1, 0],
    note: "roll, pitch, yaw",
  },
  {
    kind: "number",
    key: "turn_rate_dps",
    about: "rate of a turn command",
    unit: "deg/s",
    min: 0,
    minExclusive: true,
    max: 360,
    default: 20,
  },
  { kind: "boolean", key: "hold_when_docked", about: "whether the dock holds the craft still", default: false },
] as const satisfies readonly KeySpec[];

const ACTUATOR = [
  { kind: "text", key: "id", about: "name of the actuator", required: true, note: "unique" },
  { kind: "text", key: "role", about: "what it is", required: true, note: "motor_left, motor_right or rcs_<axis>" },
] as const satisfies readonly KeySpec[];

/** Keys of `hardware_profile`; others there are ignored, inside a plane they are errors unless they start with `_`. */
export const PROFILE_KEYS = [
  {
    kind: "number",
    key: "power_capacity_wh",
    about: "battery capacity",
    unit: "Wh",
    min: 0,
    max: 1e6,
    note: "absent: 200 and a fault BATTERY_CAPACITY_MISSING",
  },
  { kind: "number", key: "battery_soc_init_pct", about: "battery charge at the start", ...PERCENT, default: 100 },
  {
    kind: "number",
    key: "max_speed_mps",
    about: "highest speed the drive takes",
    unit: "m/s",
    min: 0,
    minExclusive: true,
    max: 100,
    default: 1,
  },
  { kind: "list", key: "actuators", about: "actuators that programs inside the twin may ask", keys: ACTUATOR, open: true },
  {
    kind: "object",
    key: "power_plane",
    about: "bus, loads, battery, supercapacitor, dock power",
    keys: POWER_PLANE,
    note: "absent: defaults and a fault POWER_PLANE_CONFIG_MISSING",
  },
  { kind: "object", key: "thermal_plane", about: "thermal network with its trips", keys: THERMAL_PLANE },
  { kind: "object", key: "propulsion_plane", about: "thrusters and propellant", keys: PROPULSION_PLANE },
  { kind: "object", key: "docking_plane", about: "docking ports", keys: DOCKING_PLANE },
  { kind: "object", key: "sensor_plane", about: "sensors", keys: SENSOR_PLANE },
  { kind: "object", key: "comms_plane", about: "radio link and transponder", keys: COMMS_PLANE },
  { kind: "object", key: "motion_plane", about: "mass, inertia and initial tumbling", keys: MOTION_PLANE },
] as const satisfies readonly KeySpec[];

/** Keys of one entry of a thruster file: exactly these. */
export const THRUSTER_KEYS = [
  { kind: "number", key: "index", about: "number", unit: "1", integer: true, required: true, note: "unique" },
  { kind: "text", key: "cluster_id", about: "cluster", required: true },
  { kind: "vector", key: "position_m", about: "where it sits", unit: "m", required: true },
  { kind: "vector", key: "direction", about: "where it pushes the craft", unit: "1", required: true, note: "of length 0.99..1.01" },
  { kind: "number", key: "f_max_newton", about: "greatest force", unit: "N", min: 0, required: true },
] as const satisfies readonly KeySpec[];
