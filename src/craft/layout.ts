import { assert } from "#base/assert.ts";
import type { CraftProfile } from "./profile.ts";
import { SHEDDABLE_LOADS, TRANSPONDER_MODES } from "./profile-schema.ts";
import { explainIds, RUNTIME_FAULTS, SHED_REASONS } from "./reasons.ts";
import { BURN_AXES } from "./thrusters.ts";

/**
 * Where each value of a craft lies in its array of f64. Crafts that a step takes together share an array in lanes: first a field of
 * all of them, then the next field. So a step reads memory in one direction, and what it does not ask for costs nothing. A craft
 * alone has the first lane. Offsets of all but the nodes and what depends on their number are the same for every profile; the order
 * in which the hash takes the fields (simulation §4) is another, `Layout.hashOrder`.
 */

/**
 * The most crafts that share an array, each in a lane. A field of all of them is an odd number of cache lines: with a power of two
 * the fields of a craft alone would fall into the same few sets of the cache.
 */
export const LANES = 40;
/** From a field to the next one of the same craft. */
export const NEXT = LANES;

/** Name and number of the layout, as recordings state it. */
export const HASH_ALGORITHM = "mmh3-128/craft-1";
/** Of the profile hash, 16 bytes stand before the hashed fields. */
export const PROFILE_HASH_LENGTH = 2;

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

interface Block {
  /** Gives the offset of the first field added. */
  readonly add: (shape: Shape, ...names: string[]) => number;
  readonly fields: Omit<Field, "hashed">[];
  /** Where the next block begins. */
  readonly end: () => number;
}

/** A run of fields from an offset on. */
function block(start: number): Block {
  const fields: Omit<Field, "hashed">[] = [];
  const end = (): number => start + fields.length * NEXT;
  return {
    fields,
    end,
    add(shape, ...names) {
      const first = end();
      for (const name of names) fields.push({ ...shape, name, offset: end() });
      return first;
    },
  };
}

export const LOADS = ["base", "motion", "mcqpu", "radar", "transponder", "nbl", "rcs"] as const;
/** Where each of `LOADS` lies within DEMAND_W and GRANTED_W. */
export const BASE = 0;
export const MOTION = NEXT;
export const MCQPU = 2 * NEXT;
export const RADAR = 3 * NEXT;
export const TRANSPONDER = 4 * NEXT;
export const NBL = 5 * NEXT;
export const RCS = 6 * NEXT;
/** Places in `SHEDDABLE_LOADS`, and where each lies within DEMAND_W and GRANTED_W. */
export const SHED_NBL = 0;
export const SHED_RADAR = 1;
export const SHED_TRANSPONDER = 2;
export const LOAD_OF = Int32Array.of(NBL, RADAR, TRANSPONDER);
/** Loads that a `dead_load` fault can hit, in the order of their slots. */
export const DEAD_LOADS = ["radar", "transponder", "nbl", "rcs", "motion"] as const;
/** Bands that a `radar_dropout` fault can hit; without a target it hits both. */
export const RADAR_BANDS = ["LR", "SR"] as const;
export const SENSORS = ["imu", "radiation", "star_tracker", "magnetometer"] as const;
export const SENSOR_STATUSES = ["na", "ok", "warn", "crit"] as const;

