import {
  AckPolicy,
  type ConsumerMessages,
  type JetStreamClient,
  type JetStreamManager,
  type JsMsg,
  jetstream,
  jetstreamManager,
} from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import type { DurableDefinition, DeliverFrom } from "#contracts/streams.ts";
import { Deque } from "../deque.ts";
import type { SettingDifference, StreamMsg } from "../port.ts";
import { busFailure, isMissing } from "./failures.ts";
import { decodeHeaders } from "./headers.ts";
import { ensureDurable, startOf } from "./streams.ts";

const NS_PER_MS = 1_000_000;
const BATCH = 256;
const API_TIMEOUT_MS = 5_000;
const FETCH_MS = 30_000;
const RETRY_MS = 250;
/** A reader without a durable that goes silent for so long is forgotten by the server. */
const FORGET_READER_MS = 300_000;

export interface ReaderSource {
  readonly js: JetStreamClient;
  readonly jsm: JetStreamManager;
}

export async function openSource(nc: NatsConnection): Promise<ReaderSource> {
  return { js: jetstream(nc, { timeout: API_TIMEOUT_MS }), jsm: await jetstreamManager(nc, { timeout: API_TIMEOUT_MS }) };
}

export interface ReaderOptions {
  /** Wire names. */
  readonly stream: string;
  readonly filter: string;
  readonly deliver: DeliverFrom;
  readonly durable: DurableDefinition | undefined;
  readonly batch: number | undefined;
}

export interface ReaderHooks {
  /** The owner's name of a wire subject. */
  readonly rename: (wire: string) => string;
  readonly onDifferences: (differences: readonly SettingDifference[]) => void;
  readonly onFailure: (error: Error) => void;
  readonly onEnd: (iterator: NatsMessageIterator) => void;
}

/**
 * One reader's loop over a consumer. It fetches a batch when it has nothing left, so what is fetched and not read is bounded;
 * the client's own loop goes on fetching whether anybody reads or not.
 */
export class NatsMessageIterator implements AsyncIterableIterator<StreamMsg> {
  private readonly source: () => Promise<ReaderSource>;
  private readonly options: ReaderOptions;
  private readonly hooks: ReaderHooks;
  private readonly fetched = new Deque<JsMsg>();
  private reader: { resolve: (msg: JsMsg | undefined) => void; reject: (error: Error) => void } | undefined;
  private fetching: ConsumerMessages | undefined;
  private isFilling = false;
  /** Without a durable: the server's name of our consumer, and where the next one would start. */
  private ephemeral: string | undefined;
  private nextStart: DeliverFrom;
  /** Number of its newest delivery. */
  private delivered = 0;
  private isDurableKnown = false;
  /** Fetches no more; what is fetched is still given. */
  private isDraining = false;
  /** Gives no more. */
  private isStopped = false;
  private isEnded = false;
  private isInHand = false;
  private readonly idleCallbacks: (() => void)[] = [];

  constructor(source: () => Promise<ReaderSource>, options: ReaderOptions, hooks: ReaderHooks) {
    this.source = source;
    this.options = options;
    this.hooks = hooks;
    this.nextStart = options.deliver;
  }

  /** Messages fetched ahead and in the reader's hands. */
  get left(): number {
    return this.fetched.length + (this.isInHand ? 1 : 0);
  }

  async next(): Promise<IteratorResult<StreamMsg>> {
    this.letGo();
    if (this.isStopped) return this.finish();
    const msg = this.fetched.shift() ?? (this.isDraining ? undefined : await this.wait());
    if (msg === undefined) return this.finish();
    this.isInHand = true;
    return { done: false, value: this.present(msg) };
  }

  return(): Promise<IteratorResult<StreamMsg>> {
    this.stop();
    this.letGo();
    return Promise.resolve(this.finish());
  }

  /** Fetches no more and ends after what is fetched. */
  drain(): void {
    this.isDraining = true;
    this.stopFetching();
    if (this.left === 0) this.finish();
  }

  /** Ends now; what is fetched and not acknowledged comes again after ack_wait, in order. Handed back, server 2.9 would mix it up. */
  stop(): void {
    this.isDraining = true;
    this.isStopped = true;
    this.fetched.clear();
    this.stopFetching();
    if (!this.isInHand) this.finish();
  }

  /** After an outage: what was asked of the server is forgotten there, and what it sent last may have got lost. */
  refetch(): void {
    this.forgetEphemeral();
    this.fetching?.stop();
  }

  /** Resolves when no message is left. */
  idle(): Promise<void> {
    if (this.left === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.idleCallbacks.push(resolve);
    });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  private wait(): Promise<JsMsg | undefined> {
    const { promise, resolve, reject } = Promise.withResolvers<JsMsg | undefined>();
    this.reader = { resolve, reject };
    void this.fill();
    return promise;
  }

