import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RepeatedJson } from "#base/repeated-json.ts";
import { utf8Decode } from "#base/utf8.ts";
import { loadRun } from "#cli/load-run.ts";
import { runScenario } from "#cli/run.ts";
import { openRunRecorder } from "#cli/run-recorder.ts";
import { craftHashHex, createCraftState } from "#craft/state.ts";
import { step } from "#craft/step.ts";
import { createSimMachine } from "#twin/sim-machine.ts";
import { projectTelemetry } from "#twin/telemetry.ts";
import type { FigureSpec } from "./harness.ts";

const STEPS = 2_000_000;
const TELEMETRY_STEPS = 100_000;
const REALTIME_S = 3600;

/** Steps a second, one craft, and how many times real time a whole scenario runs. */
export function craftFigures(): FigureSpec[] {
  let digest: string | undefined;
  const loaded = loadRun({ scenario: "scenarios/default.yaml", bootId: "0" });
  const { config } = loaded.model;
  return [
    {
      id: "craft.steps",
      group: "craft",
      unit: "steps/s",
      floor: 1_000_000,
      reach: 5_000_000,
      better: "more",
      run() {
        const craft = createCraftState(config);
        const startedMs = performance.now();
        for (let tick = 0; tick < STEPS; tick += 1) step(craft, config);
        const elapsedMs = performance.now() - startedMs;
        digest = sameAs(digest, craftHashHex(craft));
        return (STEPS * 1000) / elapsedMs;
      },
      note: () => `final hash ${digest}`,
    },
    {
      id: "craft.telemetry",
      group: "craft",
      unit: "steps/s",
      floor: 50_000,
      reach: 150_000,
      better: "more",
      run() {
        const craft = createCraftState(config);
        const machine = createSimMachine(loaded.model);
        const context = machine.telemetryContext();
        const json = new RepeatedJson();
        let bytes = 0;
        let last: { readonly text: Uint8Array; readonly payload: object } | undefined;
        const startedMs = performance.now();
        for (let tick = 0; tick < TELEMETRY_STEPS; tick += 1) {
          step(craft, config);
          const payload = projectTelemetry(craft, config, { ...context, stateHash: craftHashHex(craft) });
          const text = json.encode(payload);
          bytes += text.length;
          last = { text, payload };
        }
        const elapsedMs = performance.now() - startedMs;
        if (bytes < TELEMETRY_STEPS * 1000) throw new Error(`telemetry of ${bytes} bytes is too short to be true`);
        if (utf8Decode(last!.text) !== JSON.stringify(last!.payload)) throw new Error("telemetry is not what JSON.stringify makes of it");
        return (TELEMETRY_STEPS * 1000) / elapsedMs;
      },
    },
    realtime("craft.realtime", 2000, 10_000, true),
    realtime("craft.realtime.bare", 20_000, 100_000, false),
  ];
}

/** The default scenario for an hour of simulated time, with or without its recording. */
function realtime(id: string, floor: number, reach: number, records: boolean): FigureSpec {
  let hash: string | undefined;
  return {
    id,
    group: "craft",
    unit: "× real time",
    floor,
    reach,
    better: "more",
    async run() {
      const loaded = loadRun({ scenario: "scenarios/default.yaml", bootId: "0", durationS: REALTIME_S });
      if (!records) {
        const craft = createCraftState(loaded.model.config);
        const ticks = (REALTIME_S * 1000) / loaded.model.settings.tickMs;
        const startedMs = performance.now();
        for (let tick = 0; tick < ticks; tick += 1) step(craft, loaded.model.config);
        const elapsedMs = performance.now() - startedMs;
        hash = sameAs(hash, craftHashHex(craft));
        return (REALTIME_S * 1000) / elapsedMs;
      }
      const folder = mkdtempSync(join(tmpdir(), "qiki-bench-"));
      try {
        const startedMs = performance.now();
        const result = await runScenario(loaded, await openRunRecorder(join(folder, "run.jsonl"), true, loaded));
        const elapsedMs = performance.now() - startedMs;
        hash = sameAs(hash, result.hash);
        return (REALTIME_S * 1000) / elapsedMs;
      } finally {
        rmSync(folder, { recursive: true });
      }
    },
    note: () => `final hash ${hash}`,
  };
}

/** The result of every run of a figure must be the same. */
function sameAs(before: string | undefined, now: string): string {
  if (before !== undefined && before !== now) throw new Error(`two runs ended in ${before} and ${now}`);
  return now;
}
