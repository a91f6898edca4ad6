import { SUBJECTS } from "#contracts/subjects.ts";
import { type IndexEntry, indexOf, placeOf, type RowPlace } from "./index-file.ts";
import { noRecording, type ReadOptions, readSegmentSync } from "./reader.ts";
import type { RecordingRow } from "./row.ts";
import { segmentPaths } from "./segments.ts";

/** A moment of a recording: after all of this tick, or after all up to this event time, s since 1970. */
export type Moment = { readonly tick: number } | { readonly timeS: number };

/** A recording entered in its middle. */
export interface Sought {
  /** What is known at the moment, in file order: the last telemetry, each track, each incident that goes on, the mode. */
  readonly lastValues: readonly RecordingRow[];
  /** The rows after it, in file order, through all segments; read as they are taken. */
  readonly rows: Generator<RecordingRow>;
}

/**
 * Recordings are entered through the index of each of their files (`FILE.idx`), so that only what lies between a keyframe of the
 * sim and the moment is read: to seek again costs no reading through. Digests of `check` rows are not compared on the way; whoever
 * wants proof verifies. Where ticks begin anew after a reset, the first run that goes beyond the moment is taken.
 */
export class SeekableRecording {
  readonly #paths: readonly string[];
  readonly #entries = new Map<string, readonly IndexEntry[]>();
  readonly #onProblem: ReadOptions["onProblem"];

  /** @throws QikiError file_unreadable, recording_damaged */
  constructor(path: string, onProblem: ReadOptions["onProblem"] = () => {}) {
    this.#paths = segmentPaths(path);
    this.#onProblem = onProblem;
  }

  /** @throws QikiError recording_damaged when not one row can be read */
  seek(moment: Moment): Sought {
    const found = this.#startFor(moment);
    const rows = this.#rowsFrom(found.segment, found.entry);
    const newest = new Map<string, { readonly row: RecordingRow; readonly place: number }>(found.before.map((one) => [one.key, one]));
    let place = 0;
    for (let next = rows.next(); next.done !== true; next = rows.next()) {
      const row = next.value;
      if (isAfter(row, moment)) return { lastValues: inOrder(newest), rows: withFirst(row, rows) };
      place += 1;
      const key = keyOf(row);
      if (key !== undefined) newest.set(key, { row, place });
    }
    return { lastValues: inOrder(newest), rows };
  }

  /** The last keyframe before the moment, else the first row; with what was said before it of mode and incidents. */
  #startFor(moment: Moment): {
    readonly segment: number;
    readonly entry: RowPlace;
    readonly before: readonly { readonly key: string; readonly row: RecordingRow; readonly place: number }[];
  } {
    let start: { readonly segment: number; readonly entry: RowPlace } | undefined;
    /** Entries that a seek looks for, by what they tell of; those after the start are read anyway. */
    const told = new Map<string, { readonly segment: number; readonly entry: IndexEntry }>();
    let toldAtStart: typeof told = new Map();
    walk: for (const [segment] of this.#paths.entries()) {
      for (const entry of this.#entriesOf(segment)) {
        if (isBeyond(entry, moment)) break walk;
        const key = entry.mode === true ? "mode" : entry.incident === undefined ? undefined : `incident ${entry.incident}`;
        if (key !== undefined && entry.over === true) told.delete(key);
        else if (key !== undefined) told.set(key, { segment, entry });
        if (entry.keyframe !== true && start !== undefined) continue;
        start = { segment, entry: entry.lead ?? entry };
        toldAtStart = new Map(told);
      }
    }
    start ??= this.#first();
    const before = [...toldAtStart].flatMap(([key, { segment, entry }], index) => {
      const row = this.#rowAt(segment, entry);
      return row === undefined ? [] : [{ key, row, place: index - toldAtStart.size }];
    });
    return { ...start, before };
  }

  #first(): { readonly segment: number; readonly entry: IndexEntry } {
    for (const segment of this.#paths.keys()) {
      const [entry] = this.#entriesOf(segment);
      if (entry !== undefined) return { segment, entry };
    }
    throw noRecording(this.#paths[0]!);
  }

  #entriesOf(segment: number): readonly IndexEntry[] {
    const path = this.#paths[segment]!;
    let entries = this.#entries.get(path);
    if (entries === undefined) this.#entries.set(path, (entries = indexOf(path, this.#onProblem).entries));
    return entries;
  }

  #rowAt(segment: number, entry: RowPlace): RecordingRow | undefined {
    const rows = this.#rowsFrom(segment, entry);
    const next = rows.next();
    rows.return(undefined);
    return next.done === true ? undefined : next.value;
  }

  *#rowsFrom(segment: number, entry: RowPlace): Generator<RecordingRow> {
    const options = { strict: false, data: "on_demand", onProblem: () => {} } as const;
    for (const [index, path] of this.#paths.entries()) {
      if (index < segment) continue;
      if (index > segment) yield* readSegmentSync(path, options);
      else yield* readSegmentSync(path, { ...options, from: { place: placeOf(entry), offset: entry.offset, line: entry.row } });
    }
  }
}

function isBeyond({ tick, ts_epoch: timeS }: IndexEntry, moment: Moment): boolean {
  return "tick" in moment ? tick !== undefined && tick > moment.tick : timeS > moment.timeS;
}

function isAfter({ head }: RecordingRow, moment: Moment): boolean {
  if (head.subject !== SUBJECTS.telemetry) return false;
  return "tick" in moment ? head.tick !== undefined && head.tick > moment.tick : head.ts_epoch > moment.timeS;
}

/** Under which key the last word of such a row counts. */
function keyOf(row: RecordingRow): string | undefined {
  switch (row.head.subject) {
    case SUBJECTS.telemetry:
      return "telemetry";
    case SUBJECTS.systemMode:
      return "mode";
    case SUBJECTS.radarTracks:
      return `track ${/"track_id":"([^"]*)"/.exec(row.dataJson)?.[1]}`;
    case SUBJECTS.operatorIncidents:
      return `incident ${/"incident_id":"([^"]*)"/.exec(row.dataJson)?.[1]}`;
    default:
      return undefined;
  }
}

function inOrder(newest: ReadonlyMap<string, { readonly row: RecordingRow; readonly place: number }>): RecordingRow[] {
  return [...newest.values()].sort((a, b) => a.place - b.place).map(({ row }) => row);
}

function* withFirst(first: RecordingRow, rest: Generator<RecordingRow>): Generator<RecordingRow> {
  try {
    yield first;
    yield* rest;
  } finally {
    rest.return(undefined);
  }
}
