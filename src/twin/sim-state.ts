import { assert } from "#base/assert.ts";
import { canonicalJson } from "#base/canonical-json.ts";
import { QikiError } from "#base/error.ts";
import { sha256Hex } from "#base/sha256.ts";
import { runIdOf } from "#base/tick-time.ts";
import type { RunId } from "#base/units.ts";
import { utf8Decode, utf8Encode } from "#base/utf8.ts";
import { uuid5 } from "#base/uuid5.ts";
import type { CommandLimits } from "#contracts/command.ts";
import { type CraftConfig, compileCraftConfig } from "#craft/config.ts";
import { initialise } from "#craft/initialise.ts";
import { parseProfile } from "#craft/profile.ts";
import { restoreCraft, snapshotCraft } from "#craft/snapshot.ts";
import { type CraftState, createCraftState } from "#craft/state.ts";
import type { Scene, SceneState } from "#radar/scene.ts";
import type { EffectWatch } from "./effect-watch.ts";
import type { RunSetup } from "./run-setup.ts";
import { byPath, type ScenarioProblem } from "./scenario.ts";
import type { SimSettings } from "./settings.ts";
import { type MessageCounters, newCounters } from "./sim-messages.ts";
import { newRadarLook, newScene, type RadarLook } from "./sim-radar.ts";
import { timelineRefusal } from "./sim-timeline.ts";

export type RunState = "STOPPED" | "RUNNING" | "PAUSED";

/** A run's setup with everything derived from it once. */
export interface SimModel {
  readonly setup: RunSetup;
  readonly settings: SimSettings;
  readonly config: CraftConfig;
  readonly limits: CommandLimits;
  readonly ownTransponderId: string;
  readonly spoofId: string;
  readonly softStartS: number;
  readonly turnRateDps: number;
  readonly defaultPort: string | null;
  /** SHA-256 of what the machine is made of; a snapshot of another is refused. */
  readonly configHash: string;
  /** What the bus keeps of the run for whoever joins later. */
  readonly runRecord: Readonly<Record<string, unknown>>;
}

/** What changes: the craft, the run state, and what later messages are counted by. */
export interface SimState {
  craft: CraftState;
  runState: RunState;
  speed: number;
  resetOrdinal: number;
  runId: RunId;
  mode: "FACTORY" | "MISSION";
  orderInTick: number;
  pendingSteps: number;
  nextEntry: number;
  watches: EffectWatch[];
  counters: MessageCounters;
  hashes: { at: number[]; craft: string[]; scene: string[] };
  scene: Scene;
  radarLook: RadarLook;
}

export type SimModelResult =
  | { readonly kind: "ok"; readonly model: SimModel }
  | { readonly kind: "refused"; readonly problems: readonly ScenarioProblem[] };

const SNAPSHOT_SCHEMA = 1;

/** Makes a run of its setup, or says what of the scenario does not fit the profile. The profile must have been checked. */
export function createSimModel(setup: RunSetup): SimModelResult {
  const { settings } = setup.scenario;
  const parsed = parseProfile(setup.profile, {
    tickMs: settings.tickMs,
    ...(setup.thrusters === undefined ? {} : { thrusters: setup.thrusters }),
  });
  assert(parsed.kind === "ok", "a run is made of a profile that was checked");
  const { profile } = parsed;
  const config = compileCraftConfig(profile, {
    tickMs: settings.tickMs,
    radarEnabled: settings.radarEnabled,
    ...(setup.profileHash === undefined ? {} : { profileHash: setup.profileHash }),
  });
  const firstRun = runIdOf(settings.seed, 0, "0");
  const limits: CommandLimits = {
    max_speed: settings.maxSpeed,
    max_speed_mps: profile.maxSpeedMps,
    shelve_max_s: 28_800,
    ports: profile.dockingPlane.ports,
  };
  const model: SimModel = {
    setup,
    settings,
    config,
    limits,
    ownTransponderId: setup.transponderId ?? `ALLY-${idTail(firstRun, "xpdr:0:0")}`,
    spoofId: `SPOOF-${idTail(firstRun, "spoof:0:0")}`,
    softStartS: profile.powerPlane.dockSoftStartS,
    turnRateDps: profile.motionPlane.turnRateDps,
    defaultPort: profile.dockingPlane.enabled ? profile.dockingPlane.defaultPort : null,
    configHash: sha256Hex(
      canonicalJson({
        profile: setup.profile,
        thrusters: setup.thrusters ?? null,
        settings: settings.config,
        contacts: setup.scenario.contacts,
      }),
    ),
    runRecord: {
      boot_id: setup.bootId,
      seed: settings.seed,
      tick_ms: settings.tickMs,
      epoch: settings.config["sim.epoch"],
      telemetry_period_s: (settings.telemetryPeriodTicks * settings.tickMs) / 1000,
      events_period_s: (settings.eventsPeriodTicks * settings.tickMs) / 1000,
      profile_hash: setup.profileHash ?? null,
      scenario: setup.scenario.name,
      limits,
    },
  };
  const problems = scenarioProblems(model);
  return problems.length > 0 ? { kind: "refused", problems } : { kind: "ok", model };
}

