import type { JetStreamManager } from "@nats-io/jetstream";
import type { NatsConnection, Msg as WireMsg } from "@nats-io/transport-node";
import { QikiError } from "#base/error.ts";
import type { StreamDefinition } from "#contracts/streams.ts";
import { CountBook } from "../counts.ts";
import { durableOf } from "../definitions.ts";
import { Delivery } from "../delivery.ts";
import { closedError, noStreamError, timeoutError } from "../failures.ts";
import type {
  Bus,
  BusCounts,
  BusReport,
  BusStatus,
  ConsumeOptions,
  Handler,
  Headers,
  LastValues,
  Msg,
  PublishOptions,
  StoredAt,
  StreamCalls,
  StreamGap,
  StreamMsg,
  SubscribeOptions,
  Subscription,
} from "../port.ts";
import { settleWithin } from "../settle.ts";
import { StatusBoard } from "../status.ts";
import { Turn } from "../turn.ts";
import { checkPayload, ownHeaders, type WireNames } from "../wire.ts";
import { busFailure, connectFailure, notConnected } from "./failures.ts";
import { GapReport } from "./gap-report.ts";
import { encodeHeaders } from "./headers.ts";
import { NatsLastValues, type OpenWatch } from "./last-values.ts";
import { NatsMsg } from "./msg.ts";
import { NatsMessageIterator, openSource, type ReaderSource } from "./message-iterator.ts";
import { PoisonWatch } from "./poison-watch.ts";
import { Sender } from "./sender.ts";
import { natsStreams } from "./streams.ts";
import { Subscriptions } from "./subscriptions.ts";

const API_TIMEOUT_MS = 5_000;
const LOST_AFTER_MS = 30_000;
/** How soon a server that has just begun is asked again for its streams. */
const RESUME_RETRY_MS = 250;

export interface NatsBusOptions {
  readonly servers: readonly string[];
  readonly names: WireNames;
  readonly nowMs: () => number;
  readonly report: (report: BusReport) => void;
}

/**
 * One connection to a NATS server with JetStream. It may be used before the server is there: what is published waits or goes by the
 * rule of its subject, subscriptions begin when `attach` brings the connection, calls that need an answer are refused until then.
 */
export class NatsBus implements Bus {
  readonly streams: StreamCalls;
  private readonly servers: string;
  private readonly names: WireNames;
  private readonly nowMs: () => number;
  private readonly report: (report: BusReport) => void;
  private readonly book = new CountBook();
  private readonly sender: Sender;
  private readonly board: StatusBoard;
  private readonly turn = new Turn();
  private readonly wireSubjects = new Map<string, string>();
  private readonly subscriptions: Subscriptions;
  private readonly iterators = new Set<NatsMessageIterator>();
  private readonly watches = new Set<OpenWatch>();
  private readonly buckets = new Map<string, NatsLastValues>();
  /** Streams as they were ensured: after an outage the server may have lost them. */
  private readonly ensured = new Map<string, StreamDefinition>();
  private readonly poison: PoisonWatch;
  private readonly gaps: GapReport;
  private nc: NatsConnection | undefined;
  /** Whether the server can be reached, though it may not be ready yet. */
  private isWireUp = false;
  private source: Promise<ReaderSource> | undefined;
  private lostTimer: ReturnType<typeof setTimeout> | undefined;
  private state: "open" | "draining" | "closed" = "open";
  private draining: Promise<{ readonly leftover: number }> | undefined;

  constructor({ servers, names, nowMs, report }: NatsBusOptions) {
    this.servers = servers.join(", ");
    this.names = names;
    this.nowMs = nowMs;
    this.report = report;
    this.gaps = new GapReport((stream, missed) => report({ kind: "stream_gap", stream: names.incomingStore(stream), missed }));
    this.sender = new Sender({
      nowMs,
      onMissed: (stream, missed) => {
        this.book.missed += missed;
        this.gaps.add(stream, missed);
      },
    });
    this.subscriptions = new Subscriptions(names, (error) => report({ kind: "bus_error", error }));
    this.poison = new PoisonWatch((message) => {
      this.book.poisoned += 1;
      report({ kind: "poison_message", ...message });
    });
    this.board = new StatusBoard(nowMs(), "reconnecting");
    this.streams = this.streamCalls();
    this.startLostTimer();
  }

