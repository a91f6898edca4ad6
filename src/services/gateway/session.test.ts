import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createHub, LOG_TOPICS, STATE_TOPICS } from "./hub.ts";
import { ALL_SUBS, openConsole, openHub, type TestConsole } from "./test-rig.ts";

const knowledge = (console: TestConsole): unknown =>
  Object.fromEntries([...console.state].map(([topic, records]) => [topic, Object.fromEntries(records)]));

describe("greeting", () => {
  test("session - hello answers with epoch, seq and identity, then a snapshot and a heartbeat", () => {
    const { clock, hub } = openHub();
    hub.set("telemetry", "power", { soc_pct: 80 });
    clock.advance(40);
    const console = openConsole({ hub, clock, hello: {} });
    expect(console.received.map((message) => message.t)).toEqual(["hello", "snapshot", "hb"]);
    expect(console.received[0]).toMatchObject({ v: 1, epoch: hub.epoch, seq: 1, resumed: false, me: { name: "anna", role: "operator" } });
    expect(console.received[1]).toMatchObject({
      seq: 1,
      tick: null,
      src: "live",
      topics: { telemetry: { power: { age_ms: 40, v: { soc_pct: 80 } } }, incidents: {} },
    });
  });

  test("GW-003 no hello - closes with 4408 after 5 s", () => {
    const { clock, hub } = openHub();
    const console = openConsole({ hub, clock });
    clock.advance(4999);
    expect(console.closed).toEqual([]);
    clock.advance(1);
    expect(console.closed).toEqual([{ code: 4408, reason: "no_hello" }]);
    expect(console.of("bye")).toMatchObject([{ code: "no_hello", detail: "no hello within 5 s" }]);
  });

  test.each([
    ["broken JSON", "{oops"],
    ["no object", "[1]"],
    ["null", "null"],
    ["something before hello", '{"t":"ping"}'],
    ["another version", '{"t":"hello","v":2}'],
  ])("GW-003 %s - closes with 4400", (_what, text) => {
    const { clock, hub } = openHub();
    const console = openConsole({ hub, clock });
    console.session.receive(text);
    expect(console.closed).toEqual([{ code: 4400, reason: "bad_message" }]);
  });

  test("session - a message that does not exist, a second hello and a bad ack close with 4400", () => {
    for (const message of [{ t: "shout" }, { t: "hello", v: 1 }, { t: "ack" }]) {
      const { clock, hub } = openHub();
      const console = openConsole({ hub, clock, hello: {} });
      console.say(message);
      expect(console.closed).toEqual([{ code: 4400, reason: "bad_message" }]);
    }
  });

  test("session - an unknown topic or source is told and the rest works", () => {
    const { clock, hub } = openHub();
    hub.set("system", "kpi", 1);
    const subs = [{ topic: "weather" }, { topic: "system", src: "replay:1" }, null, { topic: "system", mode: "latest" }];
    const console = openConsole({ hub, clock, hello: { subs } });
    expect(console.of("error").map((message) => message.detail)).toEqual([
      "no topic weather: topics are telemetry, tracks, incidents, commands, guards, system, replay, events, audit, frames",
      "source replay:1 on a connection to live: open another for it",
      "no topic undefined: topics are telemetry, tracks, incidents, commands, guards, system, replay, events, audit, frames",
    ]);
    expect(knowledge(console)).toEqual({ system: { kpi: 1 } });
  });

  test("session - the source of the first subscription is the one it watches, and only that; one that is not there closes with 4404", () => {
    const { clock, hub } = openHub();
    const other = createHub(clock, () => 5000);
    const sources = { "replay:1": other };
    hub.set("system", "kpi", "live");
    other.set("system", "kpi", "replayed");
    const subs = [{ topic: "system", src: "replay:1" }, { topic: "tracks" }];
    const console = openConsole({ hub, clock, sources, hello: { subs } });
    expect(console.of("error").map((message) => message.detail)).toEqual(["source live on a connection to replay:1: open another for it"]);
    expect(console.of("hello")[0]).toMatchObject({ epoch: other.epoch });
    clock.advance(3000);
    hub.set("system", "kpi", "live again");
    other.set("system", "mode", "later");
    clock.advance(1000);
    expect(knowledge(console)).toEqual({ system: { kpi: "replayed", mode: "later" } });
    // Ages count in the source's own time, which stood still.
    const said = [...console.of("snapshot"), ...console.of("diff")];
    expect(said.every((message) => message.src === "replay:1" && !JSON.stringify(message).match(/"age_ms":[1-9]/))).toBe(true);
    expect(openConsole({ hub, clock, hello: { subs: [{ topic: "system", src: "replay:2" }] } }).closed).toEqual([
      { code: 4404, reason: "not_found" },
    ]);
  });

  test("session - more than 50 messages in a second close with 4429", () => {
    const { clock, hub } = openHub();
    const console = openConsole({ hub, clock, hello: {}, acks: false });
    for (let count = 0; count < 50; count += 1) console.say({ t: "ping" });
    expect(console.closed).toEqual([]);
    clock.advance(1000);
    for (let count = 0; count < 50; count += 1) console.say({ t: "ping" });
    expect(console.of("pong")).toHaveLength(100);
    console.say({ t: "ping" });
    expect(console.closed).toEqual([{ code: 4429, reason: "rate_limited" }]);
  });
});

