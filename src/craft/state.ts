import { assert } from "#base/assert.ts";
import type { Vector } from "#base/key-spec.ts";
import { type Hash128, hash128Floats, hash128Hex } from "#base/murmur3.ts";
import type { CraftConfig } from "./config.ts";
import { snappedEnergyJ } from "./energy.ts";
import * as at from "./layout.ts";
import { TRANSPONDER_MODES, type TransponderMode } from "./profile-schema.ts";

/** A node whose trip began or ended in the last tick. */
export interface TripEdge {
  /** Index in the profile's node order. */
  readonly node: number;
  readonly tripped: boolean;
}

/** Crafts of one configuration that a step takes together, in the first lanes of one array. */
export interface Crafts {
  readonly values: Float64Array;
  /** How many; at most `LANES`. */
  readonly lanes: number;
}

/** The truth of one craft. All that later ticks or messages depend on lies in `values`; see `layout.ts`. */
export class CraftState implements Crafts {
  readonly values: Float64Array;
  readonly lanes = 1;
  readonly #layout: at.Layout;

  /** A craft of a fleet has a lane of an array that others share: `values` begins at it. */
  constructor(layout: at.Layout, values: Float64Array = new Float64Array(layout.length)) {
    this.#layout = layout;
    this.values = values;
  }

  get tick(): number {
    return this.values[at.TICK]!;
  }

  /** Transitions of the last tick, in node order. */
  get tripEdges(): readonly TripEdge[] {
    if (this.values[at.TRIP_EDGES] === 0) return [];
    const { tripEdges } = this.#layout;
    return tripEdges.flatMap((offset, node) => (this.values[offset] === 0 ? [] : [{ node, tripped: this.values[offset] === 1 }]));
  }

  /** Whether PDU_OVERCURRENT began or ended in the last tick. */
  get overcurrentChanged(): boolean {
    return this.values[at.OVERCURRENT_CHANGED] === 1;
  }

  /** Commands applied since the last tick. */
  get commandsApplied(): number {
    return this.values[at.COMMANDS_PENDING]!;
  }

  set commandsApplied(count: number) {
    this.values[at.COMMANDS_PENDING] = count;
  }

  get transponderMode(): TransponderMode {
    return TRANSPONDER_MODES[this.values[at.TRANSPONDER_MODE]!]!;
  }

  /** Whether the transponder answers: asked for, powered, not dead. */
  get transponderOn(): boolean {
    return this.values[at.TRANSPONDER_ON] === 1;
  }

  /** Whether the radar is asked for. */
  get radarEnabled(): boolean {
    return this.values[at.RADAR_ENABLED] === 1;
  }

  get radarOn(): boolean {
    return this.values[at.RADAR_ON] === 1;
  }

  /** World axes: X east, Y north, Z up. */
  get positionM(): Vector {
    return vectorAt(this.values, at.POSITION_M);
  }

  /** Total velocity: inertial, and that of the drive in the last tick. */
  get velocityMps(): Vector {
    const { values } = this;
    const [x, y, z] = vectorAt(values, at.VELOCITY_MPS);
    return [x + values[at.DRIVE_VELOCITY_MPS]!, y + values[at.DRIVE_VELOCITY_MPS + at.NEXT]!, z];
  }

  /** Radar bands that a fault silences: a band's own, or the one of both. */
  get radarDropout(): { readonly lr: boolean; readonly sr: boolean } {
    const [lr, sr, both] = ["LR", "SR", "both"].map((band) => this.#faultValue("radar_dropout", band) !== undefined);
    return { lr: lr! || both!, sr: sr! || both! };
  }

  /** Seconds by which frames of odd number are held back; 0 without the fault. */
  get lateFramesS(): number {
    return this.#faultValue("late_frames", "") ?? 0;
  }

  /** Digest of the hashed part (simulation §2), into `out` when given. @throws AssertionError when a value is not a number */
  hash(out?: Hash128): Hash128 {
    const { values } = this;
    const { hashOrder, hashInput } = this.#layout;
    for (let index = 0; index < hashOrder.length; index += 1) {
      const offset = hashOrder[index]!;
      const value = values[offset]!;
      if (value !== value || Object.is(value, -0)) this.#refuse(offset);
      hashInput[at.PROFILE_HASH_LENGTH + index] = value;
    }
    return hash128Floats(hashInput, out);
  }

  #faultValue(kind: string, target: string): number | undefined {
    const slot = this.#layout.faultSlots.find((one) => one.kind === kind && one.target === target);
    return slot !== undefined && this.values[slot.offset] === 1 ? this.values[slot.offset + at.FAULT_VALUE]! : undefined;
  }

