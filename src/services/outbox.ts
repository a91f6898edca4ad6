import { QikiError } from "#base/error.ts";
import type { Bus } from "#bus/port.ts";
import { CLOUD_EVENTS, RUN_HEADER, TICK_HEADER } from "#contracts/message.ts";
import type { AlarmsStore, OutboxEntry } from "#store/alarms-store.ts";
import type { Log } from "./log.ts";

const BATCH = 256;
const running = new WeakMap<AlarmsStore, { again: boolean; done: Promise<void> }>();

/** Publishes stored records in chain order, each once it is stored on the bus; a call during a run makes it go round again. */
export function sendOutbox(store: AlarmsStore, bus: Bus, log: Log): Promise<void> {
  const current = running.get(store);
  if (current !== undefined) {
    current.again = true;
    return current.done;
  }
  const run = { again: false, done: Promise.resolve() };
  running.set(store, run);
  run.done = sendAll(store, bus, log, run).finally(() => running.delete(store));
  return run.done;
}

async function sendAll(store: AlarmsStore, bus: Bus, log: Log, run: { again: boolean }): Promise<void> {
  do {
    run.again = false;
    for (let entries = store.outbox(BATCH); entries.length > 0; entries = store.outbox(BATCH)) {
      try {
        for (const entry of entries)
          await bus.publishStored(entry.subject, Buffer.from(JSON.stringify(entry.record)), {
            msgId: entry.msgId,
            headers: headersOfRecord(entry),
          });
      } catch (error) {
        if (!(error instanceof QikiError)) throw error;
        log.warn({ err: error }, "audit records wait in the outbox until the bus is back");
        return;
      }
      store.markSent(entries.at(-1)!.seq);
    }
  } while (run.again);
}

function headersOfRecord({ record, msgId }: OutboxEntry): Record<string, string> {
  return {
    ce_specversion: "1.0",
    ce_id: msgId,
    ce_type: CLOUD_EVENTS.audit.type,
    ce_source: CLOUD_EVENTS.audit.source,
    ce_time: record.timestamp ?? record.wall,
    ce_datacontenttype: "application/json",
    ...(record.run_id === null ? {} : { [RUN_HEADER]: record.run_id }),
    ...(record.tick === null ? {} : { [TICK_HEADER]: String(record.tick) }),
  };
}
