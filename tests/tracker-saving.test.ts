import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { afterAll, describe, expect, test } from "vitest";
import { GUARD_COOLDOWN_DEFAULT_S } from "#alarms/guard/rules.ts";
import { openInProcessBroker } from "#bus/in-process.ts";
import { connectNats } from "#bus/nats.ts";
import type { Bus } from "#bus/port.ts";
import { makeServer, NATS_CREDENTIALS, NATS_SERVER } from "#bus/suite/nats-server.ts";
import { GUARD_RULES_PATH } from "#cli/load-rules.ts";
import { RADAR_SENSOR_ID } from "#contracts/radar.ts";
import { STREAMS } from "#contracts/streams.ts";
import { SUBJECTS } from "#contracts/subjects.ts";
import { type Clock, systemClock } from "#services/clock.ts";
import { openGuardRulesFile } from "#services/guard-rules-file.ts";
import { createPublisher } from "#services/publisher.ts";
import { startTracker, type TrackerService } from "#services/tracker.ts";
import { openOwnerStore, type OwnerStore } from "#store/owner-store.ts";
import { parseSettings, type SimSettings } from "#twin/settings.ts";
import { createTrackerMachine } from "#twin/tracker-machine.ts";
import { removeFolder } from "./running-twin.ts";

const folder = mkdtempSync(join(tmpdir(), "qiki-saving-"));
afterAll(() => removeFolder(folder));

const EPOCH_MS = Date.parse("2026-01-01T00:00:00Z");
const RULES = openGuardRulesFile(GUARD_RULES_PATH, GUARD_COOLDOWN_DEFAULT_S);

function settingsOf(): SimSettings {
  const parsed = parseSettings({});
  if (parsed.kind === "refused") throw new Error(parsed.problems.join("; "));
  return parsed.settings;
}

/** Two contacts, one of which comes as near as a guard rule speaks in the frames between 50 and 60. */
function frameOf(number: number): { readonly payload: Record<string, unknown>; readonly headers: Record<string, string> } {
  const plot = { bearing_deg: 0, elev_deg: 0, vr_mps: 0, snr_db: 20, rcs_dbsm: 0, range_band: 2 };
  const payload = {
    schema_version: 1,
    frame_id: `00000000-0000-5000-8000-${String(number).padStart(12, "0")}`,
    sensor_id: RADAR_SENSOR_ID,
    timestamp: new Date(EPOCH_MS + number * 1000).toISOString(),
    detections: [
      { ...plot, range_m: 1000 + number },
      { ...plot, range_m: number >= 50 ? 60 : 120, bearing_deg: 90 },
    ],
  };
  return { payload, headers: { "x-qiki-tick": String(number * 10), "x-qiki-run": "b0628cc5-0a82-535d-8e84-5c3c2ea40f60" } };
}

async function send(bus: Bus, from: number, to: number): Promise<void> {
  for (let number = from; number <= to; number += 1) {
    const { payload, headers } = frameOf(number);
    const msgId = payload.frame_id as string;
    await bus.publishStored(SUBJECTS.radarFrames, Buffer.from(JSON.stringify(payload)), { msgId, headers, timeoutMs: 20_000 });
  }
}

/** What a machine holds and has said that took the first frames in order, each once. */
function referenceOf(frames: number): { readonly snapshot: Buffer; idsOn(subject: string): string[] } {
  const { tracker, sensor } = settingsOf();
  const machine = createTrackerMachine({ tracker, sensor, ruleSet: RULES.ruleSet() });
  const said = Array.from({ length: frames }, (_, n) => machine.accept({ kind: "frame", ...frameOf(n + 1) }, 0 as never)).flat();
  return {
    snapshot: Buffer.from(machine.snapshot()),
    idsOn: (subject) => said.flatMap(({ message }) => (message.subject === subject ? [message.msgId!] : [])),
  };
}

/** Saving takes a second of a clock that stands still otherwise: after the first one nothing is saved unless it has to be. */
function dearStore(store: OwnerStore): { readonly clock: Clock; readonly store: OwnerStore } {
  let nowMs = 0;
  return {
    clock: { nowMs: systemClock.nowMs, monotonicMs: () => nowMs, after: () => () => {} },
    store: {
      ...store,
      saveMachine(tick, bytes) {
        nowMs += 1000;
        store.saveMachine(tick, bytes);
      },
    },
  };
}

const savedSeq = (store: OwnerStore): number => {
  const { bytes } = store.loadMachine()!;
  return (JSON.parse(Buffer.from(bytes).toString("utf8").split("\n")[0]!) as { seq: number }).seq;
};

function start(bus: Bus, clock: Clock, store: OwnerStore): Promise<TrackerService> {
  const publisher = createPublisher(bus, clock, (subject, problem) => expect.fail(`${subject}: ${problem}`));
  const log = pino({ level: "silent" });
  return startTracker({ bus, clock, log, publisher, store, rules: RULES, keys: new Map(), settings: settingsOf(), publishesGuards: true });
}

