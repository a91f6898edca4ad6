import { formatUtcMs, formatUtcUs } from "#base/rfc3339.ts";
import type { Bus } from "#bus/port.ts";
import { headersOf, type Message } from "#contracts/message.ts";
import { SUBJECT_SCHEMAS } from "#contracts/messages.ts";
import { SUBJECTS } from "#contracts/subjects.ts";
import type { Clock } from "./clock.ts";

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
