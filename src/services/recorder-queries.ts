import { closeSync, fstatSync, openSync, readdirSync, readSync } from "node:fs";
import { join } from "node:path";
import type { Bus, Msg, Subscription } from "#bus/port.ts";
import { QUERIES } from "#contracts/subjects.ts";
import { isRecordingName } from "#recording/segments.ts";
import type { RecordingSummary } from "#contracts/recording.ts";
import { summaryOf } from "#recording/summary.ts";
import type { SeriesBucket } from "#store/history-reader.ts";
import type { HistoryDesk } from "./history-worker.ts";
import type { Log } from "./log.ts";
import { ENVELOPE_BYTES, isIntegerIn, isRecord, PAGE_BYTES, parsed, print, refusal, reply, sizeOf, timeOf } from "./query-words.ts";

export interface RecorderQueriesOptions {
  readonly bus: Bus;
  readonly log: Log;
  readonly desk: HistoryDesk;
  /** Folder of the recordings. */
  readonly folder: string;
}

/** Rows of one page, and buckets of one series, at most. */
const LIMIT = 500;
const POINTS_MAX = 2000;
/** Of a file in one page: in base64 it is a third more. */
const FILE_BYTES = 500 * 1024;

type Filters = Readonly<Record<string, unknown>>;
interface Question {
  readonly filters: Filters;
  readonly after: number;
  readonly limit: number;
}
type Answer = Readonly<Record<string, unknown>>;

/** Answers `series`, `timeline` and `recordings`: what the recorder stores is read through these alone (operations §2.4). */
export function answerRecorderQueries(options: RecorderQueriesOptions): readonly Subscription[] {
  const { bus, log } = options;
  const answers: readonly (readonly [{ readonly subject: string }, (question: Question) => Promise<Answer> | Answer])[] = [
    [QUERIES.series, (question) => series(options.desk, question)],
    [QUERIES.timeline, (question) => timeline(options.desk, question)],
    [QUERIES.recordings, (question) => recordings(options.folder, question)],
  ];
  return answers.map(([{ subject }, answer]) =>
    bus.subscribe(
      subject,
      async (msg: Msg) => {
        const question = readQuestion(parsed(msg.bytes));
        try {
          reply(bus, msg, typeof question === "string" ? refusal(question) : await answer(question));
        } catch (error) {
          log.error({ err: error, subject }, "a query could not be answered");
          reply(bus, msg, refusal(`it could not be read: ${(error as Error).message}`, "exception"));
        }
      },
      { name: `recorder.query.${subject.split(".").at(-1)}` },
    ),
  );
}

function readQuestion(raw: unknown): Question | string {
  if (!isRecord(raw)) return "expected a JSON object with filters, after and limit";
  const { filters = {}, after = -1, limit = LIMIT } = raw;
  if (!isRecord(filters)) return "filters: expected an object";
  if (!isIntegerIn(limit, 1, LIMIT)) return `limit ${print(limit)}: expected a whole number in 1..${LIMIT}`;
  if (!isIntegerIn(after, -1, Number.MAX_SAFE_INTEGER)) return `after ${print(after)}: expected the next of the page before`;
  return { filters, after, limit };
}

/** Run and window of a question; what is wrong with it in words. */
function windowOf(filters: Filters): { readonly run?: string; readonly fromMs?: number; readonly toMs?: number } | string {
  const read: { run?: string; fromMs?: number; toMs?: number } = {};
  if (filters.run !== undefined) {
    if (typeof filters.run !== "string") return `filters.run ${print(filters.run)}: expected the id of a run`;
    read.run = filters.run;
  }
  for (const name of ["from", "to"] as const) {
    if (filters[name] === undefined) continue;
    const timeMs = timeOf(filters[name]);
    if (timeMs === undefined) return `filters.${name} ${print(filters[name])}: expected RFC 3339 or milliseconds since 1970`;
    read[`${name}Ms`] = Math.floor(timeMs);
  }
  return read;
}

/** Pages are stretches of the same buckets: the whole is computed each time, so `after` counts buckets. */
async function series(desk: HistoryDesk, { filters, after, limit }: Question): Promise<Answer> {
  const { path, points = LIMIT } = filters;
  const window = windowOf(filters);
  if (typeof window === "string") return refusal(window);
  if (typeof path !== "string") return refusal(`filters.path ${print(path)}: expected a path such as power.soc_pct`);
  if (!isIntegerIn(points, 1, POINTS_MAX)) return refusal(`filters.points ${print(points)}: expected a whole number in 1..${POINTS_MAX}`);
  if (window.fromMs !== undefined && window.toMs !== undefined && window.toMs <= window.fromMs)
    return refusal(`filters.to ${print(filters.to)}: expected a time after from`);
  const found = await desk.series({ path, points, ...window });
  if ("unknown" in found) {
    const why =
      found.unknown === "run" ? `of run ${window.run ?? "(the current one)"} nothing is kept` : `telemetry has no number at ${path}`;
    return refusal(why, found.unknown === "run" ? "not_found" : "invalid_parameter");
  }
  const { buckets, ...about } = found;
  const items: readonly SeriesBucket[] = buckets.slice(after + 1, after + 1 + limit);
  const end = after + items.length;
  return { ok: true, ...about, total: buckets.length, items, ...(end + 1 < buckets.length ? { next: end } : {}) };
}

async function timeline(desk: HistoryDesk, { filters, after, limit }: Question): Promise<Answer> {
  const window = windowOf(filters);
  if (typeof window === "string") return refusal(window);
  const { items, next } = await desk.timeline({ ...window, after, limit });
  let bytes = ENVELOPE_BYTES;
  const fitting = items.findIndex((item) => (bytes += sizeOf(item)) > PAGE_BYTES);
  const kept = fitting < 1 ? items : items.slice(0, fitting);
  const following = kept.length < items.length ? kept.at(-1)!.id : next;
  return { ok: true, items: kept, ...(following === undefined ? {} : { next: following }) };
}

/** All recordings, or with `id` a stretch of that one's bytes: `after` is the last byte had. */
function recordings(folder: string, { filters, after, limit }: Question): Answer {
  const all = summariesOf(folder);
  if (filters.id === undefined) {
    const items = all.slice(after + 1, after + 1 + limit);
    const end = after + items.length;
    return { ok: true, items, ...(end + 1 < all.length ? { next: end } : {}) };
  }
  const asked = all.find(({ recording_id, segment }) => recording_id === filters.id && segment === (filters.segment ?? 1));
  if (asked === undefined)
    return refusal(`there is no recording ${print(filters.id)}, segment ${print(filters.segment ?? 1)}`, "not_found");
  const file = openSync(join(folder, asked.file), "r");
  try {
    const { size } = fstatSync(file);
    const offset = after + 1;
    const bytes = Buffer.alloc(Math.max(0, Math.min(FILE_BYTES, size - offset)));
    const read = readSync(file, bytes, 0, bytes.length, offset);
    const end = offset + read;
    const items = read === 0 ? [] : [{ offset, raw_b64: bytes.subarray(0, read).toString("base64") }];
    return { ok: true, items, size, file: asked.file, ...(end < size ? { next: end - 1 } : {}) };
  } finally {
    closeSync(file);
  }
}

function summariesOf(folder: string): RecordingSummary[] {
  return readdirSync(folder)
    .filter(isRecordingName)
    .sort()
    .flatMap((name) => summaryOf(folder, name) ?? []);
}