// What later ticks or messages depend on, but not part of the hash.
const work = block(0);
/** Per sheddable load that heat denies: the tripped node that did; none when the NBL's gate did. */
export const DENYING_NODE = work.add(COUNT_OR_NONE, ...SHEDDABLE_LOADS.map((load) => `work.denying_node.${load}`));
/** Per sheddable load: the bus power with it back, while it is latched. */
export const FIT_W = work.add(NUMBER, ...SHEDDABLE_LOADS.map((load) => `work.fit_w.${load}`));
/** Duty that the propellant allows, and how long of the tick it burns. */
export const BURN_DUTY = work.add(NUMBER, "work.burn.duty");
export const BURN_S = work.add(NUMBER, "work.burn.burn_s");
export const BURN_PCT = work.add(NUMBER, "work.burn.pct");
export const BURN_EFFECTIVE = work.add(NUMBER, "work.burn.effective_duty");
export const BURN_GRANTED = work.add(NUMBER, "work.burn.granted_fraction");
export const BURN_FLOW_GS = work.add(NUMBER, "work.burn.flow_gs");
export const BURN_LEFT_S = work.add(NUMBER, "work.burn.time_left_s");
export const BURN_FORCE_N = work.add(NUMBER, "work.burn.force_n.x", "work.burn.force_n.y", "work.burn.force_n.z");
export const BURN_TORQUE_NM = work.add(NUMBER, "work.burn.torque_nm.x", "work.burn.torque_nm.y", "work.burn.torque_nm.z");
/** After the last field of a burn, of which BURN_PCT is the first that is published. */
export const BURN_END = work.end();
export const AMBIENT_FROM_SCENARIO = work.add(FLAG, "work.ambient_from_scenario");
export const RADIATION_FROM_SCENARIO = work.add(FLAG, "work.radiation_from_scenario");
/** Per sensor: stuck by a fault that has not yet seen its first tick. */
export const STUCK_PENDING = work.add(FLAG, ...SENSORS.map((sensor) => `work.stuck_pending.${sensor}`));
/** Commands applied since the last tick, and those that acted in it. */
export const COMMANDS_PENDING = work.add(COUNT, "work.commands_pending");
export const COMMANDS_APPLIED = work.add(COUNT, "work.commands_applied");
/** Requested W in the order of `LOADS`. */
export const DEMAND_W = work.add(NUMBER, ...LOADS.map((load) => `work.demand_w.${load}`));
/** Per sheddable load: bits of `DENIED` for every reason it is off. */
export const DENIALS = work.add(COUNT, ...SHEDDABLE_LOADS.map((load) => `work.denials.${load}`));
/** Shed loads and reasons in the order of their listing, one octal digit each. */
export const SHED_ORDER = work.add(COUNT, "work.shed_order");
export const REASON_ORDER = work.add(COUNT, "work.reason_order");
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
/** Of the last tick's burn, as published; axis -1 when there was none. */
export const BURN_AXIS = work.add({ kind: "word", nullable: true, words: BURN_AXES }, "work.burn.axis");
/** Drive of the last tick: speed and its world components. */
export const DRIVE_SPEED_MPS = work.add(NUMBER, "work.drive.speed_mps");
export const DRIVE_VELOCITY_MPS = work.add(NUMBER, "work.drive.velocity_mps.x", "work.drive.velocity_mps.y");
/** Faults in force, so that a tick without any asks no slot. */
export const FAULTS_IN_FORCE = work.add(COUNT, "work.faults_in_force");
/** Trips that began or ended in the last tick, and whether PDU_OVERCURRENT did. */
export const TRIP_EDGES = work.add(COUNT, "work.trip_edges");
export const OVERCURRENT_CHANGED = work.add(FLAG, "work.overcurrent_changed");
/** Nodes that are tripped or warned, so that a tick without any asks no node. */
export const HOT_NODES = work.add(COUNT, "work.hot_nodes");
/** What was in force when since_tick slots were last marked, as bits of `report.ts`, so that only a change asks them. */
export const REASONS_MARKED = work.add(COUNT, "work.reasons_marked");

