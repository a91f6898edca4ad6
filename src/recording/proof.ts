import { QikiError } from "#base/error.ts";
import { RUN_HEADER } from "#contracts/message.ts";
import { RADAR_PREFIX, SUBJECTS } from "#contracts/subjects.ts";
import { allHash } from "#twin/digest.ts";
import type { SimModel } from "#twin/sim-state.ts";
import { type AlarmsCommand, type AlarmsReplay, createAlarmsReplay } from "./alarms-replay.ts";
import { type Difference, firstDifference } from "./compare.ts";
import { type ComputedMessage, createDriver, type Driver, type DrivenRow, modelOfMeta, type RecordedInput } from "./drive.ts";
import { isSimRow } from "./sim-rows.ts";
import type { KeyframeSet, Stretch } from "./start.ts";
import { createTrackerReplay, type GuardReload, type TrackerReplay } from "./tracker-replay.ts";

/** Rooms that this build can recompute. */
const KNOWN_ROOMS: readonly string[] = ["craft", "scene", "tracks", "guards", "incidents"];

/** How much later a frame reaches the bus at most (simulation §11, late_frames), s. */
const LATE_MAX_S = 60;

export interface Divergence {
  readonly tick: number;
  readonly simTimeS: number;
  /** Line of the file. */
  readonly row: number;
  readonly subject: string;
  readonly difference: Difference;
  readonly lastCommand?: { readonly requestId: string; readonly tick: number };
}

export interface Diverged {
  readonly kind: "diverged";
  readonly first: Divergence;
  readonly ticks: number;
  readonly messages: number;
}

export type Verification =
  | {
      readonly kind: "identical";
      readonly ticks: number;
      readonly messages: number;
      readonly hash: string;
      readonly counts: Readonly<Record<string, number>>;
    }
  | Diverged;

/** All that decides a recorded run, whatever place it has in the file. */
export interface Deciding {
  readonly meta: Raw;
  readonly inputs: readonly RecordedInput[];
  /** Last tick that each run is known to have reached. */
  readonly lastTick: ReadonlyMap<string, number>;
  readonly alarmsCommands: readonly AlarmsCommand[];
  readonly reloads: readonly GuardReload[];
  readonly stretch: Stretch;
}

type Raw = Readonly<Record<string, unknown>>;

/** Recomputes the machines beside the recorded rows, given in file order, and compares message by message. */
export class Proof {
  readonly #model: SimModel;
  readonly #rooms: readonly string[];
  readonly #lastTick: ReadonlyMap<string, number>;
  readonly #driver: Driver;
  readonly #alarms: AlarmsReplay;
  readonly #tracker: TrackerReplay;
  /** Messages of the sim recomputed and not yet met in the file, by subject. */
  readonly #waiting = new Map<string, ComputedMessage[]>();
  readonly #counts: Record<string, number> = {};
  #messages = 0;
  #ticks = 0;
  #lastCommand: Divergence["lastCommand"];
  readonly #stretch: Stretch;
  /** Where the recomputing begins that is not from boot. */
  readonly #set: KeyframeSet | undefined;
  /** Rows taken so far. */
  #index = -1;
  /** Rows between the sim's keyframe and that of another machine. */
  readonly #held: Record<"tracker" | "alarms", DrivenRow[]> = { tracker: [], alarms: [] };
  /** Runs that the sim has told of since the keyframe. */
  readonly #runs = new Set<string>();
  #isOver = false;
  /** The row that closes a recording whose writer ended in order. */
  #end: DrivenRow | undefined;

