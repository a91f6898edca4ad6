import type { NatsConnection } from "@nats-io/transport-node";

export interface PoisonMessage {
  readonly stream: string;
  readonly durable: string;
  readonly seq: number;
  readonly deliveries: number;
}

/** Hears when the server gives a message up. It tells so once, and of all connections that read a durable one takes it. */
export class PoisonWatch {
  private readonly nc: NatsConnection;
  private readonly onPoison: (message: PoisonMessage) => void;
  private readonly advisories = new Map<string, { readers: number; readonly leave: () => void }>();

  constructor(nc: NatsConnection, onPoison: (message: PoisonMessage) => void) {
    this.nc = nc;
    this.onPoison = onPoison;
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
      if (!this.nc.isClosed()) advisory.leave();
    };
  }

  private open(key: string, stream: string, durable: string): { readers: number; readonly leave: () => void } {
    const subscription = this.nc.subscribe(`$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.${key}`, {
      queue: "qiki-poison",
      callback: (error, msg) => {
        if (error !== null) return;
        const told = msg.json<{ stream_seq: number; deliveries: number }>();
        this.onPoison({ stream, durable, seq: told.stream_seq, deliveries: told.deliveries });
      },
    });
    const advisory = { readers: 0, leave: () => subscription.unsubscribe() };
    this.advisories.set(key, advisory);
    return advisory;
  }
}
