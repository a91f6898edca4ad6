import type { Ack } from "#contracts/ack.ts";
import type { AuditDraft } from "#contracts/audit.ts";
import type { Message } from "#contracts/message.ts";
import type { RadarTrackWire } from "#contracts/radar.ts";
import { EVENTS_PREFIX, RADAR_PREFIX, SUBJECTS } from "#contracts/subjects.ts";
import { headersOf } from "#contracts/message.ts";
import { handleOf, STATUS } from "#radar/tracks.ts";
import type { RuleSet } from "#alarms/incident/incidents.ts";
import { DEFAULT_PERIODS_MS } from "#alarms/incident/event-sources.ts";
import { type AlarmsMachine, type AlarmsOutput, createAlarmsMachine } from "./alarms-machine.ts";
import { allHash } from "./digest.ts";
import { createSimMachine, type SimInput, type SimMachine } from "./sim-machine.ts";
import type { SimModel } from "./sim-state.ts";
import type { GuardRuleSet } from "./guard-rule-set.ts";
import { createTrackerMachine, type TrackerMachine } from "./tracker-machine.ts";

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
}

/** Snapshots of the machines at one moment of a run; a machine without one begins anew. */
export interface TwinStart {
  readonly sim: Uint8Array;
  readonly tracker?: Uint8Array;
  readonly alarms?: Uint8Array;
  /** Last sequence of each stream at that moment. */
  readonly eventsSeq: number;
  readonly radarSeq: number;
}

export function createTwin(options: TwinOptions): Twin & { step(inputs: readonly SimInput[]): readonly TwinOutput[] } {
  const sim = createSimMachine(options.model);
  const alarms = createAlarmsMachine({ ruleSet: options.ruleSet, periodsMs: DEFAULT_PERIODS_MS, honourConsoleAcks: true });
  const { sensor, tracker: trackerSettings } = options.model.settings;
  const tracker = createTrackerMachine({ tracker: trackerSettings, sensor, ruleSet: options.guardRuleSet });
  const { start } = options;
  const state = { eventsSeq: start?.eventsSeq ?? 0, radarSeq: start?.radarSeq ?? 0 };
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

  return {
    sim,
    tracker,
    alarms,
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
      const publish = (message: Message): void => {
        if (message.subject.startsWith(EVENTS_PREFIX)) {
          state.eventsSeq += 1;
          events.push({ seq: state.eventsSeq, message });
          all.push({ kind: "message", message, streamSeq: state.eventsSeq });
        } else if (message.subject.startsWith(RADAR_PREFIX)) {
          state.radarSeq += 1;
          all.push({ kind: "message", message, streamSeq: state.radarSeq });
        } else all.push({ kind: "message", message });
      };
      const frames: Message[] = [];
      for (const input of inputs) {
        for (const output of sim.accept(input, sim.tick)) {
          if (output.kind !== "message") all.push(output);
          else {
            publish(output.message);
            if (output.message.subject === SUBJECTS.radarFrames) frames.push(output.message);
          }
        }
      }
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