// Hashed before the nodes.
const fixed = block(work.end());
export const TICK = fixed.add(COUNT, "tick");
export const POSITION_M = fixed.add(NUMBER, "position_m.x", "position_m.y", "position_m.z");
export const VELOCITY_MPS = fixed.add(NUMBER, "velocity_mps.x", "velocity_mps.y", "velocity_mps.z");
/** Body to world, w first. */
export const QUATERNION = fixed.add(NUMBER, "quaternion.w", "quaternion.x", "quaternion.y", "quaternion.z");
export const RATES_RPS = fixed.add(NUMBER, "rates_rps.x", "rates_rps.y", "rates_rps.z");
export const DRIVE_COMMAND_MPS = fixed.add(NUMBER, "drive_command_mps");
export const TURN_LEFT_DEG = fixed.add(NUMBER, "turn_left_deg");
export const CPU_PCT = fixed.add(NUMBER, "cpu_pct");
export const RAM_PCT = fixed.add(NUMBER, "ram_pct");
export const BATTERY_J = fixed.add(NUMBER, "battery_j");
export const SUPERCAP_J = fixed.add(NUMBER, "supercap_j");
export const DOCK_CONNECTED = fixed.add(FLAG, "dock_connected");
export const DOCK_TICKS = fixed.add(COUNT, "dock_ticks");
export const DOCKED = fixed.add(FLAG, "docking.connected");
export const PORT = fixed.add(COUNT_OR_NONE, "docking.port_index");
export const NBL_ACTIVE = fixed.add(FLAG, "nbl_active");
export const NBL_MAX_W = fixed.add(NUMBER, "nbl_max_w");
export const SOC_LATCH = fixed.add(FLAG, "soc_latch");
export const NBL_SOC_GATE = fixed.add(FLAG, "nbl_soc_gate");
export const NBL_TEMP_GATE = fixed.add(FLAG, "nbl_temp_gate");
/** Per sheddable load three fields: latched, ticks it has fitted, tick it was latched. */
export const PDU = fixed.end();
export const PDU_STRIDE = 3 * NEXT;
export const PDU_FIT_TICKS = NEXT;
export const PDU_SINCE = 2 * NEXT;
for (const load of SHEDDABLE_LOADS) {
  fixed.add(FLAG, `pdu.${load}.latched`);
  fixed.add(COUNT, `pdu.${load}.fit_ticks`);
  fixed.add(COUNT_OR_NONE, `pdu.${load}.since_tick`);
}

// Hashed after the nodes.
const body = block(fixed.end());
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
export const FAULT_VALUE = NEXT;
export const FAULT_END_TICK = 2 * NEXT;
export const FAULT_STRIDE = 3 * NEXT;
export const STUCK_STATUS = 3 * NEXT;
export const STUCK_VALUES = 4 * NEXT;
const FROZEN_VALUES: Readonly<Record<(typeof SENSORS)[number], readonly string[]>> = {
  imu: ["rates_rps.x", "rates_rps.y", "rates_rps.z"],
  radiation: ["background_usvh", "dose_usv"],
  star_tracker: ["locked", "attitude_err_deg"],
  magnetometer: ["field_ut.x", "field_ut.y", "field_ut.z"],
};

// The outputs of the last tick, hashed last.
const outputs = block(body.end());
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
const REASON: Shape = { kind: "word", nullable: false, words: ["none", ...SHED_REASONS] };
export const SHED_REASON = outputs.add(REASON, ...SHEDDABLE_LOADS.map((load) => `outputs.shed_reason.${load}`));
export const MOTION_THROTTLED = outputs.add(FLAG, "outputs.throttled.motion");
export const RCS_THROTTLED = outputs.add(FLAG, "outputs.throttled.rcs");
/** Flags in the order of `RUNTIME_FAULTS`. */
export const FAULT_FLAGS = outputs.add(FLAG, ...RUNTIME_FAULTS.map((fault) => `outputs.faults.${fault}`));

/** Per node three fields: temperature, tripped, warned. */
export const NODES = outputs.end();
export const NODE_STRIDE = 3 * NEXT;
export const NODE_TRIPPED = NEXT;
export const NODE_WARNED = 2 * NEXT;

/** Kind and target of one fault slot, and where it lies. */
export interface FaultSlot {
  readonly kind: string;
  readonly target: string;
  readonly offset: number;
  /** Where it ends: a sensor's goes on after the first three fields. */
  readonly end: number;
}

