import type { Ack } from "#contracts/ack.ts";
import type { AuditDraft } from "#contracts/audit.ts";
import type { Message } from "#contracts/message.ts";
import type { RadarTrackWire } from "#contracts/radar.ts";
import { EVENTS_PREFIX, RADAR_PREFIX, SUBJECTS } from "#contracts/subjects.ts";
import { headersOf } from "#contracts/message.ts";
import { ackOf } from "#contracts/ack.ts";
import type { ControlCommand } from "#contracts/command.ts";
import { asTick, eventTimeMs } from "#base/tick-time.ts";
import { handleOf, STATUS } from "#radar/tracks.ts";
import type { RuleSet } from "#alarms/incident/incidents.ts";
import { DEFAULT_PERIODS_MS } from "#alarms/incident/event-sources.ts";
import { type AlarmsMachine, type AlarmsOutput, createAlarmsMachine } from "./alarms-machine.ts";
import { allHash } from "./digest.ts";
import { checkIncidentCommand } from "./incident-commands.ts";
import type { Delivery, Link } from "./links.ts";
import { type Actor, createSimMachine, type SimInput, type SimMachine } from "./sim-machine.ts";
import type { SimModel } from "./sim-state.ts";
import type { GuardRuleSet } from "./guard-rule-set.ts";
import { createTrackerMachine, type TrackerMachine } from "./tracker-machine.ts";

/** What drives the twin: the sim's inputs, and what operators ask of the incidents. */
export type TwinInput = SimInput | { readonly kind: "incident_command"; readonly command: ControlCommand; readonly actor: Actor };

/** What a step of the whole twin gives, in the order in which it would be published. */
export type TwinOutput =
  /** `streamSeq` counts what the event stream or the radar stream would store. */
  | { readonly kind: "message"; readonly message: Message; readonly streamSeq?: number }
  | { readonly kind: "ack"; readonly ack: Ack }
  | { readonly kind: "incident_record"; readonly draft: AuditDraft; readonly streamSeq: number }
  | { readonly kind: "incidents_hash"; readonly streamSeq: number; readonly hash: string }
  | { readonly kind: "note"; readonly text: string };

/** The machines wired on a fixed schedule: sim first, then the tracks of its frames, then the alarms of both, one tick at a time. */
export interface Twin {
  readonly sim: SimMachine;
  readonly tracker: TrackerMachine;
  readonly alarms: AlarmsMachine;
  /** Sequence of the last message that the radar stream would hold. */
  radarSeq(): number;
  /** The same of the event stream. */
  eventsSeq(): number;
  tracks(): TwinTracks;
  /** Active keys of each guard rule. */
  guards(): Readonly<Record<string, number>>;
  /** Letter of the newest incident of each rule, or `none`; `open` counts live ones. */
  incidents(): Readonly<Record<string, string | number>>;
  /** The states of all machines now, from which another twin goes on alike. */
  now(): TwinStart;
}

/** A twin and what advances it. */
export interface SteppedTwin extends Twin {
  step(inputs: readonly TwinInput[]): readonly TwinOutput[];
}

/** Tracks as expectations look at them (simulation §11). */
export interface TwinTracks {
  readonly confirmed: number;
  readonly coasting: number;
  /** Distinct confirmed ids so far. */
  readonly ids: number;
  /** Live tracks in the order of their births, as their messages say them. */
  readonly list: readonly RadarTrackWire[];
}

export interface TwinOptions {
  readonly model: SimModel;
  readonly ruleSet: RuleSet;
  readonly guardRuleSet: GuardRuleSet;
  /** Whether every event is followed by a digest of the incidents, as a recording wants it. */
  readonly hashesIncidents: boolean;
  /** States to go on from; without them the twin boots. */
  readonly start?: TwinStart;
  /** Faults between the machines; without them every message arrives once and in order. */
  readonly links?: { readonly frames: Link; readonly events: Link };
}

/** Snapshots of the machines at one moment of a run; a machine without one begins anew. */
export interface TwinStart {
  readonly sim: Uint8Array;
  readonly tracker?: Uint8Array;
  readonly alarms?: Uint8Array;
  /** Last sequence of each stream at that moment. */
  readonly eventsSeq: number;
  readonly radarSeq: number;
  /** Commands of the incidents so far since this tick of this run. */
  readonly incidentCommands?: { readonly since: string; readonly count: number };
}

