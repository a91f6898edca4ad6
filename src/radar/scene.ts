import { assert } from "#base/assert.ts";
import { canonicalJson } from "#base/canonical-json.ts";
import { hash128, hash128Hex } from "#base/murmur3.ts";
import { type RandomStream, randomStream, restoreRandomStream } from "#base/random.ts";
import { utf8Encode } from "#base/utf8.ts";
import type { ContactChange, ContactSpec, ContactTransponder } from "./contacts.ts";
import type { Vector3 } from "./coordinates.ts";
import type { Detection, Looked, Scan } from "./frame.ts";
import { falseAlarms, look, type Target } from "./sensor.ts";
import type { BandSettings, SensorSettings } from "./sensor-settings.ts";
import { type Trajectory, trajectoryOf } from "./trajectory.ts";

export interface SceneConfig {
  readonly settings: SensorSettings;
  readonly contacts: readonly ContactSpec[];
  readonly seed: number;
  readonly tickMs: number;
  /** Own ship at tick 0, which relative places of trajectories count from. */
  readonly ownStartM: Vector3;
}

/** What the craft's tick gives the sensor: its power, its interrogator, own motion and the faults in force. */
export interface SensorInputs {
  readonly radarOn: boolean;
  readonly interrogates: boolean;
  readonly positionM: Vector3;
  readonly velocityMps: Vector3;
  readonly dropout: Looked;
  /** How much later a union frame of odd number reaches the bus, s; 0 without the fault. */
  readonly lateS: number;
}

/** What leaves the sensor in a tick. A union that comes late comes alone, its subsets went when the bands looked. */
export interface SentScan {
  readonly scan: Scan;
  readonly sendsSubsets: boolean;
  readonly sendsUnion: boolean;
}

/** All that later frames depend on, as plain data. */
export interface SceneState {
  readonly nextFrame: number;
  readonly streams: Readonly<Record<string, readonly number[]>>;
  readonly contacts: Readonly<Record<string, ChangedContact>>;
  readonly held: readonly HeldScan[];
}

type ChangedContact = Partial<Omit<ContactChange, "id">>;

interface HeldScan {
  readonly releaseTick: number;
  readonly scan: Scan;
}

/** The true scene and the sensor that looks at it (radar §4, 5). Own ship is never a contact. */
export interface Scene {
  /** Called once a tick, after the craft's; what is sent, in order. */
  advance(tick: number, inputs: SensorInputs): readonly SentScan[];
  change(change: ContactChange): void;
  state(): SceneState;
  restore(state: SceneState): void;
  /** Digest of the room `scene`. */
  hash(): string;
}

interface Contact {
  readonly spec: ContactSpec;
  readonly trajectory: Trajectory;
}

const CLUTTER = "/clutter";
const NO_TRANSPONDER: ContactTransponder = { mode: "OFF", id: undefined };

