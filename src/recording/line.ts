import { isUtf8 } from "node:buffer";
import { parseUtcMs } from "#base/rfc3339.ts";
import { utf8Encode } from "#base/utf8.ts";
import { TICK_HEADER } from "#contracts/message.ts";
import { LINE_MAX_BYTES, LINE_TYPES, type LineType, lineTypeOf } from "#contracts/recording.ts";
import { eventTimeS } from "./event-time.ts";

const NEWLINE = 10;

/** A message as the recorder took it in. */
export interface RecordedMessage {
  readonly subject: string;
  readonly payload: Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
  /** Its sequence in the stream it was read from. */
  readonly streamSeq?: number;
  /** Wall time of taking it in, milliseconds since 1970. */
  readonly ingestMs: number;
  /** Given by who serialised the payload itself: it is JSON on one line, and this is its event time. It then need not be parsed. */
  readonly known?: { readonly tsEpoch: number; readonly tick?: number };
}

/** What a line says about its payload, in the names of the wire. */
export interface LineHead {
  readonly schema_version: 1;
  readonly type: LineType;
  readonly ts_epoch: number;
  readonly ts_ingest_epoch: number;
  readonly subject: string;
  readonly seq?: number;
  readonly tick?: number;
  readonly stream_seq?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A line in its three parts, the last with the line end. */
export interface EncodedLine {
  readonly before: string;
  readonly dataJson: Uint8Array;
  readonly after: string;
  readonly type: LineType;
  /** Event time of this row, and of the next one that has none. */
  readonly tsEpoch: number;
}

/**
 * The line of a message. A payload that is JSON is kept as its publisher wrote it, but on one line; other text becomes
 * `{"raw": text}`, other bytes `{"raw_b64": base64}`.
 */
export function encodeLine(message: RecordedMessage, seq: number, previousTsEpoch: number): EncodedLine {
  const { subject, headers, streamSeq, ingestMs, known } = message;
  const type = lineTypeOf(subject);
  const { json, tsEpoch = previousTsEpoch, tick } = known === undefined ? examine(message.payload) : { json: message.payload, ...known };
  const ownTick = tickOfHeaders(headers) ?? tick;
  const before = `{"schema_version":1,"type":"${type}","ts_epoch":${tsEpoch},"ts_ingest_epoch":${ingestMs / 1000},"subject":${JSON.stringify(subject)},"data":`;
  let after = `,"seq":${seq}`;
  if (ownTick !== undefined) after += `,"tick":${ownTick}`;
  if (streamSeq !== undefined) after += `,"stream_seq":${streamSeq}`;
  if (headers !== undefined && hasKeys(headers)) after += `,"headers":${JSON.stringify(headers)}`;
  after += "}\n";
  // Control characters take six times their length as text, in base64 four thirds.
  const dataJson = json.length + (before.length + after.length) * 3 <= LINE_MAX_BYTES ? json : rawBase64(message.payload);
  return { before, dataJson, after, type, tsEpoch };
}

/** The head in a parsed line, or what is wrong with it. Lines of the older system are read by their older keys. */
export function lineHead(line: Readonly<Record<string, unknown>>): LineHead | { readonly reason: string } {
  const { subject, seq, tick, stream_seq, headers } = line;
  if (typeof subject !== "string") return { reason: "no subject" };
  const tsEpoch = secondsOf(line.ts_epoch ?? line.ts_event_epoch);
  if (tsEpoch === undefined) return { reason: "no ts_epoch" };
  return {
    schema_version: 1,
    type: LINE_TYPES.find((type) => type === line.type) ?? lineTypeOf(subject),
    ts_epoch: tsEpoch,
    ts_ingest_epoch: secondsOf(line.ts_ingest_epoch ?? line.ts_ingest) ?? tsEpoch,
    subject,
    ...(isCount(seq) ? { seq } : {}),
    ...(isCount(tick) ? { tick } : {}),
    ...(isCount(stream_seq) ? { stream_seq } : {}),
    ...(isHeaders(headers) ? { headers } : {}),
  };
}

/** The payload that a row was made of: its JSON text, or the bytes that were none. */
export function payloadBytes(dataJson: string): Uint8Array {
  if (!dataJson.startsWith('{"raw')) return utf8Encode(dataJson);
  const { raw, raw_b64 } = JSON.parse(dataJson) as { readonly raw?: unknown; readonly raw_b64?: unknown };
  if (typeof raw === "string") return utf8Encode(raw);
  return typeof raw_b64 === "string" ? Buffer.from(raw_b64, "base64") : utf8Encode(dataJson);
}

/** A payload as JSON on one line, with what it says about time. */
function examine(payload: Uint8Array): { readonly json: Uint8Array; readonly tsEpoch?: number; readonly tick?: number } {
  if (!isUtf8(payload)) return { json: rawBase64(payload) };
  const text = Buffer.from(payload.buffer, payload.byteOffset, payload.length).toString("utf8");
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { json: utf8Encode(JSON.stringify({ raw: text })) };
  }
  const json = payload.includes(NEWLINE) ? utf8Encode(JSON.stringify(value)) : payload;
  const tsEpoch = eventTimeS(value);
  const tick = typeof value === "object" && value !== null ? (value as { readonly tick?: unknown }).tick : undefined;
  return { json, ...(tsEpoch !== undefined && { tsEpoch }), ...(isCount(tick) && { tick }) };
}

function rawBase64(payload: Uint8Array): Uint8Array {
  return utf8Encode(`{"raw_b64":"${Buffer.from(payload).toString("base64")}"}`);
}

function tickOfHeaders(headers: RecordedMessage["headers"]): number | undefined {
  const tick = headers?.[TICK_HEADER];
  return tick !== undefined && /^\d{1,15}$/.test(tick) ? Number(tick) : undefined;
}

function secondsOf(value: unknown): number | undefined {
  if (typeof value === "number") return Number.isFinite(value) ? value : undefined;
  const timeMs = typeof value === "string" ? parseUtcMs(value) : undefined;
  return timeMs === undefined ? undefined : timeMs / 1000;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isHeaders(value: unknown): value is Readonly<Record<string, string>> {
  return typeof value === "object" && value !== null && Object.values(value).every((text) => typeof text === "string");
}

function hasKeys(record: object): boolean {
  for (const _ in record) return true;
  return false;
}
