import { describe, expect } from "vitest";
import type { Bus } from "../port.ts";
import { busTest, bytesOf, eventually, gate, type MakeHarness, numbers, textOf } from "./harness.ts";

const PAYLOAD_MAX_BYTES = 1_048_576;

export function coreSuite(makeHarness: MakeHarness): void {
  describe("subjects and delivery", () => {
    busTest(makeHarness, "BUS-001 subjects - * takes one token, > one or more", async (_, bus) => {
      const patterns = ["a.*.c", "a.>", "a.*", ">"];
      const got = patterns.map((pattern) => collect(bus, pattern));
      await bus.flush(5_000);
      bus.publish("a.b.c", bytesOf("x"));
      await bus.flush(5_000);
      await eventually(() => expect(got.map((texts) => texts.length)).toEqual([1, 1, 0, 1]));
    });

    busTest(makeHarness, "BUS-002 subjects - empty tokens and other letters are refused with bad_subject", async (_, bus) => {
      const subjects = ["a..b", "", ".a", "a.", "a b", "a.*", "a.>", "ä.b", "a:b", "a$b", `a.${"b".repeat(254)}`];
      for (const subject of subjects) {
        expect(() => bus.publish(subject, bytesOf("x")), subject).toThrow(expect.objectContaining({ code: "bad_subject" }));
      }
      for (const pattern of ["a..b", "", "a.>.b", ">.a", "a*", "a>"]) {
        expect(() => bus.subscribe(pattern, ignore, { name: "bad" }), pattern).toThrow(expect.objectContaining({ code: "bad_subject" }));
      }
      expect(bus.publish(`a.${"b".repeat(253)}`, bytesOf("x"))).toBe("sent");
    });

    busTest(makeHarness, "BUS-003 order - 10,000 messages arrive in order, none lost", async (_, bus) => {
      const got = collect(bus, "order.>");
      await bus.flush(5_000);
      for (const number of numbers(1, 10_000)) {
        bus.publish(`order.${number % 3}`, bytesOf(String(number)));
        if (number % 1_000 === 0) await bus.flush(5_000);
      }
      await eventually(() => expect(got).toHaveLength(10_000));
      expect(got).toEqual(numbers(1, 10_000).map(String));
    });

    busTest(makeHarness, "BUS-004 handlers - a throw on #3 of 5 leaves 4 handled and the subscription alive", async (harness, bus) => {
      const got: string[] = [];
      bus.subscribe("throws", (msg) => failAt3(got, textOf(msg)!), { name: "sync" });
      bus.subscribe("throws", async (msg) => failAt3(got, textOf(msg)!), { name: "async" });
      await bus.flush(5_000);
      for (const number of numbers(1, 5)) bus.publish("throws", bytesOf(String(number)));
      const both = { sync: 4, async: 4 };
      await eventually(() => expect(bus.counts().handled).toEqual(both));
      expect(bus.counts().handlerErrors).toEqual({ sync: 1, async: 1 });
      expect(got.filter((text) => text === "5")).toHaveLength(2);
      const told = harness.reports.map((report) => (report.kind === "handler_error" ? [report.name, report.subject] : []));
      expect(told).toEqual(
        expect.arrayContaining([
          ["sync", "throws"],
          ["async", "throws"],
        ]),
      );
    });

    busTest(makeHarness, "BUS-025 two consoles - both get all tracks", async (harness, bus) => {
      const heard = await Promise.all(
        ["one", "two"].map(async (name) => {
          const got: string[] = [];
          const console = await harness.connect();
          console.subscribe("qiki.radar.v1.tracks", (msg) => void got.push(textOf(msg)!), { name });
          await console.flush(5_000);
          return got;
        }),
      );
      for (const number of numbers(1, 100)) bus.publish("qiki.radar.v1.tracks", bytesOf(String(number)));
      for (const got of heard) await eventually(() => expect(got).toEqual(numbers(1, 100).map(String)));
    });

    busTest(makeHarness, "BUS-005 queue group - two members share 100 messages, each handled once", async (_, bus) => {
      const got: string[] = [];
      for (const name of ["one", "two"]) bus.subscribe("work", (msg) => void got.push(textOf(msg)!), { name, queue: "workers" });
      const all = collect(bus, "work");
      await bus.flush(5_000);
      for (const number of numbers(1, 100)) bus.publish("work", bytesOf(String(number)));
      await eventually(() => expect([got.length, all.length]).toEqual([100, 100]));
      expect(new Set(got).size).toBe(100);
      expect(Math.min(...Object.values(bus.counts().handled))).toBeGreaterThan(0);
    });

    busTest(makeHarness, "delivery - bytes are copied, headers and reply arrive, no handler runs inside publish", async (_, bus) => {
      const got: (readonly [string | undefined, string | undefined, string | undefined])[] = [];
      bus.subscribe("copy", (msg) => void got.push([textOf(msg), msg.headers["x-qiki-tick"], msg.reply]), { name: "copy" });
      await bus.flush(5_000);
      const buffer = bytesOf("first");
      bus.publish("copy", buffer, { headers: { "x-qiki-tick": "7", "x-name": "é ü" }, msgId: "id-1", reply: "answers.here" });
      buffer.fill(0);
      expect(got).toEqual([]);
      await eventually(() => expect(got).toEqual([["first", "7", "answers.here"]]));
    });

    busTest(makeHarness, "delivery - a message id becomes the header Nats-Msg-Id", async (_, bus) => {
      const got: unknown[] = [];
      bus.subscribe("ids", (msg) => void got.push(msg.headers), { name: "ids" });
      await bus.flush(5_000);
      bus.publish("ids", bytesOf("x"), { msgId: "m-1" });
      bus.publish("ids", bytesOf("x"), { msgId: "m-2", headers: { ce_id: "m-2" } });
      bus.publish("ids", bytesOf("x"));
      await eventually(() => expect(got).toEqual([{ "Nats-Msg-Id": "m-1" }, { "Nats-Msg-Id": "m-2", ce_id: "m-2" }, {}]));
    });

    busTest(makeHarness, "delivery - the next message waits for the handler's promise", async (_, bus) => {
      const gates = [gate(), gate()];
      const started: string[] = [];
      const handler = async (msg: { readonly bytes: Uint8Array }) => {
        started.push(textOf(msg)!);
        await gates[started.length - 1]?.opened;
      };
      bus.subscribe("slow", handler, { name: "slow" });
      const other = collect(bus, "slow");
      await bus.flush(5_000);
      for (const number of numbers(1, 3)) bus.publish("slow", bytesOf(String(number)));
      await eventually(() => expect(other).toHaveLength(3));
      expect(started).toEqual(["1"]);
      gates[0]!.open();
      await eventually(() => expect(started).toEqual(["1", "2"]));
      gates[1]!.open();
      await eventually(() => expect(started).toEqual(["1", "2", "3"]));
    });

    busTest(makeHarness, "delivery - an ended subscription gets nothing more, a drained one what waits", async (_, bus) => {
      const ended: string[] = [];
      const drained: string[] = [];
      const end = bus.subscribe("s", (msg) => void ended.push(textOf(msg)!), { name: "ended" });
      const hold = gate();
      const holding = async (msg: { readonly bytes: Uint8Array }) => {
        await hold.opened;
        drained.push(textOf(msg)!);
      };
      const drain = bus.subscribe("s", holding, { name: "drained" });
      await bus.flush(5_000);
      bus.publish("s", bytesOf("1"));
      bus.publish("s", bytesOf("2"));
      await bus.flush(5_000);
      await eventually(() => expect(ended).toEqual(["1", "2"]));
      end.unsubscribe();
      const done = drain.drain();
      bus.publish("s", bytesOf("3"));
      await bus.flush(5_000);
      hold.open();
      await done;
      expect([ended, drained]).toEqual([
        ["1", "2"],
        ["1", "2"],
      ]);
    });

    busTest(makeHarness, "BUS-015 overflow - maxPending 10 of 100 keeps the last 10 and counts 90 dropped", async (_, bus) => {
      expect(await overflowOf(bus, "drop_oldest")).toEqual(["plug", ...numbers(91, 100).map(String)]);
      expect(bus.counts().dropped).toEqual({ plugged: 90 });
    });

    busTest(makeHarness, "overflow - drop_newest keeps the first 10", async (_, bus) => {
      expect(await overflowOf(bus, "drop_newest")).toEqual(["plug", ...numbers(1, 10).map(String)]);
      expect(bus.counts().dropped).toEqual({ plugged: 90 });
    });

    busTest(makeHarness, "overflow - 16 MiB may wait, the oldest go", async (_, bus) => {
      const hold = gate();
      const got: number[] = [];
      const handler = async (msg: { readonly bytes: Uint8Array }) => {
        got.push(msg.bytes[0]!);
        if (got.length === 1) await hold.opened;
      };
      bus.subscribe("big", handler, { name: "big" });
      await bus.flush(5_000);
      const send = async (number: number) => {
        bus.publish("big", new Uint8Array(PAYLOAD_MAX_BYTES).fill(number));
        await bus.flush(5_000);
      };
      await send(0);
      await eventually(() => expect(got).toEqual([0]));
      for (const number of numbers(1, 18)) await send(number);
      hold.open();
      await eventually(() => expect(got).toEqual([0, ...numbers(3, 18)]));
      expect(bus.counts().dropped).toEqual({ big: 2 });
    });

    busTest(makeHarness, "BUS-021 payload - 1 MiB passes, one byte more or headers on top are refused", async (_, bus) => {
      const got: number[] = [];
      bus.subscribe("large", (msg) => void got.push(msg.bytes.length), { name: "large" });
      await bus.flush(5_000);
      const full = new Uint8Array(PAYLOAD_MAX_BYTES);
      expect(bus.publish("large", full)).toBe("sent");
      const tooLarge = expect.objectContaining({ code: "payload_too_large" });
      expect(() => bus.publish("large", new Uint8Array(PAYLOAD_MAX_BYTES + 1))).toThrow(tooLarge);
      expect(() => bus.publish("large", full, { headers: { a: "b" } })).toThrow(tooLarge);
      // NATS/1.0, a: b, and three line ends: 18 bytes.
      expect(bus.publish("large", full.subarray(18), { headers: { a: "b" } })).toBe("sent");
      await eventually(() => expect(got).toEqual([PAYLOAD_MAX_BYTES, PAYLOAD_MAX_BYTES - 18]));
    });

    busTest(
      makeHarness,
      "BUS-023 prefix - a connection on replay sees only replay's messages, by their plain names",
      async (harness, bus) => {
        const replay = await harness.connect({ prefix: "replay" });
        const live = collect(bus, ">");
        const seen: string[] = [];
        replay.subscribe(">", (msg) => void seen.push(`${msg.subject} ${textOf(msg)}`), { name: "seen" });
        await Promise.all([bus.flush(5_000), replay.flush(5_000)]);
        bus.publish("qiki.telemetry", bytesOf("live"));
        replay.publish("qiki.telemetry", bytesOf("replayed"));
        bus.publish("replay.qiki.telemetry", bytesOf("from outside"));
        await eventually(() => expect([live.length, seen.length]).toEqual([3, 2]));
        expect(new Set(seen)).toEqual(new Set(["qiki.telemetry replayed", "qiki.telemetry from outside"]));
      },
    );
  });

  describe("requests", () => {
    busTest(makeHarness, "BUS-006 request - nobody there is no_responders in 100 ms, silence is timeout", async (_, bus) => {
      const nobody = bus.request("nobody.home", bytesOf("?"), { timeoutMs: 100 });
      await expect(nobody).rejects.toMatchObject({ code: "no_responders" });
      bus.subscribe("silent", ignore, { name: "silent" });
      await bus.flush(5_000);
      await expect(bus.request("silent", bytesOf("?"), { timeoutMs: 200 })).rejects.toMatchObject({ code: "timeout" });
    });

    busTest(makeHarness, "request - the first answer wins and carries its headers", async (_, bus) => {
      bus.subscribe("ask", (msg) => void bus.publish(msg.reply!, bytesOf(`${textOf(msg)}!`), { headers: { by: msg.headers.from! } }), {
        name: "answers",
      });
      await bus.flush(5_000);
      const answer = await bus.request("ask", bytesOf("well"), { timeoutMs: 2_000, headers: { from: "me" } });
      expect([textOf(answer), answer.headers.by]).toEqual(["well!", "me"]);
    });

    busTest(makeHarness, "request - under a prefix it finds its own service and an outsider finds it too", async (harness, bus) => {
      const replay = await harness.connect({ prefix: "replay" });
      replay.subscribe("ask", (msg) => void replay.publish(msg.reply!, bytesOf("replay")), { name: "answers" });
      await replay.flush(5_000);
      expect(textOf(await replay.request("ask", bytesOf("?"), { timeoutMs: 2_000 }))).toBe("replay");
      expect(textOf(await bus.request("replay.ask", bytesOf("?"), { timeoutMs: 2_000 }))).toBe("replay");
      await expect(bus.request("ask", bytesOf("?"), { timeoutMs: 2_000 })).rejects.toMatchObject({ code: "no_responders" });
    });
  });
}

