import { canonicalJson } from "#base/canonical-json.ts";
import { QikiError } from "#base/error.ts";
import { SUBJECTS } from "#contracts/subjects.ts";
import { createAlarmsCommandCollector } from "./alarms-replay.ts";
import { createCommandMatch } from "./command-match.ts";
import { createInputCollector, type DrivenRow } from "./drive.ts";
import { type Deciding, type Divergence, Proof, type Verification } from "./proof.ts";
import { createGuardReloadCollector } from "./tracker-replay.ts";

/** A recording as verification reads it. */
export interface VerifySource {
  /** The rows of the file from its start; each call reads it anew. */
  rows(): Iterable<DrivenRow>;
}

/**
 * Recomputes a recording from its meta row and compares every message of the sim, the tracker and the incidents (operations §9).
 * @throws QikiError not_verifiable when the file lacks what a proof needs
 */
export function verifyRecording(source: VerifySource): Verification {
  const proof = new Proof(firstPass(source));
  for (const row of source.rows()) {
    const diverged = proof.take(row);
    if (diverged !== undefined) return diverged;
  }
  return proof.verdict();
}

/** Everything that decides the run and stands later in the file than what it decides. */
function firstPass(source: VerifySource): Deciding {
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
  if (dropped > 0) throw new QikiError("not_verifiable", `not verifiable: rows dropped ${dropped}`);
  return { meta, inputs: collector.inputs, lastTick: collector.lastTick, alarmsCommands: alarms.commands, reloads: guards.reloads };
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
