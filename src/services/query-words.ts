import { parseUtcMs } from "#base/rfc3339.ts";
import { utf8Decode } from "#base/utf8.ts";
import type { Bus, Msg } from "#bus/port.ts";

/** What the roles that answer queries have in common (operations §2.4). */

/** Bytes of the items of one page at most. */
export const PAGE_BYTES = 700 * 1024;
/** What stands around the items. */
export const ENVELOPE_BYTES = 200;

type Fields = Readonly<Record<string, unknown>>;

export function reply(bus: Bus, msg: Msg, answer: Fields): void {
  if (msg.reply !== undefined) bus.publish(msg.reply, Buffer.from(JSON.stringify(answer)));
}

/** The answer to a question that cannot be answered, and why. */
export function refusal(message: string, code = "invalid_parameter"): Fields {
  return { ok: false, items: [], error_detail: { code, message } };
}

export function parsed(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(utf8Decode(bytes) ?? "");
  } catch {
    return undefined;
  }
}

/** RFC 3339, or milliseconds since 1970 as a number or in digits. */
export function timeOf(value: unknown): number | undefined {
  if (typeof value === "number") return Number.isFinite(value) ? value : undefined;
  if (typeof value !== "string") return undefined;
  return /^\d+$/.test(value) ? Number(value) : parseUtcMs(value);
}

export function sizeOf(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value)) + 1;
}

export function isIntegerIn(value: unknown, low: number, high: number): value is number {
  return Number.isSafeInteger(value) && (value as number) >= low && (value as number) <= high;
}

export function print(value: unknown): string {
  return JSON.stringify(value) ?? typeof value;
}

export function isRecord(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
