import fc from "fast-check";
import { expect, test } from "vitest";
import { readServerMessage, type ServerMessage, type Timed } from "./protocol.ts";
import { createRecords, type Records } from "./records.ts";
import { followStream, STREAM_START, type StreamPosition } from "./stream.ts";

const AT = { monoMs: 0, wallMs: 0 };
const TOPICS = ["telemetry", "incidents", "commands"] as const;
type Topic = (typeof TOPICS)[number];

/** A gateway's side of the stream: numbered changes, flushed as diffs and batches. */
class Source {
  seq = 0;
  items = 0;
  private readonly state = new Map<Topic, Map<string, number>>(TOPICS.map((topic) => [topic, new Map()]));
  private readonly dirty = new Map<string, { topic: Topic; key: string }>();
  private flushedSeq = 0;
  private waiting: string[] = [];

  set(topic: Topic, key: string, value: number | undefined): void {
    if (value === undefined && !this.state.get(topic)!.has(key)) return;
    this.seq += 1;
    if (value === undefined) this.state.get(topic)!.delete(key);
    else this.state.get(topic)!.set(key, value);
    this.dirty.set(`${topic} ${key}`, { topic, key });
  }

  append(): void {
    this.items += 1;
    this.waiting.push(`item ${this.items}`);
  }

  flush(): ServerMessage[] {
    const messages: ServerMessage[] = [];
    if (this.dirty.size > 0) {
      const ch: Record<string, { set: Record<string, Timed>; del: string[] }> = {};
      for (const { topic, key } of this.dirty.values()) {
        const change = (ch[topic] ??= { set: {}, del: [] });
        const v = this.state.get(topic)!.get(key);
        if (v === undefined) change.del.push(key);
        else change.set[key] = { age_ms: 0, v };
      }
      messages.push({ t: "diff", prev: this.flushedSeq, seq: this.seq, tick: this.seq, ch });
    }
    if (this.waiting.length > 0) {
      messages.push({ t: "batch", topic: "events", first: this.items - this.waiting.length + 1, last: this.items, items: this.waiting });
    }
    this.dirty.clear();
    this.waiting = [];
    this.flushedSeq = this.seq;
    return messages;
  }

  snapshot(): ServerMessage {
    this.dirty.clear();
    this.flushedSeq = this.seq;
    const topics = Object.fromEntries(
      [...this.state].map(([topic, records]) => [topic, Object.fromEntries([...records].map(([key, v]) => [key, { age_ms: 0, v }]))]),
    );
    return { t: "snapshot", seq: this.seq, tick: this.seq, topics };
  }
}

const hello = (resumed: boolean, epoch = "e1"): ServerMessage => ({
  t: "hello",
  v: 1,
  epoch,
  seq: 0,
  resumed,
  runtime: "embedded",
  me: { name: "guest", role: "viewer" },
  run: null,
  cfg: null,
});

/** What a console shows, as plain values. */
function shown(records: Records): unknown {
  const telemetry = Object.fromEntries(
    Array.from({ length: 6 }, (_unused, key) => [key, records.telemetry(String(key)).peek()?.value]).filter(
      ([, value]) => value !== undefined,
    ),
  );
  return { telemetry, ...Object.fromEntries(TOPICS.slice(1).map((topic) => [topic, Object.fromEntries(records.keyed(topic).peek())])) };
}

const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant("set"), topic: fc.constantFrom(...TOPICS), key: fc.nat(5), value: fc.nat(99) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("delete"), topic: fc.constantFrom(...TOPICS), key: fc.nat(5) }) },
  { weight: 2, arbitrary: fc.constant({ kind: "append" }) },
  { weight: 4, arbitrary: fc.constant({ kind: "flush" }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("repeat"), which: fc.nat() }) },
  { weight: 1, arbitrary: fc.constant({ kind: "lose" }) },
);

test("VM-008 stream - repeated, late and lost messages converge to what a fresh console shows", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const source = new Source();
      const records = createRecords();
      const past: ServerMessage[] = [];
      let position: StreamPosition = STREAM_START;
      const hear = (message: ServerMessage): void => {
        const next = followStream(position, message);
        position = next.position;
        records.apply(next.change, AT);
        if (next.change.kind === "resync") hear(source.snapshot());
      };
      const tell = (message: ServerMessage): void => {
        past.push(message);
        hear(message);
      };
      tell(hello(false));
      tell(source.snapshot());
      let lost = 0;
      for (const one of steps as { kind: string; topic: Topic; key: number; value: number; which: number }[]) {
        if (one.kind === "set") source.set(one.topic, String(one.key), one.value);
        else if (one.kind === "delete") source.set(one.topic, String(one.key), undefined);
        else if (one.kind === "append") source.append();
        else if (one.kind === "flush") for (const message of source.flush()) tell(message);
        else if (one.kind === "repeat") {
          const old = past[one.which % past.length]!;
          if (old.t !== "hello") hear(old);
        } else {
          const isHeardOf = position.logs.events !== undefined;
          for (const message of source.flush()) if (message.t === "batch" && isHeardOf) lost += message.items.length;
        }
      }
      source.set("telemetry", "0", 1);
      source.append();
      for (const message of source.flush()) tell(message);
      const fresh = createRecords();
      fresh.apply(followStream(STREAM_START, source.snapshot()).change, AT);
      expect(shown(records)).toEqual(shown(fresh));
      expect(position).toMatchObject({ seq: source.seq, logs: { events: source.items } });
      expect(position).toMatchObject({ unaccounted: lost, lost: 0 });
      const items = records.events.peek() as string[];
      expect(items).toEqual(items.toSorted((a, b) => Number(a.slice(5)) - Number(b.slice(5))));
      expect(new Set(records.events.peek()).size).toBe(records.events.peek().length);
    }),
    { seed: 8, numRuns: 500 },
  );
});

