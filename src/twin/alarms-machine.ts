import { isMapping } from "#alarms/incident/field-reader.ts";
import type { Actor, IncidentState } from "#alarms/incident/incident-state.ts";
import { createIncidents, type IncidentEvent, type Incidents, type IncidentsOptions, type RuleSet } from "#alarms/incident/incidents.ts";
import type { ActionResult, IncidentAction } from "#alarms/incident/operator-actions.ts";
import { assertNever } from "#base/assert.ts";
import { canonicalJson } from "#base/canonical-json.ts";
import { QikiError } from "#base/error.ts";
import { hash128, hash128Hex } from "#base/murmur3.ts";
import { utf8Decode, utf8Encode } from "#base/utf8.ts";
import type { AuditDraft } from "#contracts/audit.ts";
import type { IncidentKpiWire, IncidentWire } from "#contracts/incident.ts";
import { SUBJECTS } from "#contracts/subjects.ts";
import { incidentDraft, incidentWire, kpiWire, rulesChangedDraft } from "./alarms-projection.ts";
import type { Machine } from "./machine.ts";

export type AlarmsInput =
  /** One message of QIKI_EVENTS_V1, in stream order; `seq` is its stream sequence. */
  | ({ readonly kind: "event"; readonly seq: number } & IncidentEvent)
  /** A command that passed all checks up to the state of the incident. */
  | { readonly kind: "action"; readonly action: IncidentAction }
  /** Other rules, parsed and linted, come into force. */
  | { readonly kind: "rules"; readonly ruleSet: RuleSet; readonly by: Actor }
  /** The event stream was made anew, its sequence starts over. */
  | { readonly kind: "stream_restarted" };

export type AlarmsOutput =
  | { readonly kind: "audit"; readonly draft: AuditDraft }
  /** The incident's new view, for KV `incidents.*`. */
  | { readonly kind: "incident"; readonly view: IncidentWire }
  | { readonly kind: "removed"; readonly incidentId: string }
  | { readonly kind: "kpi"; readonly kpi: IncidentKpiWire }
  /** How an action ended, with the last event sequence processed before it. */
  | { readonly kind: "result"; readonly requestId?: string | undefined; readonly result: ActionResult; readonly afterSeq: number };

/** What changed of the state since the last call, in parts that a store can keep apart. */
export interface AlarmsStateChanges {
  /** Canonical JSON of everything but the incidents. */
  readonly reducer: string;
  /** Canonical JSON of each incident that changed. */
  readonly changed: readonly { readonly id: string; readonly json: string }[];
  readonly removed: readonly string[];
}

export interface AlarmsMachine extends Machine<AlarmsInput, AlarmsOutput> {
  /** Digest of the incidents room (operations §7.2): no ids, so equal seeds hash equally. */
  hash(): string;
  /** Sequence of the last event processed, 0 before the first. */
  afterSeq(): number;
  rulesHash(): string;
  takeStateChanges(): AlarmsStateChanges;
  views(): IncidentWire[];
  kpi(): IncidentKpiWire;
  /** Events and samples not used, by reason, for the metrics. */
  ignored(): Readonly<Record<string, number>>;
}

export interface AlarmsMachineOptions extends IncidentsOptions {
  /** Whether `incident_ack` records of existing consoles acknowledge (operations §5.2). */
  readonly honourConsoleAcks: boolean;
}

const SNAPSHOT_SCHEMA = 1;
const OPERATOR_PREFIX = "qiki.events.v1.operator.";

/**
 * The alarms machine: the event stream and operator actions in, audit drafts, incident views and indicators out. Fed the
 * same inputs in the same order, live or from a recording, it gives the same bytes: it knows no wall clock.
 */
