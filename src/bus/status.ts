import type { BusStatus } from "./port.ts";

/** The state of one connection and those who want to know when it changes. */
export class StatusBoard {
  private current: BusStatus;
  private readonly callbacks = new Set<(status: BusStatus) => void>();

  constructor(nowMs: number) {
    this.current = { state: "connected", sinceMs: nowMs };
  }

  read(): BusStatus {
    return this.current;
  }

  set(state: BusStatus["state"], nowMs: number, lastError: Error | undefined = this.current.lastError): void {
    if (state === this.current.state) return;
    this.current = lastError === undefined ? { state, sinceMs: nowMs } : { state, sinceMs: nowMs, lastError };
    for (const callback of this.callbacks) callback(this.current);
  }

  onChange(callback: (status: BusStatus) => void): () => void {
    this.callbacks.add(callback);
    return () => this.callbacks.delete(callback);
  }
}
