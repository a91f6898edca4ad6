import { closeSync, openSync, readSync, writeSync } from "node:fs";
import type { IncidentKpiWire, IncidentWire } from "#contracts/incident.ts";
import { RUN_HEADER } from "#contracts/message.ts";
import type { ReplayMark } from "#contracts/replay.ts";
import { EVENTS_PREFIX, RADAR_PREFIX, RECORDING_PREFIX, SUBJECTS } from "#contracts/subjects.ts";
import { type AlarmsCommand, type AlarmsReplay, createAlarmsCommandCollector, createAlarmsReplay } from "./alarms-replay.ts";
import type { DrivenRow } from "./drive.ts";
import { drivenRow } from "./driven-rows.ts";
import { parseLine } from "./parse-line.ts";
import { noRecording, type RecordingProblem, readRecordingSync } from "./reader.ts";
import { RecordingRow } from "./row.ts";

/** Where the rows of a seek and of playing go. */
export interface PlayerSink {
  /** What is known goes: rows of another moment follow. */
  reset(): void;
  /** A row of the recording, those of the recorder left out. */
  row(row: RecordingRow): void;
  /** Incidents as they stand after the rows. */
  incidents(views: readonly IncidentWire[], kpi: IncidentKpiWire): void;
}

/**
 * A recording that can be entered anywhere. Its clock counts ticks: the tick itself until the first reset, and on from there after
 * one, so that every moment has one place. Rows are handed out by this clock: a recorder that was busy may have written what one
 * publisher said of a tick after what another said of the next. What one publisher said stays in its order.
 */
export interface RecordingPlayer {
  readonly meta: Readonly<Record<string, unknown>> | undefined;
  readonly tickMs: number;
  /** First and last moment of the file. */
  readonly first: number;
  readonly last: number;
  readonly marks: readonly ReplayMark[];
  /** Whether incidents can be told: the file has the rules and a state to begin with. */
  readonly hasIncidents: boolean;
  /** Moment of the last row handed out, also while the sink gets it. */
  readonly at: number;
  readonly isAtEnd: boolean;
  /** Hands out what is known at a moment (operations §8): rows from the last keyframe on, after a reset of the sink. */
  seek(at: number): void;
  /** Hands out the rows up to a moment, at most `rowsMax` of them; says whether they were all. */
  advance(at: number, rowsMax?: number): boolean;
  /** Goes to the next event, or to the next tick that has rows. */
  step(by: "event" | "tick"): void;
  close(): void;
}

/** Kept of the time line at most; a longer one is thinned to the newest. */
const MARKS_MAX = 5000;
/** Before a keyframe so much more is handed out: tracks and telemetry come once a second. */
const LEAD_MS = 3000;
/** Rows read before others get their turn. */
const ROWS_PER_TURN = 500;

/**
 * Reads a recording once and spools its rows, so that any of them is then read without the others.
 * @param spoolPath a file of its own; removed by whoever made its folder
 * @throws QikiError file_unreadable, recording_damaged, also when no row can be read
 */
export async function openPlayer(
  path: string,
  spoolPath: string,
  sink: PlayerSink,
  onProblem: (problem: RecordingProblem) => void = () => {},
): Promise<RecordingPlayer> {
  const spool = openSync(spoolPath, "w+");
  try {
    return playerOf(path, spool, await indexOf(path, spool, onProblem), sink);
  } catch (error) {
    closeSync(spool);
    throw error;
  }
}

interface Index {
  readonly meta: Readonly<Record<string, unknown>> | undefined;
  /** Byte of each row in the spool, and one more: the end. */
  readonly offsets: readonly number[];
  /** Rows in the order of the clock. */
  readonly order: readonly number[];
  /** Clock at each place of that order. */
  readonly clock: readonly number[];
  /** Rows of events with their sequence, in its order. */
  readonly events: readonly { readonly row: number; readonly seq: number }[];
  readonly marks: readonly ReplayMark[];
  /** Rows with a complete alarms keyframe: where incidents can begin. */
  readonly keyframes: readonly { readonly row: number; readonly afterSeq: number }[];
  readonly commands: readonly AlarmsCommand[];
  /** Whether incidents can begin at the first row: the file was begun with the twin. */
  readonly beginsAtBoot: boolean;
}

