import { closeSync, ftruncateSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import type { RecordedMessage } from "./line.ts";
import { describeProblem } from "./reader.ts";
import { summaryOf } from "./summary.ts";
import { event, folder, message, newPath, openWriter, read, telemetry } from "./test-rig.ts";
import { FRAME_MAGIC, scanFrame } from "./zstd-frames.ts";

/** Bytes between cuts: a soak cuts at every one. */
const STEP = process.env.QIKI_SOAK === "1" ? 1 : 13;

/** Telemetry with a keyframe and its check every so often, as a recorder hands it on; its numbers do not repeat. */
async function writeBoth(seconds: number, keyframeS: number): Promise<{ plain: string; packed: string; flushedBytes: number[] }> {
  const [plain, packed] = [newPath(), newPath(".jsonl.zst")];
  const writers = [await openWriter(plain), await openWriter(packed)];
  const flushedBytes: number[] = [];
  for (let second = 0; second < seconds; second += 1) {
    const noise = Array.from({ length: 20 }, (_, index) => Math.sin(second * 20 + index));
    const messages: RecordedMessage[] = [telemetry(second), message("qiki.events.v1.power.bus", { ts_epoch: second, noise })];
    if (second % keyframeS === 0) messages.unshift(message("qiki.recording.v1.keyframe", { ts_epoch: second, role: "sim" }));
    for (const writer of writers) {
      writer.write(messages);
      if (second % keyframeS === 0) writer.check();
    }
    if (second % 10 === 9) {
      for (const writer of writers) await writer.flush();
      flushedBytes.push(readFileSync(packed).length);
    }
  }
  for (const writer of writers) await writer.end();
  return { plain, packed, flushedBytes };
}

/** Where each frame of a file begins. */
function framesOf(bytes: Buffer): number[] {
  const starts: number[] = [];
  for (let at = 0; at < bytes.length; ) {
    starts.push(at);
    const scan = scanFrame(bytes, at);
    at = scan.kind === "whole" ? scan.end : Number.NaN;
  }
  return starts;
}

describe("zst", () => {
  test("REC-011 zst - the same lines as the plain file, in whole frames that begin with keyframes, a fraction of the bytes", async () => {
    const { plain, packed } = await writeBoth(300, 50);
    const bytes = readFileSync(packed);
    const starts = framesOf(bytes);
    const texts = starts.map((start, index) => zstdDecompressSync(bytes.subarray(start, starts[index + 1])).toString("utf8"));
    expect(texts.join("")).toBe(readFileSync(plain, "utf8"));
    expect(texts.map((text) => /"subject":"([^"]+)"/.exec(text)![1])).toEqual([
      "qiki.recording.v1.meta",
      ...Array.from({ length: 6 }, () => "qiki.recording.v1.keyframe"),
      "qiki.recording.v1.end",
    ]);
    expect(bytes.length).toBeLessThan(readFileSync(plain).length * 0.6);
    const [one, other] = [await read(plain, { strict: true }), await read(packed, { strict: true })];
    expect(other.problems).toEqual([]);
    expect(other.rows.map(({ text, line, offset }) => [text, line, offset])).toEqual(
      one.rows.map(({ text, line, offset }) => [text, line, offset]),
    );
    const name = packed.slice(folder.length + 1);
    expect(summaryOf(folder, name)).toMatchObject({ file: name, recording_id: "rec-1", bytes: bytes.length, rows: one.rows.length - 1 });
  });

  test("REC-011 torn zst - cut at every byte of the last 4 KiB: complete blocks are kept, and what is read is a beginning of the file", async () => {
    const { plain, packed, flushedBytes } = await writeBoth(120, 50);
    const whole = readFileSync(packed);
    const { rows: all } = await read(plain);
    const file = openSync(packed, "r+");
    for (let length = whole.length - 1; length >= whole.length - 4096; length -= STEP) {
      ftruncateSync(file, length);
      const { rows, problems } = await read(packed, { strict: true, data: "on_demand" });
      expect(rows.map(({ text }) => text)).toEqual(all.slice(0, rows.length).map(({ text }) => text));
      const flushed = flushedBytes.findLastIndex((bytes) => bytes <= length) + 1;
      // Each ten seconds are twenty rows; a keyframe has its check.
      const keyframes = Math.ceil(flushed / 5);
      expect(rows.length, `cut to ${length} bytes`).toBeGreaterThanOrEqual(flushed === 0 ? 0 : 1 + flushed * 20 + keyframes * 2);
      for (const problem of problems) expect(describeProblem(problem)).toMatch(/^torn tail at byte \d+, dropped \d+ bytes/);
      const [torn] = problems;
      if (torn?.kind === "torn_tail") expect(torn.offset + torn.bytes).toBe(length);
    }
    closeSync(file);
  }, 60_000);

  test("REC-011 zst - noise at the end is a torn tail, noise before a frame is damage, another program's frames are read", async () => {
    const { packed } = await writeBoth(60, 20);
    const whole = readFileSync(packed);
    const { rows: all } = await read(packed);
    for (const noise of [Buffer.alloc(5000), Buffer.from("no frame"), FRAME_MAGIC]) {
      writeFileSync(packed, Buffer.concat([whole, noise]));
      const { rows, problems } = await read(packed);
      expect(rows).toHaveLength(all.length);
      expect(problems).toEqual([{ kind: "torn_tail", path: packed, offset: whole.length, bytes: noise.length }]);
    }
    const [, second] = framesOf(whole);
    for (const damaged of [whole.with(second!, 0), whole.with(second! + 40, whole[second! + 40]! ^ 255)]) {
      writeFileSync(packed, damaged);
      await expect(read(packed, { data: "on_demand" })).rejects.toMatchObject({ code: "recording_damaged" });
    }
    writeFileSync(packed, "this is no recording\n");
    await expect(read(packed)).rejects.toMatchObject({ code: "recording_damaged", message: expect.stringContaining("byte 0") as string });

    const text = all.map((row) => `${row.text}\n`).join("");
    const skippable = Buffer.from("502a4d1803000000616263", "hex");
    writeFileSync(packed, Buffer.concat([skippable, zstdCompressSync(text.slice(0, 700)), zstdCompressSync(text.slice(700))]));
    expect((await read(packed, { strict: true })).rows.map((row) => row.text)).toEqual(all.map((row) => row.text));
  });

  test("zst - a line that grows beyond a frame's size, and files with nothing in them", async () => {
    const path = newPath(".jsonl.zst");
    const writer = await openWriter(path);
    for (let second = 0; second < 12; second += 1) writer.write([event(second, `${second}`.repeat(1_000_000))]);
    await writer.end();
    const { rows, problems } = await read(path);
    expect(problems).toEqual([]);
    expect(rows.map(({ head }) => head.seq)).toEqual(Array.from({ length: 14 }, (_, index) => index + 1));
    expect(framesOf(readFileSync(path)).length).toBeGreaterThan(2);
    writeFileSync(path, "");
    expect(await read(path)).toEqual({ rows: [], problems: [] });
  });
});
