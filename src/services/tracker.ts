import { zstdCompressSync } from "node:zlib";
import { QikiError } from "#base/error.ts";
import { eventTimeMs } from "#base/tick-time.ts";
import type { RunId, Tick } from "#base/units.ts";
import { utf8Decode } from "#base/utf8.ts";
import { InOrderReader } from "#bus/in-order.ts";
import type { Bus, StreamMsg } from "#bus/port.ts";
import { ackOf } from "#contracts/ack.ts";
import { type CommandRefusal, checkParameters, specOf } from "#contracts/command.ts";
import { CLOUD_EVENTS, type Message, RUN_HEADER, TICK_HEADER } from "#contracts/message.ts";
import { DURABLES, STATE_BUCKET, STATE_KEYS, STREAMS } from "#contracts/streams.ts";
import { SUBJECTS } from "#contracts/subjects.ts";
import type { OwnerStore } from "#store/owner-store.ts";
import type { SimSettings } from "#twin/settings.ts";
import { createTrackerMachine, type TrackerMachine, type TrackerOutput } from "#twin/tracker-machine.ts";
import { tickOfHeader } from "#twin/tracker-projection.ts";
import { auditMessage } from "./audit-records.ts";
import type { Clock } from "./clock.ts";
import { type CommandPolicy, type Arrival, type Handled, openCommandDoor } from "./command-door.ts";
import type { CommandKeys } from "./command-signature.ts";
import { createFrameSaver, type FrameSaver } from "./frame-saver.ts";
import type { GuardRulesFile } from "./guard-rules-file.ts";
import { guardRulesView } from "./guard-rules-view.ts";
import { KEYFRAME_TICKS, keyframeMessage } from "./keyframe.ts";
import type { Log } from "./log.ts";
import type { Publisher } from "./publisher.ts";
import { trackerMeta } from "./recording-meta.ts";

const DRAIN_MS = 3000;
const BARRIER_MS = 5000;
const BARRIER_RETRY_MS = 250;

export interface TrackerServiceOptions {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly log: Log;
  readonly publisher: Publisher;
  readonly store: OwnerStore;
  readonly rules: GuardRulesFile;
  readonly keys: CommandKeys;
  /** What senders on the bus must bring; open by default. */
  readonly policy?: CommandPolicy;
  /** Hears how each command was answered. */
  readonly onAnswered?: ((name: string, code: string) => void) | undefined;
  readonly settings: SimSettings;
  /** Whether guard events are published. */
  readonly publishesGuards: boolean;
}

export interface TrackerService {
  readonly machine: TrackerMachine;
  /** Why it cannot work, for readiness; undefined while it can. */
  problem(): string | undefined;
  /** Takes the frames that the last process left in the stream. */
  catchUp(): Promise<void>;
  /** Takes what the stream still holds and sends the closing keyframe. */
  stop(): Promise<void>;
}

/**
 * Hosts the tracker machine: frames in stream order; publish until stored, save, then acknowledge, so that a crash repeats and never skips. Frames
 * that are taken again make the same messages with the same ids. One save may stand for several frames.
 */
