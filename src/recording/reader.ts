import { isUtf8 } from "node:buffer";
import { createHash, type Hash } from "node:crypto";
import { QikiError } from "#base/error.ts";
import { checkRowSchema, LINE_MAX_BYTES } from "#contracts/recording.ts";
import { SUBJECTS } from "#contracts/subjects.ts";
import { parseLine } from "./parse-line.ts";
import { RecordingRow } from "./row.ts";
import { segmentPaths } from "./segments.ts";
import { openText, type TextPlace, type TextSource } from "./text-source.ts";

const CHUNK_BYTES = 1_048_576;
const NEWLINE = 10;

/** What a reader found and read on. */
export type RecordingProblem =
  | { readonly kind: "torn_tail"; readonly path: string; readonly offset: number; readonly bytes: number }
  | { readonly kind: "bad_line"; readonly path: string; readonly line: number; readonly reason: string }
  | {
      readonly kind: "seq_gap" | "seq_repeat";
      readonly path: string;
      readonly line: number;
      readonly expected: number;
      readonly found: number;
    };

export interface ReadOptions {
  /** A bad line other than the last ends the reading. */
  readonly strict: boolean;
  /**
   * `checked` parses every row at once, so a broken payload is a bad line. `on_demand` parses a payload when it is looked
   * at, four times as fast for who hands payloads on; a broken one then throws QikiError recording_damaged there.
   */
  readonly data: "checked" | "on_demand";
  readonly onProblem: (problem: RecordingProblem) => void;
}

/** One sentence for a problem. */
export function describeProblem(problem: RecordingProblem): string {
  switch (problem.kind) {
    case "torn_tail":
      return `torn tail at byte ${problem.offset}, dropped ${problem.bytes} bytes (${problem.path})`;
    case "bad_line":
      return `line ${problem.line} skipped: ${problem.reason} (${problem.path})`;
    case "seq_gap":
      return `line ${problem.line}: seq ${problem.found} where ${problem.expected} was due, ${problem.found - problem.expected} rows are missing (${problem.path})`;
    case "seq_repeat":
      return `line ${problem.line}: seq ${problem.found} again, ${problem.expected} was due (${problem.path})`;
  }
}

/**
 * The rows of a recording in file order, all segments when given the first, compressed or not. What its `check` and `end` rows vouch
 * for is verified on the way. It waits for the disk.
 * @throws QikiError file_unreadable; recording_damaged for another schema version, bytes that a check row disowns
 * (`TAMPERED before row N`), a damaged frame and, when strict, a bad line
 */
export function* readRecordingSync(path: string, options: ReadOptions): Generator<RecordingRow> {
  const order = new SeqOrder(options.onProblem);
  for (const segment of segmentPaths(path)) yield* rowsOf(segment, options, order);
}

/** Where reading begins in the middle of a file: with the line at this offset of the text, from a place that can be read from. */
export interface ReadFrom {
  readonly place: TextPlace;
  readonly offset: number;
  readonly line: number;
}

/**
 * The rows of one file. What is entered in its middle has no digest that a `check` row could be held against.
 * @throws QikiError as readRecordingSync
 */
export function readSegmentSync(
  path: string,
  options: ReadOptions & { readonly from?: ReadFrom; readonly onSource?: (source: TextSource) => void },
): Generator<RecordingRow> {
  return rowsOf(path, options, new SeqOrder(options.onProblem), options.from, options.onSource);
}

function* rowsOf(
  path: string,
  options: ReadOptions,
  order: SeqOrder,
  from?: ReadFrom,
  onSource?: (source: TextSource) => void,
): Generator<RecordingRow> {
  const source = openText(path, from?.place);
  try {
    onSource?.(source);
    const reader = new SegmentReader(path, source, order, options, from);
    while (reader.fill()) yield* reader.rows();
    reader.finish();
  } finally {
    source.close();
  }
}

/** The first row that can be read. @throws QikiError file_unreadable; recording_damaged, also when there is none */
export function firstRowOf(path: string): RecordingRow {
  for (const row of readRecordingSync(path, { strict: false, data: "on_demand", onProblem: () => {} })) return row;
  throw noRecording(path);
}

export function noRecording(path: string): QikiError {
  return new QikiError("recording_damaged", `${path} is no recording: not one row of it can be read`);
}

/** Cuts one file into rows and keeps the digest of what lies behind. */
class SegmentReader {
  private buffer = Buffer.allocUnsafe(CHUNK_BYTES * 2);
  /** Bytes at the buffer's start that belong to a line whose end is not read yet. */
  private kept = 0;
  /** Bytes after these that were read just now. */
  private added = 0;
  private readonly path: string;
  private readonly source: TextSource;
  private readonly order: SeqOrder;
  private readonly options: ReadOptions;
  /** None for a file that is entered in its middle. */
  private readonly hash?: Hash;
  /** Bytes that still come before the line to begin with. */
  private toSkip = 0;
  /** Offset in the file of the buffer's first byte. */
  private base = 0;
  private line = 0;
  /** Where a line began that is too long to be one; its end is still to come. */
  private skippedFrom: number | undefined;
  /** A bad line that may turn out to be the last. */
  private suspect: { readonly line: number; readonly offset: number; readonly reason: string } | undefined;

  constructor(path: string, source: TextSource, order: SeqOrder, options: ReadOptions, from?: ReadFrom) {
    this.path = path;
    this.source = source;
    this.order = order;
    this.options = options;
    if (from === undefined) {
      this.hash = createHash("sha256");
      return;
    }
    this.base = from.place.textOffset;
    this.toSkip = from.offset - from.place.textOffset;
    this.line = from.line - 1;
  }

