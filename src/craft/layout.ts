import type { CraftProfile } from "./profile.ts";
import { SHEDDABLE_LOADS, TRANSPONDER_MODES } from "./profile-schema.ts";
import { explainIds, RUNTIME_FAULTS, SHED_REASONS } from "./reasons.ts";
import { BURN_AXES } from "./thrusters.ts";

/**
 * Where each value of a craft lies in its one array of f64: first what is carried but not hashed, then the hashed part in the
 * order of simulation §4, so that the hash reads it in place. Offsets before the nodes are constants; those after them are
 * constants within their block, whose start the layout of a profile gives.
 */

/** Name and number of the layout, as recordings state it. */
export const HASH_ALGORITHM = "mmh3-128/craft-1";

export interface Field {
  /** Path in snapshots and divergence reports. */
  readonly name: string;
  readonly kind: "number" | "count" | "boolean" | "word";
  /** Of a `word`: the value is an index into these. */
  readonly words?: readonly string[];
  /** -1 stands for "none". */
  readonly nullable: boolean;
  readonly offset: number;
  readonly hashed: boolean;
}

interface Shape {
  readonly kind: Field["kind"];
  readonly nullable: boolean;
  readonly words?: readonly string[];
}

const NUMBER: Shape = { kind: "number", nullable: false };
const COUNT: Shape = { kind: "count", nullable: false };
const FLAG: Shape = { kind: "boolean", nullable: false };
const COUNT_OR_NONE: Shape = { kind: "count", nullable: true };

/** A run of fields; `add` gives the offset of the first one added, counted from the block's start. */
function block(): { readonly add: (shape: Shape, ...names: string[]) => number; readonly shapes: (Shape & { readonly name: string })[] } {
  const shapes: (Shape & { readonly name: string })[] = [];
  return {
    shapes,
    add(shape, ...names) {
      const first = shapes.length;
      for (const name of names) shapes.push({ ...shape, name });
      return first;
    },
  };
}

export const LOADS = ["base", "motion", "mcqpu", "radar", "transponder", "nbl", "rcs"] as const;
/** Loads that a `dead_load` fault can hit, in the order of their slots. */
export const DEAD_LOADS = ["radar", "transponder", "nbl", "rcs", "motion"] as const;
/** Bands that a `radar_dropout` fault can hit; without a target it hits both. */
export const RADAR_BANDS = ["LR", "SR"] as const;
export const SENSORS = ["imu", "radiation", "star_tracker", "magnetometer"] as const;
export const SENSOR_STATUSES = ["na", "ok", "warn", "crit"] as const;