async function indexOf(path: string, spool: number, onProblem: (problem: RecordingProblem) => void): Promise<Index> {
  const clock = new FileClock();
  const offsets = [0];
  const times: number[] = [];
  const marks: ReplayMark[] = [];
  const keyframes: Index["keyframes"][number][] = [];
  const commands = createAlarmsCommandCollector();
  const events: Index["events"][number][] = [];
  let meta: Index["meta"];
  let firstTick: number | undefined;
  let end = 0;
  let waiting: string[] = [];
  const write = (): void => {
    writeSync(spool, waiting.join(""));
    waiting = [];
  };
  for (const row of readRecordingSync(path, { strict: false, data: "on_demand", onProblem })) {
    const text = `${row.text}\n`;
    const at = clock.note(row);
    waiting.push(text);
    if (waiting.length >= ROWS_PER_TURN) {
      write();
      await new Promise((done) => setImmediate(done));
    }
    end += Buffer.byteLength(text);
    offsets.push(end);
    times.push(at);
    const { subject } = row.head;
    if (subject === SUBJECTS.telemetry) firstTick ??= row.head.tick;
    if (subject.startsWith(EVENTS_PREFIX) && row.head.stream_seq !== undefined)
      events.push({ row: times.length - 1, seq: row.head.stream_seq });
    if (!INDEXED.has(subject) && !subject.startsWith(EVENTS_PREFIX)) continue;
    if (row.dataProblem() !== undefined) continue;
    const driven = drivenRow(row);
    commands.take(driven);
    if (subject === SUBJECTS.recordMeta) meta ??= driven.data;
    if (subject === SUBJECTS.recordKeyframe && driven.data.role === "alarms")
      keyframes.push({ row: times.length - 1, afterSeq: Number(driven.data.after_seq ?? 0) });
    const mark = markOf(driven, at);
    if (mark !== undefined) marks.push(mark);
  }
  write();
  if (times.length === 0) throw noRecording(path);
  const order = times.map((_at, row) => row).sort((a, b) => times[a]! - times[b]! || a - b);
  return {
    meta,
    offsets,
    order,
    clock: order.map((row) => times[row]!),
    events,
    marks: marks.sort((a, b) => a.at - b.at).slice(-MARKS_MAX),
    keyframes,
    commands: commands.problem() === undefined ? commands.commands : [],
    beginsAtBoot: firstTick === 0,
  };
}

const INDEXED: ReadonlySet<string> = new Set([
  SUBJECTS.recordMeta,
  SUBJECTS.recordKeyframe,
  SUBJECTS.recordRules,
  SUBJECTS.commands,
  SUBJECTS.responses,
]);

/** Counts ticks through resets, for each kind of rows on its own. */
class FileClock {
  private offset = 0;
  private run: string | undefined;
  /** Newest moment of each lane, and of all. */
  private readonly lanes = new Map<string, number>();
  private newest: number | undefined;

  note({ head: { subject, tick, headers } }: RecordingRow): number {
    const lane = laneOf(subject);
    const run = headers?.[RUN_HEADER];
    // Rows of other roles may still belong to the run before.
    if (tick !== undefined && run !== undefined && run !== this.run && (subject === SUBJECTS.telemetry || this.run === undefined)) {
      if (this.run !== undefined) this.offset = (this.newest ?? 0) - tick;
      this.run = run;
    }
    const isOfRun = run === undefined || run === this.run;
    const own = tick === undefined || !isOfRun ? (this.newest ?? tick ?? 0) : this.offset + tick;
    const at = Math.max(own, this.lanes.get(lane) ?? own);
    this.lanes.set(lane, at);
    this.newest = Math.max(this.newest ?? at, at);
    return at;
  }
}

/** Rows of one lane come from one stream or one publisher. */
function laneOf(subject: string): string {
  return LANES.find((prefix) => subject.startsWith(prefix)) ?? subject;
}

const LANES = [EVENTS_PREFIX, RADAR_PREFIX, RECORDING_PREFIX];

function markOf({ subject, data }: DrivenRow, at: number): ReplayMark | undefined {
  const text = (key: string): string => (typeof data[key] === "string" ? data[key] : "");
  switch (subject) {
    case SUBJECTS.operatorIncidents:
      return data.kind === "incident_open" ? { lane: "alarms", at, what: text("incident_id"), severity: text("severity") } : undefined;
    case SUBJECTS.responses:
      return { lane: "commands", at, what: text("kind") };
    case SUBJECTS.radarGuard:
      return { lane: "guards", at, what: text("rule_id") };
    case SUBJECTS.systemMode:
      return { lane: "modes", at, what: text("mode") };
    default:
      return undefined;
  }
}

