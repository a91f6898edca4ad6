import { randomUUID } from "node:crypto";
import { formatUtcMs } from "#base/rfc3339.ts";
import { QikiError } from "#base/error.ts";
import type { Bus } from "#bus/port.ts";
import { CLOUD_EVENTS } from "#contracts/message.ts";
import { SUBJECTS } from "#contracts/subjects.ts";
import type { Clock } from "../clock.ts";
import type { Identity } from "./identity.ts";

export interface Denial {
  readonly who: Identity;
  /** What was asked for, such as `POST /api/commands`. */
  readonly what: string;
  readonly why: string;
  readonly code: string;
  readonly requestId?: string;
  /** Network address it came from. */
  readonly address: string;
}

/** Tells the audit trail that somebody was turned away. */
export function publishDenied(bus: Bus, clock: Clock, { who, what, why, code, requestId, address }: Denial): void {
  const id = `audit-${randomUUID()}`;
  const wall = formatUtcMs(Math.floor(clock.nowMs()));
  const payload = {
    schema_version: 1,
    category: "audit",
    source: "gateway",
    subject: "service",
    kind: "denied",
    action_type: "denied",
    operator: who.name,
    role: who.role,
    ...(requestId === undefined ? {} : { request_id: requestId }),
    ok: false,
    code,
    what,
    why,
    address,
    wall,
  };
  const headers = {
    ce_specversion: "1.0",
    ce_id: id,
    ce_type: CLOUD_EVENTS.audit.type,
    ce_source: "urn:qiki:gateway",
    ce_time: wall,
    ce_datacontenttype: "application/json",
  };
  try {
    bus.publish(SUBJECTS.audit, Buffer.from(JSON.stringify(payload)), { msgId: id, headers });
  } catch (error) {
    // A bus that is closing hears no more; whoever was turned away still gets the answer.
    if (!(error instanceof QikiError && error.code === "closed")) throw error;
  }
}