// What later ticks or messages depend on, but not part of the hash.
const work = block();
/** Commands applied since the last tick, and those that acted in it. */
export const COMMANDS_PENDING = work.add(COUNT, "work.commands_pending");
export const COMMANDS_APPLIED = work.add(COUNT, "work.commands_applied");
/** Requested W in the order of `LOADS`. */
export const DEMAND_W = work.add(NUMBER, ...LOADS.map((load) => `work.demand_w.${load}`));
/** Per sheddable load: bits of `DENIED` for every reason it is off. */
export const DENIALS = work.add(COUNT, ...SHEDDABLE_LOADS.map((load) => `work.denials.${load}`));
/** Per sheddable load that heat denies: the tripped node that did; none when the NBL's gate did. */
export const DENYING_NODE = work.add(COUNT_OR_NONE, ...SHEDDABLE_LOADS.map((load) => `work.denying_node.${load}`));
/** Shed loads and reasons in the order of their listing, one octal digit each. */
export const SHED_ORDER = work.add(COUNT, "work.shed_order");
export const REASON_ORDER = work.add(COUNT, "work.reason_order");
/** Per sheddable load: the bus power with it back, while it is latched. */
export const FIT_W = work.add(NUMBER, ...SHEDDABLE_LOADS.map((load) => `work.fit_w.${load}`));
export const BUS_V = work.add(NUMBER, "work.bus_v");
export const LIMIT_W = work.add(NUMBER, "work.limit_w");
export const LOAD_W = work.add(NUMBER, "work.load_w");
export const SOFT_START_PCT = work.add(NUMBER, "work.soft_start_pct");
export const DOCK_A = work.add(NUMBER, "work.dock_a");
export const POWER_IN_W = work.add(NUMBER, "work.power_in_w");
export const POWER_OUT_W = work.add(NUMBER, "work.power_out_w");
export const BUS_A = work.add(NUMBER, "work.bus_a");
export const SUPPLY_FRACTION = work.add(NUMBER, "work.supply_fraction");
/** What the battery could have delivered through its limit and its content. */
export const BATTERY_AVAILABLE_W = work.add(NUMBER, "work.battery_available_w");
/** Duty that the propellant allows, and how long of the tick it burns. */
export const BURN_DUTY = work.add(NUMBER, "work.burn.duty");
export const BURN_S = work.add(NUMBER, "work.burn.burn_s");
/** Of the last tick's burn, as published; axis -1 when there was none. */
export const BURN_AXIS = work.add({ kind: "word", nullable: true, words: BURN_AXES }, "work.burn.axis");
export const BURN_PCT = work.add(NUMBER, "work.burn.pct");
export const BURN_EFFECTIVE = work.add(NUMBER, "work.burn.effective_duty");
export const BURN_GRANTED = work.add(NUMBER, "work.burn.granted_fraction");
export const BURN_FLOW_GS = work.add(NUMBER, "work.burn.flow_gs");
export const BURN_LEFT_S = work.add(NUMBER, "work.burn.time_left_s");
export const BURN_FORCE_N = work.add(NUMBER, "work.burn.force_n.x", "work.burn.force_n.y", "work.burn.force_n.z");
export const BURN_TORQUE_NM = work.add(NUMBER, "work.burn.torque_nm.x", "work.burn.torque_nm.y", "work.burn.torque_nm.z");
/** Drive of the last tick: speed and its world components. */
export const DRIVE_SPEED_MPS = work.add(NUMBER, "work.drive.speed_mps");
export const DRIVE_VELOCITY_MPS = work.add(NUMBER, "work.drive.velocity_mps.x", "work.drive.velocity_mps.y");
export const AMBIENT_FROM_SCENARIO = work.add(FLAG, "work.ambient_from_scenario");
export const RADIATION_FROM_SCENARIO = work.add(FLAG, "work.radiation_from_scenario");
/** Per sensor: stuck by a fault that has not yet seen its first tick. */
export const STUCK_PENDING = work.add(FLAG, ...SENSORS.map((sensor) => `work.stuck_pending.${sensor}`));
/** Faults in force, so that a tick without any asks no slot. */
export const FAULTS_IN_FORCE = work.add(COUNT, "work.faults_in_force");
/** Nodes that are tripped or warned, so that a tick without any asks no node. */
export const HOT_NODES = work.add(COUNT, "work.hot_nodes");
/** Whether any since_tick slot is in use. */
export const REASONS_IN_FORCE = work.add(FLAG, "work.reasons_in_force");

/** The hashed part: 16 bytes of the profile hash, then the fields. */
export const HASH_START = work.shapes.length;
const FIELDS_START = HASH_START + 2;

const fixed = block();
const at = (offset: number): number => FIELDS_START + offset;
export const TICK = at(fixed.add(COUNT, "tick"));
export const POSITION_M = at(fixed.add(NUMBER, "position_m.x", "position_m.y", "position_m.z"));
export const VELOCITY_MPS = at(fixed.add(NUMBER, "velocity_mps.x", "velocity_mps.y", "velocity_mps.z"));
/** Body to world, w first. */
export const QUATERNION = at(fixed.add(NUMBER, "quaternion.w", "quaternion.x", "quaternion.y", "quaternion.z"));
export const RATES_RPS = at(fixed.add(NUMBER, "rates_rps.x", "rates_rps.y", "rates_rps.z"));
export const DRIVE_COMMAND_MPS = at(fixed.add(NUMBER, "drive_command_mps"));
export const TURN_LEFT_DEG = at(fixed.add(NUMBER, "turn_left_deg"));
export const CPU_PCT = at(fixed.add(NUMBER, "cpu_pct"));
export const RAM_PCT = at(fixed.add(NUMBER, "ram_pct"));
export const BATTERY_J = at(fixed.add(NUMBER, "battery_j"));
export const SUPERCAP_J = at(fixed.add(NUMBER, "supercap_j"));
export const DOCK_CONNECTED = at(fixed.add(FLAG, "dock_connected"));
export const DOCK_TICKS = at(fixed.add(COUNT, "dock_ticks"));
export const DOCKED = at(fixed.add(FLAG, "docking.connected"));
export const PORT = at(fixed.add(COUNT_OR_NONE, "docking.port_index"));
export const NBL_ACTIVE = at(fixed.add(FLAG, "nbl_active"));
export const NBL_MAX_W = at(fixed.add(NUMBER, "nbl_max_w"));
export const SOC_LATCH = at(fixed.add(FLAG, "soc_latch"));
export const NBL_SOC_GATE = at(fixed.add(FLAG, "nbl_soc_gate"));
export const NBL_TEMP_GATE = at(fixed.add(FLAG, "nbl_temp_gate"));
/** Per sheddable load three fields: latched, ticks it has fitted, tick it was latched. */
export const PDU = FIELDS_START + fixed.shapes.length;
export const PDU_STRIDE = 3;
export const PDU_FIT_TICKS = 1;
export const PDU_SINCE = 2;
for (const load of SHEDDABLE_LOADS) {
  fixed.add(FLAG, `pdu.${load}.latched`);
  fixed.add(COUNT, `pdu.${load}.fit_ticks`);
  fixed.add(COUNT_OR_NONE, `pdu.${load}.since_tick`);
}
/** Per node three fields: temperature, tripped, warned. */
export const NODES = FIELDS_START + fixed.shapes.length;
export const NODE_STRIDE = 3;
export const NODE_TRIPPED = 1;
export const NODE_WARNED = 2;

