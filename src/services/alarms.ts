import { zstdCompressSync } from "node:zlib";
import type { IncidentKpiWire } from "#contracts/incident.ts";
import { eventTimeMs } from "#base/tick-time.ts";
import type { RunId, Tick } from "#base/units.ts";
import type { Bus } from "#bus/port.ts";
import { CLOUD_EVENTS, type Message } from "#contracts/message.ts";
import { DURABLES, STATE_BUCKET, STATE_KEYS, STREAMS } from "#contracts/streams.ts";
import { SUBJECTS } from "#contracts/subjects.ts";
import type { AlarmsBatch, AlarmsStore } from "#store/alarms-store.ts";
import { serviceDraft } from "#store/audit-chain.ts";
import { type AlarmsMachine, type AlarmsOutput, createAlarmsMachine, joinAlarmsState } from "#twin/alarms-machine.ts";
import { createAlarmsCommands } from "./alarms-commands.ts";
import { startAlarmsIntake } from "./alarms-intake.ts";
import { openAlarmsLastValues } from "./alarms-last-values.ts";
import { answerAuditQueries } from "./audit-queries.ts";
import type { Clock } from "./clock.ts";
import { type CommandPolicy, openCommandDoor } from "./command-door.ts";
import type { CommandKeys } from "./command-signature.ts";
import type { RulesFile } from "./incident-rules-file.ts";
import { KEYFRAME_TICKS, keyframeMessage } from "./keyframe.ts";
import type { Log } from "./log.ts";
import { createOutbox } from "./outbox.ts";
import type { Publisher } from "./publisher.ts";
import { startTrackLossCheck } from "./track-loss-check.ts";

/** How often room hashes are sent, at most. */
const HASH_ROW_MS = 1000;
/** How often the chain's head is written and old incidents are taken away. */
const UPKEEP_MS = 60_000;
const DRAIN_MS = 3000;
/** Records that, with their incident in alarm and not acknowledged, call for attention (operations §6.7). */
const CALLS: ReadonlySet<string> = new Set(["incident_open", "incident_realarm", "incident_escalate", "incident_unshelve"]);

/** How often a rule has called for attention since this process started. */
export interface AlarmCalls {
  readonly rule: string;
  readonly severity: string;
  readonly count: number;
}

export interface AlarmsServiceOptions {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly log: Log;
  readonly publisher: Publisher;
  readonly store: AlarmsStore;
  readonly rules: RulesFile;
  readonly keys: CommandKeys;
  /** Hears how long each append to the audit chain took, s. */
  readonly onAppend?: (seconds: number) => void;
  /** What senders on the bus must bring; open by default. */
  readonly policy?: CommandPolicy;
  /** Hears how each command was answered. */
  readonly onAnswered?: ((name: string, code: string) => void) | undefined;
  /** Event time of tick 0 and length of a tick, for the times of answers. */
  readonly time: { readonly epochMs: number; readonly tickMs: number };
}

export interface AlarmsService {
  readonly machine: AlarmsMachine;
  /** Why it cannot work, for readiness; undefined while it can. */
  problem(): string | undefined;
  calls(): Iterable<AlarmCalls>;
  /** How long ago the last event came, s; undefined before the first. */
  inputAgeS(): number | undefined;
  /** Takes in what the last process left in the stream. */
  catchUp(): Promise<void>;
  /** Takes in what is there, sends the closing keyframe, writes `service_stop` and the head; the store stays open. */
  stop(): Promise<void>;
}

