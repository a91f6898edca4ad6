import type { Connection } from "./link.ts";
import { createModel, type Model, type ModelPorts } from "./model.ts";

/** A gateway's end of one connection, played by the test. */
export interface TestSocket {
  /** What the console sent, parsed. */
  readonly sent: Readonly<Record<string, unknown>>[];
  open(): void;
  say(message: unknown): void;
  /** The connection ends, as if cut unless another close code is given. */
  break(code?: number): void;
  readonly isClosed: boolean;
}

/** Clocks, timers and sockets of one console, moved by the test. */
export interface TestWorld {
  readonly ports: ModelPorts;
  readonly sockets: readonly TestSocket[];
  readonly model: Model;
  /** The newest connection. */
  socket(): TestSocket;
  /** Moves time on and runs what falls due on the way. */
  advance(ms: number): void;
  /** Time passes while nothing runs; the monotonic clock may stand meanwhile. */
  sleep(ms: number, options?: { readonly isMonotonicStopped?: boolean }): void;
}

interface Timer {
  readonly dueMs: number;
  readonly callback: () => void;
}

export function testWorld(): TestWorld {
  let monoMs = 1000;
  let wallMs = 1_800_000_000_000;
  let timers: Timer[] = [];
  const sockets: TestSocket[] = [];
  const ports: ModelPorts = {
    monotonicMs: () => monoMs,
    wallMs: () => wallMs,
    random: () => 0.5,
    after(delayMs, callback) {
      const timer = { dueMs: monoMs + delayMs, callback };
      timers.push(timer);
      return () => {
        timers = timers.filter((one) => one !== timer);
      };
    },
    connect(handlers) {
      const state = { isClosed: false };
      const sent: Readonly<Record<string, unknown>>[] = [];
      sockets.push({
        sent,
        open: () => handlers.open(),
        say: (message) => handlers.message(typeof message === "string" ? message : JSON.stringify(message)),
        break: (code = 1006) => handlers.closed(code),
        get isClosed() {
          return state.isClosed;
        },
      });
      const connection: Connection = {
        send: (text) => sent.push(JSON.parse(text) as Readonly<Record<string, unknown>>),
        close() {
          state.isClosed = true;
        },
      };
      return connection;
    },
  };

  function due(untilMs: number): Timer | undefined {
    let first: Timer | undefined;
    for (const one of timers) if (one.dueMs <= untilMs && (first === undefined || one.dueMs < first.dueMs)) first = one;
    return first;
  }

  function move(toMs: number): void {
    const passedMs = Math.max(0, toMs - monoMs);
    monoMs += passedMs;
    wallMs += passedMs;
  }

  return {
    ports,
    sockets,
    model: createModel(ports),
    socket: () => sockets.at(-1)!,
    advance(ms) {
      const untilMs = monoMs + ms;
      for (let timer = due(untilMs); timer !== undefined; timer = due(untilMs)) {
        timers = timers.filter((one) => one !== timer);
        move(timer.dueMs);
        timer.callback();
      }
      move(untilMs);
    },
    sleep(ms, { isMonotonicStopped = false } = {}) {
      wallMs += ms;
      if (!isMonotonicStopped) monoMs += ms;
    },
  };
}

const RUN = { id: "r1", seed: 7, tick_ms: 100, epoch: "2026-01-01T00:00:00Z" };

/** A gateway that speaks to the newest connection of a world. */
export interface TestGateway {
  hello(more?: Readonly<Record<string, unknown>>): void;
  snapshot(topics: Readonly<Record<string, Readonly<Record<string, unknown>>>>, tick?: number): void;
  /** Telemetry as one diff, every member this old. */
  telemetry(members: Readonly<Record<string, unknown>>, options?: { readonly ageMs?: number; readonly tick?: number }): void;
  heartbeat(): void;
  /** Everything that a console has at first: hello, a snapshot, a heartbeat. */
  begin(members?: Readonly<Record<string, unknown>>): void;
}

export function gatewayOf(world: TestWorld): TestGateway {
  let seq = 0;
  const timed = (members: Readonly<Record<string, unknown>>, ageMs: number): Record<string, unknown> =>
    Object.fromEntries(Object.entries(members).map(([key, v]) => [key, { age_ms: ageMs, v }]));
  const say = (message: unknown): void => world.socket().say(message);
  const gateway: TestGateway = {
    hello(more = {}) {
      const me = { name: "guest", role: "viewer" };
      const cfg = { telemetry_period_s: 1, events_period_s: 1 };
      say({ t: "hello", v: 1, epoch: "e1", seq, resumed: false, runtime: "embedded", me, run: RUN, cfg, ...more });
    },
    snapshot(topics, tick = 0) {
      const told = Object.fromEntries(Object.entries(topics).map(([topic, records]) => [topic, timed(records, 0)]));
      say({ t: "snapshot", seq, tick, src: "live", topics: told });
    },
    telemetry(members, { ageMs = 0, tick = 0 } = {}) {
      const prev = seq;
      seq += Object.keys(members).length;
      say({ t: "diff", prev, seq, tick, src: "live", ch: { telemetry: { set: timed(members, ageMs), del: [] } } });
    },
    heartbeat() {
      say({ t: "hb", seq, wall: "2026-11-22T10:00:00.000Z", src_age_ms: {}, lost: { upstream: 0, client: 0, refused: 0 } });
    },
    begin(members = RUNNING) {
      world.socket().open();
      gateway.hello();
      gateway.snapshot({ telemetry: members });
      gateway.heartbeat();
    },
  };
  return gateway;
}

export const RUNNING = { tick: 10, sim_state: { fsm_state: "RUNNING", speed: 1 }, power: { soc_pct: 80, bus_v: 0, dock_v: null } };