  /** Brings the connection; the bus is connected from then on. */
  attach(nc: NatsConnection): void {
    this.nc = nc;
    this.isWireUp = true;
    this.sender.attach(nc);
    this.poison.attach(nc);
    this.subscriptions.attach(nc);
    void this.followStatus(nc);
    if (this.ensured.size === 0) this.resumed();
    else void this.resume();
  }

  /** Why there is no connection yet. */
  noteFailure(error: Error): void {
    this.board.note(error);
  }

  status(): BusStatus {
    return this.board.read();
  }

  onStatus(callback: (status: BusStatus) => void): () => void {
    return this.board.onChange(callback);
  }

  counts(): BusCounts {
    const { outbox } = this.sender;
    return { ...this.book.read(), notSent: Object.fromEntries(outbox.dropped), waiting: outbox.length };
  }

  publish(subject: string, bytes: Uint8Array, options?: PublishOptions): "sent" | "queued" | "dropped" {
    this.assertOpen();
    const wire = this.wireSubject(subject);
    const headers = ownHeaders(options?.headers, options?.msgId);
    const reply = options?.reply === undefined ? undefined : this.names.subject(options.reply);
    checkPayload(subject, bytes, headers);
    // The client keeps what it is given until the socket takes it: the copy lets the caller use its buffer again.
    const own = new Uint8Array(bytes);
    const outcome = this.sender.publish({ subject, wire, bytes: own, headers: encodeHeaders(headers), reply, msgId: options?.msgId });
    if (outcome === "sent") this.book.published += 1;
    return outcome;
  }

  async publishStored(
    subject: string,
    bytes: Uint8Array,
    options: { readonly msgId: string; readonly headers?: Headers; readonly timeoutMs?: number },
  ): Promise<StoredAt> {
    const timeoutMs = options.timeoutMs ?? API_TIMEOUT_MS;
    const answer = await this.ask(subject, bytes, ownHeaders(options.headers, options.msgId), timeoutMs).catch((error: unknown) => {
      const failure = this.state === "closed" ? closedError(error) : busFailure(error, subject, timeoutMs);
      throw failure.code === "no_responders" ? noStreamError(subject, error) : failure;
    });
    const stored = answer.json<{ stream: string; seq: number; duplicate?: boolean; error?: { description: string } }>();
    if (stored.error !== undefined) throw new QikiError("disk", `${subject}: the server did not store it: ${stored.error.description}`);
    return { stream: this.names.incomingStore(stored.stream), seq: stored.seq, duplicate: stored.duplicate === true };
  }

  async barrier(timeoutMs: number): Promise<readonly StreamGap[]> {
    const startedMs = performance.now();
    this.assertOpen();
    // The wire may be up again while what was published still waits for the streams.
    if (!this.isUp()) throw notConnected(this.servers, this.board.read().lastError);
    await this.flush(timeoutMs);
    const gaps = await this.sender.settled(timeoutMs - (performance.now() - startedMs));
    if (gaps === false) throw timeoutError("barrier", timeoutMs);
    return gaps.map(({ stream, ...counts }) => ({ stream: this.names.incomingStore(stream), ...counts }));
  }

  subscribe(pattern: string, handler: Handler, options: SubscribeOptions): Subscription {
    this.assertTakesWork();
    const delivery = new Delivery(handler, options, this.book.tally(options.name), this.turn, this.report);
    return this.subscriptions.open(this.names.pattern(pattern), options.queue, delivery);
  }

