import { zstdCompressSync } from "node:zlib";
import { QikiError } from "#base/error.ts";
import { eventTimeMs } from "#base/tick-time.ts";
import type { RunId, Tick } from "#base/units.ts";
import type { Bus, StreamMsg } from "#bus/port.ts";
import { type Ack, ackOf } from "#contracts/ack.ts";
import { type CommandRefusal, checkParameters, specOf } from "#contracts/command.ts";
import type { CommandSpec } from "#contracts/command-catalogue.ts";
import { CLOUD_EVENTS, type Message, RUN_HEADER, TICK_HEADER } from "#contracts/message.ts";
import { DURABLES, incidentKey, STATE_BUCKET, STREAMS } from "#contracts/streams.ts";
import { SUBJECTS } from "#contracts/subjects.ts";
import type { AlarmsStore } from "#store/alarms-store.ts";
import { serviceDraft } from "#store/audit-chain.ts";
import { type AlarmsMachine, type AlarmsOutput, createAlarmsMachine, joinAlarmsState } from "#twin/alarms-machine.ts";
import { effectHolds, observedValues, watchedConditions } from "#twin/effect-watch.ts";
import { incidentAction } from "#twin/incident-commands.ts";
import { auditMessage, chainedDraft } from "./alarms-commands.ts";
import { answerAuditQueries } from "./audit-queries.ts";
import type { Clock } from "./clock.ts";
import { type Arrival, type DedupStore, openCommandDoor } from "./command-door.ts";
import type { CommandKeys } from "./command-signature.ts";
import type { RulesFile } from "./incident-rules-file.ts";
import { KEYFRAME_TICKS, keyframeMessage } from "./keyframe.ts";
import type { Log } from "./log.ts";
import { sendOutbox } from "./outbox.ts";
import type { Publisher } from "./publisher.ts";

/** Inputs stored in one transaction at most, and how long the first of them may wait for the others. */
const BATCH_INPUTS = 256;
const BATCH_MS = 5;
const HASH_ROW_MS = 1000;
const SHELVE_MAX_DEFAULT_S = 28_800;

export interface AlarmsServiceOptions {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly log: Log;
  readonly publisher: Publisher;
  readonly store: AlarmsStore;
  readonly rules: RulesFile;
  readonly keys: CommandKeys;
  /** Event time of tick 0 and length of a tick, for the keyframes' times. */
  readonly time: { readonly epochMs: number; readonly tickMs: number };
}

export interface AlarmsService {
  readonly machine: AlarmsMachine;
  /** Why it cannot work, for readiness; undefined while it can. */
  problem(): string | undefined;
  stop(): Promise<void>;
}

