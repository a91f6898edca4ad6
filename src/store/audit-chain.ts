import { canonicalJson } from "#base/canonical-json.ts";
import { formatUtcMs } from "#base/rfc3339.ts";
import { sha256Hex } from "#base/sha256.ts";
import type { AuditDraft, AuditRecord } from "#contracts/audit.ts";

/** The newest record of a chain: whoever knows it can tell that nothing was cut off before it. */
export interface ChainHead {
  readonly chain_id: string;
  readonly seq: number;
  readonly hash: string;
}

/** `prev_hash` of record 0. */
export const NO_HASH = "0".repeat(64);

/** SHA-256 over the canonical JSON of a record without its `hash` (operations §5.3). */
export function hashOfRecord(record: Readonly<Record<string, unknown>>): string {
  return sha256Hex(canonicalJson({ ...record, hash: undefined }));
}

/** The record that follows `head` (undefined: record 0 of `chainId`), chained at a wall time in ms. */
export function chainRecord(draft: AuditDraft, chainId: string, head: ChainHead | undefined, wallMs: number): AuditRecord {
  const record = {
    ...draft,
    chain_id: chainId,
    seq: head === undefined ? 0 : head.seq + 1,
    prev_hash: head?.hash ?? NO_HASH,
    wall: formatUtcMs(wallMs),
  };
  return { ...record, hash: hashOfRecord(record) };
}

/** The head that a record makes. */
export function headOf(record: AuditRecord): ChainHead {
  return { chain_id: record.chain_id, seq: record.seq, hash: record.hash };
}

/** Message id of a published record, the same on every attempt. */
export function auditMsgId(record: AuditRecord): string {
  return `audit-${record.chain_id.slice(0, 8)}-${record.seq}`;
}

/** A draft about the chain or the service itself, with no event time of its own. */
export function serviceDraft(
  kind: "chain_start" | "chain_head" | "service_start" | "service_stop",
  body: Readonly<Record<string, unknown>>,
): AuditDraft {
  return {
    schema_version: 1,
    category: "audit",
    source: "alarms",
    subject: "service",
    kind,
    action_type: kind,
    ts_epoch: null,
    timestamp: null,
    tick: null,
    run_id: null,
    operator: "system",
    role: "system",
    ok: true,
    body: { ...body },
  };
}
