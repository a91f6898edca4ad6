import { join } from "node:path";
import type { Bus } from "#bus/port.ts";
import type { RecordingMeta } from "#contracts/recording.ts";
import { type AlarmsStore, openAlarmsStore } from "#store/alarms-store.ts";
import { openOwnerStore } from "#store/owner-store.ts";
import type { HistoryLimits } from "#store/history-store.ts";
import type { SimModel } from "#twin/sim-state.ts";
import { type AlarmsService, startAlarms } from "./alarms.ts";
import type { Clock } from "./clock.ts";
import type { CommandPolicy } from "./command-door.ts";
import type { CommandKeys } from "./command-signature.ts";
import type { GuardRulesFile } from "./guard-rules-file.ts";
import type { RulesFile } from "./incident-rules-file.ts";
import type { Log, LogPlace } from "./log.ts";
import type { Metrics } from "./metrics.ts";
import type { Publisher } from "./publisher.ts";
import type { RecordStorage } from "./record-storage.ts";
import { type RecorderService, startRecorder } from "./recorder.ts";
import type { ScenarioFile } from "./recording-meta.ts";
import { type Silence, type SimService, startSim } from "./sim.ts";
import { startTracker, type TrackerService } from "./tracker.ts";

/** What every role is started with, whoever carries its messages. */
export interface RoleHost {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly log: Log;
  /** What the log says of the run and the tick; the sim tells its own. */
  readonly logPlace?: LogPlace | undefined;
  readonly keys: CommandKeys;
  readonly metrics: Metrics;
  /** Hears how each command was answered. */
  readonly onAnswered: (name: string, code: string) => void;
  /** What senders of commands must bring. */
  readonly policy?: CommandPolicy;
  readonly publisher: Publisher;
  /** Where it keeps its files; they are its own. */
  readonly folder: string;
  /** Files that the settings place elsewhere. */
  readonly places?: Places | undefined;
}

/** What may lie outside the data folder; undefined where it lies inside. */
export interface Places {
  /** File of audit chain and incidents. */
  readonly store: string | undefined;
  /** Folder of recordings. */
  readonly recordings: string | undefined;
}

/** One thing that must be well for a role to be ready. */
export interface ReadinessCheck {
  readonly name: string;
  readonly ok: boolean;
  /** What is wrong; also what is worth knowing of something that is well. */
  readonly reason?: string;
}

/** A role with its store. */
export interface Role<Service> {
  readonly service: Service;
  readonly check: () => ReadinessCheck;
  /** Ends the service in order, then closes its store. */
  stop(): Promise<void>;
}

const TICK_BUCKETS = [0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1];
const APPEND_BUCKETS = [0.0003, 0.001, 0.003, 0.008, 0.03, 0.1, 1];

export function readinessCheck(name: string, problem: string | undefined): ReadinessCheck {
  return problem === undefined ? { name, ok: true } : { name, ok: false, reason: problem };
}

export async function openSimRole(
  host: RoleHost,
  { model, scenario, silence }: { readonly model: SimModel; readonly scenario: ScenarioFile; readonly silence?: Silence | undefined },
): Promise<Role<SimService>> {
  // Without power the run ends too: in the next one the command that an answer is kept for was never applied.
  const store = openOwnerStore(join(host.folder, "sim.sqlite"), "sim", "process");
  const onTick = host.metrics.seconds("tick_duration_seconds", "time that a tick takes, with what it publishes", TICK_BUCKETS);
  return role(
    () => store.close(),
    () => {
      const service = startSim({ ...host, model, scenario, dedup: store.dedup, onTick, ...(silence === undefined ? {} : { silence }) });
      if (host.logPlace !== undefined) host.logPlace.where = () => ({ run: service.machine.runId, tick: service.machine.tick });
      host.metrics.counter("ticks_total", "ticks run by this process", [], () => [[{}, service.counts.ticks]]);
      host.metrics.counter("tick_late_total", "ticks that this machine was too slow to run when they were due", [], () => [
        [{}, service.counts.slipped],
      ]);
      return service;
    },
    (service) => {
      const stalled = service.stalled();
      const { keepsBack } = service;
      return stalled === undefined && keepsBack !== undefined
        ? { name: "sim", ok: true, reason: keepsBack }
        : readinessCheck("sim", stalled);
    },
  );
}

export async function openTrackerRole(
  host: RoleHost,
  { model, rules, publishesGuards }: { readonly model: SimModel; readonly rules: GuardRulesFile; readonly publishesGuards: boolean },
): Promise<Role<TrackerService>> {
  const store = openOwnerStore(join(host.folder, "tracker.sqlite"), "tracker");
  return role(
    () => store.close(),
    () => startTracker({ ...host, store, rules, publishesGuards, settings: model.settings }),
    (service) => readinessCheck("tracker", service.problem()),
  );
}

