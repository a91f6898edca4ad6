import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { QikiError } from "#base/error.ts";
import type { RecordedMessage } from "./line.ts";
import { describeProblem } from "./reader.ts";
import { segmentPath } from "./segments.ts";
import { command, event, fileOf, folder, message, newPath, oldLine, openWriter, read, sha256, telemetry, withoutEnd } from "./test-rig.ts";

describe("writer", () => {
  test("writer - meta first, seq from 1, event time carried on, check and end rows with the digest of all before", async () => {
    const path = newPath();
    const writer = await openWriter(path);
    writer.write([event(10), command()]);
    writer.check();
    writer.write([telemetry(11)]);
    const stats = await writer.end();
    const lines = readFileSync(path, "utf8").split("\n");
    expect(lines.pop()).toBe("");
    const rows = lines.map((line) => JSON.parse(line));
    expect(rows.map(({ type, seq, ts_epoch }) => [type, seq, ts_epoch])).toEqual([
      ["meta", 1, 1_767_225_600],
      ["event", 2, 10],
      ["command", 3, 10],
      ["meta", 4, 10],
      ["telemetry", 5, 11],
      ["meta", 6, 11],
    ]);
    expect(rows[3]).toMatchObject({ subject: "qiki.recording.v1.check", data: { rows: 3, sha256: sha256(lines.slice(0, 3)) } });
    const counts = { meta: 2, event: 1, command: 1, telemetry: 1 };
    expect(rows[5].data).toEqual({ rows: 5, sha256: sha256(lines.slice(0, 5)), counts, dropped: 0 });
    expect(stats).toMatchObject({ rows: 6, bytes: readFileSync(path).length, lastSeq: 6, dropped: 0, queuedBytes: 0 });
  });

  test("writer - flush resolves when the rows are in the file; so they are without it, within a batch", async () => {
    const path = newPath();
    const writer = await openWriter(path);
    writer.write([event(1)]);
    await writer.flush();
    expect(readFileSync(path, "utf8").split("\n")).toHaveLength(3);
    writer.write([event(2)]);
    await expect.poll(() => writer.stats()).toMatchObject({ rows: 3, queuedBytes: 0 });
    expect(readFileSync(path, "utf8").split("\n")).toHaveLength(4);
    await writer.end();
  });

  test("writer - 20,000 rows with a check after each 1,000 keep their order and their digests", async () => {
    const path = newPath();
    const writer = await openWriter(path);
    for (let from = 0; from < 20_000; from += 1_000) {
      writer.write(Array.from({ length: 1_000 }, (_, index) => event(from + index, "é".repeat(50))));
      writer.check();
    }
    await writer.end();
    const { rows, problems } = await read(path);
    expect(problems).toEqual([]);
    expect(rows.filter(({ head }) => head.type === "event").map(({ head }) => head.ts_epoch)).toEqual(
      Array.from({ length: 20_000 }, (_, index) => index),
    );
    expect(rows.filter(({ head }) => head.subject === "qiki.recording.v1.check")).toHaveLength(20);
  });

  test("writer - an existing file needs force; a folder that is none and one that is missing are refused", async () => {
    const path = newPath();
    await (await openWriter(path)).end();
    await expect(openWriter(path)).rejects.toMatchObject({ code: "file_exists" });
    await (await openWriter(path, { force: true })).end();
    await expect(openWriter(join(path, "below.jsonl"))).rejects.toMatchObject({ code: "folder_unwritable" });
    await expect(openWriter(join(folder, "missing", "a.jsonl"))).rejects.toMatchObject({ code: "folder_unwritable" });
  });

  test("writer - over 64 MiB telemetry goes first, then events and tracks, commands and ACKs never; all counted in end", async () => {
    const path = newPath();
    const writer = await openWriter(path);
    const mib = "x".repeat(1_048_576 - 1_024);
    const at = (subject: string, number: number): RecordedMessage => message(subject, { ts_epoch: number, mib });
    // One turn of the loop: the disk takes nothing meanwhile.
    for (let number = 1; number <= 20; number += 1) writer.write([at("qiki.telemetry", number), at("qiki.commands.control", number)]);
    for (let number = 1; number <= 40; number += 1) writer.write([at("qiki.responses.control", number)]);
    for (let number = 1; number <= 10; number += 1) writer.write([at("qiki.events.v1.power.bus", number)]);
    const { dropped } = await writer.end();
    const { rows, problems } = await read(path);
    expect(problems).toEqual([]);
    const times = (type: string) => rows.filter(({ head }) => head.type === type).map(({ head }) => head.ts_epoch);
    expect(times("command")).toHaveLength(20);
    expect(times("control_ack")).toHaveLength(40);
    // The first one was on its way to the disk already.
    expect(times("telemetry")).toEqual([1]);
    expect(times("event")).toEqual([7, 8, 9, 10]);
    expect(dropped).toBe(25);
    expect((rows.at(-1)!.data as { dropped: number }).dropped).toBe(25);
    expect(rows.map(({ head }) => head.seq)).toEqual(rows.map((_, index) => index + 1));
  });

  test.skipIf(!existsSync("/dev/full"))("writer - a full disk is told once, then everything is dropped and counted", async () => {
    const failures: QikiError[] = [];
    const writer = await openWriter("/dev/full", { force: true, onFailure: (error) => void failures.push(error) });
    writer.write([event(1)]);
    await expect(writer.flush()).rejects.toMatchObject({ code: "disk" });
    writer.write([event(2), event(3)]);
    await expect(writer.end()).rejects.toMatchObject({ code: "disk", message: expect.stringContaining("ENOSPC") });
    expect(failures).toHaveLength(1);
    expect(writer.stats()).toMatchObject({ rows: 0, dropped: 2 });
  });
});

