import { statfsSync } from "node:fs";
import { wireId } from "#base/tick-time.ts";
import type { RunId, Tick } from "#base/units.ts";
import type { Bus, Msg, Subscription } from "#bus/port.ts";
import { CLOUD_EVENTS, HEARTBEAT_HEADER, type Message, RUN_HEADER } from "#contracts/message.ts";
import { SUBJECTS } from "#contracts/subjects.ts";
import type { Publisher } from "./publisher.ts";
import { isRecord, parsed } from "./query-words.ts";
import { filesBelow } from "./recording-quota.ts";

/** What recordings may take, and how full the disk under them is; a test hands in its own. */
export interface RecordStorage {
  /** Of everything in the folder: what is over it makes the oldest recordings go. */
  readonly quotaBytes: number;
  /** A recording goes on in a further file from this size on; 512 MiB unless told, and never more than a quarter of the quota. */
  readonly segmentBytes?: number;
  /** Whether recordings that nobody named are compressed. */
  readonly compresses?: boolean;
  /** Share of the disk that is in use, %. */
  readonly diskUsedPct: (folder: string) => number;
}

/** Event time of what the recorder says. */
export type Moment = Pick<Message, "timeMs" | "tick" | "runId">;

const GIB = 1_073_741_824;
const SEGMENT_BYTES = 512 * 1_048_576;
export const RECORD_STORAGE: RecordStorage = { quotaBytes: 2 * GIB, diskUsedPct };
const PERIOD_MS = 10_000;

/** From this size on a recording goes on in a further file: the quota holds at least four, so that something finished can go. */
export function segmentBytesOf({ quotaBytes, segmentBytes = SEGMENT_BYTES }: RecordStorage): number {
  return Math.min(segmentBytes, quotaBytes / 4);
}

/**
 * Tells each 10 s of event time how full the place for recordings is: the larger of quota and disk (operations §5.1, §7.3). Before it is
 * measured, `makeRoom` is called.
 */
export function reportStorage(
  bus: Bus,
  publisher: Publisher,
  folder: string,
  storage: RecordStorage,
  makeRoom: (moment: Moment) => void,
): Subscription {
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
    makeRoom({ timeMs, tick: tick as Tick, runId: run as RunId });
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
  const bytes = filesBelow(folder).reduce((sum, file) => sum + file.bytes, 0);
  return Math.min(100, Math.round(100 * Math.max((100 * bytes) / quotaBytes, disk(folder))) / 100);
}

function diskUsedPct(folder: string): number {
  const { blocks, bavail } = statfsSync(folder);
  return blocks === 0 ? 0 : 100 * (1 - bavail / blocks);
}