// The block after the nodes; offsets count from `Layout.bodyAt`.
const body = block();
export const PROPELLANT_KG = body.add(NUMBER, "propellant_kg");
export const RCS_AXIS = body.add({ kind: "word", nullable: true, words: BURN_AXES }, "rcs.axis");
export const RCS_PCT = body.add(NUMBER, "rcs.pct");
export const RCS_DURATION_S = body.add(NUMBER, "rcs.duration_s");
export const RCS_START_TICK = body.add(COUNT_OR_NONE, "rcs.start_tick");
export const RADAR_ENABLED = body.add(FLAG, "radar_enabled");
export const TRANSPONDER_MODE = body.add({ kind: "word", nullable: false, words: TRANSPONDER_MODES }, "transponder_mode");
export const RADAR_ON = body.add(FLAG, "radar_on");
export const TRANSPONDER_ON = body.add(FLAG, "transponder_on");
export const DOSE_USV = body.add(NUMBER, "dose_usv");
export const AMBIENT_C = body.add(NUMBER, "ambient_c");
export const BASE_IN_W = body.add(NUMBER, "base_in_w");
export const RADIATION_USVH = body.add(NUMBER, "radiation_usvh");

// A fault slot; a stuck sensor's goes on with its frozen status and values.
export const FAULT_ACTIVE = 0;
export const FAULT_VALUE = 1;
export const FAULT_END_TICK = 2;
export const FAULT_STRIDE = 3;
export const STUCK_STATUS = 3;
export const STUCK_VALUES = 4;
const FROZEN_VALUES: Readonly<Record<(typeof SENSORS)[number], readonly string[]>> = {
  imu: ["rates_rps.x", "rates_rps.y", "rates_rps.z"],
  radiation: ["background_usvh", "dose_usv"],
  star_tracker: ["locked", "attitude_err_deg"],
  magnetometer: ["field_ut.x", "field_ut.y", "field_ut.z"],
};

// The last block, the outputs of the last tick; offsets count from `Layout.outputsAt`.
const outputs = block();
export const SOURCE_BASE_W = outputs.add(NUMBER, "outputs.sources_w.base");
export const SOURCE_DOCK_W = outputs.add(NUMBER, "outputs.sources_w.dock");
export const SUPERCAP_DISCHARGE_W = outputs.add(NUMBER, "outputs.sources_w.supercap_discharge");
/** Granted W in the order of `LOADS`. */
export const GRANTED_W = outputs.add(NUMBER, ...LOADS.map((load) => `outputs.loads_w.${load}`));
export const SUPERCAP_CHARGE_W = outputs.add(NUMBER, "outputs.loads_w.supercap_charge");
export const BATTERY_CHARGE_W = outputs.add(NUMBER, "outputs.battery_charge_w");
export const BATTERY_DISCHARGE_W = outputs.add(NUMBER, "outputs.battery_discharge_w");
export const SPILL_W = outputs.add(NUMBER, "outputs.spill_w");
export const UNSERVED_W = outputs.add(NUMBER, "outputs.unserved_w");
export const SHED_REASON = outputs.add(
  { kind: "word", nullable: false, words: ["none", ...SHED_REASONS] },
  ...SHEDDABLE_LOADS.map((load) => `outputs.shed_reason.${load}`),
);
export const MOTION_THROTTLED = outputs.add(FLAG, "outputs.throttled.motion");
export const RCS_THROTTLED = outputs.add(FLAG, "outputs.throttled.rcs");
/** Flags in the order of `RUNTIME_FAULTS`, then one trip per node. */
export const FAULT_FLAGS = outputs.add(FLAG, ...RUNTIME_FAULTS.map((fault) => `outputs.faults.${fault}`));
export const TRIP_FLAGS = outputs.shapes.length;