/** Hosts the alarms machine: event stream in order, operator actions, one transaction per batch, then acknowledge and publish. */
export async function startAlarms(options: AlarmsServiceOptions): Promise<AlarmsService> {
  const { bus, clock, log, publisher, store, rules, time } = options;
  const machine = createAlarmsMachine({ ...rules, ruleSet: rules.ruleSet(), honourConsoleAcks: true });
  const began = await begin(options, machine);
  const values = openAlarmsLastValues({ bus, clock, log, store }, { views: machine.views(), kpi: machine.kpi() });
  const sendOutbox = createOutbox(store, bus, log);
  const room = createHashRows(clock, (at, hashes) => {
    publisher.publish({ ...recordingRow(), subject: SUBJECTS.recordHashes, payload: { room: "incidents", at, hashes } });
  });
  const calls = new Map<string, AlarmCalls>();
  let lastInputMs: number | undefined;
  let storeProblem: string | undefined;
  let readerProblem: string | undefined;
  let keyframeAt = "";

  function storeBatch(batch: AlarmsBatch, outputs: readonly AlarmsOutput[]): boolean {
    const records = commit(batch);
    if (records === undefined) return false;
    values.show(outputs);
    noteCalls(outputs);
    if (records.some((record) => record.kind === "chain_head")) values.showHead();
    if (records.length > 0) void sendOutbox();
    return true;
  }

  function noteCalls(outputs: readonly AlarmsOutput[]): void {
    for (const output of outputs) {
      if (output.kind !== "audit" || !("incident_id" in output.draft)) continue;
      const { kind, to, rule_id: rule = "", severity = "" } = output.draft;
      if (to !== "B" || !CALLS.has(kind)) continue;
      const key = `${rule} ${severity}`;
      calls.set(key, { rule, severity, count: (calls.get(key)?.count ?? 0) + 1 });
    }
  }

  function commit(batch: AlarmsBatch): ReturnType<AlarmsStore["commit"]> | undefined {
    try {
      const startedMs = clock.monotonicMs();
      const records = store.commit(batch);
      if (records.length > 0) options.onAppend?.((clock.monotonicMs() - startedMs) / 1000);
      storeProblem = undefined;
      return records;
    } catch (error) {
      if (storeProblem === undefined) log.error({ err: error }, "the audit chain cannot be written: nothing is taken in until it can");
      storeProblem = `the audit chain cannot be written: ${(error as Error).message}`;
      return undefined;
    }
  }

  function restore(): void {
    const stored = store.loadState();
    if (stored !== undefined) machine.restore(joinAlarmsState(stored.reducer, stored.incidents));
  }

  function recordingRow(): Omit<Message, "subject" | "payload"> {
    const { id, tick } = intake.run;
    const { source } = CLOUD_EVENTS.audit;
    return { source, timeMs: eventTimeMs(time.epochMs, tick, time.tickMs), tick, runId: id };
  }

  function publishKeyframe(): void {
    room.flush();
    const { timeMs, tick, runId } = recordingRow();
    const state = zstdCompressSync(machine.snapshot());
    const hashes = { incidents: machine.hash() };
    publisher.publish(keyframeMessage({ role: "alarms", tick, runId, timeMs, hashes, afterSeq: machine.afterSeq(), state }));
  }

  /** Called when everything that arrived is stored, so a keyframe never holds what might be lost. */
  function onStored(): void {
    room.flushIfDue();
    const at = `${intake.run.id}:${Math.floor(intake.run.tick / KEYFRAME_TICKS)}`;
    if (at === keyframeAt) return;
    keyframeAt = at;
    publishKeyframe();
  }

  const intake = await startAlarmsIntake({
    bus,
    clock,
    machine,
    auditPosition: store.position(DURABLES.eventsAudit.name),
    run: began,
    store: storeBatch,
    onEvent(seq) {
      lastInputMs = clock.monotonicMs();
      room.add(seq, machine.hash());
    },
    onStored,
    onFault(error) {
      readerProblem = `the event stream is no longer read: ${error.message}`;
      log.error({ err: error }, readerProblem);
    },
  });
  const handle = createAlarmsCommands({
    clock,
    machine,
    rules,
    publisher,
    time,
    run: () => intake.run,
    flush: intake.flush,
    store: storeBatch,
    restore,
    problem: () => storeProblem,
    onRulesChanged: () => values.showRules(rules),
  });
  const door = openCommandDoor({
    bus,
    clock,
    owner: "alarms",
    dedup: store.dedup,
    keys: options.keys,
    policy: options.policy,
    onAnswered: options.onAnswered,
    handle,
    saveState: () => restore,
    onFault: (error, commandName) => log.error({ err: error, command: commandName }, "a command broke down"),
  });
  const queries = answerAuditQueries(bus, store, log);
  const endLossCheck = startTrackLossCheck(bus, log);
  const keyframeRequests = bus.subscribe(SUBJECTS.recordKeyframeGet, publishKeyframe, { name: "alarms.keyframe" });
  values.showRules(rules);
  values.showHead();
  onStored();
  void sendOutbox();
  const cancelUpkeep = repeat(clock, UPKEEP_MS, () => {
    values.removeOld();
    writeHead();
    void sendOutbox();
  });

  const leaveStatus = bus.onStatus(({ state }) => {
    if (state === "connected") void sendOutbox();
  });

  function writeHead(): void {
    try {
      if (store.writeHead(clock.nowMs()).length > 0) values.showHead();
    } catch (error) {
      log.error({ err: error }, "the head of the audit chain could not be written");
    }
  }

  return {
    machine,
    calls: () => calls.values(),
    inputAgeS: () => (lastInputMs === undefined ? undefined : (clock.monotonicMs() - lastInputMs) / 1000),
    problem: () => storeProblem ?? readerProblem ?? store.headFileError(),
    async catchUp() {
      await intake.catchUp(DRAIN_MS);
      room.flush();
    },
    async stop() {
      cancelUpkeep();
      leaveStatus();
      keyframeRequests.unsubscribe();
      await endLossCheck();
      await door.drain();
      await Promise.all(queries.map((query) => query.drain()));
      await intake.drain(DRAIN_MS);
      publishKeyframe();
      storeBatch({ wallMs: clock.nowMs(), audit: [{ draft: serviceDraft("service_stop", { role: "alarms" }), publish: true }] }, []);
      writeHead();
      await sendOutbox();
    },
  };
}