  async request(subject: string, bytes: Uint8Array, options: { readonly timeoutMs: number; readonly headers?: Headers }): Promise<Msg> {
    try {
      return new NatsMsg(await this.ask(subject, bytes, ownHeaders(options.headers, undefined), options.timeoutMs), this.names);
    } catch (error) {
      throw this.state === "closed" ? closedError(error) : busFailure(error, subject, options.timeoutMs);
    }
  }

  consume(stream: string, options: ConsumeOptions): AsyncIterableIterator<StreamMsg> {
    this.assertTakesWork();
    const wireStream = this.names.store(stream);
    const filter = this.names.pattern(options.filter ?? ">");
    const durable = durableOf(stream, options, this.names);
    const leaveAdvisory = durable === undefined ? () => {} : this.poison.join(wireStream, durable.name);
    const iterator = new NatsMessageIterator(
      () => this.board.whenConnected().then(() => this.readerSource()),
      { stream: wireStream, filter, deliver: options.deliver, durable, batch: options.batch },
      {
        rename: this.names.incoming,
        onDifferences: (differences) => this.report({ kind: "settings_kept", differences }),
        onFailure: (error) => this.reportFailure(error),
        onEnd: (ended) => {
          this.iterators.delete(ended);
          leaveAdvisory();
        },
      },
    );
    this.iterators.add(iterator);
    return iterator;
  }

  lastValue(bucket: string): LastValues {
    let known = this.buckets.get(bucket);
    if (known === undefined) {
      known = new NatsLastValues(this.names.store(bucket), {
        connection: () => this.connection(),
        isUp: () => this.isUp(),
        assertOpen: () => this.assertOpen(),
        whenConnected: () => this.board.whenConnected(),
        onFailure: (error) => this.reportFailure(error),
        watches: this.watches,
      });
      this.buckets.set(bucket, known);
    }
    return known;
  }

  async flush(timeoutMs: number): Promise<void> {
    const nc = this.connection();
    this.sender.flushHeld();
    let failure: unknown;
    const flushed = nc.flush().catch((error: unknown) => {
      failure = error;
    });
    if (!(await settleWithin([flushed], timeoutMs))) throw timeoutError("flush", timeoutMs);
    if (failure !== undefined) throw busFailure(failure, "flush", timeoutMs);
  }

  drain(timeoutMs: number): Promise<{ readonly leftover: number }> {
    this.draining ??= this.drainOnce(timeoutMs);
    return this.draining;
  }

  async close(): Promise<void> {
    if (this.state !== "closed") {
      this.state = "closed";
      this.subscriptions.discard();
      for (const iterator of this.iterators) iterator.stop();
      for (const watch of this.watches) watch.changes.end();
      for (const bucket of this.buckets.values()) bucket.close();
    }
    await this.nc?.close();
    this.noteClosed(undefined);
  }

  private async drainOnce(timeoutMs: number): Promise<{ readonly leftover: number }> {
    this.assertOpen();
    this.state = "draining";
    const deadlineMs = performance.now() + timeoutMs;
    this.subscriptions.stopAccepting();
    for (const iterator of this.iterators) iterator.drain();
    await settleWithin([this.subscriptions.idle(), ...[...this.iterators].map((iterator) => iterator.idle())], timeoutMs);
    let leftover = this.subscriptions.left;
    for (const iterator of this.iterators) leftover += iterator.left;
    if (this.isUp()) {
      const left = (): number => Math.max(deadlineMs - performance.now(), 100);
      await this.flush(left()).catch((error: Error) => this.reportFailure(error));
      await this.sender.settled(left());
    }
    leftover += this.sender.outbox.length;
    await this.close();
    return { leftover };
  }

  private async ask(subject: string, bytes: Uint8Array, headers: Headers, timeoutMs: number): Promise<WireMsg> {
    const nc = this.connection();
    checkPayload(subject, bytes, headers);
    const encoded = encodeHeaders(headers);
    this.book.published += 1;
    this.sender.flushHeld();
    return nc.request(this.wireSubject(subject), new Uint8Array(bytes), {
      timeout: timeoutMs,
      ...(encoded && { headers: encoded }),
    });
  }

