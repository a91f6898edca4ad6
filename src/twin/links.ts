import { assertNever } from "#base/assert.ts";
import type { Message } from "#contracts/message.ts";

/** What a link does to the first message that it is given after a tick; a delay counts in ticks. */
export type LinkFault = { readonly on: "frames" | "events"; readonly afterTick: number } & (
  | { readonly does: "drop" | "repeat" | "swap" }
  | { readonly does: "delay"; readonly ticks: number }
);

/** A message that a stream stores, and how often its consumer gets it. */
export interface Delivery {
  readonly message: Message;
  readonly times: number;
}

/** The way from one machine into the stream that another one reads. */
export interface Link {
  /** A message is given to the link; what comes out at once. */
  take(message: Message, tick: number): readonly Delivery[];
  /** What was delayed until this tick. */
  due(tick: number): readonly Delivery[];
}

/** The links of a twin, with the faults that befall them. */
export function createLinks(faults: readonly LinkFault[]): { readonly frames: Link; readonly events: Link } {
  const on = (name: LinkFault["on"]): Link =>
    createLink(faults.filter((fault) => fault.on === name).toSorted((a, b) => a.afterTick - b.afterTick));
  return { frames: on("frames"), events: on("events") };
}

function createLink(faults: readonly LinkFault[]): Link {
  let next = 0;
  let swapped: Message[] = [];
  let delayed: { readonly message: Message; readonly untilTick: number }[] = [];
  const once = (message: Message): Delivery => ({ message, times: 1 });
  return {
    take(message, tick) {
      const fault = faults[next];
      if (fault === undefined || fault.afterTick >= tick) {
        const behind = swapped;
        swapped = [];
        return [once(message), ...behind.map(once)];
      }
      next += 1;
      switch (fault.does) {
        case "drop":
          return [];
        case "repeat":
          return [{ message, times: 2 }];
        case "swap":
          swapped.push(message);
          return [];
        case "delay":
          delayed.push({ message, untilTick: tick + fault.ticks });
          return [];
        default:
          return assertNever(fault, "link fault");
      }
    },
    due(tick) {
      const ready = delayed.filter(({ untilTick }) => untilTick <= tick);
      if (ready.length > 0) delayed = delayed.filter(({ untilTick }) => untilTick > tick);
      return ready.map(({ message }) => once(message));
    },
  };
}
