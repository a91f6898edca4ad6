import type { NatsConnection, Subscription as WireSubscription } from "@nats-io/transport-node";
import type { Delivery } from "../delivery.ts";
import type { Subscription } from "../port.ts";
import type { WireNames } from "../wire.ts";
import { NatsMsg } from "./msg.ts";

interface OpenSubscription {
  readonly pattern: string;
  readonly queue: string | undefined;
  readonly delivery: Delivery;
  wire: WireSubscription | undefined;
}

/** The subscriptions of one connection, which may come after them. */
export class Subscriptions {
  private readonly names: WireNames;
  private readonly onFailure: (error: Error) => void;
  private readonly all = new Set<OpenSubscription>();
  private nc: NatsConnection | undefined;

  constructor(names: WireNames, onFailure: (error: Error) => void) {
    this.names = names;
    this.onFailure = onFailure;
  }

  attach(nc: NatsConnection): void {
    this.nc = nc;
    for (const one of this.all) this.join(nc, one);
  }

  open(pattern: string, queue: string | undefined, delivery: Delivery): Subscription {
    const one: OpenSubscription = { pattern, queue, delivery, wire: undefined };
    this.all.add(one);
    if (this.nc !== undefined) this.join(this.nc, one);
    return {
      unsubscribe: () => {
        if (!this.all.delete(one)) return;
        leave(one);
        delivery.discard();
      },
      drain: async () => {
        leave(one);
        await delivery.idle();
        this.all.delete(one);
      },
    };
  }

  /** Messages not handled to the end. */
  get left(): number {
    let left = 0;
    for (const { delivery } of this.all) left += delivery.left;
    return left;
  }

  stopAccepting(): void {
    for (const one of this.all) leave(one);
  }

  /** Resolves when nothing waits. */
  async idle(): Promise<void> {
    await Promise.all([...this.all].map(({ delivery }) => delivery.idle()));
  }

  discard(): void {
    for (const one of this.all) {
      leave(one);
      one.delivery.discard();
    }
  }

  private join(nc: NatsConnection, one: OpenSubscription): void {
    one.wire = nc.subscribe(one.pattern, {
      ...(one.queue !== undefined && { queue: one.queue }),
      callback: (error, msg) => {
        if (error !== null) this.onFailure(error);
        else one.delivery.push(new NatsMsg(msg, this.names));
      },
    });
  }
}

function leave({ wire, delivery }: OpenSubscription): void {
  if (wire?.isClosed() === false) wire.unsubscribe();
  delivery.stopAccepting();
}
