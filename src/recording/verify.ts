import { canonicalJson } from "#base/canonical-json.ts";
import { QikiError } from "#base/error.ts";
import { SUBJECTS } from "#contracts/subjects.ts";
import { allHash } from "#twin/digest.ts";
import { type AlarmsCommand, createAlarmsCommandCollector, createAlarmsReplay } from "./alarms-replay.ts";
import { createCommandMatch } from "./command-match.ts";
import { type Difference, firstDifference } from "./compare.ts";
import { type ComputedMessage, createDriver, createInputCollector, type Driver, type DrivenRow, modelOfMeta } from "./drive.ts";
import { isSimRow } from "./sim-rows.ts";

/** Rooms that this build can recompute. */
const KNOWN_ROOMS: readonly string[] = ["craft", "scene", "incidents"];

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

/** Recomputes a recording from its meta row and compares every message of the sim and of the incidents (operations §9). */
export interface VerifySource {
  /** The rows of the file from its start; each call reads it anew. */
  rows(): Iterable<DrivenRow>;
}

/** @throws QikiError not_verifiable when the file lacks what a proof needs */
export function verifyRecording(source: VerifySource): Verification {
  const { meta, collector, alarmsCommands, dropped } = firstPass(source);
  if (dropped > 0) throw new QikiError("not_verifiable", `not verifiable: rows dropped ${dropped}`);
  const model = modelOfMeta(meta);
  const rooms = (meta.rooms as readonly string[] | undefined) ?? [];
  for (const room of rooms) if (!KNOWN_ROOMS.includes(room)) throw new QikiError("not_verifiable", `not verifiable: no room ${room}`);
  const driver = createDriver(model, collector.inputs, collector.lastTick);
  const alarms = createAlarmsReplay(meta, alarmsCommands);
  const waiting = new Map<string, ComputedMessage[]>();
  const counts: Record<string, number> = {};
  let messages = 0;
  let ticks = 0;
  let lastCommand: Divergence["lastCommand"];

  for (const row of source.rows()) {
    // Events feed the incidents, whoever made them.
    const incidents = alarms.take(row);
    const compared = isSimRow(row) ? nextComputed(driver, waiting, row.subject) : incidents;
    if (compared === undefined) continue;
    messages += 1;
    counts[row.subject] = (counts[row.subject] ?? 0) + 1;
    const difference =
      compared === "missing"
        ? { path: "(message)", recorded: row.subject, computed: "nothing" }
        : firstDifference("recorded" in compared ? compared.recorded : row.data, compared.payload);
    const tick = tickOf(row);
    ticks = Math.max(ticks, tick ?? 0);
    if (difference !== undefined) {
      const at = tick ?? ticks;
      return {
        kind: "diverged",
        ticks,
        messages,
        first: {
          tick: at,
          simTimeS: (at * model.settings.tickMs) / 1000,
          row: row.line,
          subject: row.subject,
          difference,
          ...(lastCommand === undefined ? {} : { lastCommand }),
        },
      };
    }
    if (row.subject === SUBJECTS.responses && row.data.ok === true)
      lastCommand = { requestId: String(row.data.request_id), tick: row.data.tick as number };
  }
  const sim = { craft: driver.machine.hash(), ...(rooms.includes("scene") ? { scene: driver.machine.sceneHash() } : {}) };
  const hashes = { ...sim, ...(alarms.hash() === undefined ? {} : { incidents: alarms.hash()! }) };
  return { kind: "identical", ticks: driver.machine.tick, messages, hash: allHash(hashes), counts };
}

interface FirstPass {
  readonly meta: Readonly<Record<string, unknown>>;
  readonly collector: ReturnType<typeof createInputCollector>;
  readonly alarmsCommands: readonly AlarmsCommand[];
  readonly dropped: number;
}

/** Everything that decides the run and stands later in the file than what it decides. */
function firstPass(source: VerifySource): FirstPass {
  const alarms = createAlarmsCommandCollector();
  const collector = createInputCollector();
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
    recorder.take(row);
    if (row.subject === SUBJECTS.telemetry) firstTick ??= row.data.tick as number;
  }
  if (meta === undefined) throw new QikiError("not_verifiable", "not verifiable: no meta");
  if (firstTick !== 0)
    throw new QikiError(
      "not_verifiable",
      `not verifiable: no start state (it begins at tick ${firstTick ?? "none"}, a proof begins at tick 0)`,
    );
  const problem = collector.problem() ?? alarms.problem() ?? recorder.problem();
  if (problem !== undefined) throw new QikiError("not_verifiable", `not verifiable: ${problem}`);
  return { meta, collector, alarmsCommands: alarms.commands, dropped };
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
