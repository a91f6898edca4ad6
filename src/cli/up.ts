import { randomBytes } from "node:crypto";
import { resolve } from "node:path";
import type { Command } from "commander";
import { QikiError } from "#base/error.ts";
import { systemClock } from "#services/clock.ts";
import { startEmbedded } from "#services/embedded.ts";
import { createLog, unknownPlace } from "#services/log.ts";
import { busSite, simSilence } from "./bus-site.ts";
import { commandKeys, commandPolicy } from "./command-keys.ts";
import { natsBus } from "./connect-nats.ts";
import { gatewayAccess, withAccess } from "./gateway-access.ts";
import { incidentRulesPath, loadGuardRules } from "./load-rules.ts";
import { loadRun } from "./load-run.ts";
import { GATEWAY_PORT, orionText, PORTS_TO_TRY, portOf, signalled, type StartFlags, stopInTime } from "./process.ts";
import { radarEnvironment } from "./radar-env.ts";
import { recorderLimits } from "./recorder-limits.ts";
import { dataFolder, places, settings } from "./settings.ts";
import { PRODUCT_ROOT, PRODUCT_VERSION } from "./version.ts";

interface UpFlags extends StartFlags {
  readonly scenario: string;
}

/** `qiki up`, which `npm start` runs: the whole twin in one process until a signal. */
export function addUpVerb(program: Command): void {
  const command = program
    .command("up")
    .description("start the twin and ORION, its console; open the printed address in a browser")
    .option("--scenario <file>", "scenario to run", "scenarios/default.yaml")
    .option("--stopped", "boot STOPPED instead of RUNNING")
    .option("--profile <file>", "another craft profile than the scenario's")
    .option("--data <folder>", "folder for recordings, audit chain and bus (QIKI_DATA_DIR, else ./qiki-data)")
    .option("--host <address>", "address to listen on (QIKI_HTTP_HOST, else 127.0.0.1)")
    .option("--port <n>", "port to listen on (QIKI_HTTP_PORT, else 8420 or the next free one)")
    .option("--nats <url>", "over this NATS server with JetStream instead of a bus of its own; secrets by environment only")
    .option("--no-record", "do not record");
  withAccess(command)
    .addHelpText(
      "after",
      "\nExample: qiki up --scenario scenarios/overload.yaml --data /tmp/trial\nCtrl-C stops in order and prints where the recording is.",
    )
    .action(up);
}

async function up(flags: UpFlags): Promise<void> {
  const { gateway, log: logging } = settings();
  const askedPort = flags.port === undefined ? gateway.port : portOf(flags.port);
  const port = askedPort ?? GATEWAY_PORT;
  const host = flags.host ?? gateway.host;
  const folder = dataFolder(flags.data);
  const access = gatewayAccess(flags, host, folder);
  const environment = radarEnvironment();
  const loaded = loadRun({
    scenario: flags.scenario,
    bootId: randomBytes(4).toString("hex"),
    ...(flags.profile === undefined ? {} : { profile: flags.profile }),
    stopped: flags.stopped === true,
    environment,
  });
  const logPlace = unknownPlace();
  const log = createLog(logging.level, "up", logPlace);
  const stopAsked = signalled();
  const waiting = new AbortController();
  void stopAsked.then(() => waiting.abort());
  const starting = startEmbedded({
    signal: waiting.signal,
    clock: systemClock,
    log,
    logPlace,
    model: loaded.model,
    scenario: loaded.scenarioFile,
    dataFolder: folder,
    guardRules: loadGuardRules(),
    publishesGuards: environment.publishesGuards,
    rulesPath: incidentRulesPath(),
    incidentsMax: settings().rules.maxIncidents,
    webFolder: resolve(PRODUCT_ROOT, "dist/web"),
    host,
    port,
    access,
    portsToTry: askedPort === undefined ? PORTS_TO_TRY : 0,
    records: flags.record,
    ...(flags.nats === undefined ? {} : { openBus: natsBus(flags.nats) }),
    keys: commandKeys(),
    policy: commandPolicy(),
    ...recorderLimits(),
    places: places(),
    site: busSite(),
    lagPeriodMs: settings().bus.lagPeriodS * 1000,
    silence: simSilence(flags.nats !== undefined),
    productVersion: PRODUCT_VERSION,
    onViolation: (subject, problem) => log.error({ subject }, `a message does not fit its contract: ${problem}`),
  });
  const twin = await starting.catch((error: unknown) => {
    if (error instanceof QikiError && error.code === "closed" && waiting.signal.aborted) return undefined;
    throw error;
  });
  if (twin === undefined) return void process.stdout.write("stopped before the bus was there; nothing was begun\n");
  process.stdout.write(orionText(twin, port));
  await stopAsked;
  await stopInTime(() => twin.stop());
  process.stdout.write(twin.recording === undefined ? "stopped; nothing was recorded\n" : `stopped; recording: ${twin.recording}\n`);
}
