import { QikiError } from "#base/error.ts";
import type { Bus } from "#bus/port.ts";
import { DURABLES } from "#contracts/streams.ts";
import { GapWatch } from "#recording/gap-watch.ts";
import type { Log } from "./log.ts";

/** Reads every track off its stream, only to see whether one is missing (operations §2.3). The returned call ends it. */
export function startTrackLossCheck(bus: Bus, log: Log): () => Promise<void> {
  const { name, stream, filter, deliver, ackWaitMs, maxDeliver, maxAckPending } = DURABLES.radarTracks;
  const messages = bus.consume(stream, { durable: name, filter, deliver, ackWaitMs, maxDeliver, maxAckPending })[Symbol.asyncIterator]();
  const gaps = new GapWatch();
  void (async () => {
    try {
      for (let next = await messages.next(); next.done !== true; next = await messages.next()) {
        const gap = gaps.note(next.value.subject, next.value.headers);
        if (gap !== undefined) log.warn({ ...gap }, "tracks are missing in their stream");
        next.value.ack();
      }
    } catch (error) {
      if (!(error instanceof QikiError && error.code === "closed")) log.error({ err: error }, "tracks are no longer checked for losses");
    }
  })();
  return async () => {
    await messages.return?.();
  };
}