export function createAlarmsMachine(options: AlarmsMachineOptions): AlarmsMachine {
  const incidents = createIncidents(options);
  let ruleSet = options.ruleSet;
  let rulesJson = canonicalJson(ruleSet);
  let afterSeq = 0;
  const unsavedIds = new Set<string>();
  const unsavedRemovals = new Set<string>();

  /** Turns what the engine did into outputs, and remembers which incidents a store has not seen yet. */
  function drain(): AlarmsOutput[] {
    const { records, changed, shown, removed, kpi } = incidents.takeChanges();
    for (const id of removed) {
      unsavedRemovals.add(id);
      unsavedIds.delete(id);
    }
    for (const id of changed) {
      unsavedIds.add(id);
      unsavedRemovals.delete(id);
    }
    const outputs: AlarmsOutput[] = [];
    for (const record of records) outputs.push({ kind: "audit", draft: incidentDraft(record) });
    for (const id of shown) {
      const view = incidents.view(id);
      if (view !== undefined) outputs.push({ kind: "incident", view: incidentWire(view) });
    }
    for (const record of records) if (record.kind === "evicted") outputs.push({ kind: "removed", incidentId: record.incidentId });
    if (kpi !== undefined) outputs.push({ kind: "kpi", kpi: kpiWire(incidents) });
    return outputs;
  }

  function acceptEvent(input: Extract<AlarmsInput, { kind: "event" }>): AlarmsOutput[] {
    if (input.seq <= afterSeq) return [];
    afterSeq = input.seq;
    if (input.subject === SUBJECTS.audit) {
      const action = options.honourConsoleAcks ? consoleAck(input.payload, incidents) : undefined;
      if (action !== undefined) incidents.act(action);
    } else if (!input.subject.startsWith(OPERATOR_PREFIX)) {
      incidents.acceptEvent(input);
    }
    return drain();
  }

  function reducer(): string {
    return `{"after_seq":${afterSeq},"rules":${rulesJson},"schema":${SNAPSHOT_SCHEMA},"state":${canonicalJson(incidents.snapshot().state)}}`;
  }

  return {
    accept(input) {
      switch (input.kind) {
        case "event":
          return acceptEvent(input);
        case "action": {
          const result = incidents.act(input.action);
          return [...drain(), { kind: "result", requestId: input.action.by.requestId, result, afterSeq }];
        }
        case "rules": {
          const oldHash = ruleSet.hash;
          ruleSet = input.ruleSet;
          rulesJson = canonicalJson(ruleSet);
          incidents.setRules(ruleSet);
          const draft = rulesChangedDraft(incidents.clock(), input.by, oldHash, ruleSet.hash);
          return [{ kind: "audit", draft }, ...drain()];
        }
        case "stream_restarted":
          afterSeq = 0;
          return [];
        default:
          return assertNever(input, "input of alarms");
      }
    },
    snapshot: () => joinAlarmsState(reducer(), incidents.snapshot().incidents.map(canonicalJson)),
    restore(bytes) {
      const restored = parseSnapshot(bytes);
      ruleSet = restored.ruleSet;
      rulesJson = canonicalJson(ruleSet);
      afterSeq = restored.afterSeq;
      incidents.restore(restored.snapshot, ruleSet);
      unsavedIds.clear();
      unsavedRemovals.clear();
    },
    hash: () => hash128Hex(hash128(utf8Encode(incidents.hashedText()))),
    afterSeq: () => afterSeq,
    rulesHash: () => ruleSet.hash,
    takeStateChanges() {
      const changed = [...unsavedIds].flatMap((id) => {
        const state = incidents.stored(id);
        return state === undefined ? [] : [{ id, json: canonicalJson(state) }];
      });
      const changes = { reducer: reducer(), changed, removed: [...unsavedRemovals] };
      unsavedIds.clear();
      unsavedRemovals.clear();
      return changes;
    },
    views: () =>
      incidents
        .ids()
        .flatMap((id) => incidents.view(id) ?? [])
        .map(incidentWire),
    kpi: () => kpiWire(incidents),
    ignored: () => ({ ...incidents.ignored() }),
  };
}

/** Puts what a store kept apart together again: bytes for `restore`. */
export function joinAlarmsState(reducer: string, incidentJsons: readonly string[]): Uint8Array {
  return utf8Encode(`{"incidents":[${incidentJsons.join(",")}],"reducer":${reducer}}`);
}

interface RestoredState {
  readonly afterSeq: number;
  readonly ruleSet: RuleSet;
  readonly snapshot: Parameters<Incidents["restore"]>[0];
}

function parseSnapshot(bytes: Uint8Array): RestoredState {
  const text = utf8Decode(bytes);
  let value: unknown;
  try {
    value = text === undefined ? undefined : JSON.parse(text);
  } catch (cause) {
    throw new QikiError("snapshot_refused", `alarms snapshot of ${bytes.length} bytes is not JSON`, cause);
  }
  if (!isMapping(value) || !isMapping(value.reducer) || !Array.isArray(value.incidents)) {
    throw new QikiError("snapshot_refused", `alarms snapshot of ${bytes.length} bytes: expected {incidents, reducer}`);
  }
  const { reducer } = value;
  if (reducer.schema !== SNAPSHOT_SCHEMA) {
    throw new QikiError(
      "snapshot_refused",
      `alarms snapshot of schema ${JSON.stringify(reducer.schema)}; this build reads ${SNAPSHOT_SCHEMA}`,
    );
  }
  return {
    afterSeq: reducer.after_seq as number,
    ruleSet: reducer.rules as RuleSet,
    snapshot: { state: reducer.state, incidents: value.incidents as IncidentState[] } as RestoredState["snapshot"],
  };
}

/** The acknowledgement that an existing console wrote on the audit subject; our own records never are one. */
function consoleAck(payload: unknown, incidents: Incidents): IncidentAction | undefined {
  if (!isMapping(payload) || payload.kind !== "incident_ack" || payload.source === "alarms" || payload.chain_id !== undefined)
    return undefined;
  const { incident_id: id = payload.incident_key, operator, comment, occ } = payload;
  if (typeof id !== "string" || incidents.view(id) === undefined) return undefined;
  return {
    kind: "ack",
    incidentId: id,
    ...(typeof occ === "number" ? { occ } : {}),
    ...(typeof comment === "string" ? { comment } : {}),
    by: { operator: typeof operator === "string" && operator !== "" ? operator : "console", role: "operator" },
  };
}
