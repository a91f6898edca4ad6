import type { DurableDefinition } from "#contracts/streams.ts";
import type { Bus, StreamMsg } from "./port.ts";

/**
 * Every message of a durable that comes after a position, once each, in the order of its stream.
 *
 * A durable alone does not give that. What it handed to a process that was then killed, or sent into a connection that broke, comes
 * back only when its time is up, after newer ones. So whoever keeps a position of its own reads through this: where a number is missing
 * among the durable's deliveries, the messages in between are read from the stream itself; what the durable later brings of them is
 * acknowledged and left out.
 */
export class InOrderReader implements AsyncIterableIterator<StreamMsg> {
  private readonly bus: Bus;
  private readonly durable: DurableDefinition;
  private readonly deliveries: AsyncIterableIterator<StreamMsg>;
  /** Sequence of the newest message given; undefined: whatever comes first is the beginning. */
  private position: number | undefined;
  /** Number of the newest delivery. */
  private delivery = 0;
  /** Whether everything up to the position has been given, and nothing after it went elsewhere. */
  private isWhole = false;
  /** Reads from the stream what was not delivered, up to and with a sequence. */
  private missing: { readonly messages: AsyncIterableIterator<StreamMsg>; readonly through: number } | undefined;
  /** Delivered; its turn is after the missing ones. */
  private held: StreamMsg | undefined;
  private isEnded = false;

  private constructor(bus: Bus, durable: DurableDefinition, after: number | undefined) {
    const { stream, name, filter, deliver, ackWaitMs, maxDeliver, maxAckPending } = durable;
    this.bus = bus;
    this.durable = durable;
    this.position = after;
    this.deliveries = bus.consume(stream, { durable: name, filter, deliver, ackWaitMs, maxDeliver, maxAckPending });
  }

  /**
   * Begins after a sequence of the stream: what it holds by now is read at once. Without one it begins where the durable does.
   * @throws QikiError stream_unknown, and what the bus throws while it cannot be reached
   */
  static async open(bus: Bus, durable: DurableDefinition, after: number | undefined): Promise<InOrderReader> {
    await bus.streams.ensureDurable(durable);
    const reader = new InOrderReader(bus, durable, after);
    reader.fetchMissing(await lastOf(bus, durable));
    return reader;
  }

  async next(): Promise<IteratorResult<StreamMsg>> {
    while (!this.isEnded) {
      const message = this.missing === undefined ? await this.nextDelivered() : await this.nextMissing();
      if (message !== undefined) {
        this.position = message.seq;
        return { done: false, value: message };
      }
    }
    return { done: true, value: undefined };
  }

  async return(): Promise<IteratorResult<StreamMsg>> {
    this.isEnded = true;
    await this.missing?.messages.return?.();
    await this.deliveries.return?.();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  private fetchMissing(through: number): void {
    const { position } = this;
    if (position === undefined || position >= through) return;
    const { stream, filter } = this.durable;
    this.missing = { messages: this.bus.consume(stream, { filter, deliver: { seq: position + 1 } }), through };
  }

  /** The next of the missing messages; undefined when there are no more of them. */
  private async nextMissing(): Promise<StreamMsg | undefined> {
    const { messages, through } = this.missing!;
    const { value, done } = await messages.next();
    if (done === true) {
      this.isEnded = true;
      return undefined;
    }
    if (value.seq >= through) {
      this.missing = undefined;
      await messages.return?.();
    }
    // One after them comes by the durable, which wants an answer to it.
    return value.seq <= through ? value : undefined;
  }

  /** The next message off the durable, unless it was given before or others come first. */
  private async nextDelivered(): Promise<StreamMsg | undefined> {
    const message = this.held ?? (await this.receive());
    this.held = undefined;
    if (message === undefined) return undefined;
    const { position } = this;
    if (position !== undefined && message.seq <= position) {
      message.ack();
      return undefined;
    }
    if (this.isWhole || position === undefined) {
      this.isWhole = true;
      return message;
    }
    this.isWhole = true;
    this.held = message;
    this.fetchMissing(message.seq - 1);
    return undefined;
  }

  private async receive(): Promise<StreamMsg | undefined> {
    const { value, done } = await this.deliveries.next();
    if (done === true) {
      this.isEnded = true;
      return undefined;
    }
    if (value.delivery !== this.delivery + 1) this.isWhole = false;
    this.delivery = value.delivery;
    return value;
  }
}

/** Sequence of the newest message that passes the durable's filter: one subject, or all of its stream. */
async function lastOf(bus: Bus, { stream, filter }: DurableDefinition): Promise<number> {
  if (/[*>]/.test(filter)) return (await bus.streams.info(stream)).lastSeq;
  return (await bus.streams.get(stream, { lastFor: filter }))?.seq ?? 0;
}
