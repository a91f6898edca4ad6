import type { BusStatus } from "./port.ts";

/** The state of one connection and those who want to know when it changes. */
export class StatusBoard {
  private current: BusStatus;
  private readonly callbacks = new Set<(status: BusStatus) => void>();

  constructor(nowMs: number, state: BusStatus["state"] = "connected") {
    this.current = { state, sinceMs: nowMs };
  }

  read(): BusStatus {
    return this.current;
  }

  set(state: BusStatus["state"], nowMs: number, lastError: Error | undefined = this.current.lastError): void {
    if (state === this.current.state) return;
    if (state === "connected") lastError = undefined;
    this.current = lastError === undefined ? { state, sinceMs: nowMs } : { state, sinceMs: nowMs, lastError };
    this.tell();
  }

  /** Notes and tells what went wrong; the state stays. */
  note(lastError: Error): void {
    this.current = { ...this.current, lastError };
    this.tell();
  }

  /** Resolves when the bus is connected, or closed. */
  whenConnected(): Promise<void> {
    const isOver = ({ state }: BusStatus): boolean => state === "connected" || state === "closed";
    if (isOver(this.current)) return Promise.resolve();
    return new Promise((done) => {
      const leave = this.onChange((status) => {
        if (!isOver(status)) return;
        leave();
        done();
      });
    });
  }

  onChange(callback: (status: BusStatus) => void): () => void {
    this.callbacks.add(callback);
    return () => this.callbacks.delete(callback);
  }

  private tell(): void {
    for (const callback of this.callbacks) callback(this.current);
  }
}
