import type { z } from "zod";
import { formatUtcMs } from "#base/rfc3339.ts";
import type { Bus } from "#bus/port.ts";
import { auditEventSchema } from "#contracts/audit.ts";
import { ackSchema } from "#contracts/ack.ts";
import {
  powerBusSchema,
  powerPduSchema,
  recordStorageSchema,
  systemModeSchema,
  thermalReadingSchema,
  thermalTripSchema,
} from "#contracts/events.ts";
import { headersOf, type Message } from "#contracts/message.ts";
import { SUBJECTS } from "#contracts/subjects.ts";
import { telemetrySchema } from "#contracts/telemetry.ts";
import type { Clock } from "./clock.ts";

/** Schema of what stands on a subject; a subject without one is not checked. */
export const SUBJECT_SCHEMAS: Readonly<Record<string, z.ZodType>> = {
  [SUBJECTS.telemetry]: telemetrySchema,
  [SUBJECTS.thermal]: thermalReadingSchema,
  [SUBJECTS.thermalTrip]: thermalTripSchema,
  [SUBJECTS.powerBus]: powerBusSchema,
  [SUBJECTS.powerPdu]: powerPduSchema,
  [SUBJECTS.systemMode]: systemModeSchema,
  [SUBJECTS.recordStorage]: recordStorageSchema,
  [SUBJECTS.responses]: ackSchema,
  [SUBJECTS.audit]: auditEventSchema,
};

export interface Publisher {
  publish(message: Message): void;
  /** Messages that did not fit their contract, by subject; they are published all the same, so that nothing goes missing. */
  readonly violations: ReadonlyMap<string, number>;
}

/** Subjects whose payload carries the wall time of publishing. */
const INGEST_SUBJECTS = new Set<string>([SUBJECTS.telemetry, SUBJECTS.responses]);
const encoder = new TextEncoder();

/** Puts wall time and sequence numbers into messages and sends them. `onViolation` throws in tests and counts in production. */
export function createPublisher(bus: Bus, clock: Clock, onViolation: (subject: string, problem: string) => void): Publisher {
  const seqs = new Map<string, number>();
  const violations = new Map<string, number>();
  return {
    violations,
    publish(message) {
      const seq = (seqs.get(message.subject) ?? 0) + 1;
      seqs.set(message.subject, seq);
      const payload = INGEST_SUBJECTS.has(message.subject)
        ? { ...message.payload, ts_ingest: formatUtcMs(Math.floor(clock.nowMs())) }
        : message.payload;
      const checked = SUBJECT_SCHEMAS[message.subject]?.safeParse(payload);
      if (checked !== undefined && !checked.success) {
        violations.set(message.subject, (violations.get(message.subject) ?? 0) + 1);
        onViolation(message.subject, checked.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`).join("; "));
      }
      const options = { headers: headersOf(message, seq), ...(message.msgId === undefined ? {} : { msgId: message.msgId }) };
      bus.publish(message.subject, encoder.encode(JSON.stringify(payload)), options);
    },
  };
}