  private readerSource(): Promise<ReaderSource> {
    try {
      const nc = this.connection();
      this.source ??= openSource(nc);
    } catch (error) {
      return Promise.reject(error as Error);
    }
    const { source } = this;
    source.catch(() => {
      if (this.source === source) this.source = undefined;
    });
    return source;
  }

  private streamCalls(): StreamCalls {
    const manager = async (): Promise<JetStreamManager> => (await this.readerSource()).jsm;
    return natsStreams(manager, this.names, (definition, wanted, subjects) => {
      this.ensured.set(definition.name, definition);
      this.sender.ledger.watch(wanted.name, subjects, wanted.dedupWindowMs);
    });
  }

  private async followStatus(nc: NatsConnection): Promise<void> {
    for await (const status of nc.status()) {
      if (status.type === "disconnect") {
        this.isWireUp = false;
        this.sender.pause();
        this.board.set("reconnecting", this.nowMs());
        this.startLostTimer();
      } else if (status.type === "reconnect") {
        this.isWireUp = true;
        this.book.reconnects += 1;
        void this.resume();
      } else if (status.type === "error") {
        this.noteFailure(connectFailure(this.servers, status.error));
        this.reportFailure(status.error);
      }
    }
    this.noteClosed((await nc.closed()) ?? undefined);
  }

  /** The server is back: its streams are ensured, then everything goes on. */
  private async resume(): Promise<void> {
    const { reconnects } = this.book;
    for (;;) {
      try {
        this.source = undefined;
        const { jsm } = await this.readerSource();
        for (const definition of this.ensured.values())
          await natsStreams(
            async () => jsm,
            this.names,
            () => {},
          ).ensure(definition);
        break;
      } catch (error) {
        this.reportFailure(error as Error);
        await new Promise((done) => setTimeout(done, RESUME_RETRY_MS));
      }
      // Another outage has begun, or everything has ended: whoever comes next goes on.
      if (this.book.reconnects !== reconnects || this.state === "closed") return;
    }
    if (this.book.reconnects === reconnects && this.state !== "closed") this.resumed();
  }

  private resumed(): void {
    clearTimeout(this.lostTimer);
    this.sender.resume();
    this.board.set("connected", this.nowMs());
    for (const iterator of this.iterators) iterator.refetch();
    for (const watch of this.watches) watch.again();
    for (const bucket of this.buckets.values()) bucket.resume();
  }

  private isUp(): boolean {
    return this.board.read().state === "connected";
  }

  /** @throws QikiError closed; not_reachable while there is no connection: nothing that asks for an answer is sent later */
  private connection(): NatsConnection {
    this.assertOpen();
    if (this.nc === undefined || !this.isWireUp) throw notConnected(this.servers, this.board.read().lastError);
    return this.nc;
  }

  private startLostTimer(): void {
    clearTimeout(this.lostTimer);
    this.lostTimer = setTimeout(() => this.board.set("lost", this.nowMs()), LOST_AFTER_MS);
    this.lostTimer.unref();
  }

  private noteClosed(error: Error | undefined): void {
    clearTimeout(this.lostTimer);
    this.gaps.stop();
    this.state = "closed";
    this.board.set("closed", this.nowMs(), error);
  }

  private reportFailure(error: Error): void {
    if (this.state !== "closed") this.report({ kind: "bus_error", error });
  }

  private wireSubject(subject: string): string {
    let wire = this.wireSubjects.get(subject);
    if (wire !== undefined) return wire;
    wire = this.names.subject(subject);
    if (this.wireSubjects.size >= 4_096) this.wireSubjects.clear();
    this.wireSubjects.set(subject, wire);
    return wire;
  }

  private assertOpen(): void {
    if (this.state === "closed") throw closedError();
  }

  /** A draining bus still publishes for its handlers but begins nothing new. */
  private assertTakesWork(): void {
    if (this.state !== "open") throw closedError();
  }
}
