import { randomUUID } from "node:crypto";
import { formatUtcMs } from "#base/rfc3339.ts";
import type { Bus, BusReport } from "#bus/port.ts";
import { CLOUD_EVENTS } from "#contracts/message.ts";
import { SUBJECTS } from "#contracts/subjects.ts";
import type { Clock } from "./clock.ts";
import type { Log } from "./log.ts";

/** Logs what the bus reports; a message that was given up or not stored also goes to the audit trail. `bus` is asked for when needed. */
export function createBusReporter(log: Log, clock: Clock, bus: () => Bus | undefined): (report: BusReport) => void {
  return (report) => {
    switch (report.kind) {
      case "handler_error":
        log.error({ subscription: report.name, subject: report.subject, err: report.error }, "a message could not be handled");
        return;
      case "poison_message":
        log.error({ ...report }, "a message was given up after its last delivery");
        publishServiceFact(report, clock, bus());
        return;
      case "stream_gap":
        log.error({ ...report }, "a stream did not take what was published into it");
        publishServiceFact(report, clock, bus());
        return;
      case "settings_kept":
        log.warn({ differences: report.differences }, "the bus keeps settings of its own");
        return;
      default:
        log.error({ err: report.error }, "the bus has a fault");
    }
  };
}

function publishServiceFact(
  { kind, ...facts }: BusReport & { readonly kind: "poison_message" | "stream_gap" },
  clock: Clock,
  bus: Bus | undefined,
): void {
  const wall = formatUtcMs(Math.floor(clock.nowMs()));
  const id = `audit-${randomUUID()}`;
  const payload = {
    schema_version: 1,
    category: "audit",
    source: "bus",
    subject: "service",
    kind,
    action_type: kind,
    operator: "system",
    role: "system",
    ok: false,
    ...facts,
    wall,
  };
  const headers = {
    ce_specversion: "1.0",
    ce_id: id,
    ce_type: CLOUD_EVENTS.audit.type,
    ce_source: "urn:qiki:bus",
    ce_time: wall,
    ce_datacontenttype: "application/json",
  };
  if (bus?.status().state !== "closed") bus?.publish(SUBJECTS.audit, Buffer.from(JSON.stringify(payload)), { msgId: id, headers });
}
