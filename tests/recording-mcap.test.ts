import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { zstdDecompressSync } from "node:zlib";
import { McapIndexedReader, McapWriter } from "@mcap/core";
import { Ajv2020 } from "ajv/dist/2020.js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { drivenRows } from "#recording/driven-rows.ts";
import { exportMcap } from "#recording/mcap-export.ts";
import { importMcap } from "#recording/mcap-import.ts";
import { verifyRecording } from "#recording/verify.ts";
import { recordRun, splitAtKeyframe } from "./recording-rig.ts";
import { qiki } from "./running-twin.ts";

const folder = mkdtempSync(join(tmpdir(), "qiki-mcap-"));
const file = join(folder, "run.jsonl");
const mcapFile = join(folder, "run.mcap");
let lines: string[] = [];

beforeAll(async () => {
  lines = await recordRun("scenarios/radar-foe-approach.yaml", file);
  await exportAs(file, mcapFile);
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true }));

function exportAs(recording: string, path: string, problems: unknown[] = []) {
  return exportMcap(recording, path, {
    strict: false,
    force: false,
    productVersion: "test",
    onProblem: (problem) => void problems.push(problem),
  });
}

interface Line {
  readonly subject: string;
  readonly ts_epoch: number;
  readonly ts_ingest_epoch: number;
  readonly seq: number;
  readonly data: unknown;
}

/** Reads an MCAP file with the reader of the format's own library, in the order of logging. */
async function openMcap(path: string): Promise<{ reader: McapIndexedReader; close: () => Promise<void> }> {
  const handle = await open(path, "r");
  const reader = await McapIndexedReader.Initialize({
    readable: {
      size: async () => BigInt((await handle.stat()).size),
      async read(offset, size) {
        const bytes = new Uint8Array(Number(size));
        await handle.read(bytes, 0, bytes.length, Number(offset));
        return bytes;
      },
    },
    decompressHandlers: { zstd: (bytes) => zstdDecompressSync(bytes) },
  });
  return { reader, close: () => handle.close() };
}

