import { createHash } from "node:crypto";
import { closeSync, fstatSync, openSync, readFileSync, readSync, writeFileSync } from "node:fs";
import { z } from "zod";
import { SUBJECTS } from "#contracts/subjects.ts";
import { type ReadOptions, readSegmentSync } from "./reader.ts";
import type { RecordingRow } from "./row.ts";
import type { TextPlace, TextSource } from "./text-source.ts";

/** A row that reading may begin with. */
const placeShape = {
  /** Number of its line, from 1. */
  row: z.int().positive(),
  /** Where it begins in the text. */
  offset: z.int().nonnegative(),
  /** Of a compressed file: where the frame begins that the row is in, in the file and in the text. */
  frame: z.tuple([z.int().nonnegative(), z.int().nonnegative()]).optional(),
};
const placeSchema = z.object(placeShape);
export type RowPlace = z.infer<typeof placeSchema>;

/** Each thousandth row, and those that a seek looks for. */
const entrySchema = z.object({
  ...placeShape,
  ts_epoch: z.number(),
  /** Of the newest telemetry up to this row. */
  tick: z.int().nonnegative().optional(),
  /** The sim's state stands here. */
  keyframe: z.literal(true).optional(),
  /** Telemetry a few seconds before a keyframe: from here on everything is said once again. */
  lead: placeSchema.optional(),
  /** The mode changed. */
  mode: z.literal(true).optional(),
  /** A record of this incident, and whether the incident was over with it. */
  incident: z.string().optional(),
  over: z.literal(true).optional(),
});
export type IndexEntry = z.infer<typeof entrySchema>;

const indexSchema = z.object({ size: z.int().nonnegative(), sha256: z.string(), entries: z.array(entrySchema) });
export type RecordingIndex = z.infer<typeof indexSchema>;

const ROWS_PER_ENTRY = 1000;
const HEAD_BYTES = 65_536;
/** Telemetry and tracks come once a second. */
const LEAD_S = 3;

/** Where the index of a recording's file lies. */
export function indexPath(path: string): string {
  return `${path}.idx`;
}

/** From where the row of an entry can be read. */
export function placeOf({ offset, frame }: RowPlace): TextPlace {
  return frame === undefined ? { fileOffset: offset, textOffset: offset } : { fileOffset: frame[0], textOffset: frame[1] };
}

/**
 * The index of one file of a recording: the one beside it where it is that of this very file, else made anew by reading the file
 * through, and left beside it where that can be done.
 * @throws QikiError file_unreadable, recording_damaged
 */
export function indexOf(path: string, onProblem: ReadOptions["onProblem"]): RecordingIndex {
  const now = identityOf(path);
  const kept = now === undefined ? undefined : keptIndex(path);
  if (kept !== undefined && kept.size === now?.size && kept.sha256 === now.sha256) return kept;
  const index = { ...(now ?? { size: 0, sha256: "" }), entries: entriesOf(path, onProblem) };
  try {
    writeFileSync(indexPath(path), JSON.stringify(index));
  } catch {
    // A folder that is not ours to write in costs the time of reading, no more.
  }
  return index;
}

function entriesOf(path: string, onProblem: ReadOptions["onProblem"]): IndexEntry[] {
  const entries: IndexEntry[] = [];
  let source: TextSource | undefined;
  let tick: number | undefined;
  /** Telemetry of the last seconds, at least one. */
  const recent: { readonly place: RowPlace; readonly timeS: number }[] = [];
  const placeIn = ({ line: row, offset }: RecordingRow): RowPlace => {
    const { fileOffset, textOffset } = source!.placeBefore(offset);
    return {
      row,
      offset,
      ...(textOffset === offset && fileOffset === offset ? {} : { frame: [fileOffset, textOffset] as [number, number] }),
    };
  };
  const options = { strict: false, data: "on_demand", onProblem, onSource: (opened: TextSource) => void (source = opened) } as const;
  for (const row of readSegmentSync(path, options)) {
    const { subject, tick: rowTick, ts_epoch: timeS } = row.head;
    if (subject === SUBJECTS.telemetry) {
      tick = rowTick ?? tick;
      recent.push({ place: placeIn(row), timeS });
      while (recent.length > 1 && !(recent[0]!.timeS <= timeS && timeS - recent[0]!.timeS <= LEAD_S)) recent.shift();
    }
    const why = reasonOf(row);
    if (why === undefined && (row.line - 1) % ROWS_PER_ENTRY !== 0) continue;
    const lead = why?.keyframe === true ? recent[0]?.place : undefined;
    entries.push({
      ...placeIn(row),
      ts_epoch: timeS,
      ...(tick === undefined ? {} : { tick }),
      ...why,
      ...(lead === undefined ? {} : { lead }),
    });
  }
  return entries;
}

/** Why a row has an entry of its own. */
function reasonOf(row: RecordingRow): Partial<IndexEntry> | undefined {
  switch (row.head.subject) {
    case SUBJECTS.systemMode:
      return { mode: true };
    case SUBJECTS.recordKeyframe:
      return row.dataJson.startsWith('{"role":"sim"') || membersOf(row).role === "sim" ? { keyframe: true } : undefined;
    case SUBJECTS.operatorIncidents: {
      const { incident_id: incident, to, subject } = membersOf(row);
      if (subject !== "incident" || typeof incident !== "string") return undefined;
      return { incident, ...(to === null || to === "A" ? { over: true } : {}) };
    }
    default:
      return undefined;
  }
}

function membersOf(row: RecordingRow): Readonly<Record<string, unknown>> {
  const value = row.dataProblem() === undefined ? row.data : undefined;
  return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}

/** What an index must fit: size of the file and digest of its beginning. */
function identityOf(path: string): { readonly size: number; readonly sha256: string } | undefined {
  let file: number;
  try {
    file = openSync(path, "r");
  } catch {
    return undefined;
  }
  try {
    const head = Buffer.alloc(HEAD_BYTES);
    const length = readSync(file, head, 0, HEAD_BYTES, 0);
    return { size: fstatSync(file).size, sha256: createHash("sha256").update(head.subarray(0, length)).digest("hex") };
  } finally {
    closeSync(file);
  }
}

function keptIndex(path: string): RecordingIndex | undefined {
  try {
    const parsed = indexSchema.safeParse(JSON.parse(readFileSync(indexPath(path), "utf8")));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}
