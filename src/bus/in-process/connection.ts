import type { QikiError } from "#base/error.ts";
import type { DurableDefinition } from "#contracts/streams.ts";
import { CountBook } from "../counts.ts";
import { durableOf, wireDurable, wireStream } from "../definitions.ts";
import { Delivery } from "../delivery.ts";
import { closedError, noRespondersError, noStreamError, timeoutError } from "../failures.ts";
import type {
  Bus,
  BusCounts,
  BusReport,
  BusStatus,
  ConsumeOptions,
  Handler,
  Headers,
  LastValueChange,
  LastValues,
  Msg,
  PublishOptions,
  StoredAt,
  StoredMsg,
  StreamCalls,
  StreamGap,
  StreamMsg,
  SubscribeOptions,
  Subscription,
} from "../port.ts";
import { settleWithin } from "../settle.ts";
import { StatusBoard } from "../status.ts";
import { checkPayload, ownHeaders, type WireNames } from "../wire.ts";
import type { Broker } from "./broker.ts";
import { ChangeIterator } from "../change-iterator.ts";
import { Consumer, startSeq } from "./consumer.ts";
import { MessageIterator } from "./message-iterator.ts";
import type { StoredMessage } from "./stored-message.ts";

interface OpenSubscription {
  readonly delivery: Delivery;
  readonly leave: () => void;
}

/** One connection to the embedded broker. */
export class InProcessBus implements Bus {
  readonly streams: StreamCalls;
  private readonly broker: Broker;
  private readonly names: WireNames;
  private readonly book = new CountBook();
  private readonly board: StatusBoard;
  private readonly report: (report: BusReport) => void;
  /** Wire names of subjects published before: looked at once, known for good. */
  private readonly wireSubjects = new Map<string, string>();
  private readonly subscriptions = new Set<OpenSubscription>();
  private readonly iterators = new Set<MessageIterator>();
  private readonly watches = new Set<ChangeIterator>();
  private readonly requests = new Set<(error: QikiError) => void>();
  private readonly onClose: (bus: InProcessBus) => void;
  private state: "open" | "draining" | "closed" = "open";
  private draining: Promise<{ readonly leftover: number }> | undefined;

  constructor(broker: Broker, names: WireNames, onClose: (bus: InProcessBus) => void) {
    this.broker = broker;
    this.names = names;
    this.onClose = onClose;
    this.board = new StatusBoard(broker.nowMs());
    this.report = (report) => broker.report(report);
    this.streams = this.streamCalls();
  }

  status(): BusStatus {
    return this.board.read();
  }

  onStatus(callback: (status: BusStatus) => void): () => void {
    return this.board.onChange(callback);
  }

  counts(): BusCounts {
    return { ...this.book.read(), poisoned: this.broker.poisoned };
  }

  publish(subject: string, bytes: Uint8Array, options?: PublishOptions): "sent" {
    const headers = ownHeaders(options?.headers, options?.msgId);
    const reply = options?.reply === undefined ? undefined : this.names.subject(options.reply);
    this.send(subject, bytes, headers, reply);
    return "sent";
  }

  async publishStored(
    subject: string,
    bytes: Uint8Array,
    options: { readonly msgId: string; readonly headers?: Headers; readonly timeoutMs?: number },
  ): Promise<StoredAt> {
    const stored = this.send(subject, bytes, ownHeaders(options.headers, options.msgId), undefined);
    if (stored === undefined) throw noStreamError(subject);
    return { ...stored, stream: this.names.incomingStore(stored.stream) };
  }

  async barrier(): Promise<readonly StreamGap[]> {
    this.assertOpen();
    return [];
  }

  subscribe(pattern: string, handler: Handler, options: SubscribeOptions): Subscription {
    this.assertTakesWork();
    const wire = this.names.pattern(pattern);
    const delivery = new Delivery(handler, options, this.book.tally(options.name), this.broker.turn, this.report);
    const receiver = {
      queue: options.queue,
      push: (msg: Msg) => {
        const subject = this.names.incoming(msg.subject);
        delivery.push(subject === msg.subject ? msg : { ...msg, subject });
      },
    };
    this.broker.addReceiver(wire, receiver);
    const open: OpenSubscription = {
      delivery,
      leave: () => {
        this.broker.removeReceiver(wire, receiver);
        delivery.stopAccepting();
      },
    };
    this.subscriptions.add(open);
    return {
      unsubscribe: () => {
        if (!this.subscriptions.delete(open)) return;
        open.leave();
        delivery.discard();
      },
      drain: async () => {
        open.leave();
        await delivery.idle();
        this.subscriptions.delete(open);
      },
    };
  }

  async request(subject: string, bytes: Uint8Array, options: { readonly timeoutMs: number; readonly headers?: Headers }): Promise<Msg> {
    this.assertOpen();
    const { timeoutMs } = options;
    if (!this.broker.isHeard(this.wireSubject(subject))) throw noRespondersError(subject);
    let inbox: string | undefined;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let refuse: ((error: QikiError) => void) | undefined;
    try {
      return await new Promise<Msg>((resolve, reject) => {
        refuse = reject;
        this.requests.add(reject);
        timer = setTimeout(() => reject(timeoutError(subject, timeoutMs)), timeoutMs);
        inbox = this.broker.openInbox((msg) => resolve({ ...msg, subject: this.names.incoming(msg.subject) }));
        this.send(subject, bytes, ownHeaders(options.headers, undefined), inbox);
      });
    } finally {
      clearTimeout(timer);
      if (refuse !== undefined) this.requests.delete(refuse);
      if (inbox !== undefined) this.broker.closeInbox(inbox);
    }
  }

