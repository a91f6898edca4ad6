import { randomBytes } from "node:crypto";
import { resolve } from "node:path";
import { type Command, Option } from "commander";
import { QikiError } from "#base/error.ts";
import { systemClock } from "#services/clock.ts";
import { createLog, unknownPlace } from "#services/log.ts";
import { type RoleName, type RoleSettings, serveRole } from "#services/serve.ts";
import { simSilence } from "./bus-site.ts";
import { commandKeys, commandPolicy, GATEWAY_KEY_ID } from "./command-keys.ts";
import { natsBus } from "./connect-nats.ts";
import { gatewayAccess, withAccess } from "./gateway-access.ts";
import { incidentRulesPath, loadGuardRules } from "./load-rules.ts";
import { loadRun } from "./load-run.ts";
import { GATEWAY_PORT, orionText, PORTS_TO_TRY, portOf, signalled, type StartFlags, stopInTime } from "./process.ts";
import { radarEnvironment } from "./radar-env.ts";
import { recorderLimits } from "./recorder-limits.ts";
import { dataFolder, places, settings as serviceSettings } from "./settings.ts";
import { PRODUCT_ROOT, PRODUCT_VERSION } from "./version.ts";

/** Where each role tells its health unless QIKI_HEALTH_PORT says otherwise; the gateway does it at its own address. */
const HEALTH_PORTS = { sim: 8421, tracker: 8422, alarms: 8423, recorder: 8424 } as const;

interface ServeFlags extends StartFlags {
  readonly role: RoleName;
  readonly scenario?: string;
}

/** `qiki serve`: one role of the twin in a process of its own, over a NATS server. */
export function addServeVerb(program: Command): void {
  const command = program
    .command("serve")
    .description("run one role of the twin in a process of its own, over a NATS server with JetStream")
    .addOption(new Option("--role <role>", "which one").choices(["sim", "tracker", "alarms", "recorder", "gateway"]).makeOptionMandatory())
    .option("--nats <url>", "server, several by commas (NATS_URL, else nats://localhost:4222); secrets by environment only")
    .option("--scenario <file>", "sim: scenario to run; without one it boots STOPPED with scenarios/default.yaml")
    .option("--stopped", "sim: boot STOPPED instead of RUNNING")
    .option("--profile <file>", "sim: another craft profile than the scenario's")
    .option("--data <folder>", "folder in which each role has its own (QIKI_DATA_DIR, else ./qiki-data)")
    .option("--host <address>", "address to listen on (QIKI_HTTP_HOST, else 127.0.0.1)")
    .option("--port <n>", "gateway: port (QIKI_HTTP_PORT, else 8420); others: port of their health (QIKI_HEALTH_PORT, else 8421 to 8424)")
    .option("--no-record", "recorder: do not record but what is asked for");
  withAccess(command)
    .addHelpText(
      "after",
      "\nExample: qiki serve --role sim --nats nats://localhost:4222 --scenario scenarios/overload.yaml\nRoles start in any order: each waits for what it needs, and /readyz says for what.",
    )
    .action(serve);
}

async function serve(flags: ServeFlags): Promise<void> {
  const host = flags.host ?? serviceSettings().gateway.host;
  const folder = dataFolder(flags.data);
  const keys = commandKeys();
  const { port, settings } = settingsOf(flags, host, folder, keys);
  const logPlace = unknownPlace();
  const log = createLog(serviceSettings().log.level, flags.role, logPlace);
  const stopAsked = signalled();
  const served = await serveRole({
    clock: systemClock,
    log,
    logPlace,
    dataFolder: folder,
    openBus: natsBus(flags.nats),
    keys,
    policy: commandPolicy(),
    health: { host, port },
    settings,
    places: places(),
    lagPeriodMs: serviceSettings().bus.lagPeriodS * 1000,
    onViolation: (subject, problem) => log.error({ subject }, `a message does not fit its contract: ${problem}`),
  });
  process.stdout.write(flags.role === "gateway" ? orionText(served, port) : `${flags.role} runs; its health is at ${served.url}/readyz\n`);
  await stopAsked;
  await stopInTime(() => served.stop());
  process.stdout.write("stopped\n");
}

function settingsOf(
  flags: ServeFlags,
  host: string,
  folder: string,
  keys: ReturnType<typeof commandKeys>,
): { readonly port: number; readonly settings: RoleSettings } {
  const { role } = flags;
  const { gateway, health } = serviceSettings();
  const asked = flags.port === undefined ? (role === "gateway" ? gateway.port : health.port) : portOf(flags.port);
  const port = asked ?? (role === "gateway" ? GATEWAY_PORT : HEALTH_PORTS[role]);
  switch (role) {
    case "sim": {
      const loaded = loadRun({
        scenario: flags.scenario ?? "scenarios/default.yaml",
        bootId: randomBytes(4).toString("hex"),
        ...(flags.profile === undefined ? {} : { profile: flags.profile }),
        stopped: flags.stopped === true || flags.scenario === undefined,
        environment: radarEnvironment(),
      });
      return { port, settings: { role, model: loaded.model, scenario: loaded.scenarioFile, silence: simSilence(true) } };
    }
    case "tracker":
      return { port, settings: { role, guardRules: loadGuardRules(), publishesGuards: radarEnvironment().publishesGuards } };
    case "alarms":
      return { port, settings: { role, rulesPath: incidentRulesPath(), incidentsMax: serviceSettings().rules.maxIncidents } };
    case "recorder":
      return { port, settings: { role, records: flags.record, productVersion: PRODUCT_VERSION, ...recorderLimits() } };
    case "gateway": {
      const secret = keys.get(GATEWAY_KEY_ID);
      return {
        port,
        settings: {
          role,
          host,
          port,
          portsToTry: asked === undefined ? PORTS_TO_TRY : 0,
          access: gatewayAccess(flags, host, folder),
          webFolder: resolve(PRODUCT_ROOT, "dist/web"),
          ...(secret === undefined ? {} : { key: { id: GATEWAY_KEY_ID, secret: secret.key } }),
        },
      };
    }
    default:
      throw new QikiError("usage", `there is no role ${String(role)}`);
  }
}
