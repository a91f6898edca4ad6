/** Message ids seen in a window of wall time, with the sequence each was stored under. */
export class Dedup {
  private readonly windowMs: number;
  private readonly seen = new Map<string, { readonly seq: number; readonly timeMs: number }>();

  constructor(windowMs: number) {
    this.windowMs = windowMs;
  }

  /** Sequence of the same id within the window before `nowMs`. */
  find(msgId: string, nowMs: number): number | undefined {
    for (const [oldest, { timeMs }] of this.seen) {
      if (nowMs - timeMs < this.windowMs) break;
      this.seen.delete(oldest);
    }
    return this.seen.get(msgId)?.seq;
  }

  note(msgId: string, seq: number, timeMs: number): void {
    this.seen.set(msgId, { seq, timeMs });
  }
}