describe("MCAP", () => {
  test("REC-012 mcap - export and import give the file again byte by byte, and it verifies", async () => {
    const again = join(folder, "again.jsonl");
    expect(importMcap(mcapFile, again, false)).toEqual({ paths: [again], rows: lines.length });
    expect(readFileSync(again).equals(readFileSync(file))).toBe(true);
    const verdict = verifyRecording({ rows: () => drivenRows(again, (problem) => expect(problem).toBeUndefined()) });
    expect(verdict.kind).toBe("identical");
  });

  test("REC-012 mcap - all segments of a recording, and a later one alone", async () => {
    const split = splitAtKeyframe(lines, 600, join(folder, "split.jsonl"));
    expect(await exportAs(split[0], join(folder, "split.mcap"))).toMatchObject({ segments: 2, rows: lines.length + 2 });
    const { paths } = importMcap(join(folder, "split.mcap"), join(folder, "whole.jsonl"), false);
    expect(paths).toEqual([join(folder, "whole.jsonl"), join(folder, "whole.2.jsonl")]);
    paths.forEach((path, index) => expect(readFileSync(path).equals(readFileSync(split[index]!))).toBe(true));
    await exportAs(split[1], join(folder, "second.mcap"));
    importMcap(join(folder, "second.mcap"), join(folder, "alone.jsonl"), false);
    expect(readFileSync(join(folder, "alone.jsonl")).equals(readFileSync(split[1]))).toBe(true);
  });

  test("REC-012 mcap - odd lines keep their bytes: old ones, spaces, raw payloads, headers named like members", async () => {
    const odd = [
      '{"ts_event_epoch": 3, "ts_ingest": -1, "subject": "old.line", "data": {"a": [1, 2.50]}}',
      '{"schema_version":1,"type":"unknown","ts_epoch":4,"ts_ingest_epoch":4,"subject":"x","data":{"raw":"{\\"b"},"seq":2}',
      '{"schema_version":1,"type":"unknown","ts_epoch":4,"ts_ingest_epoch":4,"subject":"x","data":{"raw_b64":"//4="},"seq":3,"headers":{"seq":"1"}}',
      '{"schema_version":1,"type":"unknown","ts_epoch":4,"ts_ingest_epoch":4,"subject":"x","data":7,"seq":4,"headers":{"a":",\\"seq\\":","data":"7"}}',
      '{"schema_version":1,"type":"unknown","ts_epoch":1e0,"ts_ingest_epoch":4,"subject":"a\\"b","data":"\\u0041 é","seq":5,"more":true}',
      '{"schema_version":1,"type":"unknown","ts_epoch":4,"ts_ingest_epoch":4,"subject":"x","data":null,"seq":4294967297}',
    ];
    const path = join(folder, "odd.jsonl");
    writeFileSync(path, `${odd.join("\n")}\n`);
    await exportAs(path, join(folder, "odd.mcap"));
    importMcap(join(folder, "odd.mcap"), join(folder, "odd-again.jsonl"), false);
    expect(readFileSync(join(folder, "odd-again.jsonl"), "utf8")).toBe(`${odd.join("\n")}\n`);
    const { reader, close } = await openMcap(join(folder, "odd.mcap"));
    const found = [];
    for await (const { sequence, logTime, channelId, data } of reader.readMessages()) {
      if (reader.channelsById.get(channelId)!.topic.startsWith("qiki.")) continue;
      found.push([sequence, logTime, Buffer.from(data).toString()]);
    }
    expect(found).toHaveLength(odd.length);
    expect(found[0]).toEqual([0, 0n, '{"a":[1,2.5]}']);
    expect(found.at(-1)).toEqual([1, 4_000_000_000n, "null"]);
    await close();
  });

  test("REC-012 mcap - the format's own reader finds each message with topic, times, sequence and a schema that it keeps", async () => {
    const { reader, close } = await openMcap(mcapFile);
    expect(reader.header.library).toBe("qiki test");
    expect(reader.chunkIndexes.length).toBeGreaterThan(0);
    expect(new Set(reader.chunkIndexes.map(({ compression }) => compression))).toEqual(new Set(["zstd"]));
    const ajv = new Ajv2020({ strict: false, validateFormats: false });
    const validators = new Map(
      [...reader.schemasById.values()].map(({ id, encoding, data }) => {
        expect(encoding).toBe("jsonschema");
        return [id, ajv.compile(JSON.parse(Buffer.from(data).toString()) as object)] as const;
      }),
    );
    const payloads: Line[] = [];
    const envelopes: Omit<Line, "data">[] = [];
    const times: (readonly [bigint, bigint, number])[] = [];
    for await (const { channelId, data, logTime, publishTime, sequence } of reader.readMessages({ validateCrcs: true })) {
      const { topic, messageEncoding, schemaId } = reader.channelsById.get(channelId)!;
      expect(messageEncoding).toBe("json");
      const value: unknown = JSON.parse(Buffer.from(data).toString());
      const validate = validators.get(schemaId)!;
      expect(validate(value), `${topic} ${JSON.stringify(validate.errors)}`).toBe(true);
      if (topic === "qiki.recording.v1.envelope") envelopes.push(value as Line);
      else {
        payloads.push({ subject: topic, data: value, seq: sequence } as Line);
        times.push([logTime, publishTime, sequence]);
      }
    }
    const rows = lines.map((line) => JSON.parse(line) as Line);
    const bySeq = <T extends { readonly seq: number }>(list: readonly T[]): T[] => list.toSorted((a, b) => a.seq - b.seq);
    expect(bySeq(payloads)).toEqual(rows.map(({ subject, data, seq }) => ({ subject, data, seq })));
    expect(bySeq(envelopes)).toEqual(rows.map(({ data: _, ...envelope }) => envelope));
    for (const [logTime, publishTime, sequence] of times) {
      const row = rows[sequence - 1]!;
      expect(logTime).toBe(BigInt(Math.round(row.ts_ingest_epoch * 1000)) * 1_000_000n);
      expect(publishTime).toBe(BigInt(Math.round(row.ts_epoch * 1000)) * 1_000_000n);
    }
    const { value: metadata } = await reader.readMetadata().next();
    const { recording_id, scenario } = rows[0]!.data as { recording_id: string; scenario: object };
    expect(metadata!.metadata.get("recording_id")).toBe(recording_id);
    expect(JSON.parse(metadata!.metadata.get("scenario")!)).toEqual(scenario);
    await close();
  });

  test("REC-012 mcap - a torn, an edited and a foreign file are damaged input and leave nothing behind", async () => {
    const bytes = readFileSync(mcapFile);
    const flipped = Buffer.from(bytes);
    flipped[bytes.length >> 1]! ^= 1;
    const foreign: Uint8Array[] = [];
    const writer = new McapWriter({
      writable: {
        position: () => BigInt(foreign.reduce((sum, part) => sum + part.length, 0)),
        write: async (part) => void foreign.push(part.slice()),
      },
    });
    await writer.start({ profile: "", library: "" });
    await writer.end();
    const cases = {
      torn: bytes.subarray(0, bytes.length - 100),
      flipped,
      foreign: Buffer.concat(foreign),
      noise: Buffer.from("no MCAP"),
    };
    for (const [name, content] of Object.entries(cases)) {
      const path = join(folder, `${name}.mcap`);
      writeFileSync(path, content);
      const { code, stderr } = await qiki(["record", "import", path]);
      expect(code, `${name}: ${stderr}`).toBe(4);
      expect(stderr).not.toMatch(/\n\s+at /);
      expect(() => readFileSync(join(folder, `${name}.jsonl`)), name).toThrow("ENOENT");
    }
  }, 120_000);

  test("REC-012 mcap - the command line names the files beside it and overwrites none", async () => {
    const path = join(folder, "cli.jsonl");
    writeFileSync(path, readFileSync(file));
    const exported = await qiki(["record", "export", path]);
    expect(exported.code, exported.stderr).toBe(0);
    expect(JSON.parse(exported.stdout)).toEqual({ path: join(folder, "cli.mcap"), rows: lines.length, segments: 1 });
    for (const verb of ["export", "import"]) {
      const refused = await qiki(["record", verb, verb === "export" ? path : join(folder, "cli.mcap")]);
      expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining("exists") as string });
    }
    expect(readFileSync(path).equals(readFileSync(file))).toBe(true);
  }, 60_000);
});
