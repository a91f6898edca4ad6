import { QikiError } from "#base/error.ts";
import { parseUtcMs } from "#base/rfc3339.ts";
import { SUBJECTS } from "#contracts/subjects.ts";
import type { RecordingMeta } from "#contracts/recording.ts";
import { firstRowOf, readRecordingSync } from "#recording/reader.ts";

/**
 * The tick of a moment of a recording: `tick:N`, an RFC 3339 time, or seconds after the recording's first telemetry
 * (operations §8).
 * @throws QikiError usage; not_verifiable for a recording that says neither epoch nor tick length
 */
export function tickOfMoment(file: string, text: string): number {
  const named = /^tick:(\d{1,15})$/.exec(text)?.[1];
  if (named !== undefined) return Number(named);
  const timeMs = parseUtcMs(text);
  const seconds = text.trim() === "" ? Number.NaN : Number(text);
  if (timeMs === undefined && !(Number.isFinite(seconds) && seconds >= 0)) throw noMoment(text);
  const { epochMs, tickMs, firstTick } = clockOf(file);
  return timeMs === undefined ? firstTick + Math.round((seconds * 1000) / tickMs) : Math.max(0, Math.round((timeMs - epochMs) / tickMs));
}

/**
 * Event time of a moment, s since 1970; seconds count from the recording's first row.
 * @throws QikiError as tickOfMoment
 */
export function timeOfMoment(file: string, text: string): number {
  const tick = /^tick:(\d{1,15})$/.exec(text)?.[1];
  const timeMs = parseUtcMs(text);
  if (timeMs !== undefined) return timeMs / 1000;
  if (tick !== undefined) {
    const { epochMs, tickMs } = clockOf(file);
    return (epochMs + Number(tick) * tickMs) / 1000;
  }
  const seconds = text.trim() === "" ? Number.NaN : Number(text);
  if (!Number.isFinite(seconds)) throw noMoment(text);
  return firstRowOf(file).head.ts_epoch + seconds;
}

/** Whether a text can be a moment of any recording, before one is read. @throws QikiError usage */
export function demandMoment(text: string): void {
  const isNumber = text.trim() !== "" && Number.isFinite(Number(text));
  if (!isNumber && parseUtcMs(text) === undefined && !/^tick:\d{1,15}$/.test(text)) throw noMoment(text);
}

function noMoment(text: string): QikiError {
  return new QikiError(
    "usage",
    `${text} is no moment: give seconds after the start such as 12.5, a time such as 2026-01-01T00:00:12Z, or tick:125`,
  );
}

function clockOf(file: string): { readonly epochMs: number; readonly tickMs: number; readonly firstTick: number } {
  let meta: Partial<RecordingMeta> | undefined;
  for (const row of readRecordingSync(file, { strict: false, data: "on_demand", onProblem: () => {} })) {
    if (row.head.subject === SUBJECTS.recordMeta) meta ??= row.data as Partial<RecordingMeta>;
    if (row.head.subject !== SUBJECTS.telemetry || meta === undefined) continue;
    const epochMs = parseUtcMs(String(meta.epoch));
    const { tick } = row.data as { readonly tick?: number };
    if (epochMs !== undefined && meta.tick_ms !== undefined && tick !== undefined)
      return { epochMs, tickMs: meta.tick_ms, firstTick: tick };
  }
  throw new QikiError("not_verifiable", `not verifiable: ${file} says neither epoch nor tick length: name moments as tick:N`);
}
