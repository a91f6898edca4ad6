import { createWriteStream } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Bus } from "#bus/port.ts";
import type { RecordingSummary } from "#contracts/recording.ts";
import { QUERIES } from "#contracts/subjects.ts";
import { Problem } from "./problem.ts";
import { type Answer, allPages, query } from "./query.ts";

const RECORDINGS_MAX = 5000;

/** Every file that the recorder keeps. @throws Problem bus_unavailable */
export async function recordingsOf(bus: Bus): Promise<readonly RecordingSummary[]> {
  return (await allPages(bus, QUERIES.recordings.subject, {}, RECORDINGS_MAX)).items as readonly RecordingSummary[];
}

/** A recording's files in their order. @throws Problem not_found, bus_unavailable */
export async function segmentsOf(bus: Bus, recordingId: string): Promise<readonly RecordingSummary[]> {
  const segments = (await recordingsOf(bus)).filter(({ recording_id: id }) => id === recordingId);
  if (segments.length > 0) return segments.sort((a, b) => a.segment - b.segment);
  throw new Problem("not_found", `there is no recording ${recordingId.slice(0, 80)}: GET /api/recordings lists them`);
}

/** Where a file of a recording is read from: its name, and its bytes as far as it has been written, stretch by stretch. */
export interface RecordingFile {
  readonly file: string;
  readonly bytes: AsyncGenerator<Uint8Array>;
}

/** @throws Problem not_found, bus_unavailable */
export async function openRecordingFile(bus: Bus, id: string, segment: number): Promise<RecordingFile> {
  const filters = { id, segment };
  const first = await query(bus, QUERIES.recordings.subject, { filters });
  return { file: String(first.file), bytes: bytesFrom(bus, filters, first) };
}

async function* bytesFrom(bus: Bus, filters: Answer, first: Answer): AsyncGenerator<Uint8Array> {
  const { size } = first as { readonly size: number };
  for (let page = first; ; ) {
    const [stretch] = page.items as readonly { readonly offset: number; readonly raw_b64: string }[];
    // What is written while it is read belongs to another answer.
    if (stretch !== undefined) yield Buffer.from(stretch.raw_b64, "base64").subarray(0, size - stretch.offset);
    const next = page.next as number | undefined;
    if (next === undefined || next + 1 >= size) return;
    page = await query(bus, QUERIES.recordings.subject, { filters, after: next });
  }
}

/** Copies a file that the recorder keeps. The signal ends it with an AbortError. */
export async function copyRecording(
  bus: Bus,
  { recording_id: id, segment }: RecordingSummary,
  path: string,
  signal: AbortSignal,
): Promise<void> {
  const { bytes } = await openRecordingFile(bus, id, segment);
  await pipeline(Readable.from(bytes), createWriteStream(path), { signal });
}
