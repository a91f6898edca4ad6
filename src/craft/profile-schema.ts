/**
 * Every key of a craft profile as data: type, unit, default and range. The reader, the types of a read profile, its JSON
 * Schema and its documentation come from these tables.
 */

/** One key of an object in a profile file. Without `default` and `required`, an absent key is `undefined`. */
export type KeySpec =
  | (KeyBase & NumberRange & { readonly kind: "number"; readonly default?: number; readonly required?: true; readonly integer?: true })
  | (KeyBase & NumberRange & { readonly kind: "vector"; readonly default?: Vector; readonly required?: true })
  | (KeyBase & { readonly kind: "boolean"; readonly default?: boolean })
  | (KeyBase & { readonly kind: "text"; readonly default?: string; readonly required?: true })
  | (KeyBase & { readonly kind: "word"; readonly words: readonly string[]; readonly default: string })
  | (KeyBase & { readonly kind: "texts"; readonly words?: readonly string[]; readonly default?: readonly string[] })
  | (KeyBase & { readonly kind: "object"; readonly keys: readonly KeySpec[]; readonly optional?: true })
  | (KeyBase & { readonly kind: "list"; readonly keys: readonly KeySpec[]; readonly open?: true });

interface KeyBase {
  /** Name in the file. */
  readonly key: string;
  /** Another name for the same; both with different values are refused. */
  readonly alias?: string;
  /** What a default or range cannot say by itself. */
  readonly note?: string;
}

interface NumberRange {
  readonly unit: string;
  readonly min?: number;
  readonly max?: number;
  readonly minExclusive?: true;
}

export type Vector = readonly [number, number, number];

/** Loads that can be shed, in the order in which the power distribution unit gives them up. */
export const SHEDDABLE_LOADS = ["nbl", "radar", "transponder"] as const;
export const TRANSPONDER_MODES = ["ON", "OFF", "SILENT", "SPOOF"] as const;
export type TransponderMode = (typeof TRANSPONDER_MODES)[number];

const RATIO = { unit: "1", min: 0, max: 1 } as const;
const PERCENT = { unit: "%", min: 0, max: 100 } as const;
const WATTS = { unit: "W", min: 0, max: 1e6 } as const;
const TEMPERATURE = { unit: "C", min: -120, max: 160 } as const;
const OFF = { kind: "boolean", key: "enabled", default: false } as const;

const POWER_PLANE = [
  { kind: "number", key: "bus_v_nominal", unit: "V", min: 0, minExclusive: true, max: 1000, default: 28 },
  { kind: "number", key: "bus_v_min", unit: "V", min: 0, max: 1000, default: 22, note: "at most bus_v_nominal" },
  { kind: "number", key: "max_bus_a", unit: "A", min: 0, max: 1e4, default: 5, note: "0: no PDU limit" },
  { kind: "number", key: "base_power_in_w", ...WATTS, default: 30 },
  { kind: "number", key: "base_power_out_w", ...WATTS, default: 60 },
  { kind: "number", key: "motion_power_w_per_mps", unit: "W s/m", min: 0, max: 1e6, default: 40 },
  { kind: "number", key: "mcqpu_power_w_at_100pct", ...WATTS, default: 35 },
  { kind: "number", key: "radar_power_w", ...WATTS, default: 18 },
  { kind: "number", key: "transponder_power_w", ...WATTS, default: 6 },
  { kind: "number", key: "battery_max_charge_w", ...WATTS, default: 0, note: "0: unlimited" },
  { kind: "number", key: "battery_max_discharge_w", ...WATTS, default: 0, note: "0: unlimited" },
  { kind: "number", key: "battery_channel_delta_v", unit: "V", min: 0, max: 1000, default: 0, note: "at most bus_v_nominal" },
  { kind: "number", key: "soc_shed_low_pct", ...PERCENT, default: 20, note: "below soc_shed_high_pct" },
  { kind: "number", key: "soc_shed_high_pct", ...PERCENT, default: 30 },
  { kind: "number", key: "supercap_capacity_wh", unit: "Wh", min: 0, max: 1e6, default: 0 },
  { kind: "number", key: "supercap_soc_pct_init", ...PERCENT, default: 0 },
  { kind: "number", key: "supercap_max_charge_w", ...WATTS, default: 0 },
  { kind: "number", key: "supercap_max_discharge_w", ...WATTS, default: 0 },
  { kind: "boolean", key: "dock_connected_init", default: false },
  { kind: "boolean", key: "nbl_active_init", default: false },
  { kind: "number", key: "dock_station_bus_v", unit: "V", min: 0, max: 1000, default: 28 },
  { kind: "number", key: "dock_station_max_power_w", ...WATTS, default: 0, note: "0: only the current limits" },
  { kind: "number", key: "dock_current_limit_a", unit: "A", min: 0, max: 1e4, default: 0 },
  { kind: "number", key: "dock_soft_start_s", unit: "s", min: 0, max: 3600, default: 0 },
  { kind: "number", key: "dock_temp_c_init", ...TEMPERATURE, default: -60 },
  { kind: "number", key: "nbl_max_power_w", ...WATTS, default: 0 },
  { kind: "number", key: "nbl_soc_min_pct", ...PERCENT, default: 0 },
  { kind: "number", key: "nbl_core_temp_max_c", unit: "C", min: -120, max: 1000, default: 0 },
  { kind: "number", key: "nbl_soc_hysteresis_pct", unit: "%", min: 0, minExclusive: true, max: 50, default: 1 },
  { kind: "number", key: "nbl_temp_hysteresis_c", unit: "C", min: 0, minExclusive: true, max: 50, default: 2 },
  { kind: "number", key: "pdu_restore_margin_pct", unit: "%", min: 0, max: 50, default: 5 },
  { kind: "number", key: "pdu_restore_delay_s", unit: "s", min: 0, max: 3600, default: 5 },
  { kind: "number", key: "brownout_supply_min", ...RATIO, default: 0.8 },
] as const satisfies readonly KeySpec[];

