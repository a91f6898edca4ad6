import { effect } from "@preact/signals-core";
import { describe, expect, test } from "vitest";
import { gatewayOf, RUNNING, type TestGateway, type TestWorld, testWorld } from "./test-world.ts";

function begun(): { readonly world: TestWorld; readonly gateway: TestGateway } {
  const world = testWorld();
  const gateway = gatewayOf(world);
  world.model.start();
  gateway.begin();
  return { world, gateway };
}

const isStale = ({ model }: TestWorld, path = "power.soc_pct"): boolean => {
  const cell = model.cell(path);
  return cell.kind === "value" && cell.stale;
};

describe("staleness", () => {
  test("VM-001 source stops - every value is stale within expiry + 250 ms, seen without anybody asking", () => {
    const { world } = begun();
    const paths = ["tick", "power.soc_pct", "power.bus_v", "sim_state.speed"];
    const seen: number[] = [];
    const dispose = effect(() => {
      if (paths.every((path) => world.model.cell(path).kind === "value" && isStale(world, path))) seen.push(world.ports.monotonicMs());
    });
    const startMs = world.ports.monotonicMs();
    world.advance(2500);
    for (const path of paths) expect(isStale(world, path)).toBe(false);
    world.advance(250);
    for (const path of paths) expect(isStale(world, path)).toBe(true);
    dispose();
    expect(seen[0]! - startMs).toBeGreaterThan(2500);
    expect(seen[0]! - startMs).toBeLessThanOrEqual(2750);
  });

  test("VM-001 an age at sending counts, and new data is fresh again", () => {
    const { world, gateway } = begun();
    gateway.telemetry(RUNNING, { ageMs: 2000 });
    world.advance(500);
    expect(isStale(world)).toBe(false);
    world.advance(250);
    expect(isStale(world)).toBe(true);
    expect(world.model.cell("power.soc_pct")).toMatchObject({ value: 80, ageMs: 2750 });
    gateway.telemetry(RUNNING);
    expect(isStale(world)).toBe(false);
  });

  test.each([
    ["both clocks run on", false],
    ["the monotonic clock stands still", true],
  ])("VM-002 sleep of an hour (%s) - no old value is fresh, nor one that lay in the socket", (_what, isMonotonicStopped) => {
    const { world, gateway } = begun();
    world.advance(500);
    const old = world.socket();
    world.sleep(3_600_000, { isMonotonicStopped });
    // What the socket held from before the sleep is handed over first; its age was written down before.
    gateway.telemetry({ ...RUNNING, power: { soc_pct: 99 } }, { ageMs: 20 });
    expect(isStale(world)).toBe(true);
    expect(world.model.value("power.soc_pct")).toBe(80);
    expect(world.model.data.value.kind).not.toBe("ok");
    world.advance(300);
    expect(isStale(world)).toBe(true);
    expect(old.isClosed).toBe(true);
    // A new connection brings what is true now.
    gateway.begin({ ...RUNNING, power: { soc_pct: 41 } });
    expect(world.model.cell("power.soc_pct")).toMatchObject({ value: 41, stale: false });
    expect(world.model.data.value.kind).toBe("ok");
  });

  test("VM-002 a short sleep - what was there is stale until new data comes", () => {
    const { world, gateway } = begun();
    world.advance(500);
    world.sleep(1200);
    world.advance(1);
    expect(isStale(world)).toBe(true);
    expect(world.model.data.value.kind).toBe("lag");
    gateway.telemetry(RUNNING);
    expect([isStale(world), world.model.data.value.kind]).toEqual([false, "ok"]);
    expect(world.sockets).toHaveLength(1);
  });

  test("VM-003 silence - LAG at expiry and at 10 s, STALE at 30 s; recovers with the next message", () => {
    const { world, gateway } = begun();
    const after = (ms: number): unknown => {
      // The gateway lives, its source does not.
      for (let step = 0; step < ms; step += 250) {
        world.advance(250);
        gateway.heartbeat();
      }
      return [world.model.link.value.kind, world.model.data.value.kind];
    };
    expect(after(2500)).toEqual(["ok", "ok"]);
    expect(after(250)).toEqual(["ok", "lag"]);
    expect(after(7250)).toEqual(["ok", "lag"]);
    expect(after(19_750)).toEqual(["ok", "lag"]);
    expect(after(250)).toEqual(["ok", "stale"]);
    expect(world.model.data.value).toEqual({ kind: "stale", ageMs: 30_000 });
    gateway.telemetry(RUNNING);
    expect(world.model.data.value).toEqual({ kind: "ok", ageMs: 0 });
  });

  test("VM-003 slow speeds - LAG by 10 s in any case, while the values wait for their own expiry", () => {
    const { world, gateway } = begun();
    gateway.telemetry({ ...RUNNING, sim_state: { fsm_state: "RUNNING", speed: 0.1 } });
    for (let step = 0; step < 40; step += 1) {
      world.advance(250);
      gateway.heartbeat();
    }
    expect([world.model.data.value.kind, isStale(world)]).toEqual(["lag", false]);
  });

  test("VM-005 speed 0.25, period 4 s - not stale at 9 s, stale by 10.25 s", () => {
    const { world, gateway } = begun();
    gateway.telemetry({ ...RUNNING, sim_state: { fsm_state: "RUNNING", speed: 0.25 } });
    for (let step = 0; step < 36; step += 1) {
      world.advance(250);
      gateway.heartbeat();
    }
    expect(isStale(world)).toBe(false);
    world.advance(1250);
    expect(isStale(world)).toBe(true);
  });

  test("VM-006 PAUSED world - heartbeats keep the values fresh; without them they go stale", () => {
    const { world, gateway } = begun();
    const paused = { ...RUNNING, sim_state: { fsm_state: "PAUSED", speed: 1 } };
    for (let second = 0; second < 60; second += 1) {
      gateway.telemetry(paused);
      world.advance(1000);
    }
    expect([isStale(world), world.model.data.value.kind]).toEqual([false, "ok"]);
    expect(world.model.cell("sim_state.fsm_state")).toMatchObject({ value: "PAUSED", stale: false });
    world.advance(1750);
    expect(isStale(world)).toBe(true);
  });

  test("model - after the gateway starts anew without its source there is no data, not the old", () => {
    const { world, gateway } = begun();
    world.socket().break();
    world.advance(250);
    world.socket().open();
    gateway.hello({ epoch: "e2" });
    gateway.snapshot({ telemetry: {} });
    expect(world.model.data.value).toEqual({ kind: "none" });
    expect(world.model.cell("power.soc_pct")).toMatchObject({ kind: "absent", reason: "not_received" });
  });
});

