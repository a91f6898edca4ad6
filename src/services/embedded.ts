import { randomBytes } from "node:crypto";
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { QikiError } from "#base/error.ts";
import { openInProcessBroker } from "#bus/in-process.ts";
import type { Bus, BusReport } from "#bus/port.ts";
import type { BusSite } from "#bus/site.ts";
import { lockFolder } from "#store/lock.ts";
import type { HistoryLimits } from "#store/history-store.ts";
import type { SimModel } from "#twin/sim-state.ts";
import type { AlarmsService } from "./alarms.ts";
import { createBusReporter } from "./bus-reports.ts";
import { busCheck, ensureStreams, streamsCheck } from "./bus-setup.ts";
import type { Clock } from "./clock.ts";
import { type Closing, createClosing } from "./closing.ts";
import type { CommandPolicy } from "./command-door.ts";
import type { CommandKeys } from "./command-signature.ts";
import { type GatewayAccess, startGateway } from "./gateway/server.ts";
import type { GuardRulesFile } from "./guard-rules-file.ts";
import { openRulesFile } from "./incident-rules-file.ts";
import type { Log, LogPlace } from "./log.ts";
import { processMetrics } from "./process-metrics.ts";
import { createPublisher } from "./publisher.ts";
import type { RecordStorage } from "./record-storage.ts";
import type { RecorderService } from "./recorder.ts";
import { alarmsMeta, recordingMeta, type ScenarioFile, simMeta, trackerMeta } from "./recording-meta.ts";
import { openAlarmsRole, openRecorderRole, openSimRole, openTrackerRole, type Places, type Role } from "./roles.ts";
import type { Silence, SimService } from "./sim.ts";

export interface EmbeddedOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** What the log says of the run and the tick. */
  readonly logPlace?: LogPlace;
  readonly model: SimModel;
  readonly scenario: ScenarioFile;
  /** Folder for bus, store and recordings; nobody else may use it meanwhile. */
  readonly dataFolder: string;
  readonly rulesPath: string;
  readonly guardRules: GuardRulesFile;
  readonly publishesGuards: boolean;
  readonly webFolder: string;
  readonly host: string;
  readonly port: number;
  readonly portsToTry: number;
  /** Who may come in, and under which names the gateway is reached; this machine's user alone by default. */
  readonly access?: GatewayAccess;
  readonly records: boolean;
  /** Quota and disk of recordings; by default the real ones. */
  readonly storage?: RecordStorage;
  readonly productVersion: string;
  /** Opens a bus elsewhere; without it the bus is in this process. */
  readonly openBus?: (report: (report: BusReport) => void) => Bus;
  /** Ends the wait for a bus that is not there. */
  readonly signal?: AbortSignal;
  /** Keys that others sign commands with, beside the gateway's own. */
  readonly keys?: CommandKeys;
  readonly policy?: CommandPolicy;
  /** How much telemetry and how many marks are remembered. */
  readonly history?: HistoryLimits;
  /** What the installation calls or limits otherwise on the bus of this process. */
  readonly site?: BusSite;
  readonly places?: Places;
  /** Incidents kept at most; 500 unless told. */
  readonly incidentsMax?: number | undefined;
  /** How often the lag of durables is asked for; 5 s unless told. */
  readonly lagPeriodMs?: number;
  /** What the simulation keeps to itself. */
  readonly silence?: Silence;
  /** A message that breaks its contract: tests throw, production logs and counts. */
  readonly onViolation: (subject: string, problem: string) => void;
}

export interface Embedded {
  readonly url: string;
  readonly port: number;
  readonly bus: Bus;
  readonly sim: SimService;
  readonly alarms: AlarmsService;
  /** Path of the run's recording, undefined when it is not recorded. */
  readonly recording: string | undefined;
  /** Ends everything in order: consoles, ticks, incidents, recording, bus, store. @throws the first failure, after all of them */
  stop(): Promise<void>;
}

const DRAIN_MS = 3000;

/**
 * All services of one twin in this process.
 * @throws QikiError data_folder_in_use, folder_unwritable, port_in_use, rules_invalid; nothing is left open then
 */
export async function startEmbedded(options: EmbeddedOptions): Promise<Embedded> {
  const closing = createClosing(options.log);
  const { dataFolder } = options;
  const isFolderNew = !existsSync(dataFolder);
  const lock = lockFolder(dataFolder);
  closing.add("data folder", () => lock.release());
  let recorder: RecorderService | undefined;
  try {
    const parts = await openParts(options, closing, (started) => {
      recorder = started;
    });
    let stopping: Promise<void> | undefined;
    return { ...parts, stop: () => (stopping ??= closing.closeAll()) };
  } catch (error) {
    await closing.closeAll().catch(() => {});
    // Of a start that failed there is nothing worth keeping.
    if (recorder?.path !== undefined) rmSync(recorder.path, { force: true });
    if (isFolderNew) rmSync(dataFolder, { recursive: true, force: true });
    throw error;
  }
}

