import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { openHistoryReader, type SeriesAnswer } from "./history-reader.ts";
import { type HistoryStore, openHistoryStore } from "./history-store.ts";

const folder = mkdtempSync(join(tmpdir(), "qiki-history-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let path = "";
let files = 0;
beforeEach(() => {
  path = join(folder, `history-${files++}.sqlite`);
});

const EPOCH_MS = 1_767_225_600_000;
const message = (soc: number | null): string =>
  JSON.stringify({
    power: { soc_pct: soc, name: "x" },
    thermal: {
      nodes: [
        { id: "bat", temp_c: 1 },
        { id: "core", temp_c: soc },
      ],
    },
  });

/** One message a second of event time, `values[i]` at second i. */
function fill(store: HistoryStore, runId: string, wallMs: number, values: readonly (number | null)[]): void {
  const rows = values.map((value, at) => ({
    runId,
    tick: at * 10,
    tsMs: EPOCH_MS + at * 1000,
    wallMs: wallMs + at * 1000,
    json: message(value),
  }));
  store.add({ telemetry: rows, runs: [{ runId, wallMs, json: JSON.stringify({ run_id: runId, telemetry_period_s: 1 }) }] });
}

describe("history", () => {
  test("history - a series has smallest, largest and last of each bucket, half-open, and null where nothing was", () => {
    const store = openHistoryStore(path);
    fill(store, "a", 0, [5, 3, 9, 7, null, null, 1]);
    const reader = openHistoryReader(path);
    const ask = (question: object): unknown => reader.series({ path: "power.soc_pct", points: 2000, ...question });
    expect(ask({})).toEqual({
      run: "a",
      from_ms: EPOCH_MS,
      bucket_ms: 1000,
      buckets: [[5, 5, 5], [3, 3, 3], [9, 9, 9], [7, 7, 7], null, null, [1, 1, 1]],
    });
    expect(ask({ points: 2, fromMs: EPOCH_MS, toMs: EPOCH_MS + 4000 })).toMatchObject({
      bucket_ms: 2000,
      buckets: [
        [3, 5, 3],
        [7, 9, 7],
      ],
    });
    expect(ask({ fromMs: EPOCH_MS + 1000, toMs: EPOCH_MS + 2000 })).toMatchObject({ buckets: [[3, 3, 3]] });
    expect(ask({ path: "thermal.nodes[id=core].temp_c", fromMs: EPOCH_MS, toMs: EPOCH_MS + 1000 })).toMatchObject({ buckets: [[5, 5, 5]] });
    expect(ask({ path: "thermal.nodes[0].temp_c", points: 1 })).toMatchObject({ buckets: [[1, 1, 1]] });
    for (const wrong of [
      "power",
      "power.name",
      "power.soc",
      "power[0]",
      "thermal.nodes[9].temp_c",
      "thermal.nodes[id=x].temp_c",
      "a'b",
      "",
      "__proto__",
    ])
      expect(ask({ path: wrong }), wrong).toEqual({ unknown: "path" });
    expect(ask({ run: "b" })).toEqual({ unknown: "run" });
    reader.close();
    store.close();
  });

  test("history - without a run the newest one is meant; runs of the same event time are not mixed", () => {
    const store = openHistoryStore(path);
    fill(store, "a", 0, [1, 1]);
    fill(store, "b", 10_000, [2, 2]);
    const reader = openHistoryReader(path);
    expect(reader.series({ path: "power.soc_pct", points: 1 })).toMatchObject({ run: "b", buckets: [[2, 2, 2]] });
    expect(reader.series({ path: "power.soc_pct", points: 1, run: "a" })).toMatchObject({ run: "a", buckets: [[1, 1, 1]] });
    reader.close();
    store.close();
  });

  test("AUD-012 history - is pruned by wall time, whatever the event time: what is a millisecond too old goes", () => {
    const store = openHistoryStore(path, { keepMs: 60_000, maxBytes: 1 << 30 });
    fill(store, "a", 0, [1, 2, 3]);
    fill(store, "b", 100_000, [4, 5, 6]);
    store.add({ marks: [{ runId: "a", tick: 0, tsMs: EPOCH_MS, wallMs: 1999, lane: "modes", json: "{}" }] });
    // Kept: wall time 2000 on, which is the third message of the first boot.
    expect(store.prune(62_000)).toBe(3);
    const reader = openHistoryReader(path);
    expect(reader.series({ path: "power.soc_pct", points: 1, run: "a" })).toMatchObject({ from_ms: EPOCH_MS + 2000, buckets: [[3, 3, 3]] });
    expect(reader.series({ path: "power.soc_pct", points: 1, run: "b" })).toMatchObject({ buckets: [[4, 6, 6]] });
    expect(reader.timeline({ after: -1, limit: 10 })).toEqual({ items: [] });
    reader.close();
    store.close();
  });

  test("history - beyond its size the oldest goes, and the file does not grow for ever", () => {
    const store = openHistoryStore(path, { keepMs: 1e12, maxBytes: 400_000 });
    for (let round = 0; round < 20; round += 1) {
      const values = Array.from({ length: 400 }, (_, at) => round * 400 + at);
      store.add({
        telemetry: values.map((value, at) => ({
          runId: "a",
          tick: value,
          tsMs: EPOCH_MS + value * 1000,
          wallMs: at,
          json: message(value),
        })),
      });
      store.prune(0);
    }
    const reader = openHistoryReader(path);
    const kept = reader.series({ path: "power.soc_pct", points: 1 }) as SeriesAnswer;
    expect(kept.buckets[0]![2]).toBe(7999);
    expect(kept.buckets[0]![0]).toBeGreaterThan(1000);
    reader.close();
    store.close();
  });

  test("history - marks come in pages, each once, within a window that is half-open", () => {
    const store = openHistoryStore(path);
    store.add({
      marks: [0, 1, 2, 3, 4].map((at) => ({
        runId: at === 4 ? "b" : "a",
        tick: at,
        tsMs: at * 1000,
        wallMs: 0,
        lane: "alarms" as const,
        json: `{"n":${at}}`,
      })),
    });
    const reader = openHistoryReader(path);
    const pages: number[][] = [];
    for (let after: number | undefined = -1; after !== undefined; ) {
      const page = reader.timeline({ run: "a", after, limit: 2 });
      pages.push(page.items.map(({ tick }) => tick));
      after = page.next;
    }
    expect(pages).toEqual([
      [0, 1],
      [2, 3],
    ]);
    const window = reader.timeline({ fromMs: 1000, toMs: 3000, after: -1, limit: 10 });
    expect(window.items.map(({ what }) => what)).toEqual([{ n: 1 }, { n: 2 }]);
    reader.close();
    store.close();
  });
});
