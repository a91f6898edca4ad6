import { rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, test } from "vitest";
import { openInProcessBroker } from "./in-process.ts";
import type { BusReport, Msg } from "./port.ts";
import { type BusHarness, bytesOf, eventually, numbers, store, streamOf, take, textOf } from "./suite/harness.ts";
import { busSuite } from "./suite.ts";

busSuite("in-process bus, with a file", () => makeHarness());

async function makeHarness(): Promise<BusHarness & { readonly path: string; at(ms: number): void }> {
  const folder = await mkdtemp(join(tmpdir(), "qiki-bus-"));
  const path = join(folder, "bus.sqlite");
  const reports: BusReport[] = [];
  let nowMs = 1_800_000_000_000;
  const open = () => openInProcessBroker({ path, nowMs: () => nowMs, report: (report) => void reports.push(report) });
  let broker = open();
  return {
    path,
    reports,
    connect: async (options) => broker.connect(options),
    passTime: (ms) => {
      nowMs += ms;
    },
    at: (ms) => {
      nowMs = ms;
    },
    restart: async () => {
      await broker.close();
      broker = open();
    },
    close: async () => {
      await broker.close();
      rmSync(folder, { recursive: true });
    },
  };
}

describe("bus file", () => {
  test("bus file - what was published reaches it without a close, within a batch", async () => {
    const harness = await makeHarness();
    const bus = await harness.connect();
    await bus.streams.ensure(streamOf("S", ["s"]));
    await store(bus, "s", 1, 10);
    await bus.lastValue("B").put("k", bytesOf("v"));
    const reader = new DatabaseSync(harness.path, { readOnly: true });
    await eventually(() => expect(reader.prepare("SELECT count(*) AS n FROM messages_1").get()).toEqual({ n: 10 }));
    expect(reader.prepare("SELECT count(*) AS n FROM last_values").get()).toEqual({ n: 1 });
    reader.close();
    await harness.close();
  });

  test("bus file - more than memory keeps is read back in order, oldest dropped by size and age", async () => {
    const harness = await makeHarness();
    const bus = await harness.connect();
    await bus.streams.ensure(streamOf("S", ["s.>"], { maxBytes: 30_000_000, maxAgeMs: 100_000 }));
    const payload = new Uint8Array(10_000);
    for (const number of numbers(1, 4_000)) {
      harness.passTime(10);
      payload.fill(number & 255);
      bus.publish(`s.${number % 100 === 0 ? "rare" : "often"}`, payload);
      if (number % 500 === 0) await bus.flush(5_000);
    }
    const info = await bus.streams.info("S");
    expect([info.lastSeq, info.messages]).toEqual([4_000, Math.floor(30_000_000 / 10_007)]);
    const all = await take(bus.consume("S", { deliver: "all" }), info.messages);
    expect(all.map(({ seq }) => seq)).toEqual(numbers(info.firstSeq, 4_000));
    expect(all.every(({ seq, bytes }) => bytes.length === 10_000 && bytes[9_999] === (seq & 255))).toBe(true);
    const rare = await take(bus.consume("S", { deliver: "all", filter: "s.rare" }), 20);
    const firstRare = Math.ceil(info.firstSeq / 100) * 100;
    expect(rare.map(({ seq }) => seq)).toEqual(numbers(0, 19).map((index) => firstRare + index * 100));
    const timed = await take(bus.consume("S", { deliver: { timeMs: all[500]!.timeMs } }), 1);
    expect(timed[0]!.seq).toBe(all[500]!.seq);
    await harness.restart();
    const again = await harness.connect();
    expect(await again.streams.info("S")).toEqual(info);
    harness.at(all.at(-101)!.timeMs + 100_000);
    expect((await again.streams.info("S")).messages).toBe(100);
    await harness.close();
  });

  test("bus file - a write that fails is reported, kept in memory and written later", async () => {
    const harness = await makeHarness();
    const bus = await harness.connect();
    await bus.streams.ensure(streamOf("S", ["s"]));
    await bus.flush(5_000);
    const saboteur = new DatabaseSync(harness.path);
    saboteur.exec("ALTER TABLE messages_1 RENAME TO away");
    await store(bus, "s", 1, 3);
    await bus.lastValue("B").put("k", bytesOf("v"));
    await bus.flush(5_000);
    expect(harness.reports).toMatchObject([{ kind: "bus_error", error: { code: "disk" } }]);
    saboteur.exec("ALTER TABLE away RENAME TO messages_1");
    await bus.flush(5_000);
    expect(saboteur.prepare("SELECT count(*) AS n FROM messages_1").get()).toEqual({ n: 3 });
    expect(saboteur.prepare("SELECT count(*) AS n FROM last_values").get()).toEqual({ n: 1 });
    saboteur.close();
    await harness.close();
  });

  test("bus file - a file of a later version and a folder in its place are refused", async () => {
    const harness = await makeHarness();
    await harness.connect();
    const path = `${harness.path}.later`;
    const later = new DatabaseSync(path);
    later.exec("PRAGMA user_version = 99");
    later.close();
    const open = (at: string) => () => openInProcessBroker({ path: at, nowMs: () => 0, report: () => {} });
    expect(open(path)).toThrow(expect.objectContaining({ code: "store_newer" }));
    expect(open(join(harness.path, ".."))).toThrow(expect.objectContaining({ code: "disk" }));
    await harness.close();
  });

  test("bus file - a durable's unacknowledged messages are due at once after a restart, tries counted on", async () => {
    const harness = await makeHarness();
    const bus = await harness.connect();
    await bus.streams.ensure(streamOf("S", ["s"]));
    await store(bus, "s", 1, 3);
    const options = { durable: "reader", deliver: "all", ackWaitMs: 3_600_000, maxDeliver: 2 } as const;
    const [first] = await take(bus.consume("S", options), 2);
    first!.ack();
    await harness.restart();
    const again = (await harness.connect()).consume("S", options);
    expect((await take(again, 2)).map(({ seq, deliveries }) => [seq, deliveries])).toEqual([
      [2, 2],
      [3, 1],
    ]);
    await harness.close();
  });
});

