import { hashOfRecord, NO_HASH } from "./audit-chain.ts";

export type ChainProblem = "edited" | "missing" | "reordered" | "truncated" | "foreign_chain";

export type ChainVerdict =
  | {
      readonly ok: true;
      readonly count: number;
      readonly head: { readonly seq: number; readonly hash: string } | undefined;
      /** False: nobody outside vouched for the end, so records may have been cut off it. */
      readonly isHeadKnown: boolean;
    }
  | { readonly ok: false; readonly seq: number; readonly problem: ChainProblem };

/** A head known from elsewhere: the file beside the store, the bus, a note of the auditor (perhaps the hash alone). */
export interface KnownHead {
  readonly hash: string;
  readonly seq?: number;
  readonly chain_id?: string;
}

type Fields = Readonly<Record<string, unknown>>;

/**
 * Checks a whole chain from record 0 (operations §5.3): hashes, sequence, one chain id, incident records in time order
 * within a run, and that every known head is part of it. An entry that is no object (a line that did not parse) counts
 * as edited. The first problem ends it.
 */
export function verifyChain(records: Iterable<unknown>, heads: readonly KnownHead[] = []): ChainVerdict {
  const entries = records[Symbol.iterator]();
  let chainId: unknown;
  let prevHash = NO_HASH;
  let count = 0;
  const eventTimes = new Map<unknown, number>();
  const missingHeads = new Set(heads);

  for (let next = entries.next(); next.done !== true; next = entries.next()) {
    const record = asFields(next.value);
    if (record === undefined || !isSelfConsistent(record)) return bad(count, "edited");
    if (count === 0) chainId = record.chain_id;
    if (record.chain_id !== chainId) return bad(count, "foreign_chain");
    const seq = record.seq as number;
    if (seq !== count) return bad(count, seq < count || comesLater(entries, count) ? "reordered" : "missing");
    // Its own hash is right, so the one it points at was written anew after it.
    if (record.prev_hash !== prevHash) return bad(Math.max(count - 1, 0), "edited");
    if (!isInTimeOrder(record, eventTimes)) return bad(count, "reordered");
    for (const head of missingHeads) {
      if (head.chain_id !== undefined && head.chain_id !== chainId) return bad(count, "foreign_chain");
      if (head.hash === record.hash) missingHeads.delete(head);
      else if (head.seq === count) return bad(count, "edited");
    }
    prevHash = record.hash as string;
    count += 1;
  }
  if (missingHeads.size > 0) return bad(count, "truncated");
  return { ok: true, count, head: count === 0 ? undefined : { seq: count - 1, hash: prevHash }, isHeadKnown: heads.length > 0 };
}

/** One line for people: `OK …` or `BAD …`. */
export function verdictText(verdict: ChainVerdict): string {
  if (!verdict.ok) return `BAD seq ${verdict.seq}: ${verdict.problem}`;
  const head = verdict.head === undefined ? "none" : `${verdict.head.seq} ${verdict.head.hash}`;
  const warning = verdict.isHeadKnown ? "" : "\nno independent head: truncation not excluded";
  return `OK ${verdict.count} records, head ${head}${warning}`;
}

function bad(seq: number, problem: ChainProblem): ChainVerdict {
  return { ok: false, seq, problem };
}

function asFields(value: unknown): Fields | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : undefined;
}

function isSelfConsistent(record: Fields): boolean {
  return typeof record.seq === "number" && hashOfRecord(record) === record.hash;
}

function comesLater(entries: Iterator<unknown>, seq: number): boolean {
  for (let next = entries.next(); next.done !== true; next = entries.next()) if (asFields(next.value)?.seq === seq) return true;
  return false;
}

/** Records of other services are chained as they arrive; those of incidents are stamped by one clock. */
function isInTimeOrder(record: Fields, eventTimes: Map<unknown, number>): boolean {
  if (record.subject !== "incident" || typeof record.ts_epoch !== "number") return true;
  const before = eventTimes.get(record.run_id);
  eventTimes.set(record.run_id, record.ts_epoch);
  return before === undefined || record.ts_epoch >= before;
}