/** Opens part after part and notes how each is closed: the reverse is the order of the shutdown (operations §10). */
async function openParts(
  options: EmbeddedOptions,
  closing: Closing,
  onRecorder: (recorder: RecorderService) => void,
): Promise<Omit<Embedded, "stop">> {
  const { clock, log, model, dataFolder, scenario } = options;
  const rules = openRulesFile(options.rulesPath, {
    maxBusA: model.config.profile.powerPlane.maxBusA,
    incidentsMax: options.incidentsMax,
  });
  const bus = await openBus(options, closing);
  const differences = await ensureStreams(bus);

  const key = { id: "gateway", secret: randomBytes(32).toString("hex") };
  const keys: CommandKeys = new Map([...(options.keys ?? []), [key.id, { role: "supervisor" as const, key: key.secret }]]);
  const publisher = createPublisher(bus, clock, options.onViolation);
  const { policy, history } = options;
  const { metrics, onAnswered } = processMetrics(bus, clock, publisher, closing, options.lagPeriodMs);
  const { places } = options;
  const host = {
    bus,
    clock,
    log,
    logPlace: options.logPlace,
    keys,
    publisher,
    folder: dataFolder,
    places,
    metrics,
    onAnswered,
    ...(policy === undefined ? {} : { policy }),
  };
  // The recorder ends after those whose last words it writes, though it begins after them.
  let recorder: Role<RecorderService> | undefined;
  closing.add("recorder", () => recorder?.stop());
  const alarms = await openAlarmsRole(host, { model, rules });
  closing.add("alarms", () => alarms.stop());
  const tracker = await openTrackerRole(host, { model, rules: options.guardRules, publishesGuards: options.publishesGuards });
  closing.add("tracker", () => tracker.stop());
  // What a killed process left behind is taken in before the recording begins: its keyframes then hold it, for its rows do not.
  await tracker.service.catchUp();
  await alarms.service.catchUp();
  const ofSim = simMeta(model, scenario);
  recorder = await openRecorderRole(host, {
    ...(options.records ? { model } : {}),
    meta: () =>
      recordingMeta({
        sim: ofSim,
        tracker: trackerMeta(options.guardRules, options.publishesGuards),
        alarms: alarmsMeta(rules),
        productVersion: options.productVersion,
      }),
    ...(options.storage === undefined ? {} : { storage: options.storage }),
    ...(history === undefined ? {} : { history }),
  });
  onRecorder(recorder.service);
  const sim = await openSimRole(host, { model, scenario, silence: options.silence });
  closing.add("sim", () => sim.stop());
  const roles = [alarms, tracker, recorder, sim];
  const gateway = await startGateway({
    metrics,
    bus,
    clock,
    log,
    host: options.host,
    port: options.port,
    portsToTry: options.portsToTry,
    ...(options.access === undefined ? {} : { access: options.access }),
    key,
    webFolder: options.webFolder,
    readiness: () => [busCheck(bus), streamsCheck(differences), ...roles.map(({ check }) => check())],
  });
  closing.add("gateway", () => gateway.close());
  return { url: gateway.url, port: gateway.port, bus, sim: sim.service, alarms: alarms.service, recording: recorder.service.path };
}

/** The bus that was asked for, once it is there, else one of this process in the data folder. */
async function openBus({ clock, log, dataFolder, openBus: open, signal, site }: EmbeddedOptions, closing: Closing): Promise<Bus> {
  const report = createBusReporter(log, clock, () => bus);
  const bus: Bus = open?.(report) ?? ownBus();
  closing.add("bus", () => bus.drain(DRAIN_MS));
  await connected(bus, log, signal);
  return bus;

  function ownBus(): Bus {
    const broker = openInProcessBroker({
      path: join(dataFolder, "bus.sqlite"),
      nowMs: () => clock.nowMs(),
      report,
      ...(site === undefined ? {} : { site }),
    });
    closing.add("bus file", () => broker.close());
    return broker.connect();
  }
}

/** Waits for the bus, and says at the first failure what it waits for. @throws QikiError closed when it shall wait no longer */
function connected(bus: Bus, log: Log, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((done, fail) => {
    let isTold = false;
    const look = (): void => {
      const { state, lastError } = bus.status();
      if (state === "connected") end(done);
      else if (lastError !== undefined && !isTold) {
        isTold = true;
        log.warn(`waiting for the bus: ${lastError.message}`);
      }
    };
    const giveUp = (): void => end(() => fail(new QikiError("closed", "stopped before the bus was there: nothing was begun")));
    const leave = bus.onStatus(look);
    const end = (settle: () => void): void => {
      leave();
      signal?.removeEventListener("abort", giveUp);
      settle();
    };
    signal?.addEventListener("abort", giveUp);
    if (signal?.aborted === true) giveUp();
    else look();
  });
}