describe("flushing", () => {
  test("session - sends the newest value at most hz times a second and counts what was superseded", () => {
    const { clock, hub } = openHub();
    const console = openConsole({ hub, clock, hello: { subs: [{ topic: "telemetry", mode: "latest", hz: 4 }] } });
    for (let count = 1; count <= 100; count += 1) {
      hub.set("telemetry", "tick", count);
      clock.advance(10);
    }
    expect(console.of("diff").length).toBe(4);
    clock.advance(250);
    expect(console.state.get("telemetry")?.get("tick")).toBe(100);
    clock.advance(1000);
    expect(console.of("hb").at(-1)).toMatchObject({ coalesced: 96, lost: { client: 0 } });
  });

  test("session - a batch has everything in order, every flush_ms", () => {
    const { clock, hub } = openHub();
    const console = openConsole({ hub, clock, hello: { subs: [{ topic: "events", mode: "batch", flush_ms: 200 }] } });
    for (let count = 1; count <= 100; count += 1) {
      hub.append("events", count);
      clock.advance(10);
    }
    clock.advance(200);
    expect(console.items.get("events")).toEqual(Array.from({ length: 100 }, (_unused, index) => index + 1));
    expect(console.of("batch").length).toBe(6);
  });

  test("session - a console without a position begins with the newest 500 items, without a gap", () => {
    const { clock, hub } = openHub();
    for (let count = 1; count <= 700; count += 1) hub.append("events", count);
    const console = openConsole({ hub, clock, hello: {} });
    expect(console.of("batch")).toMatchObject([{ topic: "events", first: 201, last: 700 }]);
    expect(console.gaps).toEqual([]);
  });

  test("session - subscribing again changes the rate and loses nothing", () => {
    const { clock, hub } = openHub();
    const console = openConsole({ hub, clock, hello: {} });
    hub.append("events", 1);
    console.say({ t: "sub", subs: [{ topic: "events", mode: "batch", flush_ms: 20 }] });
    clock.advance(100);
    hub.append("events", 2);
    clock.advance(100);
    expect(console.items.get("events")).toEqual([1, 2]);
  });

  test("session - after unsub nothing more comes", () => {
    const { clock, hub } = openHub();
    const console = openConsole({ hub, clock, hello: {} });
    console.say({ t: "unsub", topic: "events" });
    hub.append("events", 1);
    clock.advance(500);
    expect(console.of("batch")).toEqual([]);
  });

  test("session - hb comes every second, also when nothing happens", () => {
    const { clock, hub } = openHub();
    const console = openConsole({ hub, clock, hello: {} });
    clock.advance(3000);
    expect(console.of("hb").map((message) => message.wall)).toEqual([
      "2026-11-22T10:00:00.000Z",
      "2026-11-22T10:00:01.000Z",
      "2026-11-22T10:00:02.000Z",
      "2026-11-22T10:00:03.000Z",
    ]);
  });
});

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant("set"), topic: fc.constantFrom(...STATE_TOPICS), key: fc.nat(5), value: fc.nat(99) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("delete"), topic: fc.constantFrom(...STATE_TOPICS), key: fc.nat(5) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("append"), topic: fc.constantFrom(...LOG_TOPICS), value: fc.nat(99) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("wait"), ms: fc.integer({ min: 1, max: 400 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom("drop", "resync", "mute", "unmute", "congest", "drain") }) },
);

