import type { z } from "zod";
import type { Bus, Msg } from "#bus/port.ts";
import { RUN_HEADER, SEQ_HEADER } from "#contracts/message.ts";
import { INCIDENT_KEY_PREFIX, STATE_BUCKET } from "#contracts/streams.ts";
import { EVENTS_PATTERN, SUBJECTS } from "#contracts/subjects.ts";
import type { Clock } from "../clock.ts";
import { SUBJECT_SCHEMAS } from "../publisher.ts";
import type { CommandDesk } from "./command-desk.ts";
import type { Hub } from "./hub.ts";

/** What the gateway has read off the bus, beside what it put into the hub. */
export interface Ingest {
  losses(): { readonly upstream: number; readonly refused: number };
  sourceAges(): Record<string, number>;
  /** The run record of the sim: identity, settings, limits. */
  run(): Readonly<Record<string, unknown>> | undefined;
  stop(): void;
}

/** Carries telemetry, events, answers and last values from the bus into the hub; what breaks its contract is refused and counted. */
export function startIngest(bus: Bus, clock: Clock, hub: Hub, desk: CommandDesk): Ingest {
  const lastSeqs = new Map<string, { run: string; seq: number }>();
  const lastAtMs = new Map<string, number>();
  let upstream = 0;
  let refused = 0;
  let run: Readonly<Record<string, unknown>> | undefined;
  let stopped = false;

  /** The payload, or undefined when it must not be shown. Holes in the publisher's own numbering are losses. */
  function read(msg: Msg): Readonly<Record<string, unknown>> | undefined {
    lastAtMs.set(msg.subject, clock.monotonicMs());
    const seq = Number(msg.headers[SEQ_HEADER]);
    const runId = msg.headers[RUN_HEADER] ?? "";
    const last = lastSeqs.get(msg.subject);
    if (Number.isSafeInteger(seq)) {
      if (last !== undefined && seq > last.seq + 1) upstream += seq - last.seq - 1;
      lastSeqs.set(msg.subject, { run: runId, seq });
    }
    let payload: unknown;
    try {
      payload = JSON.parse(Buffer.from(msg.bytes).toString("utf8"));
    } catch {
      refused += 1;
      return undefined;
    }
    const schema: z.ZodType | undefined = SUBJECT_SCHEMAS[msg.subject];
    if (schema?.safeParse(payload).success === false) {
      refused += 1;
      return undefined;
    }
    return payload as Readonly<Record<string, unknown>>;
  }

  function telemetry(msg: Msg): void {
    const payload = read(msg);
    if (payload === undefined) return;
    hub.tick = payload.tick as number;
    const known = hub.entries("telemetry");
    for (const key of known.keys()) if (!(key in payload)) hub.delete("telemetry", key);
    for (const [key, value] of Object.entries(payload)) hub.set("telemetry", key, value);
  }

  function event(msg: Msg): void {
    const payload = read(msg);
    if (payload === undefined) return;
    const item = { subject: msg.subject, tick: payload.tick ?? null, run: msg.headers[RUN_HEADER] ?? null, payload };
    hub.append("events", item);
    if (msg.subject === SUBJECTS.audit || msg.subject === SUBJECTS.operatorIncidents) hub.append("audit", item);
    if (msg.subject === SUBJECTS.audit && payload.kind === "command_effect") desk.effect(payload);
  }

  function answer(msg: Msg): void {
    const payload = read(msg);
    if (payload !== undefined) desk.ack(payload);
  }

  async function lastValues(): Promise<void> {
    for await (const { key, bytes } of bus.lastValue(STATE_BUCKET).watch("", { existing: true })) {
      if (stopped) return;
      const value: unknown = bytes === undefined ? undefined : JSON.parse(Buffer.from(bytes).toString("utf8"));
      if (key.startsWith(INCIDENT_KEY_PREFIX)) {
        const id = Buffer.from(key.slice(INCIDENT_KEY_PREFIX.length), "base64url").toString("utf8");
        if (value === undefined) hub.delete("incidents", id);
        else hub.set("incidents", id, value);
      } else if (value === undefined) hub.delete("system", key);
      else {
        hub.set("system", key, value);
        if (key === "run") run = value as Readonly<Record<string, unknown>>;
      }
    }
  }

  const subscriptions = [
    bus.subscribe(SUBJECTS.telemetry, telemetry, { name: "gateway.telemetry", overflow: "drop_oldest" }),
    bus.subscribe(EVENTS_PATTERN, event, { name: "gateway.events", overflow: "drop_oldest" }),
    bus.subscribe(SUBJECTS.responses, answer, { name: "gateway.responses", overflow: "drop_oldest" }),
  ];
  lastValues().catch(() => {});

  return {
    losses: () => ({
      upstream:
        upstream + Object.entries(bus.counts().dropped).reduce((sum, [name, count]) => sum + (name.startsWith("gateway.") ? count : 0), 0),
      refused,
    }),
    sourceAges() {
      const ages: Record<string, number> = {};
      const telemetryMs = lastAtMs.get(SUBJECTS.telemetry);
      if (telemetryMs !== undefined) ages.telemetry = Math.round(clock.monotonicMs() - telemetryMs);
      return ages;
    },
    run: () => run,
    stop() {
      stopped = true;
      for (const subscription of subscriptions) subscription.unsubscribe();
    },
  };
}
