import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setImmediate } from "node:timers/promises";
import { openInProcessBroker } from "#bus/in-process.ts";
import { loadRun } from "#cli/load-run.ts";
import { loadGuardRules, RULES_PATH } from "#cli/load-rules.ts";
import { SUBJECTS } from "#contracts/subjects.ts";
import { systemClock } from "#services/clock.ts";
import { startEmbedded } from "#services/embedded.ts";
import { createLog } from "#services/log.ts";
import type { FigureSpec } from "./harness.ts";

const MESSAGES = 500_000;
const BURST = 1000;
const PAYLOAD_BYTES = 5000;
const COMMANDS = 500;

/** Messages through the embedded bus, and the time from command to answer. */
export function busFigures(): FigureSpec[] {
  let percentiles = "";
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
        bus.subscribe(SUBJECTS.telemetry, () => void (received += 1), { name: "bench", maxPending: BURST * 2 });
        const payload = new Uint8Array(PAYLOAD_BYTES);
        const startedMs = performance.now();
        for (let sent = 0; sent < MESSAGES; sent += BURST) {
          for (let message = 0; message < BURST; message += 1) bus.publish(SUBJECTS.telemetry, payload);
          // Subscriptions get a bounded share of each turn of the loop: let it turn.
          await setImmediate();
        }
        const elapsedMs = performance.now() - startedMs;
        await broker.close();
        if (received !== MESSAGES) throw new Error(`${received} of ${MESSAGES} messages arrived`);
        return (MESSAGES * 1000) / elapsedMs;
      },
      note: () => `${PAYLOAD_BYTES} bytes a message`,
    },
    {
      id: "command.ack.embedded",
      group: "bus",
      unit: "ms",
      floor: 5,
      reach: 1.5,
      better: "less",
      async run() {
        const times = await commandTimes();
        const at = (share: number): string => times[Math.min(times.length - 1, Math.floor(times.length * share))]!.toFixed(2);
        percentiles = `p50 ${at(0.5)} ms, p99.9 ${at(0.999)} ms`;
        return Number(at(0.99));
      },
      note: () => percentiles,
    },
  ];
}

/** Sorted times from publishing a command to its ACK, ms, in a whole embedded twin. */
async function commandTimes(): Promise<number[]> {
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
    }
    return times.sort((a, b) => a - b);
  } finally {
    await twin.stop();
    rmSync(folder, { recursive: true });
  }
}
