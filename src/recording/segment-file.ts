import { createHash } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import { dirname } from "node:path";
import { assert } from "#base/assert.ts";
import { QikiError } from "#base/error.ts";
import { parseUtcMs } from "#base/rfc3339.ts";
import { utf8Encode } from "#base/utf8.ts";
import type { CheckRow, EndRow, LineType, RecordingMeta } from "#contracts/recording.ts";
import { SUBJECTS } from "#contracts/subjects.ts";
import { FrameWriter } from "./frame-writer.ts";
import { encodeLine, type RecordedMessage } from "./line.ts";
import { LineBuffer } from "./line-buffer.ts";
import { isCompressed } from "./text-source.ts";

/** A batch of lines on its way to the disk. */
export interface LineBatch {
  readonly lines: LineBuffer;
  /** Places in it before which a frame of a compressed file ends. */
  readonly frameEnds: readonly number[];
}

/** One file of a recording while it is written: its lines, their digest, and the disk. */
export class SegmentFile {
  readonly path: string;
  readonly #handle: FileHandle;
  readonly #frames: FrameWriter | undefined;
  readonly #hash = createHash("sha256");
  readonly #counts: Partial<Record<LineType, number>> = {};
  #seq: number;
  #previousTsEpoch: number;
  /** Rows encoded so far; those of the batch under way are not on the disk yet. */
  #rows = 0;
  #bytes = 0;
  /** Whether the frame under way holds rows other than those that may begin one. */
  #frameHasRows = false;

  private constructor(path: string, handle: FileHandle, meta: RecordingMeta, firstSeq: number) {
    const epochMs = parseUtcMs(meta.epoch);
    assert(epochMs !== undefined, "meta's epoch is RFC 3339", { epoch: meta.epoch });
    this.path = path;
    this.#handle = handle;
    this.#frames = isCompressed(path) ? new FrameWriter() : undefined;
    this.#seq = firstSeq - 1;
    this.#previousTsEpoch = (epochMs ?? 0) / 1000;
  }

  /** @throws QikiError file_exists without force, folder_unwritable */
  static async open(path: string, force: boolean, meta: RecordingMeta, firstSeq: number): Promise<SegmentFile> {
    return new SegmentFile(path, await openFile(path, force), meta, firstSeq);
  }

  get rows(): number {
    return this.#rows;
  }

  /** On the disk. */
  get bytes(): number {
    return this.#bytes;
  }

  get lastSeq(): number {
    return this.#seq;
  }

  get counts(): EndRow["counts"] {
    return { ...this.#counts };
  }

  /** Rows and digest of all lines so far. */
  checkRow(): CheckRow {
    return { rows: this.#rows, sha256: this.#hash.copy().digest("hex") };
  }

  /** Appends the lines of entries until there are none or the batch is as large as this. */
  fill(lines: LineBuffer, limitBytes: number, next: () => RecordedMessage | "check" | undefined, nowMs: () => number): LineBatch {
    lines.clear();
    const frameEnds: number[] = [];
    let hashed = 0;
    while (lines.length < limitBytes) {
      const entry = next();
      if (entry === undefined) break;
      if (entry === "check") {
        // Its digest is that of all bytes before it.
        this.#hash.update(lines.from(hashed));
        hashed = lines.length;
      }
      const message = entry === "check" ? ownRow(SUBJECTS.recordCheck, this.checkRow(), nowMs()) : entry;
      if (this.#beginsFrame(message.subject)) frameEnds.push(lines.length);
      this.#encode(message, lines);
    }
    this.#hash.update(lines.from(hashed));
    return { lines, frameEnds };
  }

  /** Writes all bytes and waits for the disk to have them. */
  async put({ lines, frameEnds }: LineBatch): Promise<void> {
    const text = lines.from(0);
    await this.#write(this.#frames === undefined ? text : await this.#frames.batch(text, frameEnds));
    await this.#handle.datasync();
  }

  /** Writes the last row, in a frame of its own, where it is found without reading all. */
  async end(dropped: number, nowMs: number, nextSegment?: number): Promise<void> {
    const lines = new LineBuffer();
    const next = nextSegment === undefined ? {} : { next_segment: nextSegment };
    const end: EndRow = { ...this.checkRow(), counts: this.counts, dropped, ...next };
    this.#encode(ownRow(SUBJECTS.recordEnd, end, nowMs), lines);
    await this.put({ lines, frameEnds: [0] });
  }

  async close(): Promise<void> {
    try {
      if (this.#frames !== undefined) {
        await this.#write(await this.#frames.end());
        await this.#handle.datasync();
      }
    } finally {
      await this.#handle.close();
    }
  }

  /** A keyframe set begins a frame: reading may begin there. */
  #beginsFrame(subject: string): boolean {
    const isKeyframe = subject === SUBJECTS.recordKeyframe;
    const begins = isKeyframe && this.#frameHasRows;
    this.#frameHasRows = !isKeyframe && (subject !== SUBJECTS.recordCheck || this.#frameHasRows);
    return begins;
  }

  #encode(message: RecordedMessage, lines: LineBuffer): void {
    const line = encodeLine(message, this.#seq + 1, this.#previousTsEpoch);
    lines.append(line);
    this.#seq += 1;
    this.#rows += 1;
    this.#previousTsEpoch = line.tsEpoch;
    this.#counts[line.type] = (this.#counts[line.type] ?? 0) + 1;
  }

  async #write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; ) at += (await this.#handle.write(bytes, at, bytes.length - at)).bytesWritten;
    this.#bytes += bytes.length;
  }
}

/** A row that the writer makes itself. */
export function ownRow(subject: string, data: object, nowMs: number): RecordedMessage {
  return { subject, payload: utf8Encode(JSON.stringify(data)), ingestMs: nowMs };
}

async function openFile(path: string, force: boolean): Promise<FileHandle> {
  try {
    const handle = await open(path, force ? "w" : "wx");
    await syncFolder(dirname(path));
    return handle;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "EEXIST")
      throw new QikiError("file_exists", `recording ${path} exists; choose another name, or --force overwrites it`, error);
    throw new QikiError("folder_unwritable", `recording ${path} cannot be made: ${message}; check the folder and its rights`, error);
  }
}

/** A new file survives a power loss only when its folder's entry is on the disk too. Not every system lets a folder be synced. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r").catch(() => undefined);
  await folder?.sync().catch(() => {});
  await folder?.close();
}