  /** Reads on; false at the end. */
  fill(): boolean {
    if (this.buffer.length - this.kept < CHUNK_BYTES) {
      this.buffer = Buffer.concat([this.buffer.subarray(0, this.kept)], this.buffer.length * 2);
    }
    this.added = this.source.read(this.buffer.subarray(this.kept, this.kept + CHUNK_BYTES));
    return this.added > 0;
  }

  /** Rows of the lines that end in the bytes read just now. */
  *rows(): Generator<RecordingRow> {
    const buffer = this.buffer.subarray(0, this.kept + this.added);
    let start = Math.min(this.toSkip, buffer.length);
    let hashed = 0;
    this.toSkip -= start;
    const end = buffer.lastIndexOf(NEWLINE) + 1;
    const isText = isUtf8(buffer.subarray(0, end));
    while (start < end) {
      const stop = buffer.indexOf(NEWLINE, start) + 1;
      this.line += 1;
      const row = this.parse(buffer, start, stop, isText);
      if (row?.head.subject === SUBJECTS.recordCheck || row?.head.subject === SUBJECTS.recordEnd) {
        this.hash?.update(buffer.subarray(hashed, start));
        hashed = start;
        this.verify(row);
      }
      start = stop;
      if (row !== undefined) yield row;
    }
    // A line that outgrows the limit is not kept until its end comes.
    if (this.skippedFrom !== undefined || buffer.length - start > LINE_MAX_BYTES) {
      this.skippedFrom ??= this.base + start;
      start = buffer.length;
    }
    this.hash?.update(buffer.subarray(hashed, start));
    this.base += start;
    this.kept = buffer.length - start;
    this.buffer.copyWithin(0, start, buffer.length);
  }

  /** At the end of the file: a last line that is bad, or has no end, was torn off. */
  finish(): void {
    const { kept } = this;
    const size = this.base + kept;
    const unended = this.skippedFrom ?? (kept > 0 ? this.base : undefined);
    if (unended !== undefined) this.settleSuspect();
    // Of a compressed file the place that people can look at is that of its bytes.
    const { torn } = this.source;
    const offset = unended ?? this.suspect?.offset;
    if (torn !== undefined) this.options.onProblem({ kind: "torn_tail", path: this.path, ...torn });
    else if (offset !== undefined) this.options.onProblem({ kind: "torn_tail", path: this.path, offset, bytes: size - offset });
  }

  private parse(buffer: Buffer, start: number, stop: number, isText: boolean): RecordingRow | undefined {
    this.settleSuspect();
    const offset = this.skippedFrom ?? this.base + start;
    if (this.skippedFrom !== undefined || stop - start > LINE_MAX_BYTES) {
      this.skippedFrom = undefined;
      return this.suspectLine(offset, `longer than ${LINE_MAX_BYTES} bytes`);
    }
    if (!isText && !isUtf8(buffer.subarray(start, stop))) return this.suspectLine(offset, "not UTF-8");
    const text = buffer.toString("utf8", start, stop - 1);
    const parsed = parseLine(text);
    switch (parsed.kind) {
      case "bad":
        return this.suspectLine(offset, parsed.reason);
      case "refused":
        throw new QikiError(
          "recording_damaged",
          `${this.path} line ${this.line}: schema_version ${JSON.stringify(parsed.version)}, this build reads 1; use the build that wrote it`,
        );
      case "row": {
        const row = new RecordingRow(this.path, this.line, offset, stop - start, parsed.head, parsed.dataJson, text);
        if (this.options.data === "checked" && row.dataProblem() !== undefined) return this.suspectLine(offset, row.dataProblem()!);
        this.order.note(row);
        return row;
      }
    }
  }

  private suspectLine(offset: number, reason: string): undefined {
    this.suspect = { line: this.line, offset, reason };
  }

  /** Another line follows: the suspect was not torn, it is bad. */
  private settleSuspect(): void {
    if (this.suspect === undefined) return;
    const { line, reason } = this.suspect;
    this.suspect = undefined;
    const problem: RecordingProblem = { kind: "bad_line", path: this.path, line, reason };
    if (this.options.strict) throw new QikiError("recording_damaged", describeProblem(problem));
    this.options.onProblem(problem);
  }

  private verify(row: RecordingRow): void {
    if (this.hash === undefined) return;
    const claimed = checkRowSchema.safeParse(row.data);
    const isTrue = claimed.success && claimed.data.rows === row.line - 1 && claimed.data.sha256 === this.hash.copy().digest("hex");
    if (!isTrue)
      throw new QikiError(
        "recording_damaged",
        `TAMPERED before row ${row.line} (${this.path}): its bytes are not those that were recorded`,
      );
  }
}

/** Follows `seq` through all segments. */
class SeqOrder {
  private expected: number | undefined;
  private readonly onProblem: (problem: RecordingProblem) => void;

  constructor(onProblem: (problem: RecordingProblem) => void) {
    this.onProblem = onProblem;
  }

  note({ path, line, head: { seq } }: RecordingRow): void {
    if (seq === undefined) return;
    const { expected } = this;
    if (expected !== undefined && seq !== expected) {
      this.onProblem({ kind: seq > expected ? "seq_gap" : "seq_repeat", path, line, expected, found: seq });
    }
    this.expected = Math.max(seq + 1, expected ?? 0);
  }
}
