import { MSG_ID_HEADER } from "#contracts/message.ts";
import type { StreamDefinition } from "#contracts/streams.ts";
import type { Headers, StoredAt } from "../port.ts";
import { Slab } from "../slab.ts";
import { subjectFilter } from "../subject.ts";
import type { BusFile, StreamFile } from "./bus-file.ts";
import type { Consumer } from "./consumer.ts";
import { Dedup } from "./dedup.ts";
import { type LogStart, StreamLog } from "./stream-log.ts";

/** One stream: what it captures, its log, who copies from it and who consumes it. */
export class Stream {
  definition: StreamDefinition;
  readonly log: StreamLog;
  readonly durables = new Map<string, Consumer>();
  readonly consumers = new Set<Consumer>();
  readonly file: StreamFile | undefined;
  /** Changed since the last write to the file. */
  isDirty = false;
  /** A block of memory per stream: its messages go in the order they came, so blocks free up whole. */
  private readonly slab = new Slab();
  private readonly dedup: Dedup;
  private readonly copies: { readonly to: Stream; readonly takes: (subject: string) => boolean }[] = [];
  private readonly onChange: (stream: Stream) => void;

  constructor(definition: StreamDefinition, onChange: (stream: Stream) => void, nowMs: number, file?: StreamFile, start?: LogStart) {
    this.definition = definition;
    this.onChange = onChange;
    this.file = file;
    this.log = new StreamLog(definition, file, start);
    this.dedup = new Dedup(definition.dedupWindowMs);
    for (const { msgId, seq, timeMs } of file?.idsSince(nowMs - definition.dedupWindowMs + 1) ?? []) this.dedup.note(msgId, seq, timeMs);
  }

  /** Stores a message with its own copy of the bytes, unless its id was stored within the window. */
  append(subject: string, headers: Headers, bytes: Uint8Array, nowMs: number): StoredAt {
    const msgId = headers[MSG_ID_HEADER];
    if (msgId !== undefined) {
      const seq = this.dedup.find(msgId, nowMs);
      if (seq !== undefined) return { stream: this.definition.name, seq, duplicate: true };
    }
    const { seq } = this.log.append(subject, headers, this.slab.copy(bytes), nowMs);
    if (msgId !== undefined) this.dedup.note(msgId, seq, nowMs);
    for (const { to, takes } of this.copies) if (takes(subject)) to.append(subject, headers, bytes, nowMs);
    this.noteChange();
    for (const consumer of this.consumers) consumer.wake();
    return { stream: this.definition.name, seq, duplicate: false };
  }

  /** From now on `to` gets the messages its filter takes; at first all that are here. */
  copyTo(to: Stream, filter: string, nowMs: number | undefined): void {
    const takes = subjectFilter(filter);
    this.copies.push({ to, takes });
    if (nowMs === undefined) return;
    for (let seq = this.log.firstSeq; seq <= this.log.lastSeq; seq += 1) {
      const message = this.log.get(seq)!;
      if (takes(message.subject)) to.append(message.subject, message.headers, message.bytes, nowMs);
    }
  }

  purge(): void {
    this.log.purge();
    this.noteChange();
  }

  noteChange(): void {
    if (this.isDirty) return;
    this.isDirty = true;
    this.onChange(this);
  }

  /** Writes at most so many messages that the file does not have; inside a transaction. Returns the last sequence written. */
  write(file: BusFile, messagesMax: number): number {
    const { log } = this;
    const fromSeq = Math.max(log.writtenSeq + 1, log.firstSeq);
    const toSeq = Math.min(log.lastSeq, fromSeq + messagesMax - 1);
    this.file!.write(messagesOf(log, fromSeq, toSeq));
    this.file!.settle(log.firstSeq, toSeq);
    // A position in the file never lies ahead of the messages in it.
    if (toSeq === log.lastSeq) for (const durable of this.durables.values()) if (durable.isDirty) file.saveDurable(durable.row());
    return toSeq;
  }

  /** After the transaction: what was written up to `seq` is in the file. */
  markWritten(seq: number): void {
    this.log.markWritten(seq);
    this.isDirty = seq < this.log.lastSeq;
    if (this.isDirty) return;
    for (const durable of this.durables.values()) durable.isDirty = false;
  }
}

function* messagesOf(log: StreamLog, fromSeq: number, toSeq: number) {
  for (let seq = fromSeq; seq <= toSeq; seq += 1) yield log.get(seq)!;
}
