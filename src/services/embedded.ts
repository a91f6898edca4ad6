import { randomBytes } from "node:crypto";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { openInProcessBroker } from "#bus/in-process.ts";
import type { Bus } from "#bus/port.ts";
import { STREAMS } from "#contracts/streams.ts";
import { SUBJECTS } from "#contracts/subjects.ts";
import { openAlarmsStore } from "#store/alarms-store.ts";
import { makeFolder } from "#store/database.ts";
import { lockFolder } from "#store/lock.ts";
import { openOwnerStore, type OwnerStore } from "#store/owner-store.ts";
import type { SimModel } from "#twin/sim-state.ts";
import { type AlarmsService, startAlarms } from "./alarms.ts";
import { createBusReporter } from "./bus-reports.ts";
import type { Clock } from "./clock.ts";
import { type Closing, createClosing } from "./closing.ts";
import { type GatewayAccess, startGateway } from "./gateway/server.ts";
import type { GuardRulesFile } from "./guard-rules-file.ts";
import { openRulesFile } from "./incident-rules-file.ts";
import type { Log } from "./log.ts";
import { createPublisher } from "./publisher.ts";
import type { RecordStorage } from "./record-storage.ts";
import { type RecorderService, startRecorder } from "./recorder.ts";
import { recordingMeta } from "./recording-meta.ts";
import { type SimService, startSim } from "./sim.ts";
import { startTracker } from "./tracker.ts";

export interface EmbeddedOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly model: SimModel;
  readonly scenario: { readonly name: string; readonly sha256: string; readonly text: string };
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
    throw error;
  }
}

/** Opens part after part and notes how each is closed: the reverse is the order of the shutdown (operations §10). */
async function openParts(
  options: EmbeddedOptions,
  closing: Closing,
  onRecorder: (recorder: RecorderService) => void,
): Promise<Omit<Embedded, "stop">> {
  const { clock, log, model, dataFolder } = options;
  const lock = lockFolder(dataFolder);
  closing.add("data folder", () => lock.release());
  const rules = openRulesFile(options.rulesPath, { maxBusA: model.config.profile.powerPlane.maxBusA });
  const recordings = join(dataFolder, "recordings");
  makeFolder(recordings);

  let bus: Bus | undefined;
  const path = join(dataFolder, "bus.sqlite");
  const broker = openInProcessBroker({ path, nowMs: () => clock.nowMs(), report: createBusReporter(log, clock, () => bus) });
  closing.add("bus file", () => broker.close());
  const store = openAlarmsStore(join(dataFolder, "qiki.sqlite"), clock.nowMs());
  closing.add("audit store", () => store.close(clock.nowMs()));
  const [simStore, recorderStore, trackerStore] = ["sim", "recorder", "tracker"].map((owner) => {
    const ownerStore = openOwnerStore(join(dataFolder, `${owner}.sqlite`), owner);
    closing.add(`${owner} store`, () => ownerStore.close());
    return ownerStore;
  }) as [OwnerStore, OwnerStore, OwnerStore];
  const connected = broker.connect();
  bus = connected;
  closing.add("bus", () => connected.drain(DRAIN_MS));
  for (const stream of Object.values(STREAMS)) await connected.streams.ensure(stream);

  const key = { id: "gateway", secret: randomBytes(32).toString("hex") };
  const keys = new Map([[key.id, { role: "supervisor" as const, key: key.secret }]]);
  const publisher = createPublisher(connected, clock, options.onViolation);
  const common = { bus: connected, clock, log, keys };
  let recorder: RecorderService | undefined;
  closing.add("recorder", () => recorder?.stop());
  const alarms = await startAlarms({ ...common, publisher, store, rules, time: model.settings });
  closing.add("alarms", () => alarms.stop());
  const tracker = await startTracker({
    ...common,
    publisher,
    store: trackerStore,
    rules: options.guardRules,
    settings: model.settings,
    publishesGuards: options.publishesGuards,
  });
  closing.add("tracker", () => tracker.stop());
  // What a killed process left behind is taken in before the recording begins: its keyframes then hold it, for its rows do not.
  await tracker.catchUp();
  await alarms.catchUp();
  recorder = await startRecorder({
    ...common,
    folder: recordings,
    ...(options.records ? { name: recordingName(clock.nowMs(), model) } : {}),
    meta: () =>
      recordingMeta({
        model,
        scenario: options.scenario,
        rules: { hash: rules.ruleSet().hash, text: rules.text() },
        guardRules: options.guardRules,
        publishesGuards: options.publishesGuards,
        productVersion: options.productVersion,
      }),
    dedup: recorderStore.dedup,
    historyPath: join(dataFolder, "history.sqlite"),
    publisher,
    ...(options.storage === undefined ? {} : { storage: options.storage }),
  });
  onRecorder(recorder);
  connected.publish(SUBJECTS.recordKeyframeGet, new Uint8Array());
  const sim = startSim({ ...common, publisher, model, dedup: simStore.dedup });
  closing.add("sim", () => sim.stop());
  const gateway = await startGateway({
    ...common,
    host: options.host,
    port: options.port,
    portsToTry: options.portsToTry,
    ...(options.access === undefined ? {} : { access: options.access }),
    key,
    webFolder: options.webFolder,
    readiness: () => [
      readinessCheck("bus", connected.status().state === "connected" ? undefined : `the bus is ${connected.status().state}`),
      readinessCheck("store", alarms.problem()),
      readinessCheck("tracker", tracker.problem()),
      readinessCheck("recording", recorder?.problem()),
    ],
  });
  closing.add("gateway", () => gateway.close());
  return { url: gateway.url, port: gateway.port, bus: connected, sim, alarms, recording: recorder.path };
}

function readinessCheck(name: string, problem: string | undefined): { name: string; ok: boolean; reason?: string } {
  return problem === undefined ? { name, ok: true } : { name, ok: false, reason: problem };
}

/** `2026-11-22T101504Z-default-1a2b3c4d.jsonl`: sorts by time, says which scenario. */
function recordingName(nowMs: number, model: SimModel): string {
  const wall = new Date(nowMs)
    .toISOString()
    .replaceAll(":", "")
    .replace(/\.\d+Z$/, "Z");
  const scenario = model.setup.scenario.name.replaceAll(/[^\w-]+/g, "-");
  return `${wall}-${scenario}-${model.setup.bootId}.jsonl`;
}
