import { describe, expect } from "vitest";
import type { Bus } from "../port.ts";
import { busTest, bytesOf, eventually, gate, type MakeHarness, numbers, store, streamOf, textOf } from "./harness.ts";

export function lifecycleSuite(makeHarness: MakeHarness): void {
  describe("lifecycle", () => {
    busTest(makeHarness, "BUS-022 drain - 100 in flight are all handled, then the bus is closed", async (_, bus) => {
      const hold = gate();
      const got: string[] = [];
      const handler = async (msg: { readonly bytes: Uint8Array }) => {
        await hold.opened;
        got.push(textOf(msg)!);
      };
      bus.subscribe("in.flight", handler, { name: "handler" });
      await bus.flush(5_000);
      for (const number of numbers(1, 100)) bus.publish("in.flight", bytesOf(String(number)));
      await bus.flush(5_000);
      const drained = bus.drain(10_000);
      hold.open();
      expect(await drained).toEqual({ leftover: 0 });
      expect(got).toEqual(numbers(1, 100).map(String));
      expect(bus.counts().handled).toEqual({ handler: 100 });
      await expectClosed(bus);
    });

    busTest(makeHarness, "drain - a handler that never ends is left behind and counted", async (_, bus) => {
      bus.subscribe("stuck", () => new Promise<void>(() => {}), { name: "stuck" });
      await bus.flush(5_000);
      for (const number of numbers(1, 3)) bus.publish("stuck", bytesOf(String(number)));
      await bus.flush(5_000);
      expect(await bus.drain(50)).toEqual({ leftover: 3 });
      await expectClosed(bus);
    });

    busTest(makeHarness, "drain - a consumer loop ends after what it has fetched, and may still acknowledge it", async (harness, bus) => {
      await bus.streams.ensure(streamOf("S", ["s"]));
      await store(bus, "s", 1, 3);
      const hold = gate();
      const got: number[] = [];
      const options = { durable: "reader", deliver: "all", ackWaitMs: 30_000 } as const;
      const loop = (async () => {
        for await (const msg of bus.consume("S", options)) {
          got.push(msg.seq);
          await hold.opened;
          msg.ack();
        }
      })();
      await eventually(() => expect(got).toEqual([1]));
      const drained = bus.drain(10_000);
      hold.open();
      expect(await drained).toEqual({ leftover: 0 });
      await loop;
      expect(got).toEqual(numbers(1, got.length));
      const again = await harness.connect();
      const [durable] = (await again.streams.info("S")).durables;
      expect(durable!.pending + durable!.ackPending).toBe(3 - got.length);
    });

    busTest(makeHarness, "drain - what handlers publish meanwhile is still sent", async (harness, bus) => {
      const other = await harness.connect();
      const got: string[] = [];
      other.subscribe("out", (msg) => void got.push(textOf(msg)!), { name: "out" });
      await other.flush(5_000);
      const hold = gate();
      const forward = async (msg: { readonly bytes: Uint8Array }) => {
        await hold.opened;
        bus.publish("out", msg.bytes);
      };
      bus.subscribe("in", forward, { name: "forward" });
      await bus.flush(5_000);
      for (const number of numbers(1, 3)) bus.publish("in", bytesOf(String(number)));
      await bus.flush(5_000);
      const drained = bus.drain(10_000);
      hold.open();
      await drained;
      await eventually(() => expect(got).toEqual(["1", "2", "3"]));
    });

    busTest(makeHarness, "close - again is the same; loops end, requests are refused, the status tells", async (_, bus) => {
      await bus.streams.ensure(streamOf("S", ["s"]));
      const states: string[] = [];
      bus.onStatus(({ state }) => void states.push(state));
      expect(bus.status().state).toBe("connected");
      bus.subscribe("silent", () => {}, { name: "silent" });
      await bus.flush(5_000);
      const pending = bus.request("silent", bytesOf("?"), { timeoutMs: 20_000 });
      const message = bus.consume("S", { deliver: "all" }).next();
      const change = bus.lastValue("B").watch("", { existing: true })[Symbol.asyncIterator]().next();
      await bus.flush(5_000);
      const refused = expect(pending).rejects.toMatchObject({ code: "closed" });
      await bus.close();
      await bus.close();
      await refused;
      expect([(await message).done, (await change).done]).toEqual([true, true]);
      expect(states).toEqual(["closed"]);
      expect(bus.status().state).toBe("closed");
      await expectClosed(bus);
    });
  });
}

async function expectClosed(bus: Bus): Promise<void> {
  const closed = expect.objectContaining({ code: "closed" });
  expect(() => bus.publish("a", bytesOf("x"))).toThrow(closed);
  expect(() => bus.subscribe("a", () => {}, { name: "a" })).toThrow(closed);
  expect(() => bus.consume("S", { deliver: "all" })).toThrow(closed);
  const calls = [
    bus.publishStored("a", bytesOf("x"), { msgId: "m" }),
    bus.request("a", bytesOf("x"), { timeoutMs: 100 }),
    bus.flush(100),
    bus.barrier(100),
    bus.streams.info("S"),
    bus.lastValue("B").get("k"),
  ];
  for (const call of calls) await expect(call).rejects.toMatchObject({ code: "closed" });
  await bus.close();
}
