import type { z } from "zod";
import type { Bus } from "#bus/port.ts";
import { modelOfMeta } from "#recording/drive.ts";
import { canonicalJson } from "#base/canonical-json.ts";
import { utf8Decode } from "#base/utf8.ts";
import {
  type AlarmsMeta,
  alarmsMetaSchema,
  type SimMeta,
  simMetaSchema,
  type TrackerMeta,
  trackerMetaSchema,
} from "#contracts/recording.ts";
import { META_KEY_PREFIX, STATE_BUCKET, STATE_KEYS } from "#contracts/streams.ts";
import type { SimModel } from "#twin/sim-state.ts";
import type { Clock } from "./clock.ts";
import type { Log } from "./log.ts";
import type { ReadinessCheck, Role } from "./roles.ts";

/** What the roles have told of themselves on the bus. */
export interface KnownRun {
  readonly sim: SimMeta;
  readonly model: SimModel;
  readonly tracker: TrackerMeta | undefined;
  readonly alarms: AlarmsMeta | undefined;
}

export interface FollowOptions {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly log: Log;
  /** What is missing before the role can begin, undefined when nothing is. */
  readonly missing?: (known: KnownRun) => string | undefined;
  /** Resolves when something else that `missing` looks at has changed. */
  readonly wake?: Promise<void>;
  /** While two runs give the same, the role goes on through both. */
  readonly sameness: (known: KnownRun) => unknown;
  /** Begins the role; `latest` is what is known at any later time. */
  readonly start: (known: KnownRun, latest: () => KnownRun) => Promise<Role<unknown>>;
}

export interface RunFollower {
  checks(): readonly ReadinessCheck[];
  stop(): Promise<void>;
}

const RETRY_MS = 1000;
const SCHEMAS: Readonly<Record<string, z.ZodType>> = {
  [STATE_KEYS.simMeta]: simMetaSchema,
  [STATE_KEYS.trackerMeta]: trackerMetaSchema,
  [STATE_KEYS.alarmsMeta]: alarmsMetaSchema,
};

/**
 * Begins a role as soon as the bus tells what it must know of the run, and begins it anew when a simulation of another kind takes
 * over. Until then it waits and says for what.
 */
export function followRun(options: FollowOptions): RunFollower {
  const { bus, clock, log } = options;
  const told = new Map<string, unknown>();
  let waitingFor: string | undefined = "the bus to tell of the run";
  let running: { readonly same: string; readonly role: Role<unknown> } | undefined;
  let isStopped = false;
  let cancelRetry = (): void => {};
  let turn = Promise.resolve();

  function known(): KnownRun | undefined {
    const sim = told.get(STATE_KEYS.simMeta) as SimMeta | undefined;
    if (sim === undefined) return undefined;
    return {
      sim,
      model: modelOfMeta(sim),
      tracker: told.get(STATE_KEYS.trackerMeta) as TrackerMeta | undefined,
      alarms: told.get(STATE_KEYS.alarmsMeta) as AlarmsMeta | undefined,
    };
  }

  async function settle(): Promise<void> {
    cancelRetry();
    if (isStopped) return;
    try {
      const run = known();
      const missing = run === undefined ? "no simulation has reported on this bus yet" : options.missing?.(run);
      if (running === undefined) waitingFor = missing;
      if (run === undefined || missing !== undefined) return;
      const same = canonicalJson(options.sameness(run));
      if (running?.same === same) return;
      const before = running;
      running = undefined;
      waitingFor = "another simulation has taken over: the role begins anew";
      await before?.role.stop();
      running = { same, role: await options.start(run, () => known()!) };
      waitingFor = undefined;
    } catch (error) {
      waitingFor = `it could not begin: ${(error as Error).message}`;
      log.error({ err: error }, "the role could not begin; it tries again");
      cancelRetry = clock.after(RETRY_MS, next);
    }
  }

  /** One at a time: what changes while a role begins is looked at afterwards. */
  function next(): void {
    turn = turn.then(settle);
  }

  async function watch(): Promise<void> {
    for await (const { key, bytes } of bus.lastValue(STATE_BUCKET).watch(META_KEY_PREFIX, { existing: true })) {
      const parsed = SCHEMAS[key]?.safeParse(jsonOf(bytes));
      if (parsed?.success !== true) {
        log.warn({ key }, "what a role tells of itself is not understood");
        continue;
      }
      told.set(key, parsed.data);
      next();
    }
  }

  async function keepWatching(): Promise<void> {
    while (!isStopped) {
      next();
      await watch().catch((error: unknown) => log.warn({ err: error }, "the bus does not tell of the run; asking again"));
      if (!isStopped) await new Promise<void>((done) => void clock.after(RETRY_MS, done));
    }
  }
  void keepWatching();
  void options.wake?.then(next);

  return {
    checks: () => [
      waitingFor === undefined ? { name: "run", ok: true } : { name: "run", ok: false, reason: waitingFor },
      ...(running === undefined ? [] : [running.role.check()]),
    ],
    async stop() {
      isStopped = true;
      cancelRetry();
      await turn;
      await running?.role.stop();
    },
  };
}

function jsonOf(bytes: Uint8Array | undefined): unknown {
  try {
    return bytes === undefined ? undefined : JSON.parse(utf8Decode(bytes) ?? "");
  } catch {
    return undefined;
  }
}
