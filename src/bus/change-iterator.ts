import type { LastValueChange } from "./port.ts";

/** Changes for one watcher: what it has not read yet, the newest per key, so its memory is bounded by the keys. */
export class ChangeIterator implements AsyncIterableIterator<LastValueChange> {
  private readonly waiting = new Map<string, LastValueChange>();
  private reader: ((result: IteratorResult<LastValueChange>) => void) | undefined;
  private isOpen = true;
  private readonly onEnd: () => void;

  constructor(existing: readonly LastValueChange[], onEnd: () => void) {
    this.onEnd = onEnd;
    for (const change of existing) this.waiting.set(change.key, change);
  }

  push(change: LastValueChange): void {
    if (this.reader !== undefined) {
      this.reader({ done: false, value: change });
      this.reader = undefined;
      return;
    }
    this.waiting.delete(change.key);
    this.waiting.set(change.key, change);
  }

  next(): Promise<IteratorResult<LastValueChange>> {
    const oldest = this.waiting.values().next();
    if (!this.isOpen) return Promise.resolve({ done: true, value: undefined });
    if (oldest.done !== true) {
      this.waiting.delete(oldest.value.key);
      return Promise.resolve({ done: false, value: oldest.value });
    }
    return new Promise((resolve) => {
      this.reader = resolve;
    });
  }

  end(): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.onEnd();
    this.reader?.({ done: true, value: undefined });
    this.reader = undefined;
  }

  return(): Promise<IteratorResult<LastValueChange>> {
    this.end();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
