import { assert } from "#base/assert.ts";
import { QikiError } from "#base/error.ts";
import type { EndRow, LineType, RecordingMeta } from "#contracts/recording.ts";
import { SUBJECTS } from "#contracts/subjects.ts";
import type { RecordedMessage } from "./line.ts";
import { LineBuffer } from "./line-buffer.ts";
import { ownRow, SegmentFile } from "./segment-file.ts";
import { segmentPath } from "./segments.ts";
import { WriteQueue } from "./write-queue.ts";

const BATCH_BYTES = 262_144;
const BATCH_MS = 100;
/** Behind the disk larger batches catch up sooner, and cost a crash no more: what they hold would still be queued. */
const BATCH_BYTES_BEHIND = 2 * 1_048_576;
const QUEUE_BYTES = 64 * 1_048_576;

export interface WriterOptions {
  /** A name that ends in `.zst` is that of a compressed file. */
  readonly path: string;
  /** Overwrites a file that exists. */
  readonly force: boolean;
  /** The first row. */
  readonly meta: RecordingMeta;
  /** Sequence of the first row: 1, or one more than the previous segment's last. */
  readonly firstSeq?: number;
  /** Wall time, milliseconds since 1970, for the rows the writer makes itself. */
  readonly nowMs: () => number;
  /** A further segment is being written: the one before is whole. */
  readonly onRolled?: () => void;
  /** The disk failed: nothing more is written. */
  readonly onFailure: (error: QikiError) => void;
}

export interface WriterStats {
  /** Rows and bytes on the disk, in all segments. */
  readonly rows: number;
  readonly bytes: number;
  /** Bytes in the file that is being written. */
  readonly segmentBytes: number;
  /** The file that is being written. */
  readonly segmentPath: string;
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
  /**
   * Ends this file and goes on in the next segment, under the meta given: call it before a keyframe set, with which the next file
   * can be proven alone.
   */
  roll(meta: RecordingMeta): void;
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
  const { path, force, meta, firstSeq = 1 } = options;
  const writer = new FileWriter(await SegmentFile.open(path, force, meta, firstSeq), options);
  writer.write([ownRow(SUBJECTS.recordMeta, meta, options.nowMs())]);
  return writer;
}

/** Rows, bytes and counts of segments that are closed. */
interface Closed {
  rows: number;
  bytes: number;
  dropped: number;
  readonly counts: Partial<Record<LineType, number>>;
}

class FileWriter implements RecordingWriter {
  private readonly options: WriterOptions;
  private readonly queue = new WriteQueue(QUEUE_BYTES);
  private readonly closed: Closed = { rows: 0, bytes: 0, dropped: 0, counts: {} };
  private file: SegmentFile;
  private segment: number;
  private rowsOnDisk = 0;
  private lostToFailure = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private writing: Promise<void> | undefined;
  private failure: QikiError | undefined;
  private isFlushing = false;
  private isEnded = false;
  /** One is filled while the other is written. */
  private readonly buffers = [new LineBuffer(), new LineBuffer()] as [LineBuffer, LineBuffer];

  constructor(file: SegmentFile, options: WriterOptions) {
    this.file = file;
    this.options = options;
    this.segment = options.meta.segment;
  }

  write(messages: readonly RecordedMessage[]): void {
    assert(!this.isEnded, "an ended recording takes no messages", { path: this.file.path });
    if (this.failure !== undefined) {
      this.lostToFailure += messages.length;
      return;
    }
    for (const message of messages) this.queue.push({ kind: "message", message });
    this.writeSoon();
  }

  check(): void {
    assert(!this.isEnded, "an ended recording takes no rows", { path: this.file.path });
    if (this.failure !== undefined) return;
    this.queue.push({ kind: "check" });
    this.writeSoon();
  }

  roll(meta: RecordingMeta): void {
    assert(!this.isEnded, "an ended recording has no further segment", { path: this.file.path });
    if (this.failure !== undefined) return;
    this.queue.push({ kind: "roll", meta });
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
    const { closed, file } = this;
    return {
      rows: closed.rows + this.rowsOnDisk,
      bytes: closed.bytes + file.bytes,
      segmentBytes: file.bytes,
      segmentPath: file.path,
      counts: sumOf(closed.counts, file.counts),
      dropped: this.dropped,
      queuedBytes: this.queue.bytes,
      lastSeq: file.lastSeq,
    };
  }