  consume(stream: string, options: ConsumeOptions): AsyncIterableIterator<StreamMsg> {
    this.assertTakesWork();
    const wireStream = this.names.store(stream);
    const filter = this.names.pattern(options.filter ?? ">");
    const open = (): Consumer => {
      const definition = durableOf(stream, options, this.names);
      if (definition !== undefined) return this.openDurable(definition);
      const from = this.broker.stream(wireStream);
      const consumer = new Consumer(from, { filter, nextSeq: startSeq(from, options.deliver, filter) }, this.report);
      from.consumers.add(consumer);
      return consumer;
    };
    const iterator = new MessageIterator(open, this.names.incoming, (ended, consumer) => {
      this.iterators.delete(ended);
      if (consumer === undefined || consumer.durable !== undefined) return;
      this.broker.stream(wireStream).consumers.delete(consumer);
      consumer.close();
    });
    this.iterators.add(iterator);
    return iterator;
  }

  lastValue(bucket: string): LastValues {
    const store = () => {
      this.assertOpen();
      return this.broker.store(this.names.store(bucket));
    };
    return {
      get: async (key) => store().get(key),
      put: async (key, bytes, options) => store().put(key, bytes, options?.ifRevision),
      delete: async (key) => store().delete(key),
      watch: (prefix, { existing }) => this.watch(store(), prefix, existing),
    };
  }

  async flush(): Promise<void> {
    this.assertOpen();
    this.broker.write();
    await this.broker.turn.rest();
  }

  drain(timeoutMs: number): Promise<{ readonly leftover: number }> {
    this.draining ??= this.drainOnce(timeoutMs);
    return this.draining;
  }

  async close(): Promise<void> {
    if (this.state === "closed") return;
    this.state = "closed";
    for (const { leave, delivery } of this.subscriptions) {
      leave();
      delivery.discard();
    }
    for (const iterator of this.iterators) iterator.stop();
    for (const watch of this.watches) watch.end();
    for (const refuse of this.requests) refuse(closedError());
    this.broker.write();
    this.onClose(this);
    this.board.set("closed", this.broker.nowMs());
  }

  private async drainOnce(timeoutMs: number): Promise<{ readonly leftover: number }> {
    this.assertOpen();
    this.state = "draining";
    for (const { leave } of this.subscriptions) leave();
    for (const iterator of this.iterators) iterator.stop();
    const idle = [...this.subscriptions].map(({ delivery }) => delivery.idle());
    await settleWithin([...idle, ...[...this.iterators].map((iterator) => iterator.idle())], timeoutMs);
    let leftover = 0;
    for (const { delivery } of this.subscriptions) leftover += delivery.left;
    for (const iterator of this.iterators) leftover += iterator.left;
    await this.close();
    return { leftover };
  }

  private send(subject: string, bytes: Uint8Array, headers: Headers, reply: string | undefined): StoredAt | undefined {
    this.assertOpen();
    const wire = this.wireSubject(subject);
    checkPayload(subject, bytes, headers);
    const stored = this.broker.publish(wire, bytes, headers, reply);
    this.book.published += 1;
    return stored;
  }

  private wireSubject(subject: string): string {
    let wire = this.wireSubjects.get(subject);
    if (wire !== undefined) return wire;
    wire = this.names.subject(subject);
    if (this.wireSubjects.size >= 4_096) this.wireSubjects.clear();
    this.wireSubjects.set(subject, wire);
    return wire;
  }

  private openDurable(definition: DurableDefinition): Consumer {
    const { consumer, ensured } = this.broker.ensureDurable(definition);
    if (ensured.differences.length > 0) this.report({ kind: "settings_kept", differences: ensured.differences });
    return consumer;
  }

  private watch(store: ReturnType<Broker["store"]>, prefix: string, existing: boolean): ChangeIterator {
    const isWatched = ({ key }: { readonly key: string }) => key.startsWith(prefix);
    const iterator: ChangeIterator = new ChangeIterator(existing ? store.existing().filter(isWatched) : [], () => {
      unwatch();
      this.watches.delete(iterator);
    });
    const unwatch = store.watch((change: LastValueChange) => {
      if (isWatched(change)) iterator.push(change);
    });
    this.watches.add(iterator);
    return iterator;
  }

  private streamCalls(): StreamCalls {
    const { broker, names } = this;
    return {
      ensure: async (definition) => {
        this.assertOpen();
        return broker.ensureStream(wireStream(definition, names));
      },
      ensureDurable: async (definition) => {
        this.assertOpen();
        return broker.ensureDurable(wireDurable(definition, names)).ensured;
      },
      info: async (name) => {
        this.assertOpen();
        const info = broker.info(names.store(name));
        const durables = info.durables.map((durable) => ({ ...durable, name: names.incomingDurable(durable.name) }));
        return { ...info, name, subjects: info.subjects.map(names.incoming), durables };
      },
      get: async (name, which) => {
        this.assertOpen();
        const { log } = broker.stream(names.store(name));
        if ("seq" in which) return storedMsg(log.get(which.seq), names);
        const subject = names.subject(which.lastFor);
        return storedMsg(
          log.lastOf((other) => other === subject),
          names,
        );
      },
      purge: async (name) => {
        this.assertOpen();
        broker.stream(names.store(name)).purge();
      },
    };
  }

  private assertOpen(): void {
    if (this.state === "closed") throw closedError();
  }

  /** A draining bus still publishes for its handlers but begins nothing new. */
  private assertTakesWork(): void {
    if (this.state !== "open") throw closedError();
  }
}

function storedMsg(message: StoredMessage | undefined, names: WireNames): StoredMsg | undefined {
  if (message === undefined) return undefined;
  const { seq, timeMs, subject, bytes, headers } = message;
  return { seq, timeMs, subject: names.incoming(subject), bytes, headers };
}