test("GW-008 stream - snapshot and diffs, over drops, resyncs and slow spells, are a fresh snapshot", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const { clock, hub } = openHub();
      let far = openConsole({ hub, clock, hello: {} });
      const appended: Record<string, unknown[]> = { events: [], audit: [], frames: [] };
      const kept: Record<string, unknown[]> = { events: [], audit: [], frames: [] };
      const keep = (): void => {
        for (const topic of LOG_TOPICS) kept[topic]!.push(...(far.items.get(topic) ?? []));
      };
      for (const one of steps as { kind: string; topic: never; key: number; value: number; ms: number }[]) {
        if (one.kind === "set") hub.set(one.topic, String(one.key), one.value);
        else if (one.kind === "delete") hub.delete(one.topic, String(one.key));
        else if (one.kind === "append") {
          hub.append(one.topic, one.value);
          appended[one.topic]!.push(one.value);
        } else if (one.kind === "wait") clock.advance(one.ms);
        else if (one.kind === "resync") far.say({ t: "resync" });
        else if (one.kind === "mute") far.acks = false;
        else if (one.kind === "unmute") far.acks = true;
        else if (one.kind === "congest") far.bufferedBytes = 2_000_000;
        else if (one.kind === "drain") far.bufferedBytes = 0;
        else {
          keep();
          far.session.closed();
          const old = far;
          far = openConsole({ hub, clock, hello: { resume: far.resume() } });
          expect(far.received[0]).toMatchObject({ t: "hello", resumed: true });
          // The page kept what it knew.
          const news = far.received.filter((message) => message.t === "diff");
          far.state.clear();
          for (const [topic, records] of old.state) far.state.set(topic, new Map(records));
          far.seq = old.seq;
          far.positions = { ...old.positions, ...far.positions };
          for (const message of news) replay(far, message);
        }
      }
      far.acks = true;
      far.bufferedBytes = 0;
      far.ack();
      clock.advance(2000);
      keep();
      const fresh = openConsole({ hub, clock, hello: {} });
      expect(far.closed).toEqual([]);
      expect(far.seq).toBe(hub.seq);
      expect(knowledge(far)).toEqual(knowledge(fresh));
      expect(kept).toEqual(appended);
      expect(far.gaps).toEqual([]);
    }),
    { seed: 20_261_122, numRuns: 1000 },
  );
});

function replay(far: TestConsole, message: Readonly<Record<string, unknown>>): void {
  expect(message.prev).toBe(far.seq);
  far.seq = message.seq as number;
  for (const [topic, { set, del }] of Object.entries(
    message.ch as Record<string, { set: Record<string, { v: unknown }>; del: string[] }>,
  )) {
    const records = far.state.get(topic)!;
    for (const key of del) records.delete(key);
    for (const [key, { v }] of Object.entries(set)) records.set(key, v);
  }
}

