import { QikiError } from "#base/error.ts";
import type { DurableDefinition, StreamDefinition } from "#contracts/streams.ts";
import { durableDifferences, streamDifferences, widenSubjects } from "../ensure.ts";
import { streamUnknown, subjectTaken } from "../failures.ts";
import type { BusReport, Ensured, Headers, Msg, StoredAt, StreamInfo } from "../port.ts";
import { Slab } from "../slab.ts";
import { INBOX_PREFIX, overlap } from "../subject.ts";
import { SubjectTrie } from "../subject-trie.ts";
import { Turn } from "../turn.ts";
import type { BusFile } from "./bus-file.ts";
import { Consumer, startSeq } from "./consumer.ts";
import { LastValueStore } from "./last-value-store.ts";
import { Stream } from "./stream.ts";

const WRITE_EVERY_MS = 100;
/** Messages per stream in one transaction, and the pause to the next when there are more. */
const WRITE_MESSAGES_MAX = 1_000;
const WRITE_MORE_MS = 5;
const RETRY_WRITE_MS = 1_000;
const ROUTES_MAX = 4_096;

/** A subscription as the broker sees it. Members of a queue group carry its name. */
export interface Receiver {
  readonly queue: string | undefined;
  push(msg: Msg): void;
}

/** Who gets the messages of one subject. */
interface Route {
  readonly singles: readonly Receiver[];
  readonly groups: readonly Group[];
  readonly stream: Stream | undefined;
}

interface Group {
  readonly members: readonly Receiver[];
  next: number;
}

export interface BrokerOptions {
  readonly nowMs: () => number;
  readonly report: (report: BusReport) => void;
  readonly file: BusFile | undefined;
}

