/** One of the workers that share a fleet: builds its crafts, and for every run steps them in step with the others. */
import { parentPort, workerData } from "node:worker_threads";
import { loadRun } from "#cli/load-run.ts";
import { Barrier } from "./barrier.ts";
import { benchFleet, digestsOf, FLEET_STEPS } from "./fleet-crafts.ts";

const { first, end, barrier } = workerData as { readonly first: number; readonly end: number; readonly barrier: SharedArrayBuffer };
const { config } = loadRun({ scenario: "scenarios/default.yaml", bootId: "0" }).model;
const together = new Barrier(barrier);

parentPort!.on("message", () => {
  const fleet = benchFleet(config, first, end);
  together.wait();
  const startedMs = performance.now();
  for (let step = 0; step < FLEET_STEPS; step += 1) {
    fleet.step();
    together.wait();
  }
  const elapsedMs = performance.now() - startedMs;
  parentPort!.postMessage({ elapsedMs, digests: digestsOf(fleet) });
});
parentPort!.postMessage("ready");