/** The state at tick 0 of a run; resets count up. */
export function newSimState(model: SimModel, resetOrdinal = 0): SimState {
  const craft = createCraftState(model.config);
  initialise(craft, model.config, model.setup.scenario.init);
  return {
    craft,
    scene: newScene(model, craft),
    radarLook: newRadarLook(craft),
    runState: "STOPPED",
    speed: 1,
    resetOrdinal,
    runId: runIdOf(model.settings.seed, resetOrdinal, model.setup.bootId),
    mode: model.setup.mode,
    orderInTick: 0,
    pendingSteps: 0,
    nextEntry: 0,
    watches: [],
    counters: newCounters(),
    hashes: { at: [], craft: [], scene: [] },
  };
}

/** Canonical bytes of the whole machine. */
export function snapshotSimState(state: SimState, model: SimModel): Uint8Array {
  const { craft, scene, ...rest } = state;
  return utf8Encode(
    canonicalJson({
      schema: SNAPSHOT_SCHEMA,
      tick: craft.tick,
      config_hash: model.configHash,
      boot_id: model.setup.bootId,
      state: { ...rest, craft: snapshotCraft(craft, model.config), scene: scene.state() },
    }),
  );
}

/** Keeps an exact copy of the state; the call it returns makes the state of it again. Far cheaper than a snapshot, and of no use outside. */
export function keepSimState({ craft, scene, ...rest }: SimState, model: SimModel): () => SimState {
  const values = craft.values.slice();
  const text = JSON.stringify({ ...rest, scene: scene.state() });
  return () => {
    const kept = JSON.parse(text) as typeof rest & { readonly scene: SceneState };
    const state = newSimState(model);
    state.craft.values.set(values);
    state.scene.restore(kept.scene);
    return { ...kept, craft: state.craft, scene: state.scene };
  };
}

/** @throws QikiError snapshot_refused when the bytes are of another configuration or no snapshot */
export function restoreSimState(bytes: Uint8Array, model: SimModel): SimState {
  const text = utf8Decode(bytes);
  const snapshot = (text === undefined ? {} : JSON.parse(text)) as {
    schema?: number;
    config_hash?: string;
    state?: Record<string, unknown>;
  };
  if (snapshot.schema !== SNAPSHOT_SCHEMA || snapshot.state === undefined) {
    throw new QikiError(
      "snapshot_refused",
      `the snapshot has schema ${String(snapshot.schema)}; this build reads schema ${SNAPSHOT_SCHEMA}`,
    );
  }
  if (snapshot.config_hash !== model.configHash) {
    throw new QikiError(
      "snapshot_refused",
      `the snapshot belongs to configuration ${snapshot.config_hash}, this run to ${model.configHash}: use the same profile, thrusters and settings`,
    );
  }
  const { craft, scene: sceneState, ...rest } = snapshot.state;
  const restored = restoreCraft(model.config, craft as Readonly<Record<string, unknown>>);
  if ("problem" in restored) throw new QikiError("snapshot_refused", `the snapshot cannot be restored: ${restored.problem}`);
  const scene = newScene(model, newSimState(model).craft);
  scene.restore(sceneState as SceneState);
  return { ...(rest as unknown as Omit<SimState, "craft" | "scene">), craft: restored, scene };
}

function idTail(runId: RunId, name: string): string {
  return uuid5(runId, name).slice(0, 6).toUpperCase();
}

/** Timeline commands, inputs and faults that this craft cannot take, found before anything runs. */
function scenarioProblems(model: SimModel): ScenarioProblem[] {
  const problems: ScenarioProblem[] = [];
  const craft = createCraftState(model.config);
  for (const { path, action } of model.setup.scenario.timeline) {
    const refusal = timelineRefusal(action, model, craft);
    if (refusal === undefined) continue;
    const place = action.do === "command" ? `${path}.params` : path;
    problems.push({ path: refusal.field === undefined ? path : `${place}.${refusal.field}`, problem: refusal.message });
  }
  for (const { path, problem } of initialise(craft, model.config, model.setup.scenario.init)) problems.push({ path, problem });
  return problems.toSorted(byPath);
}