describe("coming back", () => {
  test("GW-009 drop for 10 s - resumed with one diff, no event missing or doubled", () => {
    const { clock, hub } = openHub();
    const first = openConsole({ hub, clock, hello: {} });
    const live = (count: number): void => {
      hub.set("telemetry", "tick", count);
      hub.append("events", count);
      clock.advance(100);
    };
    for (let count = 1; count <= 50; count += 1) live(count);
    first.session.closed();
    for (let count = 51; count <= 150; count += 1) live(count);
    const second = openConsole({ hub, clock, hello: { resume: first.resume() } });
    expect(second.received.map((message) => message.t)).toEqual(["hello", "diff", "batch", "hb"]);
    expect(second.received[0]).toMatchObject({ resumed: true });
    expect(second.received[1]).toMatchObject({ prev: first.seq, seq: 150, ch: { telemetry: { set: { tick: { v: 150 } } } } });
    for (let count = 151; count <= 200; count += 1) live(count);
    clock.advance(200);
    expect([...first.items.get("events")!, ...second.items.get("events")!]).toEqual(Array.from({ length: 200 }, (_x, index) => index + 1));
    expect([...first.gaps, ...second.gaps]).toEqual([]);
  });

  test("GW-009 drop for 10 s in a storm - more than the queue of a slow console is owed and comes", () => {
    const { clock, hub } = openHub();
    const first = openConsole({ hub, clock, hello: {} });
    hub.append("events", 0);
    clock.advance(200);
    first.session.closed();
    for (let count = 1; count <= 50_000; count += 1) hub.append("events", count);
    clock.advance(10_000);
    const second = openConsole({ hub, clock, hello: { resume: first.resume() } });
    clock.advance(3000);
    expect(second.gaps).toEqual([]);
    expect(second.items.get("events")).toEqual(Array.from({ length: 50_000 }, (_x, index) => index + 1));
  });

  test("GW-010 away for longer than a minute - a snapshot, and the logs go on without a hole", () => {
    const { clock, hub } = openHub();
    const first = openConsole({ hub, clock, hello: {} });
    hub.set("system", "kpi", 1);
    hub.append("events", 1);
    clock.advance(200);
    first.session.closed();
    hub.set("system", "kpi", 2);
    clock.advance(1500);
    hub.set("system", "kpi", 3);
    hub.append("events", 2);
    clock.advance(58_000);
    expect(openConsole({ hub, clock, hello: { resume: first.resume() } }).received[0]).toMatchObject({ resumed: true });
    clock.advance(3000);
    const second = openConsole({ hub, clock, hello: { resume: first.resume() } });
    expect(second.received.map((message) => message.t)).toEqual(["hello", "snapshot", "batch", "hb"]);
    expect(second.received[0]).toMatchObject({ resumed: false });
    expect(knowledge(second)).toMatchObject({ system: { kpi: 3 } });
    expect(second.items.get("events")).toEqual([2]);
  });

  test("GW-010 resume beyond the ring - snapshot, gap ring, and the counts are right", () => {
    const { clock, hub } = openHub();
    const first = openConsole({ hub, clock, hello: {} });
    hub.append("events", 1);
    hub.set("telemetry", "tick", 0);
    clock.advance(200);
    first.session.closed();
    for (let count = 1; count <= 65_537; count += 1) hub.set("telemetry", "tick", count);
    for (let count = 2; count <= 100_000; count += 1) hub.append("events", count);
    const second = openConsole({ hub, clock, hello: { resume: first.resume() } });
    clock.advance(5000);
    expect(second.received[0]).toMatchObject({ resumed: false });
    expect(second.of("snapshot")).toHaveLength(1);
    expect(second.gaps).toMatchObject([{ topic: "events", first: 2, reason: "ring" }]);
    const { count, last } = second.gaps[0] as unknown as { count: number; last: number };
    expect(count).toBe(last - 1);
    expect(second.items.get("events")).toEqual(Array.from({ length: 100_000 - last }, (_x, index) => last + 1 + index));
    expect(second.of("hb").at(-1)).toMatchObject({ lost: { client: count } });
  });

  test("GW-010 gateway restart - another epoch: a snapshot, and every item of the new start", () => {
    const { clock, hub } = openHub();
    const first = openConsole({ hub, clock, hello: {} });
    for (let count = 1; count <= 20; count += 1) hub.append("events", `old ${count}`);
    clock.advance(200);
    const restarted = createHub(clock);
    for (let count = 1; count <= 3; count += 1) restarted.append("events", `new ${count}`);
    const second = openConsole({ hub: restarted, clock, hello: { resume: first.resume() } });
    expect(second.received[0]).toMatchObject({ resumed: false, epoch: restarted.epoch });
    expect(second.of("snapshot")).toHaveLength(1);
    expect(second.items.get("events")).toEqual(["new 1", "new 2", "new 3"]);
    expect(second.gaps).toEqual([]);
  });

  test("session - nonsense in resume is like no resume", () => {
    for (const resume of [null, 7, "x", { epoch: 1 }, { seq: 3 }, { batch: { events: -4 } }]) {
      const { clock, hub } = openHub();
      hub.append("events", 1);
      const console = openConsole({ hub, clock, hello: { resume } });
      expect(console.received[0]).toMatchObject({ t: "hello", resumed: false });
      expect(console.items.get("events")).toEqual([1]);
      expect(console.gaps).toEqual([]);
    }
    const { clock, hub } = openHub();
    hub.append("events", 1);
    for (const position of [-4, 1.5, 99, "1", null]) {
      const resume = { epoch: hub.epoch, seq: 99, batch: { events: position } };
      const console = openConsole({ hub, clock, hello: { resume } });
      expect(console.received[0]).toMatchObject({ t: "hello", resumed: false });
      expect(console.items.get("events")).toEqual([1]);
      expect(console.gaps).toEqual([]);
    }
  });
});

