/**
 * `npm test`: formatting, lint, types, then every test; ends with one line that counts them all.
 * `node tests/run.ts STEP…` runs only the steps named: format, lint, types, tests, soak.
 */
import { spawn } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "..");
const report = join(tmpdir(), `qiki-tests-${process.pid}.json`);

interface Outcome {
  passed: number;
  failed: number;
  skipped: number;
}

const steps: Readonly<Record<string, () => Promise<Outcome>>> = {
  format: () => check("format", ["@biomejs/biome/bin/biome", "format", "."]),
  lint: () => check("lint", ["oxlint/bin/oxlint", "--type-aware", "--deny-warnings", "."]),
  types: async () => {
    const outcomes: Outcome[] = [];
    for (const name of ["pure", "node", "web"])
      outcomes.push(await check(`types ${name}`, ["typescript/bin/tsc", "-p", `tsconfig.${name}.json`]));
    return sum(outcomes);
  },
  tests: () => vitest({}),
  soak: () => vitest({ QIKI_SOAK: "1" }),
};

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => steps[name] === undefined);
if (unknown.length > 0) {
  process.stderr.write(`no step ${unknown.join(", ")}: choose from ${Object.keys(steps).join(", ")}\n`);
  process.exit(2);
}
requireTools();
const outcomes: Outcome[] = [];
for (const name of asked.length > 0 ? asked : ["format", "lint", "types", "tests"]) outcomes.push(await steps[name]!());
const total = sum(outcomes);
process.stdout.write(`\n${total.passed} passed, ${total.failed} failed${total.skipped > 0 ? `, ${total.skipped} skipped` : ""}\n`);
process.exit(total.failed > 0 ? 1 : 0);

/** Says loudly what a machine lacks; with CI=true that is a failure. */
function requireTools(): void {
  const missing = [
    ["nats-server", ["/usr/sbin/nats-server", "/usr/bin/nats-server", "/usr/local/bin/nats-server"]],
    ["chromium", ["/usr/bin/chromium", "/usr/bin/chromium-browser"]],
  ].filter(([, places]) => !(places as string[]).some((place) => existsSync(place)));
  for (const [name] of missing) {
    process.stdout.write(
      `\n!!! ${name as string} is not on this machine: its tests are skipped. Install it with: apt-get install -y ${name as string}\n`,
    );
  }
  if (missing.length > 0 && process.env.CI === "true") {
    process.stdout.write(`\n0 passed, ${missing.length} failed\n`);
    process.exit(1);
  }
}

async function check(name: string, command: readonly string[]): Promise<Outcome> {
  process.stdout.write(`\n== ${name}\n`);
  const ok = (await run(command, {})) === 0;
  return { passed: ok ? 1 : 0, failed: ok ? 0 : 1, skipped: 0 };
}

async function vitest(env: Readonly<Record<string, string>>): Promise<Outcome> {
  process.stdout.write("\n== tests\n");
  rmSync(report, { force: true });
  const code = await run(["vitest/vitest.mjs", "run", "--reporter=dot", "--reporter=json", `--outputFile.json=${report}`], env);
  if (!existsSync(report)) return { passed: 0, failed: 1, skipped: 0 };
  const counts = JSON.parse(readFileSync(report, "utf8")) as { numPassedTests: number; numFailedTests: number; numPendingTests: number };
  rmSync(report, { force: true });
  // A file that breaks before its first test fails the run without failing any test.
  const failed = code !== 0 && counts.numFailedTests === 0 ? 1 : counts.numFailedTests;
  return { passed: counts.numPassedTests, failed, skipped: counts.numPendingTests };
}

function run(command: readonly string[], env: Readonly<Record<string, string>>): Promise<number> {
  const [script, ...args] = command;
  const child = spawn(process.execPath, [join(root, "node_modules", script!), ...args], {
    cwd: root,
    stdio: "inherit",
    env: { ...process.env, ...env },
  });
  return new Promise((done) => child.on("exit", (code) => done(code ?? 1)));
}

function sum(outcomes: readonly Outcome[]): Outcome {
  return outcomes.reduce((total, one) => ({
    passed: total.passed + one.passed,
    failed: total.failed + one.failed,
    skipped: total.skipped + one.skipped,
  }));
}
