import { describe, expect } from "vitest";
import { STREAMS } from "#contracts/streams.ts";
import { busTest, bytesOf, eventually, type MakeHarness, numbers, store, streamOf, take, textOf } from "./harness.ts";

export function streamSuite(makeHarness: MakeHarness): void {
  describe("streams", () => {
    busTest(makeHarness, "BUS-007 dedup - an id repeated in the window is stored once, core subscribers see both", async (harness, bus) => {
      await bus.streams.ensure(streamOf("EVENTS", ["e.>"], { dedupWindowMs: 2_000 }));
      let seen = 0;
      bus.subscribe("e.>", () => void (seen += 1), { name: "core" });
      await bus.flush(5_000);
      const publish = () => bus.publishStored("e.a", bytesOf("x"), { msgId: "same" });
      expect(await publish()).toEqual({ stream: "EVENTS", seq: 1, duplicate: false });
      expect(await publish()).toEqual({ stream: "EVENTS", seq: 1, duplicate: true });
      await eventually(() => expect(seen).toBe(2));
      expect(await bus.streams.info("EVENTS")).toMatchObject({ messages: 1, lastSeq: 1 });
      harness.passTime(1_999);
      expect(await publish()).toMatchObject({ duplicate: true });
      harness.passTime(1);
      await eventually(async () => expect(await publish()).toEqual({ stream: "EVENTS", seq: 2, duplicate: false }));
    });

    busTest(makeHarness, "dedup - the window is remembered over a restart", async (harness, bus) => {
      await bus.streams.ensure(streamOf("EVENTS", ["e.>"], { dedupWindowMs: 60_000 }));
      await bus.publishStored("e.a", bytesOf("x"), { msgId: "same" });
      await harness.restart();
      const again = await harness.connect();
      expect(await again.publishStored("e.a", bytesOf("x"), { msgId: "same" })).toEqual({ stream: "EVENTS", seq: 1, duplicate: true });
    });

    busTest(makeHarness, "BUS-010 one frame - LR, SR and union are three messages; a filter on frames sees one", async (_, bus) => {
      await bus.streams.ensure(STREAMS.radar);
      const parts = [
        ["frames.lr", "f1:lr"],
        ["tracks.sr", "f1:sr"],
        ["frames", "f1"],
      ] as const;
      for (const [name, msgId] of parts) bus.publish(`qiki.radar.v1.${name}`, bytesOf(name), { msgId });
      await bus.barrier(5_000);
      expect(await bus.streams.info("QIKI_RADAR_V1")).toMatchObject({ messages: 3 });
      const frames = bus.consume("QIKI_RADAR_V1", { deliver: "all", filter: "qiki.radar.v1.frames" });
      bus.publish("qiki.radar.v1.frames", bytesOf("next"), { msgId: "f2" });
      expect((await take(frames, 2)).map(textOf)).toEqual(["frames", "next"]);
    });

    busTest(makeHarness, "BUS-011 ensure - an old qiki.radar.v1.* is widened, its messages and settings kept", async (_, bus) => {
      const old = streamOf("QIKI_RADAR_V1", ["qiki.radar.v1.*"], { dedupWindowMs: 120_000 });
      expect(await bus.streams.ensure(old)).toEqual({ made: true, addedSubjects: [], differences: [] });
      await store(bus, "qiki.radar.v1.frames", 1, 3);
      bus.publish("qiki.radar.v1.tracks.sr", bytesOf("lost"));
      const ensured = await bus.streams.ensure(STREAMS.radar);
      expect(ensured.addedSubjects).toEqual(["qiki.radar.v1.>"]);
      expect(ensured.differences).toEqual([{ setting: "QIKI_RADAR_V1.maxBytes", kept: "1048576", wanted: "268435456" }]);
      await store(bus, "qiki.radar.v1.tracks.sr", 4, 4);
      expect(await bus.streams.info("QIKI_RADAR_V1")).toMatchObject({ subjects: ["qiki.radar.v1.>"], messages: 4 });
      expect((await bus.streams.ensure(STREAMS.radar)).addedSubjects).toEqual([]);
    });

    busTest(makeHarness, "ensure - a subject belongs to one stream", async (_, bus) => {
      await bus.streams.ensure(streamOf("ONE", ["a.>"]));
      await expect(bus.streams.ensure(streamOf("TWO", ["*.b"]))).rejects.toMatchObject({ code: "config_invalid" });
      await expect(bus.streams.info("TWO")).rejects.toMatchObject({ code: "stream_unknown" });
    });

    busTest(makeHarness, "BUS-012 source - of 1,000 events 100 are audits: the audit stream gets exactly these", async (_, bus) => {
      await bus.streams.ensure(STREAMS.events);
      bus.publish("qiki.events.v1.audit", bytesOf("0"));
      await bus.barrier(5_000);
      const before = await bus.streams.info("QIKI_EVENTS_V1");
      await bus.streams.ensure(STREAMS.audit);
      await eventually(async () => expect((await bus.streams.info("QIKI_AUDIT_V1")).messages).toBe(1));
      for (const number of numbers(1, 1_000)) {
        const subject = number % 10 === 0 ? "qiki.events.v1.audit" : "qiki.events.v1.power.bus";
        bus.publish(subject, bytesOf(String(number)), { msgId: `e${number}` });
      }
      await bus.barrier(5_000);
      expect((await bus.streams.info("QIKI_EVENTS_V1")).lastSeq).toBe(before.lastSeq + 1_000);
      await eventually(async () => expect((await bus.streams.info("QIKI_AUDIT_V1")).messages).toBe(101));
      const audits = await take(bus.consume("QIKI_AUDIT_V1", { deliver: "all" }), 101);
      expect(audits.map(textOf)).toEqual(numbers(0, 100).map((number) => String(number * 10)));
      expect(new Set(audits.map(({ subject }) => subject))).toEqual(new Set(["qiki.events.v1.audit"]));
    });

    busTest(makeHarness, "limits - over max_bytes the oldest go", async (_, bus) => {
      await bus.streams.ensure(streamOf("SMALL", ["s"], { maxBytes: 20_000 }));
      for (const number of numbers(1, 50)) bus.publish("s", new Uint8Array(1_000).fill(number));
      await bus.barrier(5_000);
      const { firstSeq, lastSeq, messages, bytes } = await bus.streams.info("SMALL");
      expect(lastSeq).toBe(50);
      expect(firstSeq).toBeGreaterThan(25);
      expect(messages).toBe(lastSeq - firstSeq + 1);
      expect(bytes).toBeLessThanOrEqual(20_000);
      expect((await take(bus.consume("SMALL", { deliver: "all" }), 1))[0]?.seq).toBe(firstSeq);
      expect(await bus.streams.get("SMALL", { seq: 1 })).toBeUndefined();
    });

    busTest(makeHarness, "limits - what reaches max_age goes", async (harness, bus) => {
      await bus.streams.ensure(streamOf("SHORT", ["s"], { maxAgeMs: 1_000, dedupWindowMs: 500 }));
      await store(bus, "s", 1, 3);
      harness.passTime(1_000);
      await eventually(async () => expect(await bus.streams.info("SHORT")).toMatchObject({ messages: 0, firstSeq: 4, lastSeq: 3 }));
    });

    busTest(makeHarness, "get - by sequence and the last of a subject, over a restart", async (harness, bus) => {
      await bus.streams.ensure(streamOf("S", ["s.>"]));
      bus.publish("s.a", bytesOf("1"), { headers: { "x-qiki-tick": "10" } });
      bus.publish("s.b", bytesOf("2"));
      bus.publish("s.a", bytesOf("3"));
      await bus.barrier(5_000);
      const check = async (calls: typeof bus.streams) => {
        const first = await calls.get("S", { seq: 1 });
        expect([first?.seq, first?.subject, textOf(first), first?.headers]).toEqual([1, "s.a", "1", { "x-qiki-tick": "10" }]);
        expect(textOf(await calls.get("S", { lastFor: "s.a" }))).toBe("3");
        expect(await calls.get("S", { lastFor: "s.c" })).toBeUndefined();
        expect(await calls.get("S", { seq: 4 })).toBeUndefined();
        await expect(calls.get("NONE", { seq: 1 })).rejects.toMatchObject({ code: "stream_unknown" });
      };
      await check(bus.streams);
      await harness.restart();
      await check((await harness.connect()).streams);
    });

    busTest(makeHarness, "purge - empties a stream, sequences go on, also over a restart", async (harness, bus) => {
      await bus.streams.ensure(streamOf("S", ["s"]));
      await store(bus, "s", 1, 5);
      await bus.streams.purge("S");
      expect(await bus.streams.info("S")).toMatchObject({ messages: 0, firstSeq: 6, lastSeq: 5 });
      await harness.restart();
      const again = await harness.connect();
      await store(again, "s", 6, 6);
      expect(await again.streams.info("S")).toMatchObject({ messages: 1, firstSeq: 6, lastSeq: 6 });
    });

    busTest(makeHarness, "publishStored - without a stream it says so", async (_, bus) => {
      const nowhere = bus.publishStored("nowhere", bytesOf("x"), { msgId: "m", timeoutMs: 2_000 });
      await expect(nowhere).rejects.toMatchObject({ code: "no_responders" });
    });

    busTest(makeHarness, "barrier - 5,000 publishes are in their streams when it resolves", async (_, bus) => {
      await bus.streams.ensure(streamOf("A", ["a.>"]));
      await bus.streams.ensure(streamOf("B", ["b"]));
      for (const number of numbers(1, 5_000)) bus.publish(number % 5 === 0 ? "b" : "a.x", bytesOf(String(number)), { msgId: `m${number}` });
      expect(await bus.barrier(10_000)).toEqual([]);
      expect([(await bus.streams.info("A")).messages, (await bus.streams.info("B")).messages]).toEqual([4_000, 1_000]);
    });

    busTest(makeHarness, "prefix - streams of a prefixed connection are its own", async (harness, bus) => {
      const replay = await harness.connect({ prefix: "replay" });
      await bus.streams.ensure(STREAMS.radar);
      await replay.streams.ensure(STREAMS.radar);
      await store(replay, "qiki.radar.v1.frames", 1, 2);
      await store(bus, "qiki.radar.v1.frames", 3, 3);
      expect((await bus.streams.info("QIKI_RADAR_V1")).messages).toBe(1);
      const info = await replay.streams.info("QIKI_RADAR_V1");
      expect([info.name, info.messages, info.subjects]).toEqual(["QIKI_RADAR_V1", 2, ["qiki.radar.v1.>"]]);
      const [first] = await take(replay.consume("QIKI_RADAR_V1", { deliver: "all", filter: "qiki.radar.v1.frames" }), 1);
      expect([first?.subject, textOf(first)]).toEqual(["qiki.radar.v1.frames", "1"]);
    });
  });
}