function collect(bus: Bus, pattern: string): string[] {
  const texts: string[] = [];
  bus.subscribe(pattern, (msg) => void texts.push(textOf(msg)!), { name: pattern });
  return texts;
}

function failAt3(got: string[], text: string): void {
  got.push(text);
  if (text === "3") throw new Error("third");
}

/** Sends 100 messages to a subscription that holds 10 while its handler is busy with a first one. */
async function overflowOf(bus: Bus, overflow: "drop_oldest" | "drop_newest"): Promise<string[]> {
  const hold = gate();
  const got: string[] = [];
  const handler = async (msg: { readonly bytes: Uint8Array }) => {
    got.push(textOf(msg)!);
    if (got.length === 1) await hold.opened;
  };
  bus.subscribe("flood", handler, { name: "plugged", maxPending: 10, overflow });
  await bus.flush(5_000);
  bus.publish("flood", bytesOf("plug"));
  await eventually(() => expect(got).toEqual(["plug"]));
  for (const number of numbers(1, 100)) bus.publish("flood", bytesOf(String(number)));
  await bus.flush(5_000);
  await eventually(() => expect(bus.counts().dropped).toEqual({ plugged: 90 }));
  hold.open();
  await eventually(() => expect(got).toHaveLength(11));
  return got;
}

function ignore(): void {}
