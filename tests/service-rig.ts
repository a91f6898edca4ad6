import { copyFileSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { GUARD_COOLDOWN_DEFAULT_S } from "#alarms/guard/rules.ts";
import { assert } from "#base/assert.ts";
import { openInProcessBroker } from "#bus/in-process.ts";
import type { Bus } from "#bus/port.ts";
import { GUARD_RULES_PATH, RULES_PATH } from "#cli/load-rules.ts";
import { loadRun } from "#cli/load-run.ts";
import { type Ack, ackSchema } from "#contracts/ack.ts";
import type { IncidentWire } from "#contracts/incident.ts";
import { INCIDENT_KEY_PREFIX, STATE_BUCKET, STREAMS } from "#contracts/streams.ts";
import { EVENTS_PATTERN, SUBJECTS } from "#contracts/subjects.ts";
import type { TelemetryPayload } from "#contracts/telemetry.ts";
import { type AlarmsService, startAlarms } from "#services/alarms.ts";
import type { Clock } from "#services/clock.ts";
import { type CommandKeys, signCommand } from "#services/command-signature.ts";
import { openGuardRulesFile } from "#services/guard-rules-file.ts";
import { openRulesFile } from "#services/incident-rules-file.ts";
import { createPublisher } from "#services/publisher.ts";
import { type SimService, startSim } from "#services/sim.ts";
import { startTracker, type TrackerService } from "#services/tracker.ts";
import { type AlarmsStore, openAlarmsStore } from "#store/alarms-store.ts";
import { openOwnerStore } from "#store/owner-store.ts";

export const GATEWAY_KEY = "the gateway's key of this test";
const KEYS: CommandKeys = new Map([["gateway", { role: "supervisor", key: GATEWAY_KEY }]]);
const WALL_START_MS = Date.parse("2026-11-22T10:00:00Z");
const QUIET = pino({ level: "silent" });

/** A clock that moves only when told to. */
export interface ManualClock extends Clock {
  /** Moves time on and calls what falls due on the way, letting the bus deliver in between. */
  advance(ms: number): Promise<void>;
  /** Moves time on as if the process had slept: what fell due is called by the next `advance`. */
  jump(ms: number): void;
}

export type Body = Readonly<Record<string, unknown>>;

/** Sim and alarms services on a real in-process bus, driven by a manual clock. */
export interface ServiceRig {
  readonly bus: Bus;
  readonly clock: ManualClock;
  readonly sim: SimService;
  readonly alarms: AlarmsService;
  readonly store: AlarmsStore;
  readonly rulesPath: string;
  readonly guardRulesPath: string;
  readonly tracker: TrackerService;
  /** Stops the tracker alone and starts it on what it saved. */
  restartTracker(): Promise<void>;
  /** Sends a command as the gateway does for a supervisor, signed. */
  signed(name: string, parameters?: Body): Promise<Ack>;
  /** Every ACK heard, in order; each has been checked against its contract. */
  readonly acks: readonly Ack[];
  /** Every event heard on the bus, in order. */
  readonly events: readonly { readonly subject: string; readonly payload: Body }[];
  readonly incidents: ReadonlyMap<string, IncidentWire>;
  telemetry(): TelemetryPayload;
  /** Sends a command and returns its ACK; a member `metadata` adds to the message's. */
  command(name: string, parameters?: Body, metadata?: Body): Promise<Ack>;
  /** Sends bytes as they are and returns the ACKs that came. */
  raw(text: string | Uint8Array): Promise<readonly Ack[]>;
  /** Bodies of one kind on the audit subject, of one command where its request id is given. */
  audits(kind: string, requestId?: string | null): readonly Body[];
  /** Stops the services in order and keeps the data folder. */
  stop(): Promise<void>;
}

export interface RigOptions {
  /** YAML of the scenario; the shipped profile unless it names another. */
  readonly scenario?: string;
  readonly profile?: string;
  /** Data of an earlier rig, to go on with. */
  readonly folder?: string;
  readonly running?: boolean;
  /** Wraps the store, to make it fail. */
  readonly wrapStore?: (store: AlarmsStore) => AlarmsStore;
}

const folders: string[] = [];
let boots = 0;
const openRigs = new Set<ServiceRig>();

/** A new data folder with a copy of the shipped rules in it. */
export function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "qiki-rig-"));
  folders.push(folder);
  return folder;
}

