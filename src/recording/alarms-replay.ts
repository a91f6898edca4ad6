import { parse as parseYaml } from "yaml";
import { QikiError } from "#base/error.ts";
import type { Tick } from "#base/units.ts";
import { utf8Decode } from "#base/utf8.ts";
import type { IncidentKpiWire, IncidentWire } from "#contracts/incident.ts";
import { RUN_HEADER, TICK_HEADER } from "#contracts/message.ts";
import { EVENTS_PREFIX, SUBJECTS } from "#contracts/subjects.ts";
import { checkIncidentCommand } from "#twin/incident-commands.ts";
import { type AlarmsMachine, createAlarmsMachine } from "#twin/alarms-machine.ts";
import { type RuleSet, ruleSetOf, SAMPLE_PERIODS_MS } from "#twin/rule-set.ts";
import { type AnsweredCommand, createCommandMatch } from "./command-match.ts";
import { firstDifference } from "./compare.ts";
import { type DrivenRow, keyframeState } from "./drive.ts";

/** A command that the alarms role answered, to be applied after the event sequence that its ACK names. */
export interface AlarmsCommand extends AnsweredCommand {
  /** Text of the rules that a rules command put in force. */
  readonly rulesText?: string;
}

/** Recomputes the incidents of a recording from its events and the operators' commands. */
export interface AlarmsReplay {
  /**
   * Takes a row in file order. Answers what a record or hash row must be compared with; undefined for rows that only feed.
   */
  take(
    row: DrivenRow,
  ): { readonly payload: Readonly<Record<string, unknown>>; readonly recorded?: Readonly<Record<string, unknown>> } | "missing" | undefined;
  /** Subject of a record that the events lead to and that no row holds, after the last row; of a proof that begins mid-run alone. */
  unrecorded(): string | undefined;
  /** Digest of the incidents room after the last event, undefined where the recording has no incidents. */
  hash(): string | undefined;
  snapshot(): Uint8Array | undefined;
  /** Incidents as they stand after the last row; none where the recording has no rules. */
  views(): readonly IncidentWire[];
  kpi(): IncidentKpiWire | undefined;
}

/** More events than a bus brings before the first keyframe. */
const HELD_MAX = 64;
const WAITING_HASHES_MAX = 200_000;
/** Refusals that wall time, keys or the store decided: such a command never reached the machine. */
const OUTSIDE_CODES = new Set(["expired", "not_authorized", "malformed", "exception"]);

/**
 * @param beginsMidRun the first row it gets is a keyframe; records that were made before may follow it
 * @throws QikiError not_verifiable when the recording's rules cannot be read
 */