const THERMAL_NODE = [
  { kind: "text", key: "id", required: true, note: "unique" },
  { kind: "number", key: "heat_capacity_j_per_c", unit: "J/C", min: 0, minExclusive: true, max: 1e9, required: true },
  { kind: "number", key: "cooling_w_per_c", unit: "W/C", min: 0, max: 1e4, default: 0 },
  { kind: "number", key: "t_init_c", ...TEMPERATURE, default: -60 },
  { kind: "number", key: "t_max_c", alias: "t_trip_c", unit: "C", min: 0, max: 160, default: 0, note: "0: no trip" },
  {
    kind: "number",
    key: "t_hysteresis_c",
    unit: "C",
    min: 0,
    max: 200,
    default: 0,
    note: "0 with a trip: a fault for the whole run, and 1 is used",
  },
  {
    kind: "number",
    key: "t_warn_c",
    unit: "C",
    min: 0,
    minExclusive: true,
    max: 160,
    note: "below the trip; absent: trip - warn_delta_c, none without a trip",
  },
  {
    kind: "texts",
    key: "sheds",
    words: SHEDDABLE_LOADS,
    note: "absent: core sheds nbl; pdu sheds radar, transponder, nbl; others nothing",
  },
] as const satisfies readonly KeySpec[];

const COUPLING = [
  { kind: "text", key: "a", required: true, note: "a node" },
  { kind: "text", key: "b", required: true, note: "another node" },
  { kind: "number", key: "k_w_per_c", unit: "W/C", min: 0, minExclusive: true, max: 1e4, default: 5, note: "parallel entries add" },
] as const satisfies readonly KeySpec[];

const THERMAL_PLANE = [
  OFF,
  { kind: "number", key: "ambient_exchange_w_per_c", unit: "W/C", min: 0, max: 1e4, default: 0 },
  { kind: "number", key: "warn_delta_c", unit: "C", min: 0, max: 80, default: 10 },
  { kind: "list", key: "nodes", keys: THERMAL_NODE },
  { kind: "list", key: "couplings", keys: COUPLING },
] as const satisfies readonly KeySpec[];

