import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { isAbsolute, join, relative } from "node:path";
import { stringify } from "yaml";
import { QikiError } from "#base/error.ts";
import { isRaw, type Raw } from "#base/key-reader.ts";
import { sha256Hex } from "#base/sha256.ts";
import { parseYamlText } from "#services/yaml-text.ts";
import type { LinkFault } from "#twin/links.ts";
import { buildRun, type FuzzBase, type FuzzPlan, type LiveCommand, scenarioOf } from "#twin/fuzz/plan.ts";
import { type FuzzFinding, fuzzTwin, runFuzz } from "#twin/fuzz/run.ts";
import type { Shrunk } from "#twin/fuzz/shrink.ts";
import { INVARIANTS } from "#twin/fuzz/step.ts";
import type { TwinInput } from "#twin/twin.ts";
import { loadGuardRules, loadRuleSet } from "./load-rules.ts";
import { loadRun } from "./load-run.ts";
import { readText } from "./read-file.ts";
import { openRunRecorder } from "./run-recorder.ts";
import { PRODUCT_ROOT } from "./version.ts";

const SCENARIO = "scenario.yaml";
const COMMANDS = "commands.yaml";
const LINKS = "links.yaml";
const RECORDING = "recording.jsonl";
const FINDING = "finding.json";
const TEST = "case.test.ts";

/**
 * Writes a shrunk failure as a case: a scenario that `qiki run` takes, beside it live commands as `qiki fork` takes them and faults
 * of the links where it needs any, a recording of the run, what was found, and a test that fails until it is mended.
 * @returns path of the scenario
 * @throws QikiError folder_unwritable
 */
export async function writeFuzzCase({ plan, outcome }: Shrunk, base: FuzzBase, folder: string): Promise<string> {
  const inProduct = relative(PRODUCT_ROOT, base.profilePath);
  const profilePath = inProduct.startsWith("..") || isAbsolute(inProduct) ? base.profilePath : inProduct;
  const links = plan.items.flatMap((item) => (item.kind === "link" ? [item.fault] : []));
  const texts: Readonly<Record<string, string | undefined>> = {
    [SCENARIO]: scenarioText(plan, outcome.finding, profilePath),
    [COMMANDS]: listText(
      outcome.commands.map(({ afterTick, name, parameters }) => ({ at: `tick:${afterTick}`, command_name: name, parameters })),
    ),
    [LINKS]: listText(links),
    [FINDING]: `${JSON.stringify({ seed: plan.seed, ...outcome.finding }, undefined, 2)}\n`,
    [TEST]: testText(plan.seed, outcome.finding),
  };
  try {
    mkdirSync(folder, { recursive: true });
    for (const [name, text] of Object.entries(texts)) {
      if (text === undefined) rmSync(join(folder, name), { force: true });
      else writeFileSync(join(folder, name), text);
    }
  } catch (error) {
    throw new QikiError(
      "folder_unwritable",
      `${folder} cannot be written: ${(error as Error).message}; choose another one with --out`,
      error,
    );
  }
  await recordFuzz({ plan, inputs: outcome.inputs }, base, join(folder, RECORDING), texts[SCENARIO]);
  return join(folder, SCENARIO);
}

/** Runs the case in a folder under every invariant; undefined where all hold. @throws QikiError scenario_invalid, usage */
export function judgeFuzzCase(folder: string): FuzzFinding | undefined {
  const { model } = loadRun({ scenario: join(folder, SCENARIO), bootId: "0" });
  const ticks = Math.round(((model.setup.scenario.durationS ?? 0) * 1000) / model.settings.tickMs);
  const commands = readList(join(folder, COMMANDS)).map((entry, index): LiveCommand => {
    const tick = /^tick:(\d+)$/.exec(String(entry.at))?.[1];
    if (tick === undefined || typeof entry.command_name !== "string" || !isRaw(entry.parameters))
      throw new QikiError("usage", `${join(folder, COMMANDS)} [${index}]: expected {at: tick:N, command_name, parameters}`);
    return { afterTick: Number(tick), name: entry.command_name, parameters: entry.parameters };
  });
  const links = readList(join(folder, LINKS)) as unknown as LinkFault[];
  return runFuzz({ model, ticks, commands, links }, fuzzRules()).finding;
}

/** The rules under which a fuzz runs: those that `qiki run` takes. */
export function fuzzRules(): Pick<FuzzBase, "ruleSet" | "guardRuleSet"> {
  return { ruleSet: loadRuleSet().ruleSet, guardRuleSet: loadGuardRules().ruleSet() };
}

/** The run once more, told to a recorder as far as it goes. @throws QikiError folder_unwritable, disk */
export async function recordFuzz(
  { plan, inputs }: { readonly plan: FuzzPlan; readonly inputs: readonly TwinInput[] },
  base: FuzzBase,
  path: string,
  text: string = stringify(scenarioOf(plan, base.profilePath)),
): Promise<void> {
  const run = buildRun(plan, base);
  if ("problems" in run) return;
  const scenarioFile = { name: `fuzz-${plan.seed}`, sha256: sha256Hex(text), text };
  const recorder = await openRunRecorder(path, true, { model: run.model, scenarioFile });
  const twin = fuzzTwin(run, base, { hashesIncidents: true });
  for (const input of inputs) {
    if ("command" in input) {
      const { name, parameters, metadata, requestId } = input.command;
      const message = { command_name: name, parameters, metadata: { message_id: requestId, source: metadata.source } };
      recorder.command(Buffer.from(JSON.stringify(message)));
    }
    try {
      await recorder.take(twin.step([input]), twin);
    } catch {
      // Here it broke down.
      break;
    }
  }
  await recorder.end(twin);
}

/** A scenario file, an entry a line. */
function scenarioText(plan: FuzzPlan, { invariant, tick }: FuzzFinding, profilePath: string): string {
  const { name, ...rest } = scenarioOf(plan, profilePath);
  const lines = [`name: ${String(name)}`, `description: "${invariant} fails at tick ${tick}: ${INVARIANTS[invariant]}"`];
  for (const [key, value] of Object.entries(rest)) {
    if (Array.isArray(value))
      lines.push(
        `${key}:`,
        listText(value as Raw[])!
          .trimEnd()
          .replace(/^/gm, "  "),
      );
    else lines.push(`${key}: ${flow(value)}`);
  }
  return `${lines.join("\n")}\n`;
}

function listText(entries: readonly object[]): string | undefined {
  return entries.length === 0 ? undefined : entries.map((entry) => `- ${flow(entry)}\n`).join("");
}

function flow(value: unknown): string {
  return stringify(value, { collectionStyle: "flow", lineWidth: 0, flowCollectionPadding: true }).trim();
}

function readList(path: string): readonly Raw[] {
  if (!existsSync(path)) return [];
  const parsed = parseYamlText(readText(path, "list"));
  if ("problems" in parsed || !Array.isArray(parsed.value) || !parsed.value.every(isRaw))
    throw new QikiError("usage", `${path} is no YAML list`);
  return parsed.value;
}

function testText(seed: number, { invariant }: FuzzFinding): string {
  return `import { expect, test } from "vitest";
import { judgeFuzzCase } from "#cli/fuzz-case.ts";

test("fuzz seed ${seed} - ${invariant}: ${INVARIANTS[invariant]}", () => {
  expect(judgeFuzzCase(import.meta.dirname)).toBeUndefined();
});
`;
}
