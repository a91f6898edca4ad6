import { QikiError } from "#base/error.ts";
import { EVENTS_PREFIX, RADAR_PREFIX, SUBJECTS } from "#contracts/subjects.ts";
import type { SimModel } from "#twin/sim-state.ts";
import type { TwinStart } from "#twin/twin.ts";
import { modelOfMeta } from "./drive.ts";
import { Proof } from "./proof.ts";
import { findStretch } from "./start.ts";
import { decidingOf, divergenceText, type VerifySource } from "./verify.ts";

/** The state of a recorded run after a tick, from which another continuation may be computed. */
export interface ForkPoint {
  readonly tick: number;
  readonly model: SimModel;
  readonly meta: Readonly<Record<string, unknown>>;
  readonly start: TwinStart;
}

/** Streams bring some rows of a tick after the next one's. */
const LATE_ROWS = 256;

/**
 * Recomputes a recording up to the end of a tick, comparing on the way, and hands over the machines' states.
 * @throws QikiError not_verifiable when it has no start state before the tick, ends before it, or is not identical up to it
 */
export function forkPoint(source: VerifySource, tick: number): ForkPoint {
  const stretch = tick === 0 ? findStretch(source.rows(), undefined, 0) : findStretch(source.rows(), tick, tick);
  const deciding = decidingOf(source, stretch);
  const proof = new Proof(deciding);
  const seqs = { events: 0, radar: 0 };
  let late = 0;
  for (const row of source.rows()) {
    const [diverged] = proof.take(row);
    if (diverged !== undefined)
      throw new QikiError(
        "not_verifiable",
        `not verifiable up to tick ${tick}, so it cannot be forked there:\n${divergenceText(diverged.first)}`,
      );
    if (proof.isOver && (late += 1) > LATE_ROWS) break;
    if (row.streamSeq === undefined || (proof.isOver && (row.tick ?? 0) > tick)) continue;
    if (row.subject.startsWith(EVENTS_PREFIX)) seqs.events = Math.max(seqs.events, row.streamSeq);
    else if (row.subject.startsWith(RADAR_PREFIX)) seqs.radar = Math.max(seqs.radar, row.streamSeq);
  }
  const states = proof.statesAfter(tick);
  return {
    tick,
    model: modelOfMeta(deciding.meta),
    meta: deciding.meta,
    start: { ...states, eventsSeq: seqs.events, radarSeq: seqs.radar },
  };
}

/** Digests of a run by room and tick, as their rows tell them. */
export class DigestTable {
  readonly #hashes = new Map<string, string>();
  lastTick = 0;

  take(subject: string, runId: string | undefined, data: Readonly<Record<string, unknown>>): void {
    const room = String(data.room);
    if (subject !== SUBJECTS.recordHashes || room === "incidents") return;
    const at = data.at as readonly number[];
    const hashes = data.hashes as readonly string[];
    at.forEach((tick, index) => this.#hashes.set(`${runId} ${room} ${tick}`, hashes[index]!));
    this.lastTick = Math.max(this.lastTick, ...at);
  }

  /** The first tick after this one at which both tell of a room and tell differently. */
  firstDifference(other: DigestTable, afterTick: number): { readonly tick: number; readonly room: string } | undefined {
    let first: { readonly tick: number; readonly room: string } | undefined;
    for (const [key, hash] of this.#hashes) {
      const [, room, at] = key.split(" ") as [string, string, string];
      const tick = Number(at);
      const theirs = other.#hashes.get(key);
      if (tick > afterTick && theirs !== undefined && theirs !== hash && tick < (first?.tick ?? Number.POSITIVE_INFINITY))
        first = { tick, room };
    }
    return first;
  }
}
