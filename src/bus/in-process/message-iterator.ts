import type { StreamMsg } from "../port.ts";
import type { Consumer } from "./consumer.ts";

/** One reader's loop over a consumer. A message is in its hands from the moment `next` gives it until it asks again. */
export class MessageIterator implements AsyncIterableIterator<StreamMsg> {
  private readonly open: () => Consumer;
  private readonly rename: (wire: string) => string;
  private readonly onEnd: (iterator: MessageIterator, consumer: Consumer | undefined) => void;
  private consumer: Consumer | undefined;
  private isStopped = false;
  private isEnded = false;
  private isInHand = false;
  private cancel: (() => void) | undefined;
  private readonly idleCallbacks: (() => void)[] = [];

  /** `open` is called by the first `next`, so that a missing stream rejects it. */
  constructor(
    open: () => Consumer,
    rename: (wire: string) => string,
    onEnd: (iterator: MessageIterator, consumer: Consumer | undefined) => void,
  ) {
    this.open = open;
    this.rename = rename;
    this.onEnd = onEnd;
  }

  /** 1 while a message is in the reader's hands. */
  get left(): number {
    return this.isInHand ? 1 : 0;
  }

  async next(): Promise<IteratorResult<StreamMsg>> {
    this.letGo();
    if (this.isStopped) return this.finish();
    this.consumer ??= this.open();
    const message = await this.read(this.consumer);
    if (message === undefined) return this.finish();
    return { done: false, value: { ...message, subject: this.rename(message.subject) } };
  }

  return(): Promise<IteratorResult<StreamMsg>> {
    this.stop();
    this.letGo();
    return Promise.resolve(this.finish());
  }

  /** Gives no more messages; the one in hand may still be acknowledged. */
  stop(): void {
    this.isStopped = true;
    this.cancel?.();
    if (!this.isInHand) this.finish();
  }

  /** Resolves when no message is in hand. */
  idle(): Promise<void> {
    if (!this.isInHand) return Promise.resolve();
    return new Promise((resolve) => {
      this.idleCallbacks.push(resolve);
    });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  private read(consumer: Consumer): Promise<StreamMsg | undefined> {
    return new Promise((resolve) => {
      const reader = (message: StreamMsg | undefined) => {
        this.cancel = undefined;
        this.isInHand = message !== undefined;
        resolve(message);
      };
      this.cancel = () => {
        consumer.forget(reader);
        reader(undefined);
      };
      consumer.read(reader);
    });
  }

  private letGo(): void {
    this.isInHand = false;
    for (const callback of this.idleCallbacks.splice(0)) callback();
  }

  private finish(): IteratorResult<StreamMsg> {
    if (!this.isEnded) {
      this.isEnded = true;
      this.onEnd(this, this.consumer);
    }
    return { done: true, value: undefined };
  }
}