/**
 * Brings the machine to where the last process left it, puts the file's rules in force if they changed meanwhile, and
 * stores that the service started. Returns the run that was last heard of.
 */
async function begin(
  { bus, clock, store, rules, time }: AlarmsServiceOptions,
  machine: AlarmsMachine,
): Promise<{ readonly id: RunId; readonly tick: Tick }> {
  const saved = store.loadState();
  if (saved !== undefined) machine.restore(joinAlarmsState(saved.reducer, saved.incidents));
  const { lastSeq } = await bus.streams.info(STREAMS.events.name);
  const isStreamNew = machine.afterSeq() > lastSeq || store.position(DURABLES.eventsAudit.name) > lastSeq;
  if (isStreamNew) machine.accept({ kind: "stream_restarted" }, 0 as Tick);
  const ruleSet = rules.ruleSet();
  const isRulesNew = machine.rulesHash() !== ruleSet.hash;
  const by = { operator: "system", role: "system" };
  const outputs = isRulesNew ? machine.accept({ kind: "rules", ruleSet, by }, 0 as Tick) : [];
  const drafts = outputs.flatMap((output) => (output.kind === "audit" ? [output.draft] : []));
  const started = serviceDraft("service_start", { role: "alarms", rules_hash: ruleSet.hash });
  store.commit({
    wallMs: clock.nowMs(),
    audit: [started, ...drafts].map((draft) => ({ draft, publish: true })),
    state: machine.takeStateChanges(),
    ...(isRulesNew || saved === undefined ? { rules: { hash: ruleSet.hash, yaml: rules.text(), actor: by.operator } } : {}),
    ...(isStreamNew ? { positions: { [DURABLES.alarmsEvents.name]: 0, [DURABLES.eventsAudit.name]: 0 } } : {}),
  });
  return runOf(machine.kpi(), time) ?? { id: await lastRunId(bus), tick: 0 as Tick };
}

function runOf(
  { run_id: id, t_ms: timeMs }: IncidentKpiWire,
  time: AlarmsServiceOptions["time"],
): { readonly id: RunId; readonly tick: Tick } | undefined {
  if (id === null || timeMs === null) return undefined;
  return { id: id as RunId, tick: Math.max(0, Math.floor((timeMs - time.epochMs) / time.tickMs)) as Tick };
}

/** The run that the bus knows; empty before any. */
async function lastRunId(bus: Bus): Promise<RunId> {
  const entry = await bus.lastValue(STATE_BUCKET).get(STATE_KEYS.run);
  if (entry === undefined) return "" as RunId;
  const { run_id: id } = JSON.parse(Buffer.from(entry.bytes).toString("utf8")) as { run_id?: unknown };
  return (typeof id === "string" ? id : "") as RunId;
}

interface HashRows {
  add(seq: number, hash: string): void;
  flush(): void;
  flushIfDue(): void;
}

/** Collects the room's digest after each event, to send them together. */
function createHashRows(clock: Clock, send: (at: readonly number[], hashes: readonly string[]) => void): HashRows {
  let at: number[] = [];
  let hashes: string[] = [];
  let sentMs = clock.monotonicMs();
  function flush(): void {
    sentMs = clock.monotonicMs();
    if (at.length === 0) return;
    send(at, hashes);
    [at, hashes] = [[], []];
  }
  return {
    add(seq, hash) {
      at.push(seq);
      hashes.push(hash);
    },
    flush,
    flushIfDue() {
      if (clock.monotonicMs() - sentMs >= HASH_ROW_MS) flush();
    },
  };
}

function repeat(clock: Clock, everyMs: number, work: () => void): () => void {
  let cancel = clock.after(everyMs, run);
  function run(): void {
    work();
    cancel = clock.after(everyMs, run);
  }
  return () => cancel();
}
