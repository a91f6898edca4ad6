import { createHash } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import { dirname } from "node:path";
import { assert } from "#base/assert.ts";
import { QikiError } from "#base/error.ts";
import { parseUtcMs } from "#base/rfc3339.ts";
import { utf8Encode } from "#base/utf8.ts";
import type { CheckRow, EndRow, LineType, RecordingMeta } from "#contracts/recording.ts";
import { SUBJECTS } from "#contracts/subjects.ts";
import { encodeLine, type RecordedMessage } from "./line.ts";
import { LineBuffer } from "./line-buffer.ts";
import { WriteQueue } from "./write-queue.ts";

const BATCH_BYTES = 262_144;
const BATCH_MS = 100;
/** Behind the disk larger batches catch up sooner, and cost a crash no more: what they hold would still be queued. */
const BATCH_BYTES_BEHIND = 2 * 1_048_576;
const QUEUE_BYTES = 64 * 1_048_576;

export interface WriterOptions {
  readonly path: string;
  /** Overwrites a file that exists. */
  readonly force: boolean;
  /** The first row. */
  readonly meta: RecordingMeta;
  /** Sequence of the first row: 1, or one more than the previous segment's last. */
  readonly firstSeq?: number;
  /** Wall time, milliseconds since 1970, for the rows the writer makes itself. */
  readonly nowMs: () => number;
  /** The disk failed: nothing more is written. */
  readonly onFailure: (error: QikiError) => void;
}

export interface WriterStats {
  /** Rows and bytes in the file. */
  readonly rows: number;
  readonly bytes: number;
  /** Rows by type. */
  readonly counts: EndRow["counts"];
  /** Messages that the full queue, or a failed disk, cost. */
  readonly dropped: number;
  readonly queuedBytes: number;
  readonly lastSeq: number;
}

/** An open recording file: rows in the order of the calls, on disk 100 ms or 256 KiB later. */
export interface RecordingWriter {
  /** Takes messages over; their payloads must not change any more. Returns at once. */
  write(messages: readonly RecordedMessage[]): void;
  /** A row with the number of rows before it and the SHA-256 of their bytes: put one after each keyframe set. */
  check(): void;
  /** Resolves when what was written before is on the disk. @throws QikiError disk */
  flush(): Promise<void>;
  stats(): WriterStats;
  /** Writes the `end` row and closes. @throws QikiError disk */
  end(): Promise<WriterStats>;
  /** Closes without an `end` row: a piece of a longer recording has none. @throws QikiError disk */
  close(): Promise<void>;
}

/**
 * Opens a recording and writes its `meta` row.
 * @throws QikiError file_exists without force, folder_unwritable
 */
export async function openRecordingWriter(options: WriterOptions): Promise<RecordingWriter> {
  const handle = await openFile(options.path, options.force);
  const writer = new FileWriter(handle, options);
  const { epoch } = options.meta;
  assert(parseUtcMs(epoch) !== undefined, "meta's epoch is RFC 3339", { epoch });
  writer.write([{ subject: SUBJECTS.recordMeta, payload: jsonBytes(options.meta), ingestMs: options.nowMs() }]);
  return writer;
}

class FileWriter implements RecordingWriter {
  private readonly handle: FileHandle;
  private readonly path: string;
  private readonly nowMs: () => number;
  private readonly onFailure: (error: QikiError) => void;
  private readonly queue = new WriteQueue(QUEUE_BYTES);
  private readonly hash = createHash("sha256");
  private readonly counts: Partial<Record<LineType, number>> = {};
  private seq: number;
  private previousTsEpoch: number;
  /** Rows encoded so far; those of the batch under way are not on the disk yet. */
  private rows = 0;
  private rowsOnDisk = 0;
  private bytes = 0;
  private lostToFailure = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private writing: Promise<void> | undefined;
  private failure: QikiError | undefined;
  private isFlushing = false;
  private isEnded = false;
  /** One is filled while the other is written. */
  private readonly buffers = [new LineBuffer(), new LineBuffer()] as [LineBuffer, LineBuffer];

  constructor(handle: FileHandle, options: WriterOptions) {
    this.handle = handle;
    this.path = options.path;
    this.nowMs = options.nowMs;
    this.onFailure = options.onFailure;
    this.seq = (options.firstSeq ?? 1) - 1;
    this.previousTsEpoch = (parseUtcMs(options.meta.epoch) ?? 0) / 1000;
  }

  write(messages: readonly RecordedMessage[]): void {
    assert(!this.isEnded, "an ended recording takes no messages", { path: this.path });
    if (this.failure !== undefined) {
      this.lostToFailure += messages.length;
      return;
    }
    for (const message of messages) this.queue.push({ kind: "message", message });
    this.writeSoon();
  }

  check(): void {
    assert(!this.isEnded, "an ended recording takes no rows", { path: this.path });
    if (this.failure !== undefined) return;
    this.queue.push({ kind: "check" });
    this.writeSoon();
  }

