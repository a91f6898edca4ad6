import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openAlarmsStore } from "#store/alarms-store.ts";
import { serviceDraft } from "#store/audit-chain.ts";
import type { FigureSpec } from "./harness.ts";

const APPENDS = 3000;
/** An append in a hundred may take so long, ms. */
const P99_MAX_MS = 8;

/** The audit chain: one record, hashed, chained and synced to the disk, after another. */
export function storeFigures(): FigureSpec[] {
  let p99Ms = 0;
  return [
    {
      id: "audit.append",
      group: "store",
      unit: "appends/s",
      floor: 1000,
      reach: 5000,
      better: "more",
      run() {
        const folder = mkdtempSync(join(tmpdir(), "qiki-bench-"));
        const store = openAlarmsStore(join(folder, "qiki.sqlite"), Date.now());
        const times: number[] = [];
        const first = store.head().seq;
        const startedMs = performance.now();
        for (let append = 0; append < APPENDS; append += 1) {
          const beganMs = performance.now();
          store.commit({ wallMs: Date.now(), audit: [{ draft: serviceDraft("service_start", { role: "bench" }), publish: true }] });
          times.push(performance.now() - beganMs);
        }
        const elapsedMs = performance.now() - startedMs;
        const appended = store.head().seq - first;
        store.close(Date.now());
        rmSync(folder, { recursive: true });
        // Every hundred records the store adds one of its own, the head.
        if (appended < APPENDS) throw new Error(`${appended} of ${APPENDS} records are in the chain`);
        p99Ms = times.sort((a, b) => a - b)[Math.floor(APPENDS * 0.99)]!;
        return (APPENDS * 1000) / elapsedMs;
      },
      note: () => `p99 ${p99Ms.toFixed(2)} ms (floor ${P99_MAX_MS} ms)`,
    },
  ];
}
