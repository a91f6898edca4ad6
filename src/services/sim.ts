import { zstdCompressSync } from "node:zlib";
import type { Bus, Subscription } from "#bus/port.ts";
import { STATE_BUCKET, STATE_KEYS } from "#contracts/streams.ts";
import { SUBJECTS } from "#contracts/subjects.ts";
import type { CommandDedup } from "#store/command-dedup.ts";
import { createSimMachine, type SimMachine, type SimOutput } from "#twin/sim-machine.ts";
import type { SimModel } from "#twin/sim-state.ts";
import type { Clock } from "./clock.ts";
import { type CommandPolicy, type Arrival, type Handled, openCommandDoor } from "./command-door.ts";
import type { CommandKeys } from "./command-signature.ts";
import type { Log } from "./log.ts";
import type { Publisher } from "./publisher.ts";
import { KEYFRAME_TICKS, keyframeMessage } from "./keyframe.ts";
import { type ScenarioFile, simMeta } from "./recording-meta.ts";
import { runRecordOf } from "./run-record.ts";

/** Ticks run in one turn of the event loop at most; what is due beyond them slips and is counted. */
const TICKS_PER_TURN = 50;
const HEARTBEAT_MS = 1000;
const STALLED_MS = 5000;

export interface SimServiceOptions {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly log: Log;
  readonly publisher: Publisher;
  readonly model: SimModel;
  /** The file that the model came from, for whoever must build it anew. */
  readonly scenario: ScenarioFile;
  readonly dedup: CommandDedup;
  readonly keys: CommandKeys;
  /** Hears how long each tick took, s. */
  readonly onTick?: (seconds: number) => void;
  /** What senders on the bus must bring; open by default. */
  readonly policy?: CommandPolicy;
  /** Hears how each command was answered. */
  readonly onAnswered?: ((name: string, code: string) => void) | undefined;
  readonly silence?: Silence;
}

/** What a simulation keeps to itself: it runs all the same, and who watches it sees less. Commands: it takes none. */
export interface Silence {
  readonly telemetry: boolean;
  readonly events: boolean;
  readonly radar: boolean;
  readonly commands: boolean;
}

const OPEN: Silence = { telemetry: false, events: false, radar: false, commands: false };
const CRAFT_EVENTS = [SUBJECTS.thermal, SUBJECTS.thermalTrip, SUBJECTS.powerBus, SUBJECTS.powerPdu, SUBJECTS.radarSensor];
const RADAR_FRAMES = [SUBJECTS.radarFrames, SUBJECTS.radarFramesLr, SUBJECTS.radarFramesSr];

export interface SimService {
  readonly machine: SimMachine;
  readonly counts: { readonly ticks: number; readonly slipped: number };
  /** What it keeps to itself, in words; undefined when nothing. */
  readonly keepsBack: string | undefined;
  /** Why its loop does not turn as it should, undefined while it does. */
  stalled(): string | undefined;
  /** Stops ticking, sends the closing keyframe. */
  stop(): Promise<void>;
}