  /** Fetches until the reader has what it waits for. */
  private async fill(): Promise<void> {
    if (this.isFilling) return;
    this.isFilling = true;
    while (this.reader !== undefined && !this.isDraining) {
      try {
        await this.fetchBatch();
      } catch (error) {
        if (isMissing(error, "stream")) {
          this.reader?.reject(busFailure(error, this.options.stream, FETCH_MS));
          this.reader = undefined;
          break;
        }
        if (this.isDraining) break;
        this.ephemeral = undefined;
        this.hooks.onFailure(busFailure(error, this.options.stream, FETCH_MS));
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
    this.isFilling = false;
  }

  private async fetchBatch(): Promise<void> {
    const { js, jsm } = await this.source();
    const name = this.options.durable === undefined ? await this.openEphemeral(jsm) : await this.openDurable(jsm, this.options.durable);
    const consumer = await js.consumers.get(this.options.stream, name);
    if (this.isDraining) return;
    this.fetching = await consumer.fetch({ max_messages: this.options.batch ?? BATCH, expires: FETCH_MS });
    for await (const msg of this.fetching) this.take(msg, name);
    this.fetching = undefined;
  }

  private take(msg: JsMsg, from: string): void {
    if (this.isDraining) return;
    if (this.options.durable === undefined && !this.isNextOf(from, msg)) return;
    this.nextStart = { seq: msg.seq + 1 };
    if (this.reader === undefined) this.fetched.push(msg);
    else {
      const { resolve } = this.reader;
      this.reader = undefined;
      resolve(msg);
    }
  }

  /** Whether nothing was lost before a message without a durable, which nobody sends again; else the reader begins anew after the last one. */
  private isNextOf(ephemeral: string, msg: JsMsg): boolean {
    if (this.ephemeral !== ephemeral) return false;
    this.delivered += 1;
    if (msg.info.deliverySequence === this.delivered) return true;
    this.refetch();
    return false;
  }

  /** Has the next fetch begin after the last message taken. */
  private forgetEphemeral(): void {
    const { ephemeral } = this;
    if (ephemeral === undefined) return;
    this.ephemeral = undefined;
    void this.source()
      .then(({ jsm }) => jsm.consumers.delete(this.options.stream, ephemeral))
      .catch(() => {});
  }

  private async openDurable(jsm: JetStreamManager, durable: DurableDefinition): Promise<string> {
    if (!this.isDurableKnown) {
      const { differences } = await ensureDurable(jsm, durable);
      if (differences.length > 0) this.hooks.onDifferences(differences);
      this.isDurableKnown = true;
    }
    return durable.name;
  }

  private async openEphemeral(jsm: JetStreamManager): Promise<string> {
    if (this.ephemeral !== undefined) return this.ephemeral;
    const info = await jsm.consumers.add(this.options.stream, {
      filter_subject: this.options.filter,
      ...startOf(this.nextStart),
      ack_policy: AckPolicy.None,
      mem_storage: true,
      inactive_threshold: FORGET_READER_MS * NS_PER_MS,
    });
    // Should the server lose the consumer, the next one starts where this one did.
    if (typeof this.nextStart !== "object") this.nextStart = { seq: info.delivered.stream_seq + 1 };
    this.ephemeral = info.name;
    this.delivered = 0;
    return info.name;
  }

  private present(msg: JsMsg): StreamMsg {
    const isDurable = this.options.durable !== undefined;
    const tell = (answer: () => void) => () => {
      if (isDurable) quietly(answer);
    };
    return {
      seq: msg.seq,
      timeMs: Math.floor(msg.info.timestampNanos / NS_PER_MS),
      subject: this.hooks.rename(msg.subject),
      bytes: msg.data,
      headers: decodeHeaders(msg.headers),
      deliveries: isDurable ? msg.info.deliveryCount : 1,
      delivery: msg.info.deliverySequence,
      ack: tell(() => msg.ack()),
      nak: (delayMs) => tell(() => msg.nak(delayMs))(),
      term: tell(() => msg.term()),
      working: tell(() => msg.working()),
    };
  }

  private stopFetching(): void {
    this.fetching?.stop();
    this.reader?.resolve(undefined);
    this.reader = undefined;
  }

  private letGo(): void {
    this.isInHand = false;
    if (this.left > 0) return;
    for (const callback of this.idleCallbacks.splice(0)) callback();
  }

  private finish(): IteratorResult<StreamMsg> {
    if (!this.isEnded) {
      this.isEnded = true;
      this.hooks.onEnd(this);
      this.forgetEphemeral();
    }
    return { done: true, value: undefined };
  }
}

/** On a closed connection an acknowledgement is lost and the message comes again. */
function quietly(answer: () => void): void {
  try {
    answer();
  } catch {
    return;
  }
}
