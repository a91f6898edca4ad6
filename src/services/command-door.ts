import { canonicalJson } from "#base/canonical-json.ts";
import { formatUtcMs, parseUtcMs } from "#base/rfc3339.ts";
import { sha256Hex } from "#base/sha256.ts";
import type { Bus, Msg, Subscription } from "#bus/port.ts";
import type { Ack } from "#contracts/ack.ts";
import { type CommandRefusal, type ControlCommand, decodeCommand } from "#contracts/command.ts";
import { type CommandOwner, commandSpec, type Role } from "#contracts/command-catalogue.ts";
import { SUBJECTS } from "#contracts/subjects.ts";
import type { CommandDedup } from "#store/command-dedup.ts";
import type { Clock } from "./clock.ts";
import { type CommandKeys, type SignatureCheck, verifySignature } from "./command-signature.ts";

export type Arrival =
  | {
      readonly kind: "command";
      readonly command: ControlCommand;
      readonly actor: { readonly operator: string; readonly role: string };
      readonly refusal?: CommandRefusal;
    }
  | { readonly kind: "malformed"; readonly name: string; readonly requestId: string | null; readonly refusal: CommandRefusal };

/** An arrival that was dealt with. `publishRest` sends what follows from it, once its ACK is out. */
export interface Handled {
  readonly ack: Ack;
  readonly publishRest: () => void;
}

/** What a sender on the bus must bring (operations §4.3, §4.7). */
export interface CommandPolicy {
  /** Whether a message without a signature is refused. */
  readonly requiresSignature: boolean;
  /** The most that the sender of an unsigned message is. */
  readonly unsignedRole: Role;
  /** Whether commands with consequences need `metadata.confirm`. */
  readonly requiresConfirm: boolean;
}

const OPEN_POLICY: CommandPolicy = { requiresSignature: false, unsignedRole: "operator", requiresConfirm: false };

export interface CommandDoorOptions {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly owner: CommandOwner;
  readonly dedup: CommandDedup;
  readonly policy?: CommandPolicy | undefined;
  /** Keys by id, for signed messages. */
  readonly keys: CommandKeys;
  readonly handle: (arrival: Arrival) => Handled;
  /** Notes the owner's state before a command; the returned call puts it back should the command break down halfway. */
  readonly saveState: () => () => void;
  /** Hears how each command was answered: `applied`, or the code of its refusal. */
  readonly onAnswered?: ((name: string, code: string) => void) | undefined;
  /** Hears of a command that broke down. */
  readonly onFault: (error: unknown, commandName: string) => void;
}

const RANK: ReadonlyMap<string, number> = new Map([
  ["viewer", 0],
  ["operator", 1],
  ["supervisor", 2],
  ["admin", 3],
] satisfies [Role, number][]);
const COMMANDS_WAITING_MAX = 8192;
const encoder = new TextEncoder();

/** Takes commands of one owner off the bus: decode, owner, repeat, expiry, authorisation; then exactly one ACK (operations §4.2). */
export function openCommandDoor(options: CommandDoorOptions): Subscription {
  const subscription = { name: `${options.owner}.commands`, maxPending: COMMANDS_WAITING_MAX };
  return options.bus.subscribe(SUBJECTS.commands, (msg) => answer(msg, options), subscription);
}

function answer(msg: Msg, options: CommandDoorOptions): void {
  const decoded = decodeCommand(msg.bytes);
  const owner = commandSpec(decoded.kind === "command" ? decoded.command.name : decoded.name)?.owner ?? "sim";
  if (owner !== options.owner) return;
  if (decoded.kind === "malformed") return acknowledge(msg, handleSafely(decoded, options), undefined, options);
  const { command, message } = decoded;
  const { messageId } = command.metadata;
  const digest = digestOf(command);
  const known = messageId === undefined ? undefined : options.dedup.find(messageId, options.clock.nowMs());
  if (known?.digest === digest) return repeat(msg, known.ack, options.bus);
  const arrival = authorise(command, verifySignature(message, command.metadata, options.keys), options);
  if (known !== undefined) return acknowledge(msg, handleSafely(withRefusal(arrival, idReused(messageId)), options), undefined, options);
  acknowledge(msg, handleSafely(arrival, options), messageId === undefined ? undefined : { messageId, digest }, options);
}

/** A command that breaks down leaves no trace but its ACK: the state is put back, then the command is refused like any other. */
function handleSafely(arrival: Arrival, options: CommandDoorOptions): Handled {
  if (arrival.kind === "malformed" || arrival.refusal !== undefined) return options.handle(arrival);
  const putBack = options.saveState();
  try {
    return options.handle(arrival);
  } catch (error) {
    options.onFault(error, arrival.command.name);
    putBack();
    const message = `${arrival.command.name} broke down (${(error as Error).message}): nothing was changed; please report it`;
    return options.handle(withRefusal(arrival, { code: "exception", message }));
  }
}

/** Sends the ACK on the bus and to the sender, remembers it for a repeat, then sends what follows from it. */
function acknowledge(
  msg: Msg,
  { ack, publishRest }: Handled,
  key: { readonly messageId: string; readonly digest: string } | undefined,
  { bus, clock, dedup, onFault, onAnswered }: CommandDoorOptions,
): void {
  onAnswered?.(commandSpec(ack.kind) === undefined ? "unknown" : ack.kind, ack.error_detail?.code ?? "applied");
  const nowMs = clock.nowMs();
  const bytes = encoder.encode(JSON.stringify({ ...ack, ts_ingest: formatUtcMs(Math.floor(nowMs)) }));
  try {
    if (key !== undefined) dedup.put({ ...key, ack: bytes }, nowMs);
  } catch (error) {
    // A full disk must not keep the answer from the sender; only a repeat would no longer be recognised.
    onFault(error, ack.kind);
  }
  send(msg, bytes, bus);
  publishRest();
}