/** Stops rigs that a test left running and removes every folder. */
export async function cleanUpRigs(): Promise<void> {
  for (const rig of openRigs) await rig.stop();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
}

export async function startRig(options: RigOptions = {}): Promise<ServiceRig> {
  const folder = options.folder ?? newFolder();
  const clock = manualClock();
  const scenarioPath = join(folder, "scenario.yaml");
  writeFileSync(scenarioPath, options.scenario ?? "name: test\nprofile: profiles/shipped.json\n");
  const { model, scenarioFile } = loadRun({
    scenario: scenarioPath,
    bootId: String((boots += 1)).padStart(8, "0"),
    stopped: options.running !== true,
    ...(options.profile === undefined ? {} : { profile: options.profile }),
  });
  const rulesPath = copyRules(folder);
  const problems: string[] = [];
  const report = (text: string): void => void problems.push(text);
  const path = join(folder, "bus.sqlite");
  const broker = openInProcessBroker({ path, nowMs: () => clock.nowMs(), report: (one) => report(JSON.stringify(one)) });
  const bus = broker.connect();
  for (const stream of Object.values(STREAMS)) await bus.streams.ensure(stream);
  const realStore = openAlarmsStore(join(folder, "qiki.sqlite"), clock.nowMs());
  const store = options.wrapStore?.(realStore) ?? realStore;
  const simStore = openOwnerStore(join(folder, "sim.sqlite"), "sim");
  const publisher = createPublisher(bus, clock, (subject, problem) => report(`${subject}: ${problem}`));
  const heard = listen(bus);
  const common = { bus, clock, log: QUIET, keys: KEYS, publisher };
  const rules = openRulesFile(rulesPath, { maxBusA: model.config.profile.powerPlane.maxBusA });
  const alarms = await startAlarms({ ...common, store, rules, time: model.settings });
  const guardRulesPath = join(folder, "guard_rules.yaml");
  if (!existsSync(guardRulesPath)) copyFileSync(GUARD_RULES_PATH, guardRulesPath);
  let trackerStore = openOwnerStore(join(folder, "tracker.sqlite"), "tracker");
  const openTracker = (): Promise<TrackerService> =>
    startTracker({
      ...common,
      store: trackerStore,
      rules: openGuardRulesFile(guardRulesPath, GUARD_COOLDOWN_DEFAULT_S),
      settings: model.settings,
      publishesGuards: true,
    });
  let tracker = await openTracker();
  const sim = startSim({ ...common, model, scenario: scenarioFile, dedup: simStore.dedup });
  await settle();
  let sent = 0;

  const rig: ServiceRig = {
    bus,
    clock,
    sim,
    alarms,
    store,
    rulesPath,
    guardRulesPath,
    get tracker() {
      return tracker;
    },
    async restartTracker() {
      await tracker.stop();
      trackerStore.close();
      trackerStore = openOwnerStore(join(folder, "tracker.sqlite"), "tracker");
      tracker = await openTracker();
    },
    async signed(name, parameters = {}) {
      sent += 1;
      const message = {
        command_name: name,
        parameters,
        metadata: { message_id: `signed-${sent}`, actor: { id: "sue", role: "supervisor" }, confirm: true, key_id: "gateway" },
      };
      const signature = signCommand(message, GATEWAY_KEY);
      const acks = await rig.raw(JSON.stringify({ ...message, metadata: { ...message.metadata, signature } }));
      assert(acks.length === 1, "a command has one ACK", { name, acks: acks.length });
      return acks[0]!;
    },
    ...heard,
    telemetry: () => sim.machine.telemetry(),
    async command(name, parameters = {}, metadata = {}) {
      sent += 1;
      const id = `00000000-0000-4000-8000-${String(sent).padStart(12, "0")}`;
      const acks = await rig.raw(commandText(name, parameters, { message_id: id, ...metadata }));
      assert(acks.length === 1, "a command has one ACK", { name, acks: acks.length });
      return acks[0]!;
    },
    async raw(text) {
      const before = heard.acks.length;
      bus.publish(SUBJECTS.commands, typeof text === "string" ? Buffer.from(text) : text);
      await settle();
      return heard.acks.slice(before);
    },
    audits: (kind, requestId) =>
      heard.events.flatMap(({ subject, payload }) =>
        subject === SUBJECTS.audit &&
        payload.kind === kind &&
        payload.chain_id === undefined &&
        (requestId === undefined || payload.request_id === requestId)
          ? [payload]
          : [],
      ),
    async stop() {
      if (!openRigs.delete(rig)) return;
      await sim.stop();
      await tracker.stop();
      await alarms.stop();
      await bus.drain(1000);
      simStore.close();
      trackerStore.close();
      realStore.close(clock.nowMs());
      await broker.close();
      assert(problems.length === 0, "nothing broke its contract and no handler failed", { problems });
    },
  };
  openRigs.add(rig);
  return rig;
}

