import { canonicalJson } from "#base/canonical-json.ts";
import { QikiError } from "#base/error.ts";
import { SUBJECTS } from "#contracts/subjects.ts";
import { allHash } from "#twin/digest.ts";
import { type AlarmsCommand, createAlarmsCommandCollector, createAlarmsReplay } from "./alarms-replay.ts";
import { createCommandMatch } from "./command-match.ts";
import { type Difference, firstDifference } from "./compare.ts";
import { type ComputedMessage, createDriver, createInputCollector, type Driver, type DrivenRow, modelOfMeta } from "./drive.ts";
import { isSimRow } from "./sim-rows.ts";
import { createGuardReloadCollector, createTrackerReplay, type GuardReload } from "./tracker-replay.ts";

/** Rooms that this build can recompute. */
const KNOWN_ROOMS: readonly string[] = ["craft", "scene", "tracks", "guards", "incidents"];

export interface Divergence {
  readonly tick: number;
  readonly simTimeS: number;
  /** Line of the file. */
  readonly row: number;
  readonly subject: string;
  readonly difference: Difference;
  readonly lastCommand?: { readonly requestId: string; readonly tick: number };
}

export type Verification =
  | {
      readonly kind: "identical";
      readonly ticks: number;
      readonly messages: number;
      readonly hash: string;
      readonly counts: Readonly<Record<string, number>>;
    }
  | { readonly kind: "diverged"; readonly first: Divergence; readonly ticks: number; readonly messages: number };

/** Recomputes a recording from its meta row and compares every message of the sim, the tracker and the incidents (operations §9). */
export interface VerifySource {
  /** The rows of the file from its start; each call reads it anew. */
  rows(): Iterable<DrivenRow>;
}

/** @throws QikiError not_verifiable when the file lacks what a proof needs */
export function verifyRecording(source: VerifySource): Verification {
  const { meta, collector, alarmsCommands, reloads, dropped } = firstPass(source);
  if (dropped > 0) throw new QikiError("not_verifiable", `not verifiable: rows dropped ${dropped}`);
  const model = modelOfMeta(meta);
  const rooms = (meta.rooms as readonly string[] | undefined) ?? [];
  for (const room of rooms) if (!KNOWN_ROOMS.includes(room)) throw new QikiError("not_verifiable", `not verifiable: no room ${room}`);
  const driver = createDriver(model, collector.inputs, collector.lastTick);
  const alarms = createAlarmsReplay(meta, alarmsCommands);
  const tracker = createTrackerReplay(meta, model.settings, reloads);
  const waiting = new Map<string, ComputedMessage[]>();
  const counts: Record<string, number> = {};
  let messages = 0;
  let ticks = 0;
  let lastCommand: Divergence["lastCommand"];

  /** Compares one recorded message with what was recomputed of it; `undefined` means nothing was. */
  function compare(row: DrivenRow, computed: Raw | undefined, recorded: Raw = row.data): Verification | undefined {
    messages += 1;
    counts[row.subject] = (counts[row.subject] ?? 0) + 1;
    const difference =
      computed === undefined ? { path: "(message)", recorded: row.subject, computed: "nothing" } : firstDifference(recorded, computed);
    const tick = tickOf(row);
    ticks = Math.max(ticks, tick ?? 0);
    if (difference === undefined) return undefined;
    const at = tick ?? ticks;
    const place = { tick: at, simTimeS: (at * model.settings.tickMs) / 1000, row: row.line, subject: row.subject };
    return { kind: "diverged", ticks, messages, first: { ...place, difference, ...(lastCommand === undefined ? {} : { lastCommand }) } };
  }

  for (const row of source.rows()) {
    for (const { row: trackerRow, computed } of tracker.take(row)) {
      const diverged = compare(trackerRow, computed);
      if (diverged !== undefined) return diverged;
    }
    // Events feed the incidents, whoever made them.
    const incidents = alarms.take(row);
    const compared = isSimRow(row) ? nextComputed(driver, waiting, row.subject) : incidents;
    if (compared === undefined) continue;
    const diverged =
      compared === "missing"
        ? compare(row, undefined)
        : compare(row, compared.payload, "recorded" in compared ? compared.recorded : row.data);
    if (diverged !== undefined) return diverged;
    if (row.subject === SUBJECTS.responses && row.data.ok === true)
      lastCommand = { requestId: String(row.data.request_id), tick: row.data.tick as number };
  }
  const unexplained = tracker.unexplained();
  const missing = unexplained === undefined ? undefined : compare(unexplained, undefined);
  if (missing !== undefined) return missing;
  const hashes = {
    craft: driver.machine.hash(),
    ...(rooms.includes("scene") ? { scene: driver.machine.sceneHash() } : {}),
    ...tracker.hashes(),
    ...(alarms.hash() === undefined ? {} : { incidents: alarms.hash()! }),
  };
  return { kind: "identical", ticks: driver.machine.tick, messages, hash: allHash(hashes), counts };
}