export async function openAlarmsRole(
  host: RoleHost,
  { model, rules }: { readonly model: SimModel; readonly rules: RulesFile },
): Promise<Role<AlarmsService>> {
  const store = openAlarmsStore(host.places?.store ?? join(host.folder, "qiki.sqlite"), host.clock.nowMs());
  return role(
    () => store.close(host.clock.nowMs()),
    async () => {
      const onAppend = host.metrics.seconds("audit_append_seconds", "time of a durable append to the audit chain", APPEND_BUCKETS);
      const service = await startAlarms({ ...host, store, rules, time: model.settings, onAppend });
      alarmMetrics(host.metrics, service, store);
      return service;
    },
    (service) => readinessCheck("store", service.problem()),
  );
}

export interface RecorderRoleOptions {
  /** The run to record from now on; absent: only when asked. */
  readonly model?: SimModel;
  readonly meta: () => RecordingMeta;
  readonly storage?: RecordStorage;
  readonly history?: HistoryLimits;
}

export async function openRecorderRole(
  host: RoleHost,
  { model, meta, storage, history }: RecorderRoleOptions,
): Promise<Role<RecorderService>> {
  const store = openOwnerStore(join(host.folder, "recorder.sqlite"), "recorder");
  return role(
    () => store.close(),
    async () => {
      const service = await startRecorder({
        ...host,
        folder: host.places?.recordings ?? join(host.folder, "recordings"),
        ...(model === undefined
          ? {}
          : { name: `${recordingName(host.clock.nowMs(), model)}${storage?.compresses === true ? ".zst" : ""}` }),
        meta,
        dedup: store.dedup,
        historyPath: join(host.folder, "history.sqlite"),
        ...(storage === undefined ? {} : { storage }),
        ...(history === undefined ? {} : { history }),
      });
      host.metrics.counter("record_rows_total", "rows in the recordings that are open", [], () => [[{}, service.counts().rows]]);
      host.metrics.counter("record_dropped_total", "rows left out because the disk did not keep up", [], () => [
        [{}, service.counts().dropped],
      ]);
      return service;
    },
    (service) => readinessCheck("recording", service.problem()),
  );
}

function alarmMetrics(metrics: Metrics, { machine, calls, inputAgeS }: AlarmsService, store: AlarmsStore): void {
  metrics.gauge("incidents", "incidents by state and severity", ["letter", "severity"], () => {
    const counts = new Map<string, number>();
    for (const { letter, severity } of machine.views()) counts.set(`${letter} ${severity}`, (counts.get(`${letter} ${severity}`) ?? 0) + 1);
    return [...counts].map(([key, count]) => {
      const [letter, severity] = key.split(" ") as [string, string];
      return [{ letter, severity }, count] as const;
    });
  });
  metrics.gauge("alarm_flood", "1 while alarms come faster than an operator can follow", [], () => [[{}, machine.kpi().flood ? 1 : 0]]);
  metrics.counter("alarm_annunciations_total", "alarms that called for attention", ["rule", "severity"], () =>
    [...calls()].map(({ rule, severity, count }) => [{ rule, severity }, count]),
  );
  metrics.gauge("alarm_input_age_seconds", "time since the last event", [], () => {
    const ageS = inputAgeS();
    return ageS === undefined ? [] : [[{}, ageS]];
  });
  metrics.counter("alarm_samples_ignored_total", "events and samples not used", ["reason"], () =>
    Object.entries(machine.ignored()).map(([reason, count]) => [{ reason }, count]),
  );
  metrics.gauge("audit_head_seq", "sequence of the last record of the audit chain", [], () => [[{}, store.head().seq]]);
}

async function role<Service extends { stop(): Promise<unknown> }>(
  closeStore: () => void,
  start: () => Service | Promise<Service>,
  check: (service: Service) => ReadinessCheck,
): Promise<Role<Service>> {
  try {
    const service = await start();
    return {
      service,
      check: () => check(service),
      async stop() {
        try {
          await service.stop();
        } finally {
          closeStore();
        }
      },
    };
  } catch (error) {
    closeStore();
    throw error;
  }
}

/** `2026-11-22T101504Z-default-1a2b3c4d.jsonl`: sorts by time, says which scenario. */
function recordingName(nowMs: number, { setup }: SimModel): string {
  const wall = new Date(nowMs)
    .toISOString()
    .replaceAll(":", "")
    .replace(/\.\d+Z$/, "Z");
  const scenario = setup.scenario.name.replaceAll(/[^\w-]+/g, "-");
  return `${wall}-${scenario}-${setup.bootId}.jsonl`;
}
