import type { Command } from "commander";
import type { TelemetryPayload } from "#contracts/telemetry.ts";
import { createJudge, type Verdict } from "#twin/expectation.ts";
import type { SimInput } from "#twin/sim-machine.ts";
import { createTwin, digest, type Twin } from "#twin/twin.ts";
import { loadRun, type LoadedRun } from "./load-run.ts";
import { radarEnvironment } from "./radar-env.ts";
import { loadGuardRules, loadRuleSet } from "./load-rules.ts";
import { openRunRecorder, type RunRecorder } from "./run-recorder.ts";

const DEFAULT_DURATION_S = 60;

interface RunOptions {
  readonly record?: string;
  readonly force?: boolean;
  readonly seed?: number;
  readonly json?: boolean;
}

export interface RunResult {
  readonly scenario: string;
  readonly ticks: number;
  readonly simTimeS: number;
  readonly verdicts: readonly Verdict[];
  readonly notes: readonly string[];
  readonly hash: string;
  readonly recording?: string;
}

/** `qiki run SCENARIO`: the whole twin as fast as it goes, with a verdict per expectation. */
export function addRunVerb(program: Command): void {
  program
    .command("run")
    .description("run a scenario as fast as it goes and judge its expectations; exit code 1 if one is missed")
    .argument("<scenario>", "scenario file, such as scenarios/overload.yaml")
    .option("--record <file>", "write a recording that 'qiki verify' can prove")
    .option("--force", "overwrite the recording file")
    .option("--seed <n>", "another seed than the scenario's", Number)
    .option("--json", "print the result as JSON")
    .action(async (scenario: string, options: RunOptions) => {
      const loaded = loadRun({
        scenario,
        bootId: "0",
        environment: radarEnvironment(),
        ...(options.seed === undefined ? {} : { seed: options.seed }),
      });
      const recorder = options.record === undefined ? undefined : await openRunRecorder(options.record, options.force === true, loaded);
      const result = await runScenario(loaded, recorder);
      process.stdout.write(options.json === true ? `${JSON.stringify(result)}\n` : resultText(result));
      process.exitCode = result.verdicts.every((verdict) => verdict.ok) ? 0 : 1;
    });
}

/** Runs a loaded scenario to its end. */
export async function runScenario(loaded: LoadedRun, recorder?: RunRecorder): Promise<RunResult> {
  const { model } = loaded;
  const { scenario, settings } = { scenario: model.setup.scenario, settings: model.settings };
  const twin = createTwin({
    model,
    ruleSet: loadRuleSet().ruleSet,
    guardRuleSet: loadGuardRules().ruleSet(),
    hashesIncidents: recorder !== undefined,
  });
  const judge = createJudge(scenario.expectations);
  const notes: string[] = [];
  const lastTick = lastTickOf(loaded);

  async function step(inputs: readonly SimInput[]): Promise<void> {
    const outputs = twin.step(inputs);
    for (const output of outputs) if (output.kind === "note") notes.push(output.text);
    if (recorder !== undefined) await recorder.take(outputs, twin);
    if (judge.looksAt(twin.sim.tick)) judge.observe(twin.sim.tick, seenOf(twin));
  }

  await step([{ kind: "boot" }]);
  while (twin.sim.tick < lastTick && (twin.sim.runState === "RUNNING" || twin.sim.pendingSteps > 0)) await step([{ kind: "tick" }]);
  if (twin.sim.tick < lastTick)
    notes.push(`the run stands ${twin.sim.runState} at tick ${twin.sim.tick} of ${lastTick}: its timeline stopped it`);
  await recorder?.end(twin);
  return {
    scenario: scenario.name,
    ticks: twin.sim.tick,
    simTimeS: (twin.sim.tick * settings.tickMs) / 1000,
    verdicts: judge.verdicts(),
    notes,
    hash: digest(twin),
    ...(recorder === undefined ? {} : { recording: recorder.path }),
  };
}

/** What expectations look at: each part is made once, and only if one looks there. */
function seenOf(twin: Twin): (root: string) => unknown {
  const seen = new Map<string, unknown>();
  let telemetry: TelemetryPayload | undefined;
  const make = (root: string): unknown => {
    switch (root) {
      case "tracks":
        return twin.tracks();
      case "guards":
        return twin.guards();
      case "incidents":
        return twin.incidents();
      default:
        return twin.sim.telemetrySection(root) ?? (telemetry ??= twin.sim.telemetry())[root as keyof TelemetryPayload];
    }
  };
  return (root) => {
    if (!seen.has(root)) seen.set(root, make(root));
    return seen.get(root);
  };
}

/** The scenario's duration, else as far as its timeline and expectations reach, at least a minute. */
function lastTickOf({ model }: LoadedRun): number {
  const { scenario } = model.setup;
  const { tickMs } = model.settings;
  if (scenario.durationS !== undefined) return Math.ceil((scenario.durationS * 1000) / tickMs - 1e-9);
  const ends = scenario.expectations.map((one) => (Number.isFinite(one.toTick) ? one.toTick : one.fromTick));
  return Math.max((DEFAULT_DURATION_S * 1000) / tickMs, ...ends, ...scenario.timeline.map((entry) => entry.afterTick + 1));
}

function resultText(result: RunResult): string {
  const lines = [`${result.scenario}: ${result.ticks} ticks, ${result.simTimeS} s of simulated time`];
  for (const note of result.notes) lines.push(`  note  ${note}`);
  for (const { ok, text, tick, seen } of result.verdicts)
    lines.push(`  ${ok ? "ok  " : "MISS"}  ${text}${ok ? "" : `   saw ${seen}${tick === undefined ? "" : ` at tick ${tick}`}`}`);
  const missed = result.verdicts.filter((verdict) => !verdict.ok).length;
  lines.push(`${result.verdicts.length - missed} met, ${missed} missed; hash ${result.hash}`);
  if (result.recording !== undefined) lines.push(`recording: ${result.recording}`);
  return `${lines.join("\n")}\n`;
}
