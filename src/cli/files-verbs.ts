import { readdirSync } from "node:fs";
import { relative, resolve } from "node:path";
import type { Command } from "commander";
import { isRefusal } from "#alarms/incident/rule.ts";
import { QikiError } from "#base/error.ts";
import { type CraftProfile, formatProfileProblem, parseProfile, thrustersPathOf } from "#craft/profile.ts";
import { profileHash } from "#craft/profile-hash.ts";
import { findingText, parseRulesText } from "#services/incident-rules-file.ts";
import { findFile, loadRun, parseJson, readScenario, readText, readThrusters } from "./load-run.ts";
import { RULES_PATH } from "./load-rules.ts";
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
    .description("check a scenario against its profile without running it")
    .argument("<file>", "scenario file, such as scenarios/overload.yaml")
    .action(checkScenario);
  program
    .command("profile")
    .description("work with craft profiles")
    .command("check")
    .description("check a craft profile: every key, range and reference")
    .argument("<file>", "profile file, such as profiles/shipped.json")
    .option("--tick-ms <n>", "tick length that the thermal network must be stable at", String(DEFAULT_TICK_MS))
    .action(checkProfile);
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

function checkScenario(file: string): void {
  const { model } = loadRun({ scenario: file, bootId: "0" });
  const { scenario } = model.setup;
  const entries = `${scenario.timeline.length} timeline entries, ${scenario.expectations.length} expectations`;
  process.stdout.write(`valid: ${scenario.name}, ${entries}, profile ${model.setup.profileHash ?? "of the scenario"}\n`);
}

function checkProfile(file: string, flags: { readonly tickMs: string }): void {
  const tickMs = Number(flags.tickMs);
  if (!Number.isInteger(tickMs) || tickMs < 1 || tickMs > 10_000) {
    throw new QikiError("usage", `--tick-ms ${flags.tickMs} is not possible: give a whole number in [1, 10000] ms`);
  }
  const { profile, hash } = readProfile(findFile(file, process.cwd(), "profile"), tickMs);
  for (const fault of profile.configFaults) process.stdout.write(`note: ${fault} will stand in power.faults\n`);
  process.stdout.write(`valid: ${hash}, ${profile.thermalPlane.nodes.length} thermal nodes, stable at a tick of ${tickMs} ms\n`);
}

/** @throws QikiError `profile_invalid` with every problem a line, `file_unreadable` */
function readProfile(path: string, tickMs: number): { readonly profile: CraftProfile; readonly hash: string } {
  const text = readText(path, "profile");
  const raw = parseJson(text, path, "profile");
  const thrustersPath = thrustersPathOf(raw);
  const checked = parseProfile(raw, {
    tickMs,
    ...(thrustersPath === undefined ? {} : { thrusters: readThrusters(thrustersPath, path) }),
  });
  if (checked.kind === "ok") return { profile: checked.profile, hash: profileHash(text) };
  const problems = checked.problems.map(formatProfileProblem);
  throw new QikiError("profile_invalid", `${path} is not a valid profile:\n${problems.join("\n")}`);
}

/** Lints against the shipped craft's bus limit, which is what the shipped rules are for. */
function lintRules(file: string, flags: { readonly json?: boolean }): void {
  const shipped = resolve(PRODUCT_ROOT, "profiles/shipped.json");
  const { maxBusA } = readProfile(shipped, DEFAULT_TICK_MS).profile.powerPlane;
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
