import { zstdDecompressSync } from "node:zlib";
import { parse as parseYaml } from "yaml";
import { QikiError } from "#base/error.ts";
import type { Tick } from "#base/units.ts";
import type { Ack } from "#contracts/ack.ts";
import { checkParameters, decodeCommand } from "#contracts/command.ts";
import { commandSpec } from "#contracts/command-catalogue.ts";
import { RUN_HEADER, TICK_HEADER } from "#contracts/message.ts";
import { EVENTS_PREFIX, SUBJECTS } from "#contracts/subjects.ts";
import { incidentAction } from "#twin/incident-commands.ts";
import { type AlarmsMachine, createAlarmsMachine } from "#twin/alarms-machine.ts";
import { type RuleSet, ruleSetOf, SAMPLE_PERIODS_MS } from "#twin/rule-set.ts";
import type { DrivenRow } from "./drive.ts";

/** A command that the alarms role answered, with the event sequence after which it was applied. */
export interface AlarmsCommand {
  readonly afterSeq: number;
  readonly ack: Ack;
  readonly row: DrivenRow | undefined;
  readonly actor: { operator: string; role: string };
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
  /** Digest of the incidents room after the last event, undefined where the recording has no incidents. */
  hash(): string | undefined;
}

const WAITING_HASHES_MAX = 200_000;
/** Refusals that come before the machine is asked. */
const DOOR_CODES = new Set(["malformed", "expired", "not_authorized", "exception"]);
/** Commands of the alarms role have no range that a configuration decides but the longest shelf. */
const ALARMS_LIMITS = { max_speed: 0, max_speed_mps: 0, shelve_max_s: 28_800, ports: [] };

