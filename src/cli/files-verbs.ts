import { readdirSync } from "node:fs";
import { relative, resolve } from "node:path";
import type { Command } from "commander";
import { isRefusal } from "#alarms/incident/rule.ts";
import { type ErrorCode, QikiError } from "#base/error.ts";
import { findingText, parseRulesText } from "#services/incident-rules-file.ts";
import { checkProfile, readProfileFile } from "./load-profile.ts";
import { RULES_PATH } from "./load-rules.ts";
import { loadRun, readScenario } from "./load-run.ts";
import { findFile, readText } from "./read-file.ts";
import { PRODUCT_ROOT } from "./version.ts";

const DEFAULT_TICK_MS = 100;
const NEGATIVE = 1;

/** `qiki scenarios`, `scenario check`, `profile check`, `rules lint`: what is in the files, and whether it is right. */
export function addFileVerbs(program: Command): void {
  program
    .command("scenarios")
    .description("list the scenarios that come with QIKI")
    .option("--json", "print them as JSON")
    .action(listScenarios);
  program
    .command("scenario")
    .description("work with scenario files")
    .command("check")
    .description("check scenarios against their profiles without running them; every problem with its path")
    .argument("<files...>", "scenario files, such as scenarios/overload.yaml")
    .action(checkScenarios);
  program
    .command("profile")
    .description("work with craft profiles")
    .command("check")
    .description("check craft profiles: every key, range and reference, all problems at once")
    .argument("<files...>", "profile files, such as profiles/shipped.json")
    .option("--tick-ms <n>", "tick length that the thermal network must be stable at", String(DEFAULT_TICK_MS))
    .action(checkProfiles);
  program
    .command("rules")
    .description("work with incident rules")
    .command("lint")
    .description("check an incident rules file; exit code 1 if it would be refused")
    .argument("[file]", "rules file", relative(process.cwd(), RULES_PATH))
    .option("--json", "print the findings as JSON")
    .action(lintRules);
}

function listScenarios(flags: { readonly json?: boolean }): void {
  const folder = resolve(PRODUCT_ROOT, "scenarios");
  const files = readdirSync(folder).filter((name) => /\.ya?ml$/.test(name));
  const scenarios = files.sort().map((file) => {
    const path = resolve(folder, file);
    const { name, description } = readScenario(readText(path, "scenario"), path);
    return { file: `scenarios/${file}`, name, description };
  });
  if (flags.json === true) {
    process.stdout.write(`${JSON.stringify(scenarios)}\n`);
    return;
  }
  const width = Math.max(...scenarios.map(({ file }) => file.length));
  for (const { file, description } of scenarios) process.stdout.write(`${file.padEnd(width)}  ${description}\n`);
}

function checkScenarios(files: readonly string[]): void {
  eachFile(files, "scenario_invalid", (file) => {
    const { model } = loadRun({ scenario: file, bootId: "0" });
    const { scenario } = model.setup;
    const entries = `${scenario.timeline.length} timeline entries, ${scenario.expectations.length} expectations`;
    return `valid: ${file}, ${scenario.name}, ${entries}, profile ${model.setup.profileHash}`;
  });
}

function checkProfiles(files: readonly string[], flags: { readonly tickMs: string }): void {
  const tickMs = Number(flags.tickMs);
  if (!Number.isInteger(tickMs) || tickMs < 1 || tickMs > 10_000) {
    throw new QikiError("usage", `--tick-ms ${flags.tickMs} is not possible: give a whole number in [1, 10000] ms`);
  }
  eachFile(files, "profile_invalid", (file) => {
    const { path, hash, value } = readProfileFile(file, process.cwd());
    const { profile } = checkProfile(path, value, tickMs);
    const notes = profile.configFaults.map((fault) => `note: ${fault} will stand in power.faults\n`);
    return `${notes.join("")}valid: ${file}, ${hash}, ${profile.thermalPlane.nodes.length} thermal nodes, stable at a tick of ${tickMs} ms`;
  });
}

/** Says of every file that it is valid; what is wrong with the others is one error, all of it. */
function eachFile(files: readonly string[], code: ErrorCode, check: (file: string) => string): void {
  const refused: QikiError[] = [];
  for (const file of files) {
    try {
      process.stdout.write(`${check(file)}\n`);
    } catch (error) {
      if (!(error instanceof QikiError)) throw error;
      refused.push(error);
    }
  }
  if (refused.length === 1) throw refused[0]!;
  if (refused.length > 1) throw new QikiError(code, refused.map(({ message }) => message).join("\n"));
}

/** Lints against the shipped craft's bus limit, which is what the shipped rules are for. */
function lintRules(file: string, flags: { readonly json?: boolean }): void {
  const shipped = readProfileFile("profiles/shipped.json", PRODUCT_ROOT);
  const { maxBusA } = checkProfile(shipped.path, shipped.value, DEFAULT_TICK_MS).profile.powerPlane;
  const path = findFile(file, process.cwd(), "rules file");
  const loaded = parseRulesText(readText(path, "rules file"), { maxBusA });
  const findings = loaded.ok ? loaded.warnings : loaded.findings;
  if (flags.json === true) process.stdout.write(`${JSON.stringify({ ok: loaded.ok, findings })}\n`);
  else {
    for (const finding of findings) process.stdout.write(`${findingText(finding)}\n`);
    const errors = findings.filter(isRefusal).length;
    process.stdout.write(`${path}: ${errors} errors, ${findings.length - errors} warnings\n`);
  }
  process.exitCode = loaded.ok ? 0 : NEGATIVE;
}
