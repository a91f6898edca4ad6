import type { NatsConnection, Subscription } from "@nats-io/transport-node";

export interface PoisonMessage {
  readonly stream: string;
  readonly durable: string;
  readonly seq: number;
  readonly deliveries: number;
}

interface Advisory {
  readers: number;
  readonly stream: string;
  readonly durable: string;
  subscription: Subscription | undefined;
}

/** Hears when the server gives a message up. It tells so once, and of all connections that read a durable one takes it. */
export class PoisonWatch {
  private nc: NatsConnection | undefined;
  private readonly onPoison: (message: PoisonMessage) => void;
  private readonly advisories = new Map<string, Advisory>();

  constructor(onPoison: (message: PoisonMessage) => void) {
    this.onPoison = onPoison;
  }

  attach(nc: NatsConnection): void {
    this.nc = nc;
    for (const advisory of this.advisories.values()) this.listen(nc, advisory);
  }

  /** Listens for one more reader of a durable, until the returned call. */
  join(stream: string, durable: string): () => void {
    const key = `${stream}.${durable}`;
    const advisory = this.advisories.get(key) ?? this.open(key, stream, durable);
    advisory.readers += 1;
    return () => {
      advisory.readers -= 1;
      if (advisory.readers > 0) return;
      this.advisories.delete(key);
      if (this.nc?.isClosed() === false) advisory.subscription?.unsubscribe();
    };
  }

  private open(key: string, stream: string, durable: string): Advisory {
    const advisory: Advisory = { readers: 0, stream, durable, subscription: undefined };
    this.advisories.set(key, advisory);
    if (this.nc !== undefined) this.listen(this.nc, advisory);
    return advisory;
  }

  private listen(nc: NatsConnection, advisory: Advisory): void {
    const { stream, durable } = advisory;
    advisory.subscription = nc.subscribe(`$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.${stream}.${durable}`, {
      queue: "qiki-poison",
      callback: (error, msg) => {
        if (error !== null) return;
        const told = msg.json<{ stream_seq: number; deliveries: number }>();
        this.onPoison({ stream, durable, seq: told.stream_seq, deliveries: told.deliveries });
      },
    });
  }
}