export function createScene(config: SceneConfig): Scene {
  const { settings, tickMs } = config;
  const contacts: readonly Contact[] = config.contacts.map((spec) => ({
    spec,
    trajectory: trajectoryOf(spec.trajectory, config.ownStartM),
  }));
  const periodTicks = Math.round((settings.framePeriodS * 1000) / tickMs);
  const bands = [settings.lr, settings.sr] as const;
  const consumers = [...contacts.map(({ spec }) => spec.id), CLUTTER].sort();
  const streams = new Map<string, RandomStream>();
  for (const band of bands)
    for (const consumer of consumers)
      streams.set(`${band.name}/${consumer}`, randomStream(`${config.seed}/radar/${band.name}/${consumer}`));
  const changes = new Map<string, ChangedContact>();
  let held: HeldScan[] = [];
  let nextFrame = 0;
  let knownHash: string | undefined;

  function detectionsOf(band: BandSettings, timeS: number, inputs: SensorInputs): Detection[] {
    const detections: Detection[] = [];
    for (const { spec, trajectory } of contacts) {
      const changed = changes.get(spec.id);
      const isThere = changed?.appear ?? (timeS >= spec.appearS && timeS < (spec.disappearS ?? Number.POSITIVE_INFINITY));
      if (!isThere) continue;
      const truth = trajectory(timeS);
      const target: Target = {
        relativeM: minus(truth.positionM, inputs.positionM),
        relativeMps: minus(truth.velocityMps, inputs.velocityMps),
        rcsDbsm: spec.rcsDbsm,
        fluctuation: spec.fluctuation,
        transponder: changed?.transponder ?? spec.transponder ?? NO_TRANSPONDER,
      };
      const seen = look(settings, band, target, inputs.interrogates, streamOf(band, spec.id));
      if (seen !== undefined) detections.push(seen);
    }
    detections.push(...falseAlarms(settings, band, streamOf(band, CLUTTER)));
    return detections;
  }

  function streamOf(band: BandSettings, consumer: string): RandomStream {
    const stream = streams.get(`${band.name}/${consumer}`);
    assert(stream !== undefined, "every consumer of a band has its stream", { band: band.name, consumer });
    return stream;
  }

  function scanOf(tick: number, frame: number, inputs: SensorInputs): Scan | undefined {
    if (!inputs.radarOn) return undefined;
    const looked: Looked = {
      lr: frame % settings.lr.everyFrames === 0 && !inputs.dropout.lr,
      sr: frame % settings.sr.everyFrames === 0 && !inputs.dropout.sr,
    };
    if (!looked.lr && !looked.sr) return undefined;
    const timeS = (tick * tickMs) / 1000;
    const detections = [
      ...(looked.lr ? detectionsOf(settings.lr, timeS, inputs) : []),
      ...(looked.sr ? detectionsOf(settings.sr, timeS, inputs) : []),
    ];
    return { tick, looked, ownVelocityMps: inputs.velocityMps, detections };
  }

  return {
    advance(tick, inputs) {
      const sent: SentScan[] = [];
      if (held.length > 0) {
        for (const { releaseTick, scan } of held) if (releaseTick <= tick) sent.push({ scan, sendsSubsets: false, sendsUnion: true });
        held = held.filter(({ releaseTick }) => releaseTick > tick);
        if (sent.length > 0) knownHash = undefined;
      }
      if (tick % periodTicks !== 0) return sent;
      const frame = tick / periodTicks - 1;
      nextFrame = frame + 1;
      knownHash = undefined;
      const scan = scanOf(tick, frame, inputs);
      if (scan === undefined) return sent;
      const isLate = inputs.lateS > 0 && frame % 2 === 1;
      if (isLate) held.push({ releaseTick: tick + Math.ceil((inputs.lateS * 1000) / tickMs - 1e-9), scan });
      sent.push({ scan, sendsSubsets: true, sendsUnion: !isLate });
      return sent;
    },
    change({ id, appear, transponder }) {
      assert(
        contacts.some(({ spec }) => spec.id === id),
        "a change names a contact of the scene",
        { id },
      );
      changes.set(id, {
        ...changes.get(id),
        ...(appear === undefined ? {} : { appear }),
        ...(transponder === undefined ? {} : { transponder }),
      });
      knownHash = undefined;
    },
    state: () => ({
      nextFrame,
      streams: Object.fromEntries([...streams].map(([name, stream]) => [name, stream.words()])),
      contacts: Object.fromEntries(changes),
      held,
    }),
    restore(state) {
      nextFrame = state.nextFrame;
      for (const [name, words] of Object.entries(state.streams)) {
        assert(streams.has(name), "a snapshot holds the streams of its own scene", { name });
        streams.set(name, restoreRandomStream(words as [number, number, number, number]));
      }
      changes.clear();
      for (const [id, change] of Object.entries(state.contacts)) changes.set(id, change);
      held = [...state.held];
      knownHash = undefined;
    },
    hash() {
      knownHash ??= hash128Hex(hash128(utf8Encode(canonicalJson(this.state()))));
      return knownHash;
    },
  };
}

function minus(a: Vector3, b: Vector3): Vector3 {
  return [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
}