  async flush(): Promise<void> {
    while (this.queue.length > 0 || this.writing !== undefined) {
      this.isFlushing = true;
      await this.writeNow();
    }
    this.isFlushing = false;
    if (this.failure !== undefined) throw this.failure;
  }

  stats(): WriterStats {
    return {
      rows: this.rowsOnDisk,
      bytes: this.bytes,
      counts: { ...this.counts },
      dropped: this.queue.dropped + this.lostToFailure,
      queuedBytes: this.queue.bytes,
      lastSeq: this.seq,
    };
  }

  async end(): Promise<WriterStats> {
    assert(!this.isEnded, "a recording ends once", { path: this.path });
    this.isEnded = true;
    try {
      await this.flush();
      const end: EndRow = { ...this.checkRow(), counts: { ...this.counts }, dropped: this.stats().dropped };
      const [buffer] = this.buffers;
      buffer.clear();
      this.encode(this.ownRow(SUBJECTS.recordEnd, end), buffer);
      await this.put(buffer.from(0), this.rows);
    } catch (error) {
      this.fail(error);
    }
    await this.handle.close().catch((error: unknown) => this.fail(error));
    if (this.failure !== undefined) throw this.failure;
    return this.stats();
  }

  async close(): Promise<void> {
    assert(!this.isEnded, "a recording ends once", { path: this.path });
    this.isEnded = true;
    try {
      await this.flush();
    } finally {
      await this.handle.close();
    }
  }

  private writeSoon(): void {
    if (this.writing !== undefined) return;
    if (this.queue.bytes >= BATCH_BYTES) void this.writeNow();
    else this.timer ??= setTimeout(() => void this.writeNow(), BATCH_MS);
  }

  /** Writes what is due, or waits for the writing under way. */
  private writeNow(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.writing ??= this.writeBatches();
    return this.writing;
  }

  /** Encodes a batch while the one before is on its way to the disk. */
  private async writeBatches(): Promise<void> {
    let onItsWay = Promise.resolve();
    try {
      do {
        this.buffers.reverse();
        const [buffer] = this.buffers;
        this.fill(buffer);
        const rows = this.rows;
        await onItsWay;
        onItsWay = this.put(buffer.from(0), rows);
      } while (this.queue.length > 0 && (this.isFlushing || this.queue.bytes >= BATCH_BYTES));
      await onItsWay;
    } catch (error) {
      this.fail(error);
    }
    this.writing = undefined;
    if (this.queue.length > 0) this.writeSoon();
  }

  private fill(buffer: LineBuffer): void {
    buffer.clear();
    let hashed = 0;
    const limitBytes = Math.min(Math.max(BATCH_BYTES, this.queue.bytes / 4), BATCH_BYTES_BEHIND);
    while (buffer.length < limitBytes) {
      const entry = this.queue.shift();
      if (entry === undefined) break;
      if (entry.kind === "check") {
        // Its digest is that of all bytes before it.
        this.hash.update(buffer.from(hashed));
        hashed = buffer.length;
      }
      this.encode(entry.kind === "check" ? this.ownRow(SUBJECTS.recordCheck, this.checkRow()) : entry.message, buffer);
    }
    this.hash.update(buffer.from(hashed));
  }

  private encode(message: RecordedMessage, buffer: LineBuffer): void {
    const line = encodeLine(message, this.seq + 1, this.previousTsEpoch);
    buffer.append(line);
    this.seq += 1;
    this.rows += 1;
    this.previousTsEpoch = line.tsEpoch;
    this.counts[line.type] = (this.counts[line.type] ?? 0) + 1;
  }

  private ownRow(subject: string, data: object): RecordedMessage {
    return { subject, payload: jsonBytes(data), ingestMs: this.nowMs() };
  }

  private checkRow(): CheckRow {
    return { rows: this.rows, sha256: this.hash.copy().digest("hex") };
  }

  /** Writes all bytes and waits for the disk to have them; `rows` are then in the file. */
  private async put(bytes: Uint8Array, rows: number): Promise<void> {
    for (let at = 0; at < bytes.length; ) at += (await this.handle.write(bytes, at, bytes.length - at)).bytesWritten;
    await this.handle.datasync();
    this.bytes += bytes.length;
    this.rowsOnDisk = rows;
  }

  private fail(error: unknown): void {
    if (this.failure !== undefined) return;
    const why = error instanceof Error ? error.message : String(error);
    this.failure = new QikiError(
      "disk",
      `recording ${this.path}: ${why}; ${this.rowsOnDisk} rows are safe; free the disk and record anew`,
      error,
    );
    while (this.queue.shift() !== undefined) this.lostToFailure += 1;
    this.onFailure(this.failure);
  }
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

function jsonBytes(value: object): Uint8Array {
  return utf8Encode(JSON.stringify(value));
}
