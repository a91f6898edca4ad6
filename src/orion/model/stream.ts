import { assertNever } from "#base/assert.ts";
import type { ServerMessage, TopicChanges, Topics } from "./protocol.ts";

/** Where a console stands in the gateway's stream: what it has, and what it knows to have missed. */
export interface StreamPosition {
  /** Gateway start that the numbers belong to; undefined before the first greeting. */
  readonly epoch: string | undefined;
  /** State number that the records stand at; undefined until a snapshot has come. */
  readonly seq: number | undefined;
  /** Number of the last item had of each log. */
  readonly logs: Readonly<Record<string, number>>;
  /** Items that the gateway said it left out. */
  readonly lost: number;
  /** Items missing without a word: that must not happen. */
  readonly unaccounted: number;
}

/** What a message means for the records. */
export type StreamChange =
  | { readonly kind: "nothing" }
  | { readonly kind: "replaced"; readonly topics: Topics; readonly tick: number | null }
  | { readonly kind: "changed"; readonly topics: TopicChanges; readonly tick: number | null }
  | { readonly kind: "items"; readonly topic: string; readonly items: readonly unknown[] }
  /** The thread is lost: a snapshot must be asked for. */
  | { readonly kind: "resync" };

export interface StreamStep {
  readonly position: StreamPosition;
  readonly change: StreamChange;
}

export const STREAM_START: StreamPosition = { epoch: undefined, seq: undefined, logs: {}, lost: 0, unaccounted: 0 };
const NOTHING: StreamChange = { kind: "nothing" };

/** One message of the stream; a repeated or late one changes nothing (console §2.3). */
export function followStream(position: StreamPosition, message: ServerMessage): StreamStep {
  switch (message.t) {
    case "hello":
      return { position: greeted(position, message.epoch, message.resumed), change: NOTHING };
    case "snapshot":
      if (position.seq !== undefined && message.seq < position.seq) return { position, change: NOTHING };
      return {
        position: { ...position, seq: message.seq },
        change: { kind: "replaced", topics: message.topics, tick: message.tick },
      };
    case "diff":
      // Without a snapshot there is nothing to change; one is on its way.
      if (position.seq === undefined || message.seq <= position.seq) return { position, change: NOTHING };
      if (message.prev > position.seq) return { position: { ...position, seq: undefined }, change: { kind: "resync" } };
      return { position: { ...position, seq: message.seq }, change: { kind: "changed", topics: message.ch, tick: message.tick } };
    case "batch":
      return followBatch(position, message);
    case "gap":
      return followGap(position, message);
    case "hb":
    case "error":
    case "bye":
    case "pong":
      return { position, change: NOTHING };
    default:
      return assertNever(message, "message");
  }
}

function greeted(position: StreamPosition, epoch: string, isResumed: boolean): StreamPosition {
  if (epoch !== position.epoch) return { ...position, epoch, seq: undefined, logs: {} };
  return isResumed ? position : { ...position, seq: undefined };
}

function followBatch(position: StreamPosition, { topic, first, last, items }: ServerMessage & { readonly t: "batch" }): StreamStep {
  const had = position.logs[topic] ?? first - 1;
  if (last <= had) return { position, change: NOTHING };
  const fresh = items.slice(Math.max(0, had + 1 - first));
  return {
    position: { ...position, logs: { ...position.logs, [topic]: last }, unaccounted: position.unaccounted + Math.max(0, first - had - 1) },
    change: { kind: "items", topic, items: fresh },
  };
}

function followGap(position: StreamPosition, { topic, first, last }: ServerMessage & { readonly t: "gap" }): StreamStep {
  const had = position.logs[topic] ?? first - 1;
  if (last <= had) return { position, change: NOTHING };
  return {
    position: {
      ...position,
      logs: { ...position.logs, [topic]: last },
      lost: position.lost + last - Math.max(first - 1, had),
      unaccounted: position.unaccounted + Math.max(0, first - had - 1),
    },
    change: NOTHING,
  };
}