export function createTwin(options: TwinOptions): SteppedTwin {
  const sim = createSimMachine(options.model);
  const alarms = createAlarmsMachine({ ruleSet: options.ruleSet, periodsMs: DEFAULT_PERIODS_MS, honourConsoleAcks: true });
  const { sensor, tracker: trackerSettings } = options.model.settings;
  const tracker = createTrackerMachine({ tracker: trackerSettings, sensor, ruleSet: options.guardRuleSet });
  const { start, links } = options;
  const state = {
    eventsSeq: start?.eventsSeq ?? 0,
    radarSeq: start?.radarSeq ?? 0,
    incidentCommands: start?.incidentCommands ?? { since: "", count: 0 },
  };
  if (start !== undefined) sim.restore(start.sim);
  if (start?.tracker !== undefined) tracker.restore(start.tracker);
  if (start?.alarms !== undefined) alarms.restore(start.alarms);
  const ids = new Set<string>();

  function alarmsOutputs(outputs: readonly AlarmsOutput[], all: TwinOutput[]): void {
    for (const output of outputs) {
      if (output.kind !== "audit") continue;
      state.eventsSeq += 1;
      all.push({ kind: "incident_record", draft: output.draft, streamSeq: state.eventsSeq });
    }
  }

  function incidentCommand({ command, actor }: TwinInput & { kind: "incident_command" }, all: TwinOutput[]): void {
    const { name, requestId } = command;
    const { tickMs, epochMs } = options.model.settings;
    const { tick, runId } = sim;
    const since = `${runId} ${tick}`;
    const order = state.incidentCommands.since === since ? state.incidentCommands.count : 0;
    state.incidentCommands = { since, count: order + 1 };
    const timeMs = eventTimeMs(epochMs, tick, tickMs);
    const context = { name, requestId, timeMs, tick: asTick(tick + 1), order, runId, afterSeq: alarms.afterSeq() };
    const action = checkIncidentCommand(command, options.ruleSet.rules, { ...actor, ...(requestId === null ? {} : { requestId }) });
    const outputs = "code" in action ? [] : alarms.accept({ kind: "action", action }, tick);
    const result = outputs.find((output) => output.kind === "result")?.result;
    all.push({ kind: "ack", ack: ackOf(context, "code" in action ? action : result?.ok === false ? result : undefined) });
    alarmsOutputs(outputs, all);
  }

  return {
    sim,
    tracker,
    alarms,
    now: () => ({ ...state, sim: sim.snapshot(), tracker: tracker.snapshot(), alarms: alarms.snapshot() }),
    radarSeq: () => state.radarSeq,
    eventsSeq: () => state.eventsSeq,
    tracks() {
      const list = tracker.wires();
      const of = (status: number): number => list.filter((track) => track.status === status).length;
      return { confirmed: of(STATUS.tracked), coasting: of(STATUS.coasting), ids: ids.size, list };
    },
    guards: () => tracker.activeGuards(),
    incidents() {
      const letters: Record<string, string | number> = Object.fromEntries(options.ruleSet.rules.map((rule) => [rule.id, "none"]));
      let open = 0;
      for (const view of alarms.views()) {
        letters[view.rule_id] = view.letter;
        if (view.letter !== "A") open += 1;
      }
      return { ...letters, open };
    },
    step(inputs) {
      const all: TwinOutput[] = [];
      const events: { seq: number; message: Message }[] = [];
      const frames: Message[] = [];
      const store = ({ message, times }: Delivery): void => {
        if (message.subject.startsWith(EVENTS_PREFIX)) {
          state.eventsSeq += 1;
          for (let time = 0; time < times; time += 1) events.push({ seq: state.eventsSeq, message });
          all.push({ kind: "message", message, streamSeq: state.eventsSeq });
          return;
        }
        state.radarSeq += 1;
        if (message.subject === SUBJECTS.radarFrames) for (let time = 0; time < times; time += 1) frames.push(message);
        all.push({ kind: "message", message, streamSeq: state.radarSeq });
      };
      const publish = (message: Message): void => {
        const { subject } = message;
        const isEvent = subject.startsWith(EVENTS_PREFIX);
        if (!isEvent && !subject.startsWith(RADAR_PREFIX)) {
          all.push({ kind: "message", message });
          return;
        }
        const link = isEvent ? links?.events : subject === SUBJECTS.radarFrames ? links?.frames : undefined;
        for (const delivery of link?.take(message, sim.tick) ?? [{ message, times: 1 }]) store(delivery);
      };
      for (const input of inputs) {
        if (input.kind === "incident_command") incidentCommand(input, all);
        else
          for (const output of sim.accept(input, sim.tick)) {
            if (output.kind === "message") publish(output.message);
            else all.push(output);
          }
      }
      for (const link of [links?.frames, links?.events]) for (const delivery of link?.due(sim.tick) ?? []) store(delivery);
      for (const frame of frames) {
        const outputs = tracker.accept({ kind: "frame", payload: frame.payload, headers: headersOf(frame, 0) }, frame.tick);
        for (const { message } of outputs) publish(message);
        for (const { status, birth } of tracker.views()) if (status !== STATUS.new) ids.add(handleOf(birth));
      }
      for (const { seq, message } of events) {
        const event = {
          kind: "event",
          seq,
          subject: message.subject,
          payload: message.payload,
          runId: message.runId,
          tick: message.tick,
        } as const;
        alarmsOutputs(alarms.accept(event, message.tick), all);
        if (options.hashesIncidents) all.push({ kind: "incidents_hash", streamSeq: seq, hash: alarms.hash() });
      }
      return all;
    },
  };
}

/** Digest of the whole twin: every room present, in the fixed order (operations §7.2). */
export function digest(twin: Twin): string {
  return allHash({ craft: twin.sim.hash(), scene: twin.sim.sceneHash(), ...twin.tracker.hashes(), incidents: twin.alarms.hash() });
}

/** Subject on which an alarms record stands. */
export function recordSubject(draft: AuditDraft): string {
  return draft.subject === "incident" || draft.subject === "rules" ? SUBJECTS.operatorIncidents : SUBJECTS.audit;
}