  async end(): Promise<WriterStats> {
    assert(!this.isEnded, "a recording ends once", { path: this.file.path });
    this.isEnded = true;
    try {
      await this.flush();
      await this.endFile();
    } catch (error) {
      this.fail(error);
      await this.file.close().catch(() => {});
    }
    if (this.failure !== undefined) throw this.failure;
    return this.stats();
  }

  async close(): Promise<void> {
    assert(!this.isEnded, "a recording ends once", { path: this.file.path });
    this.isEnded = true;
    try {
      await this.flush();
    } finally {
      await this.file.close();
    }
  }

  private get dropped(): number {
    return this.queue.dropped + this.lostToFailure;
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
        const limitBytes = Math.min(Math.max(BATCH_BYTES, this.queue.bytes / 4), BATCH_BYTES_BEHIND);
        let next: RecordingMeta | undefined;
        const batch = this.file.fill(
          this.buffers[0],
          limitBytes,
          () => {
            const entry = next === undefined ? this.queue.shift() : undefined;
            if (entry?.kind === "roll") next = entry.meta;
            return entry?.kind === "message" ? entry.message : entry?.kind === "check" ? "check" : undefined;
          },
          this.options.nowMs,
        );
        const { rows } = this.file;
        await onItsWay;
        onItsWay = this.file.put(batch).then(() => {
          this.rowsOnDisk = rows;
        });
        if (next !== undefined) {
          await onItsWay;
          await this.begin(next);
        }
      } while (this.queue.length > 0 && (this.isFlushing || this.queue.bytes >= BATCH_BYTES));
      await onItsWay;
    } catch (error) {
      this.fail(error);
    }
    this.writing = undefined;
    if (this.queue.length > 0) this.writeSoon();
  }

  /** Ends the file and opens the next segment with its meta row. */
  private async begin(meta: RecordingMeta): Promise<void> {
    const { path, force, nowMs } = this.options;
    const ended = this.file;
    const segment = this.segment + 1;
    await this.endFile(segment);
    const own = { ...meta, segment };
    this.file = await SegmentFile.open(segmentPath(path, segment), force, own, ended.lastSeq + 1);
    this.segment = segment;
    this.closed.rows += ended.rows;
    this.closed.bytes += ended.bytes;
    Object.assign(this.closed.counts, sumOf(this.closed.counts, ended.counts));
    this.rowsOnDisk = 0;
    const rows = [ownRow(SUBJECTS.recordMeta, own, nowMs())];
    await this.file.put(this.file.fill(this.buffers[0], BATCH_BYTES, () => rows.shift(), nowMs));
    this.rowsOnDisk = 1;
    this.options.onRolled?.();
  }

  /** Each segment tells of what was dropped while it was written. */
  private async endFile(nextSegment?: number): Promise<void> {
    await this.file.end(this.dropped - this.closed.dropped, this.options.nowMs(), nextSegment);
    await this.file.close();
    this.closed.dropped = this.dropped;
    this.rowsOnDisk = this.file.rows;
  }

  private fail(error: unknown): void {
    if (this.failure !== undefined) return;
    const why = error instanceof Error ? error.message : String(error);
    this.failure = new QikiError(
      "disk",
      `recording ${this.file.path}: ${why}; ${this.closed.rows + this.rowsOnDisk} rows are safe; free the disk and record anew`,
      error,
    );
    while (this.queue.shift() !== undefined) this.lostToFailure += 1;
    this.options.onFailure(this.failure);
  }
}

function sumOf(counts: EndRow["counts"], more: EndRow["counts"]): EndRow["counts"] {
  const sum: Partial<Record<LineType, number>> = { ...counts };
  for (const [type, count] of Object.entries(more) as [LineType, number][]) sum[type] = (sum[type] ?? 0) + count;
  return sum;
}