  /** @throws QikiError not_verifiable */
  constructor({ meta, inputs, lastTick, alarmsCommands, reloads, stretch }: Deciding) {
    this.#model = modelOfMeta(meta);
    this.#rooms = (meta.rooms as readonly string[] | undefined) ?? [];
    for (const room of this.#rooms)
      if (!KNOWN_ROOMS.includes(room)) throw new QikiError("not_verifiable", `not verifiable: no room ${room}`);
    this.#lastTick = lastTick;
    this.#stretch = stretch;
    this.#set = stretch.start === "boot" ? undefined : stretch.start;
    this.#driver = createDriver(this.#model, inputs, lastTick, this.#set?.sim.row);
    this.#alarms = createAlarmsReplay(meta, alarmsCommands, this.#set !== undefined);
    this.#tracker = createTrackerReplay(meta, this.#model.settings, reloads, this.#set !== undefined);
  }

  /** Whether the last tick that was asked for is behind: no more rows are needed. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** The divergences that this row shows. */
  take(row: DrivenRow): readonly Diverged[] {
    this.#index += 1;
    const { toTick } = this.#stretch;
    if (toTick !== undefined && isSimRow(row) && toldBy(row) && this.#isWithin("sim") && (tickOf(row) ?? 0) > toTick) this.#isOver = true;
    // Streams bring some rows of the last tick late.
    if (this.#isOver && (toldBy(row) || (tickOf(row) ?? 0) > toTick!)) return NONE;
    if (row.subject === SUBJECTS.recordEnd && row.data.next_segment === undefined) this.#end = row;
    const found = [...this.#takeTracker(row), ...this.#takeAlarms(row)];
    const ofSim = isSimRow(row) && this.#isWithin("sim") ? this.#takeSim(row) : undefined;
    if (ofSim !== undefined) found.push(ofSim);
    return found;
  }

  *#takeTracker(row: DrivenRow): Generator<Diverged> {
    for (const taken of this.#inOrder("tracker", row))
      for (const { row: trackerRow, computed } of this.#tracker.take(taken)) {
        const diverged = this.#compare(trackerRow, computed);
        if (diverged !== undefined) yield diverged;
      }
  }

  /** Events feed the incidents, whoever made them. */
  *#takeAlarms(row: DrivenRow): Generator<Diverged> {
    for (const taken of this.#inOrder("alarms", row)) {
      const incidents = this.#alarms.take(taken);
      if (incidents === undefined || isSimRow(taken)) continue;
      const diverged =
        incidents === "missing"
          ? this.#compare(taken, undefined)
          : this.#compare(taken, incidents.payload, incidents.recorded ?? taken.data);
      if (diverged !== undefined) yield diverged;
    }
  }

  /**
   * The rows that a machine takes now. Its keyframe may come some rows after the sim's, and messages that its state does not hold
   * before it: they wait for it.
   */
  #inOrder(role: "tracker" | "alarms", row: DrivenRow): readonly DrivenRow[] {
    if (this.#set === undefined || this.#index > (this.#set[role]?.index ?? -1)) return [row];
    if (this.#index < this.#set.sim.index) return [];
    this.#held[role].push(row);
    return this.#isWithin(role) ? [row, ...this.#held[role].splice(0).slice(0, -1)] : [];
  }

  #takeSim(row: DrivenRow): Diverged | undefined {
    if (toldBy(row)) this.#runs.add(runOf(row));
    const isEarlier = this.#isBeforeStart(row);
    if (isEarlier === true) return undefined;
    const computed = this.#nextComputed(row.subject);
    if (isEarlier === "perhaps" && (computed === "missing" || firstDifference(row.data, computed.payload) !== undefined)) {
      if (computed !== "missing") this.#waiting.get(row.subject)!.unshift(computed);
      return undefined;
    }
    const diverged = this.#compare(row, computed === "missing" ? undefined : computed.payload);
    if (diverged === undefined && row.subject === SUBJECTS.responses && row.data.ok === true)
      this.#lastCommand = { requestId: String(row.data.request_id), tick: row.data.tick as number };
    return diverged;
  }

  /** Whether the rows have come to where this machine's state is taken up. */
  #isWithin(role: keyof KeyframeSet): boolean {
    return this.#set === undefined || this.#index >= (this.#set[role]?.index ?? 0);
  }

  /**
   * Whether a row of the sim was made before the keyframe that the proof begins with: streams bring some after it. Of the
   * keyframe's own tick either may be; what recomputing does not make next was.
   */
  #isBeforeStart(row: DrivenRow): boolean | "perhaps" {
    const sim = this.#set?.sim;
    if (sim === undefined || row.streamSeq === undefined) return false;
    const tick = tickOf(row) ?? 0;
    // Of a run that the sim has not told of yet it may also be the first word: a stream may be quicker than the sim's own messages.
    if (runOf(row) !== sim.runId) return this.#runs.has(runOf(row)) ? false : "perhaps";
    if (tick > sim.tick) return false;
    // A late frame names the tick of its look.
    return tick === sim.tick || row.subject.startsWith(RADAR_PREFIX) ? "perhaps" : true;
  }

  /** States of the machines after this tick, once the rows up to it are taken. @throws QikiError not_verifiable */
  statesAfter(tick: number): { readonly sim: Uint8Array; readonly tracker?: Uint8Array; readonly alarms?: Uint8Array } {
    const { machine } = this.#driver;
    while (machine.tick < tick && this.#driver.next() !== undefined);
    if (machine.tick !== tick)
      throw new QikiError("not_verifiable", `not verifiable: the recording tells of tick ${machine.tick} where tick ${tick} was asked for`);
    const tracker = this.#tracker.snapshot();
    const alarms = this.#alarms.snapshot();
    return { sim: machine.snapshot(), ...(tracker === undefined ? {} : { tracker }), ...(alarms === undefined ? {} : { alarms }) };
  }

  /** After the last row: whether something is left over on either side, and the digest of all rooms. */
  verdict(): Verification {
    const unexplained = this.#isOver ? undefined : this.#tracker.unexplained();
    const diverged = unexplained === undefined ? this.#unrecorded() : this.#compare(unexplained, undefined);
    if (diverged !== undefined) return diverged;
    const { machine } = this.#driver;
    const incidents = this.#alarms.hash();
    const hashes = {
      craft: machine.hash(),
      ...(this.#rooms.includes("scene") ? { scene: machine.sceneHash() } : {}),
      ...this.#tracker.hashes(),
      ...(incidents === undefined ? {} : { incidents }),
    };
    return { kind: "identical", ticks: machine.tick, messages: this.#messages, hash: allHash(hashes), counts: this.#counts };
  }

  /** What the machines made and a recording that ended in order does not hold: rows that somebody took out at its end. */
  #unrecorded(): Diverged | undefined {
    if (this.#end === undefined) return undefined;
    const [ofSim] = [...this.#waiting.values()].flat().filter(({ tick, runId }) => tick <= (this.#lastTick.get(runId) ?? 0));
    const subject = ofSim?.subject ?? this.#tracker.unrecorded() ?? this.#alarms.unrecorded();
    if (subject === undefined) return undefined;
    return this.#diverged(this.#end, { path: "(message)", recorded: "nothing", computed: subject }, subject);
  }

  /** Compares one recorded message with what was recomputed of it; `undefined` means nothing was. */
  #compare(row: DrivenRow, computed: Raw | undefined, recorded: Raw = row.data): Diverged | undefined {
    this.#messages += 1;
    this.#counts[row.subject] = (this.#counts[row.subject] ?? 0) + 1;
    this.#ticks = Math.max(this.#ticks, tickOf(row) ?? 0);
    const difference =
      computed === undefined ? { path: "(message)", recorded: row.subject, computed: "nothing" } : firstDifference(recorded, computed);
    return difference === undefined ? undefined : this.#diverged(row, difference);
  }

  #diverged(row: DrivenRow, difference: Difference, subject = row.subject): Diverged {
    const tick = tickOf(row) ?? this.#ticks;
    const place = { tick, simTimeS: (tick * this.#model.settings.tickMs) / 1000, row: row.line, subject };
    const lastCommand = this.#lastCommand === undefined ? {} : { lastCommand: this.#lastCommand };
    return { kind: "diverged", ticks: this.#ticks, messages: this.#messages, first: { ...place, difference, ...lastCommand } };
  }

  /** The next message of this subject that the sim makes; it advances as far as it must. */
  #nextComputed(subject: string): ComputedMessage | "missing" {
    // A late union names the tick of its look: it may be all that tells how far a run went whose end is cut off.
    const beyond = subject === SUBJECTS.radarFrames ? (LATE_MAX_S * 1000) / this.#model.settings.tickMs : 0;
    for (;;) {
      const ready = this.#waiting.get(subject)?.shift();
      if (ready !== undefined) return ready;
      const computed = this.#driver.next(beyond);
      if (computed === undefined) return "missing";
      for (const message of computed) {
        const queue = this.#waiting.get(message.subject);
        if (queue === undefined) this.#waiting.set(message.subject, [message]);
        else queue.push(message);
      }
    }
  }
}

const NONE: readonly Diverged[] = [];

/** Whether a row stands where the sim itself put it: not brought by a stream. */
function toldBy({ streamSeq }: DrivenRow): boolean {
  return streamSeq === undefined;
}

function runOf({ headers }: DrivenRow): string {
  return headers?.[RUN_HEADER] ?? "";
}

function tickOf(row: DrivenRow): number | undefined {
  return row.tick ?? (typeof row.data.tick === "number" ? row.data.tick : undefined);
}
