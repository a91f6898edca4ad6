import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { randomStream } from "#base/random.ts";
import { openInProcessBroker } from "#bus/in-process.ts";
import type { Bus, StreamMsg } from "#bus/port.ts";
import { recordRun, roomDigests } from "./recording-rig.ts";
import { newFolder, settle } from "./service-rig.ts";
import { cleanUpSessions, OVERLOAD, startSession } from "./session-rig.ts";

afterEach(cleanUpSessions);

const SEEDS = process.env.QIKI_SOAK === "1" ? 100 : 4;
const RUN_S = 15;

/** An alarm at 7 s, and contacts that come near enough for guards and one that goes. */
const SCENARIO = `${OVERLOAD}contacts:
  - { id: near, type: DRONE, rcs_dbsm: 20, trajectory: { kind: constant_velocity, at: { x: 0, y: 120, z: 0 }, velocity: { x: 0, y: -12, z: 0 } } }
  - { id: spoof, type: SHIP, rcs_dbsm: 20, transponder: { mode: SPOOF, id: X }, trajectory: { kind: constant_velocity, at: { x: 300, y: 0, z: 0 }, velocity: { x: 1, y: 0, z: 0 } } }
  - { id: brief, type: SHIP, rcs_dbsm: 20, disappear_s: 6, trajectory: { kind: constant_velocity, at: { x: 0, y: 900, z: 0 }, velocity: { x: 0, y: 0, z: 0 } } }
`.replace(/duration_s: \d+/, `duration_s: ${RUN_S}`);

/** A bus that brings each reader its messages in their order, but the readers at times of their own. */
function shuffledBus(bus: Bus, seed: number): Bus {
  const stream = randomStream(`delivery/${seed}`);
  async function lag(): Promise<void> {
    for (let turns = stream.integer(0, 12); turns > 0; turns -= 1) await new Promise((done) => setImmediate(done));
  }
  // No generator: its `return` would wait for a `next` that waits for a message.
  function lagging(messages: AsyncIterableIterator<StreamMsg>): AsyncIterableIterator<StreamMsg> {
    const iterator: AsyncIterableIterator<StreamMsg> = {
      async next() {
        const result = await messages.next();
        if (result.done !== true) await lag();
        return result;
      },
      return: (value) => messages.return!(value),
      [Symbol.asyncIterator]: () => iterator,
    };
    return iterator;
  }
  const subscribe: Bus["subscribe"] = (pattern, handler, options) =>
    bus.subscribe(
      pattern,
      async (message) => {
        await lag();
        await handler(message);
      },
      options,
    );
  const consume: Bus["consume"] = (name, options) => lagging(bus.consume(name, options));
  return new Proxy(bus, {
    get(target, key) {
      if (key === "subscribe") return subscribe;
      if (key === "consume") return consume;
      const value: unknown = Reflect.get(target, key);
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });
}

test(`PRF-014 proof - with the delivery between machines shuffled, ${SEEDS} seeds: each recording is identical, its rooms those of qiki run`, async () => {
  const folder = newFolder();
  const scenario = join(folder, "scenario.yaml");
  writeFileSync(scenario, SCENARIO);
  await recordRun(scenario, join(folder, "offline.jsonl"));
  const offline = roomDigests(join(folder, "offline.jsonl"), 0);
  const orders = new Set<string>();
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const session = await startSession(SCENARIO, newFolder(), {
      openBus: (report) => shuffledBus(openInProcessBroker({ nowMs: () => Date.now(), report }).connect(), seed),
    });
    const { twin, clock } = session;
    await clock.advance(9_000);
    const heard = session.acks.length;
    const open = twin.alarms.machine.views().find(({ rule_id: id }) => id === "POWER_BUS_OVERLOAD")!;
    await session.send("incident.ack", { incident_id: open.incident_id, occ: open.occ });
    while (session.acks.length === heard) await settle();
    await clock.advance(RUN_S * 1000 - 9_000);
    const recording = twin.recording!;
    const verdict = await session.verdict();
    expect(verdict, `seed ${seed}`).toMatchObject({ kind: "identical" });
    const own = roomDigests(recording, 0);
    expect(own.size, `seed ${seed}`).toBeGreaterThan(2 * RUN_S * 10);
    for (const [place, hash] of own) if (offline.has(place)) expect(hash, `seed ${seed}, ${place}`).toBe(offline.get(place));
    orders.add(JSON.stringify(verdict));
    await cleanUpSessions();
  }
  // Shuffled in earnest: the machines' messages came in more than one order.
  expect(orders.size).toBeGreaterThan(1);
}, 3_600_000);
