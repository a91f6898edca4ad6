import { join } from "node:path";
import type { Bus, BusReport, SettingDifference } from "#bus/port.ts";
import { lockFolder } from "#store/lock.ts";
import type { HistoryLimits } from "#store/history-store.ts";
import type { SimModel } from "#twin/sim-state.ts";
import { createBusReporter } from "./bus-reports.ts";
import { busCheck, ensureStreams, streamsCheck } from "./bus-setup.ts";
import type { Clock } from "./clock.ts";
import { type Closing, createClosing } from "./closing.ts";
import type { CommandPolicy } from "./command-door.ts";
import type { CommandKeys } from "./command-signature.ts";
import { type GatewayOptions, startGateway } from "./gateway/server.ts";
import type { GuardRulesFile } from "./guard-rules-file.ts";
import { serveHealth } from "./health.ts";
import { openRulesFile } from "./incident-rules-file.ts";
import { followLogPlace, type Log, type LogPlace } from "./log.ts";
import { processMetrics } from "./process-metrics.ts";
import { createPublisher } from "./publisher.ts";
import type { RecordStorage } from "./record-storage.ts";
import { type Pulse, startPulse } from "./pulse.ts";
import { recordingMeta, type ScenarioFile } from "./recording-meta.ts";
import {
  openAlarmsRole,
  openRecorderRole,
  openSimRole,
  openTrackerRole,
  type Places,
  type ReadinessCheck,
  type RoleHost,
} from "./roles.ts";
import { followRun, type RunFollower } from "./run-follower.ts";
import type { Silence } from "./sim.ts";

/** What a role of its own process needs beside the bus. */
export type RoleSettings =
  | { readonly role: "sim"; readonly model: SimModel; readonly scenario: ScenarioFile; readonly silence?: Silence }
  | { readonly role: "tracker"; readonly guardRules: GuardRulesFile; readonly publishesGuards: boolean }
  | { readonly role: "alarms"; readonly rulesPath: string; readonly incidentsMax?: number | undefined }
  | {
      readonly role: "recorder";
      readonly records: boolean;
      readonly productVersion: string;
      readonly storage: RecordStorage;
      readonly history: HistoryLimits;
    }
  | ({ readonly role: "gateway" } & Pick<GatewayOptions, "host" | "port" | "portsToTry" | "access" | "key" | "webFolder">);

export type RoleName = RoleSettings["role"];

export interface ServeOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** What the log says of the run and the tick. */
  readonly logPlace: LogPlace;
  /** Each role has a folder of its own in here. */
  readonly dataFolder: string;
  readonly openBus: (report: (report: BusReport) => void) => Bus;
  readonly keys: CommandKeys;
  readonly policy: CommandPolicy;
  /** Where health is told, of a role that is no gateway. */
  readonly health: { readonly host: string; readonly port: number };
  readonly settings: RoleSettings;
  readonly places?: Places;
  /** How often the lag of durables is asked for; 5 s unless told. */
  readonly lagPeriodMs?: number;
  readonly onViolation: (subject: string, problem: string) => void;
}

export interface Served {
  /** Address of the gateway, or of the role's health. */
  readonly url: string;
  readonly port: number;
  stop(): Promise<void>;
}

const DRAIN_MS = 3000;
const ENSURE_RETRY_MS = 1000;

/** One role in a process of its own. @throws QikiError data_folder_in_use, folder_unwritable, port_in_use, rules_invalid */
export async function serveRole(options: ServeOptions): Promise<Served> {
  const closing = createClosing(options.log);
  try {
    const served = await open(options, closing);
    let stopping: Promise<void> | undefined;
    return { ...served, stop: () => (stopping ??= closing.closeAll()) };
  } catch (error) {
    await closing.closeAll().catch(() => {});
    throw error;
  }
}

