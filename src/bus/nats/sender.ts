import { createInbox, type Msg as WireMsg, type NatsConnection } from "@nats-io/transport-node";
import { outageRule } from "#contracts/outage.ts";
import { Outbox } from "../outbox.ts";
import type { StreamGap } from "../port.ts";
import { Ledger, type OutgoingMessage, type StreamLedger } from "./ledger.ts";

/** Messages into one stream between two of its answers, at most. */
const ASK_EVERY = 256;
/** Marks where streams answer to, so that nobody takes it for a question. */
const ANSWER_TOKEN = ".stored.";

export function isStoreAnswer(reply: string): boolean {
  return reply.includes(ANSWER_TOKEN);
}

export interface SenderHooks {
  readonly nowMs: () => number;
  /** A stream did not take messages that were sent into it. */
  readonly onMissed: (stream: string, missed: number) => void;
}

/** Waits until everything up to a number is settled. */
interface Waiter {
  place: number;
  look(): void;
}

/**
 * Sends in the order of publishing and knows what arrived. One message is held until the next comes or the turn ends: the last
 * of each turn asks its stream for an answer, which stands for those before it. During an outage messages wait, or go, by the
 * rule of their subject.
 */
export class Sender {
  readonly ledger = new Ledger();
  readonly outbox = new Outbox<OutgoingMessage>();
  private readonly hooks: SenderHooks;
  private readonly answers = `${createInbox()}${ANSWER_TOKEN}`;
  private nc: NatsConnection | undefined;
  private isUp = false;
  private held: { readonly message: OutgoingMessage; readonly ledger: StreamLedger | undefined } | undefined;
  private sinceAsked = 0;
  private isTurnEndSet = false;
  private readonly waiters = new Set<Waiter>();

  constructor(hooks: SenderHooks) {
    this.hooks = hooks;
  }

  /** The connection is there; nothing is sent before `resume`. */
  attach(nc: NatsConnection): void {
    this.nc = nc;
    nc.subscribe(`${this.answers}*`, { callback: (error, msg) => (error === null ? this.settle(msg) : undefined) });
  }

  publish(message: OutgoingMessage): "sent" | "queued" | "dropped" {
    if (this.isUp) {
      this.send(message);
      return "sent";
    }
    const rule = outageRule(message.subject, message.msgId);
    if (rule.kind === "refuse") {
      this.outbox.count(message.subject);
      return "dropped";
    }
    this.outbox.add(message, rule.kind === "newest" ? rule.key : undefined);
    return "queued";
  }

  /** The bus is away: from now on messages wait, the one in hand too. Written now, it could overtake those that must go again. */
  pause(): void {
    const { held } = this;
    this.held = undefined;
    this.isUp = false;
    if (held !== undefined) this.publish(held.message);
  }

  /** The bus is back: what is not known to be stored goes again, then what waited, in order. */
  resume(): void {
    this.isUp = true;
    for (const message of this.ledger.takeOpen(this.hooks.nowMs())) this.send(message);
    for (const message of this.outbox.takeAll()) this.send(message);
    this.flushHeld();
    // What went again has other numbers now.
    for (const waiter of this.waiters) waiter.place = this.ledger.newest;
  }

  /** What is held goes out now. */
  flushHeld(): void {
    const { held } = this;
    if (held === undefined) return;
    this.held = undefined;
    this.write(held.message, held.ledger, true);
  }

  /** Resolves with the streams that did not take everything, once all that was sent up to now is settled; false when the time is over. */
  async settled(timeoutMs: number): Promise<readonly StreamGap[] | false> {
    this.flushHeld();
    if (!this.ledger.isSettled(this.ledger.newest)) {
      const isInTime = await new Promise<boolean>((done) => {
        const waiter = {
          place: this.ledger.newest,
          look: () => {
            if (this.ledger.isSettled(waiter.place)) end(true);
          },
        };
        const timer = setTimeout(() => end(false), timeoutMs);
        const end = (isSettled: boolean): void => {
          clearTimeout(timer);
          this.waiters.delete(waiter);
          done(isSettled);
        };
        this.waiters.add(waiter);
      });
      if (!isInTime) return false;
    }
    const gaps: StreamGap[] = [];
    for (const ledger of this.ledger.all) {
      const { stream, published, missed } = ledger;
      if (missed > 0) gaps.push({ stream, expected: published, stored: published - missed });
      ledger.published = ledger.open.length;
      ledger.missed = 0;
    }
    return gaps;
  }

  private send(message: OutgoingMessage): void {
    const ledger = message.reply === undefined ? this.ledger.of(message.wire) : undefined;
    const { held } = this;
    if (held !== undefined) this.write(held.message, held.ledger, held.ledger !== ledger || this.sinceAsked >= ASK_EVERY);
    this.held = { message, ledger };
    if (this.isTurnEndSet) return;
    this.isTurnEndSet = true;
    queueMicrotask(() => {
      this.isTurnEndSet = false;
      this.flushHeld();
    });
  }

  private write(message: OutgoingMessage, ledger: StreamLedger | undefined, asks: boolean): void {
    const { headers, bytes, wire } = message;
    let { reply } = message;
    if (ledger !== undefined) {
      const place = this.ledger.note(ledger, message, this.hooks.nowMs());
      this.sinceAsked += 1;
      if (asks) {
        this.sinceAsked = 0;
        reply = `${this.answers}${place}`;
      }
    }
    this.nc!.publish(wire, bytes, { ...(headers && { headers }), ...(reply !== undefined && { reply }) });
  }

  private settle(msg: WireMsg): void {
    // What slipped into a new connection says nothing of those before it: all go again.
    if (!this.isUp) return;
    const place = Number(msg.subject.slice(this.answers.length));
    // Without a stream the server answers with an empty message of status 503.
    const isStored = msg.data.length > 0 && !Buffer.from(msg.data).includes('"error"');
    const settled = this.ledger.settle(place, isStored);
    if (settled !== undefined && settled.missed > 0) this.hooks.onMissed(settled.stream, settled.missed);
    for (const { look } of this.waiters) look();
  }
}
