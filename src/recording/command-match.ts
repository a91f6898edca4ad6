import type { Ack } from "#contracts/ack.ts";
import { type DecodedCommand, decodeCommand } from "#contracts/command.ts";
import { type CommandOwner, commandSpec } from "#contracts/command-catalogue.ts";
import { SUBJECTS } from "#contracts/subjects.ts";
import type { DrivenRow } from "./drive.ts";

/** Who sent a command; filled in from the audit row, which may stand on either side of the ACK. */
export interface RecordedActor {
  operator: string;
  role: string;
}

/** An ACK with the message that it answers. */
export interface AnsweredCommand {
  readonly ack: Ack;
  readonly decoded: DecodedCommand;
  readonly actor: RecordedActor;
}

/**
 * Puts an owner's commands, ACKs and audit rows together. An id may be used many times, or be missing: what has the same
 * name and id is matched in order, as the owner answers in order.
 */
export function createCommandMatch(owner: CommandOwner): {
  take(row: DrivenRow): AnsweredCommand | undefined;
  /** What is missing, after the last row: a command's ACK, or an ACK's command. */
  problem(): string | undefined;
  /** A proof begins here: an earlier ACK may lack its command. */
  begin(): void;
} {
  const sent = new Map<string, DecodedCommand[]>();
  const unnamed = new Map<string, RecordedActor[]>();
  const named = new Map<string, RecordedActor[]>();
  let orphan: string | undefined;
  const owns = (name: string): boolean => (commandSpec(name)?.owner ?? "sim") === owner;

  function takeAck(ack: Ack): AnsweredCommand | undefined {
    const name = ack.payload.command_name;
    if (!owns(name)) return undefined;
    const key = keyOf(name, ack.request_id);
    const decoded = shift(sent, key);
    if (ack.idempotent_replay === true) {
      // A repeat may come with a correlation id of its own, while its answer names the first one's.
      if (decoded === undefined) shift(sent, [...sent.keys()].find((one) => one.startsWith(keyOf(name, null).slice(0, -5))) ?? key);
      return undefined;
    }
    if (decoded === undefined) {
      orphan ??= `the command that ACK ${ack.request_id} answers is not in the recording`;
      return undefined;
    }
    let actor = shift(named, key);
    if (actor === undefined) {
      const metadata = decoded.kind === "command" ? decoded.command.metadata : undefined;
      actor = { operator: metadata?.actor?.id ?? metadata?.source ?? "unknown", role: metadata?.actor?.role ?? "operator" };
      push(unnamed, key, actor);
    }
    return { ack, decoded, actor };
  }

  function takeResult({ data }: DrivenRow): void {
    const name = String(data.command_name);
    if (!owns(name)) return;
    const key = keyOf(name, (data.request_id as string | undefined) ?? null);
    const found = { operator: String(data.operator), role: String(data.role) };
    const waiting = shift(unnamed, key);
    if (waiting === undefined) push(named, key, found);
    else Object.assign(waiting, found);
  }

  return {
    begin() {
      orphan = undefined;
    },
    problem() {
      const [key] = sent.keys();
      return orphan ?? (key === undefined ? undefined : `command without ACK ${(JSON.parse(key) as (string | null)[]).join(" ")}`);
    },
    take(row) {
      if (row.subject === SUBJECTS.commands) {
        const decoded = decodeCommand(row.bytes());
        const [name, requestId] =
          decoded.kind === "command" ? [decoded.command.name, decoded.command.requestId] : [decoded.name, decoded.requestId];
        if (owns(name)) push(sent, keyOf(name, requestId), decoded);
      } else if (row.subject === SUBJECTS.responses && isAck(row.data)) return takeAck(row.data);
      else if (row.subject === SUBJECTS.audit && row.data.kind === "command_result") takeResult(row);
      return undefined;
    },
  };
}

/** Whether a row of the answers is one: anybody may write there. */
export function isAck(data: Readonly<Record<string, unknown>>): data is Readonly<Record<string, unknown>> & Ack {
  const payload = data.payload as { command_name?: unknown } | null | undefined;
  return typeof payload?.command_name === "string" && typeof data.tick === "number" && typeof data.run_id === "string";
}

function keyOf(name: string, requestId: string | null): string {
  return JSON.stringify([name, requestId]);
}

function push<T>(queues: Map<string, T[]>, key: string, value: T): void {
  const queue = queues.get(key);
  if (queue === undefined) queues.set(key, [value]);
  else queue.push(value);
}

function shift<T>(queues: Map<string, T[]>, key: string): T | undefined {
  const queue = queues.get(key);
  const value = queue?.shift();
  if (queue?.length === 0) queues.delete(key);
  return value;
}