describe("link", () => {
  test("link - connecting, OK, SLOW from 2.5 s, LOST beyond 5 s of silence, and then another connection", () => {
    const world = testWorld();
    const gateway = gatewayOf(world);
    world.model.start();
    expect(world.model.link.value).toEqual({ kind: "connecting" });
    gateway.begin();
    expect(world.model.link.value).toEqual({ kind: "ok" });
    world.advance(2250);
    expect(world.model.link.value).toEqual({ kind: "ok" });
    world.advance(250);
    expect(world.model.link.value).toEqual({ kind: "slow" });
    world.advance(2500);
    expect(world.model.link.value).toEqual({ kind: "slow" });
    world.advance(250);
    expect(world.model.link.value).toEqual({ kind: "lost", retryInMs: 250 });
    expect(world.socket().isClosed).toBe(true);
    world.advance(250);
    expect(world.sockets).toHaveLength(2);
    expect(world.model.link.value).toEqual({ kind: "lost", retryInMs: 0 });
    gateway.begin();
    expect(world.model.link.value).toEqual({ kind: "ok" });
  });

  test("link - without a token that holds nothing is tried until somebody has signed in", () => {
    const { world, gateway } = begun();
    world.socket().break(4401);
    expect(world.model.link.value).toEqual({ kind: "lost", retryInMs: 0, needsToken: true });
    expect(world.model.identity.value).toBeUndefined();
    world.advance(60_000);
    world.model.retryNow();
    expect(world.sockets).toHaveLength(1);
    world.model.reconnect();
    expect(world.sockets).toHaveLength(2);
    gateway.begin();
    expect(world.model.link.value).toEqual({ kind: "ok" });
  });

  test("link - tries again after 250 ms doubling to 5 s, counts down, and begins anew after success", () => {
    const { world, gateway } = begun();
    const waits: number[] = [];
    for (let attempt = 0; attempt < 7; attempt += 1) {
      world.socket().break();
      const { retryInMs } = world.model.link.value as { retryInMs: number };
      waits.push(retryInMs);
      world.advance(retryInMs);
    }
    expect(waits).toEqual([250, 500, 1000, 2000, 4000, 5000, 5000]);
    gateway.begin();
    world.socket().break();
    expect(world.model.link.value).toEqual({ kind: "lost", retryInMs: 250 });
    world.advance(100);
    world.advance(150);
    expect(world.sockets).toHaveLength(9);
  });

  test("link - retryNow does not wait, and does nothing to a link that works", () => {
    const { world } = begun();
    world.model.retryNow();
    expect(world.sockets).toHaveLength(1);
    for (let attempt = 0; attempt < 5; attempt += 1) {
      world.socket().break();
      world.advance(5000);
    }
    const count = world.sockets.length;
    world.socket().break();
    world.model.retryNow();
    expect(world.sockets).toHaveLength(count + 1);
    world.advance(6000);
    expect(world.sockets.length).toBeLessThanOrEqual(count + 2);
  });

  test("link - what an earlier connection still says or does is not heard", () => {
    const { world, gateway } = begun();
    const old = world.socket();
    world.model.reconnect();
    old.say({ t: "diff", prev: 0, seq: 1, tick: 9, src: "live", ch: { telemetry: { set: { tick: { age_ms: 0, v: 999 } }, del: [] } } });
    old.break();
    world.advance(100);
    expect(world.sockets).toHaveLength(2);
    expect(world.model.value("tick")).toBe(10);
    gateway.begin();
    expect(world.model.link.value).toEqual({ kind: "ok" });
  });

  test("link - reconnect after signing in greets at once, keeps the data, resumes, and is not lost meanwhile", () => {
    const { world, gateway } = begun();
    const states: string[] = [];
    const dispose = effect(() => void states.push(world.model.link.value.kind));
    gateway.telemetry(RUNNING);
    world.model.reconnect();
    expect(world.sockets).toHaveLength(2);
    expect(world.sockets[0]!.isClosed).toBe(true);
    expect(world.model.value("power.soc_pct")).toBe(80);
    world.advance(40);
    world.socket().open();
    expect(world.socket().sent).toMatchObject([{ t: "hello", v: 1, resume: { epoch: "e1", seq: 3, batch: {} } }]);
    gateway.hello({ resumed: true, me: { name: "anna", role: "supervisor" } });
    expect(world.model.identity.value).toEqual({ name: "anna", role: "supervisor" });
    expect(world.model.value("power.soc_pct")).toBe(80);
    gateway.telemetry({ ...RUNNING, power: { soc_pct: 79 } });
    expect(world.model.value("power.soc_pct")).toBe(79);
    dispose();
    expect(states).toEqual(["ok"]);
  });

  test("link - nothing is said before the greeting", () => {
    const { world, gateway } = begun();
    // Two messages, one acknowledged: the other's turn comes on the new connection.
    gateway.telemetry(RUNNING);
    gateway.telemetry(RUNNING);
    world.model.reconnect();
    world.advance(1000);
    expect(world.socket().sent).toEqual([]);
    world.model.stop();
    world.advance(60_000);
    expect(world.sockets).toHaveLength(2);
    expect(world.socket().isClosed).toBe(true);
  });
});