/** Layout of the crafts of one profile. */
export interface Layout {
  /** Every field; the hashed ones are in hash order. */
  readonly fields: readonly Field[];
  /** Length of the array that crafts share. */
  readonly length: number;
  /** Offsets of what the hash takes, and where it is gathered, after the profile hash. */
  readonly hashOrder: Int32Array;
  readonly hashInput: Float64Array;
  readonly faultSlots: readonly FaultSlot[];
  /** since_tick slots: explain id → offset. */
  readonly sinceAt: ReadonlyMap<string, number>;
  /** Where the flag of each node's trip lies, among the faults that are out. */
  readonly tripFlagsAt: number;
  /** Where each node's trip edge of the last tick lies: 1 it began, -1 it ended. */
  readonly tripEdges: readonly number[];
}

/** The layout for a profile: its nodes, thrusters and configuration faults decide the lengths. */
export function layoutOf(profile: CraftProfile, profileHash: string | undefined): Layout {
  const nodes = block(NODES);
  const nodeIds = profile.thermalPlane.nodes.map((node) => node.id);
  for (const id of nodeIds) {
    nodes.add(NUMBER, `nodes.${id}.temp_c`);
    nodes.add(FLAG, `nodes.${id}.tripped`, `nodes.${id}.warned`);
  }
  const trips = block(nodes.end());
  const tripFlagsAt = trips.add(FLAG, ...nodeIds.map((id) => `outputs.faults.THERMAL_TRIP:${id}`));
  const edges = block(trips.end());
  edges.add(NUMBER, ...nodeIds.map((id) => `work.trip_edge.${id}`));
  const faults = faultBlock(profile, edges.end());
  const since = block(faults.block.end());
  const ids = explainIds(profile).sort();
  const sinceStart = since.add(COUNT_OR_NONE, ...ids.map((id) => `since_tick.${id}`));
  const carried = [work, edges].flatMap(({ fields }) => fields.map((field) => ({ ...field, hashed: false })));
  const hashed = [fixed, nodes, body, faults.block, since, outputs, trips].flatMap(({ fields }) =>
    fields.map((field) => ({ ...field, hashed: true })),
  );
  return {
    fields: [...carried, ...hashed],
    length: since.end(),
    hashOrder: Int32Array.from(hashed, (field) => field.offset),
    hashInput: hashInputOf(profileHash, hashed.length),
    faultSlots: faults.slots,
    sinceAt: new Map(ids.map((id, index) => [id, sinceStart + index * NEXT])),
    tripFlagsAt,
    tripEdges: edges.fields.map((field) => field.offset),
  };
}

function hashInputOf(profileHash: string | undefined, fields: number): Float64Array {
  const input = new Float64Array(PROFILE_HASH_LENGTH + fields);
  if (profileHash === undefined) return input;
  const match = /^sha256:([0-9a-f]{64})$/.exec(profileHash);
  assert(match !== null, "a profile hash is sha256: and 64 hex digits", { profileHash });
  const bytes = new Uint8Array(input.buffer, 0, PROFILE_HASH_LENGTH * 8);
  for (let index = 0; index < bytes.length; index += 1) bytes[index] = Number.parseInt(match[1]!.slice(index * 2, index * 2 + 2), 16);
  return input;
}

function faultBlock(profile: CraftProfile, start: number): { readonly block: Block; readonly slots: FaultSlot[] } {
  const faults = block(start);
  const { add } = faults;
  const slots: FaultSlot[] = [];
  const addSlot = (kind: string, target: string, extra: () => void = () => {}): void => {
    const name = target === "" ? `faults.${kind}` : `faults.${kind}.${target}`;
    const offset = add(FLAG, `${name}.active`);
    add(NUMBER, `${name}.value`);
    add(COUNT_OR_NONE, `${name}.end_tick`);
    extra();
    slots.push({ kind, target, offset, end: faults.end() });
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
  return { block: faults, slots };
}
