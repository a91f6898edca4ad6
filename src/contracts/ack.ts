import { z } from "zod";
import { formatUtcMs } from "#base/rfc3339.ts";
import type { Tick } from "#base/units.ts";
import type { CommandRefusal } from "./command.ts";

/** One answer to one command (operations §4.4), before wall time is put in. */
export interface Ack {
  readonly version: 1;
  readonly kind: string;
  readonly success: boolean;
  readonly ok: boolean;
  readonly requestId: string | null;
  readonly request_id: string | null;
  readonly timestamp: string;
  readonly payload: { readonly command_name: string; readonly status: string };
  readonly stage: "applied" | "rejected";
  readonly tick: number;
  readonly order: number;
  readonly run_id: string;
  readonly after_seq?: number;
  readonly error?: string;
  readonly error_detail?: {
    readonly code: string;
    readonly message: string;
    readonly details: Readonly<Record<string, unknown>>;
  };
  readonly ts_ingest?: string;
  readonly idempotent_replay?: true;
}

export interface AckContext {
  readonly name: string;
  readonly requestId: string | null;
  /** Event time of arrival, integer ms. */
  readonly timeMs: number;
  /** The tick at whose start the command acts. */
  readonly tick: Tick;
  /** Arrival order among the commands of that tick, from 0. */
  readonly order: number;
  readonly runId: string;
  /** Last sequence of the input stream processed before it (alarms and tracker only). */
  readonly afterSeq?: number;
}

/** The ACK of a command that was applied, or refused for the reason given. */
export function ackOf(context: AckContext, refusal?: CommandRefusal): Ack {
  const applied = refusal === undefined;
  return {
    version: 1,
    kind: context.name,
    success: applied,
    ok: applied,
    requestId: context.requestId,
    request_id: context.requestId,
    timestamp: formatUtcMs(context.timeMs),
    payload: { command_name: context.name, status: refusal === undefined ? "applied" : legacyStatus(refusal) },
    stage: applied ? "applied" : "rejected",
    tick: context.tick,
    order: context.order,
    run_id: context.runId,
    ...(context.afterSeq === undefined ? {} : { after_seq: context.afterSeq }),
    ...(refusal === undefined ? {} : { error: legacyError(refusal), error_detail: errorDetail(context.name, refusal) }),
  };
}

function errorDetail(name: string, refusal: CommandRefusal): NonNullable<Ack["error_detail"]> {
  const details: Record<string, unknown> = { command_name: name };
  if (refusal.field !== undefined) details.field = refusal.field;
  if (refusal.given !== undefined) details.given = refusal.given;
  if (refusal.expected !== undefined) details.expected = refusal.expected;
  if (refusal.unit !== undefined) details.unit = refusal.unit;
  if (refusal.reason !== undefined) details.reason = refusal.reason;
  if (refusal.hint !== undefined) details.hint = refusal.hint;
  if (refusal.currentOcc !== undefined) details.current_occ = refusal.currentOcc;
  return { code: refusal.code, message: refusal.message, details };
}

/** The word that clients of the existing system look at. */
function legacyError(refusal: CommandRefusal): string {
  return refusal.code === "comms_disabled" || refusal.code === "invalid_mode" || refusal.code === "exception" ? refusal.code : "rejected";
}

function legacyStatus(refusal: CommandRefusal): string {
  if (refusal.code === "exception") return `exception: ${refusal.message}`;
  return refusal.code === "comms_disabled" || refusal.code === "invalid_mode" ? refusal.message : "rejected";
}

export const ackSchema = z.object({
  version: z.literal(1),
  kind: z.string(),
  success: z.boolean(),
  ok: z.boolean(),
  requestId: z.string().nullable(),
  request_id: z.string().nullable(),
  timestamp: z.iso.datetime(),
  payload: z.object({ command_name: z.string(), status: z.string() }),
  stage: z.enum(["applied", "rejected"]),
  tick: z.int().nonnegative(),
  order: z.int().nonnegative(),
  run_id: z.string(),
  after_seq: z.int().optional(),
  error: z.string().optional(),
  error_detail: z.object({ code: z.string(), message: z.string(), details: z.record(z.string(), z.unknown()) }).optional(),
  ts_ingest: z.string().optional(),
  idempotent_replay: z.literal(true).optional(),
});
