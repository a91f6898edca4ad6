import { parseUtcMs } from "#base/rfc3339.ts";

const TIME_TEXT_FIELDS = ["ts_event", "tsEvent", "timestamp"] as const;

/**
 * Event time of a payload, seconds since 1970: `ts_epoch`, else `ts_unix_ms`, else the first of `ts_event`, `tsEvent` and
 * `timestamp` that is RFC 3339 (no zone means UTC). Undefined when it has none: then the previous row's time holds, never wall time.
 */
export function eventTimeS(payload: unknown): number | undefined {
  if (typeof payload !== "object" || payload === null) return undefined;
  const fields = payload as Readonly<Record<string, unknown>>;
  if (isFinite(fields.ts_epoch)) return fields.ts_epoch;
  if (isFinite(fields.ts_unix_ms)) return fields.ts_unix_ms / 1000;
  for (const name of TIME_TEXT_FIELDS) {
    const text = fields[name];
    const timeMs = typeof text === "string" ? parseUtcMs(text) : undefined;
    if (timeMs !== undefined) return timeMs / 1000;
  }
  return undefined;
}

function isFinite(value: unknown): value is number {
  return Number.isFinite(value);
}
