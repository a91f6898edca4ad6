import { assert } from "#base/assert.ts";
import type { Tally } from "./counts.ts";
import { Deque } from "./deque.ts";
import type { BusReport, Handler, Msg, SubscribeOptions } from "./port.ts";
import type { Turn } from "./turn.ts";

const PENDING_MAX_MESSAGES = 8_192;
const PENDING_MAX_BYTES = 16 * 1_048_576;

/** What waits for one subscription's handler, and the loop that hands it over one message at a time. */
export class Delivery {
  private readonly waiting = new Deque<Msg>();
  private waitingBytes = 0;
  private isScheduled = false;
  private isHandling = false;
  private isAccepting = true;
  private readonly idleCallbacks: (() => void)[] = [];
  private readonly maxPending: number;
  private readonly dropsNewest: boolean;
  private readonly name: string;
  private readonly handler: Handler;
  private readonly tally: Tally;
  private readonly turn: Turn;
  private readonly report: (report: BusReport) => void;
  private readonly runBound = () => this.run();

  constructor(handler: Handler, options: SubscribeOptions, tally: Tally, turn: Turn, report: (report: BusReport) => void) {
    assert((options.maxPending ?? 1) >= 1, "a subscription may hold a message", { name: options.name, maxPending: options.maxPending });
    this.handler = handler;
    this.name = options.name;
    this.maxPending = options.maxPending ?? PENDING_MAX_MESSAGES;
    this.dropsNewest = options.overflow === "drop_newest";
    this.tally = tally;
    this.turn = turn;
    this.report = report;
  }

  /** Messages not handled to the end. */
  get left(): number {
    return this.waiting.length + (this.isHandling ? 1 : 0);
  }

  push(msg: Msg): void {
    if (!this.isAccepting) return;
    if (!this.makeRoom(msg.bytes.length)) return;
    this.waiting.push(msg);
    this.waitingBytes += msg.bytes.length;
    if (this.isScheduled || this.isHandling) return;
    this.isScheduled = true;
    this.turn.soon(this.runBound);
  }

  /** Takes no more messages; those that wait are still handled. */
  stopAccepting(): void {
    this.isAccepting = false;
  }

  /** Takes no more messages and forgets those that wait. */
  discard(): void {
    this.isAccepting = false;
    this.waiting.clear();
    this.waitingBytes = 0;
    this.settleIdle();
  }

  /** Resolves when nothing waits and no handler runs. */
  idle(): Promise<void> {
    if (this.left === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.idleCallbacks.push(resolve);
    });
  }

  private makeRoom(length: number): boolean {
    while (this.waiting.length >= this.maxPending || (this.waitingBytes + length > PENDING_MAX_BYTES && this.waiting.length > 0)) {
      this.tally.dropped += 1;
      if (this.dropsNewest) return false;
      this.waitingBytes -= this.waiting.shift()!.bytes.length;
    }
    return true;
  }

  private run(): void {
    this.isScheduled = false;
    while (this.waiting.length > 0) {
      if (this.turn.isSpent()) {
        this.isScheduled = true;
        this.turn.soon(this.runBound);
        return;
      }
      const msg = this.waiting.shift()!;
      this.waitingBytes -= msg.bytes.length;
      this.isHandling = true;
      try {
        const outcome = this.handler(msg);
        if (outcome !== undefined) {
          void this.finish(msg, outcome);
          return;
        }
        this.tally.handled += 1;
      } catch (error) {
        this.fail(msg, error);
      }
      this.isHandling = false;
    }
    this.settleIdle();
  }

  private async finish(msg: Msg, outcome: Promise<void>): Promise<void> {
    try {
      await outcome;
      this.tally.handled += 1;
    } catch (error) {
      this.fail(msg, error);
    }
    this.isHandling = false;
    this.run();
  }

  private fail(msg: Msg, error: unknown): void {
    this.tally.errors += 1;
    this.report({ kind: "handler_error", name: this.name, subject: msg.subject, error });
  }

  private settleIdle(): void {
    if (this.left > 0) return;
    for (const callback of this.idleCallbacks.splice(0)) callback();
  }
}
