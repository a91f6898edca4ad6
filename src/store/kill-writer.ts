import { serviceDraft } from "./audit-chain.ts";
import { openAlarmsStore } from "./alarms-store.ts";

/**
 * A child process that the tests kill: it appends records one batch at a time, and says on stdout what is committed.
 * Its machine is a counter, so that state and chain can be held against each other afterwards.
 */
const [path, firstText] = process.argv.slice(2);
const store = openAlarmsStore(path!, 0);
const loaded = store.loadState();
let count = loaded === undefined ? Number(firstText) : (JSON.parse(loaded.reducer) as { count: number }).count;
process.stdout.write("ready\n");
for (;;) {
  count += 1;
  store.commit({
    wallMs: count,
    audit: [
      { draft: serviceDraft("service_start", { count }), publish: true },
      { draft: serviceDraft("service_stop", { count }), publish: false },
    ],
    state: { reducer: JSON.stringify({ count }), changed: [{ id: `R:${count % 7}`, json: JSON.stringify({ count }) }], removed: [] },
    positions: { events: count },
  });
  process.stdout.write(`${count}\n`);
}
