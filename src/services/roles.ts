import { join } from "node:path";
import type { Bus } from "#bus/port.ts";
import type { RecordingMeta } from "#contracts/recording.ts";
import { openAlarmsStore } from "#store/alarms-store.ts";
import { openOwnerStore } from "#store/owner-store.ts";
import type { HistoryLimits } from "#store/history-store.ts";
import type { SimModel } from "#twin/sim-state.ts";
import { type AlarmsService, startAlarms } from "./alarms.ts";
import type { Clock } from "./clock.ts";
import type { CommandPolicy } from "./command-door.ts";
import type { CommandKeys } from "./command-signature.ts";
import type { GuardRulesFile } from "./guard-rules-file.ts";
import type { RulesFile } from "./incident-rules-file.ts";
import type { Log } from "./log.ts";
import type { Publisher } from "./publisher.ts";
import type { RecordStorage } from "./record-storage.ts";
import { type RecorderService, startRecorder } from "./recorder.ts";
import type { ScenarioFile } from "./recording-meta.ts";
import { type SimService, startSim } from "./sim.ts";
import { startTracker, type TrackerService } from "./tracker.ts";

/** What every role is started with, whoever carries its messages. */
export interface RoleHost {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly log: Log;
  readonly keys: CommandKeys;
  /** What senders of commands must bring. */
  readonly policy?: CommandPolicy;
  readonly publisher: Publisher;
  /** Where it keeps its files; they are its own. */
  readonly folder: string;
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

export function readinessCheck(name: string, problem: string | undefined): ReadinessCheck {
  return problem === undefined ? { name, ok: true } : { name, ok: false, reason: problem };
}

export async function openSimRole(
  host: RoleHost,
  { model, scenario }: { readonly model: SimModel; readonly scenario: ScenarioFile },
): Promise<Role<SimService>> {
  const store = openOwnerStore(join(host.folder, "sim.sqlite"), "sim");
  return role(
    () => store.close(),
    () => startSim({ ...host, model, scenario, dedup: store.dedup }),
    () => readinessCheck("sim", undefined),
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
  const store = openAlarmsStore(join(host.folder, "qiki.sqlite"), host.clock.nowMs());
  return role(
    () => store.close(host.clock.nowMs()),
    () => startAlarms({ ...host, store, rules, time: model.settings }),
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
    () =>
      startRecorder({
        ...host,
        folder: join(host.folder, "recordings"),
        ...(model === undefined ? {} : { name: recordingName(host.clock.nowMs(), model) }),
        meta,
        dedup: store.dedup,
        historyPath: join(host.folder, "history.sqlite"),
        ...(storage === undefined ? {} : { storage }),
        ...(history === undefined ? {} : { history }),
      }),
    (service) => readinessCheck("recording", service.problem()),
  );
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