function playerOf(path: string, spool: number, index: Index, sink: PlayerSink): RecordingPlayer {
  const { clock, order, offsets, events, meta, keyframes } = index;
  const tickMs = typeof meta?.tick_ms === "number" ? meta.tick_ms : 100;
  const lead = Math.ceil(LEAD_MS / tickMs);
  const rooms = (meta?.rooms as readonly string[] | undefined) ?? [];
  const hasIncidents = rooms.includes("incidents") && (index.beginsAtBoot || keyframes.length > 0);
  const places = new Int32Array(order.length);
  order.forEach((row, place) => {
    places[row] = place;
  });
  /** Place in the order of the next row to hand out. */
  let next = 0;
  let alarms: AlarmsReplay | undefined;

  /** First place after a moment. */
  function placeAfter(at: number): number {
    let [low, high] = [0, clock.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (clock[middle]! <= at) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  function readRow(row: number): RecordingRow | undefined {
    const [offset, end] = [offsets[row]!, offsets[row + 1]!];
    const bytes = Buffer.allocUnsafe(end - offset);
    readSync(spool, bytes, 0, bytes.length, offset);
    const text = bytes.toString("utf8", 0, bytes.length - 1);
    const parsed = parseLine(text);
    return parsed.kind === "row" ? new RecordingRow(path, row + 1, offset, bytes.length, parsed.head, parsed.dataJson, text) : undefined;
  }

  function feedAlarms(row: RecordingRow | undefined): void {
    if (row !== undefined && row.dataProblem() === undefined) alarms?.take(drivenRow(row));
  }

  function hand(from: number, to: number): void {
    for (let place = from; place < to; place += 1) {
      next = place + 1;
      const row = readRow(order[place]!);
      if (row === undefined) continue;
      const { subject } = row.head;
      if (subject.startsWith(EVENTS_PREFIX)) feedAlarms(row);
      if (!subject.startsWith(RECORDING_PREFIX)) sink.row(row);
    }
    const kpi = alarms?.kpi();
    if (alarms !== undefined && kpi !== undefined) sink.incidents(alarms.views(), kpi);
  }

  /** Brings the incidents to a place: from the last keyframe before it, or from the start of a file that begins with the twin. */
  function beginAlarms(keyframe: Index["keyframes"][number] | undefined, place: number): void {
    alarms = undefined;
    if (!hasIncidents || (keyframe === undefined && !index.beginsAtBoot)) return;
    const afterSeq = keyframe?.afterSeq ?? 0;
    const due = keyframe === undefined ? index.commands : index.commands.filter(({ ack }) => ack.after_seq! >= afterSeq);
    alarms = createAlarmsReplay(meta!, due, keyframe !== undefined);
    if (keyframe === undefined) return;
    feedAlarms(readRow(keyframe.row));
    // What the keyframe's state does not hold yet though it lies before it.
    for (const { row, seq } of events) if (seq > afterSeq && places[row]! < place) feedAlarms(readRow(row));
  }

  function seek(at: number): void {
    sink.reset();
    const end = Math.max(1, placeAfter(at));
    const keyframe = keyframes.findLast(({ row }) => places[row]! < end);
    const begin = keyframe === undefined ? 0 : places[keyframe.row]!;
    // Tracks and telemetry of the last seconds are handed out too; the incidents begin with the keyframe.
    const shownFrom = Math.min(begin, placeAfter(clock[begin]! - lead));
    alarms = undefined;
    hand(shownFrom, begin);
    beginAlarms(keyframe, begin);
    hand(begin, end);
  }

  return {
    meta,
    tickMs,
    first: clock[0]!,
    last: clock.at(-1)!,
    marks: index.marks,
    hasIncidents,
    get at() {
      return next === 0 ? clock[0]! : clock[next - 1]!;
    },
    get isAtEnd() {
      return next >= clock.length;
    },
    seek,
    advance(at, rowsMax = Number.POSITIVE_INFINITY) {
      const end = placeAfter(at);
      const to = Math.min(end, next + rowsMax);
      if (to > next) hand(next, to);
      return to >= end;
    },
    step(by) {
      if (next >= clock.length) return;
      if (by === "tick") return hand(next, placeAfter(clock[next]!));
      let end = next;
      while (end < clock.length && !readRow(order[end]!)?.head.subject.startsWith(EVENTS_PREFIX)) end += 1;
      hand(next, Math.min(end + 1, clock.length));
    },
    close: () => closeSync(spool),
  };
}
