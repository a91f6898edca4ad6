import type { Ack } from "#contracts/ack.ts";
import type { AuditDraft } from "#contracts/audit.ts";
import type { Message } from "#contracts/message.ts";
import { EVENTS_PREFIX, SUBJECTS } from "#contracts/subjects.ts";
import type { RuleSet } from "#alarms/incident/incidents.ts";
import { DEFAULT_PERIODS_MS } from "#alarms/incident/event-sources.ts";
import { type AlarmsMachine, type AlarmsOutput, createAlarmsMachine } from "./alarms-machine.ts";
import { allHash } from "./digest.ts";
import { createSimMachine, type SimInput, type SimMachine } from "./sim-machine.ts";
import type { SimModel } from "./sim-state.ts";

/** What a step of the whole twin gives, in the order in which it would be published. */
export type TwinOutput =
  /** `streamSeq` counts what the event stream would store. */
  | { readonly kind: "message"; readonly message: Message; readonly streamSeq?: number }
  | { readonly kind: "ack"; readonly ack: Ack }
  | { readonly kind: "incident_record"; readonly draft: AuditDraft; readonly streamSeq: number }
  | { readonly kind: "incidents_hash"; readonly streamSeq: number; readonly hash: string }
  | { readonly kind: "note"; readonly text: string };

/** The machines wired on a fixed schedule: sim first, then the alarms it raises, exactly one tick at a time. */
export interface Twin {
  readonly sim: SimMachine;
  readonly alarms: AlarmsMachine;
  /** Letter of the newest incident of each rule, for expectations. */
  incidents(): Readonly<Record<string, string | number>>;
}

interface TwinState extends Twin {
  eventsSeq: number;
}

export interface TwinOptions {
  readonly model: SimModel;
  readonly ruleSet: RuleSet;
  /** Whether every event is followed by a digest of the incidents, as a recording wants it. */
  readonly hashesIncidents: boolean;
}

export function createTwin(options: TwinOptions): Twin & { step(inputs: readonly SimInput[]): readonly TwinOutput[] } {
  const sim = createSimMachine(options.model);
  const alarms = createAlarmsMachine({ ruleSet: options.ruleSet, periodsMs: DEFAULT_PERIODS_MS, honourConsoleAcks: true });
  const state: Pick<TwinState, "eventsSeq"> = { eventsSeq: 0 };

  function alarmsOutputs(outputs: readonly AlarmsOutput[], all: TwinOutput[]): void {
    for (const output of outputs) {
      if (output.kind !== "audit") continue;
      state.eventsSeq += 1;
      all.push({ kind: "incident_record", draft: output.draft, streamSeq: state.eventsSeq });
    }
  }

  return {
    sim,
    alarms,
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
      for (const input of inputs) {
        for (const output of sim.accept(input, sim.tick)) {
          if (output.kind === "message" && output.message.subject.startsWith(EVENTS_PREFIX)) {
            state.eventsSeq += 1;
            events.push({ seq: state.eventsSeq, message: output.message });
            all.push({ ...output, streamSeq: state.eventsSeq });
          } else all.push(output);
        }
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
  return allHash({ craft: twin.sim.hash(), scene: twin.sim.sceneHash(), incidents: twin.alarms.hash() });
}

/** Subject on which an alarms record stands. */
export function recordSubject(draft: AuditDraft): string {
  return draft.subject === "incident" || draft.subject === "rules" ? SUBJECTS.operatorIncidents : SUBJECTS.audit;
}
