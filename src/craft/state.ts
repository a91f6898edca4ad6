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

/** The truth of one craft. All that later ticks or messages depend on lies in `values`; see `layout.ts`. */
export class CraftState {
  readonly values: Float64Array;
  /** Transitions of the last tick, in node order. */
  readonly tripEdges: TripEdge[] = [];
  /** Whether PDU_OVERCURRENT began or ended in the last tick. */
  overcurrentChanged = false;
  readonly #layout: at.Layout;
  readonly #hashed: Float64Array;

  constructor(layout: at.Layout) {
    this.#layout = layout;
    this.values = new Float64Array(layout.length);
    this.#hashed = this.values.subarray(at.HASH_START);
  }

  get tick(): number {
    return this.values[at.TICK]!;
  }

  /** Commands applied since the last tick. */
  get commandsApplied(): number {
    return this.values[at.COMMANDS_PENDING]!;
  }

  set commandsApplied(count: number) {
    this.values[at.COMMANDS_PENDING] = count;
  }

  get transponderMode(): TransponderMode {
    return TRANSPONDER_MODES[this.#body(at.TRANSPONDER_MODE)]!;
  }

  /** Whether the transponder answers: asked for, powered, not dead. */
  get transponderOn(): boolean {
    return this.#body(at.TRANSPONDER_ON) === 1;
  }

  /** Whether the radar is asked for. */
  get radarEnabled(): boolean {
    return this.#body(at.RADAR_ENABLED) === 1;
  }

  get radarOn(): boolean {
    return this.#body(at.RADAR_ON) === 1;
  }

  /** World axes: X east, Y north, Z up. */
  get positionM(): Vector {
    const { values } = this;
    return [values[at.POSITION_M]!, values[at.POSITION_M + 1]!, values[at.POSITION_M + 2]!];
  }

  /** Total velocity: inertial, and that of the drive in the last tick. */
  get velocityMps(): Vector {
    const { values } = this;
    return [
      values[at.VELOCITY_MPS]! + values[at.DRIVE_VELOCITY_MPS]!,
      values[at.VELOCITY_MPS + 1]! + values[at.DRIVE_VELOCITY_MPS + 1]!,
      values[at.VELOCITY_MPS + 2]!,
    ];
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
    const hashed = this.#hashed;
    for (let index = 2; index < hashed.length; index += 1) {
      const value = hashed[index]!;
      if (value !== value || Object.is(value, -0)) this.#refuse(index + at.HASH_START);
    }
    return hash128Floats(hashed, out);
  }

  #body(offset: number): number {
    return this.values[this.#layout.bodyAt + offset]!;
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
  const { profile, layout } = config;
  const { powerPlane, dockingPlane, commsPlane, sensorPlane } = profile;
  const state = new CraftState(layout);
  const { values } = state;
  for (const field of layout.fields) if (field.nullable) values[field.offset] = -1;
  writeProfileHash(values, config.settings.profileHash);
  values[at.QUATERNION] = Math.sqrt(0.5);
  values[at.QUATERNION + 3] = Math.sqrt(0.5);
  values.set(config.tipOffRps, at.RATES_RPS);
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
  const body = config.bodyAt;
  const mode = commsPlane.enabled ? commsPlane.xpdrModeInit : "OFF";
  values[body + at.PROPELLANT_KG] = profile.propulsionPlane.enabled ? profile.propulsionPlane.propellantKgInit : 0;
  values[body + at.RADAR_ENABLED] = config.settings.radarEnabled ? 1 : 0;
  values[body + at.RADAR_ON] = config.settings.radarEnabled ? 1 : 0;
  values[body + at.TRANSPONDER_MODE] = TRANSPONDER_MODES.indexOf(mode);
  values[body + at.TRANSPONDER_ON] = mode === "ON" || mode === "SPOOF" ? 1 : 0;
  values[body + at.AMBIENT_C] = AMBIENT_INIT_C;
  values[body + at.BASE_IN_W] = powerPlane.basePowerInW;
  values[body + at.RADIATION_USVH] = sensorPlane.radiation.backgroundUsvh;
  for (const offset of config.since.configFaults) values[offset] = 0;
  return state;
}

/** The state hash as 32 hex digits. */
export function craftHashHex(state: CraftState): string {
  return hash128Hex(state.hash(scratchHash));
}

const AMBIENT_INIT_C = -60;
const scratchHash: Hash128 = new Uint32Array(4);

function writeProfileHash(values: Float64Array, profileHash: string | undefined): void {
  if (profileHash === undefined) return;
  const match = /^sha256:([0-9a-f]{64})$/.exec(profileHash);
  assert(match !== null, "a profile hash is sha256: and 64 hex digits", { profileHash });
  const bytes = new Uint8Array(values.buffer, at.HASH_START * 8, 16);
  for (let index = 0; index < 16; index += 1) bytes[index] = Number.parseInt(match[1]!.slice(index * 2, index * 2 + 2), 16);
}
