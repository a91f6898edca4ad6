import { assertNever } from "#base/assert.ts";
import type { DeliverFrom, DurableDefinition } from "#contracts/streams.ts";
import type { BusReport, StreamMsg } from "../port.ts";
import { subjectFilter } from "../subject.ts";
import type { DurableRow } from "./bus-file.ts";
import type { StoredMessage } from "./stored-message.ts";
import type { Stream } from "./stream.ts";

/** Messages looked at before others get their turn, when few of many pass the filter. */
const SCAN_MAX = 4_096;

/** Delivered and not acknowledged. */
interface Unsettled {
  deliveries: number;
  /** Monotonic time at which it is due again; QUEUED when it waits for a reader. */
  dueMs: number;
}

const QUEUED = Number.POSITIVE_INFINITY;

export interface ConsumerStart {
  readonly filter: string;
  readonly nextSeq: number;
  /** With a durable: its settings and what waited for acknowledgement. */
  readonly durable?: { readonly definition: DurableDefinition; readonly pending: DurableRow["pending"] };
}

/** The reading position of one durable, shared by its readers, or of one reader without a durable. */
export class Consumer {
  readonly durable: DurableDefinition | undefined;
  private readonly stream: Stream;
  private readonly passes: (subject: string) => boolean;
  private nextSeq: number;
  private delivered = 0;
  private readonly unsettled = new Map<number, Unsettled>();
  /** Sequences due again, smallest first. */
  private again: number[] = [];
  private readonly readers: ((message: StreamMsg | undefined) => void)[] = [];
  /** Changed since the last write to the file. */
  isDirty = true;
  private isWaking = false;
  private isOpen = true;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private timerDueMs = QUEUED;
  private readonly report: (report: BusReport) => void;

  constructor(stream: Stream, start: ConsumerStart, report: (report: BusReport) => void) {
    this.stream = stream;
    this.passes = subjectFilter(start.filter);
    this.nextSeq = start.nextSeq;
    this.durable = start.durable?.definition;
    this.report = report;
    // Whoever held them is gone with the process: they are due at once.
    for (const [seq, deliveries] of start.durable?.pending ?? []) {
      this.unsettled.set(seq, { deliveries, dueMs: QUEUED });
      this.again.push(seq);
    }
  }

  get ackPending(): number {
    return this.unsettled.size;
  }

  /** Messages after the reading position that pass the filter. */
  pending(): number {
    const { log } = this.stream;
    let count = 0;
    for (let seq = Math.max(this.nextSeq, log.firstSeq); seq <= log.lastSeq; seq += 1) {
      if (this.passes(log.get(seq)!.subject)) count += 1;
    }
    return count;
  }

  row(): DurableRow {
    return {
      definition: this.durable!,
      nextSeq: this.nextSeq,
      pending: [...this.unsettled].map(([seq, { deliveries }]) => [seq, deliveries] as const),
    };
  }

  /** The next message, as soon as there is one; undefined when the consumer closes. */
  read(reader: (message: StreamMsg | undefined) => void): void {
    if (!this.isOpen) {
      reader(undefined);
      return;
    }
    this.readers.push(reader);
    this.wake();
  }

  /** Takes back what `read` asked for. */
  forget(reader: (message: StreamMsg | undefined) => void): void {
    const at = this.readers.indexOf(reader);
    if (at >= 0) this.readers.splice(at, 1);
  }

  /** Looks for messages, if somebody waits for one, after the caller has finished. */
  wake(): void {
    if (this.isWaking || this.readers.length === 0) return;
    this.isWaking = true;
    queueMicrotask(() => this.serve());
  }

  close(): void {
    this.isOpen = false;
    clearTimeout(this.timer);
    for (const reader of this.readers.splice(0)) reader(undefined);
  }

  private serve(): void {
    this.isWaking = false;
    while (this.isOpen && this.readers.length > 0) {
      const found = this.redelivery() ?? this.fresh();
      if (found === undefined) return;
      if (found === "scan further") {
        this.isWaking = true;
        setImmediate(() => this.serve());
        return;
      }
      this.readers.shift()!(found);
    }
  }

  private redelivery(): StreamMsg | undefined {
    while (this.again.length > 0) {
      const seq = this.again.shift()!;
      const entry = this.unsettled.get(seq);
      if (entry === undefined) continue;
      const message = this.stream.log.get(seq);
      if (message !== undefined && entry.deliveries < this.durable!.maxDeliver) return this.deliver(message, entry);
      this.settle(seq);
      if (message !== undefined) this.reportPoison(seq, entry.deliveries);
    }
    return undefined;
  }

