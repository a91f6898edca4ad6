import { type JetStreamClient, type JetStreamManager, jetstream, jetstreamManager } from "@nats-io/jetstream";
import type { NatsConnection, Msg as WireMsg } from "@nats-io/transport-node";
import { QikiError } from "#base/error.ts";
import type { ChangeIterator } from "../change-iterator.ts";
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
import { busFailure } from "./failures.ts";
import { GrowthBook } from "./growth.ts";
import { decodeHeaders, encodeHeaders } from "./headers.ts";
import { natsLastValues } from "./last-values.ts";
import { NatsMessageIterator, type ReaderSource } from "./message-iterator.ts";
import { PoisonWatch } from "./poison-watch.ts";
import { natsStreams } from "./streams.ts";

const API_TIMEOUT_MS = 5_000;
const LOST_AFTER_MS = 30_000;
/** A stream that has not grown for so long will not grow any more. */
const SETTLED_MS = 250;

interface OpenSubscription {
  readonly delivery: Delivery;
  readonly leave: () => void;
}

export interface NatsBusOptions {
  readonly nc: NatsConnection;
  readonly names: WireNames;
  readonly nowMs: () => number;
  readonly report: (report: BusReport) => void;
}

/** One connection to a NATS server with JetStream. */
export class NatsBus implements Bus {
  readonly streams: StreamCalls;
  private readonly nc: NatsConnection;
  private readonly names: WireNames;
  private readonly nowMs: () => number;
  private readonly report: (report: BusReport) => void;
  private readonly book = new CountBook();
  private readonly growth = new GrowthBook();
  private readonly board: StatusBoard;
  private readonly turn = new Turn();
  private readonly wireSubjects = new Map<string, string>();
  private readonly subscriptions = new Set<OpenSubscription>();
  private readonly iterators = new Set<NatsMessageIterator>();
  private readonly watches = new Set<ChangeIterator>();
  private readonly poison: PoisonWatch;
  private source: { readonly js: JetStreamClient; readonly jsm: Promise<JetStreamManager> } | undefined;
  private lostTimer: ReturnType<typeof setTimeout> | undefined;
  private state: "open" | "draining" | "closed" = "open";
  private draining: Promise<{ readonly leftover: number }> | undefined;

  constructor({ nc, names, nowMs, report }: NatsBusOptions) {
    this.nc = nc;
    this.names = names;
    this.nowMs = nowMs;
    this.report = report;
    this.poison = new PoisonWatch(nc, (message) => {
      this.book.poisoned += 1;
      report({ kind: "poison_message", ...message });
    });
    this.board = new StatusBoard(nowMs());
    this.streams = this.streamCalls();
    void this.followStatus();
  }

  status(): BusStatus {
    return this.board.read();
  }

  onStatus(callback: (status: BusStatus) => void): () => void {
    return this.board.onChange(callback);
  }

  counts(): BusCounts {
    return this.book.read();
  }

  publish(subject: string, bytes: Uint8Array, options?: PublishOptions): "sent" | "dropped" {
    this.assertOpen();
    const wire = this.wireSubject(subject);
    const headers = ownHeaders(options?.headers, options?.msgId);
    const reply = options?.reply === undefined ? undefined : this.names.subject(options.reply);
    checkPayload(subject, bytes, headers);
    if (this.board.read().state !== "connected") {
      this.book.notSent += 1;
      return "dropped";
    }
    const encoded = encodeHeaders(headers);
    // The client keeps what it is given until the socket takes it: the copy lets the caller use its buffer again.
    this.nc.publish(wire, new Uint8Array(bytes), { ...(encoded && { headers: encoded }), ...(reply !== undefined && { reply }) });
    this.growth.notePublished(wire);
    this.book.published += 1;
    return "sent";
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
    if (stored.duplicate !== true) this.growth.notePublished(this.wireSubject(subject));
    return { stream: this.names.incomingStore(stored.stream), seq: stored.seq, duplicate: stored.duplicate === true };
  }

  async barrier(timeoutMs: number): Promise<readonly StreamGap[]> {
    const deadlineMs = performance.now() + timeoutMs;
    await this.flush(timeoutMs);
    const gaps: StreamGap[] = [];
    for (const { stream, baseSeq, published } of this.growth.due()) {
      const lastSeq = await this.grown(stream, baseSeq + published, deadlineMs, timeoutMs);
      this.growth.settle(stream, published, lastSeq);
      const stored = lastSeq - baseSeq;
      if (stored < published) gaps.push({ stream: this.names.incomingStore(stream), expected: published, stored });
    }
    return gaps;
  }