/** @throws QikiError not_verifiable when the recording's rules cannot be read */
export function createAlarmsReplay(meta: Readonly<Record<string, unknown>>, commands: readonly AlarmsCommand[]): AlarmsReplay {
  const rules = meta.rules as { text?: string } | undefined;
  let machine: AlarmsMachine | undefined;
  if (rules?.text !== undefined)
    machine = createAlarmsMachine({ ruleSet: readRules(rules.text), periodsMs: SAMPLE_PERIODS_MS, honourConsoleAcks: true });
  const records: Readonly<Record<string, unknown>>[] = [];
  const hashes = { computed: new Map<number, string>(), recorded: new Map<number, string>() };
  let badHash: { at: number; recorded: string; computed: string } | undefined;
  let nextCommand = 0;
  let started = false;

  function feedCommands(beforeSeq: number): void {
    for (let command = commands[nextCommand]; command !== undefined && command.afterSeq < beforeSeq; command = commands[nextCommand]) {
      nextCommand += 1;
      applyCommand(command);
    }
  }

  function applyCommand({ ack, row, actor, rulesText }: AlarmsCommand): void {
    const decoded = row === undefined ? undefined : decodeCommand(Buffer.from(JSON.stringify(row.data)));
    if (decoded?.kind !== "command" || machine === undefined) return;
    // What the door or the parameter check refused never reached the machine.
    const refusal = ack.error_detail;
    const field = refusal?.details.field;
    if (refusal !== undefined && (DOOR_CODES.has(refusal.code) || (typeof field === "string" && field.startsWith("metadata.")))) return;
    const spec = commandSpec(decoded.command.name);
    const checked = spec === undefined ? undefined : checkParameters(spec, decoded.command.parameters, ALARMS_LIMITS);
    if (checked?.kind !== "ok") return;
    const by = { operator: actor.operator, role: actor.role, ...(ack.request_id === null ? {} : { requestId: ack.request_id }) };
    if (rulesText !== undefined) return collect(machine.accept({ kind: "rules", ruleSet: readRules(rulesText), by }, 0 as Tick));
    const action = incidentAction(decoded.command.name, checked.values, by);
    if (action !== undefined) collect(machine.accept({ kind: "action", action }, 0 as Tick));
  }

  function collect(outputs: ReturnType<AlarmsMachine["accept"]>): void {
    for (const output of outputs) if (output.kind === "audit" && output.draft.subject === "incident") records.push(output.draft);
  }

  function takeEvent(row: DrivenRow): void {
    if (machine === undefined || row.streamSeq === undefined || row.streamSeq <= machine.afterSeq()) return;
    feedCommands(row.streamSeq);
    const tick = row.headers?.[TICK_HEADER];
    collect(
      machine.accept(
        {
          kind: "event",
          seq: row.streamSeq,
          subject: row.subject,
          payload: row.data,
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
    hash: () => machine?.hash(),
    take(row) {
      if (machine === undefined) return undefined;
      if (row.subject === SUBJECTS.recordKeyframe && row.data.role === "alarms" && !started) {
        started = true;
        machine.restore(zstdDecompressSync(Buffer.from(String(row.data.state), "base64")));
        return undefined;
      }
      if (row.subject === SUBJECTS.recordHashes && row.data.room === "incidents") takeHashes(row);
      else if (row.subject.startsWith(EVENTS_PREFIX)) takeEvent(row);
      if (badHash !== undefined)
        return {
          payload: { "room incidents hash": badHash.computed, after_event: badHash.at },
          recorded: { "room incidents hash": badHash.recorded, after_event: badHash.at },
        };
      if (row.subject !== SUBJECTS.operatorIncidents || row.data.subject !== "incident") return undefined;
      const computed = records.shift();
      return computed === undefined ? "missing" : { payload: computed };
    },
  };
}

/** Collects the alarms role's commands of a recording in file order. */
export function createAlarmsCommandCollector(): { take(row: DrivenRow): void; readonly commands: readonly AlarmsCommand[] } {
  const sent = new Map<string, DrivenRow>();
  const actors = new Map<string, { operator: string; role: string }>();
  const commands: (AlarmsCommand & { rulesText?: string })[] = [];
  const rulesTexts: string[] = [];
  return {
    commands,
    take(row) {
      if (row.subject === SUBJECTS.commands) {
        const decoded = decodeCommand(Buffer.from(JSON.stringify(row.data)));
        if (decoded.kind === "command" && decoded.command.requestId !== null) sent.set(decoded.command.requestId, row);
      } else if (row.subject === SUBJECTS.recordRules) {
        const waiting = commands.find(
          (command) => command.ack.payload.command_name.startsWith("rules.") && command.ack.ok && command.rulesText === undefined,
        );
        if (waiting !== undefined) waiting.rulesText = String(row.data.text);
        else rulesTexts.push(String(row.data.text));
      } else if (row.subject === SUBJECTS.responses) {
        const ack = row.data as unknown as Ack;
        if (commandSpec(ack.payload.command_name)?.owner !== "alarms" || ack.idempotent_replay === true || ack.after_seq === undefined)
          return;
        const actor = { operator: "unknown", role: "operator" };
        if (ack.request_id !== null) actors.set(ack.request_id, actor);
        const text = ack.payload.command_name.startsWith("rules.") && ack.ok ? rulesTexts.shift() : undefined;
        commands.push({
          afterSeq: ack.after_seq,
          ack,
          row: ack.request_id === null ? undefined : sent.get(ack.request_id),
          actor,
          ...(text === undefined ? {} : { rulesText: text }),
        });
      } else if (row.subject === SUBJECTS.audit && row.data.kind === "command_result") {
        const actor = actors.get(String(row.data.request_id));
        if (actor !== undefined) Object.assign(actor, { operator: row.data.operator, role: row.data.role });
      }
    },
  };
}

function readRules(text: string): RuleSet {
  const result = ruleSetOf(parseYaml(text, { version: "1.2" }), text);
  if (result.kind === "refused")
    throw new QikiError("not_verifiable", `not verifiable: its incident rules are refused: ${result.problems[0]}`);
  return result.ruleSet;
}
