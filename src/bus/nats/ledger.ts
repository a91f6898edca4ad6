import type { MsgHdrs } from "@nats-io/transport-node";
import { Deque } from "../deque.ts";
import { covers } from "../subject.ts";

/** A message in the form in which it leaves. */
export interface OutgoingMessage {
  /** As the publisher named it. */
  readonly subject: string;
  readonly wire: string;
  readonly bytes: Uint8Array;
  readonly headers: MsgHdrs | undefined;
  readonly reply: string | undefined;
  /** By it a stream knows the message again. */
  readonly msgId: string | undefined;
}

interface OpenMessage {
  readonly message: OutgoingMessage;
  readonly place: number;
  readonly atMs: number;
}

/** One stream that this connection publishes into: what it has not confirmed yet, in order. */
export interface StreamLedger {
  readonly stream: string;
  readonly subjects: readonly string[];
  /** How long the server knows a message id again, ms. */
  readonly dedupWindowMs: number;
  readonly open: Deque<OpenMessage>;
  /** Messages sent into it and those of them that it did not take, since somebody asked. */
  published: number;
  missed: number;
}

/**
 * What was published into streams and is not known to be stored. A stream takes one connection's messages in order, so its
 * answer to one message confirms those before it. What an outage left open is sent again under its message id, which the stream
 * stores once.
 */
export class Ledger {
  private readonly streams = new Map<string, StreamLedger>();
  private readonly streamOf = new Map<string, StreamLedger | undefined>();
  private places = 0;

  watch(stream: string, subjects: readonly string[], dedupWindowMs: number): void {
    const { open, published, missed } = this.streams.get(stream) ?? { open: new Deque<OpenMessage>(), published: 0, missed: 0 };
    this.streams.set(stream, { stream, subjects, dedupWindowMs, open, published, missed });
    this.streamOf.clear();
  }

  /** The stream that captures a subject, if it is one that was ensured here. */
  of(wire: string): StreamLedger | undefined {
    const known = this.streamOf.get(wire);
    if (known !== undefined || this.streamOf.has(wire)) return known;
    const found = [...this.streams.values()].find(({ subjects }) => subjects.some((pattern) => covers(pattern, wire)));
    if (this.streamOf.size >= 4_096) this.streamOf.clear();
    this.streamOf.set(wire, found);
    return found;
  }

  /** Notes a message on its way; the number says which answer confirms it. */
  note(ledger: StreamLedger, message: OutgoingMessage, atMs: number): number {
    this.places += 1;
    ledger.published += 1;
    ledger.open.push({ message, place: this.places, atMs });
    return this.places;
  }

  /** The stream answered to the message of that number: it and those before are settled. Tells how many it did not take. */
  settle(place: number, isStored: boolean): { readonly stream: string; readonly missed: number } | undefined {
    const ledger = [...this.streams.values()].find(({ open }) => isWithin(place, open));
    if (ledger === undefined) return undefined;
    let settled = 0;
    while (ledger.open.length > 0 && ledger.open.at(0).place <= place) {
      ledger.open.shift();
      settled += 1;
    }
    const missed = isStored ? 0 : settled;
    ledger.missed += missed;
    return { stream: ledger.stream, missed };
  }

  /** Number of messages that are not settled. */
  get openCount(): number {
    let count = 0;
    for (const { open } of this.streams.values()) count += open.length;
    return count;
  }

  /** Whether all up to that number are settled. */
  isSettled(place: number): boolean {
    for (const { open } of this.streams.values()) if (open.length > 0 && open.at(0).place <= place) return false;
    return true;
  }

  /** Number of the newest message noted. */
  get newest(): number {
    return this.places;
  }

  get all(): Iterable<StreamLedger> {
    return this.streams.values();
  }

  /**
   * Takes out what must be sent again after an outage, in order. What has no id, or is so old that its stream no longer knows
   * the id, would be stored twice if it was stored: it counts as missed.
   */
  takeOpen(nowMs: number): OutgoingMessage[] {
    const again: OpenMessage[] = [];
    for (const ledger of this.streams.values()) {
      for (let next = ledger.open.shift(); next !== undefined; next = ledger.open.shift()) {
        // Half the window is left for the server's own clock and start.
        if (next.message.msgId !== undefined && nowMs - next.atMs < ledger.dedupWindowMs / 2) {
          again.push(next);
          ledger.published -= 1;
        } else ledger.missed += 1;
      }
    }
    return again.sort((a, b) => a.place - b.place).map(({ message }) => message);
  }
}

function isWithin(place: number, open: StreamLedger["open"]): boolean {
  return open.length > 0 && open.at(0).place <= place && place <= open.at(open.length - 1).place;
}
