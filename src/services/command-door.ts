import { canonicalJson } from "#base/canonical-json.ts";
import { formatUtcMs, parseUtcMs } from "#base/rfc3339.ts";
import { sha256Hex } from "#base/sha256.ts";
import type { Bus, Msg, Subscription } from "#bus/port.ts";
import type { Ack } from "#contracts/ack.ts";
import { type CommandRefusal, type ControlCommand, decodeCommand } from "#contracts/command.ts";
import { type CommandOwner, commandSpec, type Role } from "#contracts/command-catalogue.ts";
import { SUBJECTS } from "#contracts/subjects.ts";
import type { Clock } from "./clock.ts";
import { type CommandKeys, type SignatureCheck, verifySignature } from "./command-signature.ts";

/** What was answered to a message id, kept so that a repeat is answered alike and applied once. */
export interface DedupStore {
  find(owner: string, messageId: string, nowMs: number): { readonly digest: string; readonly ack: string } | undefined;
  save(owner: string, messageId: string, entry: { readonly digest: string; readonly ack: string; readonly expiresMs: number }): void;
}

/** Ids are remembered for ten minutes of wall time. */
export const DEDUP_WINDOW_MS = 600_000;

export type Arrival =
  | {
      readonly kind: "command";
      readonly command: ControlCommand;
      readonly actor: { operator: string; role: string };
      readonly refusal?: CommandRefusal;
    }
  | { readonly kind: "malformed"; readonly name: string; readonly requestId: string | null; readonly refusal: CommandRefusal };

export interface CommandDoorOptions {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly owner: CommandOwner;
  readonly dedup: DedupStore;
  /** Role of a sender whose message is not signed, at most. */
  readonly unsignedRole: Role;
  /** Keys by id, for signed messages. */
  readonly keys: CommandKeys;
  /** Applies the arrival. `publishRest` sends what follows from it, once its ACK is out. */
  readonly handle: (arrival: Arrival) => { readonly ack: Ack; readonly publishRest: () => void };
}

const RANK: Readonly<Record<Role, number>> = { viewer: 0, operator: 1, supervisor: 2, admin: 3 };
const encoder = new TextEncoder();

/** Takes commands of one owner off the bus: decode, owner, repeat, expiry, authorisation; then exactly one ACK (operations §4.2). */
export function openCommandDoor(options: CommandDoorOptions): Subscription {
  return options.bus.subscribe(SUBJECTS.commands, (msg) => answer(msg, options), { name: `${options.owner}.commands`, maxPending: 8192 });
}

function answer(msg: Msg, options: CommandDoorOptions): void {
  const decoded = decodeCommand(msg.bytes);
  const owner = commandSpec(decoded.kind === "command" ? decoded.command.name : decoded.name)?.owner ?? "sim";
  if (owner !== options.owner) return;
  const arrival: Arrival =
    decoded.kind === "malformed"
      ? decoded
      : authorise(decoded.command, verifySignature(decoded.message, decoded.command.metadata, options.keys), options);
  const known = knownAnswer(arrival, options);
  if (known?.kind === "repeat") return reply(msg, known.ack, options.bus);
  const { ack, publishRest } = options.handle(known?.kind === "id_reused" ? known.arrival : arrival);
  const text = JSON.stringify({ ...ack, ts_ingest: formatUtcMs(Math.floor(options.clock.nowMs())) });
  if (known === undefined) remember(arrival, text, options);
  reply(msg, text, options.bus);
  publishRest();
}

/** Role, destination and expiry; a refusal travels with the command so that it is counted and audited like any other. */
function authorise(command: ControlCommand, signed: SignatureCheck, options: CommandDoorOptions): Arrival {
  const { metadata } = command;
  const claimed = metadata.actor?.role as Role | undefined;
  const allowed = signed.kind === "valid" ? signed.role : options.unsignedRole;
  const role: Role = claimed !== undefined && RANK[claimed] !== undefined && RANK[claimed] < RANK[allowed] ? claimed : allowed;
  const actor = { operator: metadata.actor?.id ?? metadata.source ?? "unknown", role };
  const spec = commandSpec(command.name);
  const { destination } = metadata;
  const refuse = (refusal: CommandRefusal): Arrival => ({ kind: "command", command, actor, refusal });
  if (destination !== undefined && !["unknown", "*", "q_sim_service", options.owner].includes(destination)) {
    const expected = `q_sim_service or ${options.owner}`;
    return refuse({
      code: "invalid_parameter",
      field: "metadata.destination",
      given: destination,
      expected,
      message: `no service ${destination} takes ${command.name}: expected ${expected}`,
    });
  }
  const expiresMs = metadata.expiresAt === undefined ? undefined : parseUtcMs(metadata.expiresAt);
  if (metadata.expiresAt !== undefined && (expiresMs === undefined || expiresMs < options.clock.nowMs())) {
    return refuse({
      code: "expired",
      field: "metadata.expires_at",
      given: metadata.expiresAt,
      message: `${command.name} expired at ${metadata.expiresAt}: send it anew`,
    });
  }
  if (signed.kind === "invalid")
    return refuse({ code: "not_authorized", message: `the signature of ${command.name} is not valid: ${signed.reason}` });
  if (spec !== undefined && RANK[role] < RANK[spec.role]) {
    return refuse({
      code: "not_authorized",
      given: role,
      expected: spec.role,
      message: `${command.name} needs the role ${spec.role}; ${actor.operator} has ${role}`,
    });
  }
  return { kind: "command", command, actor };
}

type KnownAnswer = { readonly kind: "repeat"; readonly ack: string } | { readonly kind: "id_reused"; readonly arrival: Arrival };

/** What is known of this message id: its stored ACK, or that it belongs to another command. */
function knownAnswer(arrival: Arrival, options: CommandDoorOptions): KnownAnswer | undefined {
  const messageId = arrival.kind === "command" ? arrival.command.metadata.messageId : undefined;
  if (arrival.kind !== "command" || messageId === undefined) return undefined;
  const known = options.dedup.find(options.owner, messageId, options.clock.nowMs());
  if (known === undefined) return undefined;
  if (known.digest === digestOf(arrival.command)) {
    return { kind: "repeat", ack: JSON.stringify({ ...(JSON.parse(known.ack) as Ack), idempotent_replay: true }) };
  }
  const message = `message id ${messageId} was used for another command: give every command its own id`;
  const refusal: CommandRefusal = {
    code: "invalid_parameter",
    field: "metadata.message_id",
    reason: "id_reused",
    given: messageId,
    message,
  };
  return { kind: "id_reused", arrival: { ...arrival, refusal } };
}

function remember(arrival: Arrival, ack: string, options: CommandDoorOptions): void {
  if (arrival.kind !== "command" || arrival.command.metadata.messageId === undefined) return;
  const entry = { digest: digestOf(arrival.command), ack, expiresMs: options.clock.nowMs() + DEDUP_WINDOW_MS };
  options.dedup.save(options.owner, arrival.command.metadata.messageId, entry);
}

function digestOf(command: ControlCommand): string {
  return sha256Hex(canonicalJson({ command_name: command.name, parameters: command.parameters }));
}

function reply(msg: Msg, ack: string, bus: Bus): void {
  const bytes = encoder.encode(ack);
  bus.publish(SUBJECTS.responses, bytes);
  if (msg.reply !== undefined) bus.publish(msg.reply, bytes);
}