  /** The stages keep -0 out of the state, so that a restored craft has the very bits of the one it was taken from. */
  #refuse(offset: number): never {
    const field = this.#layout.fields.find((one) => one.offset === offset);
    assert(false, "the state holds numbers, and no negative zero", { field: field?.name ?? offset, tick: this.tick });
  }
}

/** A craft at tick 0 (simulation §4), its outputs all zero until `preview` has run. */
export function createCraftState(config: CraftConfig): CraftState {
  const state = new CraftState(config.layout);
  writeInitial(state, config);
  return state;
}

/** Puts a craft to tick 0. */
export function writeInitial(state: CraftState, config: CraftConfig): void {
  const { profile, layout } = config;
  const { powerPlane, dockingPlane, commsPlane, sensorPlane } = profile;
  const { values } = state;
  for (const field of layout.fields) values[field.offset] = field.nullable ? -1 : 0;
  values[at.QUATERNION] = Math.sqrt(0.5);
  values[at.QUATERNION + 3 * at.NEXT] = Math.sqrt(0.5);
  writeVector(values, at.RATES_RPS, config.tipOffRps);
  values[at.CPU_PCT] = 8;
  values[at.RAM_PCT] = 22;
  values[at.BATTERY_J] = snappedEnergyJ((config.batteryCapacityJ * profile.batterySocInitPct) / 100, config.batteryCapacityJ);
  values[at.SUPERCAP_J] = snappedEnergyJ((config.supercapCapacityJ * powerPlane.supercapSocPctInit) / 100, config.supercapCapacityJ);
  values[at.DOCK_CONNECTED] = powerPlane.dockConnectedInit ? 1 : 0;
  if (dockingPlane.enabled && powerPlane.dockConnectedInit) {
    values[at.DOCKED] = 1;
    values[at.PORT] = dockingPlane.ports.indexOf(dockingPlane.defaultPort);
  }
  values[at.NBL_ACTIVE] = powerPlane.nblActiveInit ? 1 : 0;
  values[at.NBL_MAX_W] = powerPlane.nblMaxPowerW;
  values[at.SUPPLY_FRACTION] = 1;
  profile.thermalPlane.nodes.forEach((node, index) => {
    values[at.NODES + index * at.NODE_STRIDE] = node.initialC;
  });
  const mode = commsPlane.enabled ? commsPlane.xpdrModeInit : "OFF";
  values[at.PROPELLANT_KG] = profile.propulsionPlane.enabled ? profile.propulsionPlane.propellantKgInit : 0;
  values[at.RADAR_ENABLED] = config.settings.radarEnabled ? 1 : 0;
  values[at.RADAR_ON] = config.settings.radarEnabled ? 1 : 0;
  values[at.TRANSPONDER_MODE] = TRANSPONDER_MODES.indexOf(mode);
  values[at.TRANSPONDER_ON] = mode === "ON" || mode === "SPOOF" ? 1 : 0;
  values[at.AMBIENT_C] = AMBIENT_INIT_C;
  values[at.BASE_IN_W] = powerPlane.basePowerInW;
  values[at.RADIATION_USVH] = sensorPlane.radiation.backgroundUsvh;
  for (const offset of config.since.configFaults) values[offset] = 0;
}

/** Three fields from an offset on. */
export function vectorAt(values: Float64Array, offset: number): [number, number, number] {
  return [values[offset]!, values[offset + at.NEXT]!, values[offset + 2 * at.NEXT]!];
}

/** Writes three fields from an offset on. */
export function writeVector(values: Float64Array, offset: number, vector: Vector | Float64Array): void {
  for (let axis = 0; axis < 3; axis += 1) values[offset + axis * at.NEXT] = vector[axis]!;
}

/** The state hash as 32 hex digits. */
export function craftHashHex(state: CraftState): string {
  return hash128Hex(state.hash(scratchHash));
}

const AMBIENT_INIT_C = -60;
const scratchHash: Hash128 = new Uint32Array(4);