/** Hosts the alarms machine: event stream in order, operator actions, one transaction per batch, then acknowledge and publish. */
export async function startAlarms(options: AlarmsServiceOptions): Promise<AlarmsService> {
  const { bus, clock, log, publisher, store, rules } = options;
  const machine = createAlarmsMachine({ ruleSet: rules.ruleSet(), periodsMs: rules.periodsMs, honourConsoleAcks: true });
  const saved = store.loadState();
  if (saved !== undefined) machine.restore(joinAlarmsState(saved.reducer, saved.incidents));
  const info = await bus.streams.info(STREAMS.events.name);
  if (machine.afterSeq() > info.lastSeq) machine.accept({ kind: "stream_restarted" }, 0 as Tick);

  const values = bus.lastValue(STATE_BUCKET);
  let pending: { readonly messages: StreamMsg[]; readonly outputs: AlarmsOutput[] } = { messages: [], outputs: [] };
  let cancelFlush: (() => void) | undefined;
  let run: { id: RunId; tick: Tick } = { id: "" as RunId, tick: 0 as Tick };
  let order = { tick: -1, count: 0 };
  let hashes: { at: number[]; hashes: string[]; sinceMs: number } = { at: [], hashes: [], sinceMs: 0 };
  let lastKeyframe = "";
  let failure: string | undefined;
  let stopped = false;

  const timeMs = (): number => eventTimeMs(options.time.epochMs, run.tick, options.time.tickMs);
  const put = (key: string, value: unknown): void => {
    values
      .put(key, Buffer.from(JSON.stringify(value)))
      .catch((error: unknown) => log.error({ key, err: error }, "a last value was not stored"));
  };

  function show(outputs: readonly AlarmsOutput[]): void {
    for (const output of outputs) {
      if (output.kind === "incident") put(incidentKey(output.view.incident_id), output.view);
      else if (output.kind === "kpi") put("kpi", output.kpi);
      else if (output.kind === "removed") {
        values
          .delete(incidentKey(output.incidentId))
          .catch((error: unknown) => log.error({ err: error }, "an incident's last value was not removed"));
      }
    }
  }

  /** Stores what the collected events led to; only then they are acknowledged and their records published. */
  function flush(): void {
    cancelFlush?.();
    cancelFlush = undefined;
    if (pending.messages.length === 0) return;
    const batch = pending;
    pending = { messages: [], outputs: [] };
    try {
      store.commit({
        wallMs: clock.nowMs(),
        audit: batch.outputs.flatMap((output) => (output.kind === "audit" ? [{ draft: output.draft, publish: true }] : [])),
        state: machine.takeStateChanges(),
        positions: { [DURABLES.alarmsEvents.name]: machine.afterSeq() },
      });
      failure = undefined;
    } catch (error) {
      failure = `the audit chain cannot be written: ${(error as Error).message}`;
      log.error({ err: error }, failure);
      return;
    }
    for (const message of batch.messages) message.ack();
    show(batch.outputs);
    flushHashes();
    sendOutbox(store, bus, log);
  }

  function flushHashes(): void {
    if (hashes.at.length === 0 || clock.monotonicMs() - hashes.sinceMs < HASH_ROW_MS) return;
    publisher.publish({ ...base(), subject: SUBJECTS.recordHashes, payload: { room: "incidents", at: hashes.at, hashes: hashes.hashes } });
    hashes = { at: [], hashes: [], sinceMs: clock.monotonicMs() };
  }

  function base(): Pick<Message, "source" | "timeMs" | "tick" | "runId"> {
    return { source: CLOUD_EVENTS.audit.source, timeMs: timeMs(), tick: run.tick, runId: run.id };
  }

  function publishKeyframe(): void {
    lastKeyframe = `${run.id}:${run.tick}`;
    const hash = { incidents: machine.hash() };
    publisher.publish(
      keyframeMessage({
        role: "alarms",
        tick: run.tick,
        runId: run.id,
        timeMs: timeMs(),
        hashes: hash,
        afterSeq: machine.afterSeq(),
        state: zstdCompressSync(machine.snapshot()),
      }),
    );
  }

  async function readEvents(): Promise<void> {
    for await (const message of bus.consume(STREAMS.events.name, {
      durable: DURABLES.alarmsEvents.name,
      filter: DURABLES.alarmsEvents.filter,
      deliver: "new",
      maxAckPending: DURABLES.alarmsEvents.maxAckPending,
    })) {
      if (stopped) return;
      acceptEvent(message);
      if (pending.messages.length >= BATCH_INPUTS) flush();
      else cancelFlush ??= clock.after(BATCH_MS, flush);
    }
  }

  function acceptEvent(message: StreamMsg): void {
    const runId = message.headers[RUN_HEADER];
    const tick = message.headers[TICK_HEADER] === undefined ? undefined : (Number(message.headers[TICK_HEADER]) as Tick);
    const outputs = machine.accept(
      { kind: "event", seq: message.seq, subject: message.subject, payload: parsed(message.bytes), runId, tick },
      tick ?? run.tick,
    );
    if (runId !== undefined && tick !== undefined && message.headers.ce_source?.includes("q-sim-service"))
      run = { id: runId as RunId, tick };
    pending.messages.push(message);
    pending.outputs.push(...outputs);
    hashes.at.push(message.seq);
    hashes.hashes.push(machine.hash());
    if (run.tick > 0 && run.tick % KEYFRAME_TICKS === 0 && lastKeyframe !== `${run.id}:${run.tick}`) publishKeyframe();
  }

  /** Chains what other services report; their records stand on the bus already. */
  async function readAudit(): Promise<void> {
    for await (const message of bus.consume(STREAMS.events.name, {
      durable: DURABLES.eventsAudit.name,
      filter: DURABLES.eventsAudit.filter,
      deliver: "new",
    })) {
      const draft = chainedDraft(parsed(message.bytes));
      if (draft !== undefined && message.seq > store.position(DURABLES.eventsAudit.name)) {
        store.commit({
          wallMs: clock.nowMs(),
          audit: [{ draft, publish: false }],
          positions: { [DURABLES.eventsAudit.name]: message.seq },
        });
        sendOutbox(store, bus, log);
      }
      message.ack();
    }
  }

  function handle(arrival: Arrival): { ack: Ack; publishRest: () => void } {
    const context = nextContext(arrival);
    if (arrival.kind === "malformed") return answered(ackOf(context, arrival.refusal), arrival, undefined, []);
    const spec = specOf(arrival.command.name);
    const decided =
      arrival.refusal !== undefined ? { refusal: arrival.refusal } : "code" in spec ? { refusal: spec } : apply(arrival, spec);
    return answered(
      ackOf({ ...context, afterSeq: machine.afterSeq() }, decided.refusal),
      arrival,
      "code" in spec ? undefined : spec,
      decided.outputs ?? [],
    );
  }

  function nextContext(arrival: Arrival): Parameters<typeof ackOf>[0] {
    order = order.tick === run.tick ? { tick: run.tick, count: order.count + 1 } : { tick: run.tick, count: 0 };
    const [name, requestId] =
      arrival.kind === "command" ? [arrival.command.name, arrival.command.requestId] : [arrival.name, arrival.requestId];
    return {
      name,
      requestId,
      timeMs: timeMs(),
      tick: (run.tick + 1) as Tick,
      order: order.count,
      runId: run.id,
      afterSeq: machine.afterSeq(),
    };
  }

  /** Applies an incident or rules command and stores it before anybody hears of it. */
  function apply(
    arrival: Arrival & { kind: "command" },
    spec: CommandSpec,
  ): { refusal?: CommandRefusal; outputs?: readonly AlarmsOutput[] } {
    flush();
    if (failure !== undefined)
      return { refusal: { code: "exception", reason: "audit_unavailable", message: `audit_unavailable: ${failure}` } };
    const checked = checkParameters(spec, arrival.command.parameters, {
      max_speed: 0,
      max_speed_mps: 0,
      shelve_max_s: SHELVE_MAX_DEFAULT_S,
      ports: [],
    });
    if (checked.kind === "refused") return { refusal: checked.refusal };
    const by = { ...arrival.actor, ...(arrival.command.requestId === null ? {} : { requestId: arrival.command.requestId }) };
    const outputs: AlarmsOutput[] = [];
    let rulesRow: { hash: string; yaml: string; actor: string } | undefined;
    const action = incidentAction(spec.name, checked.values, by);
    if (action !== undefined) outputs.push(...machine.accept({ kind: "action", action }, run.tick));
    else {
      const changed =
        spec.name === "rules.set_enabled"
          ? rules.setEnabled(String(checked.values.rule_id), checked.values.enabled === true)
          : rules.reload();
      if (changed.kind === "refused") return { refusal: { code: "invalid_parameter", message: changed.problem } };
      outputs.push(...machine.accept({ kind: "rules", ruleSet: changed.ruleSet, by }, run.tick));
      rulesRow = { hash: changed.ruleSet.hash, yaml: changed.text, actor: by.operator };
      put("rules", rules.view());
    }
    const result = outputs.find((output) => output.kind === "result")?.result;
    try {
      store.commit({
        wallMs: clock.nowMs(),
        audit: outputs.flatMap((output) => (output.kind === "audit" ? [{ draft: output.draft, publish: true }] : [])),
        state: machine.takeStateChanges(),
        ...(rulesRow === undefined ? {} : { rules: rulesRow }),
      });
    } catch (error) {
      failure = `the audit chain cannot be written: ${(error as Error).message}`;
      return { refusal: { code: "exception", reason: "audit_unavailable", message: `audit_unavailable: ${failure}` } };
    }
    return result?.ok === false ? { refusal: result, outputs } : { outputs };
  }

  function answered(
    ack: Ack,
    arrival: Arrival,
    spec: CommandSpec | undefined,
    outputs: readonly AlarmsOutput[],
  ): { ack: Ack; publishRest: () => void } {
    return {
      ack,
      publishRest() {
        show(outputs);
        sendOutbox(store, bus, log);
        if (arrival.kind !== "command") return;
        const report = (kind: "command_result" | "command_effect", body: Record<string, unknown>): void => {
          publisher.publish(auditMessage({ ...base(), kind, arrival, ordinal: `${ack.tick}-${ack.order}`, body }));
        };
        report("command_result", {
          ok: ack.ok,
          parameters: arrival.command.parameters,
          ...(ack.error_detail === undefined ? {} : { code: ack.error_detail.code, message: ack.error_detail.message }),
        });
        if (!ack.ok || spec?.effect === undefined) return;
        const target = spec.name.startsWith("rules.")
          ? rules.ruleView(String(arrival.command.parameters.rule_id))
          : machine.views().find((view) => view.incident_id === arrival.command.parameters.incident_id);
        const conditions = watchedConditions(spec.effect, arrival.command.parameters as Record<string, string | number | boolean>, {
          tick: run.tick,
          tickMs: options.time.tickMs,
          softStartS: 0,
          turnRateDps: 1,
          defaultPort: null,
        });
        const ok = effectHolds(conditions, target);
        report("command_effect", { ok, effect: ok ? "effect_confirmed" : "effect_missing", observed: observedValues(conditions, target) });
      },
    };
  }

  const dedup: DedupStore = {
    find: (_owner, messageId, nowMs) => {
      const known = store.dedup.find(messageId, nowMs);
      return known === undefined ? undefined : { digest: known.digest, ack: Buffer.from(known.ack).toString("utf8") };
    },
    save: (_owner, messageId, entry) => store.dedup.put({ messageId, digest: entry.digest, ack: Buffer.from(entry.ack) }, clock.nowMs()),
  };
  const door = openCommandDoor({ bus, clock, owner: "alarms", dedup, keys: options.keys, unsignedRole: "operator", handle });
  const queries = answerAuditQueries(bus, store);
  store.commit({
    wallMs: clock.nowMs(),
    audit: [{ draft: serviceDraft("service_start", { role: "alarms", rules_hash: machine.rulesHash() }), publish: true }],
  });
  put("rules", rules.view());
  put("kpi", machine.kpi());
  for (const view of machine.views()) put(incidentKey(view.incident_id), view);
  sendOutbox(store, bus, log);
  const loops = [readEvents(), readAudit()].map((loop) =>
    loop.catch((error: unknown) => {
      if (error instanceof QikiError && error.code === "closed") return;
      failure = `the event stream cannot be read: ${(error as Error).message}`;
      log.error({ err: error }, failure);
    }),
  );
  void loops;

  return {
    machine,
    problem: () => failure ?? store.headFileError(),
    async stop() {
      await door.drain();
      stopped = true;
      flush();
      for (const query of queries) query.unsubscribe();
      if (run.id !== "") publishKeyframe();
      store.commit({ wallMs: clock.nowMs(), audit: [{ draft: serviceDraft("service_stop", { role: "alarms" }), publish: true }] });
      store.writeHead(clock.nowMs());
      await sendOutbox(store, bus, log);
    },
  };
}

function parsed(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch {
    return undefined;
  }
}
