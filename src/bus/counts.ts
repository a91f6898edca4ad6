import type { BusCounts } from "./port.ts";

/** What happened to the messages of one subscription name. */
export interface Tally {
  handled: number;
  dropped: number;
  errors: number;
}

/** The running sums of one connection. */
export class CountBook {
  published = 0;
  poisoned = 0;
  reconnects = 0;
  missed = 0;
  private readonly tallies = new Map<string, Tally>();

  tally(name: string): Tally {
    let tally = this.tallies.get(name);
    if (tally === undefined) {
      tally = { handled: 0, dropped: 0, errors: 0 };
      this.tallies.set(name, tally);
    }
    return tally;
  }

  read(): BusCounts {
    const handled: Record<string, number> = {};
    const dropped: Record<string, number> = {};
    const handlerErrors: Record<string, number> = {};
    for (const [name, tally] of this.tallies) {
      handled[name] = tally.handled;
      dropped[name] = tally.dropped;
      handlerErrors[name] = tally.errors;
    }
    const { published, poisoned, reconnects, missed } = this;
    return { published, notSent: {}, waiting: 0, handled, dropped, handlerErrors, poisoned, reconnects, missed };
  }
}
