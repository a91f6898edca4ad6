import { assert, assertNever } from "#base/assert.ts";
import { asTick, eventTimeMs } from "#base/tick-time.ts";
import type { RunId, Tick } from "#base/units.ts";
import { type Ack, ackOf } from "#contracts/ack.ts";
import { type CommandRefusal, type ControlCommand, checkParameters, specOf } from "#contracts/command.ts";
import { commandSpec } from "#contracts/command-catalogue.ts";
import type { Message } from "#contracts/message.ts";
import type { TelemetryPayload } from "#contracts/telemetry.ts";
import { applyCraftCommand } from "#craft/commands.ts";
import { preview } from "#craft/preview.ts";
import { craftHashHex } from "#craft/state.ts";
import { step } from "#craft/step.ts";
import { type SimAction, simAction } from "./command-actions.ts";
import { createEffects, type Effects } from "./effects.ts";
import { busReading, pduReading, radarSensorReading, thermalReading, thermalTrip } from "./event-bodies.ts";
import type { Machine } from "./machine.ts";
import { type MessageMaker, messageMaker } from "./sim-messages.ts";
import { keepSimState, newSimState, restoreSimState, type RunState, type SimModel, type SimState, snapshotSimState } from "./sim-state.ts";
import { advanceRadar, radarReading } from "./sim-radar.ts";
import { applyTimelineAction } from "./sim-timeline.ts";
import { projectSection, projectTelemetry, type TelemetryContext } from "./telemetry.ts";

/** Who sent a command, as far as the service could establish it. */
export interface Actor {
  readonly operator: string;
  readonly role: string;
}

export type SimInput =
  /** The first input of a run: its first messages. */
  | { readonly kind: "boot" }
  /** A command of a sim owner; one the service has already refused (expired, not authorised …) comes with its refusal. */
  | { readonly kind: "command"; readonly command: ControlCommand; readonly actor: Actor; readonly refusal?: CommandRefusal }
  /** A message that was no command. */
  | { readonly kind: "malformed"; readonly name: string; readonly requestId: string | null; readonly refusal: CommandRefusal }
  /** One world advance; due while RUNNING, or while steps are pending. */
  | { readonly kind: "tick" }
  /** The wall timer's repeat of a frozen state. */
  | { readonly kind: "heartbeat" };

export type SimOutput =
  | { readonly kind: "message"; readonly message: Message }
  | { readonly kind: "ack"; readonly ack: Ack; readonly timeMs: number; readonly tick: Tick; readonly runId: RunId }
  /** Something a person who runs a scenario should know, such as a timeline command that was refused. */
  | { readonly kind: "note"; readonly text: string };

export interface SimMachine extends Machine<SimInput, SimOutput> {
  readonly runId: RunId;
  readonly tick: Tick;
  readonly runState: RunState;
  readonly speed: number;
  /** Ticks that a `sim.step` still owes. */
  readonly pendingSteps: number;
  /** Keeps the state of now; the call it returns puts it back. */
  keep(): () => void;
  /** Digest of the craft room now. */
  hash(): string;
  /** Digest of the scene room now. */
  sceneHash(): string;
  /** The telemetry payload of the current tick, as it would be published. */
  telemetry(): TelemetryPayload;
  /** A member of it that is made alone, cheaper than the whole; undefined for the others. */
  telemetrySection(key: string): unknown;
  /** What telemetry says beside the craft. */
  telemetryContext(): TelemetryContext;
}

/** Ticks per row of room hashes: one second of sim time. */
function hashRowTicks(model: SimModel): number {
  return Math.max(1, Math.round(1000 / model.settings.tickMs));
}

