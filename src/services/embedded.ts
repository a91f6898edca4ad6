import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { QikiError } from "#base/error.ts";
import { openInProcessBroker } from "#bus/in-process.ts";
import type { Bus } from "#bus/port.ts";
import { STREAMS } from "#contracts/streams.ts";
import { openAlarmsStore } from "#store/alarms-store.ts";
import { lockFolder } from "#store/lock.ts";
import { openOwnerStore, type OwnerStore } from "#store/owner-store.ts";
import type { SimModel } from "#twin/sim-state.ts";
import { type AlarmsService, startAlarms } from "./alarms.ts";
import type { Clock } from "./clock.ts";
import type { DedupStore } from "./command-door.ts";
import { type Gateway, startGateway } from "./gateway/server.ts";
import { openRulesFile } from "./incident-rules-file.ts";
import type { Log } from "./log.ts";
import { createPublisher } from "./publisher.ts";
import { type RecorderService, startRecorder } from "./recorder.ts";
import { recordingMeta } from "./recording-meta.ts";
import { type SimService, startSim } from "./sim.ts";

export interface EmbeddedOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly model: SimModel;
  readonly scenario: { readonly name: string; readonly sha256: string; readonly text: string };
  /** Folder for bus, store and recordings; nobody else may use it meanwhile. */
  readonly dataFolder: string;
  readonly rulesPath: string;
  readonly webFolder: string;
  readonly host: string;
  readonly port: number;
  readonly portsToTry: number;
  readonly records: boolean;
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
  /** Ends everything in order: consoles, ticks, incidents, recording, bus, store. */
  stop(): Promise<void>;
}

const DRAIN_MS = 5000;

/**
 * All services of one twin in this process.
 * @throws QikiError data_folder_in_use, folder_unwritable, port_in_use, rules_invalid; nothing is left open then
 */
export async function startEmbedded(options: EmbeddedOptions): Promise<Embedded> {
  const { clock, log, model, dataFolder } = options;
  const opened: (() => void | Promise<void>)[] = [];
  try {
    const lock = lockFolder(dataFolder);
    opened.push(() => lock.release());
    const rules = openRulesFile(options.rulesPath, { maxBusA: model.config.profile.powerPlane.maxBusA });
    const broker = openInProcessBroker({
      path: join(dataFolder, "bus.sqlite"),
      nowMs: () => clock.nowMs(),
      report: (report) => log.warn({ report: report.kind }, "the bus reports"),
    });
    opened.push(() => broker.close());
    const bus = broker.connect();
    for (const stream of Object.values(STREAMS)) await bus.streams.ensure(stream);
    const store = openAlarmsStore(join(dataFolder, "qiki.sqlite"), clock.nowMs());
    opened.push(() => store.close(clock.nowMs()));
    const owners = ["sim", "recorder"].map((owner) => openOwnerStore(join(dataFolder, `${owner}.sqlite`), owner)) as [
      OwnerStore,
      OwnerStore,
    ];
    opened.push(() => owners.forEach((owner) => owner.close()));
    const publisher = createPublisher(bus, clock, options.onViolation);
    const key = { id: "gateway", secret: randomBytes(32).toString("hex") };
    const keys = new Map([[key.id, { role: "supervisor" as const, key: key.secret }]]);
    const common = { bus, clock, log, keys };
    const recorder = await startRecorder({
      ...common,
      folder: join(dataFolder, "recordings"),
      ...(options.records ? { name: recordingName(clock.nowMs(), model) } : {}),
      meta: () =>
        recordingMeta({
          model,
          scenario: options.scenario,
          rules: { hash: rules.ruleSet().hash, text: rules.text() },
          productVersion: options.productVersion,
        }),
      dedup: dedupOf(owners[1], clock),
    });
    const alarms = await startAlarms({ ...common, publisher, store, rules, time: model.settings });
    const sim = startSim({ ...common, publisher, model, dedup: dedupOf(owners[0], clock) });
    const gateway = await startGateway({
      ...common,
      host: options.host,
      port: options.port,
      portsToTry: options.portsToTry,
      key,
      webFolder: options.webFolder,
      readiness: () => readiness(bus.status().state, alarms, recorder),
    });
    return running({ bus, gateway, sim, alarms, recorder, closeRest: () => closeAll(opened) });
  } catch (error) {
    await closeAll(opened);
    throw error;
  }
}

interface Parts {
  readonly bus: Bus;
  readonly gateway: Gateway;
  readonly sim: SimService;
  readonly alarms: AlarmsService;
  readonly recorder: RecorderService;
  readonly closeRest: () => Promise<void>;
}

function running({ bus, gateway, sim, alarms, recorder, closeRest }: Parts): Embedded {
  let stopping: Promise<void> | undefined;
  async function stopInOrder(): Promise<void> {
    await gateway.close();
    await sim.stop();
    await alarms.stop();
    await recorder.stop();
    await bus.drain(DRAIN_MS);
    await closeRest();
  }
  return {
    url: gateway.url,
    port: gateway.port,
    bus,
    sim,
    alarms,
    recording: recorder.path,
    stop: () => (stopping ??= stopInOrder()),
  };
}

function readiness(busState: string, alarms: AlarmsService, recorder: RecorderService): { name: string; ok: boolean; reason?: string }[] {
  const check = (name: string, problem: string | undefined): { name: string; ok: boolean; reason?: string } => ({
    name,
    ok: problem === undefined,
    ...(problem === undefined ? {} : { reason: problem }),
  });
  return [
    check("bus", busState === "connected" ? undefined : `the bus is ${busState}`),
    check("store", alarms.problem()),
    check("recording", recorder.problem()),
  ];
}

async function closeAll(opened: (() => void | Promise<void>)[]): Promise<void> {
  for (const close of opened.splice(0).reverse()) {
    try {
      await close();
    } catch (error) {
      if (!(error instanceof QikiError)) throw error;
    }
  }
}

function dedupOf(store: OwnerStore, clock: Clock): DedupStore {
  return {
    find(_owner, messageId, nowMs) {
      const known = store.dedup.find(messageId, nowMs);
      return known === undefined ? undefined : { digest: known.digest, ack: Buffer.from(known.ack).toString("utf8") };
    },
    save: (_owner, messageId, entry) => store.dedup.put({ messageId, digest: entry.digest, ack: Buffer.from(entry.ack) }, clock.nowMs()),
  };
}

/** `2026-11-22T101504Z-default.jsonl`: sorts by time, says which scenario. */
function recordingName(nowMs: number, model: SimModel): string {
  const wall = new Date(nowMs)
    .toISOString()
    .replaceAll(":", "")
    .replace(/\.\d+Z$/, "Z");
  return `${wall}-${model.setup.scenario.name}-${model.setup.bootId}.jsonl`;
}