/** What all connections of the embedded bus share: routing, streams, last values and their file. Subjects here are wire subjects. */
export class Broker {
  readonly turn = new Turn();
  readonly nowMs: () => number;
  readonly report: (report: BusReport) => void;
  /** Stream messages given up after their last delivery. */
  poisoned = 0;
  private readonly file: BusFile | undefined;
  private readonly receivers = new SubjectTrie<Receiver>();
  private readonly captures = new SubjectTrie<Stream>();
  private readonly routes = new Map<string, Route>();
  private readonly inboxes = new Map<string, (msg: Msg) => void>();
  private inboxCount = 0;
  private readonly slab = new Slab();
  private readonly streams = new Map<string, Stream>();
  private readonly stores = new Map<string, LastValueStore>();
  private readonly dirtyStreams = new Set<Stream>();
  private readonly dirtyStores = new Set<LastValueStore>();
  private writeTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: BrokerOptions) {
    this.nowMs = options.nowMs;
    this.report = (report) => {
      if (report.kind === "poison_message") this.poisoned += 1;
      options.report(report);
    };
    this.file = options.file;
    for (const row of this.file?.streams() ?? []) {
      const stream = new Stream(row.definition, this.noteStream, this.nowMs(), row.file, row.start);
      this.admit(stream, false);
      for (const { definition, nextSeq, pending } of this.file!.durables(row.definition.name)) {
        const start = { filter: definition.filter, nextSeq, durable: { definition, pending } };
        this.addConsumer(stream, new Consumer(stream, start, this.report));
      }
    }
  }

  addReceiver(pattern: string, receiver: Receiver): void {
    this.receivers.insert(pattern, receiver);
    this.routes.clear();
  }

  removeReceiver(pattern: string, receiver: Receiver): void {
    this.receivers.remove(pattern, receiver);
    this.routes.clear();
  }

  /** A subject of its own for the answer to one request. */
  openInbox(onAnswer: (msg: Msg) => void): string {
    this.inboxCount += 1;
    const inbox = `${INBOX_PREFIX}${this.inboxCount}`;
    this.inboxes.set(inbox, onAnswer);
    return inbox;
  }

  closeInbox(inbox: string): void {
    this.inboxes.delete(inbox);
  }

  /** Whether somebody would get a message of that subject. */
  isHeard(subject: string): boolean {
    const { singles, groups, stream } = this.route(subject);
    return singles.length > 0 || groups.length > 0 || stream !== undefined;
  }

  /** Hands out one message; the result tells where a stream put it. The headers must not change afterwards. */
  publish(subject: string, bytes: Uint8Array, headers: Headers, reply: string | undefined): StoredAt | undefined {
    const { singles, groups, stream } = this.route(subject);
    const stored = stream?.append(subject, headers, bytes, this.nowMs());
    const inbox = this.inboxes.size > 0 ? this.inboxes.get(subject) : undefined;
    if (singles.length + groups.length > 0 || inbox !== undefined) {
      const msg: Msg = { subject, bytes: this.slab.copy(bytes), headers, reply };
      for (let at = 0; at < singles.length; at += 1) singles[at]!.push(msg);
      for (const group of groups) {
        group.members[group.next]!.push(msg);
        group.next = (group.next + 1) % group.members.length;
      }
      inbox?.(msg);
    }
    return stored;
  }

  stream(name: string): Stream {
    const stream = this.streams.get(name);
    if (stream === undefined) throw streamUnknown(name);
    stream.log.expire(this.nowMs());
    return stream;
  }

  ensureStream(wanted: StreamDefinition): Ensured {
    const existing = this.streams.get(wanted.name);
    const { subjects, added } = widenSubjects(existing?.definition.subjects ?? [], wanted.subjects);
    for (const other of this.streams.values()) {
      const taken = other === existing ? undefined : other.definition.subjects.find((one) => subjects.some((two) => overlap(one, two)));
      if (taken !== undefined) throw subjectTaken(wanted.name, `stream ${other.definition.name} has ${taken}`);
    }
    if (existing === undefined) {
      const file = this.onDisk(() => this.file?.addStream(wanted));
      this.admit(new Stream(wanted, this.noteStream, this.nowMs(), file), true);
      return { made: true, addedSubjects: [], differences: [] };
    }
    if (added.length > 0) this.widen(existing, subjects);
    return { made: false, addedSubjects: added, differences: streamDifferences(existing.definition, wanted) };
  }

  ensureDurable(wanted: DurableDefinition): { readonly consumer: Consumer; readonly ensured: Ensured } {
    const stream = this.stream(wanted.stream);
    const existing = stream.durables.get(wanted.name);
    if (existing !== undefined) {
      const differences = durableDifferences(existing.durable!, wanted);
      return { consumer: existing, ensured: { made: false, addedSubjects: [], differences } };
    }
    const nextSeq = startSeq(stream, wanted.deliver, wanted.filter);
    const start = { filter: wanted.filter, nextSeq, durable: { definition: wanted, pending: [] } };
    const consumer = new Consumer(stream, start, this.report);
    this.addConsumer(stream, consumer);
    stream.noteChange();
    return { consumer, ensured: { made: true, addedSubjects: [], differences: [] } };
  }

  info(name: string): StreamInfo {
    const { definition, log, durables } = this.stream(name);
    return {
      name,
      subjects: definition.subjects,
      messages: log.messages,
      bytes: log.bytes,
      firstSeq: log.firstSeq,
      lastSeq: log.lastSeq,
      durables: [...durables].map(([durable, consumer]) => ({
        name: durable,
        pending: consumer.pending(),
        ackPending: consumer.ackPending,
      })),
    };
  }

  store(bucket: string): LastValueStore {
    let store = this.stores.get(bucket);
    if (store === undefined) {
      store = new LastValueStore(bucket, this.file?.lastValues(bucket) ?? [], this.noteStore);
      this.stores.set(bucket, store);
    }
    return store;
  }

  /** Brings the file up to date. False when that failed: it was reported and is tried again. */
  write(): boolean {
    while (this.dirtyStreams.size > 0 || this.dirtyStores.size > 0) if (!this.writePart()) return false;
    return true;
  }

  close(): void {
    for (const stream of this.streams.values()) for (const consumer of stream.consumers) consumer.close();
    this.write();
    clearTimeout(this.writeTimer);
    this.file?.close();
  }

  /** Writes a part small enough not to hold up a tick. */
  private writePart(): boolean {
    clearTimeout(this.writeTimer);
    this.writeTimer = undefined;
    const { file } = this;
    if (file === undefined) return true;
    const values = [...this.dirtyStores].map((store) => ({ store, rows: store.takeUnwritten() }));
    const written = new Map<Stream, number>();
    try {
      file.transaction(() => {
        for (const stream of this.dirtyStreams) written.set(stream, stream.write(file, WRITE_MESSAGES_MAX));
        for (const { store, rows } of values) for (const row of rows) file.saveLastValue(store.bucket, row);
      });
    } catch (error) {
      for (const { store, rows } of values) store.giveBack(rows);
      this.report({ kind: "bus_error", error: diskError(error) });
      this.writeLater(RETRY_WRITE_MS);
      return false;
    }
    for (const [stream, seq] of written) {
      stream.markWritten(seq);
      if (!stream.isDirty) this.dirtyStreams.delete(stream);
    }
    this.dirtyStores.clear();
    if (this.dirtyStreams.size > 0) this.writeLater(WRITE_MORE_MS);
    return true;
  }

  private route(subject: string): Route {
    let route = this.routes.get(subject);
    if (route !== undefined) return route;
    const receivers = this.receivers.find(subject);
    const groups = new Map<string, Receiver[]>();
    for (const receiver of receivers) {
      if (receiver.queue === undefined) continue;
      const members = groups.get(receiver.queue);
      if (members === undefined) groups.set(receiver.queue, [receiver]);
      else members.push(receiver);
    }
    route = {
      singles: receivers.filter((receiver) => receiver.queue === undefined),
      groups: [...groups.values()].map((members) => ({ members, next: 0 })),
      stream: this.captures.find(subject)[0],
    };
    if (subject.startsWith(INBOX_PREFIX)) return route;
    if (this.routes.size >= ROUTES_MAX) this.routes.clear();
    this.routes.set(subject, route);
    return route;
  }

  /** Takes a stream in; a new one copies what its source holds already. */
  private admit(stream: Stream, isNew: boolean): void {
    const { name, subjects, source } = stream.definition;
    this.streams.set(name, stream);
    for (const pattern of subjects) this.captures.insert(pattern, stream);
    this.routes.clear();
    if (source !== undefined) this.streams.get(source.stream)?.copyTo(stream, source.filter, isNew ? this.nowMs() : undefined);
    for (const other of this.streams.values()) {
      const from = other === stream ? undefined : other.definition.source;
      if (from?.stream === name) stream.copyTo(other, from.filter, undefined);
    }
  }

  private widen(stream: Stream, subjects: readonly string[]): void {
    const definition = { ...stream.definition, subjects };
    this.onDisk(() => stream.file?.saveDefinition(definition));
    for (const pattern of stream.definition.subjects) this.captures.remove(pattern, stream);
    for (const pattern of subjects) this.captures.insert(pattern, stream);
    stream.definition = definition;
    this.routes.clear();
  }

  private addConsumer(stream: Stream, consumer: Consumer): void {
    stream.durables.set(consumer.durable!.name, consumer);
    stream.consumers.add(consumer);
  }

  private readonly noteStream = (stream: Stream): void => {
    if (this.file === undefined) return;
    this.dirtyStreams.add(stream);
    this.writeLater(WRITE_EVERY_MS);
  };

  private readonly noteStore = (store: LastValueStore): void => {
    if (this.file === undefined) return;
    this.dirtyStores.add(store);
    this.writeLater(WRITE_EVERY_MS);
  };

  private writeLater(afterMs: number): void {
    this.writeTimer ??= setTimeout(() => this.writePart(), afterMs);
  }

  private onDisk<Result>(change: () => Result): Result {
    try {
      return change();
    } catch (error) {
      throw diskError(error);
    }
  }
}

function diskError(error: unknown): QikiError {
  return new QikiError("disk", `bus file: ${(error as Error).message}; messages stay in memory until it can be written`, error);
}
