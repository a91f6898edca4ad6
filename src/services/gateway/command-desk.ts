import { createHash, randomUUID } from "node:crypto";
import { canonicalJson } from "#base/canonical-json.ts";
import { QikiError } from "#base/error.ts";
import type { Bus } from "#bus/port.ts";
import { type CommandLimits, checkParameters, specOf } from "#contracts/command.ts";
import type { CommandSpec, Role } from "#contracts/command-catalogue.ts";
import { SUBJECTS } from "#contracts/subjects.ts";
import type { Clock } from "../clock.ts";
import { signCommand } from "../command-signature.ts";
import { ARM_MS, createArming } from "./arming.ts";
import type { CommandRow } from "#contracts/command-row.ts";
import { createCommandRows } from "./command-rows.ts";
import type { Hub } from "./hub.ts";
import type { Identity } from "./identity.ts";
import { Problem } from "./problem.ts";

/** A command as a console asks for it; nothing of it is checked yet. */
export interface CommandRequest {
  readonly request_id?: unknown;
  readonly command_name?: unknown;
  readonly parameters?: unknown;
  readonly confirm?: unknown;
  readonly arm_token?: unknown;
  readonly reason?: unknown;
  readonly incident_key?: unknown;
  readonly expires_s?: unknown;
}

export interface CommandDesk {
  /** @throws Problem */
  arm(request: CommandRequest, sender: Identity): Record<string, unknown>;
  /** Sends, or finds the row of the same request sent before. @throws Problem */
  send(request: CommandRequest, sender: Identity): { readonly row: CommandRow; readonly isReplay: boolean };
  /** The row once its ACK or the end of the wait is there, at most after `timeoutMs`. */
  settled(requestId: string, timeoutMs: number): Promise<CommandRow | undefined>;
  ack(payload: Readonly<Record<string, unknown>>): void;
  effect(payload: Readonly<Record<string, unknown>>): void;
  /** Newest first. */
  rows(): readonly CommandRow[];
  row(requestId: string): CommandRow | undefined;
}

export interface CommandDeskOptions {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly hub: Hub;
  /** Key that the commands are signed with; their owners know it. Without it they go out unsigned. */
  readonly key?: { readonly id: string; readonly secret: string };
  /** Limits of the running configuration, once the sim has told them. */
  readonly limits: () => CommandLimits | undefined;
}

interface Checked {
  readonly spec: CommandSpec;
  readonly parameters: Readonly<Record<string, unknown>>;
  /** What makes two requests the same command: name, parameters, operator. */
  readonly digest: string;
}

const RANK: Readonly<Record<Role, number>> = { viewer: 0, operator: 1, supervisor: 2, admin: 3 };
const EXPIRES_MAX_S = 86_400;
const TEXT_MAX = 500;
const REQUEST_ID = /^[\w:-]{1,100}$/;
/** Before a sim has told its limits, the owner of a command is the only one to know them. */
const NO_LIMITS: CommandLimits = {
  max_speed: Number.MAX_VALUE,
  max_speed_mps: Number.MAX_VALUE,
  shelve_max_s: Number.MAX_VALUE,
  ports: [],
};