describe("stream", () => {
  test("model - acknowledges what it applied, ten times a second at most, never less than what came", () => {
    const { world, gateway } = begun();
    for (let count = 0; count < 100; count += 1) {
      gateway.telemetry({ tick: count });
      world.advance(10);
    }
    world.advance(100);
    const acks = world.socket().sent.filter(({ t }) => t === "ack");
    expect(acks.length).toBeGreaterThanOrEqual(10);
    expect(acks.length).toBeLessThanOrEqual(12);
    expect(acks.at(-1)).toEqual({ t: "ack", seq: 100, batch: {} });
  });

  test("model - asks for a snapshot once when the thread is lost", () => {
    const { world } = begun();
    const diff = (prev: number, seq: number): unknown => ({ t: "diff", prev, seq, tick: 1, src: "live", ch: {} });
    world.socket().say(diff(5, 6));
    world.socket().say(diff(6, 7));
    expect(world.socket().sent.filter(({ t }) => t === "resync")).toHaveLength(1);
    expect(world.model.value("power.soc_pct")).toBe(80);
  });

  test("model - counts what was lost, here and before, and what it could not read; goes on", () => {
    const { world } = begun();
    const { socket } = world;
    socket().say({ t: "batch", topic: "events", first: 11, last: 12, items: ["a", "b"] });
    socket().say({ t: "gap", topic: "events", first: 13, last: 58, count: 46, reason: "client_slow" });
    socket().say({ t: "batch", topic: "events", first: 61, last: 61, items: ["z"] });
    socket().say({ t: "hb", seq: 1, wall: "x", src_age_ms: {}, lost: { upstream: 3, client: 46, refused: 2 } });
    for (const nonsense of ["{oops", "7", "null", '{"t":"future"}', '{"t":"diff","prev":0}', '{"t":"constructor"}']) socket().say(nonsense);
    expect(world.model.losses.value).toEqual({ upstream: 3, client: 46, refused: 8, unaccounted: 2 });
    expect(world.model.events.value).toEqual(["a", "b", "z"]);
  });

  test("model - audit items only count, events keep the newest 500", () => {
    const { world } = begun();
    world.socket().say({ t: "batch", topic: "audit", first: 1, last: 3, items: [1, 2, 3] });
    const items = Array.from({ length: 600 }, (_unused, index) => index);
    world.socket().say({ t: "batch", topic: "events", first: 1, last: 600, items });
    expect(world.model.auditCount.value).toBe(3);
    expect(world.model.events.value).toEqual(items.slice(100));
  });

  test("model - hears of a new run through a reset, and of its period", () => {
    const { world } = begun();
    const told: unknown[] = [];
    const dispose = effect(() => void told.push(world.model.run.value?.id));
    const system = (v: unknown): unknown => ({ system: { set: { run: { age_ms: 0, v } }, del: [] } });
    const record = { run_id: "r1", seed: 7, tick_ms: 100, epoch: "2026-01-01T00:00:00Z", telemetry_period_s: 1 };
    world.socket().say({ t: "diff", prev: 0, seq: 1, tick: 0, src: "live", ch: system(record) });
    world
      .socket()
      .say({ t: "diff", prev: 1, seq: 2, tick: 0, src: "live", ch: system({ ...record, run_id: "r2", telemetry_period_s: 4 }) });
    dispose();
    expect(told).toEqual(["r1", "r2"]);
    world.advance(9000);
    expect(isStale(world)).toBe(false);
  });

  test("model - one message is one notification", () => {
    const { world, gateway } = begun();
    let runs = 0;
    const dispose = effect(() => {
      void world.model.cell("power.soc_pct");
      void world.model.cell("tick");
      runs += 1;
    });
    gateway.telemetry({ ...RUNNING, tick: 11, power: { soc_pct: 79 } });
    dispose();
    expect(runs).toBe(2);
  });

  test("model - records of a keyed topic come, change and go", () => {
    const { world } = begun();
    const rows = world.model.records("commands");
    const say = (prev: number, set: object, del: string[]): void =>
      world.socket().say({ t: "diff", prev, seq: prev + 1, tick: 0, src: "live", ch: { commands: { set, del } } });
    say(0, { q1: { age_ms: 0, v: { stage: "SENT" } } }, []);
    say(1, { q1: { age_ms: 0, v: { stage: "APPLIED" } }, q2: { age_ms: 0, v: { stage: "SENT" } } }, []);
    expect([...rows.value]).toEqual([
      ["q1", { stage: "APPLIED" }],
      ["q2", { stage: "SENT" }],
    ]);
    say(2, {}, ["q1"]);
    expect([...rows.value.keys()]).toEqual(["q2"]);
  });
});

describe("cells", () => {
  test("VM-004 zero is a value; null, missing, not yet received and a lost link have their own reasons", () => {
    const world = testWorld();
    const gateway = gatewayOf(world);
    world.model.start();
    expect(world.model.cell("power.soc_pct")).toMatchObject({ kind: "absent", reason: "not_received" });
    world.socket().break();
    expect(world.model.cell("power.soc_pct")).toMatchObject({ kind: "absent", reason: "link_lost" });
    world.advance(250);
    gateway.begin();
    expect(world.model.cell("power.bus_v")).toMatchObject({ kind: "value", value: 0, unit: "V" });
    expect(world.model.cell("power.dock_v")).toMatchObject({ kind: "absent", reason: "null_from_source" });
    expect(world.model.cell("power.nothing")).toMatchObject({ kind: "absent", reason: "not_published" });
    expect(world.model.cell("thermal.nodes[id=core].temp_c")).toMatchObject({ kind: "absent", reason: "not_published" });
  });
});