export async function startTracker(options: TrackerServiceOptions): Promise<TrackerService> {
  const { bus, clock, log, publisher, store, rules, settings } = options;
  const machine = createTrackerMachine({ tracker: settings.tracker, sensor: settings.sensor, ruleSet: rules.ruleSet() });
  let run: { readonly id: RunId; readonly tick: Tick } = { id: "" as RunId, tick: 0 as Tick };
  let takenSeq = 0;
  let keyframeAt = "";
  let problem: string | undefined;
  let isStopping = false;
  /** Whether a frame has been taken whose tracks may still be on their way. */
  let isUnconfirmed = false;
  const saver = createFrameSaver(clock, log, write, () => !isUnconfirmed);
  let order = { at: "", count: 0 };

  restore();
  const { lastSeq } = await bus.streams.info(STREAMS.radar.name);
  // A stream made anew counts from 1: what was taken of the old one says nothing about it.
  if (takenSeq > lastSeq) takenSeq = 0;
  if (machine.ruleSet.hash !== rules.ruleSet().hash) publish(machine.accept({ kind: "rules", ruleSet: rules.ruleSet() }, run.tick));
  const frames = await InOrderReader.open(bus, DURABLES.radarFrames, takenSeq === 0 ? undefined : takenSeq);
  showRules();
  const reading = readFrames();
  publishKeyframe();

  function restore(): void {
    const saved = store.loadMachine();
    if (saved === undefined) return;
    try {
      const end = saved.bytes.indexOf(NEWLINE);
      const state = JSON.parse(utf8Decode(saved.bytes.subarray(0, end)) ?? "") as { seq: number; run: typeof run };
      machine.restore(saved.bytes.subarray(end + 1));
      ({ seq: takenSeq, run } = state);
    } catch (error) {
      if (!(error instanceof QikiError || error instanceof SyntaxError)) throw error;
      log.warn({ err: error }, "the tracker's saved state is of another build: it begins without tracks");
    }
  }

  /** A line that says where in the stream this is, then the machine's snapshot. */
  function write(): void {
    const head = Buffer.from(`${JSON.stringify({ seq: takenSeq, run })}\n`);
    store.saveMachine(run.tick, Buffer.concat([head, machine.snapshot()]));
  }

  function publish(outputs: readonly TrackerOutput[]): void {
    for (const { message } of outputs) if (options.publishesGuards || message.subject !== SUBJECTS.radarGuard) publisher.publish(message);
  }

  /**
   * Waits until what was published is in its stream, through an outage too. A state that is saved before would, after a kill, be ahead of
   * tracks that nobody has.
   */
  async function confirmed(): Promise<void> {
    while (!isStopping) {
      try {
        await bus.barrier(BARRIER_MS);
        return;
      } catch (error) {
        if (!(error instanceof QikiError) || error.code === "closed") throw error;
        await new Promise<void>((done) => void clock.after(BARRIER_RETRY_MS, done));
      }
    }
  }

  async function readFrames(): Promise<void> {
    try {
      for await (const message of frames) {
        isUnconfirmed = true;
        const guardsSpoke = take(message);
        await confirmed();
        isUnconfirmed = false;
        // A guard's alert is never made twice: what led to it is saved before anything else happens.
        saver.taken(message, guardsSpoke);
      }
      if (!isStopping) problem = "the bus ended the reader of radar frames";
    } catch (error) {
      if (error instanceof QikiError && error.code === "closed") return;
      problem = `radar frames are no longer read: ${(error as Error).message}`;
      log.error({ err: error }, problem);
    }
  }

  /** Returns whether guards spoke. */
  function take(message: StreamMsg): boolean {
    takenSeq = message.seq;
    const tick = tickOfHeader(message.headers[TICK_HEADER]);
    if (tick !== undefined) run = { id: (message.headers[RUN_HEADER] ?? run.id) as RunId, tick: tick as Tick };
    const outputs = machine.accept({ kind: "frame", payload: parsed(message.bytes), headers: message.headers }, run.tick);
    publish(outputs);
    keyframeWhenDue();
    return outputs.some(({ message: { subject } }) => subject === SUBJECTS.radarGuard);
  }

  function keyframeWhenDue(): void {
    const at = `${run.id}:${Math.floor(run.tick / KEYFRAME_TICKS)}`;
    if (at === keyframeAt) return;
    keyframeAt = at;
    publishKeyframe();
  }

  /** Lets consoles draw zones from the rules in force, and recordings hold them. */
  function showRules(): void {
    const values = bus.lastValue(STATE_BUCKET);
    const show = (key: string, value: unknown): void => {
      values
        .put(key, Buffer.from(JSON.stringify(value)))
        .catch((error: unknown) => log.error({ key, err: error }, "the guard rules in force were not shown"));
    };
    show(STATE_KEYS.guards, guardRulesView(machine.ruleSet));
    show(STATE_KEYS.trackerMeta, trackerMeta(rules, options.publishesGuards));
  }

  function moment(): Pick<Message, "timeMs" | "tick" | "runId"> {
    return { timeMs: eventTimeMs(settings.epochMs, run.tick, settings.tickMs), tick: run.tick, runId: run.id };
  }

  function publishKeyframe(): void {
    const state = zstdCompressSync(machine.snapshot());
    publisher.publish(keyframeMessage({ role: "tracker", ...moment(), hashes: machine.hashes(), afterSeq: takenSeq, state }));
  }

  /** Reads the rules file again and puts it in force. */
  function reloadGuards(): CommandRefusal | undefined {
    const refused = rules.reload();
    if (refused !== undefined) return { code: "not_allowed_in_state", reason: "rules_invalid", message: refused };
    const ruleSet = rules.ruleSet();
    publisher.publish({
      ...moment(),
      source: CLOUD_EVENTS.radarTracks.source,
      subject: SUBJECTS.recordRules,
      payload: { kind: "guard", hash: ruleSet.hash, text: rules.text(), cooldown_s: ruleSet.cooldownS },
    });
    publish(machine.accept({ kind: "rules", ruleSet }, run.tick));
    saver.save();
    showRules();
    return undefined;
  }

  function decide(arrival: Arrival): CommandRefusal | undefined {
    if (arrival.refusal !== undefined) return arrival.refusal;
    const { command } = arrival as Arrival & { kind: "command" };
    const spec = specOf(command.name);
    if ("code" in spec) return spec;
    const checked = checkParameters(spec, command.parameters, NO_LIMITS);
    if (checked.kind === "refused") return checked.refusal;
    return reloadGuards();
  }

  function handle(arrival: Arrival): Handled {
    const { timeMs, tick, runId } = moment();
    const at = `${runId}:${tick}`;
    order = order.at === at ? { at, count: order.count + 1 } : { at, count: 0 };
    const [commandName, requestId] =
      arrival.kind === "command" ? [arrival.command.name, arrival.command.requestId] : [arrival.name, arrival.requestId];
    const afterSeq = takenSeq;
    const refusal = decide(arrival);
    const ack = ackOf({ name: commandName, requestId, timeMs, tick: (tick + 1) as Tick, order: order.count, runId, afterSeq }, refusal);
    return {
      ack,
      publishRest() {
        if (arrival.kind !== "command") return;
        const { parameters } = arrival.command;
        const body =
          refusal === undefined
            ? { parameters, applied_tick: ack.tick, order: ack.order }
            : { code: refusal.code, message: refusal.message, applied_tick: null, order: ack.order, parameters };
        const fact = { source: "tracker", kind: "command_result", ...arrival.actor, requestId, commandName } as const;
        publisher.publish(auditMessage({ ...moment(), ...fact, ok: refusal === undefined, body }));
      },
    };
  }

  const door = openCommandDoor({
    bus,
    clock,
    owner: "tracker",
    dedup: store.dedup,
    keys: options.keys,
    policy: options.policy,
    onAnswered: options.onAnswered,
    handle,
    saveState() {
      const before = machine.snapshot();
      return () => machine.restore(before);
    },
    onFault: (error, commandName) => log.error({ err: error, command: commandName }, "a command broke down"),
  });
  const keyframeRequests = bus.subscribe(SUBJECTS.recordKeyframeGet, publishKeyframe, { name: "tracker.keyframe" });

  return {
    machine,
    problem: () => problem ?? saver.problem(),
    catchUp: () => catchUp(bus, clock, saver),
    async stop() {
      isStopping = true;
      keyframeRequests.unsubscribe();
      await door.drain();
      await catchUp(bus, clock, saver);
      await frames.return();
      await reading;
      saver.settle();
      publishKeyframe();
    },
  };
}

const NO_LIMITS = { max_speed: 0, max_speed_mps: 0, shelve_max_s: 0, ports: [] };

/** Waits until the stream holds no frame that is not acknowledged, at most for a while. */
async function catchUp(bus: Bus, clock: Clock, saver: FrameSaver): Promise<void> {
  const endMs = clock.monotonicMs() + DRAIN_MS;
  // During an outage there is nothing to take.
  while (clock.monotonicMs() < endMs && bus.status().state === "connected") {
    const { durables } = await bus.streams.info(STREAMS.radar.name);
    const own = durables.find(({ name }) => name === DURABLES.radarFrames.name);
    if (own === undefined || own.pending + own.ackPending === 0) return;
    if (own.pending === 0) saver.settle();
    await new Promise((done) => setImmediate(done));
  }
}

const NEWLINE = 10;

function parsed(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(utf8Decode(bytes) ?? "");
  } catch {
    return undefined;
  }
}