const PROPULSION_PLANE = [
  OFF,
  {
    kind: "text",
    key: "thrusters_path",
    default: "config/propulsion/thrusters.json",
    note: "beside the profile, else in the product; readable when enabled",
  },
  { kind: "number", key: "propellant_kg_init", unit: "kg", min: 0, max: 1e5, default: 0 },
  { kind: "number", key: "isp_s", unit: "s", min: 0, minExclusive: true, max: 1e4, note: "required when enabled" },
  { kind: "number", key: "rcs_power_w_at_100pct", ...WATTS, default: 0 },
  { kind: "number", key: "heat_fraction_to_hull", ...RATIO, default: 0 },
  { kind: "number", key: "ztt_torque_tol_nm", unit: "N m", min: 0, max: 1e6, default: 0 },
  { kind: "number", key: "pulse_window_s", unit: "s", min: 0, max: 60, default: 0, note: "unused" },
  { kind: "number", key: "propellant_tank_pressure_nominal_pa", unit: "Pa", min: 0, max: 1e9, default: 2e6 },
  {
    kind: "number",
    key: "propellant_tank_pressure_min_pa",
    unit: "Pa",
    min: 0,
    max: 1e9,
    default: 2e5,
    note: "at most propellant_tank_pressure_nominal_pa",
  },
  { kind: "number", key: "oxidizer_mass_ratio", unit: "1", min: 0, max: 100, default: 0 },
] as const satisfies readonly KeySpec[];

const DOCKING_PLANE = [
  OFF,
  { kind: "texts", key: "ports", default: ["A", "B"], note: "not empty, unique" },
  { kind: "text", key: "default_port", note: "one of ports; absent: the first" },
] as const satisfies readonly KeySpec[];

const RADIATION_LIMITS = [
  { kind: "number", key: "warn_usvh", unit: "uSv/h", min: 0, required: true, note: "below crit_usvh" },
  { kind: "number", key: "crit_usvh", unit: "uSv/h", min: 0, required: true },
] as const satisfies readonly KeySpec[];

const MAGNETIC_FIELD = [
  { kind: "number", key: "x", unit: "uT", required: true },
  { kind: "number", key: "y", unit: "uT", required: true },
  { kind: "number", key: "z", unit: "uT", required: true },
] as const satisfies readonly KeySpec[];

const SENSOR_PLANE = [
  OFF,
  { kind: "object", key: "imu", keys: [OFF] },
  {
    kind: "object",
    key: "radiation",
    keys: [
      OFF,
      { kind: "object", key: "limits", optional: true, keys: RADIATION_LIMITS },
      { kind: "number", key: "background_usvh", unit: "uSv/h", min: 0, default: 0 },
    ],
  },
  {
    kind: "object",
    key: "proximity",
    keys: [
      OFF,
      { kind: "number", key: "min_range_m_init", unit: "m", min: 0 },
      { kind: "number", key: "contacts_init", unit: "1", min: 0 },
    ],
  },
  { kind: "object", key: "solar", keys: [OFF, { kind: "number", key: "illumination_pct_init", unit: "%", min: 0 }] },
  {
    kind: "object",
    key: "star_tracker",
    keys: [OFF, { kind: "boolean", key: "locked_init" }, { kind: "number", key: "attitude_err_deg_init", unit: "deg", min: 0 }],
  },
  {
    kind: "object",
    key: "magnetometer",
    keys: [OFF, { kind: "object", key: "field_ut_init", optional: true, keys: MAGNETIC_FIELD }],
  },
] as const satisfies readonly KeySpec[];

const COMMS_PLANE = [
  { kind: "boolean", key: "enabled", default: true },
  { kind: "word", key: "xpdr_mode_init", words: TRANSPONDER_MODES, default: "ON" },
  { kind: "text", key: "EMCON_state", alias: "emcon_state", default: "missing" },
] as const satisfies readonly KeySpec[];

const MOTION_PLANE = [
  { kind: "number", key: "dry_mass_kg", unit: "kg", min: 0, minExclusive: true, max: 1e6, default: 388 },
  {
    kind: "vector",
    key: "inertia_kg_m2",
    unit: "kg m2",
    min: 0,
    minExclusive: true,
    default: [150, 170, 190],
    note: "each below the sum of the others",
  },
  { kind: "vector", key: "com_m", unit: "m", default: [0, 0, 0] },
  { kind: "vector", key: "tip_off_dps", unit: "deg/s", min: -30, max: 30, default: [0.2, 0.1, 0], note: "roll, pitch, yaw" },
  { kind: "number", key: "turn_rate_dps", unit: "deg/s", min: 0, minExclusive: true, max: 360, default: 20 },
  { kind: "boolean", key: "hold_when_docked", default: false },
] as const satisfies readonly KeySpec[];