  private fresh(): StreamMsg | "scan further" | undefined {
    const { log } = this.stream;
    if (this.durable !== undefined && this.unsettled.size >= this.durable.maxAckPending) return undefined;
    this.nextSeq = Math.max(this.nextSeq, log.firstSeq);
    for (let scanned = 0; this.nextSeq <= log.lastSeq; scanned += 1) {
      if (scanned === SCAN_MAX) return "scan further";
      const message = log.get(this.nextSeq)!;
      this.nextSeq += 1;
      if (!this.passes(message.subject)) continue;
      const entry = { deliveries: 0, dueMs: 0 };
      if (this.durable !== undefined) this.unsettled.set(message.seq, entry);
      return this.deliver(message, entry);
    }
    return undefined;
  }

  private deliver(message: StoredMessage, entry: Unsettled): StreamMsg {
    entry.deliveries += 1;
    this.delivered += 1;
    const { durable, delivered: delivery } = this;
    if (durable === undefined) return { ...message, deliveries: 1, delivery, ack: nothing, nak: nothing, term: nothing, working: nothing };
    const { seq } = message;
    const { deliveries } = entry;
    this.postpone(entry, durable.ackWaitMs);
    this.noteChange();
    return {
      ...message,
      deliveries,
      delivery,
      ack: () => this.settle(seq),
      nak: (delayMs = 0) => this.refuse(seq, delayMs),
      term: () => this.settle(seq),
      working: () => {
        const held = this.unsettled.get(seq);
        if (this.isOpen && held !== undefined && held.dueMs !== QUEUED) this.postpone(held, durable.ackWaitMs);
      },
    };
  }

  private noteChange(): void {
    this.isDirty = true;
    this.stream.noteChange();
  }

  private settle(seq: number): void {
    if (!this.isOpen || !this.unsettled.delete(seq)) return;
    this.noteChange();
    this.wake();
  }

  private refuse(seq: number, delayMs: number): void {
    const entry = this.unsettled.get(seq);
    if (!this.isOpen || entry === undefined || entry.dueMs === QUEUED) return;
    if (delayMs > 0) this.postpone(entry, delayMs);
    else this.comeDue([[seq, entry]]);
  }

  private postpone(entry: Unsettled, byMs: number): void {
    entry.dueMs = performance.now() + byMs;
    if (entry.dueMs < this.timerDueMs) this.arm(entry.dueMs);
  }

  private arm(dueMs: number): void {
    clearTimeout(this.timer);
    this.timerDueMs = dueMs;
    this.timer = setTimeout(() => this.ring(), Math.max(dueMs - performance.now(), 0));
    this.timer.unref();
  }

  private ring(): void {
    const nowMs = performance.now();
    const due: [number, Unsettled][] = [];
    let nextDueMs = QUEUED;
    for (const [seq, entry] of this.unsettled) {
      if (entry.dueMs <= nowMs) due.push([seq, entry]);
      else nextDueMs = Math.min(nextDueMs, entry.dueMs);
    }
    this.timerDueMs = QUEUED;
    if (nextDueMs !== QUEUED) this.arm(nextDueMs);
    this.comeDue(due);
  }

  private comeDue(entries: readonly (readonly [number, Unsettled])[]): void {
    for (const [seq, entry] of entries) {
      entry.dueMs = QUEUED;
      this.again.push(seq);
    }
    this.again.sort((a, b) => a - b);
    this.wake();
  }

  private reportPoison(seq: number, deliveries: number): void {
    const { stream, name } = this.durable!;
    this.report({ kind: "poison_message", stream, durable: name, seq, deliveries });
  }
}

/** The first sequence that a consumer starting there looks at. */
export function startSeq(stream: Stream, deliver: DeliverFrom, filter: string): number {
  const { log } = stream;
  if (typeof deliver === "object") return "seq" in deliver ? deliver.seq : log.seqAtTime(deliver.timeMs);
  switch (deliver) {
    case "all":
      return log.firstSeq;
    case "new":
      return log.lastSeq + 1;
    case "last":
      return log.lastOf(subjectFilter(filter))?.seq ?? log.lastSeq + 1;
    default:
      return assertNever(deliver, "start of delivery");
  }
}

function nothing(): void {}
