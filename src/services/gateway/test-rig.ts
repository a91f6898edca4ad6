import type { Clock } from "../clock.ts";
import { createHub, type Hub } from "./hub.ts";
import { LIVE, openSession, type Session } from "./session.ts";

export type Wire = Readonly<Record<string, unknown>> & { readonly t: string };

/** A clock that moves only when told to. */
export interface ManualClock extends Clock {
  /** Moves time on and calls what falls due on the way, in order. */
  advance(ms: number): void;
  /** The same, and lets everything asynchronous run after each call. */
  advanceSettled(ms: number): Promise<void>;
}

export const WALL_START_MS = Date.parse("2026-11-22T10:00:00Z");

export function manualClock(): ManualClock {
  let nowMs = 0;
  let timers: { readonly dueMs: number; readonly callback: () => void }[] = [];
  /** Moves to the next timer due until then and takes it out. */
  function next(untilMs: number): (() => void) | undefined {
    const due = timers.filter((one) => one.dueMs <= untilMs);
    const first = due.reduce<(typeof due)[number] | undefined>((a, b) => (a === undefined || b.dueMs < a.dueMs ? b : a), undefined);
    nowMs = Math.max(nowMs, first?.dueMs ?? untilMs);
    timers = timers.filter((one) => one !== first);
    return first?.callback;
  }
  return {
    nowMs: () => WALL_START_MS + nowMs,
    monotonicMs: () => nowMs,
    after(delayMs, callback) {
      const timer = { dueMs: nowMs + delayMs, callback };
      timers.push(timer);
      return () => {
        timers = timers.filter((one) => one !== timer);
      };
    },
    advance(ms) {
      const untilMs = nowMs + ms;
      for (let call = next(untilMs); call !== undefined; call = next(untilMs)) call();
    },
    async advanceSettled(ms) {
      const untilMs = nowMs + ms;
      for (let call = next(untilMs); call !== undefined; call = next(untilMs)) {
        call();
        await settle();
      }
      await settle();
    },
  };
}

/** Lets microtasks and everything the bus has to deliver run. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 6; turn += 1) await new Promise((done) => setImmediate(done));
}

/** A console's end of a session: applies what comes, as the protocol wants it, and acknowledges while `acks`. */
export interface TestConsole {
  readonly session: Session;
  readonly received: Wire[];
  readonly state: Map<string, Map<string, unknown>>;
  readonly items: Map<string, unknown[]>;
  readonly gaps: Wire[];
  readonly closed: { readonly code: number; readonly reason: string }[];
  seq: number;
  positions: Record<string, number>;
  acks: boolean;
  bufferedBytes: number;
  say(message: Readonly<Record<string, unknown>>): void;
  ack(): void;
  of(type: string): Wire[];
  /** What a console keeps to come back with. */
  resume(): Readonly<Record<string, unknown>>;
}

export const ALL_SUBS = [
  ...["telemetry", "tracks", "incidents", "commands", "guards", "system", "replay"].map((topic) => ({ topic, mode: "latest", hz: 10 })),
  ...["events", "audit", "frames"].map((topic) => ({ topic, mode: "batch", flush_ms: 100 })),
];

export interface ConsoleOptions {
  readonly hub: Hub;
  readonly clock: Clock;
  readonly acks?: boolean;
  /** Hubs beside the live one, by the name of their source. */
  readonly sources?: Readonly<Record<string, Hub>>;
  /** Says hello at once with these members; nothing is said when it is undefined. */
  readonly hello?: Readonly<Record<string, unknown>>;
}

export function openConsole({ hub, clock, acks = true, sources = {}, hello }: ConsoleOptions): TestConsole {
  const far: TestConsole = {
    session: undefined as unknown as Session,
    received: [],
    state: new Map(),
    items: new Map(),
    gaps: [],
    closed: [],
    seq: 0,
    positions: {},
    acks,
    bufferedBytes: 0,
    say: (message) => far.session.receive(JSON.stringify(message)),
    ack: () => far.say({ t: "ack", seq: far.seq, batch: far.positions }),
    of: (type) => far.received.filter((message) => message.t === type),
    resume: () => ({ epoch: hub.epoch, seq: far.seq, batch: { ...far.positions } }),
  };
  const session = openSession(
    {
      send(text) {
        const message = JSON.parse(text) as Wire;
        far.received.push(message);
        // What a socket carries arrives later than it was sent.
        if (apply(far, message) && far.acks) queue.push(() => far.ack());
      },
      close: (code, reason) => far.closed.push({ code, reason }),
      get bufferedBytes() {
        return far.bufferedBytes;
      },
    },
    {
      clock,
      identity: { name: "anna", role: "operator" },
      source(name) {
        const known = name === LIVE ? hub : sources[name];
        const losses = (): { upstream: number; refused: number } => ({ upstream: 0, refused: 0 });
        return known && { name, hub: known, about: () => ({ run: null, cfg: null }), losses, sourceAges: () => ({}) };
      },
    },
  );
  const queue: (() => void)[] = [];
  Object.assign(far, { session });
  const pump = (): void => {
    for (const call of queue.splice(0)) call();
    if (far.closed.length === 0) clock.after(50, pump);
  };
  clock.after(50, pump);
  if (hello !== undefined) far.say({ t: "hello", v: 1, client: "test", subs: ALL_SUBS, ...hello });
  return far;
}

/** Whether the message is one to acknowledge. */
function apply(far: TestConsole, message: Wire): boolean {
  switch (message.t) {
    case "snapshot": {
      far.seq = message.seq as number;
      far.state.clear();
      const topics = message.topics as Record<string, Record<string, { v: unknown }>>;
      for (const [topic, records] of Object.entries(topics)) {
        far.state.set(topic, new Map(Object.entries(records).map(([key, { v }]) => [key, v])));
      }
      return true;
    }
    case "diff": {
      if (message.prev !== far.seq) {
        far.say({ t: "resync" });
        return false;
      }
      far.seq = message.seq as number;
      const changes = message.ch as Record<string, { set: Record<string, { v: unknown }>; del: string[] }>;
      for (const [topic, { set, del }] of Object.entries(changes)) {
        const records = far.state.get(topic) ?? new Map<string, unknown>();
        for (const key of del) records.delete(key);
        for (const [key, { v }] of Object.entries(set)) records.set(key, v);
        far.state.set(topic, records);
      }
      return true;
    }
    case "batch": {
      const topic = message.topic as string;
      far.items.set(topic, [...(far.items.get(topic) ?? []), ...(message.items as unknown[])]);
      far.positions[topic] = message.last as number;
      return true;
    }
    case "gap":
      far.gaps.push(message);
      far.positions[message.topic as string] = message.last as number;
      return false;
    default:
      return false;
  }
}

/** A hub, a clock, and consoles on them. */
export function openHub(): { readonly clock: ManualClock; readonly hub: Hub } {
  const clock = manualClock();
  return { clock, hub: createHub(clock) };
}