type Raw = Readonly<Record<string, unknown>>;

interface FirstPass {
  readonly meta: Readonly<Record<string, unknown>>;
  readonly collector: ReturnType<typeof createInputCollector>;
  readonly alarmsCommands: readonly AlarmsCommand[];
  readonly reloads: readonly GuardReload[];
  readonly dropped: number;
}

/** Everything that decides the run and stands later in the file than what it decides. */
function firstPass(source: VerifySource): FirstPass {
  const alarms = createAlarmsCommandCollector();
  const collector = createInputCollector();
  const guards = createGuardReloadCollector();
  // What the recorder was told decides nothing, yet a row of it that is gone is a row gone.
  const recorder = createCommandMatch("recorder");
  let meta: Readonly<Record<string, unknown>> | undefined;
  let dropped = 0;
  let firstTick: number | undefined;
  for (const row of source.rows()) {
    if (row.subject === SUBJECTS.recordMeta) meta ??= row.data;
    if (row.subject === SUBJECTS.recordEnd) dropped += (row.data.dropped as number | undefined) ?? 0;
    if (row.subject === SUBJECTS.recordGap) dropped += (row.data.missed as number | undefined) ?? 0;
    collector.take(row);
    alarms.take(row);
    guards.take(row);
    recorder.take(row);
    if (row.subject === SUBJECTS.telemetry) firstTick ??= row.data.tick as number;
  }
  if (meta === undefined) throw new QikiError("not_verifiable", "not verifiable: no meta");
  if (firstTick !== 0)
    throw new QikiError(
      "not_verifiable",
      `not verifiable: no start state (it begins at tick ${firstTick ?? "none"}, a proof begins at tick 0)`,
    );
  const problem = collector.problem() ?? alarms.problem() ?? guards.problem() ?? recorder.problem();
  if (problem !== undefined) throw new QikiError("not_verifiable", `not verifiable: ${problem}`);
  return { meta, collector, alarmsCommands: alarms.commands, reloads: guards.reloads, dropped };
}

/** The next message of this subject that the machine makes; the machine advances as far as it must. */
function nextComputed(driver: Driver, waiting: Map<string, ComputedMessage[]>, subject: string): ComputedMessage | "missing" {
  for (;;) {
    const ready = waiting.get(subject)?.shift();
    if (ready !== undefined) return ready;
    const computed = driver.next();
    if (computed === undefined) return "missing";
    for (const message of computed) {
      const queue = waiting.get(message.subject);
      if (queue === undefined) waiting.set(message.subject, [message]);
      else queue.push(message);
    }
  }
}

function tickOf(row: DrivenRow): number | undefined {
  return row.tick ?? (typeof row.data.tick === "number" ? row.data.tick : undefined);
}

/** A divergence as people read it. */
export function divergenceText(first: Divergence): string {
  const shown = (value: unknown): string => (value === undefined ? "nothing" : canonicalJson(value));
  const command = first.lastCommand === undefined ? "none" : `${first.lastCommand.requestId} tick ${first.lastCommand.tick}`;
  return [
    `DIVERGED tick ${first.tick} sim ${first.simTimeS.toFixed(3)} s row ${first.row}`,
    `  ${shortSubject(first.subject)}.${first.difference.path}  recorded ${shown(first.difference.recorded)}  computed ${shown(first.difference.computed)}`,
    `  last command ${command}`,
  ].join("\n");
}

function shortSubject(subject: string): string {
  return subject.replace(/^qiki\.(events\.v1\.)?/, "");
}
