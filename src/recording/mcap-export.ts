import { type FileHandle, open, rm } from "node:fs/promises";
import { basename } from "node:path";
import { zstdCompressSync } from "node:zlib";
import { McapWriter } from "@mcap/core";
import { z } from "zod";
import { QikiError } from "#base/error.ts";
import { utf8Encode } from "#base/utf8.ts";
import { messageSchema } from "#contracts/json-schema.ts";
import { MESSAGES } from "#contracts/messages.ts";
import { recordingLineSchema } from "#contracts/recording.ts";
import { SUBJECTS } from "#contracts/subjects.ts";
import { ENVELOPE_TOPIC, envelopeOf, SEGMENT_METADATA } from "./mcap.ts";
import { type ReadOptions, readRecordingSync } from "./reader.ts";
import type { RecordingRow } from "./row.ts";

export interface McapExport {
  readonly path: string;
  readonly rows: number;
  readonly segments: number;
}

/**
 * Writes a recording, all its segments, as one MCAP file (mcap.dev/spec): a topic per subject with its JSON Schema, in chunks of
 * zstd, and on a topic of its own what makes the lines again.
 * @throws QikiError file_exists, folder_unwritable; file_unreadable, recording_damaged as the reader does
 */
export async function exportMcap(
  recording: string,
  path: string,
  options: { readonly force: boolean; readonly productVersion: string } & Pick<ReadOptions, "strict" | "onProblem">,
): Promise<McapExport> {
  const handle = await openOutput(path, options.force);
  try {
    const mcap = new McapWriter({ writable: outputOf(handle), compressChunk });
    await mcap.start({ profile: "", library: `qiki ${options.productVersion}` });
    const channels = new Channels(mcap);
    let rows = 0;
    let segments = 0;
    let segmentPath: string | undefined;
    for (const row of readRecordingSync(recording, { strict: options.strict, data: "checked", onProblem: options.onProblem })) {
      if (row.path !== segmentPath) {
        segmentPath = row.path;
        segments += 1;
        await mcap.addMetadata({ name: SEGMENT_METADATA, metadata: segmentMetadata(row, rows) });
      }
      rows += 1;
      await addRow(mcap, channels, row);
    }
    await mcap.end();
    await handle.close();
    return { path, rows, segments };
  } catch (error) {
    // Half a file would be taken for a whole one.
    await handle.close().catch(() => {});
    await rm(path, { force: true });
    throw error instanceof QikiError ? error : unwritable(path, error as Error);
  }
}

/** Two messages of one row, its payload first; both with the row's times and sequence. */
async function addRow(mcap: McapWriter, channels: Channels, row: RecordingRow): Promise<void> {
  const { head, dataJson, text } = row;
  const common = {
    sequence: (head.seq ?? 0) % 2 ** 32,
    logTime: nanoseconds(head.ts_ingest_epoch),
    publishTime: nanoseconds(head.ts_epoch),
  };
  await mcap.addMessage({ ...common, channelId: await channels.of(head.subject), data: utf8Encode(dataJson) });
  await mcap.addMessage({ ...common, channelId: await channels.of(ENVELOPE_TOPIC), data: utf8Encode(envelopeOf(text, dataJson)) });
}

/** Channels made when their first message comes; a subject without a contract has no schema, its JSON speaks for itself. */
class Channels {
  readonly #mcap: McapWriter;
  readonly #ids = new Map<string, number>();

  constructor(mcap: McapWriter) {
    this.#mcap = mcap;
  }

  async of(topic: string): Promise<number> {
    const known = this.#ids.get(topic);
    if (known !== undefined) return known;
    const schema = schemaOf(topic);
    const schemaId =
      schema === undefined
        ? 0
        : await this.#mcap.registerSchema({ name: schema.name, encoding: "jsonschema", data: utf8Encode(JSON.stringify(schema.schema)) });
    const id = await this.#mcap.registerChannel({ topic, schemaId, messageEncoding: "json", metadata: new Map() });
    this.#ids.set(topic, id);
    return id;
  }
}

function schemaOf(topic: string): { readonly name: string; readonly schema: unknown } | undefined {
  if (topic === ENVELOPE_TOPIC)
    return { name: "qiki.record_envelope", schema: z.toJSONSchema(recordingLineSchema.partial({ data: true })) };
  const name = MESSAGES.find(({ subject }) => subject === topic)?.name;
  return name === undefined ? undefined : { name: `qiki.${name}`, schema: messageSchema(name) };
}

function segmentMetadata(row: RecordingRow, rowsBefore: number): Map<string, string> {
  const meta = row.head.subject === SUBJECTS.recordMeta ? Object.entries(row.data as Readonly<Record<string, unknown>>) : [];
  const members = meta.map(([key, value]) => [key, typeof value === "string" ? value : JSON.stringify(value)] as const);
  return new Map([...members, ["file", basename(row.path)], ["rows_before", String(rowsBefore)]]);
}

/** A time as MCAP has it, from 1970 on; a double carries microseconds of today, not more. */
function nanoseconds(timeS: number): bigint {
  return BigInt(Math.max(0, Math.round(timeS * 1e6))) * 1000n;
}

function compressChunk(chunk: Uint8Array): { compression: string; compressedData: Uint8Array } {
  return { compression: "zstd", compressedData: zstdCompressSync(chunk) };
}

function outputOf(handle: FileHandle): { position(): bigint; write(bytes: Uint8Array): Promise<void> } {
  let position = 0n;
  return {
    position: () => position,
    async write(bytes) {
      for (let at = 0; at < bytes.length; ) at += (await handle.write(bytes, at, bytes.length - at)).bytesWritten;
      position += BigInt(bytes.length);
    },
  };
}

async function openOutput(path: string, force: boolean): Promise<FileHandle> {
  try {
    return await open(path, force ? "w" : "wx");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw unwritable(path, error as Error);
    throw new QikiError("file_exists", `${path} exists; choose another name with --out, or --force overwrites it`, error);
  }
}

function unwritable(path: string, error: Error): QikiError {
  return new QikiError(
    "folder_unwritable",
    `${path} cannot be written: ${error.message}; check the folder, its rights and the disk`,
    error,
  );
}