  subscribe(pattern: string, handler: Handler, options: SubscribeOptions): Subscription {
    this.assertTakesWork();
    const delivery = new Delivery(handler, options, this.book.tally(options.name), this.turn, this.report);
    const wire = this.nc.subscribe(this.names.pattern(pattern), {
      ...(options.queue !== undefined && { queue: options.queue }),
      callback: (error, msg) => {
        if (error !== null) this.report({ kind: "bus_error", error });
        else delivery.push(new NatsMsg(msg, this.names));
      },
    });
    const open: OpenSubscription = {
      delivery,
      leave: () => {
        if (!wire.isClosed()) wire.unsubscribe();
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
    const durable = durableOf(wireStream, filter, options);
    const leaveAdvisory = durable === undefined ? () => {} : this.poison.join(wireStream, durable.name);
    const iterator = new NatsMessageIterator(
      () => this.readerSource(),
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
    return natsLastValues(this.nc, this.names.store(bucket), {
      assertOpen: () => this.assertOpen(),
      onFailure: (error) => this.reportFailure(error),
      watches: this.watches,
    });
  }

  async flush(timeoutMs: number): Promise<void> {
    this.assertOpen();
    let failure: unknown;
    const flushed = this.nc.flush().catch((error: unknown) => {
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
      for (const { leave, delivery } of this.subscriptions) {
        leave();
        delivery.discard();
      }
      for (const iterator of this.iterators) iterator.stop();
      for (const watch of this.watches) watch.end();
    }
    await this.nc.close();
    this.noteClosed(undefined);
  }

  private async drainOnce(timeoutMs: number): Promise<{ readonly leftover: number }> {
    this.assertOpen();
    this.state = "draining";
    const deadlineMs = performance.now() + timeoutMs;
    for (const { leave } of this.subscriptions) leave();
    for (const iterator of this.iterators) iterator.drain();
    const idle = [...this.subscriptions].map(({ delivery }) => delivery.idle());
    await settleWithin([...idle, ...[...this.iterators].map((iterator) => iterator.idle())], timeoutMs);
    let leftover = 0;
    for (const { delivery } of this.subscriptions) leftover += delivery.left;
    for (const iterator of this.iterators) leftover += iterator.left;
    await this.flush(Math.max(deadlineMs - performance.now(), 100)).catch((error: Error) => this.reportFailure(error));
    await this.close();
    return { leftover };
  }

  private async ask(subject: string, bytes: Uint8Array, headers: Headers, timeoutMs: number): Promise<WireMsg> {
    this.assertOpen();
    checkPayload(subject, bytes, headers);
    const encoded = encodeHeaders(headers);
    this.book.published += 1;
    return this.nc.request(this.wireSubject(subject), new Uint8Array(bytes), {
      timeout: timeoutMs,
      ...(encoded && { headers: encoded }),
    });
  }

  /** The stream's last sequence once it reaches what is wanted, or once it has stopped growing before it. */
  private async grown(stream: string, wantedSeq: number, deadlineMs: number, timeoutMs: number): Promise<number> {
    const { jsm } = await this.readerSource();
    let lastSeq = -1;
    let changedAtMs = performance.now();
    for (let pauseMs = 1; ; pauseMs = Math.min(pauseMs * 2, 50)) {
      const { state } = await jsm.streams.info(stream).catch((error: unknown) => {
        throw busFailure(error, stream, timeoutMs);
      });
      const nowMs = performance.now();
      if (state.last_seq !== lastSeq) changedAtMs = nowMs;
      lastSeq = state.last_seq;
      if (lastSeq >= wantedSeq || nowMs - changedAtMs >= SETTLED_MS) return lastSeq;
      if (nowMs >= deadlineMs) throw timeoutError(`barrier on ${stream}`, timeoutMs);
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }

  private async readerSource(): Promise<ReaderSource> {
    this.source ??= { js: jetstream(this.nc, { timeout: API_TIMEOUT_MS }), jsm: jetstreamManager(this.nc, { timeout: API_TIMEOUT_MS }) };
    try {
      return { js: this.source.js, jsm: await this.source.jsm };
    } catch (error) {
      this.source = undefined;
      throw error;
    }
  }

  private streamCalls(): StreamCalls {
    const manager = async (): Promise<JetStreamManager> => {
      this.assertOpen();
      return (await this.readerSource()).jsm;
    };
    return natsStreams(manager, this.names, (name, subjects, lastSeq) => this.growth.watch(name, subjects, lastSeq));
  }

  private async followStatus(): Promise<void> {
    for await (const status of this.nc.status()) {
      if (status.type === "disconnect") {
        this.board.set("reconnecting", this.nowMs());
        this.lostTimer = setTimeout(() => this.board.set("lost", this.nowMs()), LOST_AFTER_MS);
        this.lostTimer.unref();
      } else if (status.type === "reconnect") {
        clearTimeout(this.lostTimer);
        this.board.set("connected", this.nowMs());
        for (const iterator of this.iterators) iterator.refetch();
      } else if (status.type === "error") {
        this.reportFailure(status.error);
      }
    }
    this.noteClosed((await this.nc.closed()) ?? undefined);
  }

  private noteClosed(error: Error | undefined): void {
    clearTimeout(this.lostTimer);
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

/** A message off the wire; its headers are decoded when somebody looks. */
class NatsMsg implements Msg {
  readonly subject: string;
  readonly bytes: Uint8Array;
  readonly reply: string | undefined;
  private readonly wire: WireMsg;
  private decoded: Headers | undefined;

  constructor(wire: WireMsg, names: WireNames) {
    this.wire = wire;
    this.subject = names.incoming(wire.subject);
    this.bytes = wire.data;
    this.reply = wire.reply === undefined || wire.reply === "" ? undefined : names.incoming(wire.reply);
  }

  get headers(): Headers {
    this.decoded ??= decodeHeaders(this.wire.headers);
    return this.decoded;
  }
}
