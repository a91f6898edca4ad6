import { createHash, randomBytes, randomUUID } from "node:crypto";
import { canonicalJson } from "#base/canonical-json.ts";
import type { Bus } from "#bus/port.ts";
import { type CommandLimits, checkParameters, specOf } from "#contracts/command.ts";
import type { CommandSpec, Role } from "#contracts/command-catalogue.ts";
import { SUBJECTS } from "#contracts/subjects.ts";
import type { Clock } from "../clock.ts";
import { signCommand } from "../command-signature.ts";
import type { Hub } from "./hub.ts";
import type { Identity } from "./identity.ts";
import { Problem } from "./problem.ts";

export type Stage = "SENT" | "APPLIED" | "REJECTED" | "EFFECT_CONFIRMED" | "EFFECT_MISSING" | "TIMEOUT" | "NOT_SENT";

/** One command as every console sees it, from sending to effect. */
export interface CommandRow {
  readonly request_id: string;
  readonly command_name: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly sender: string;
  readonly role: string;
  readonly reason?: string;
  readonly incident_key?: string;
  readonly stage: Stage;
  /** Whether the catalogue has an effect to check: without one APPLIED is the end. */
  readonly has_effect: boolean;
  readonly sent_wall: string;
  readonly answered_ms?: number;
  readonly settled_ms?: number;
  readonly tick?: number;
  readonly order?: number;
  readonly code?: string;
  readonly detail?: string;
  readonly details?: unknown;
  /** The answer came after the wait had ended. */
  readonly late?: true;
  readonly effect?: unknown;
}

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
  arm(request: CommandRequest, sender: Identity): Record<string, unknown>;
  send(request: CommandRequest, sender: Identity): { readonly row: CommandRow; readonly replay: boolean };
  /** The row once its ACK or the end of the wait is there, at most after `timeoutMs`. */
  settled(requestId: string, timeoutMs: number): Promise<CommandRow>;
  ack(payload: Readonly<Record<string, unknown>>): void;
  effect(payload: Readonly<Record<string, unknown>>): void;
  rows(): readonly CommandRow[];
}

export interface CommandDeskOptions {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly hub: Hub;
  readonly key: { readonly id: string; readonly secret: string };
  readonly limits: () => CommandLimits | undefined;
  /** Tells the audit trail of a refused attempt. */
  readonly denied: (sender: Identity, commandName: string, why: string) => void;
}

export const ACK_WAIT_MS = 2000;
const ARM_MS = 15_000;
const ROWS = 500;
const RANK: Readonly<Record<Role, number>> = { viewer: 0, operator: 1, supervisor: 2, admin: 3 };
const ARMED_MAX = 1000;