describe("reader", () => {
  test("REC-003 headers - they round trip through a file, with stream sequence and payload", async () => {
    const path = newPath();
    const writer = await openWriter(path);
    const headers = { "Nats-Msg-Id": "evt-1", "x-qiki-tick": "7", ce_source: "ü" };
    writer.write([{ ...event(1), headers, streamSeq: 9 }]);
    await writer.end();
    const { rows } = await read(path);
    expect(rows[1]!.head).toMatchObject({ headers, stream_seq: 9, tick: 7, subject: "qiki.events.v1.power.bus" });
    expect(rows[1]!.data).toEqual({ ts_epoch: 1, text: "" });
    expect(
      rows.map(
        ({ line, offset, byteLength }) =>
          readFileSync(path)
            .subarray(offset, offset + byteLength)
            .toString()
            .endsWith("\n") && line,
      ),
    ).toEqual([1, 2, 3]);
  });

  test("REC-005 torn tail - cut at every byte of the last row: the rest is intact", async () => {
    const path = await fileOf([event(1), event(2, "é🛰")]);
    const bytes = withoutEnd(readFileSync(path));
    const last = bytes.lastIndexOf(10, bytes.length - 2) + 1;
    for (let length = last + 1; length < bytes.length; length += 1) {
      writeFileSync(path, bytes.subarray(0, length));
      for (const data of ["checked", "on_demand"] as const) {
        const { rows, problems } = await read(path, { strict: true, data });
        expect(rows.map(({ head }) => head.seq)).toEqual([1, 2]);
        expect(problems).toEqual([{ kind: "torn_tail", path, offset: last, bytes: length - last }]);
        expect(describeProblem(problems[0]!)).toContain(`torn tail at byte ${last}, dropped ${length - last} bytes`);
      }
    }
    writeFileSync(path, bytes.subarray(0, last));
    expect((await read(path)).problems).toEqual([]);
  });

  test("REC-006 bad line - line 5 of 10: 9 rows and a report; strict refuses", async () => {
    const path = newPath();
    const lines = Array.from({ length: 10 }, (_, index) => oldLine(index));
    for (const bad of [
      "garbage",
      lines[4]!.slice(0, 30),
      '{"schema_version":1,"subject":"s","data":{}}',
      '["row"]',
      "",
      "\u0000\u0000",
      lines[4]!.replace('"n"', "n"),
    ]) {
      writeFileSync(path, `${lines.with(4, bad).join("\n")}\n`);
      const { rows, problems } = await read(path);
      expect(rows.map(({ line }) => line)).toEqual([1, 2, 3, 4, 6, 7, 8, 9, 10]);
      expect(problems).toEqual([{ kind: "bad_line", path, line: 5, reason: expect.any(String) }]);
      await expect(read(path, { strict: true })).rejects.toMatchObject({
        code: "recording_damaged",
        message: expect.stringContaining("line 5"),
      });
    }
    writeFileSync(path, Buffer.concat([Buffer.from(`${lines[0]}\n`), Buffer.of(0xff, 0x0a), Buffer.from(`${lines[1]}\n`)]));
    expect((await read(path)).problems).toEqual([{ kind: "bad_line", path, line: 2, reason: "not UTF-8" }]);
  });

  test("REC-006 bad line - a broken payload in our own form is found when checked, and on demand when looked at", async () => {
    const path = await fileOf([event(1, "first"), event(2), event(3)]);
    const text = withoutEnd(readFileSync(path)).toString().replace('"text":"first"', '"text":"fi"st"');
    writeFileSync(path, text);
    const { rows, problems } = await read(path);
    expect(rows.map(({ line }) => line)).toEqual([1, 3, 4]);
    expect(problems).toMatchObject([
      { kind: "bad_line", line: 2 },
      { kind: "seq_gap", line: 3 },
    ]);
    const lazy = await read(path, { data: "on_demand" });
    expect(() => lazy.rows[1]!.data).toThrow(expect.objectContaining({ code: "recording_damaged" }));
  });

  test("bad line - more than 4 MiB is passed over without being kept", async () => {
    const path = newPath();
    const long = oldLine(2).replace('"n"', `"${"x".repeat(9_000_000)}"`);
    writeFileSync(path, `${[oldLine(1), long, oldLine(3)].join("\n")}\n`);
    const { rows, problems } = await read(path);
    expect(rows.map(({ line }) => line)).toEqual([1, 3]);
    expect(problems).toEqual([{ kind: "bad_line", path, line: 2, reason: "longer than 4194304 bytes" }]);
    writeFileSync(path, `${oldLine(1)}\n${long}`);
    const offset = oldLine(1).length + 1;
    expect((await read(path)).problems).toEqual([{ kind: "torn_tail", path, offset, bytes: long.length }]);
  });

  test("REC-007 tampered - a value edited, a row removed or moved: TAMPERED before the row that vouched for it", async () => {
    const path = newPath();
    const writer = await openWriter(path);
    writer.write([event(1), event(2)]);
    writer.check();
    writer.write([event(3), event(4)]);
    await writer.end();
    const whole = readFileSync(path, "utf8");
    const lines = whole.split("\n");
    const damaged = (text: string, row: number) => {
      writeFileSync(path, text);
      return expect(read(path, { data: "on_demand" })).rejects.toMatchObject({
        code: "recording_damaged",
        message: expect.stringContaining(`TAMPERED before row ${row}`),
      });
    };
    await damaged(whole.replace('"ts_epoch":1,"text"', '"ts_epoch":7,"text"'), 4);
    await damaged(whole.replace('"ts_epoch":4,"text"', '"ts_epoch":5,"text"'), 7);
    await damaged(lines.toSpliced(1, 1).join("\n"), 3);
    await damaged(lines.toSpliced(1, 2, lines[2]!, lines[1]!).join("\n"), 4);
    await damaged(whole.replace('"rows":3', '"rows":4'), 4);
    writeFileSync(path, whole);
    expect((await read(path)).rows).toHaveLength(7);
  });

  test("REC-010 old file - without seq and meta, with the older keys and no schema_version", async () => {
    const path = newPath();
    const old = { type: "event", ts_event_epoch: 5.5, ts_ingest: 6.5, subject: "qiki.events.v1.power.bus", data: { a: 1 } };
    writeFileSync(path, `${JSON.stringify(old)}\n${JSON.stringify({ ...old, type: "other", ts_ingest: undefined })}\n`);
    const { rows, problems } = await read(path, { strict: true });
    expect(problems).toEqual([]);
    expect(rows.map(({ head }) => head)).toEqual([
      { schema_version: 1, type: "event", ts_epoch: 5.5, ts_ingest_epoch: 6.5, subject: "qiki.events.v1.power.bus" },
      { schema_version: 1, type: "event", ts_epoch: 5.5, ts_ingest_epoch: 5.5, subject: "qiki.events.v1.power.bus" },
    ]);
    expect(rows[0]!.data).toEqual({ a: 1 });
  });

  test("schema version - another one is refused", async () => {
    const path = newPath();
    for (const version of [2, 0, "1", null]) {
      writeFileSync(path, `${oldLine(1)}\n${oldLine(2).replace('"schema_version":1', `"schema_version":${JSON.stringify(version)}`)}\n`);
      await expect(read(path)).rejects.toMatchObject({ code: "recording_damaged", message: expect.stringContaining("line 2") });
    }
  });

  test("seq - gaps and repeats are told with what was due", async () => {
    const path = newPath();
    const line = (seq: number) => `${oldLine(seq).slice(0, -1)},"seq":${seq}}\n`;
    writeFileSync(path, [1, 2, 5, 5, 4, 6].map(line).join(""));
    const { rows, problems } = await read(path);
    expect(rows).toHaveLength(6);
    expect(problems).toEqual([
      { kind: "seq_gap", path, line: 3, expected: 3, found: 5 },
      { kind: "seq_repeat", path, line: 4, expected: 6, found: 5 },
      { kind: "seq_repeat", path, line: 5, expected: 6, found: 4 },
    ]);
  });

  test("segments - the first reads all with seq unbroken, a later one reads alone, another recording's is left out", async () => {
    const path = newPath();
    let lastSeq = 0;
    for (const segment of [1, 2, 3]) {
      const writer = await openWriter(segmentPath(path, segment), { segment, firstSeq: lastSeq + 1 });
      writer.write([event(segment)]);
      writer.check();
      lastSeq = (await writer.end()).lastSeq;
    }
    const { rows, problems } = await read(path, { strict: true });
    expect(problems).toEqual([]);
    expect(rows.map(({ head }) => head.seq)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    expect(new Set(rows.map((row) => row.path))).toEqual(new Set([path, segmentPath(path, 2), segmentPath(path, 3)]));
    expect((await read(segmentPath(path, 2))).rows).toHaveLength(4);
    const stranger = await openWriter(segmentPath(path, 2), { segment: 2, force: true, recordingId: "other" });
    await stranger.end();
    expect((await read(path)).rows).toHaveLength(4);
  });

  test("reader - a file that is not there is file_unreadable, an empty one has no rows", async () => {
    await expect(read(join(folder, "missing.jsonl"))).rejects.toMatchObject({ code: "file_unreadable" });
    const path = newPath();
    writeFileSync(path, "");
    expect(await read(path)).toEqual({ rows: [], problems: [] });
  });
});