const ACTUATOR = [
  { kind: "text", key: "id", required: true, note: "unique" },
  { kind: "text", key: "role", required: true, note: "motor_left, motor_right or rcs_<axis>" },
] as const satisfies readonly KeySpec[];

/** Keys of `hardware_profile`; others there are ignored, inside a plane they are errors unless they start with `_`. */
export const PROFILE_KEYS = [
  { kind: "number", key: "power_capacity_wh", unit: "Wh", min: 0, max: 1e6, note: "absent: 200 and a fault BATTERY_CAPACITY_MISSING" },
  { kind: "number", key: "battery_soc_init_pct", ...PERCENT, default: 100 },
  { kind: "number", key: "max_speed_mps", unit: "m/s", min: 0, minExclusive: true, max: 100, default: 1 },
  { kind: "list", key: "actuators", keys: ACTUATOR, open: true },
  { kind: "object", key: "power_plane", keys: POWER_PLANE, note: "absent: defaults and a fault POWER_PLANE_CONFIG_MISSING" },
  { kind: "object", key: "thermal_plane", keys: THERMAL_PLANE },
  { kind: "object", key: "propulsion_plane", keys: PROPULSION_PLANE },
  { kind: "object", key: "docking_plane", keys: DOCKING_PLANE },
  { kind: "object", key: "sensor_plane", keys: SENSOR_PLANE },
  { kind: "object", key: "comms_plane", keys: COMMS_PLANE },
  { kind: "object", key: "motion_plane", keys: MOTION_PLANE },
] as const satisfies readonly KeySpec[];

/** Keys of one entry of a thruster file: exactly these. */
export const THRUSTER_KEYS = [
  { kind: "number", key: "index", unit: "1", integer: true, required: true, note: "unique" },
  { kind: "text", key: "cluster_id", required: true },
  { kind: "vector", key: "position_m", unit: "m", required: true },
  { kind: "vector", key: "direction", unit: "1", required: true, note: "of length 0.99..1.01" },
  { kind: "number", key: "f_max_newton", unit: "N", min: 0, required: true },
] as const satisfies readonly KeySpec[];

type Capitalized<Name extends string> = Name extends `${infer Head}_${infer Tail}`
  ? `${Capitalize<Lowercase<Head>>}${Capitalized<Tail>}`
  : Capitalize<Lowercase<Name>>;
/** `bus_v_min` → `busVMin`: names in code are the file's names in the language's case. */
type CodeName<Name extends string> = Name extends `${infer Head}_${infer Tail}`
  ? `${Lowercase<Head>}${Capitalized<Tail>}`
  : Lowercase<Name>;

type Filled<Spec, Value> = Spec extends { readonly default: unknown } | { readonly required: true } ? Value : Value | undefined;

type ValueOf<Spec> = Spec extends { readonly kind: "number" }
  ? Filled<Spec, number>
  : Spec extends { readonly kind: "vector" }
    ? Filled<Spec, Vector>
    : Spec extends { readonly kind: "boolean" }
      ? Filled<Spec, boolean>
      : Spec extends { readonly kind: "text" }
        ? Filled<Spec, string>
        : Spec extends { readonly kind: "word"; readonly words: readonly (infer Word)[] }
          ? Word
          : Spec extends { readonly kind: "texts"; readonly words: readonly (infer Word)[] }
            ? Filled<Spec, readonly Word[]>
            : Spec extends { readonly kind: "texts" }
              ? Filled<Spec, readonly string[]>
              : Spec extends { readonly kind: "object"; readonly optional: true; readonly keys: infer Keys }
                ? ValuesOf<Keys> | undefined
                : Spec extends { readonly kind: "object"; readonly keys: infer Keys }
                  ? ValuesOf<Keys>
                  : Spec extends { readonly kind: "list"; readonly keys: infer Keys }
                    ? readonly ValuesOf<Keys>[]
                    : never;

/** What reading a table of keys gives. */
export type ValuesOf<Keys> = Keys extends readonly (infer Spec)[]
  ? { readonly [One in Spec as One extends { readonly key: infer Key extends string } ? CodeName<Key> : never]: ValueOf<One> }
  : never;

/** A key's name in code. */
export function codeName(key: string): string {
  const [head, ...tail] = key.split("_");
  return head!.toLowerCase() + tail.map((part) => part.charAt(0).toUpperCase() + part.slice(1).toLowerCase()).join("");
}
