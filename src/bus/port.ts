import type { DeliverFrom, DurableDefinition, StreamDefinition } from "#contracts/streams.ts";

/** Header names and values; a value holds no line break. */
export type Headers = Readonly<Record<string, string>>;

/** A message as a subscription or a request gets it. Its bytes belong to the receiver and are not written to. */
export interface Msg {
  /** As the publisher named it, without the connection's prefix. */
  readonly subject: string;
  readonly bytes: Uint8Array;
  readonly headers: Headers;
  /** Where an answer goes: `bus.publish(msg.reply, …)`. Inboxes lie outside every prefix. */
  readonly reply: string | undefined;
}

export type Handler = (msg: Msg) => void | Promise<void>;
export type Unsubscribe = () => void;

export interface BusStatus {
  readonly state: "connected" | "reconnecting" | "lost" | "closed";
  /** Wall time at which this state began, milliseconds since 1970. */
  readonly sinceMs: number;
  readonly lastError?: Error;
}

export interface PublishOptions {
  readonly headers?: Headers;
  /** Becomes the header `Nats-Msg-Id`; a stream stores an id once per window. */
  readonly msgId?: string;
  readonly reply?: string;
}

export interface StoredAt {
  readonly stream: string;
  readonly seq: number;
  readonly duplicate: boolean;
}

/** What `drop_*` does when maxPending messages or 16 MiB wait for the handler. A stream consumer never drops: it pulls. */
export type Overflow = "drop_oldest" | "drop_newest";

export interface SubscribeOptions {
  /** Under this name messages, drops and errors are counted. */
  readonly name: string;
  /** Members of one queue group share the messages: each message goes to one of them. */
  readonly queue?: string;
  /** Messages that may wait for the handler; 8,192 unless told. */
  readonly maxPending?: number;
  /** `drop_oldest` unless told. */
  readonly overflow?: Overflow;
}

export interface Subscription {
  /** Ends at once; waiting messages are not handled. */
  unsubscribe(): void;
  /** Takes no more messages and resolves when those that wait are handled. */
  drain(): Promise<void>;
}

/** Sums since the connection opened; names of ended subscriptions stay. */
export interface BusCounts {
  readonly published: number;
  /** Publishes that an outage swallowed, by subject. */
  readonly notSent: Readonly<Record<string, number>>;
  /** Publishes that wait for the end of an outage, now. */
  readonly waiting: number;
  readonly handled: Readonly<Record<string, number>>;
  readonly dropped: Readonly<Record<string, number>>;
  readonly handlerErrors: Readonly<Record<string, number>>;
  /** Stream messages given up after their last delivery. */
  readonly poisoned: number;
  readonly reconnects: number;
  /** Publishes that their stream did not take. */
  readonly missed: number;
}

/** What the bus tells its owner without being asked, to log and to audit. */
export type BusReport =
  | { readonly kind: "handler_error"; readonly name: string; readonly subject: string; readonly error: unknown }
  | {
      readonly kind: "poison_message";
      readonly stream: string;
      readonly durable: string;
      readonly seq: number;
      readonly deliveries: number;
    }
  /** Messages that were published into a stream and are not in it. */
  | { readonly kind: "stream_gap"; readonly stream: string; readonly missed: number }
  | { readonly kind: "settings_kept"; readonly differences: readonly SettingDifference[] }
  | { readonly kind: "bus_error"; readonly error: Error };

export interface SettingDifference {
  /** `QIKI_EVENTS_V1.maxBytes` or `QIKI_RADAR_V1/radar_frames_pull.ackWaitMs`. */
  readonly setting: string;
  readonly kept: string;
  readonly wanted: string;
}

export interface Ensured {
  readonly made: boolean;
  readonly addedSubjects: readonly string[];
  /** Settings in which the existing one differs; they stay as they are. */
  readonly differences: readonly SettingDifference[];
}

export interface StreamInfo {
  readonly name: string;
  readonly subjects: readonly string[];
  readonly messages: number;
  readonly bytes: number;
  /** Sequence of the oldest message kept; lastSeq + 1 when there is none. */
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly durables: readonly DurableInfo[];
}

export interface DurableInfo {
  readonly name: string;
  /** Messages not delivered yet: the durable's lag together with `ackPending`. */
  readonly pending: number;
  /** Delivered and waiting for an acknowledgement. */
  readonly ackPending: number;
}

export interface StoredMsg {
  readonly seq: number;
  /** Wall time of storing, milliseconds since 1970. */
  readonly timeMs: number;
  readonly subject: string;
  readonly bytes: Uint8Array;
  readonly headers: Headers;
}

/** Without a durable nothing waits for acknowledgement: the four calls do nothing. On a closed bus they do nothing either. */
export interface StreamMsg extends StoredMsg {
  /** 1 at the first delivery. */
  readonly deliveries: number;
  /** Number of this delivery among all that its consumer made, from 1: whoever reads alone and finds one missing has not got it. */
  readonly delivery: number;
  ack(): void;
  /** Deliver again, after the delay when there is one. */
  nak(delayMs?: number): void;
  /** Never deliver again. */
  term(): void;
  /** Still at it: ackWaitMs starts anew. */
  working(): void;
}

export interface ConsumeOptions {
  /** Name of a durable: acknowledged explicitly, resumed after a restart, shared by all who consume it. */
  readonly durable?: string;
  /** One pattern; every message of the stream unless told. */
  readonly filter?: string;
  /** Where a new durable, or a consumer without one, starts. */
  readonly deliver: DeliverFrom;
  /** 45 s unless told. */
  readonly ackWaitMs?: number;
  /** 7 unless told; then the message is given up and reported as `poison_message`. */
  readonly maxDeliver?: number;
  /** 512 unless told; more deliveries wait until earlier ones are acknowledged. */
  readonly maxAckPending?: number;
  /** Messages fetched ahead where fetching costs a round trip; 256 unless told. */
  readonly batch?: number;
}