/** The owner of truth: commands, faults and scenario in; telemetry, events, ACKs and effects out. */
export function createSimMachine(model: SimModel): SimMachine {
  let state: SimState = newSimState(model);
  let outputs: SimOutput[] = [];
  const effects: Effects = createEffects(model);

  const emit = (message: Message): void => {
    outputs.push({ kind: "message", message });
  };
  const tickNow = (): Tick => asTick(state.craft.tick);
  const messages = (): MessageMaker => messageMaker(state.counters, state.runId, tickNow(), model.settings.epochMs, model.settings.tickMs);
  const telemetryContext = (heartbeat = false): TelemetryContext => ({
    runId: state.runId,
    seed: model.settings.seed,
    epochMs: model.settings.epochMs,
    tickMs: model.settings.tickMs,
    runState: state.runState,
    speed: state.speed,
    heartbeat,
    ...(model.setup.profileHash === undefined ? {} : { profileHash: model.setup.profileHash }),
    ownTransponderId: model.ownTransponderId,
    spoofId: model.spoofId,
    stateHash: craftHashHex(state.craft),
  });
  const project = (heartbeat = false): TelemetryPayload => projectTelemetry(state.craft, model.config, telemetryContext(heartbeat));

  function boot(): void {
    preview(state.craft, model.config);
    if (model.setup.scenario.startsRunning) state.runState = "RUNNING";
    const telemetry = project();
    emit(messages().mode(state.mode));
    emit(messages().telemetry(telemetry));
    emitReadings(telemetry);
    recordHash();
  }

  function tick(): void {
    // A timeline entry may just have paused or stopped the run: then no tick is due any more.
    if (state.runState !== "RUNNING" && state.pendingSteps === 0) return;
    step(state.craft, model.config);
    const scans = advanceRadar(state.scene, state.radarLook, state.craft);
    state.orderInTick = 0;
    if (state.pendingSteps > 0) state.pendingSteps -= 1;
    const now = tickNow();
    const stepsEnd = state.runState === "PAUSED" && state.pendingSteps === 0;
    const telemetryDue = now % model.settings.telemetryPeriodTicks === 0 || stepsEnd;
    const eventsDue = now % model.settings.eventsPeriodTicks === 0;
    const edges = state.craft.tripEdges.length > 0 || state.craft.overcurrentChanged;
    const telemetry = telemetryDue || eventsDue || edges || state.watches.length > 0 ? project() : undefined;
    if (telemetry !== undefined) {
      if (telemetryDue) emit(messages().telemetry(telemetry));
      emitEvents(telemetry, eventsDue);
    }
    for (const scan of scans) for (const message of messages().frames(scan)) emit(message);
    if (telemetry !== undefined) emitSettled(effects.afterTick(state, telemetry));
    recordHash(telemetry?.state_hash);
  }

  /** Order within a tick: thermal, trips, bus, pdu, radar. */
  function emitEvents(telemetry: TelemetryPayload, periodic: boolean): void {
    const maker = messages();
    if (periodic) emit(maker.reading("thermal", thermalReading(telemetry, maker.time)));
    for (const edge of state.craft.tripEdges) {
      emit(maker.edge("thermalTrip", thermalTrip(telemetry.thermal.nodes[edge.node]!, edge.tripped, maker.time)));
    }
    if (periodic) {
      emit(maker.reading("powerBus", busReading(telemetry, maker.time)));
      emit(maker.reading("powerPdu", pduReading(telemetry, maker.time, state.craft.overcurrentChanged)));
      emitRadarReading(maker);
    } else if (state.craft.overcurrentChanged) emit(maker.edge("powerPdu", pduReading(telemetry, maker.time, true)));
  }

  function emitReadings(telemetry: TelemetryPayload): void {
    const maker = messages();
    emit(maker.reading("thermal", thermalReading(telemetry, maker.time)));
    emit(maker.reading("powerBus", busReading(telemetry, maker.time)));
    emit(maker.reading("powerPdu", pduReading(telemetry, maker.time, false)));
    emitRadarReading(maker);
  }

  function emitRadarReading(maker: MessageMaker): void {
    if (state.craft.radarEnabled)
      emit(maker.reading("radarSensor", radarSensorReading(radarReading(model, state.radarLook, state.craft), maker.time)));
  }

  function heartbeat(): void {
    const telemetry = project(true);
    emit(messages().telemetry(telemetry));
    emitReadings(telemetry);
  }

  /** Collects the digests of craft and scene of every tick and sends a row each second of sim time. */
  function recordHash(craft: string = craftHashHex(state.craft)): void {
    const now = tickNow();
    state.hashes.at.push(now);
    state.hashes.craft.push(craft);
    state.hashes.scene.push(state.scene.hash());
    if (now % hashRowTicks(model) === 0) flushHashes();
  }

  function flushHashes(): void {
    if (state.hashes.at.length === 0) return;
    for (const room of ["craft", "scene"] as const) emit(messages().hashes({ room, at: state.hashes.at, hashes: state.hashes[room] }));
    state.hashes = { at: [], craft: [], scene: [] };
  }

  /**
   * Entries for the coming tick are applied once this one is published and before anything that arrives later
   * (simulation §2): as the first thing that the next input does, so that until then the machine shows the tick as it was.
   */
  function applyDueEntries(): void {
    const { timeline } = model.setup.scenario;
    const before = { runState: state.runState, speed: state.speed, runId: state.runId };
    let applied = false;
    const commands: string[] = [];
    // A reset among them rewinds the timeline: its entries belong to the run that begins then.
    while (state.runId === before.runId && state.nextEntry < timeline.length && timeline[state.nextEntry]!.afterTick <= state.craft.tick) {
      const entry = timeline[state.nextEntry]!;
      state.nextEntry += 1;
      applied = true;
      const refusal = applyTimelineAction(entry.action, { model, craft: state.craft, changeContact: state.scene.change, act });
      if (refusal !== undefined) outputs.push({ kind: "note", text: `${entry.path} was refused: ${refusal.message}` });
      else if (entry.action.do === "command") commands.push(entry.action.name);
    }
    if (applied && state.runState !== "RUNNING") preview(state.craft, model.config);
    if (before.runState !== state.runState || before.speed !== state.speed || before.runId !== state.runId)
      emit(messages().telemetry(project()));
    if (state.watches.length > 0)
      for (const name of commands) emitSettled(effects.overtaken(state, commandSpec(name)?.group, before.runId !== state.runId, project()));
  }

  function command(input: SimInput & { kind: "command" }): void {
    const { command: given, actor } = input;
    const refusal = input.refusal ?? decide(given, actor);
    if (refusal !== undefined) answer(given.name, given.requestId, refusal, actor, given.parameters);
  }

  /** Applies a command, or returns why not; a refused one changes nothing. */
  function decide(given: ControlCommand, actor: Actor): CommandRefusal | undefined {
    const spec = specOf(given.name);
    if ("code" in spec) return spec;
    const checked = checkParameters(spec, given.parameters, model.limits);
    if (checked.kind === "refused") return checked.refusal;
    const action = simAction(spec.name, checked.values, model.settings.tickMs);
    assert(action !== undefined, "the sim owns the commands it is given", { name: spec.name });
    const arrival = ackContext(given.name, given.requestId);
    const watch = effects.arm(spec, checked.values, { state, actor, requestId: given.requestId });
    const before = { runState: state.runState, speed: state.speed };
    const refusal = act(action);
    if (refusal !== undefined) return refusal;
    outputs.push({ kind: "ack", ack: ackOf(arrival), timeMs: arrival.timeMs, tick: arrival.tick, runId: arrival.runId });
    // A change of the run alone leaves no trace in the craft, so that pauses change no hash.
    if (action.kind === "craft" && state.runState !== "RUNNING") preview(state.craft, model.config);
    emitAudit("command_result", given.name, given.requestId, actor, {
      ok: true,
      parameters: given.parameters,
      applied_tick: arrival.tick,
      order: arrival.order,
    });
    afterAction(action, before, actor);
    emitSettled(effects.applied(state, spec, watch, action.kind === "reset", project()));
    return undefined;
  }

  /** What everybody must hear of a change of run state or mode. */
  function afterAction(action: SimAction, before: { runState: RunState; speed: number }, actor: Actor): void {
    if (action.kind === "mode") {
      emit(messages().mode(state.mode));
      emitAudit("mode_changed", "system.mode", null, actor, { ok: true, mode: state.mode });
    }
    if (action.kind === "reset" || before.runState !== state.runState || before.speed !== state.speed)
      emit(messages().telemetry(project()));
  }

  function act(action: SimAction): CommandRefusal | undefined {
    switch (action.kind) {
      case "craft":
        return applyCraftCommand(state.craft, model.config, action.command);
      case "start":
        state.runState = "RUNNING";
        state.speed = action.speed;
        state.pendingSteps = 0;
        return undefined;
      case "pause":
        if (state.runState === "STOPPED") return notAllowed("sim.pause", "STOPPED", "sim.start first");
        state.runState = "PAUSED";
        return undefined;
      case "stop":
        state.runState = "STOPPED";
        state.pendingSteps = 0;
        return undefined;
      case "reset":
        reset();
        return undefined;
      case "step":
        if (state.runState !== "PAUSED") return notAllowed("sim.step", state.runState, "sim.pause first");
        state.pendingSteps = action.ticks;
        return undefined;
      case "mode":
        state.mode = action.mode;
        return undefined;
      default:
        return assertNever(action, "action");
    }
  }

  /** A new run from the initial state; the transponder mode is kept, tripped nodes report their clear. */
  function reset(): void {
    flushHashes();
    const trippedBefore = project().thermal.nodes.map((node) => node.tripped);
    const { mode, watches, resetOrdinal } = state;
    const craftBefore = state.craft;
    state = newSimState(model, resetOrdinal + 1);
    Object.assign(state, { mode, watches });
    const kept = applyCraftCommand(state.craft, model.config, { kind: "xpdr_mode", mode: craftBefore.transponderMode });
    assert(kept === undefined || kept.code === "comms_disabled", "a transponder mode that was in force is allowed");
    state.craft.commandsApplied = 0;
    preview(state.craft, model.config);
    const telemetry = project();
    const maker = messages();
    trippedBefore.forEach((tripped, node) => {
      if (tripped) emit(maker.edge("thermalTrip", thermalTrip(telemetry.thermal.nodes[node]!, false, maker.time, "reset")));
    });
    recordHash();
  }

  function ackContext(
    name: string,
    requestId: string | null,
  ): { name: string; requestId: string | null; timeMs: number; tick: Tick; order: number; runId: RunId } {
    const order = state.orderInTick;
    const timeMs = eventTimeMs(model.settings.epochMs, tickNow(), model.settings.tickMs);
    return { name, requestId, timeMs, tick: asTick(state.craft.tick + 1), order, runId: state.runId };
  }

  function answer(name: string, requestId: string | null, refusal: CommandRefusal, actor: Actor, parameters?: unknown): void {
    const context = ackContext(name, requestId);
    outputs.push({ kind: "ack", ack: ackOf(context, refusal), timeMs: context.timeMs, tick: context.tick, runId: context.runId });
    const detail = { ok: false, code: refusal.code, message: refusal.message, applied_tick: null, order: context.order };
    emitAudit("command_result", name, requestId, actor, parameters === undefined ? detail : { ...detail, parameters });
  }

  function emitAudit(kind: string, name: string, requestId: string | null, actor: Actor, body: Record<string, unknown>): void {
    const subject = kind === "mode_changed" ? "service" : "command";
    emit(
      messages().audit({
        subject,
        kind,
        action_type: kind,
        operator: actor.operator,
        role: actor.role,
        ...(requestId === null ? {} : { request_id: requestId }),
        command_name: name,
        ...body,
      }),
    );
  }

  function emitSettled(settled: ReturnType<Effects["afterTick"]>): void {
    for (const { watch, body } of settled) emitAudit("command_effect", watch.name, watch.requestId, watch, body);
  }

  function restart(): void {
    state = newSimState(model);
  }
  restart();

  return {
    accept(input, at) {
      assert(at === state.craft.tick, "an input comes at the machine's own tick", { at, tick: state.craft.tick });
      outputs = [];
      if (input.kind !== "boot") applyDueEntries();
      switch (input.kind) {
        case "boot":
          boot();
          break;
        case "tick":
          tick();
          break;
        case "heartbeat":
          heartbeat();
          break;
        case "command": {
          const { runId } = state;
          command(input);
          // A reset is counted in the run that it ended.
          if (state.runId === runId) state.orderInTick += 1;
          break;
        }
        case "malformed":
          answer(input.name, input.requestId, input.refusal, { operator: "unknown", role: "unknown" });
          state.orderInTick += 1;
          break;
        default:
          assertNever(input, "input");
      }
      return outputs;
    },
    snapshot: () => snapshotSimState(state, model),
    restore(bytes) {
      state = restoreSimState(bytes, model);
    },
    keep() {
      const again = keepSimState(state, model);
      return () => {
        state = again();
      };
    },
    hash: () => craftHashHex(state.craft),
    sceneHash: () => state.scene.hash(),
    telemetry: () => project(),
    telemetrySection: (key) => projectSection(key, state.craft, model.config),
    telemetryContext: () => telemetryContext(),
    get runId() {
      return state.runId;
    },
    get tick() {
      return tickNow();
    },
    get runState() {
      return state.runState;
    },
    get speed() {
      return state.speed;
    },
    get pendingSteps() {
      return state.pendingSteps;
    },
  };
}

function notAllowed(name: string, runState: RunState, next: string): CommandRefusal {
  return { code: "not_allowed_in_state", message: `${name} is not allowed while ${runState}: ${next}`, given: runState, expected: next };
}