async function open(options: ServeOptions, closing: Closing): Promise<Omit<Served, "stop">> {
  const { clock, log, logPlace, settings, keys } = options;
  const folder = join(options.dataFolder, settings.role);
  const lock = lockFolder(folder);
  closing.add("data folder", () => lock.release());
  // A rules file that is wrong is told at once, not when the run is known.
  if (settings.role === "alarms") openRulesFile(settings.rulesPath);
  const bus: Bus = options.openBus(createBusReporter(log, clock, () => bus));
  closing.add("bus", () => bus.drain(DRAIN_MS));
  const streams = keepStreams(bus, clock, log);
  closing.add("streams", () => streams.stop());
  const publisher = createPublisher(bus, clock, options.onViolation);
  const { metrics, onAnswered } = processMetrics(bus, clock, publisher, closing, options.lagPeriodMs);
  const { policy, places } = options;
  if (settings.role !== "sim") closing.add("log place", followLogPlace(bus, logPlace));
  const host: RoleHost = { bus, clock, log, logPlace, keys, policy, publisher, folder, places, metrics, onAnswered };
  const common = (): readonly ReadinessCheck[] => [busCheck(bus), streams.check()];

  if (settings.role === "gateway") {
    const gateway = await startGateway({
      ...settings,
      bus,
      clock,
      log,
      metrics,
      unsignedRole: options.policy.unsignedRole,
      readiness: common,
    });
    closing.add("gateway", () => gateway.close());
    return { url: gateway.url, port: gateway.port };
  }
  const pulse = startPulse(bus, clock);
  closing.add("pulse", () => pulse.stop());
  const role = await openRole(host, settings, streams.ensured, pulse);
  closing.add(settings.role, () => role.stop());
  const health = await serveHealth({
    ...options.health,
    metrics,
    checks: () => [...common(), pulse.check(), ...role.checks()],
    stalled: () => role.stalled?.(),
  });
  closing.add("health", () => health.close());
  return { url: health.url, port: Number(new URL(health.url).port) };
}

/** The sim owns the truth and waits for nobody; the others begin when the bus tells of its run. */
async function openRole(
  host: RoleHost,
  settings: Exclude<RoleSettings, { readonly role: "gateway" }>,
  ensured: Promise<unknown>,
  pulse: Pulse,
): Promise<RunFollower & { stalled?(): string | undefined }> {
  const follow = (more: Omit<Parameters<typeof followRun>[0], "bus" | "clock" | "log">): RunFollower =>
    followRun({ ...host, ...more, start: (known, latest) => ensured.then(() => more.start(known, latest)) });
  switch (settings.role) {
    case "sim": {
      const role = await openSimRole(host, settings);
      return { checks: () => [role.check()], stop: () => role.stop(), stalled: () => role.service.stalled() };
    }
    case "tracker":
      return follow({
        sameness: ({ sim }) => ({ config: sim.config }),
        start: ({ model }) => openTrackerRole(host, { model, rules: settings.guardRules, publishesGuards: settings.publishesGuards }),
      });
    case "alarms":
      return follow({
        sameness: ({ sim }) => ({ config: sim.config, profile: sim.profile }),
        start: ({ model }) => {
          const { maxBusA } = model.config.profile.powerPlane;
          return openAlarmsRole(host, {
            model,
            rules: openRulesFile(settings.rulesPath, { maxBusA, incidentsMax: settings.incidentsMax }),
          });
        },
      });
    case "recorder": {
      // Last values outlive the simulation that left them: only one that speaks is recorded.
      return follow({
        wake: pulse.heard,
        missing: ({ alarms, tracker }) => {
          const absent = [
            ...(pulse.isHeard() ? [] : ["simulation"]),
            ...(tracker === undefined ? ["tracker"] : []),
            ...(alarms === undefined ? ["alarms"] : []),
          ];
          return absent.length === 0 ? undefined : `no ${absent.join(" and no ")} has reported on this bus yet`;
        },
        sameness: ({ sim }) => ({ boot: sim.boot_id }),
        start: ({ model }, latest) =>
          openRecorderRole(host, {
            ...(settings.records ? { model } : {}),
            meta: () => recordingMeta({ ...latest(), productVersion: settings.productVersion }),
            storage: settings.storage,
            history: settings.history,
          }),
      });
    }
  }
}

interface KeptStreams {
  /** Resolves once they are there. */
  readonly ensured: Promise<void>;
  check(): ReadinessCheck;
  stop(): void;
}

/** Ensures the streams as soon as the bus is there, and again whenever it has been away. */
function keepStreams(bus: Bus, clock: Clock, log: Log): KeptStreams {
  let differences: readonly SettingDifference[] = [];
  let problem: string | undefined = "the streams have not been ensured yet";
  let isStopped = false;
  let cancel = (): void => {};
  const first = Promise.withResolvers<void>();

  async function ensure(): Promise<void> {
    cancel();
    try {
      differences = await ensureStreams(bus);
      if (differences.length > 0) log.warn({ differences }, "the bus keeps settings of its own");
      problem = undefined;
      first.resolve();
    } catch (error) {
      problem = `the streams could not be ensured: ${(error as Error).message}`;
      if (!isStopped) cancel = clock.after(ENSURE_RETRY_MS, () => void ensure());
    }
  }

  const leave = bus.onStatus(({ state }) => {
    if (state === "connected") void ensure();
  });
  void ensure();
  return {
    ensured: first.promise,
    check: () => (problem === undefined ? streamsCheck(differences) : { name: "streams", ok: false, reason: problem }),
    stop() {
      isStopped = true;
      leave();
      cancel();
    },
  };
}