export interface StreamCalls {
  /** Makes the stream; one that exists only gains missing subjects. @throws QikiError config_invalid when another stream has a subject */
  ensure(definition: StreamDefinition): Promise<Ensured>;
  /** Makes the durable before its reader comes. @throws QikiError stream_unknown */
  ensureDurable(definition: DurableDefinition): Promise<Ensured>;
  /** @throws QikiError stream_unknown */
  info(name: string): Promise<StreamInfo>;
  /** The message, or undefined when the stream does not hold it. `lastFor` is a subject without wildcards. @throws QikiError stream_unknown */
  get(name: string, which: { readonly seq: number } | { readonly lastFor: string }): Promise<StoredMsg | undefined>;
  /** Removes every message; sequences go on. @throws QikiError stream_unknown */
  purge(name: string): Promise<void>;
}

export interface LastValueEntry {
  readonly key: string;
  readonly bytes: Uint8Array;
  /** Grows with every change in the bucket. */
  readonly revision: number;
}

/** `bytes` is undefined when the key was deleted. */
export interface LastValueChange {
  readonly key: string;
  readonly bytes: Uint8Array | undefined;
  readonly revision: number;
}

/** Keys match `[-/_=.A-Za-z0-9]+` without empty parts between points; else QikiError bad_subject. */
export interface LastValues {
  get(key: string): Promise<LastValueEntry | undefined>;
  /** Resolves with the revision. @throws QikiError revision_mismatch unless `ifRevision` is the key's revision, 0 for an absent key */
  put(key: string, bytes: Uint8Array, options?: { readonly ifRevision?: number }): Promise<number>;
  delete(key: string): Promise<void>;
  /**
   * Changes of the keys that start with the prefix ("" is all), with `existing` first what is there, deleted keys left out.
   * A slow reader may miss a value between two, never the last. Ends when the bus closes.
   */
  watch(prefix: string, options: { readonly existing: boolean }): AsyncIterable<LastValueChange>;
}

/** Messages of a stream that were published and are not in it. */
export interface StreamGap {
  readonly stream: string;
  readonly expected: number;
  readonly stored: number;
}

/**
 * One connection to the bus (operations §3). Subjects are `[A-Za-z0-9_-]+` joined by points, at most 255 bytes; patterns
 * also know `*` (one token) and `>` (one or more at the end); anything else throws QikiError bad_subject. Every call on a
 * closed bus throws or rejects with QikiError closed, but `close`, `status` and `counts`.
 */
export interface Bus {
  status(): BusStatus;
  /** Calls back at every change of state. */
  onStatus(callback: (status: BusStatus) => void): Unsubscribe;
  counts(): BusCounts;

  /**
   * Sends without waiting: core subscribers get it at most once, in the order of this publisher; a stream that captures the
   * subject stores it. The bytes are copied, no handler runs inside. An outage gives `queued` or `dropped` by the rule of the
   * subject (contracts/outage.ts), never a throw.
   * @throws QikiError bad_subject, or payload_too_large when bytes and encoded headers exceed 1 MiB
   */
  publish(subject: string, bytes: Uint8Array, options?: PublishOptions): "sent" | "queued" | "dropped";
  /** Resolves when a stream has the message. @throws QikiError no_responders without such a stream, or timeout (5 s unless told) */
  publishStored(
    subject: string,
    bytes: Uint8Array,
    options: { readonly msgId: string; readonly headers?: Headers; readonly timeoutMs?: number },
  ): Promise<StoredAt>;
  /**
   * Resolves when what was published before is stored in the streams that were ensured here, with those that did not take all
   * that was published to them since the last barrier; a repeated message id counts as taken.
   * @throws QikiError timeout when the bus does not answer
   */
  barrier(timeoutMs: number): Promise<readonly StreamGap[]>;

  /** One message at a time: the next waits for the handler's promise. A throw is counted and reported; the subscription lives. */
  subscribe(pattern: string, handler: Handler, options: SubscribeOptions): Subscription;
  /** The first answer. For subjects that no stream captures. @throws QikiError no_responders, timeout, closed */
  request(subject: string, bytes: Uint8Array, options: { readonly timeoutMs: number; readonly headers?: Headers }): Promise<Msg>;

  readonly streams: StreamCalls;
  /**
   * Messages of a stream in the order of their sequence, at least once with a durable; a redelivery comes when it is due, after newer
   * ones (`InOrderReader` puts them in order). Without a durable each comes once, through outages too.
   * The iterator pulls, so a slow reader blocks nobody. It ends when the bus drains or closes, and by
   * `return`; what was fetched ahead (`batch`) and not acknowledged then comes again after ackWaitMs.
   * @throws QikiError stream_unknown (from the first `next`)
   */
  consume(stream: string, options: ConsumeOptions): AsyncIterableIterator<StreamMsg>;
  /** The bucket of that name, made when first used. */
  lastValue(bucket: string): LastValues;

  /** Resolves when everything published before has left this process and reached its own subscriptions' queues. @throws QikiError timeout */
  flush(timeoutMs: number): Promise<void>;
  /** Takes no more deliveries, lets handlers and consumer loops finish, flushes, closes. Resolves with the messages left unhandled. */
  drain(timeoutMs: number): Promise<{ readonly leftover: number }>;
  /** Closes at once; again is the same. */
  close(): Promise<void>;
}