/** Sends the consoles' commands and keeps each one's row up to date (console §3.4). */
export function createCommandDesk(options: CommandDeskOptions): CommandDesk {
  const { bus, clock, hub } = options;
  const rows = new Map<string, { row: CommandRow; digest: string; sentMs: number; cancel: () => void; waiting: (() => void)[] }>();
  const armed = new Map<string, { digest: string; operator: string; untilMs: number }>();

  function update(requestId: string, change: Partial<CommandRow>): void {
    const entry = rows.get(requestId);
    if (entry === undefined) return;
    entry.row = { ...entry.row, ...change };
    hub.set("commands", requestId, entry.row);
    if (entry.row.stage !== "SENT") for (const wake of entry.waiting.splice(0)) wake();
  }

  function check(request: CommandRequest, sender: Identity): { spec: CommandSpec; parameters: Readonly<Record<string, unknown>> } {
    const name = request.command_name;
    if (typeof name !== "string")
      throw new Problem("invalid_parameter", "command_name is missing: expected a command of /api/catalog", { path: "command_name" });
    const spec = specOf(name);
    if ("code" in spec) throw new Problem("unknown_command", spec.message, { path: "command_name", expected: spec.expected });
    if (RANK[sender.role] < RANK[spec.role]) {
      options.denied(sender, name, `role ${sender.role}, needs ${spec.role}`);
      throw new Problem(
        "forbidden",
        `${name} needs the role ${spec.role}; ${sender.name} has ${sender.role}${sender.role === "viewer" ? ": sign in first" : ""}`,
      );
    }
    const parameters = (request.parameters ?? {}) as Readonly<Record<string, unknown>>;
    if (typeof parameters !== "object" || Array.isArray(parameters))
      throw new Problem("invalid_parameter", "parameters is not an object", { path: "parameters" });
    const limits = options.limits();
    const checked = limits === undefined ? undefined : checkParameters(spec, parameters, limits);
    if (checked?.kind === "refused") {
      const { code, message, field, expected } = checked.refusal;
      throw new Problem(code === "invalid_mode" ? code : "invalid_parameter", message, { path: `parameters.${field}`, expected });
    }
    return { spec, parameters };
  }

  function checkHazard(spec: CommandSpec, request: CommandRequest, digest: string, sender: Identity): void {
    if (spec.hazard === "confirm" && request.confirm !== true) {
      throw new Problem("confirm_required", `${spec.name} needs confirm:true: ${spec.consequence.en}`);
    }
    if (spec.hazard !== "arm") return;
    if (typeof request.arm_token !== "string")
      throw new Problem("arm_required", `${spec.name} is hazardous: arm it first (POST /api/commands/arm), then send within 15 s`);
    const arming = armed.get(request.arm_token);
    armed.delete(request.arm_token);
    if (arming === undefined || arming.untilMs <= clock.monotonicMs())
      throw new Problem("arm_expired", `${spec.name} is no longer armed: arm it again`);
    if (arming.digest !== digest || arming.operator !== sender.name) {
      options.denied(sender, spec.name, "arm_mismatch");
      throw new Problem("arm_mismatch", `${spec.name} was armed with other parameters or by another operator: arm it again`);
    }
  }

  function transmit(
    requestId: string,
    spec: CommandSpec,
    parameters: Readonly<Record<string, unknown>>,
    sender: Identity,
    request: CommandRequest,
  ): void {
    const metadata: Record<string, unknown> = {
      message_id: requestId,
      correlation_id: requestId,
      timestamp: new Date(clock.nowMs()).toISOString(),
      message_type: "control",
      source: "orion",
      actor: { id: sender.name, role: sender.role },
      confirm: true,
      key_id: options.key.id,
    };
    if (typeof request.expires_s === "number" && request.expires_s > 0)
      metadata.expires_at = new Date(clock.nowMs() + request.expires_s * 1000).toISOString();
    const message = { command_name: spec.name, parameters, metadata };
    metadata.signature = signCommand(message, options.key.secret);
    const state = bus.publish(SUBJECTS.commands, Buffer.from(JSON.stringify(message)));
    if (state !== "sent") update(requestId, { stage: "NOT_SENT", detail: "the bus is not connected: the command was not sent" });
  }

  function send(request: CommandRequest, sender: Identity): { row: CommandRow; replay: boolean } {
    const { spec, parameters } = check(request, sender);
    const requestId = request.request_id ?? randomUUID();
    if (typeof requestId !== "string" || !/^[\w:-]{1,100}$/.test(requestId)) {
      throw new Problem("invalid_parameter", "request_id is not an id: expected 1 to 100 letters, digits, _ : or -", {
        path: "request_id",
      });
    }
    const digest = digestOf(spec.name, parameters, sender);
    const known = rows.get(requestId);
    if (known !== undefined && known.digest !== digest)
      throw new Problem("request_id_reused", `request id ${requestId} was used for another command`, { request_id: requestId });
    if (known !== undefined && known.row.stage !== "TIMEOUT" && known.row.stage !== "NOT_SENT") return { row: known.row, replay: true };
    if (known === undefined) checkHazard(spec, request, digest, sender);
    const row: CommandRow = {
      request_id: requestId,
      command_name: spec.name,
      parameters,
      sender: sender.name,
      role: sender.role,
      ...(typeof request.reason === "string" ? { reason: request.reason } : {}),
      ...(typeof request.incident_key === "string" ? { incident_key: request.incident_key } : {}),
      stage: "SENT",
      has_effect: spec.effect !== undefined,
      sent_wall: new Date(clock.nowMs()).toISOString(),
    };
    known?.cancel();
    const cancel = clock.after(ACK_WAIT_MS, () => {
      if (rows.get(requestId)?.row.stage === "SENT")
        update(requestId, { stage: "TIMEOUT", detail: "no answer in 2.0 s: unknown whether it was applied" });
    });
    rows.set(requestId, { row, digest, sentMs: clock.monotonicMs(), cancel, waiting: [] });
    hub.set("commands", requestId, row);
    forgetOld();
    transmit(requestId, spec, parameters, sender, request);
    return { row: rows.get(requestId)!.row, replay: known !== undefined };
  }

  function forgetOld(): void {
    for (const [requestId, entry] of rows) {
      if (rows.size <= ROWS) return;
      entry.cancel();
      rows.delete(requestId);
      hub.delete("commands", requestId);
    }
  }

  return {
    arm(request, sender) {
      const { spec, parameters } = check(request, sender);
      for (const [token, arming] of armed) if (arming.untilMs <= clock.monotonicMs() || armed.size > ARMED_MAX) armed.delete(token);
      const digest = digestOf(spec.name, parameters, sender);
      const token = randomBytes(18).toString("base64url");
      armed.set(token, { digest, operator: sender.name, untilMs: clock.monotonicMs() + ARM_MS });
      return { arm_token: token, digest, expires_ms: ARM_MS, consequence: spec.consequence };
    },
    send,
    settled(requestId, timeoutMs) {
      const entry = rows.get(requestId);
      if (entry === undefined) throw new Problem("not_found", `no command with request id ${requestId}`);
      if (entry.row.stage !== "SENT") return Promise.resolve(entry.row);
      return new Promise((done) => {
        const cancel = clock.after(timeoutMs, () => done(entry.row));
        entry.waiting.push(() => {
          cancel();
          done(entry.row);
        });
      });
    },
    ack(payload) {
      const requestId = payload.request_id as string | null;
      const entry = requestId === null ? undefined : rows.get(requestId);
      if (entry === undefined || (entry.row.stage !== "SENT" && entry.row.stage !== "TIMEOUT")) return;
      entry.cancel();
      const error = payload.error_detail as { code: string; message: string; details?: unknown } | undefined;
      update(requestId!, {
        stage: payload.ok === true ? "APPLIED" : "REJECTED",
        answered_ms: Math.round(clock.monotonicMs() - entry.sentMs),
        tick: payload.tick as number,
        order: payload.order as number,
        ...(entry.row.stage === "TIMEOUT" ? { late: true as const } : {}),
        ...(error === undefined ? {} : { code: error.code, detail: error.message, details: error.details }),
      });
    },
    effect(payload) {
      const requestId = payload.request_id as string;
      const entry = rows.get(requestId);
      if (entry === undefined || entry.row.stage !== "APPLIED") return;
      update(requestId, {
        stage: payload.ok === true ? "EFFECT_CONFIRMED" : "EFFECT_MISSING",
        settled_ms: Math.round(clock.monotonicMs() - entry.sentMs),
        effect: payload,
      });
    },
    rows: () => [...rows.values()].map(({ row }) => row).reverse(),
  };
}

function digestOf(commandName: string, parameters: Readonly<Record<string, unknown>>, sender: Identity): string {
  return createHash("sha256")
    .update(canonicalJson({ command_name: commandName, parameters, operator: sender.name }))
    .digest("hex");
}
