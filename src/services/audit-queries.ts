import type { Bus, Msg, Subscription } from "#bus/port.ts";
import type { AuditRecord } from "#contracts/audit.ts";
import { STATE_BUCKET, STATE_KEYS } from "#contracts/streams.ts";
import { QUERIES } from "#contracts/subjects.ts";
import type { AlarmsStore } from "#store/alarms-store.ts";
import { AUDIT_PAGE_MAX, type AuditFilters, type AuditPage } from "#store/audit-query.ts";
import { type ChainVerdict, type KnownHead, verdictText } from "#store/verify-chain.ts";
import type { Log } from "./log.ts";
import { ENVELOPE_BYTES, isIntegerIn, isRecord, PAGE_BYTES, parsed, print, refusal, reply, sizeOf, timeOf } from "./query-words.ts";
import { verifyStore } from "./verify-store.ts";

export interface AuditQuestion {
  readonly filters: AuditFilters;
  readonly after: number | undefined;
  readonly limit: number;
  readonly order: "oldest" | "newest";
}

/** Answers `qiki.query.v1.audit` and `audit_verify`: what the alarms role stores is read through these alone. */
export function answerAuditQueries(bus: Bus, store: AlarmsStore, log: Log): readonly Subscription[] {
  return [
    bus.subscribe(QUERIES.audit.subject, (msg) => reply(bus, msg, page(store, msg)), { name: "alarms.query.audit" }),
    bus.subscribe(QUERIES.auditVerify.subject, (msg) => answerVerify(bus, store, log, msg), { name: "alarms.query.audit_verify" }),
  ];
}

/** Reads a request, or says in words what is wrong with it. */
export function readAuditQuestion(raw: unknown): AuditQuestion | string {
  if (!isRecord(raw)) return "expected a JSON object with filters, after and limit";
  const { filters = {}, after, limit = AUDIT_PAGE_MAX, newest = false } = raw;
  if (!isRecord(filters)) return "filters: expected an object";
  if (!isIntegerIn(limit, 1, AUDIT_PAGE_MAX)) return `limit ${print(limit)}: expected a whole number in 1..${AUDIT_PAGE_MAX}`;
  if (after !== undefined && !isIntegerIn(after, -1, Number.MAX_SAFE_INTEGER)) return `after ${print(after)}: expected a sequence number`;
  if (typeof newest !== "boolean") return `newest ${print(newest)}: expected true or false`;
  const read: Record<string, string | number> = {};
  for (const [name, value] of Object.entries(filters)) {
    if (name === "from" || name === "to") {
      const timeMs = timeOf(value);
      if (timeMs === undefined) return `filters.${name} ${print(value)}: expected RFC 3339 or milliseconds since 1970`;
      read[`${name}Ms`] = timeMs;
      continue;
    }
    const filter = FILTERS.get(name);
    if (filter === undefined) return `filters.${name}: unknown; known are ${[...FILTERS.keys()].join(", ")}, from, to`;
    if (typeof value !== "string") return `filters.${name} ${print(value)}: expected a text`;
    read[filter] = value;
  }
  return { filters: read as AuditFilters, after, limit, order: newest ? "newest" : "oldest" };
}

/** Name of a filter on the wire, and in the store. */
const FILTERS: ReadonlyMap<string, keyof AuditFilters> = new Map([
  ["operator", "operator"],
  ["incident", "incident"],
  ["request_id", "requestId"],
  ["type", "kind"],
  ["run", "run"],
]);

function page(store: AlarmsStore, msg: Msg): Record<string, unknown> {
  const question = readAuditQuestion(parsed(msg.bytes));
  if (typeof question === "string") return refusal(question);
  const { filters, after, limit, order } = question;
  return { ok: true, ...withinBytes(store.list(filters, after, limit, order)) };
}

/** Cuts a page where it would grow too large for one message; a record that alone is too large comes without its body. */
function withinBytes({ items, next }: AuditPage): AuditPage {
  let bytes = ENVELOPE_BYTES;
  const kept: AuditRecord[] = [];
  for (const item of items) {
    const size = sizeOf(item);
    if (bytes + size > PAGE_BYTES && kept.length > 0) return { items: kept, next: kept.at(-1)!.seq };
    kept.push(size > PAGE_BYTES - ENVELOPE_BYTES ? { ...item, body: { body_left_out_bytes: sizeOf(item.body) } } : item);
    bytes += size;
  }
  return next === undefined ? { items: kept } : { items: kept, next };
}

async function answerVerify(bus: Bus, store: AlarmsStore, log: Log, msg: Msg): Promise<void> {
  try {
    const known = await bus.lastValue(STATE_BUCKET).get(STATE_KEYS.auditHead);
    const head = known === undefined ? undefined : (parsed(known.bytes) as KnownHead | undefined);
    const verdict = await verifyStore(store.path, head === undefined ? [] : [head]);
    reply(bus, msg, { ok: true, ...verdictReply(verdict), text: verdictText(verdict) });
  } catch (error) {
    log.error({ err: error }, "the audit chain could not be checked");
    const message = `the audit chain could not be checked: ${(error as Error).message}`;
    reply(bus, msg, { ok: false, items: [], error_detail: { code: "exception", message } });
  }
}

function verdictReply(verdict: ChainVerdict): Record<string, unknown> {
  if (!verdict.ok) return { verdict: "bad", seq: verdict.seq, problem: verdict.problem };
  return { verdict: "ok", records: verdict.count, seq: verdict.head?.seq ?? null, head_known: verdict.isHeadKnown };
}
