import { Deque } from "./deque.ts";

/** Messages and bytes that wait for the bus at most, in one process. */
const MESSAGES_MAX = 10_000;
const BYTES_MAX = 16 * 1_048_576;

export interface OutboxMessage {
  readonly subject: string;
  readonly bytes: Uint8Array;
}

interface Waiting<Message> {
  readonly message: Message;
  /** Grows by one with each message: the order of publishing. */
  readonly place: number;
}

/**
 * What was published while the bus was away. Of a key only the newest stays; of the rest the oldest goes when there is no room.
 * Every message that goes is counted by subject.
 */
export class Outbox<Message extends OutboxMessage> {
  /** By subject: messages that will never be sent. */
  readonly dropped = new Map<string, number>();
  private readonly kept = new Deque<Waiting<Message>>();
  /** In the order of their newest message. */
  private readonly newest = new Map<string, Waiting<Message>>();
  private places = 0;
  private bytes = 0;

  get length(): number {
    return this.kept.length + this.newest.size;
  }

  /** Takes a message; with a key it replaces the earlier one of that key. */
  add(message: Message, key?: string): void {
    this.places += 1;
    const waiting = { message, place: this.places };
    this.bytes += message.bytes.length;
    if (key === undefined) this.kept.push(waiting);
    else {
      const earlier = this.newest.get(key);
      this.newest.delete(key);
      this.newest.set(key, waiting);
      if (earlier !== undefined) this.drop(earlier);
    }
    while (this.length > MESSAGES_MAX || this.bytes > BYTES_MAX) this.drop(this.oldest()!);
  }

  count(subject: string): void {
    this.dropped.set(subject, (this.dropped.get(subject) ?? 0) + 1);
  }

  /** Takes everything out, in the order of publishing. */
  takeAll(): Message[] {
    const all = [...this.newest.values()];
    for (let next = this.kept.shift(); next !== undefined; next = this.kept.shift()) all.push(next);
    this.newest.clear();
    this.bytes = 0;
    return all.sort((a, b) => a.place - b.place).map(({ message }) => message);
  }

  /** Takes out the message that goes first: the oldest of those kept in order, else the oldest newest one. */
  private oldest(): Waiting<Message> | undefined {
    const kept = this.kept.shift();
    if (kept !== undefined) return kept;
    const [first] = this.newest;
    if (first === undefined) return undefined;
    this.newest.delete(first[0]);
    return first[1];
  }

  private drop({ message }: Waiting<Message>): void {
    this.bytes -= message.bytes.length;
    this.count(message.subject);
  }
}
