import { accessSync, constants, existsSync, statfsSync } from "node:fs";
import { createServer } from "node:net";
import { dirname, resolve } from "node:path";
import type { Command } from "commander";
import { QikiError } from "#base/error.ts";
import { connectNats } from "#bus/nats.ts";
import { openRulesFile } from "#services/incident-rules-file.ts";
import { commandKeys } from "./command-keys.ts";
import { checkProfile, readProfileFile } from "./load-profile.ts";
import { incidentRulesPath, loadGuardRules } from "./load-rules.ts";
import { natsOptions } from "./nats-options.ts";
import { GATEWAY_PORT } from "./process.ts";
import { busSite } from "./bus-site.ts";
import { dataFolder, loadedSettings, settings } from "./settings.ts";
import { PRODUCT_ROOT } from "./version.ts";

const NODE_MAJOR = 24;
const TICK_MS = 100;
const FREE_BYTES_MIN = 1_073_741_824;
const NEGATIVE = 1;

/** `qiki config` and `qiki doctor`: what is set and by whom, and whether the twin could start here. */
export function addConfigVerbs(program: Command): void {
  program
    .command("config")
    .description("print every setting with its value and where that comes from; secrets are no settings")
    .option("--json", "print them as JSON")
    .action((flags: { readonly json?: boolean }) => {
      const { rows } = loadedSettings();
      // Names that contradict each other are a problem of no single setting.
      busSite();
      if (flags.json === true) process.stdout.write(`${JSON.stringify(rows)}\n`);
      else
        for (const { key, value, origin, about } of rows) process.stdout.write(`${key}: ${JSON.stringify(value)}  [${origin}]  ${about}\n`);
    });
  program
    .command("doctor")
    .description("check whether the twin could start here: Node, settings, data folder, port, rules, profile, and the bus with --nats")
    .option("--data <folder>", "data folder (QIKI_DATA_DIR, else ./qiki-data)")
    .option("--nats <url>", "also try this NATS server (NATS_URL if that is set)")
    .option("--json", "print the findings as JSON")
    .addHelpText("after", "\nExit codes: 0 all well, 1 something is not, 2 the settings cannot be read.")
    .action(doctor);
}

interface Finding {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
}

async function doctor(flags: { readonly data?: string; readonly nats?: string; readonly json?: boolean }): Promise<void> {
  const { gateway } = settings();
  const folder = dataFolder(flags.data);
  const nats = flags.nats ?? process.env.NATS_URL;
  const findings = [
    finding("node", () => {
      const major = Number(process.versions.node.split(".")[0]);
      if (major < NODE_MAJOR)
        throw new Error(`this is Node ${process.version}, which is older than ${NODE_MAJOR}: run 'npm ci' with optional packages`);
      return process.version;
    }),
    finding("console", () => {
      const page = resolve(PRODUCT_ROOT, "dist/web/index.html");
      if (!existsSync(page)) throw new Error("the console's pages are not built: run 'npm run prepare'");
      return page;
    }),
    finding("data folder", () => writable(folder)),
    await awaited("port", () => portFree(gateway.host, gateway.port ?? GATEWAY_PORT)),
    finding("incident rules", () => {
      openRulesFile(incidentRulesPath());
      return incidentRulesPath();
    }),
    finding("guard rules", () => `${loadGuardRules().ruleSet().rules.length} rules`),
    finding("profile", () => {
      const file = readProfileFile("profiles/shipped.json", PRODUCT_ROOT);
      checkProfile(file.path, file.value, TICK_MS);
      return file.path;
    }),
    finding("command keys", () => `${commandKeys().size} keys`),
    ...(nats === undefined ? [] : [await awaited("bus", () => busReachable(nats))]),
  ];
  const isWell = findings.every(({ ok }) => ok);
  if (flags.json === true) process.stdout.write(`${JSON.stringify(findings)}\n`);
  else for (const { name, ok, detail } of findings) process.stdout.write(`${ok ? "ok  " : "FAIL"} ${name}: ${detail}\n`);
  process.exitCode = isWell ? 0 : NEGATIVE;
}

function finding(name: string, check: () => string): Finding {
  try {
    return { name, ok: true, detail: check() };
  } catch (error) {
    return { name, ok: false, detail: (error as Error).message };
  }
}

async function awaited(name: string, check: () => Promise<string>): Promise<Finding> {
  try {
    return { name, ok: true, detail: await check() };
  } catch (error) {
    return { name, ok: false, detail: (error as Error).message };
  }
}

/** The folder, or the nearest one above it that is there, can be written and has room. */
function writable(folder: string): string {
  let at = folder;
  while (!existsSync(at) && dirname(at) !== at) at = dirname(at);
  try {
    accessSync(at, constants.W_OK);
  } catch (cause) {
    throw new QikiError("folder_unwritable", `${at} cannot be written: choose another with --data`, cause);
  }
  const { bavail, bsize } = statfsSync(at);
  const free = bavail * bsize;
  if (free < FREE_BYTES_MIN)
    throw new Error(`${at} has ${Math.round(free / 1_048_576)} MiB free, less than 1024: make room or choose another with --data`);
  return folder;
}

function portFree(host: string, port: number): Promise<string> {
  return new Promise((done, fail) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) =>
      fail(new Error(error.code === "EADDRINUSE" ? `port ${port} of ${host} is in use: give another with --port` : error.message)),
    );
    server.listen(port, host, () => server.close(() => done(`${host}:${port} is free`)));
  });
}

async function busReachable(url: string): Promise<string> {
  const bus = await connectNats(natsOptions(url));
  await bus.close();
  return `${url} answers`;
}