export function createAlarmsReplay(
  meta: Readonly<Record<string, unknown>>,
  commands: readonly AlarmsCommand[],
  beginsMidRun: boolean,
): AlarmsReplay {
  const rules = meta.rules as { text?: string; incidents_max?: number } | undefined;
  let ruleSet = rules?.text === undefined ? undefined : readRules(rules.text);
  let machine: AlarmsMachine | undefined;
  if (ruleSet !== undefined)
    machine = createAlarmsMachine({ ruleSet, periodsMs: SAMPLE_PERIODS_MS, honourConsoleAcks: true, incidentsMax: rules?.incidents_max });
  const records: Readonly<Record<string, unknown>>[] = [];
  const hashes = { computed: new Map<number, string>(), recorded: new Map<number, string>() };
  let badHash: { at: number; recorded: string; computed: string } | undefined;
  let nextCommand = 0;
  /** Events that came before the first keyframe: it may be brought after them, and holds what earlier processes left. */
  let held: DrivenRow[] | undefined = [];
  /** Whether the rows of records have come to those that were made after the keyframe. */
  let inStep = !beginsMidRun;

  function feedCommands(beforeSeq: number): void {
    for (let next = commands[nextCommand]; next !== undefined && next.ack.after_seq! < beforeSeq; next = commands[nextCommand]) {
      nextCommand += 1;
      applyCommand(next);
    }
  }

  function applyCommand({ ack, decoded, actor, rulesText }: AlarmsCommand): void {
    if (decoded.kind !== "command" || machine === undefined) return;
    const { error_detail: error } = ack;
    if (error !== undefined && (OUTSIDE_CODES.has(error.code) || String(error.details.field).startsWith("metadata."))) return;
    const by = { ...actor, ...(ack.request_id === null ? {} : { requestId: ack.request_id }) };
    if (rulesText !== undefined) {
      ruleSet = readRules(rulesText);
      return collect(machine.accept({ kind: "rules", ruleSet, by }, 0 as Tick));
    }
    const action = checkIncidentCommand(decoded.command, ruleSet!.rules, by);
    if (!("code" in action)) collect(machine.accept({ kind: "action", action }, 0 as Tick));
  }

  function collect(outputs: ReturnType<AlarmsMachine["accept"]>): void {
    for (const output of outputs) if (output.kind === "audit" && output.draft.subject === "incident") records.push(output.draft);
  }

  /** Begins with the state that a keyframe brings, else from nothing. */
  function begin(keyframe?: DrivenRow): void {
    if (held === undefined) return;
    const events = held;
    held = undefined;
    if (keyframe !== undefined) machine!.restore(keyframeState(keyframe));
    for (const row of events) takeEvent(row);
  }

  /** The machine, all that came before taken in. */
  function begun(): AlarmsMachine | undefined {
    begin();
    return machine;
  }

  function takeEvent(row: DrivenRow): void {
    if (held !== undefined) {
      if (held.push(row) >= HELD_MAX) begin();
      return;
    }
    if (machine === undefined || row.streamSeq === undefined || row.streamSeq <= machine.afterSeq()) return;
    feedCommands(row.streamSeq);
    const tick = row.headers?.[TICK_HEADER];
    collect(
      machine.accept(
        {
          kind: "event",
          seq: row.streamSeq,
          subject: row.subject,
          payload: payloadOf(row),
          runId: row.headers?.[RUN_HEADER],
          tick: tick === undefined ? undefined : Number(tick),
        },
        0 as Tick,
      ),
    );
    noteHash(hashes.computed, hashes.recorded, row.streamSeq, machine.hash(), (computed, recorded) => ({ recorded, computed }));
  }

  /** Digests are recorded and recomputed at their own pace: each is compared as soon as both are there. */
  function noteHash(
    own: Map<number, string>,
    other: Map<number, string>,
    at: number,
    hash: string,
    order: (own: string, other: string) => { recorded: string; computed: string },
  ): void {
    const known = other.get(at);
    if (known === undefined) {
      own.set(at, hash);
      if (own.size > WAITING_HASHES_MAX) own.delete(own.keys().next().value!);
      return;
    }
    other.delete(at);
    if (known !== hash) badHash ??= { at, ...order(hash, known) };
  }

  function takeHashes(row: DrivenRow): void {
    const at = row.data.at as readonly number[];
    const recorded = row.data.hashes as readonly string[];
    at.forEach((seq, index) =>
      noteHash(hashes.recorded, hashes.computed, seq, recorded[index]!, (own, other) => ({ recorded: own, computed: other })),
    );
  }

  return {
    hash: () => begun()?.hash(),
    snapshot: () => begun()?.snapshot(),
    views: () => begun()?.views() ?? [],
    kpi: () => begun()?.kpi(),
    unrecorded: () => (beginsMidRun && records.length > 0 ? SUBJECTS.operatorIncidents : undefined),
    take(row) {
      if (machine === undefined) return undefined;
      if (row.subject === SUBJECTS.recordKeyframe && row.data.role === "alarms" && held !== undefined) {
        begin(row);
        return undefined;
      }
      // Nothing follows a keyframe that never comes.
      if (row.subject === SUBJECTS.recordEnd || row.subject === SUBJECTS.operatorIncidents) begin();
      if (row.subject === SUBJECTS.recordHashes && row.data.room === "incidents") takeHashes(row);
      else if (row.subject.startsWith(EVENTS_PREFIX)) takeEvent(row);
      const isRecord = row.subject === SUBJECTS.operatorIncidents && row.data.subject === "incident";
      if (isRecord && !inStep && (records[0] === undefined || firstDifference(row.data, records[0]) !== undefined)) return undefined;
      const computed = isRecord ? records.shift() : undefined;
      if (isRecord) inStep = true;
      // A digest that is off has no row of its own: the next row tells of it, unless it is off itself.
      if (badHash !== undefined && (!isRecord || (computed !== undefined && firstDifference(row.data, computed) === undefined))) {
        const { at, ...bad } = badHash;
        badHash = undefined;
        return {
          payload: { "room incidents hash": bad.computed, after_event: at },
          recorded: { "room incidents hash": bad.recorded, after_event: at },
        };
      }
      if (!isRecord) return undefined;
      return computed === undefined ? "missing" : { payload: computed };
    },
  };
}

/** Collects the alarms role's commands of a recording in file order. */
export function createAlarmsCommandCollector(): {
  take(row: DrivenRow): void;
  readonly commands: readonly AlarmsCommand[];
  /** Why the commands are not complete. */
  problem(): string | undefined;
  /** A proof begins here: what came before is in the state that it begins with. */
  begin(): void;
} {
  const match = createCommandMatch("alarms");
  const commands: AlarmsCommand[] = [];
  let rulesText: string | undefined;
  let missingRules: string | undefined;
  return {
    commands,
    problem: () => match.problem() ?? missingRules,
    begin() {
      match.begin();
      commands.length = 0;
      missingRules = undefined;
    },
    take(row) {
      // New rules are sent right before the ACK of the command that put them in force.
      if (row.subject === SUBJECTS.recordRules && row.data.kind === "incident") rulesText = String(row.data.text);
      const answered = match.take(row);
      if (answered?.ack.after_seq === undefined) return;
      const changesRules = answered.ack.ok && answered.ack.payload.command_name.startsWith("rules.");
      if (changesRules && rulesText === undefined)
        missingRules ??= `the rules that ${answered.ack.request_id} put in force are not in the recording`;
      commands.push(changesRules && rulesText !== undefined ? { ...answered, rulesText } : answered);
      if (changesRules) rulesText = undefined;
    },
  };
}

/** What the alarms role read from the bus: nothing, where it was not JSON. */
function payloadOf(row: DrivenRow): unknown {
  try {
    return JSON.parse(utf8Decode(row.bytes()) ?? "");
  } catch {
    return undefined;
  }
}

export function readRules(text: string): RuleSet {
  const result = ruleSetOf(parseYaml(text, { version: "1.2" }), text);
  if (result.kind === "refused")
    throw new QikiError("not_verifiable", `not verifiable: its incident rules are refused: ${result.problems[0]}`);
  return result.ruleSet;
}
