import { QikiError } from "#base/error.ts";
import { RUN_HEADER, SEQ_HEADER } from "#contracts/message.ts";
import { EVENTS_PREFIX, RADAR_PREFIX, SUBJECTS } from "#contracts/subjects.ts";
import type { DrivenRow } from "./drive.ts";

/** Where a proof takes up the machines' states: rows are counted from 0 through all segments. */
export interface KeyframeSet {
  readonly sim: KeyframePlace;
  /** Absent where the recording has no such rooms. */
  readonly tracker?: KeyframePlace | undefined;
  readonly alarms?: KeyframePlace | undefined;
}

export interface KeyframePlace {
  readonly index: number;
  readonly tick: number;
  readonly runId: string;
  readonly afterSeq: number;
  readonly row: DrivenRow;
}

/** What of a recording is proven: from its first row, where the machines boot, or from a keyframe set, to the end or up to a tick. */
export interface Stretch {
  readonly start: "boot" | KeyframeSet;
  /** Rows of later ticks of the sim end it. */
  readonly toTick?: number | undefined;
}

type Role = keyof KeyframeSet;
/** Stream whose messages are a role's inputs. */
const INPUTS = { tracker: RADAR_PREFIX, alarms: EVENTS_PREFIX };

/**
 * The stretch that proves ticks from `fromTick` on: without one, from boot where the file has it, else from the first complete
 * keyframe set. With one, from the last complete set that is not later.
 * @throws QikiError not_verifiable
 */
export function findStretch(rows: Iterable<DrivenRow>, fromTick?: number, toTick?: number): Stretch {
  const places: Record<Role, KeyframePlace[]> = { sim: [], tracker: [], alarms: [] };
  /** Row and sequence of each message of a stream, in file order. */
  const stored: Record<keyof typeof INPUTS, { readonly index: number; readonly seq: number }[]> = { tracker: [], alarms: [] };
  let rooms: readonly string[] | undefined;
  let firstTick: number | undefined;
  let begunAt: number | undefined;
  let index = -1;
  for (const row of rows) {
    index += 1;
    if (row.subject === SUBJECTS.recordMeta) rooms ??= (row.data.rooms as readonly string[] | undefined) ?? [];
    if (row.subject === SUBJECTS.telemetry) {
      if (firstTick === undefined && isBoot(row) && fromTick === undefined) return { start: "boot", toTick };
      firstTick ??= row.data.tick as number;
      if (fromTick !== undefined && (row.data.tick as number) >= fromTick) begunAt ??= index;
    }
    if (row.subject === SUBJECTS.recordKeyframe && places[row.data.role as Role] !== undefined) {
      places[row.data.role as Role].push(placeOf(row, index));
      // The closing keyframe may be all that tells of the last ticks.
      if (fromTick !== undefined && row.data.role === "sim" && (row.data.tick as number) >= fromTick) begunAt ??= index;
    }
    for (const role of ["tracker", "alarms"] as const)
      if (row.streamSeq !== undefined && row.subject.startsWith(INPUTS[role])) stored[role].push({ index, seq: row.streamSeq });
  }
  if (rooms === undefined) throw new QikiError("not_verifiable", "not verifiable: no meta");
  if (fromTick !== undefined && begunAt === undefined)
    throw new QikiError("not_verifiable", `not verifiable: the recording ends before tick ${fromTick}`);
  const needs = { tracker: rooms.includes("tracks"), alarms: rooms.includes("incidents") };
  const sets = places.sim.flatMap((sim) => {
    const [tracker, alarms] = (["tracker", "alarms"] as const).map((role) =>
      places[role].find((place) => place.index >= sim.index && isFed(place, sim.index, stored[role])),
    );
    return (needs.tracker && tracker === undefined) || (needs.alarms && alarms === undefined)
      ? []
      : [{ sim, tracker: needs.tracker ? tracker : undefined, alarms: needs.alarms ? alarms : undefined }];
  });
  const start = fromTick === undefined ? sets[0] : lastBefore(sets, fromTick, begunAt!);
  if (start === undefined)
    throw new QikiError(
      "not_verifiable",
      `not verifiable: no start state (the recording begins at tick ${firstTick ?? "none"} and has no complete keyframe set ${fromTick === undefined ? "" : `up to tick ${fromTick}`})`,
    );
  return { start, toTick };
}

/** The last set from which this tick is recomputed, else one whose state is already that of the tick. */
function lastBefore(sets: readonly KeyframeSet[], tick: number, index: number): KeyframeSet | undefined {
  const near = sets.filter(({ sim }) => sim.index <= index + NEAR_ROWS);
  return near.findLast(({ sim }) => sim.tick < tick) ?? near.find(({ sim }) => sim.tick === tick);
}

/** A keyframe of a tick comes shortly after the tick's telemetry. */
const NEAR_ROWS = 64;

/** Whether the file holds, from this row on, every message after those that the keyframe's state contains. */
function isFed(place: KeyframePlace, from: number, stored: readonly { readonly index: number; readonly seq: number }[]): boolean {
  const first = stored.find(({ index }) => index >= from);
  return first === undefined || first.seq <= place.afterSeq + 1;
}

/** The telemetry that a boot begins with: tick 0, and the first of its publisher's numbering. */
function isBoot({ data, headers }: DrivenRow): boolean {
  return data.tick === 0 && (headers?.[SEQ_HEADER] ?? "1") === "1";
}

function placeOf(row: DrivenRow, index: number): KeyframePlace {
  return {
    index,
    row,
    tick: row.data.tick as number,
    runId: row.headers?.[RUN_HEADER] ?? "",
    afterSeq: (row.data.after_seq as number | undefined) ?? 0,
  };
}
