import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { loadRun } from "#cli/load-run.ts";
import { Barrier } from "./barrier.ts";
import { benchFleet, digestsOf, FLEET_SIZE, FLEET_STEPS, fleetHash } from "./fleet-crafts.ts";
import type { FigureSpec } from "./harness.ts";

/** Ten thousand crafts stepped together: on one thread, and on two that wait for each other after every step. */
export function fleetFigures(): FigureSpec[] {
  const { config } = loadRun({ scenario: "scenarios/default.yaml", bootId: "0" }).model;
  let digest: string | undefined;
  let workers: readonly Worker[] | undefined;

  function alone(): number {
    const fleet = benchFleet(config, 0, FLEET_SIZE);
    const startedMs = performance.now();
    for (let step = 0; step < FLEET_STEPS; step += 1) fleet.step();
    const elapsedMs = performance.now() - startedMs;
    check(fleetHash([digestsOf(fleet)]));
    return elapsedMs;
  }

  async function shared(): Promise<number> {
    workers ??= await startWorkers();
    const results = await Promise.all(workers.map(resultOf));
    check(fleetHash(results.map((result) => result.digests)));
    return Math.max(...results.map((result) => result.elapsedMs));
  }

  /** However it is stepped, the fleet ends the same. */
  function check(hash: string): void {
    digest ??= hash;
    if (hash !== digest) throw new Error(`two runs of the fleet ended in ${digest} and ${hash}`);
  }

  return [
    {
      id: "fleet.10k.one",
      group: "fleet",
      unit: "fleet steps/s",
      floor: 800,
      reach: 1500,
      better: "more",
      run: () => (FLEET_STEPS * 1000) / alone(),
      note: () => `${FLEET_SIZE} crafts, ${FLEET_STEPS} steps, hash of hashes ${digest}`,
    },
    {
      id: "fleet.10k.two",
      group: "fleet",
      unit: "× one thread",
      floor: 1.7,
      reach: 1.9,
      better: "more",
      async run() {
        const oneMs = alone();
        return oneMs / (await shared());
      },
      note: () => `the same crafts on two threads, interleaved with one; hash of hashes ${digest}`,
    },
  ];
}

interface Result {
  readonly elapsedMs: number;
  readonly digests: Uint32Array;
}

async function startWorkers(): Promise<readonly Worker[]> {
  const barrier = Barrier.memory();
  const half = FLEET_SIZE / 2;
  const workers = [0, half].map((first) => {
    const worker = new Worker(join(import.meta.dirname, "fleet-worker.ts"), { workerData: { first, end: first + half, barrier } });
    worker.unref();
    return worker;
  });
  await Promise.all(workers.map(nextMessage));
  return workers;
}

function resultOf(worker: Worker): Promise<Result> {
  const result = nextMessage(worker);
  worker.postMessage("run");
  return result as Promise<Result>;
}

function nextMessage(worker: Worker): Promise<unknown> {
  return new Promise((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", reject);
  });
}