/** A command message as a client sends it. */
export function commandText(name: string, parameters: Body, metadata: Body): string {
  return JSON.stringify({ command_name: name, parameters, metadata });
}

/** Lets microtasks and everything the bus has to deliver run. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 6; turn += 1) await new Promise((done) => setImmediate(done));
}

function listen(bus: Bus): Pick<ServiceRig, "acks" | "events" | "incidents"> {
  const acks: Ack[] = [];
  const events: { subject: string; payload: Body }[] = [];
  const incidents = new Map<string, IncidentWire>();
  const parsed = (bytes: Uint8Array): unknown => JSON.parse(Buffer.from(bytes).toString("utf8"));
  bus.subscribe(SUBJECTS.responses, ({ bytes }) => void acks.push(ackSchema.parse(parsed(bytes)) as Ack), { name: "test.acks" });
  bus.subscribe(EVENTS_PATTERN, ({ subject, bytes }) => void events.push({ subject, payload: parsed(bytes) as Body }), {
    name: "test.events",
  });
  void (async () => {
    for await (const { key, bytes } of bus.lastValue(STATE_BUCKET).watch(INCIDENT_KEY_PREFIX, { existing: true })) {
      const id = Buffer.from(key.slice(INCIDENT_KEY_PREFIX.length), "base64url").toString("utf8");
      if (bytes === undefined) incidents.delete(id);
      else incidents.set(id, parsed(bytes) as IncidentWire);
    }
  })();
  return { acks, events, incidents };
}

function copyRules(folder: string): string {
  const path = join(folder, "incident_rules.yaml");
  if (!existsSync(path)) copyFileSync(RULES_PATH, path);
  return path;
}

export function manualClock(): ManualClock {
  let nowMs = 0;
  let timers: { readonly dueMs: number; readonly callback: () => void }[] = [];
  return {
    nowMs: () => WALL_START_MS + nowMs,
    monotonicMs: () => nowMs,
    after(delayMs, callback) {
      const timer = { dueMs: nowMs + delayMs, callback };
      timers.push(timer);
      return () => {
        timers = timers.filter((one) => one !== timer);
      };
    },
    jump(ms) {
      nowMs += ms;
    },
    async advance(ms) {
      const untilMs = nowMs + ms;
      for (;;) {
        const next = timers.reduce<(typeof timers)[number] | undefined>(
          (first, one) => (first === undefined || one.dueMs < first.dueMs ? one : first),
          undefined,
        );
        if (next === undefined || next.dueMs > untilMs) break;
        timers = timers.filter((one) => one !== next);
        nowMs = Math.max(nowMs, next.dueMs);
        next.callback();
        await settle();
      }
      nowMs = untilMs;
    },
  };
}
