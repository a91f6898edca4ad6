import type { z } from "zod";
import { formatUtcMs, formatUtcUs } from "#base/rfc3339.ts";
import type { Bus } from "#bus/port.ts";
import { auditEventSchema } from "#contracts/audit.ts";
import { ackSchema } from "#contracts/ack.ts";
import {
  powerBusSchema,
  powerPduSchema,
  radarSensorSchema,
  recordStorageSchema,
  systemModeSchema,
  thermalReadingSchema,
  thermalTripSchema,
} from "#contracts/events.ts";
import { headersOf, type Message } from "#contracts/message.ts";
import { guardEventSchema, radarFrameSchema, radarTrackSchema, trackerStatusSchema } from "#contracts/radar.ts";
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
  [SUBJECTS.radarSensor]: radarSensorSchema,
  [SUBJECTS.radarFrames]: radarFrameSchema,
  [SUBJECTS.radarFramesLr]: radarFrameSchema,
  [SUBJECTS.radarFramesSr]: radarFrameSchema,
  [SUBJECTS.radarTracks]: radarTrackSchema,
  [SUBJECTS.radarGuard]: guardEventSchema,
  [SUBJECTS.radarTracker]: trackerStatusSchema,
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

const wallMs = (nowMs: number): string => formatUtcMs(Math.floor(nowMs));
const wallUs = (nowMs: number): string => formatUtcUs(Math.floor(nowMs * 1000));

/** Subjects whose payload carries the wall time of publishing, and how it is written there. */
const INGEST_FORMATS: ReadonlyMap<string, (nowMs: number) => string> = new Map([
  [SUBJECTS.telemetry, wallMs],
  [SUBJECTS.responses, wallMs],
  [SUBJECTS.radarFrames, wallUs],
  [SUBJECTS.radarFramesLr, wallUs],
  [SUBJECTS.radarFramesSr, wallUs],
  [SUBJECTS.radarTracks, wallUs],
] as [string, (nowMs: number) => string][]);
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
      const ingest = INGEST_FORMATS.get(message.subject);
      const payload = ingest === undefined ? message.payload : { ...message.payload, ts_ingest: ingest(clock.nowMs()) };
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