/** Checks the consoles' commands, sends them signed, and keeps each one's row up to date (console §2.2, §3.4). */
export function createCommandDesk(options: CommandDeskOptions): CommandDesk {
  const { bus, clock, hub, key } = options;
  const rows = createCommandRows(clock, hub);
  const arming = createArming(clock);

  function check(request: CommandRequest, sender: Identity): Checked {
    const spec = specAsked(request.command_name);
    if (RANK[sender.role] < RANK[spec.role]) {
      const hint = sender.role === "viewer" ? ": sign in first" : "";
      const message = `${spec.name} needs the role ${spec.role}; ${sender.name} has ${sender.role}${hint}`;
      throw new Problem("forbidden", message, requestIdNamed(request));
    }
    const parameters = request.parameters ?? {};
    if (typeof parameters !== "object" || Array.isArray(parameters))
      throw new Problem("invalid_parameter", "parameters is not an object: expected an object of name and value", { path: "parameters" });
    const limits = options.limits();
    if (limits === undefined && spec.owner === "sim")
      throw new Problem("bus_unavailable", `no simulation has reported on the bus yet, so nobody can take ${spec.name}: is it running?`);
    const checked = checkParameters(spec, parameters as Checked["parameters"], limits ?? NO_LIMITS);
    if (checked.kind === "refused") {
      const { code, message, field, given, expected, unit } = checked.refusal;
      const refused = { path: `parameters.${field}`, given, expected, ...(unit === undefined ? {} : { unit }) };
      throw new Problem(code === "invalid_mode" ? code : "invalid_parameter", message, refused);
    }
    return { spec, parameters: parameters as Checked["parameters"], digest: digestOf(spec, parameters, sender) };
  }

  function checkHazard({ spec, digest }: Checked, request: CommandRequest): void {
    if (spec.hazard === "confirm" && request.confirm !== true)
      throw new Problem("confirm_required", `${spec.name} needs confirm:true. ${spec.consequence.en}`, { path: "confirm" });
    if (spec.hazard !== "arm") return;
    if (typeof request.arm_token !== "string")
      throw new Problem("arm_required", `${spec.name} is hazardous: arm it (POST /api/commands/arm), then send it within 15 s`, {
        path: "arm_token",
      });
    const state = arming.use(request.arm_token, digest);
    if (state === "expired") throw new Problem("arm_expired", `${spec.name} is not armed any more: arm it again`, { path: "arm_token" });
    if (state === "mismatch")
      throw new Problem("arm_mismatch", `${spec.name} was armed with other parameters or by another operator: arm it again`, {
        path: "arm_token",
        ...requestIdNamed(request),
      });
  }

  function transmit(requestId: string, { spec, parameters }: Checked, sender: Identity, expiresS: number | undefined): boolean {
    const metadata: Record<string, unknown> = {
      message_id: requestId,
      correlation_id: requestId,
      timestamp: new Date(clock.nowMs()).toISOString(),
      message_type: "control",
      source: "orion",
      actor: { id: sender.name, role: sender.role },
      ...(key === undefined ? {} : { key_id: key.id }),
    };
    if (spec.hazard !== "none") metadata.confirm = true;
    if (expiresS !== undefined) metadata.expires_at = new Date(clock.nowMs() + expiresS * 1000).toISOString();
    const message = { command_name: spec.name, parameters, metadata };
    if (key !== undefined) metadata.signature = signCommand(message, key.secret);
    try {
      return bus.publish(SUBJECTS.commands, Buffer.from(JSON.stringify(message))) === "sent";
    } catch (error) {
      if (error instanceof QikiError && error.code === "closed") return false;
      throw error;
    }
  }

  function send(request: CommandRequest, sender: Identity): { row: CommandRow; isReplay: boolean } {
    const checked = check(request, sender);
    const { spec, parameters, digest } = checked;
    const requestId = requestIdOf(request.request_id);
    const expiresS = numberWithin(request.expires_s, "expires_s", EXPIRES_MAX_S);
    const more = { reason: textOf(request.reason, "reason"), incident_key: textOf(request.incident_key, "incident_key") };
    const known = rows.get(requestId);
    if (known !== undefined && known.digest !== digest)
      throw new Problem("request_id_reused", `request id ${requestId} was used for another command: give every command its own`, {
        request_id: requestId,
      });
    const isRetry = known?.row.stage === "TIMEOUT" || known?.row.stage === "NOT_SENT";
    if (known !== undefined && !isRetry) return { row: known.row, isReplay: true };
    // Whoever retries at once means what was confirmed a moment ago; later the craft may be in another state.
    if (known === undefined || clock.monotonicMs() - known.sentMs > ARM_MS) checkHazard(checked, request);
    rows.sent(
      {
        request_id: requestId,
        command_name: spec.name,
        parameters,
        sender: sender.name,
        role: sender.role,
        ...(more.reason === undefined ? {} : { reason: more.reason }),
        ...(more.incident_key === undefined ? {} : { incident_key: more.incident_key }),
        stage: "SENT",
        has_effect: spec.effect !== undefined,
        sent_wall: new Date(clock.nowMs()).toISOString(),
      },
      digest,
    );
    if (!transmit(requestId, checked, sender, expiresS)) rows.notSent(requestId);
    return { row: rows.get(requestId)!.row, isReplay: known !== undefined };
  }

  return {
    arm(request, sender) {
      const { spec, digest } = check(request, sender);
      return { arm_token: arming.arm(digest), digest, expires_ms: ARM_MS, consequence: spec.consequence };
    },
    send,
    settled: rows.settled,
    ack: rows.ack,
    effect: rows.effect,
    rows: rows.list,
    row: (requestId) => rows.get(requestId)?.row,
  };
}

function specAsked(name: unknown): CommandSpec {
  if (typeof name !== "string")
    throw new Problem("invalid_parameter", "command_name is missing: expected a command of /api/catalog", { path: "command_name" });
  const spec = specOf(name);
  if (!("code" in spec)) return spec;
  throw new Problem("unknown_command", `${spec.message}: /api/catalog lists them`, { path: "command_name", expected: spec.expected });
}

function requestIdOf(given: unknown): string {
  if (given === undefined) return randomUUID();
  if (typeof given === "string" && REQUEST_ID.test(given)) return given;
  throw new Problem("invalid_parameter", "request_id is not an id: expected 1 to 100 letters, digits, _ : or -", { path: "request_id" });
}

/** The request id of a request that is refused, for the audit trail. */
function requestIdNamed({ request_id: given }: CommandRequest): { readonly request_id?: string } {
  return typeof given === "string" && REQUEST_ID.test(given) ? { request_id: given } : {};
}

function numberWithin(given: unknown, path: string, max: number): number | undefined {
  if (given === undefined || given === null) return undefined;
  if (typeof given === "number" && given > 0 && given <= max) return given;
  const expected = `a number in (0, ${max}] s`;
  throw new Problem("invalid_parameter", `${path} is ${JSON.stringify(given)}, expected ${expected}`, { path, given, expected });
}

function textOf(given: unknown, path: string): string | undefined {
  if (given === undefined || given === null) return undefined;
  if (typeof given === "string" && given.length <= TEXT_MAX) return given;
  const expected = `a text of at most ${TEXT_MAX} characters`;
  throw new Problem("invalid_parameter", `${path} is not ${expected}`, { path, expected });
}

function digestOf(spec: CommandSpec, parameters: object, sender: Identity): string {
  return createHash("sha256")
    .update(canonicalJson({ command_name: spec.name, parameters, operator: sender.name }))
    .digest("hex");
}