const after = (...messages: ServerMessage[]): StreamPosition =>
  messages.reduce((position, message) => followStream(position, message).position, STREAM_START);
const snapshot = (seq: number): ServerMessage => ({ t: "snapshot", seq, tick: 0, topics: {} });
const batch = (first: number, last: number): ServerMessage => ({
  t: "batch",
  topic: "events",
  first,
  last,
  items: Array.from({ length: last - first + 1 }, (_unused, index) => first + index),
});
const gap = (first: number, last: number): ServerMessage => ({
  t: "gap",
  topic: "events",
  first,
  last,
  count: last - first + 1,
  reason: "ring",
});

test("stream - the same gateway keeps the position in its logs, another one numbers anew", () => {
  const had = [hello(false), snapshot(40), batch(1, 9)];
  expect(after(...had, hello(true))).toMatchObject({ seq: 40, logs: { events: 9 } });
  expect(after(...had, hello(false))).toMatchObject({ seq: undefined, logs: { events: 9 } });
  expect(after(...had, hello(false, "e2"))).toMatchObject({ epoch: "e2", seq: undefined, logs: {} });
  expect(after(...had, hello(false, "e2"), snapshot(3), batch(1, 2))).toMatchObject({ seq: 3, logs: { events: 2 }, unaccounted: 0 });
});

test("stream - after a greeting without resume a diff waits for the snapshot, and asks for nothing", () => {
  const position = after(hello(false), snapshot(40), hello(false));
  const diff: ServerMessage = { t: "diff", prev: 50, seq: 51, tick: 1, ch: {} };
  expect(followStream(position, diff)).toEqual({ position, change: { kind: "nothing" } });
});

test("stream - what came already, or comes late, changes nothing", () => {
  const position = after(hello(false), snapshot(40), batch(1, 9));
  const late: ServerMessage[] = [{ t: "diff", prev: 30, seq: 40, tick: 1, ch: {} }, snapshot(39), batch(2, 9), gap(3, 7)];
  for (const message of late) expect(followStream(position, message)).toEqual({ position, change: { kind: "nothing" } });
});

test("stream - a diff that overlaps what is known is taken", () => {
  const position = after(hello(false), snapshot(40));
  const diff: ServerMessage = { t: "diff", prev: 35, seq: 45, tick: 1, ch: {} };
  expect(followStream(position, diff)).toMatchObject({ position: { seq: 45 }, change: { kind: "changed" } });
});

test("stream - holes with a word are lost, holes without one unaccounted, neither twice", () => {
  expect(after(batch(1, 5), gap(6, 10), gap(6, 10), batch(11, 12))).toMatchObject({ lost: 5, unaccounted: 0, logs: { events: 12 } });
  expect(after(batch(1, 5), batch(9, 9))).toMatchObject({ lost: 0, unaccounted: 3 });
  expect(after(batch(1, 5), gap(4, 8))).toMatchObject({ lost: 3, unaccounted: 0, logs: { events: 8 } });
  expect(after(batch(1, 5), gap(8, 9))).toMatchObject({ lost: 2, unaccounted: 2 });
  expect(after(batch(100, 105))).toMatchObject({ lost: 0, unaccounted: 0 });
});

test("stream - of a batch that overlaps, only what is new is taken", () => {
  const { change } = followStream(after(batch(1, 5)), batch(4, 7));
  expect(change).toEqual({ kind: "items", topic: "events", items: [6, 7] });
});

test("protocol - only whole messages of kinds that exist are read", () => {
  expect(readServerMessage('{"t":"pong","seq":3}')).toEqual({ t: "pong", seq: 3 });
  const broken = [
    "",
    "{",
    "null",
    "3",
    "[]",
    "{}",
    '{"t":"toString"}',
    '{"t":3}',
    '{"t":"diff","prev":1,"seq":2,"ch":null}',
    '{"t":"gap"}',
  ];
  for (const text of broken) expect([text, readServerMessage(text)]).toEqual([text, undefined]);
});
