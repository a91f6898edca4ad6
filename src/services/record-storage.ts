import { readdirSync, statfsSync, statSync } from "node:fs";
import { join } from "node:path";
import { wireId } from "#base/tick-time.ts";
import type { RunId, Tick } from "#base/units.ts";
import type { Bus, Msg, Subscription } from "#bus/port.ts";
import { CLOUD_EVENTS, HEARTBEAT_HEADER, RUN_HEADER } from "#contracts/message.ts";
import { SUBJECTS } from "#contracts/subjects.ts";
import type { Publisher } from "./publisher.ts";
import { isRecord, parsed } from "./query-words.ts";

/** What recordings may take, and how full the disk under them is; a test hands in its own. */
export interface RecordStorage {
  readonly quotaBytes: number;
  /** Share of the disk that is in use, %. */
  readonly diskUsedPct: (folder: string) => number;
}

const GIB = 1_073_741_824;
export const RECORD_STORAGE: RecordStorage = { quotaBytes: 2 * GIB, diskUsedPct };
const PERIOD_MS = 10_000;

/** Tells each 10 s of event time how full the place for recordings is: the larger of quota and disk (operations §5.1, §7.3). */
export function reportStorage(bus: Bus, publisher: Publisher, folder: string, storage: RecordStorage): Subscription {
  let last: { readonly run: string; readonly period: number } | undefined;
  return bus.subscribe(SUBJECTS.telemetry, onTelemetry, { name: "recorder.storage", overflow: "drop_oldest" });

  function onTelemetry(msg: Msg): void {
    const run = msg.headers[RUN_HEADER];
    const payload = parsed(msg.bytes);
    if (!run || msg.headers[HEARTBEAT_HEADER] !== undefined || !isRecord(payload)) return;
    const { ts_unix_ms: timeMs, tick, sim_time_s } = payload;
    if (typeof timeMs !== "number" || typeof tick !== "number") return;
    const period = Math.floor(timeMs / PERIOD_MS);
    if (last?.run === run && last.period === period) return;
    last = { run, period };
    publisher.publish({
      subject: SUBJECTS.recordStorage,
      ...CLOUD_EVENTS.recordStorage,
      msgId: `evt-${timeMs}-${wireId(run as RunId, "store", tick as Tick, 0).replaceAll("-", "")}`,
      timeMs,
      tick: tick as Tick,
      runId: run as RunId,
      payload: {
        schema_version: 1,
        category: "record",
        source: "recorder",
        subject: "storage",
        ts_epoch: timeMs / 1000,
        unit: "%",
        used_pct: usedPct(folder, storage),
        tick,
        ...(typeof sim_time_s === "number" ? { sim_time_s } : {}),
      },
    });
  }
}

/** 0..100 %, to a hundredth. */
function usedPct(folder: string, { quotaBytes, diskUsedPct: disk }: RecordStorage): number {
  const bytes = readdirSync(folder).reduce((sum, name) => sum + (statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0), 0);
  return Math.min(100, Math.round(100 * Math.max((100 * bytes) / quotaBytes, disk(folder))) / 100);
}

function diskUsedPct(folder: string): number {
  const { blocks, bavail } = statfsSync(folder);
  return blocks === 0 ? 0 : 100 * (1 - bavail / blocks);
}
