const TOGETHER_MS = 1_000;

/** Tells of messages that streams did not take, together once a second: a full disk refuses message after message. */
export class GapReport {
  private readonly tell: (stream: string, missed: number) => void;
  private readonly missed = new Map<string, number>();
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(tell: (stream: string, missed: number) => void) {
    this.tell = tell;
  }

  add(stream: string, missed: number): void {
    this.missed.set(stream, (this.missed.get(stream) ?? 0) + missed);
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      const all = [...this.missed];
      this.missed.clear();
      for (const [name, count] of all) this.tell(name, count);
    }, TOGETHER_MS);
    this.timer.unref();
  }

  stop(): void {
    clearTimeout(this.timer);
  }
}