const holds = (service: TrackerService, frames: number): Promise<void> =>
  expect.poll(() => Buffer.from(service.machine.snapshot()).equals(referenceOf(frames).snapshot), { timeout: 60_000 }).toBe(true);

/** Ids of the stored messages of a subject, in order. */
async function idsOf(bus: Bus, stream: string, subject: string): Promise<string[]> {
  const ids: string[] = [];
  const last = await bus.streams.get(stream, { lastFor: subject });
  if (last === undefined) return ids;
  for await (const { seq, headers } of bus.consume(stream, { filter: subject, deliver: "all" })) {
    ids.push(headers["Nats-Msg-Id"] ?? headers.ce_id!);
    if (seq >= last.seq) break;
  }
  return ids;
}

interface Net {
  connect(): Promise<Bus>;
  /** What is left of the bus after its reader was killed. */
  readonly killed: () => Promise<void>;
  close(): Promise<void>;
}

async function natsNet(): Promise<Net> {
  const server = await makeServer();
  await server.start();
  const connect = (): Promise<Bus> =>
    connectNats({ servers: [server.url], credentials: NATS_CREDENTIALS, nowMs: () => Date.now(), report: () => {} });
  return {
    connect,
    killed: async () => {},
    async close() {
      await server.stop();
      server.remove();
    },
  };
}

async function inProcessNet(): Promise<Net> {
  const path = join(folder, "bus.sqlite");
  const open = (): ReturnType<typeof openInProcessBroker> => openInProcessBroker({ path, nowMs: () => Date.now(), report: () => {} });
  let broker = open();
  return {
    connect: async () => broker.connect(),
    async killed() {
      await broker.close();
      broker = open();
    },
    close: () => broker.close(),
  };
}

describe("a tracker that saves now and then", () => {
  test.each(
    [
      { name: "in process", makeNet: inProcessNet, isThere: true },
      { name: "over NATS", makeNet: natsNet, isThere: NATS_SERVER !== undefined || process.env.CI === "true" },
    ].filter(({ isThere }) => isThere),
  )(
    "REC-020 restart - killed with frames unsaved, $name: each is taken once and in order, nothing is said twice",
    async ({ name, makeNet }) => {
      const net = await makeNet();
      const storePath = join(folder, `${name}.sqlite`);
      const firstBus = await net.connect();
      for (const stream of Object.values(STREAMS)) await firstBus.streams.ensure(stream);
      const firstStore = openOwnerStore(storePath, "tracker");
      const dear = dearStore(firstStore);
      const first = await start(firstBus, dear.clock, dear.store);
      await send(firstBus, 1, 40);
      await holds(first, 40);
      const saved = savedSeq(firstStore);
      expect(saved).toBeLessThan(5);
      // An alert is saved before anything else happens.
      await send(firstBus, 41, 55);
      await holds(first, 55);
      expect(savedSeq(firstStore)).toBeGreaterThan(50);
      await send(firstBus, 56, 70);
      await holds(first, 70);
      await firstBus.barrier(20_000);
      await firstBus.close();
      firstStore.close();

      await net.killed();
      const bus = await net.connect();
      await send(bus, 71, 75);
      const store = openOwnerStore(storePath, "tracker");
      expect(savedSeq(store)).toBeLessThan((await bus.streams.info(STREAMS.radar.name)).lastSeq);
      const second = await start(bus, systemClock, store);
      await send(bus, 76, 90);
      await holds(second, 90);
      await bus.barrier(20_000);
      const { idsOn } = referenceOf(90);
      expect(await idsOf(bus, STREAMS.radar.name, SUBJECTS.radarTracks)).toEqual(idsOn(SUBJECTS.radarTracks));
      expect(await idsOf(bus, STREAMS.events.name, SUBJECTS.radarGuard)).toEqual(idsOn(SUBJECTS.radarGuard));
      expect(idsOn(SUBJECTS.radarGuard).length).toBe(1);
      await second.stop();
      expect(Buffer.from(second.machine.snapshot()).equals(referenceOf(90).snapshot)).toBe(true);
      store.close();
      await bus.close();
      await net.close();
    },
    120_000,
  );

  test("REC-020 order - what is saved is never ahead of the stream: the state waits until the frame's tracks are stored", async () => {
    const broker = openInProcessBroker({ nowMs: () => Date.now(), report: () => {} });
    const bus = broker.connect();
    for (const stream of Object.values(STREAMS)) await bus.streams.ensure(stream);
    const gate = Promise.withResolvers<void>();
    const slow = Object.create(bus, { barrier: { value: () => gate.promise.then(() => []) } }) as Bus;
    const store = openOwnerStore(join(mkdtempSync(join(folder, "order-")), "tracker.sqlite"), "tracker");
    const service = await start(slow, systemClock, store);
    await send(bus, 1, 3);
    await holds(service, 1);
    expect(store.loadMachine()).toBeUndefined();
    gate.resolve();
    await holds(service, 3);
    await expect.poll(() => savedSeq(store)).toBe(3);
    await service.stop();
    await bus.close();
    await broker.close();
    store.close();
  });
});