/** Kind and target of one fault slot, and where it lies. */
export interface FaultSlot {
  readonly kind: string;
  readonly target: string;
  readonly offset: number;
  /** Fields after the first three: a sensor's frozen status and values. */
  readonly extra: number;
}

/** Layout of the crafts of one profile. */
export interface Layout {
  /** Every field in the order of the array; the hashed ones are in hash order. */
  readonly fields: readonly Field[];
  readonly length: number;
  readonly bodyAt: number;
  readonly faultSlots: readonly FaultSlot[];
  /** since_tick slots: explain id → offset. */
  readonly sinceAt: ReadonlyMap<string, number>;
  readonly outputsAt: number;
}

/** The layout for a profile: its nodes, thrusters and configuration faults decide the lengths. */
export function layoutOf(profile: CraftProfile): Layout {
  const fields: Field[] = [];
  const append = (shapes: readonly (Shape & { readonly name: string })[], hashed: boolean): number => {
    const start = fields.length + (hashed ? 2 : 0);
    shapes.forEach((shape, index) => fields.push({ ...shape, offset: start + index, hashed }));
    return start;
  };
  append(work.shapes, false);
  append(fixed.shapes, true);
  const nodes = block();
  for (const { id } of profile.thermalPlane.nodes) {
    nodes.add(NUMBER, `nodes.${id}.temp_c`);
    nodes.add(FLAG, `nodes.${id}.tripped`, `nodes.${id}.warned`);
  }
  append(nodes.shapes, true);
  const bodyAt = append(body.shapes, true);
  const faults = faultBlock(profile);
  const faultsAt = append(faults.shapes, true);
  const since = block();
  const ids = explainIds(profile).sort();
  since.add(COUNT_OR_NONE, ...ids.map((id) => `since_tick.${id}`));
  const sinceStart = append(since.shapes, true);
  const trips = block();
  for (const { id } of profile.thermalPlane.nodes) trips.add(FLAG, `outputs.faults.THERMAL_TRIP:${id}`);
  const outputsAt = append([...outputs.shapes, ...trips.shapes], true);
  return {
    fields,
    length: fields.length + 2,
    bodyAt,
    faultSlots: faults.slots.map((slot) => ({ ...slot, offset: faultsAt + slot.offset })),
    sinceAt: new Map(ids.map((id, index) => [id, sinceStart + index])),
    outputsAt,
  };
}

function faultBlock(profile: CraftProfile): { readonly shapes: (Shape & { readonly name: string })[]; readonly slots: FaultSlot[] } {
  const { add, shapes } = block();
  const slots: FaultSlot[] = [];
  const addSlot = (kind: string, target: string, extra: () => void = () => {}): void => {
    const name = target === "" ? `faults.${kind}` : `faults.${kind}.${target}`;
    const offset = add(FLAG, `${name}.active`);
    add(NUMBER, `${name}.value`);
    add(COUNT_OR_NONE, `${name}.end_tick`);
    const before = shapes.length;
    extra();
    slots.push({ kind, target, offset, extra: shapes.length - before });
  };
  for (const sensor of SENSORS) {
    addSlot("stuck_sensor", sensor, () => {
      add({ kind: "word", nullable: false, words: SENSOR_STATUSES }, `faults.stuck_sensor.${sensor}.status`);
      add(NUMBER, ...FROZEN_VALUES[sensor].map((value) => `faults.stuck_sensor.${sensor}.${value}`));
    });
  }
  for (const load of DEAD_LOADS) addSlot("dead_load", load);
  addSlot("battery_capacity_loss", "");
  for (const { id } of profile.thermalPlane.nodes) addSlot("heat_leak", id);
  for (const band of [...RADAR_BANDS, "both"]) addSlot("radar_dropout", band);
  addSlot("comms_loss", "");
  for (const { index } of profile.thrusters) addSlot("thruster_dead", String(index));
  addSlot("late_frames", "");
  return { shapes, slots };
}
