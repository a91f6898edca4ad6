import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { utf8Decode, utf8Encode } from "#base/utf8.ts";
import { LINE_MAX_BYTES, lineTypeOf, recordingLineSchema } from "#contracts/recording.ts";
import { eventTimeS } from "./event-time.ts";
import { encodeLine, payloadBytes, type RecordedMessage } from "./line.ts";
import { parseLine } from "./parse-line.ts";

const INGEST_MS = 1_800_000_000_123;

describe("line types", () => {
  test("line types - three frame subjects are radar_frame, tracks.sr among them; the rest by the table", () => {
    const types = {
      "qiki.telemetry": "telemetry",
      "qiki.telemetry.x": "unknown",
      "qiki.radar.v1.frames": "radar_frame",
      "qiki.radar.v1.frames.lr": "radar_frame",
      "qiki.radar.v1.tracks.sr": "radar_frame",
      "qiki.radar.v1.tracks": "radar_track",
      "qiki.radar.v1.other": "unknown",
      "qiki.events.v1.power.bus": "event",
      "qiki.events.v1x": "unknown",
      "qiki.responses.control": "control_ack",
      "qiki.commands.control": "command",
      "qiki.recording.v1.hashes": "meta",
      constructor: "unknown",
    };
    for (const [subject, type] of Object.entries(types)) expect(lineTypeOf(subject), subject).toBe(type);
  });
});

describe("event time", () => {
  test("REC-008 ts_epoch - abc is passed over, the timestamp used; candidates in order, no zone is UTC", () => {
    const timestamp = "2026-01-01T00:00:31.500Z";
    const cases: readonly (readonly [object, number | undefined])[] = [
      [{ ts_epoch: "abc", timestamp }, 1_767_225_631.5],
      [{ ts_epoch: 5.25, ts_unix_ms: 9_000, timestamp }, 5.25],
      [{ ts_epoch: null, ts_unix_ms: 1_500, timestamp }, 1.5],
      [{ ts_unix_ms: "1500", ts_event: "yesterday", tsEvent: "1970-01-01T00:00:02", timestamp }, 2],
      [{ ts_event: "1970-01-01T00:00:01+00:00", tsEvent: "1970-01-01T00:00:02Z" }, 1],
      [{ ts_event: 7, timestamp: "1970-01-01T01:00:03+01:00" }, 3],
      [{ ts_ingest: timestamp, wall: timestamp }, undefined],
      [[1], undefined],
    ];
    for (const [payload, time] of cases) expect(eventTimeS(payload), JSON.stringify(payload)).toBe(time);
    expect(eventTimeS(null)).toBeUndefined();
    expect(eventTimeS("x")).toBeUndefined();
  });

  test("REC-009 command row - it has the previous row's event time, whatever its metadata says", () => {
    const command = { command_name: "sim.pause", parameters: {}, metadata: { timestamp: "2030-01-01T00:00:00Z" } };
    const { tsEpoch, text } = encode({ subject: "qiki.commands.control", payload: json(command) });
    expect(tsEpoch).toBe(100);
    expect(JSON.parse(text)).toMatchObject({ type: "command", ts_epoch: 100, data: command });
  });
});

