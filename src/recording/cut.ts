import { randomUUID } from "node:crypto";
import { QikiError } from "#base/error.ts";
import type { RecordingMeta } from "#contracts/recording.ts";
import { SUBJECTS } from "#contracts/subjects.ts";
import { payloadBytes } from "./line.ts";
import type { RecordingRow } from "./row.ts";
import type { KeyframeSet } from "./start.ts";
import { openRecordingWriter } from "./writer.ts";

/**
 * Writes a piece of a recording as a recording of its own: its meta row, then the rows from a keyframe set up to the last of a
 * tick. Rows keep their bytes, but for `seq`; check rows are made anew, and there is no end row, for the piece has no end.
 * @throws QikiError not_verifiable without a meta row; file_exists, folder_unwritable, disk
 */
export async function cutRecording(rows: Iterable<RecordingRow>, set: KeyframeSet, toTick: number, path: string): Promise<void> {
  let writer: Awaited<ReturnType<typeof openRecordingWriter>> | undefined;
  let index = -1;
  for (const row of rows) {
    index += 1;
    const { subject, tick, ts_ingest_epoch: ingestS } = row.head;
    if (subject === SUBJECTS.recordMeta) {
      const meta = cutMeta(row.data as RecordingMeta, set);
      writer ??= await openRecordingWriter({ path, force: false, meta, nowMs: () => ingestS * 1000, onFailure: () => {} });
    }
    if (writer === undefined) throw new QikiError("not_verifiable", "not verifiable: no meta");
    if (index < set.sim.index || OWN_ROWS.has(subject)) continue;
    if (subject === SUBJECTS.telemetry && (tick ?? 0) > toTick) break;
    writer.write([messageOf(row)]);
    if (subject === SUBJECTS.recordKeyframe) writer.check();
    if (writer.stats().queuedBytes > QUEUE_BYTES_MAX) await writer.flush();
  }
  writer?.check();
  await writer?.close();
}

const QUEUE_BYTES_MAX = 16 * 1_048_576;
/** Rows that are about the bytes of one file. */
const OWN_ROWS = new Set<string>([SUBJECTS.recordMeta, SUBJECTS.recordCheck, SUBJECTS.recordEnd]);

function cutMeta(meta: RecordingMeta, { sim }: KeyframeSet): RecordingMeta {
  const { craft } = sim.row.data.hashes as { readonly craft: string };
  const parent = { recording_id: meta.recording_id, tick: sim.tick, state_hash: craft };
  return { ...meta, recording_id: randomUUID(), segment: 1, parent };
}

function messageOf({ head, dataJson }: RecordingRow) {
  const isRaw = dataJson.startsWith('{"raw');
  return {
    subject: head.subject,
    payload: payloadBytes(dataJson),
    ingestMs: head.ts_ingest_epoch * 1000,
    ...(head.headers === undefined ? {} : { headers: head.headers }),
    ...(head.stream_seq === undefined ? {} : { streamSeq: head.stream_seq }),
    ...(isRaw ? {} : { known: { tsEpoch: head.ts_epoch, ...(head.tick === undefined ? {} : { tick: head.tick }) } }),
  };
}