function repeat(msg: Msg, stored: Uint8Array, bus: Bus): void {
  const ack = JSON.parse(Buffer.from(stored).toString("utf8")) as Ack;
  send(msg, encoder.encode(JSON.stringify({ ...ack, idempotent_replay: true })), bus);
}

function send(msg: Msg, bytes: Uint8Array, bus: Bus): void {
  bus.publish(SUBJECTS.responses, bytes);
  if (msg.reply !== undefined) bus.publish(msg.reply, bytes);
}

/** Destination, expiry and role; a refusal travels with the command so that it is counted and audited like any other. */
function authorise(command: ControlCommand, signed: SignatureCheck, options: CommandDoorOptions): Arrival & { kind: "command" } {
  const { metadata } = command;
  const { policy = OPEN_POLICY } = options;
  const role = roleOf(metadata.actor?.role, signed.kind === "valid" ? signed.role : policy.unsignedRole);
  const actor = { operator: metadata.actor?.id ?? metadata.source ?? "unknown", role };
  const arrival = { kind: "command", command, actor } as const;
  const refusal =
    wrongDestination(command, options) ??
    expiry(command, options) ??
    wrongSignature(command.name, signed, policy) ??
    tooLowRole(command.name, actor) ??
    unconfirmed(command, policy);
  return refusal === undefined ? arrival : { ...arrival, refusal };
}

function wrongSignature(name: string, signed: SignatureCheck, { requiresSignature }: CommandPolicy): CommandRefusal | undefined {
  if (signed.kind === "invalid") return { code: "not_authorized", message: `the signature of ${name} is not valid: ${signed.reason}` };
  if (signed.kind === "valid" || !requiresSignature) return undefined;
  return { code: "not_authorized", message: `${name} is not signed, and here every command must be: give key_id and signature` };
}

function unconfirmed({ name, metadata }: ControlCommand, { requiresConfirm }: CommandPolicy): CommandRefusal | undefined {
  const spec = commandSpec(name);
  if (!requiresConfirm || spec === undefined || spec.hazard === "none" || metadata.confirm === true) return undefined;
  const [field, expected] = ["metadata.confirm", "true"];
  const message = `${name} has consequences and must be confirmed here: ${spec.consequence.en} Send it with ${field} true`;
  return { code: "invalid_parameter", field, given: metadata.confirm ?? null, expected, message };
}

/** The lower of the role claimed and the highest allowed; a role that does not exist is the lowest. */
function roleOf(claimed: string | undefined, allowed: Role): Role {
  if (claimed === undefined) return allowed;
  const rank = RANK.get(claimed);
  if (rank === undefined) return "viewer";
  return rank < RANK.get(allowed)! ? (claimed as Role) : allowed;
}

function wrongDestination({ name, metadata }: ControlCommand, { owner }: CommandDoorOptions): CommandRefusal | undefined {
  const { destination } = metadata;
  if (destination === undefined || ["unknown", "*", "q_sim_service", owner].includes(destination)) return undefined;
  const expected = owner === "sim" ? "q_sim_service or sim" : `q_sim_service or ${owner}`;
  const message = `no service ${destination} takes ${name}: expected ${expected}`;
  return { code: "invalid_parameter", field: "metadata.destination", given: destination, expected, message };
}

function expiry({ name, metadata }: ControlCommand, { clock }: CommandDoorOptions): CommandRefusal | undefined {
  const { expiresAt } = metadata;
  if (expiresAt === undefined) return undefined;
  const expiresMs = parseUtcMs(expiresAt);
  const field = "metadata.expires_at";
  if (expiresMs === undefined) {
    const expected = "an RFC 3339 time";
    return { code: "invalid_parameter", field, given: expiresAt, expected, message: `${field} is ${expiresAt}, expected ${expected}` };
  }
  if (expiresMs >= clock.nowMs()) return undefined;
  return { code: "expired", field, given: expiresAt, message: `${name} expired at ${expiresAt}: send it anew` };
}

function tooLowRole(name: string, { operator, role }: { readonly operator: string; readonly role: Role }): CommandRefusal | undefined {
  const spec = commandSpec(name);
  if (spec === undefined || RANK.get(role)! >= RANK.get(spec.role)!) return undefined;
  const message = `${name} needs the role ${spec.role}; ${operator} has ${role}`;
  return { code: "not_authorized", given: role, expected: spec.role, message };
}

function idReused(messageId: string | undefined): CommandRefusal {
  const message = `message id ${messageId} was used for another command: give every command its own id`;
  return { code: "invalid_parameter", field: "metadata.message_id", reason: "id_reused", given: messageId, message };
}

function withRefusal(arrival: Arrival & { kind: "command" }, refusal: CommandRefusal): Arrival {
  return { ...arrival, refusal };
}

/** Whether two messages ask for the same. Numbers beyond the largest (1e999) have no canonical form and count as texts. */
function digestOf({ name, parameters }: ControlCommand): string {
  const finite = JSON.stringify(parameters, (_key, value: unknown) =>
    typeof value === "number" && !Number.isFinite(value) ? String(value) : value,
  );
  return sha256Hex(canonicalJson({ command_name: name, parameters: JSON.parse(finite) as unknown }));
}