describe("a console that does not keep up", () => {
  test("GW-011 5,000 updates a second, nothing read - bounded, gaps are what was missed, 4008 after 15 s, the other console has all", () => {
    const { clock, hub } = openHub();
    const slow = openConsole({ hub, clock, hello: {}, acks: false });
    const good = openConsole({ hub, clock, hello: {} });
    const load = (seconds: number, from: number): void => {
      for (let count = 0; count < seconds * 1000; count += 1) {
        for (let update = 0; update < 4; update += 1) hub.set("telemetry", `key ${update}`, count);
        hub.append("events", from + count);
        clock.advance(1);
      }
    };
    load(10, 1);
    const stuckAt = slow.received.filter((message) => message.t !== "hb").length;
    // What was sent is bounded: the flushes that may be unacknowledged, no more.
    expect(slow.of("diff").length + slow.of("snapshot").length).toBeLessThanOrEqual(9);
    load(4, 10_001);
    expect(slow.received.filter((message) => message.t !== "hb").length).toBe(stuckAt);
    expect(slow.closed).toEqual([]);
    // It wakes up: everything it missed is told, to the item.
    slow.acks = true;
    slow.ack();
    load(1, 14_001);
    expect(slow.gaps).toHaveLength(1);
    const gap = slow.gaps[0] as unknown as { first: number; last: number; count: number; reason: string };
    expect(gap.reason).toBe("client_slow");
    expect(gap.count).toBe(gap.last - gap.first + 1);
    expect(slow.items.get("events")!.length + gap.count).toBe(good.items.get("events")!.length);
    expect(slow.state).toEqual(good.state);
    // It stops again, this time for good.
    slow.acks = false;
    load(14, 15_001);
    expect(slow.closed).toEqual([]);
    load(2, 29_001);
    expect(slow.closed).toEqual([{ code: 4008, reason: "slow_consumer" }]);
    clock.advance(200);
    expect(good.items.get("events")).toEqual(Array.from({ length: 31_000 }, (_x, index) => index + 1));
    expect(good.gaps).toEqual([]);
    expect(good.closed).toEqual([]);
  });

  test("GW-011 4008 - comes 15 s after the oldest flush that was never acknowledged, to the millisecond", () => {
    const { clock, hub } = openHub();
    const console = openConsole({ hub, clock, hello: {} });
    clock.advance(60_000);
    console.acks = false;
    hub.set("telemetry", "tick", 1);
    clock.advance(14_999);
    expect(console.closed).toEqual([]);
    clock.advance(1);
    expect(console.closed).toEqual([{ code: 4008, reason: "slow_consumer" }]);
    expect(console.of("bye")).toMatchObject([{ code: "slow_consumer" }]);
  });

  test("session - an ack counts only for the flushes it covers", () => {
    const { clock, hub } = openHub();
    const console = openConsole({ hub, clock, hello: { subs: ALL_SUBS }, acks: false });
    for (let count = 1; count <= 20; count += 1) {
      hub.set("telemetry", "tick", count);
      clock.advance(100);
    }
    expect(console.of("diff")).toHaveLength(8);
    // The snapshot and the first two diffs: three more may go.
    console.say({ t: "ack", seq: 2, batch: {} });
    for (let count = 21; count <= 30; count += 1) {
      hub.set("telemetry", "tick", count);
      clock.advance(100);
    }
    expect(console.of("diff")).toHaveLength(11);
    expect(console.state.get("telemetry")?.get("tick")).toBe(23);
  });

  test("session - an ack without the log's position does not cover a batch", () => {
    const { clock, hub } = openHub();
    const console = openConsole({ hub, clock, hello: {}, acks: false });
    for (let count = 1; count <= 20; count += 1) {
      hub.append("events", count);
      clock.advance(100);
      console.say({ t: "ack", seq: 0, batch: { events: 2, audit: 99 } });
    }
    expect(console.items.get("events")).toHaveLength(11);
  });

  test("session - with more than 1 MiB on its way it waits, then sends the newest", () => {
    const { clock, hub } = openHub();
    const console = openConsole({ hub, clock, hello: {} });
    console.bufferedBytes = 1_048_577;
    for (let count = 1; count <= 30; count += 1) {
      hub.set("telemetry", "tick", count);
      clock.advance(100);
    }
    expect(console.of("diff")).toEqual([]);
    console.bufferedBytes = 1_048_576;
    clock.advance(100);
    expect(console.of("diff")).toMatchObject([{ prev: 0, seq: 30, ch: { telemetry: { set: { tick: { v: 30 } } } } }]);
  });

  test("session - a resync while behind gets its snapshot as soon as there is room", () => {
    const { clock, hub } = openHub();
    const console = openConsole({ hub, clock, hello: {} });
    hub.set("telemetry", "tick", 1);
    clock.advance(200);
    console.bufferedBytes = 2_000_000;
    console.say({ t: "resync" });
    clock.advance(3000);
    expect(console.of("snapshot")).toHaveLength(1);
    console.bufferedBytes = 0;
    clock.advance(1000);
    expect(console.of("snapshot")).toHaveLength(2);
  });

  test("session - a console that lost the thread is not stuck behind what it cannot acknowledge", () => {
    const { clock, hub } = openHub();
    const console = openConsole({ hub, clock, hello: {}, acks: false });
    for (let count = 1; count <= 20; count += 1) {
      hub.set("telemetry", "tick", count);
      clock.advance(100);
    }
    console.say({ t: "resync" });
    clock.advance(100);
    expect(console.of("snapshot").at(-1)).toMatchObject({ seq: 20, topics: { telemetry: { tick: { v: 20 } } } });
  });
});
