/** Deliveries that may follow each other before timers and sockets get their turn. */
const DELIVERIES_PER_TURN = 4_096;

/** Runs deliveries in microtasks, but lets the event loop turn when messages beget messages without end. */
export class Turn {
  private spent = 0;
  private isResetArmed = false;

  /** Counts one delivery; true when this turn of the loop has had its share. */
  isSpent(): boolean {
    if (this.spent >= DELIVERIES_PER_TURN) return true;
    this.spent += 1;
    this.armReset();
    return false;
  }

  soon(run: () => void): void {
    if (this.spent < DELIVERIES_PER_TURN) queueMicrotask(run);
    else setImmediate(run);
  }

  private armReset(): void {
    if (this.isResetArmed) return;
    this.isResetArmed = true;
    setImmediate(() => {
      this.isResetArmed = false;
      this.spent = 0;
    });
  }
}
