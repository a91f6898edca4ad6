import { foldIncidentRecords } from "#alarms/incident/fold-records.ts";
import type { IncidentRecordKind } from "#alarms/incident/incident-record.ts";
import type { IncidentRule } from "#alarms/incident/rule.ts";
import type { RuleSet } from "#alarms/incident/incidents.ts";
import { isAllowed, TRIGGER_OF_KIND } from "#alarms/incident/transitions.ts";
import type { IncidentAuditDraft } from "#contracts/audit.ts";
import type { Message } from "#contracts/message.ts";
import { EVENTS_PREFIX } from "#contracts/subjects.ts";
import { Violation, type Watch } from "./step.ts";

/** What the records of one incident have said so far. */
interface Story {
  letter: IncidentAuditDraft["to"];
  occ: number;
  /** When and in which run it was closed, where a record says so. */
  closed: { readonly atMs: number; readonly runId: string | null } | undefined;
}

/** The samples of a rule that looks at one periodic value. */
interface Samples {
  atMs: number;
  /** Last time that the condition did not hold, and that it was not back to normal. */
  notOnMs: number;
  notOffMs: number;
  /** How many came with the last step: between several it is not known which a record is of. */
  inStep: number;
}

/** Incidents move along the state table, one occurrence at a time, at their thresholds and in their time (operations §6.3, §6.4). */
export function incidentWatch({ rules }: RuleSet): Watch {
  const byId = new Map(rules.map((rule) => [rule.id, rule]));
  const stories = new Map<string, Story>();
  const samples = new Map<string, Samples>();
  const records: IncidentAuditDraft[] = [];
  const pastRuns = new Set<string>();
  let runId: string | undefined;

  function takeEvent(message: Message): void {
    if (message.runId !== runId) {
      if (pastRuns.has(message.runId)) return;
      if (runId !== undefined) pastRuns.add(runId);
      runId = message.runId;
      samples.clear();
    }
    for (const rule of rules) if (isSampleOf(rule, message)) takeSample(rule, message);
  }

  function takeSample(rule: IncidentRule, { payload, timeMs }: Message): void {
    const value = payload[rule.match.field];
    const { op, value: fixed, valueField } = rule.threshold!;
    const limit = valueField === undefined ? fixed : payload[valueField];
    if (typeof value !== "number" || typeof limit !== "number") return;
    let known = samples.get(rule.id);
    if (known === undefined) samples.set(rule.id, (known = { atMs: -Infinity, notOnMs: -Infinity, notOffMs: -Infinity, inStep: 0 }));
    if (timeMs <= known.atMs) return;
    known.atMs = timeMs;
    known.inStep += 1;
    if (!holds(value, op, limit)) known.notOnMs = timeMs;
    if (!isOff(value, op, limit, rule.deadband)) known.notOffMs = timeMs;
  }

  function takeRecord(record: IncidentAuditDraft): void {
    const { incident_id: id, from, to, occ, rule_id: ruleId } = record;
    const kind = record.kind.slice("incident_".length) as IncidentRecordKind;
    const story = stories.get(id) ?? { letter: "A", occ: 0, closed: undefined };
    const where = `${id} ${kind} ${from}>${to} occ ${occ}`;
    if (from !== story.letter) throw new Violation("incident_edges", `${where}: it stood at ${story.letter}`);
    const trigger = TRIGGER_OF_KIND[kind];
    if (trigger === undefined ? from !== to : !isAllowed(trigger, from!, to!))
      throw new Violation("incident_edges", `${where} is no edge of the state table`);
    const begins = kind === "open" || kind === "realarm";
    if (occ !== story.occ + (begins ? 1 : 0)) throw new Violation("incident_edges", `${where} follows occurrence ${story.occ}`);
    const rule = byId.get(ruleId);
    if (rule !== undefined) checkTime(rule, record, kind, story, where);
    const atMs = Math.round((record.ts_epoch ?? 0) * 1000);
    if (begins || UNCLEAR.has(kind)) story.closed = undefined;
    else if (to === "A" && from !== "A") story.closed = { atMs, runId: record.run_id };
    Object.assign(story, { letter: to, occ });
    stories.set(id, story);
    if (kind === "evicted") stories.delete(id);
    records.push(record);
  }

  function checkTime(rule: IncidentRule, record: IncidentAuditDraft, kind: IncidentRecordKind, { closed }: Story, where: string): void {
    const atMs = Math.round((record.ts_epoch ?? 0) * 1000);
    if (kind === "open" && closed !== undefined && closed.runId === record.run_id && atMs - closed.atMs < rule.cooldownS * 1000)
      throw new Violation("no_flap", `${where}: opens ${atMs - closed.atMs} ms after it closed, its cooldown is ${rule.cooldownS} s`);
    const { value, limit } = record;
    if (record.cause !== "threshold" || rule.threshold === undefined || rule.clearOn !== undefined || value === null || limit === null)
      return;
    const { op } = rule.threshold;
    const known = samples.get(rule.id);
    const timed = known !== undefined && known.inStep <= 1 ? known : undefined;
    if (kind === "open" || kind === "realarm") {
      if (!holds(value!, op, limit!)) throw new Violation("hysteresis", `${where}: ${value} is not ${op} ${limit}`);
      if (timed !== undefined && atMs - timed.notOnMs <= rule.onDelayS * 1000)
        throw new Violation("no_flap", `${where}: opens ${atMs - timed.notOnMs} ms after it was not true, its delay is ${rule.onDelayS} s`);
    } else if (kind === "rtn" || kind === "autoclear") {
      if (!isOff(value!, op, limit!, rule.deadband))
        throw new Violation("hysteresis", `${where}: ${value} is not back from ${op} ${limit} by the deadband ${rule.deadband}`);
      if (timed !== undefined && atMs - timed.notOffMs <= rule.offDelayS * 1000)
        throw new Violation(
          "no_flap",
          `${where}: returns ${atMs - timed.notOffMs} ms after it was still held, its delay is ${rule.offDelayS} s`,
        );
    }
  }

  return {
    see({ outputs }) {
      for (const one of samples.values()) one.inStep = 0;
      for (const output of outputs) {
        if (output.kind === "message" && output.message.subject.startsWith(EVENTS_PREFIX)) takeEvent(output.message);
        else if (output.kind === "incident_record" && output.draft.subject === "incident") takeRecord(output.draft as IncidentAuditDraft);
      }
    },
    end(twin) {
      const folded = foldIncidentRecords(records as never);
      const text = (id: string, letter: unknown, occ: unknown, level: unknown): string =>
        `${id} ${String(letter)} occ ${String(occ)} level ${String(level)}`;
      const said = [...folded].map(([id, { letter, occ, level }]) => text(id, letter, occ, level)).sort();
      const held = twin.alarms
        .views()
        .map((view) => text(view.incident_id, view.letter, view.occ, view.level))
        .sort();
      if (said.join() !== held.join())
        throw new Violation("incident_edges", `the records lead to ${said.join(", ")}; held are ${held.join(", ")}`);
    },
  };
}

/** These come back to A with the time of an earlier end, which no record tells. */
const UNCLEAR: ReadonlySet<IncidentRecordKind> = new Set(["unshelve", "unsuppress", "return"]);

function isSampleOf({ enabled, match, threshold, clearOn }: IncidentRule, { payload, subject }: Message): boolean {
  if (!enabled || threshold === undefined || clearOn !== undefined || subject.endsWith(".trip")) return false;
  return payload.category === match.type && payload.source === match.source && payload.subject === match.subject;
}

function holds(value: number, op: string, limit: number): boolean {
  switch (op) {
    case ">":
      return value > limit;
    case ">=":
      return value >= limit;
    case "<":
      return value < limit;
    case "<=":
      return value <= limit;
    case "=":
      return value === limit;
    default:
      return value !== limit;
  }
}

/** Back to normal: no longer true, and beyond the limit by more than the deadband where there is one. */
function isOff(value: number, op: string, limit: number, deadband: number): boolean {
  if (deadband === 0 || op === "=" || op === "!=") return !holds(value, op, limit);
  return op.startsWith(">") ? value < limit - deadband : value > limit + deadband;
}
