/** What deliveries may follow each other, in number and in time, before timers and sockets get their turn. */
const DELIVERIES_PER_TURN = 4_096;
const TURN_MS = 5;
/** The clock is read once for so many deliveries: a delivery may take less time than that. */
const DELIVERIES_PER_LOOK = 8;

/** Runs deliveries in microtasks, but lets the event loop turn when messages beget messages without end. */
export class Turn {
  private spent = 0;
  private startedMs = 0;
  private isOver = false;
  private isResetArmed = false;

  /** Counts one delivery; true when this turn of the loop has had its share. */
  isSpent(): boolean {
    if (this.isOver) return true;
    this.armReset();
    this.spent += 1;
    this.isOver = this.spent >= DELIVERIES_PER_TURN || (this.spent % DELIVERIES_PER_LOOK === 0 && this.hasTakenLong());
    return false;
  }

  soon(run: () => void): void {
    if (this.isOver) setImmediate(run);
    else queueMicrotask(run);
  }

  /** Resolves in the next turn if this one has had its share, so that whoever publishes on does not outrun the deliveries. */
  async rest(): Promise<void> {
    if (this.isOver) await new Promise((resolve) => setImmediate(resolve));
  }

  private hasTakenLong(): boolean {
    return performance.now() - this.startedMs > TURN_MS;
  }

  private armReset(): void {
    if (this.isResetArmed) return;
    this.isResetArmed = true;
    this.startedMs = performance.now();
    setImmediate(() => {
      this.isResetArmed = false;
      this.isOver = false;
      this.spent = 0;
    });
  }
}
