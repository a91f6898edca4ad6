import { formatUtcMs } from "#base/rfc3339.ts";
import { asTick, eventTimeMs, simTimeS, wireId } from "#base/tick-time.ts";
import type { RunId, Tick } from "#base/units.ts";
import { BAND_HEADER, CLOUD_EVENTS, type Message, OWN_VELOCITY_HEADER, SCAN_HEADER } from "#contracts/message.ts";
import { SUBJECTS } from "#contracts/subjects.ts";
import type { SentScan } from "#radar/scene.ts";
import { frameMessages, scanLabel } from "./radar-projection.ts";

/** What the ids of a run's messages are counted by. Plain data: part of the sim's snapshot. */
export interface MessageCounters {
  /** Events and modes so far in `tick`; both start at 0 with every tick. */
  tick: number;
  events: number;
  modes: number;
  /** Per repeating subject: the tick last sent, its message id, and how often it was repeated since. */
  repeats: Record<string, { tick: number; msgId: string; count: number }>;
}

export function newCounters(): MessageCounters {
  return { tick: 0, events: 0, modes: 0, repeats: {} };
}

/** Gives messages of one tick their ids, times and CloudEvents names. */
export interface MessageMaker {
  readonly time: { readonly timeMs: number; readonly tick: Tick; readonly simTimeS: number };
  telemetry(payload: object): Message;
  /** A periodic reading: sent again at the same tick, it is a numbered repeat of the first. */
  reading(kind: "thermal" | "powerBus" | "powerPdu" | "radarSensor", body: Record<string, unknown>): Message;
  edge(kind: "thermalTrip" | "powerPdu", body: Record<string, unknown>): Message;
  mode(mode: string): Message;
  /** The frames of a scan, in order; a scan that comes late keeps the tick and time at which the bands looked. */
  frames(sent: SentScan): Message[];
  audit(body: Record<string, unknown>): Message;
  hashes(rows: { readonly room: string; readonly at: readonly number[]; readonly hashes: readonly string[] }): Message;
}

export function messageMaker(counters: MessageCounters, runId: RunId, tick: Tick, epochMs: number, tickMs: number): MessageMaker {
  const timeMs = eventTimeMs(epochMs, tick, tickMs);
  if (counters.tick !== tick) Object.assign(counters, { tick, events: 0, modes: 0 });
  const base = { timeMs, tick, runId };
  const nextEventId = (prefix: string): string => {
    const id = `${prefix}-${timeMs}-${hex(wireId(runId, "evt", tick, counters.events))}`;
    counters.events += 1;
    return id;
  };
  const repeated = (subject: string, firstId: () => string): { msgId: string; heartbeat?: number } => {
    const last = counters.repeats[subject];
    if (last !== undefined && last.tick === tick) {
      last.count += 1;
      return { msgId: `${last.msgId}:hb${last.count}`, heartbeat: last.count };
    }
    const msgId = firstId();
    counters.repeats[subject] = { tick, msgId, count: 0 };
    return { msgId };
  };
  return {
    time: { timeMs, tick, simTimeS: simTimeS(tick, tickMs) },
    telemetry: (payload) => ({
      ...base,
      ...CLOUD_EVENTS.telemetry,
      ...repeated(SUBJECTS.telemetry, () => `telemetry-${timeMs}`),
      subject: SUBJECTS.telemetry,
      payload: payload as Record<string, unknown>,
    }),
    reading: (kind, body) => ({
      ...base,
      ...CLOUD_EVENTS[kind],
      ...repeated(SUBJECTS[kind], () => nextEventId("evt")),
      subject: SUBJECTS[kind],
      payload: body,
    }),
    edge: (kind, body) => ({ ...base, ...CLOUD_EVENTS[kind], msgId: nextEventId("evt"), subject: SUBJECTS[kind], payload: body }),
    mode(mode) {
      const msgId = `mode-${hex(wireId(runId, "mode", tick, counters.modes))}`;
      counters.modes += 1;
      const payload = {
        event_schema_version: 1,
        source: "q_sim_service",
        subject: "system_mode",
        timestamp: formatUtcMs(timeMs),
        ts_epoch: timeMs / 1000,
        mode,
      };
      return { ...base, ...CLOUD_EVENTS.systemMode, msgId, subject: SUBJECTS.systemMode, payload };
    },
    frames({ scan, ...parts }) {
      const scanMs = eventTimeMs(epochMs, asTick(scan.tick), tickMs);
      return frameMessages(scan, runId, scanMs, parts).map(({ kind, msgId, bandLabel, payload }) => ({
        runId,
        tick: asTick(scan.tick),
        timeMs: scanMs,
        ...CLOUD_EVENTS[kind],
        msgId,
        subject: SUBJECTS[kind],
        payload,
        headers: {
          [BAND_HEADER]: bandLabel,
          ...(kind === "radarFrames" ? { [SCAN_HEADER]: scanLabel(scan), [OWN_VELOCITY_HEADER]: JSON.stringify(scan.ownVelocityMps) } : {}),
        },
      }));
    },
    audit: (body) => ({
      ...base,
      ...CLOUD_EVENTS.simAudit,
      msgId: nextEventId("audit"),
      subject: SUBJECTS.audit,
      payload: {
        schema_version: 1,
        category: "audit",
        source: "q_sim_service",
        subject: "command",
        ts_epoch: timeMs / 1000,
        timestamp: formatUtcMs(timeMs),
        tick,
        run_id: runId,
        ...body,
      },
    }),
    hashes: (rows) => ({ ...base, source: CLOUD_EVENTS.telemetry.source, subject: SUBJECTS.recordHashes, payload: { ...rows } }),
  };
}

function hex(uuid: string): string {
  return uuid.replaceAll("-", "");
}
