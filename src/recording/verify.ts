import { canonicalJson } from "#base/canonical-json.ts";
import { QikiError } from "#base/error.ts";
import { SUBJECTS } from "#contracts/subjects.ts";
import { createAlarmsCommandCollector } from "./alarms-replay.ts";
import { createCommandMatch } from "./command-match.ts";
import { createInputCollector, type DrivenRow } from "./drive.ts";
import { type Deciding, type Divergence, Proof, type Verification } from "./proof.ts";
import { findStretch, type Stretch } from "./start.ts";
import { createGuardReloadCollector } from "./tracker-replay.ts";

/** A recording as verification reads it. */
export interface VerifySource {
  /** The rows of the file from its start; each call reads it anew. */
  rows(): Iterable<DrivenRow>;
}

/** What of a recording is asked for, in ticks; all of it by default. */
export interface Window {
  readonly fromTick?: number | undefined;
  readonly toTick?: number | undefined;
}

/**
 * Recomputes a recording from its meta row, or from a keyframe set, and compares every message of the sim, the tracker and the
 * incidents (operations §9).
 * @throws QikiError not_verifiable when the file lacks what a proof needs
 */
export function verifyRecording(source: VerifySource, window: Window = {}): Verification {
  for (const diverged of divergences(source, window)) return diverged;
  throw new QikiError("internal", "a proof ends with its verdict");
}

/** The same without an end at the first divergence: every one in turn, then the verdict, which is the first of them or identical. */
export function verifyWhole(
  source: VerifySource,
  window: Window = {},
): { readonly verdict: Verification; readonly all: readonly Divergence[] } {
  const found = [...divergences(source, window)];
  const all = found.flatMap((one) => (one.kind === "diverged" ? [one.first] : []));
  const [first] = found;
  const last = found.at(-1)!;
  return { verdict: first!.kind === "identical" ? first! : { ...first!, ticks: last.ticks, messages: last.messages }, all };
}

/** Every divergence, or the one verdict that there is none. */
function* divergences(source: VerifySource, { fromTick, toTick }: Window): Generator<Verification> {
  const proof = new Proof(decidingOf(source, findStretch(source.rows(), fromTick, toTick)));
  let hasDiverged = false;
  for (const row of source.rows()) {
    for (const diverged of proof.take(row)) {
      hasDiverged = true;
      yield diverged;
    }
    if (proof.isOver) break;
  }
  const verdict = proof.verdict();
  if (verdict.kind === "diverged" || !hasDiverged) yield verdict;
}

/** Everything that decides the run and stands later in the file than what it decides. @throws QikiError not_verifiable */
export function decidingOf(source: VerifySource, stretch: Stretch): Deciding {
  const alarms = createAlarmsCommandCollector();
  const collector = createInputCollector();
  const guards = createGuardReloadCollector();
  // What the recorder was told decides nothing, yet a row of it that is gone is a row gone.
  const recorder = createCommandMatch("recorder");
  const set = stretch.start === "boot" ? undefined : stretch.start;
  let meta: Readonly<Record<string, unknown>> | undefined;
  let dropped = 0;
  let firstTick: number | undefined;
  let index = -1;
  for (const row of source.rows()) {
    index += 1;
    if (row.subject === SUBJECTS.recordMeta) meta ??= row.data;
    if (row.subject === SUBJECTS.recordEnd) dropped += (row.data.dropped as number | undefined) ?? 0;
    if (row.subject === SUBJECTS.recordGap && index >= (set?.sim.index ?? 0)) dropped += (row.data.missed as number | undefined) ?? 0;
    if (index === set?.sim.index) {
      collector.begin();
      recorder.begin();
    }
    if (index === set?.alarms?.index) alarms.begin();
    if (index === set?.tracker?.index) guards.begin();
    collector.take(row);
    alarms.take(row);
    guards.take(row);
    recorder.take(row);
    if (row.subject === SUBJECTS.telemetry) firstTick ??= row.data.tick as number;
  }
  if (meta === undefined) throw new QikiError("not_verifiable", "not verifiable: no meta");
  if (firstTick === undefined) throw new QikiError("not_verifiable", "not verifiable: no start state (it holds no telemetry)");
  const problem = collector.problem() ?? alarms.problem() ?? guards.problem() ?? recorder.problem();
  if (problem !== undefined) throw new QikiError("not_verifiable", `not verifiable: ${problem}`);
  if (dropped > 0) throw new QikiError("not_verifiable", `not verifiable: rows dropped ${dropped}`);
  return {
    meta,
    inputs: collector.inputs,
    lastTick: collector.lastTick,
    alarmsCommands: alarms.commands,
    reloads: guards.reloads,
    stretch,
  };
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
