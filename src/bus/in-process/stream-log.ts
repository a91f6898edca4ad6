import { assert } from "#base/assert.ts";
import { Deque } from "../deque.ts";
import type { Headers } from "../port.ts";
import { type StoredMessage, storedSize } from "./stored-message.ts";

/** Where the older messages of a log lie when it has a file. */
export interface LogDisk {
  /** Messages from a sequence on, in order, at most `limit`. */
  read(fromSeq: number, limit: number): StoredMessage[];
  /** Their sizes and times alone. */
  readSizes(fromSeq: number, limit: number): LogSize[];
}

export interface LogSize {
  readonly seq: number;
  readonly size: number;
  readonly timeMs: number;
}

export interface LogLimits {
  readonly maxAgeMs: number;
  readonly maxBytes: number;
}

/** What a log knows at its start, read from its file. */
export interface LogStart {
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly lastTimeMs: number;
  readonly bytes: number;
  readonly lastSeqs: ReadonlyMap<string, number>;
}

const EMPTY: LogStart = { firstSeq: 1, lastSeq: 0, lastTimeMs: 0, bytes: 0, lastSeqs: new Map() };

/** Bytes of written messages kept in memory beside the file, for readers near the end. */
const TAIL_BYTES = 8 * 1_048_576;
const PAGE_ROWS = 64;
const SIZE_ROWS = 512;

/** The messages of one stream by sequence, oldest dropped first. Without a file all are in memory, with one only the newest. */
export class StreamLog {
  firstSeq: number;
  lastSeq: number;
  bytes: number;
  /** The last sequence that the file has. */
  writtenSeq: number;
  private lastTimeMs: number;
  private readonly lastSeqs: Map<string, number>;
  private readonly tail = new Deque<StoredMessage>();
  private tailFirstSeq: number;
  private tailBytes = 0;
  private page: readonly StoredMessage[] = [];
  private sizes: LogSize[] = [];
  private readonly limits: LogLimits;
  private readonly disk: LogDisk | undefined;

  constructor(limits: LogLimits, disk?: LogDisk, start: LogStart = EMPTY) {
    this.limits = limits;
    this.disk = disk;
    this.firstSeq = start.firstSeq;
    this.lastSeq = start.lastSeq;
    this.lastTimeMs = start.lastTimeMs;
    this.bytes = start.bytes;
    this.lastSeqs = new Map(start.lastSeqs);
    this.writtenSeq = start.lastSeq;
    this.tailFirstSeq = start.lastSeq + 1;
  }

  get messages(): number {
    return this.lastSeq - this.firstSeq + 1;
  }

  /** Stores a message whose bytes nobody writes to any more; times never go backwards. */
  append(subject: string, headers: Headers, bytes: Uint8Array, nowMs: number): StoredMessage {
    const size = storedSize(subject, headers, bytes);
    this.lastTimeMs = Math.max(this.lastTimeMs, nowMs);
    const message: StoredMessage = { seq: this.lastSeq + 1, timeMs: this.lastTimeMs, subject, headers, bytes, size };
    this.lastSeq += 1;
    this.bytes += size;
    this.tail.push(message);
    this.tailBytes += size;
    this.lastSeqs.set(subject, message.seq);
    while (this.bytes > this.limits.maxBytes && this.messages > 0) this.dropFirst();
    this.expire(nowMs);
    return message;
  }

  /** Drops what has reached the age limit. */
  expire(nowMs: number): void {
    while (this.messages > 0 && nowMs - this.first().timeMs >= this.limits.maxAgeMs) this.dropFirst();
  }

  purge(): void {
    this.firstSeq = this.lastSeq + 1;
    this.bytes = 0;
    this.tail.clear();
    this.tailFirstSeq = this.firstSeq;
    this.tailBytes = 0;
    this.sizes = [];
    this.page = [];
    this.lastSeqs.clear();
  }

  get(seq: number): StoredMessage | undefined {
    if (seq < this.firstSeq || seq > this.lastSeq) return undefined;
    if (seq >= this.tailFirstSeq) return this.tail.at(seq - this.tailFirstSeq);
    const pageFirst = this.page[0]?.seq ?? Number.POSITIVE_INFINITY;
    if (seq < pageFirst || seq >= pageFirst + this.page.length) {
      assert(this.disk !== undefined, "messages before the tail are in a file", { seq, tailFirstSeq: this.tailFirstSeq });
      this.page = this.disk.read(seq, PAGE_ROWS);
    }
    return this.page[seq - this.page[0]!.seq];
  }

  /** The newest message of the subjects that pass. */
  lastOf(passes: (subject: string) => boolean): StoredMessage | undefined {
    let newest = 0;
    for (const [subject, seq] of this.lastSeqs) if (seq > newest && passes(subject)) newest = seq;
    return this.get(newest);
  }

  /** Sequence of the first message stored at or after a time; lastSeq + 1 when none is. */
  seqAtTime(timeMs: number): number {
    let low = this.firstSeq;
    let high = this.lastSeq + 1;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if (this.get(middle)!.timeMs < timeMs) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Tells that the file has everything up to a sequence: memory keeps a tail only. */
  markWritten(seq: number): void {
    this.writtenSeq = seq;
    while (this.tailBytes > TAIL_BYTES && this.tail.length > 0 && this.tailFirstSeq <= seq) this.dropFromTail();
  }

  private first(): LogSize {
    if (this.firstSeq >= this.tailFirstSeq) return this.tail.at(this.firstSeq - this.tailFirstSeq);
    if (this.sizes[0]?.seq !== this.firstSeq) {
      assert(this.disk !== undefined, "messages before the tail are in a file", { seq: this.firstSeq, tailFirstSeq: this.tailFirstSeq });
      this.sizes = this.disk.readSizes(this.firstSeq, SIZE_ROWS);
    }
    return this.sizes[0]!;
  }

  private dropFirst(): void {
    this.bytes -= this.first().size;
    if (this.firstSeq >= this.tailFirstSeq) this.dropFromTail();
    else this.sizes.shift();
    this.firstSeq += 1;
  }

  private dropFromTail(): void {
    this.tailBytes -= this.tail.shift()!.size;
    this.tailFirstSeq += 1;
  }
}
