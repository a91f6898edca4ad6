import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setImmediate, setTimeout } from "node:timers/promises";
import type { RunId, Tick } from "#base/units.ts";
import { openInProcessBroker } from "#bus/in-process.ts";
import { openNats } from "#bus/nats.ts";
import type { Bus } from "#bus/port.ts";
import { makeServer, NATS_CREDENTIALS } from "#bus/suite/nats-server.ts";
import { loadRun } from "#cli/load-run.ts";
import { loadGuardRules, RULES_PATH } from "#cli/load-rules.ts";
import { CLOUD_EVENTS, headersOf } from "#contracts/message.ts";
import { STREAMS } from "#contracts/streams.ts";
import { SUBJECTS } from "#contracts/subjects.ts";
import { systemClock } from "#services/clock.ts";
import { startEmbedded } from "#services/embedded.ts";
import { createLog } from "#services/log.ts";
import type { FigureSpec } from "./harness.ts";

const MESSAGES = 500_000;
const EVENTS = 200_000;
const BURST = 1000;
const PAYLOAD_BYTES = 5000;
const COMMANDS = 500;
/** Between an answer and the next command: at most a hundred a second, more than consoles and scripts send together. */
const PAUSE_MS = 10;

const EVENT = {
  ...CLOUD_EVENTS.powerBus,
  subject: SUBJECTS.powerBus,
  payload: {},
  timeMs: 1_767_225_600_000,
  tick: 0 as Tick,
  runId: "01234567-89ab-5def-8123-456789abcdef" as RunId,
};

/** Messages through the embedded bus, and the time from command to answer. */
export function busFigures(): FigureSpec[] {
  return [
    {
      id: "bus.embedded",
      group: "bus",
      unit: "msgs/s",
      floor: 500_000,
      reach: 2_000_000,
      better: "more",
      async run() {
        const broker = openInProcessBroker({ nowMs: () => Date.now(), report: () => {} });
        const bus = broker.connect();
        let received = 0;
        bus.subscribe(SUBJECTS.telemetry, () => void (received += 1), { name: "bench" });
        const payload = new Uint8Array(PAYLOAD_BYTES);
        const startedMs = performance.now();
        for (let sent = 0; sent < MESSAGES; sent += BURST) {
          for (let message = 0; message < BURST; message += 1) bus.publish(SUBJECTS.telemetry, payload);
          // Subscriptions get a bounded share of each turn of the loop: let it turn until they have kept up.
          do await setImmediate();
          while (received < sent + BURST);
        }
        const elapsedMs = performance.now() - startedMs;
        await broker.close();
        if (received !== MESSAGES) throw new Error(`${received} of ${MESSAGES} messages arrived`);
        return (MESSAGES * 1000) / elapsedMs;
      },
      note: () => `${PAYLOAD_BYTES} bytes a message`,
    },
    storedFigure(),
    ackFigure("command.ack.embedded", undefined),
    ackFigure("command.ack.nats", withServer),
  ];
}

/** Events with all their headers, published as the services do and confirmed by their stream. */
function storedFigure(): FigureSpec {
  return {
    id: "bus.nats.stored",
    group: "bus",
    unit: "msgs/s",
    floor: 80_000,
    reach: 150_000,
    better: "more",
    run: () =>
      withServer(async (openBus) => {
        const bus = openBus((report) => {
          throw new Error(JSON.stringify(report));
        });
        await connected(bus);
        await bus.streams.ensure(STREAMS.events);
        const payload = Buffer.from(JSON.stringify({ schema_version: 1, category: "power", source: "power", text: "x".repeat(200) }));
        const startedMs = performance.now();
        for (let sent = 0; sent < EVENTS; sent += BURST) {
          for (let event = sent; event < sent + BURST; event += 1) {
            const message = { ...EVENT, msgId: `evt-${event}`, tick: event as Tick };
            bus.publish(EVENT.subject, payload, { headers: headersOf(message, event + 1), msgId: message.msgId });
          }
          await bus.flush(10_000);
        }
        const gaps = await bus.barrier(60_000);
        const elapsedMs = performance.now() - startedMs;
        const { messages } = await bus.streams.info(STREAMS.events.name);
        await bus.close();
        if (gaps.length > 0 || messages !== EVENTS) throw new Error(`${messages} of ${EVENTS} events are stored`);
        return (EVENTS * 1000) / elapsedMs;
      }),
    note: () => "Debian's nats-server on the same machine",
  };
}

function ackFigure(id: string, on: typeof withServer | undefined): FigureSpec {
  let percentiles = "";
  return {
    id,
    group: "bus",
    unit: "ms",
    floor: 5,
    reach: 1.5,
    better: "less",
    async run() {
      const times = on === undefined ? await commandTimes(undefined) : await on(commandTimes);
      const at = (share: number): string => times[Math.min(times.length - 1, Math.floor(times.length * share))]!.toFixed(2);
      percentiles = `p50 ${at(0.5)} ms, p99.9 ${at(0.999)} ms`;
      return Number(at(0.99));
    },
    note: () => percentiles,
  };
}

type OpenBus = NonNullable<Parameters<typeof startEmbedded>[0]["openBus"]>;

/** Work over a server of its own. */
async function withServer<Result>(work: (openBus: OpenBus) => Promise<Result>): Promise<Result> {
  const server = await makeServer();
  await server.start();
  try {
    return await work((report) => openNats({ servers: [server.url], credentials: NATS_CREDENTIALS, nowMs: () => Date.now(), report }));
  } finally {
    await server.stop();
    server.remove();
  }
}

function connected(bus: Bus): Promise<void> {
  return new Promise((done) => {
    bus.onStatus(({ state }) => {
      if (state === "connected") done();
    });
  });
}

/** Sorted times from publishing a command to its ACK, ms, in a whole twin that runs in this process. */
async function commandTimes(openBus: OpenBus | undefined): Promise<number[]> {
  const folder = mkdtempSync(join(tmpdir(), "qiki-bench-"));
  const loaded = loadRun({ scenario: "scenarios/default.yaml", bootId: "0" });
  const twin = await startEmbedded({
    clock: systemClock,
    log: createLog("fatal", "bench"),
    model: loaded.model,
    scenario: loaded.scenarioFile,
    dataFolder: folder,
    guardRules: loadGuardRules(),
    publishesGuards: true,
    rulesPath: RULES_PATH,
    webFolder: resolve(import.meta.dirname, "../dist/web"),
    host: "127.0.0.1",
    port: 0,
    portsToTry: 0,
    records: true,
    ...(openBus === undefined ? {} : { openBus }),
    productVersion: "bench",
    onViolation(subject, problem) {
      throw new Error(`${subject}: ${problem}`);
    },
  });
  try {
    const times: number[] = [];
    for (let count = 0; count < COMMANDS; count += 1) {
      const message = {
        command_name: "power.nbl.set_max",
        parameters: { max_power_w: count % 20 },
        metadata: { message_id: `bench-${count}` },
      };
      const startedMs = performance.now();
      await twin.bus.request(SUBJECTS.commands, Buffer.from(JSON.stringify(message)), { timeoutMs: 5000 });
      times.push(performance.now() - startedMs);
      await setTimeout(PAUSE_MS);
    }
    return times.sort((a, b) => a - b);
  } finally {
    await twin.stop();
    rmSync(folder, { recursive: true });
  }
}