describe("in-process bus", () => {
  test("delivery - messages that beget messages let the event loop turn, after 5 ms when their handlers take long", async () => {
    const broker = openInProcessBroker({ nowMs: () => 0, report: () => {} });
    const bus = broker.connect();
    let isStopped = false;
    let handlerMs = 0;
    const hand = (subject: string) => (msg: Msg) => {
      const endMs = performance.now() + handlerMs;
      while (performance.now() < endMs);
      if (!isStopped) bus.publish(subject, msg.bytes);
    };
    bus.subscribe("ping", hand("pong"), { name: "ping" });
    bus.subscribe("pong", hand("ping"), { name: "pong" });
    bus.publish("ping", bytesOf("ball"));
    const handled = (): number => bus.counts().handled.ping! + bus.counts().handled.pong!;
    const turned = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    await turned();
    expect(handled()).toBeGreaterThan(8);
    handlerMs = 1;
    await turned();
    const before = handled();
    await turned();
    // Eight between two looks at the clock, in each of the two turns.
    expect(handled() - before).toBeLessThanOrEqual(16);
    isStopped = true;
    await broker.close();
  });

  test("in memory - streams and last values work without a file", async () => {
    const broker = openInProcessBroker({ nowMs: () => 0, report: () => {} });
    const bus = broker.connect();
    await bus.streams.ensure(streamOf("S", ["s"]));
    await store(bus, "s", 1, 3);
    expect((await take(bus.consume("S", { deliver: "all" }), 3)).map(textOf)).toEqual(["1", "2", "3"]);
    await broker.close();
    await broker.close();
  });
});
