import { closeSync, openSync, readSync, rmSync, writeSync } from "node:fs";
import { zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { McapStreamReader, type McapTypes } from "@mcap/core";
import { QikiError } from "#base/error.ts";
import { ENVELOPE_TOPIC, lineOf, SEGMENT_METADATA } from "./mcap.ts";
import { segmentPath } from "./segments.ts";
import { isCompressed } from "./text-source.ts";

export interface McapImport {
  /** Files written, the first segment first. */
  readonly paths: readonly string[];
  readonly rows: number;
}

const CHUNK_BYTES = 1_048_576;
const WRITE_BYTES = 1_048_576;

/**
 * Writes the recording that an MCAP file was exported from, each segment to a file of its own, byte by byte as it was.
 * @throws QikiError file_unreadable, file_exists, folder_unwritable; recording_damaged for a file that is torn, edited or no
 * exported recording
 */
export function importMcap(mcap: string, path: string, force: boolean): McapImport {
  const writer = new SegmentsWriter(path, force);
  try {
    const channels = new Map<number, string>();
    let payload: string | undefined;
    for (const record of mcapRecords(mcap)) {
      if (record.type === "Channel") channels.set(record.id, record.topic);
      else if (record.type === "Metadata" && record.name === SEGMENT_METADATA) writer.noteSegment(record.metadata);
      else if (record.type === "Message") {
        const text = Buffer.from(record.data).toString("utf8");
        if (channels.get(record.channelId) !== ENVELOPE_TOPIC) payload = text;
        else if (payload === undefined) throw damaged(mcap, `an envelope without its message after row ${writer.rows}`);
        else {
          writer.write(lineOf(text, payload));
          payload = undefined;
        }
      }
    }
    if (writer.rows === 0)
      throw damaged(mcap, `it has no messages on ${ENVELOPE_TOPIC}: only what 'qiki record export' wrote becomes a recording again`);
    writer.close();
    return { paths: writer.paths, rows: writer.rows };
  } catch (error) {
    writer.discard();
    if (error instanceof SyntaxError) throw damaged(mcap, `an envelope is broken: ${error.message}`);
    throw error;
  }
}

/** The records of an MCAP file in the order in which they stand, chunks opened and their digests checked. */
function* mcapRecords(path: string): Generator<McapTypes.TypedMcapRecord> {
  const file = openForReading(path);
  try {
    const reader = new McapStreamReader({ validateCrcs: true, decompressHandlers: { zstd: (bytes) => zstdDecompressSync(bytes) } });
    for (;;) {
      const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
      const bytesRead = readSync(file, buffer);
      if (bytesRead === 0) break;
      yield* parsed(path, reader, buffer.subarray(0, bytesRead));
    }
    if (!reader.done()) throw damaged(path, "it ends in the middle; export it again");
  } finally {
    closeSync(file);
  }
}

function* parsed(path: string, reader: McapStreamReader, bytes: Uint8Array): Generator<McapTypes.TypedMcapRecord> {
  const next = <T>(step: () => T): T => {
    try {
      return step();
    } catch (error) {
      throw damaged(path, (error as Error).message);
    }
  };
  next(() => reader.append(bytes));
  for (let record = next(() => reader.nextRecord()); record !== undefined; record = next(() => reader.nextRecord())) yield record;
}

/** Lines into files: a new one where the exported recording had one. */
class SegmentsWriter {
  readonly paths: string[] = [];
  rows = 0;
  readonly #first: string;
  readonly #force: boolean;
  /** Segment number by the row that it begins with, counted from 0. */
  readonly #begins = new Map<number, number>();
  #file: number | undefined;
  #lines: string[] = [];
  #length = 0;

  constructor(first: string, force: boolean) {
    this.#first = first;
    this.#force = force;
  }

  noteSegment(metadata: ReadonlyMap<string, string>): void {
    this.#begins.set(Number(metadata.get("rows_before")), Number(metadata.get("segment") ?? 1));
  }

  write(line: string): void {
    const segment = this.#begins.get(this.rows);
    // A later segment that was exported alone takes the name asked for.
    if (this.#file === undefined) this.#open(this.#first);
    else if (segment !== undefined) {
      this.#closeFile();
      this.#open(segmentPath(this.#first, segment));
    }
    this.rows += 1;
    this.#lines.push(line);
    this.#length += line.length;
    if (this.#length >= WRITE_BYTES) this.#flush();
  }

  close(): void {
    this.#closeFile();
  }

  /** Leaves nothing of what was begun. */
  discard(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
    for (const path of this.paths) rmSync(path, { force: true });
  }

  #open(path: string): void {
    try {
      this.#file = openSync(path, this.#force ? "w" : "wx");
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code === "EEXIST")
        throw new QikiError("file_exists", `${path} exists; choose another name with --out, or --force overwrites it`, error);
      throw new QikiError("folder_unwritable", `${path} cannot be written: ${message}; check the folder and its rights`, error);
    }
    this.paths.push(path);
  }

  #flush(): void {
    const text = Buffer.from(this.#lines.map((line) => `${line}\n`).join(""));
    const bytes = isCompressed(this.#first) && text.length > 0 ? zstdCompressSync(text) : text;
    for (let at = 0; at < bytes.length; ) at += writeSync(this.#file!, bytes, at);
    this.#lines = [];
    this.#length = 0;
  }

  #closeFile(): void {
    this.#flush();
    closeSync(this.#file!);
    this.#file = undefined;
  }
}

function openForReading(path: string): number {
  try {
    return openSync(path, "r");
  } catch (error) {
    throw new QikiError("file_unreadable", `${path} cannot be read: ${(error as Error).message}`, error);
  }
}

function damaged(path: string, why: string): QikiError {
  return new QikiError("recording_damaged", `${path}: ${why}`);
}