describe("line", () => {
  test("line - the keys of the envelope in their order, one line end, valid by the schema", () => {
    const { text } = encode({ payload: utf8Encode('{"a":1.0}'), headers: { "x-qiki-tick": "7", ce_id: "e" }, streamSeq: 3 });
    expect(text).toBe(
      '{"schema_version":1,"type":"unknown","ts_epoch":100,"ts_ingest_epoch":1800000000.123,"subject":"s","data":{"a":1.0},"seq":4,"tick":7,"stream_seq":3,"headers":{"x-qiki-tick":"7","ce_id":"e"}}\n',
    );
    expect(recordingLineSchema.safeParse(JSON.parse(text)).success).toBe(true);
  });

  test("line - tick comes from the header, else from the payload", () => {
    expect(head({ payload: json({ tick: 5 }) }).tick).toBe(5);
    expect(head({ payload: json({ tick: 5 }), headers: { "x-qiki-tick": "6" } }).tick).toBe(6);
    expect(head({ payload: json({ tick: -1 }), headers: { "x-qiki-tick": "six" } }).tick).toBeUndefined();
  });

  test("line - what its maker knows of a payload is taken without a look at it", () => {
    const known = encode({ payload: json({ ts_epoch: 1, tick: 2 }), known: { tsEpoch: 7, tick: 70 } });
    expect(JSON.parse(known.text)).toMatchObject({ ts_epoch: 7, tick: 70, data: { ts_epoch: 1, tick: 2 } });
  });

  test("line - a payload over several lines becomes one, text and bytes that are no JSON are wrapped", () => {
    expect(data(utf8Encode('{\n  "a": "x"\r\n}'))).toBe('{"a":"x"}');
    expect(data(utf8Encode("NaN"))).toBe('{"raw":"NaN"}');
    expect(data(Uint8Array.of(0xff, 0x0a))).toBe('{"raw_b64":"/wo="}');
    expect(data(new Uint8Array(0))).toBe('{"raw":""}');
  });

  test("line - 1 MiB of control characters still fits into 4 MiB, as base64", () => {
    const payload = new Uint8Array(1_048_576).fill(1);
    const { text } = encode({ payload });
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(LINE_MAX_BYTES);
    expect(payloadBytes(rowOf(text).dataJson)).toEqual(Buffer.from(payload));
  });

  test("REC-003 headers - they and the payload come back as they were", () => {
    const payload = fc.oneof(fc.json().map(utf8Encode), fc.string({ unit: "binary" }).map(utf8Encode), fc.uint8Array());
    const headers = fc.dictionary(fc.string({ minLength: 1 }), fc.string({ unit: "binary" }));
    fc.assert(
      fc.property(payload, headers, fc.option(fc.integer({ min: 1 })), (bytes, own, streamSeq) => {
        const { text } = encode({ payload: bytes, headers: own, ...(streamSeq !== null && { streamSeq }) });
        expect(text.indexOf("\n")).toBe(text.length - 1);
        const row = rowOf(text);
        expect(row.head.headers ?? {}).toEqual(JSON.parse(JSON.stringify(own)));
        expect(row.head.stream_seq ?? null).toBe(streamSeq);
        expect(row.head.seq).toBe(4);
        if (!bytes.includes(10)) expect(Buffer.from(payloadBytes(row.dataJson))).toEqual(Buffer.from(bytes));
      }),
      { seed: 6, numRuns: 1_000 },
    );
  });

  test("line - a payload that looks like the envelope is not mistaken for it", () => {
    const nasty = [
      { data: 1, seq: 2 },
      { a: ',"seq":9', b: [{ seq: 1 }] },
      { subject: ',"data":', seq: { seq: 3 } },
    ];
    for (const value of nasty) {
      expect(JSON.parse(data(json(value)))).toEqual(value);
      const old = `{"schema_version":1,"type":"event","ts_epoch":1,"ts_ingest_epoch":1,"subject":"s","data":${JSON.stringify(value)}}`;
      expect(JSON.parse(rowOf(`${old}\n`).dataJson)).toEqual(value);
    }
    const headed = encode({ payload: json({ seq: 1 }), headers: { seq: "5", x: ',"seq":7' } });
    expect(rowOf(headed.text)).toMatchObject({ dataJson: '{"seq":1}', head: { seq: 4, headers: { seq: "5", x: ',"seq":7' } } });
  });
});

function encode(message: Partial<RecordedMessage> & { readonly payload: Uint8Array }): { text: string; tsEpoch: number } {
  const { before, dataJson, after, tsEpoch } = encodeLine({ subject: "s", ingestMs: INGEST_MS, ...message }, 4, 100);
  return { text: before + utf8Decode(dataJson)! + after, tsEpoch };
}

function rowOf(text: string) {
  const parsed = parseLine(text.slice(0, -1));
  if (parsed.kind !== "row") throw new Error(`no row: ${JSON.stringify(parsed)}`);
  return parsed;
}

function head(message: Partial<RecordedMessage> & { readonly payload: Uint8Array }) {
  return rowOf(encode(message).text).head;
}

function data(payload: Uint8Array): string {
  return rowOf(encode({ payload }).text).dataJson;
}

function json(value: unknown): Uint8Array {
  return utf8Encode(JSON.stringify(value));
}
