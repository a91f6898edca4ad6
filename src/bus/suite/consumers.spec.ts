import { describe, expect } from "vitest";
import { InOrderReader } from "../in-order.ts";
import type { Bus, ConsumeOptions } from "../port.ts";
import { busTest, bytesOf, eventually, type MakeHarness, numbers, store, streamOf, take, textOf } from "./harness.ts";

const DURABLE = { durable: "reader", deliver: "all", ackWaitMs: 200 } as const satisfies ConsumeOptions;

export function consumerSuite(makeHarness: MakeHarness): void {
  describe("consumers", () => {
    busTest(makeHarness, "BUS-008 redelivery - without an ack it comes again after ack_wait, count 2", async (_, bus) => {
      await bus.streams.ensure(streamOf("S", ["s"]));
      await store(bus, "s", 1, 1);
      const messages = bus.consume("S", DURABLE);
      const [first, second] = await take(messages, 2);
      expect([first, second].map((msg) => [msg?.seq, msg?.deliveries])).toEqual([
        [1, 1],
        [1, 2],
      ]);
      second!.ack();
      await eventually(async () => expect(await lagOf(bus)).toEqual({ pending: 0, ackPending: 0 }));
    });

    busTest(makeHarness, "BUS-008 redelivery - after 7 tries it is given up with one poison_message", async (harness, bus) => {
      await bus.streams.ensure(streamOf("S", ["s"]));
      await store(bus, "s", 1, 1);
      const messages = bus.consume("S", { ...DURABLE, ackWaitMs: 50 });
      const tries = await take(messages, 7);
      expect(tries.map(({ deliveries }) => deliveries)).toEqual(numbers(1, 7));
      const next = messages.next();
      const poison = { kind: "poison_message", stream: "S", durable: "reader", seq: 1, deliveries: 7 };
      await eventually(() => expect(harness.reports).toContainEqual(poison));
      bus.publish("s", bytesOf("2"));
      expect((await next).value?.seq).toBe(2);
      expect(harness.reports.filter(({ kind }) => kind === "poison_message")).toHaveLength(1);
      expect(bus.counts().poisoned).toBe(1);
    });

    busTest(makeHarness, "BUS-009 restart - 3 of 5 acknowledged: it resumes at 4", async (harness, bus) => {
      await bus.streams.ensure(streamOf("S", ["s"]));
      await store(bus, "s", 1, 5);
      const before = bus.consume("S", DURABLE);
      await take(before, 3, "ack");
      await before.return!();
      await eventually(async () => {
        const { pending, ackPending } = await lagOf(bus);
        expect(pending + ackPending).toBe(2);
      });
      await harness.restart();
      const again = await harness.connect();
      const rest = await take(again.consume("S", DURABLE), 2, "ack");
      expect(rest.map(({ seq }) => seq)).toEqual([4, 5]);
    });

    busTest(makeHarness, "order - first deliveries come in the order of their sequence", async (_, bus) => {
      await bus.streams.ensure(streamOf("S", ["s.>"], { maxBytes: 10_000_000 }));
      for (const number of numbers(1, 2_000)) bus.publish(`s.${number % 7}`, bytesOf(String(number)));
      await bus.barrier(5_000);
      const messages = bus.consume("S", { durable: "reader", deliver: "all", ackWaitMs: 30_000, maxAckPending: 100 });
      expect((await take(messages, 2_000, "ack")).map(({ seq }) => seq)).toEqual(numbers(1, 2_000));
    });

    busTest(makeHarness, "deliver - all, new, last, from a sequence and from a time", async (harness, bus) => {
      await bus.streams.ensure(streamOf("S", ["s.>"]));
      await store(bus, "s.a", 1, 3);
      const { timeMs } = (await bus.streams.get("S", { seq: 3 }))!;
      harness.passTime(10);
      await eventually(async () => {
        await store(bus, "s.b", 4, 4);
        expect((await bus.streams.get("S", { lastFor: "s.b" }))!.timeMs).toBeGreaterThan(timeMs);
      });
      const { seq: bSeq, timeMs: bTimeMs } = (await bus.streams.get("S", { lastFor: "s.b" }))!;
      const fresh = bus.consume("S", { deliver: "new" });
      const freshNext = fresh.next();
      const firstOf = async (options: ConsumeOptions) => (await take(bus.consume("S", options), 1))[0]?.seq;
      expect(await firstOf({ deliver: "all" })).toBe(1);
      expect(await firstOf({ deliver: { seq: 2 } })).toBe(2);
      expect(await firstOf({ deliver: { timeMs: bTimeMs } })).toBe(bSeq);
      expect(await firstOf({ deliver: "last" })).toBe(bSeq);
      expect(await firstOf({ deliver: "last", filter: "s.a" })).toBe(3);
      expect(await firstOf({ deliver: "all", filter: "s.b" })).toBeGreaterThan(3);
      let got: string | undefined;
      void freshNext.then(({ value }) => {
        got = textOf(value);
      });
      await eventually(() => {
        bus.publish("s.a", bytesOf("new"));
        expect(got).toBe("new");
      });
    });

    busTest(makeHarness, "durable - made beforehand it starts there; differing settings are kept and reported", async (harness, bus) => {
      await bus.streams.ensure(streamOf("S", ["s.>"]));
      await store(bus, "s.a", 1, 2);
      const definition = {
        name: "reader",
        stream: "S",
        filter: "s.a",
        deliver: "new",
        ackWaitMs: 200,
        maxDeliver: 7,
        maxAckPending: 512,
      } as const;
      expect(await bus.streams.ensureDurable(definition)).toEqual({ made: true, addedSubjects: [], differences: [] });
      expect(await bus.streams.ensureDurable(definition)).toEqual({ made: false, addedSubjects: [], differences: [] });
      await store(bus, "s.a", 3, 4);
      expect((await bus.streams.info("S")).durables).toEqual([{ name: "reader", pending: 2, ackPending: 0 }]);
      const messages = bus.consume("S", { durable: "reader", filter: "s.a", deliver: "new", ackWaitMs: 300 });
      expect((await take(messages, 2, "ack")).map(({ seq }) => seq)).toEqual([3, 4]);
      const differences = [{ setting: "S/reader.ackWaitMs", kept: "200", wanted: "300" }];
      expect(harness.reports).toContainEqual({ kind: "settings_kept", differences });
      await expect(bus.streams.ensureDurable({ ...definition, stream: "NONE" })).rejects.toMatchObject({ code: "stream_unknown" });
    });

    busTest(makeHarness, "max_ack_pending - deliveries wait until earlier ones are acknowledged", async (_, bus) => {
      await bus.streams.ensure(streamOf("S", ["s"]));
      await store(bus, "s", 1, 3);
      const messages = bus.consume("S", { durable: "reader", deliver: "all", ackWaitMs: 30_000, maxAckPending: 2 });
      const [first] = await take(messages, 2);
      const third = messages.next();
      await eventually(async () => expect(await lagOf(bus)).toEqual({ pending: 1, ackPending: 2 }));
      first!.ack();
      expect((await third).value?.seq).toBe(3);
    });

    busTest(makeHarness, "nak - at once, or after a delay; term never again; working starts ack_wait anew", async (_, bus) => {
      await bus.streams.ensure(streamOf("S", ["s"]));
      await store(bus, "s", 1, 1);
      const messages = bus.consume("S", { ...DURABLE, ackWaitMs: 30_000 });
      const [first] = await take(messages, 1);
      first!.nak();
      const [second] = await take(messages, 1);
      second!.working();
      second!.nak(20);
      const [third] = await take(messages, 1);
      expect([first, second, third].map((msg) => msg?.deliveries)).toEqual([1, 2, 3]);
      third!.term();
      await eventually(async () => expect(await lagOf(bus)).toEqual({ pending: 0, ackPending: 0 }));
    });

    busTest(makeHarness, "durable - two readers share it, each message goes to one", async (harness, bus) => {
      await bus.streams.ensure(streamOf("S", ["s"]));
      await bus.streams.ensureDurable({ ...SHARED, stream: "S" });
      const readers = [bus, await harness.connect()].map((one) =>
        one.consume("S", { durable: SHARED.name, filter: "s", deliver: "all", ackWaitMs: 30_000, batch: 1 }),
      );
      const got: number[] = [];
      const loops = readers.map(async (reader) => {
        for await (const msg of reader) {
          got.push(msg.seq);
          msg.ack();
        }
      });
      await store(bus, "s", 1, 200);
      await eventually(() => expect(got).toHaveLength(200));
      expect(new Set(got).size).toBe(200);
      for (const reader of readers) await reader.return!();
      await Promise.all(loops);
    });

    busTest(
      makeHarness,
      "in order - what a reader that is gone took without acknowledging comes first, nothing comes twice",
      async (_, bus) => {
        await bus.streams.ensure(streamOf("S", ["s.>"]));
        const definition = { ...SHARED, stream: "S", filter: "s.a", ackWaitMs: 200 };
        await bus.streams.ensureDurable(definition);
        for (const number of numbers(1, 8)) await store(bus, number % 2 === 0 ? "s.a" : "s.b", number, number);
        const gone = bus.consume("S", { ...definition, durable: definition.name, batch: 3 });
        expect((await take(gone, 3)).map(({ seq, delivery }) => [seq, delivery])).toEqual([
          [2, 1],
          [4, 2],
          [6, 3],
        ]);
        await gone.return!();
        const reader = await InOrderReader.open(bus, definition, 2);
        expect((await take(reader, 3, "ack")).map(({ seq }) => seq)).toEqual([4, 6, 8]);
        // The durable gives all four again, which leaves nothing to settle but the one published after them.
        const next = reader.next();
        const lag = async (): Promise<unknown> => (await bus.streams.info("S")).durables[0];
        await eventually(async () => expect(await lag()).toEqual({ name: "shared", pending: 0, ackPending: 0 }));
        await store(bus, "s.a", 9, 9);
        expect((await next).value?.seq).toBe(9);
        await reader.return();
        expect(await reader.next()).toEqual({ done: true, value: undefined });
      },
    );

    busTest(makeHarness, "in order - without a position it begins where the durable does, and ends with the bus", async (_, bus) => {
      await bus.streams.ensure(streamOf("S", ["s"]));
      await store(bus, "s", 1, 2);
      const reader = await InOrderReader.open(bus, { ...SHARED, stream: "S", deliver: "new" }, undefined);
      await store(bus, "s", 3, 3);
      expect((await take(reader, 1, "ack")).map(({ seq }) => seq)).toEqual([3]);
      const next = reader.next();
      await bus.close();
      expect(await next).toEqual({ done: true, value: undefined });
    });

    busTest(makeHarness, "without a durable - a reader sees all that comes, acknowledgements do nothing", async (_, bus) => {
      await bus.streams.ensure(streamOf("S", ["s"]));
      await store(bus, "s", 1, 3);
      const messages = bus.consume("S", { deliver: "all" });
      const taken = await take(messages, 3);
      taken[0]!.nak();
      taken[1]!.ack();
      await store(bus, "s", 4, 4);
      expect((await take(messages, 1))[0]).toMatchObject({ seq: 4, deliveries: 1 });
      expect((await bus.streams.info("S")).durables).toEqual([]);
    });

    busTest(makeHarness, "consume - an unknown stream is refused by the first next", async (_, bus) => {
      await expect(bus.consume("NONE", { deliver: "all" }).next()).rejects.toMatchObject({ code: "stream_unknown" });
      await expect(bus.consume("NONE", DURABLE).next()).rejects.toMatchObject({ code: "stream_unknown" });
    });
  });
}

const SHARED = { name: "shared", filter: "s", deliver: "all", ackWaitMs: 30_000, maxDeliver: 7, maxAckPending: 512 } as const;

async function lagOf(bus: Bus): Promise<{ pending: number; ackPending: number }> {
  const durable = (await bus.streams.info("S")).durables.find(({ name }) => name === "reader");
  return { pending: durable?.pending ?? -1, ackPending: durable?.ackPending ?? -1 };
}
