import { QikiError } from "#base/error.ts";
import type { Bus } from "#bus/port.ts";
import { CLOUD_EVENTS, RUN_HEADER, TICK_HEADER } from "#contracts/message.ts";
import type { AlarmsStore, OutboxEntry } from "#store/alarms-store.ts";
import type { Log } from "./log.ts";

/** Records read from the store at a time. */
const PAGE = 256;

/**
 * Publishes the records that wait in the store, oldest first, each until a stream has it. One run at a time: a call during
 * a run makes it look again. What an outage leaves over goes out with the next call, under the same message id.
 */
export function createOutbox(store: AlarmsStore, bus: Bus, log: Log): () => Promise<void> {
  let running: Promise<void> | undefined;
  let asked = false;

  async function run(): Promise<void> {
    while (asked) {
      asked = false;
      await sendAll(store, bus, log);
    }
  }

  return () => {
    asked = true;
    running ??= run().finally(() => {
      running = undefined;
    });
    return running;
  };
}

async function sendAll(store: AlarmsStore, bus: Bus, log: Log): Promise<void> {
  let sent: number | undefined;
  try {
    for (let entries = store.outbox(PAGE); entries.length > 0; entries = store.outbox(PAGE)) {
      for (const entry of entries) {
        const bytes = Buffer.from(JSON.stringify(entry.record));
        await bus.publishStored(entry.subject, bytes, { msgId: entry.msgId, headers: headersOf(entry) });
        sent = entry.seq;
      }
      store.markSent(entries.at(-1)!.seq);
    }
  } catch (error) {
    if (!(error instanceof QikiError)) throw error;
    if (error.code === "closed") return;
    if (sent !== undefined) store.markSent(sent);
    log.warn({ err: error }, "audit records wait in the outbox until the bus is back");
  }
}

function headersOf({ record, msgId }: OutboxEntry): Record<string, string> {
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