/** Hosts the sim machine: runs its ticks by the wall clock, answers its commands, publishes what it says. */
export function startSim(options: SimServiceOptions): SimService {
  const { bus, clock, log, publisher, model, silence = OPEN } = options;
  const machine = createSimMachine(model);
  const kept = Object.entries(silence).flatMap(([what, isKept]) => (isKept ? [what] : []));
  const muted = new Set<string>([
    ...(silence.telemetry ? [SUBJECTS.telemetry] : []),
    ...(silence.events ? CRAFT_EVENTS : []),
    ...(silence.radar ? RADAR_FRAMES : []),
  ]);
  const states = bus.lastValue(STATE_BUCKET);
  const counts = { ticks: 0, slipped: 0 };
  let cancelTimer = (): void => {};
  let lastTurnMs = clock.monotonicMs();
  let owedTicks = 0;
  let lastHeartbeatMs = lastTurnMs;
  let lastKeyframeTick = -1;
  let stopped = false;

  const remember = (key: string, value: unknown): void => {
    states
      .put(key, Buffer.from(JSON.stringify(value)))
      .catch((error: unknown) => log.error({ key, err: error }, "a last value was not stored"));
  };

  function publish(outputs: readonly SimOutput[]): void {
    for (const output of outputs) {
      if (output.kind === "note") log.warn({ tick: machine.tick }, output.text);
      if (output.kind !== "message") continue;
      if (!muted.has(output.message.subject)) publisher.publish(output.message);
      if (output.message.subject === SUBJECTS.systemMode) remember(STATE_KEYS.systemMode, output.message.payload);
    }
  }

  function publishKeyframe(): void {
    lastKeyframeTick = machine.tick;
    publisher.publish(
      keyframeMessage({
        role: "sim",
        tick: machine.tick,
        runId: machine.runId,
        timeMs: model.settings.epochMs + machine.tick * model.settings.tickMs,
        hashes: { craft: machine.hash(), scene: machine.sceneHash() },
        state: zstdCompressSync(machine.snapshot()),
      }),
    );
  }

  function rememberState(): void {
    remember(STATE_KEYS.simState, { run_id: machine.runId, tick: machine.tick, fsm_state: machine.runState, speed: machine.speed });
    remember(STATE_KEYS.run, runRecordOf(model, machine.runId));
  }

  function runTick(): void {
    const startedMs = clock.monotonicMs();
    publish(machine.accept({ kind: "tick" }, machine.tick));
    counts.ticks += 1;
    options.onTick?.((clock.monotonicMs() - startedMs) / 1000);
    if (machine.tick % KEYFRAME_TICKS === 0) publishKeyframe();
  }

  function turn(): void {
    if (stopped) return;
    const nowMs = clock.monotonicMs();
    const elapsedMs = nowMs - lastTurnMs;
    lastTurnMs = nowMs;
    if (machine.runState === "RUNNING") {
      owedTicks += (elapsedMs * machine.speed) / model.settings.tickMs;
      const run = Math.min(Math.floor(owedTicks), TICKS_PER_TURN);
      for (let tick = 0; tick < run && machine.runState === "RUNNING"; tick += 1) runTick();
      owedTicks -= run;
      if (owedTicks >= TICKS_PER_TURN) {
        counts.slipped += Math.floor(owedTicks);
        owedTicks -= Math.floor(owedTicks);
      }
      lastHeartbeatMs = nowMs;
    } else {
      owedTicks = 0;
      for (let tick = 0; tick < TICKS_PER_TURN && machine.pendingSteps > 0; tick += 1) runTick();
      if (nowMs - lastHeartbeatMs >= HEARTBEAT_MS) {
        lastHeartbeatMs = nowMs;
        publish(machine.accept({ kind: "heartbeat" }, machine.tick));
      }
    }
    schedule();
  }

  function schedule(): void {
    cancelTimer();
    if (stopped) return;
    let delayMs = Math.max(1, HEARTBEAT_MS - (clock.monotonicMs() - lastHeartbeatMs));
    if (machine.runState === "RUNNING") delayMs = Math.max(1, ((1 - owedTicks) * model.settings.tickMs) / machine.speed);
    else if (machine.pendingSteps > 0) delayMs = 1;
    cancelTimer = clock.after(Math.min(delayMs, HEARTBEAT_MS), turn);
  }

  function handle(arrival: Arrival): Handled {
    const before = { runState: machine.runState, speed: machine.speed, runId: machine.runId };
    const outputs = machine.accept(arrival, machine.tick);
    const answer = outputs.find((output) => output.kind === "ack");
    if (answer === undefined) throw new Error(`the sim machine gave no ACK for ${arrival.kind}`);
    return {
      ack: answer.ack,
      publishRest() {
        publish(outputs);
        if (before.runId !== machine.runId) publishKeyframe();
        const isPaceOther = before.runState !== machine.runState || before.speed !== machine.speed || before.runId !== machine.runId;
        if (isPaceOther) {
          rememberState();
          lastTurnMs = clock.monotonicMs();
        }
        // Other commands leave the timer alone: however many come, the next tick is not put off.
        if (isPaceOther || machine.pendingSteps > 0) schedule();
      },
    };
  }

  function openDoor(): Subscription {
    return openCommandDoor({
      bus,
      clock,
      owner: "sim",
      dedup: options.dedup,
      keys: options.keys,
      policy: options.policy,
      onAnswered: options.onAnswered,
      handle,
      saveState: () => machine.keep(),
      onFault: (error, commandName) =>
        log.error({ err: error, command: commandName }, "a command broke down; the state before it was put back"),
    });
  }

  const door = silence.commands ? undefined : openDoor();
  remember(STATE_KEYS.simMeta, simMeta(model, options.scenario));
  publish(machine.accept({ kind: "boot" }, machine.tick));
  rememberState();
  publishKeyframe();
  const keyframeRequests = bus.subscribe(SUBJECTS.recordKeyframeGet, publishKeyframe, { name: "sim.keyframe" });
  schedule();

  return {
    machine,
    counts,
    keepsBack: kept.length === 0 ? undefined : `the settings have it keep back ${kept.join(", ")}`,
    stalled() {
      const silentMs = clock.monotonicMs() - lastTurnMs;
      return silentMs > STALLED_MS ? `the simulation's loop has not turned for ${Math.round(silentMs / 1000)} s` : undefined;
    },
    async stop() {
      stopped = true;
      cancelTimer();
      keyframeRequests.unsubscribe();
      await door?.drain();
      if (lastKeyframeTick !== machine.tick) publishKeyframe();
      rememberState();
    },
  };
}
