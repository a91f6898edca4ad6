import { Guard, type GuardState } from "#alarms/guard/guard.ts";
import type { GuardRule } from "#alarms/guard/rules.ts";
import { QikiError } from "#base/error.ts";
import { type Frame, RADAR_SENSOR_ID } from "#radar/frame.ts";
import { isMeasurement } from "#radar/intake.ts";
import type { SensorSettings } from "#radar/sensor-settings.ts";
import { Tracker, type TrackScan } from "#radar/tracker.ts";
import type { TrackerSettings } from "#radar/tracker-settings.ts";

/** Tracks and guard keys of one sensor: no other sensor's plots and no other sensor's clock touch them (radar §6.1). */
export interface TrackedSensor {
  /** Undefined for the first place of `*` until a frame says it. */
  readonly id: string | undefined;
  readonly tracker: Tracker;
  readonly guard: Guard;
  /** Its own event time from where the next status is due; undefined until its first scan after another sensor's status. */
  statusUs: number | undefined;
}

/** One sensor as a snapshot holds it. */
interface SensorState {
  readonly id: string;
  readonly tracker: ReturnType<Tracker["state"]>;
  readonly guard: GuardState;
  readonly statusUs: number | undefined;
}

/** The first sensor lies where the only one always lay; others beside it, and its name where it is not the twin's own radar. */
export interface SensorsState {
  readonly tracker: SensorState["tracker"];
  readonly guard: GuardState;
  /** Null: no frame has said it yet. Absent: the twin's own radar. */
  readonly sensor?: string | null;
  readonly others?: readonly SensorState[];
}

/** What `*` takes at most: each sensor has a tracker of its own, and a sender may invent names. */
export const SENSORS_MAX = 64;

interface Model {
  readonly tracker: TrackerSettings;
  readonly sensor: SensorSettings;
}

/** All sensors that are tracked: those of `tracker.sensor_ids` in its order, then, with `*`, others as they come. */
export class TrackedSensors {
  #all: TrackedSensor[];
  #rules: readonly GuardRule[];
  readonly #model: Model;
  readonly #listed: readonly string[];
  readonly #takesAll: boolean;

  constructor(model: Model, rules: readonly GuardRule[]) {
    const ids = model.tracker.sensorIds.map((id) => id.toLowerCase());
    this.#model = model;
    this.#rules = rules;
    this.#listed = [...new Set(ids)].filter((id) => id !== "*");
    this.#takesAll = ids.includes("*");
    const first: readonly (string | undefined)[] = this.#listed.length > 0 ? this.#listed : [undefined];
    this.#all = first.map((id) => this.#made(id));
  }

  get all(): readonly TrackedSensor[] {
    return this.#all;
  }

  /** The first one; it also counts frames that belong to no sensor. */
  get lead(): TrackedSensor {
    return this.#all[0]!;
  }

  /** Lets the frame's own sensor take it; undefined when it is refused before any sensor sees it. */
  step(frame: Frame): { readonly sensor: TrackedSensor; readonly scans: readonly TrackScan[] } | undefined {
    const known = this.#all.find(({ id }) => id === frame.sensorId);
    const refusal = this.#refusal(frame, known);
    if (refusal !== undefined) {
      (known ?? this.lead).tracker.counters[refusal] += 1;
      return undefined;
    }
    const sensor = known ?? this.#admit(frame.sensorId);
    return { sensor, scans: sensor.tracker.step(frame) };
  }

  setRules(rules: readonly GuardRule[]): void {
    this.#rules = rules;
  }

  state(): SensorsState & { readonly statusUs: number | undefined } {
    const [lead, ...others] = this.#all as [TrackedSensor, ...TrackedSensor[]];
    return {
      tracker: lead.tracker.state(),
      guard: lead.guard.state(),
      statusUs: lead.statusUs,
      ...(lead.id === RADAR_SENSOR_ID ? {} : { sensor: lead.id ?? null }),
      ...(others.length === 0
        ? {}
        : {
            others: others.map(({ id, tracker, guard, statusUs }) => ({
              id: id!,
              tracker: tracker.state(),
              guard: guard.state(),
              statusUs,
            })),
          }),
    };
  }

  /** @throws QikiError snapshot_refused, nothing changed, when it is of another filter or of other sensors */
  restore(state: SensorsState, statusUs: number | undefined): void {
    const { tracker, guard, sensor, others = [] } = state;
    const lead = { id: (sensor === undefined ? RADAR_SENSOR_ID : sensor) ?? undefined, tracker, guard, statusUs };
    const stored = [lead, ...others];
    stored.forEach(({ id }, place) => {
      const expected = this.#listed[place];
      if (expected === undefined ? !this.#takesAll : expected !== id)
        throw new QikiError("snapshot_refused", `tracker snapshot of sensor ${id}; tracker.sensor_ids has ${expected ?? "none"} there`);
    });
    const { stride } = this.lead.tracker.filter;
    const other = stored.flatMap((one) => one.tracker.tracks).find(({ numbers }) => numbers.length !== stride);
    if (other !== undefined)
      throw new QikiError("snapshot_refused", `tracker snapshot of another filter: ${other.numbers.length} numbers a track, not ${stride}`);
    const unsaid = this.#listed.slice(stored.length).map((id) => this.#made(id));
    this.#all = stored.map((one) => {
      const made = this.#made(one.id);
      made.tracker.restore(one.tracker);
      made.guard.restore(one.guard);
      made.statusUs = one.statusUs;
      return made;
    });
    this.#all.push(...unsaid);
  }

  /** Frame ids make track ids: one that any sensor has used is a repeat for all. */
  #refusal(frame: Frame, known: TrackedSensor | undefined): "foreign_sensor" | "invalid" | "duplicate" | undefined {
    const isFull = this.#all.length >= SENSORS_MAX && this.lead.id !== undefined;
    if (known === undefined && (!this.#takesAll || isFull)) return "foreign_sensor";
    // A frame that is refused must not leave a sensor behind.
    if (known === undefined && !isMeasurement(frame)) return "invalid";
    return this.#all.some((one) => one !== known && one.tracker.hasSeen(frame.frameId)) ? "duplicate" : undefined;
  }

  #admit(id: string): TrackedSensor {
    const { tracker, guard, statusUs } = this.lead.id === undefined ? this.lead : this.#made(id);
    const admitted = { id, tracker, guard, statusUs };
    if (this.lead.id === undefined) this.#all = [admitted];
    else this.#all.push(admitted);
    return admitted;
  }

  #made(id: string | undefined): TrackedSensor {
    return { id, tracker: new Tracker(this.#model.tracker, this.#model.sensor), guard: new Guard(this.#rules), statusUs: undefined };
  }
}
