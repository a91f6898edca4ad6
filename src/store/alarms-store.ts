import { randomUUID } from "node:crypto";
import type { DatabaseSync } from "node:sqlite";
import { canonicalJson } from "#base/canonical-json.ts";
import { QikiError } from "#base/error.ts";
import type { AuditDraft, AuditRecord } from "#contracts/audit.ts";
import { SUBJECTS } from "#contracts/subjects.ts";
import { auditMsgId, chainRecord, type ChainHead, hashOfRecord, headOf, serviceDraft } from "./audit-chain.ts";
import { allAudit, type AuditFilters, type AuditOrder, type AuditPage, listAudit } from "./audit-query.ts";
import { COMMAND_DEDUP_SCHEMA, type CommandAnswer, type CommandDedup, createCommandDedup } from "./command-dedup.ts";
import { inTransaction, openDatabase } from "./database.ts";
import { writeFileDurably } from "./durable-file.ts";
import { headPath, readHead } from "./head-file.ts";
import { lockStore } from "./lock.ts";
import { type ChainVerdict, type KnownHead, verifyChain } from "./verify-chain.ts";

/** Everything that one batch of inputs leads to; stored in one transaction. */
export interface AlarmsBatch {
  /** Wall clock, ms; a fraction is dropped. */
  readonly wallMs: number;
  readonly audit?: readonly {
    readonly draft: AuditDraft;
    /** False for facts that stand on the bus already (of other services) and are only chained. */
    readonly publish: boolean;
  }[];
  /** Parts of the machine's state, opaque here. */
  readonly state?: {
    readonly reducer: string;
    readonly changed: readonly { readonly id: string; readonly json: string }[];
    readonly removed: readonly string[];
  };
  /** Last sequence processed, by durable consumer. */
  readonly positions?: Readonly<Record<string, number>>;
  readonly rules?: { readonly hash: string; readonly yaml: string; readonly actor: string };
  readonly answers?: readonly CommandAnswer[];
}

/** A record that waits to be published. */
export interface OutboxEntry {
  readonly seq: number;
  readonly subject: string;
  readonly msgId: string;
  readonly record: AuditRecord;
}

/** The store of the alarms role: audit chain, incident state, outbox, rules history, command answers (operations §5.4). */
export interface AlarmsStore {
  readonly path: string;
  readonly dedup: CommandDedup;
  head(): ChainHead;
  /** Why the head file is behind the chain, for readiness; undefined when it is not. */
  headFileError(): string | undefined;
  /** Parts of the machine's state as last committed; undefined before the first commit with a state. */
  loadState(): { readonly reducer: string; readonly incidents: readonly string[] } | undefined;
  position(consumer: string): number;
  /**
   * Stores a batch and returns its records, chained; a chain head record may follow them.
   * @throws QikiError `audit_unavailable` (disk full or gone); then nothing of it is stored, and it may be tried again
   */
  commit(batch: AlarmsBatch): readonly AuditRecord[];
  /** Records not yet published, oldest first. */
  outbox(limit: number): readonly OutboxEntry[];
  /** Takes published records, up to and with `seq`, out of the outbox. */
  markSent(seq: number): void;
  list(filters: AuditFilters, after: number | undefined, limit: number, order?: AuditOrder): AuditPage;
  /** Every record in order, for an export. */
  records(): Generator<unknown>;
  /** Checks the whole chain against the head file and any other known heads. */
  verify(heads?: readonly KnownHead[]): ChainVerdict;
  rulesText(hash: string): string | undefined;
  /** Writes a chain head record if there is anything new since the last, and the head file. */
  writeHead(wallMs: number): readonly AuditRecord[];
  /** Writes the head, closes the file, frees the lock. */
  close(wallMs: number): void;
}

const HEAD_EVERY_RECORDS = 100;
const HEAD_EVERY_MS = 60_000;

const MIGRATIONS = [
  `
CREATE TABLE audit (
  seq INTEGER PRIMARY KEY,
  chain_id TEXT NOT NULL,
  hash TEXT NOT NULL,
  json TEXT NOT NULL,
  wall_ms INTEGER NOT NULL,
  ts_ms INTEGER,
  run_id TEXT,
  operator TEXT NOT NULL,
  kind TEXT NOT NULL,
  incident_id TEXT,
  request_id TEXT
) STRICT;
CREATE INDEX audit_wall ON audit (wall_ms);
CREATE INDEX audit_run ON audit (run_id, ts_ms);
CREATE INDEX audit_incident ON audit (incident_id) WHERE incident_id IS NOT NULL;
CREATE INDEX audit_request ON audit (request_id) WHERE request_id IS NOT NULL;
CREATE INDEX audit_kind ON audit (kind);
CREATE TABLE incidents (key TEXT PRIMARY KEY, json TEXT NOT NULL, rev INTEGER NOT NULL) STRICT;
CREATE TABLE reducer (id INTEGER PRIMARY KEY CHECK (id = 0), json TEXT NOT NULL, rev INTEGER NOT NULL) STRICT;
CREATE TABLE positions (consumer TEXT PRIMARY KEY, seq INTEGER NOT NULL) STRICT;
CREATE TABLE audit_outbox (seq INTEGER PRIMARY KEY REFERENCES audit (seq)) STRICT;
CREATE TABLE rules_history (hash TEXT NOT NULL, yaml TEXT NOT NULL, actor TEXT NOT NULL, wall TEXT NOT NULL) STRICT;
${COMMAND_DEDUP_SCHEMA}`,
];

/**
 * Opens the alarms store for this process alone and checks that its end is there; a new file starts a chain.
 * @throws QikiError `store_in_use`, `folder_unwritable`, `store_newer`, `store_damaged`, `audit_unavailable`
 */
export function openAlarmsStore(path: string, wallMs: number): AlarmsStore {
  const lock = lockStore(path);
  try {
    const db = openDatabase(path, MIGRATIONS);
    try {
      return createStore(db, path, wallMs, () => lock.release());
    } catch (cause) {
      db.close();
      throw cause;
    }
  } catch (cause) {
    lock.release();
    throw cause;
  }
}

function createStore(db: DatabaseSync, path: string, openedWallMs: number, releaseLock: () => void): AlarmsStore {
  const sql = prepareStatements(db);
  const dedup = createCommandDedup(db, "alarms");
  let head = lastHead(db, path);
  const chainId = head?.chain_id ?? randomUUID();
  let headSeq = Number(db.prepare("SELECT MAX(seq) AS seq FROM audit WHERE kind = 'chain_head'").get()?.seq ?? -1);
  let headWallMs = openedWallMs;
  let unwrittenHead: ChainHead | undefined;
  let headFileError: string | undefined;

  function append(draft: AuditDraft, publish: boolean, from: ChainHead | undefined, wallMs: number): AuditRecord {
    const record = chainRecord(draft, chainId, from, wallMs);
    const tsMs = record.ts_epoch === null ? null : Math.round(record.ts_epoch * 1000);
    const { seq, hash, run_id, operator, kind, incident_id = null, request_id = null } = record;
    sql.insertAudit.run(seq, chainId, hash, canonicalJson(record), wallMs, tsMs, run_id, operator, kind, incident_id, request_id);
    if (publish) sql.insertOutbox.run(seq);
    return record;
  }

  function saveState(state: NonNullable<AlarmsBatch["state"]>): void {
    for (const id of state.removed) sql.deleteIncident.run(id);
    for (const { id, json } of state.changed) sql.upsertIncident.run(id, json);
    sql.upsertReducer.run(state.reducer);
  }

  /** The chain's end moves in memory only after the commit, so a failed batch can be tried again. */
  function commit(batch: AlarmsBatch, wantsHead: boolean): readonly AuditRecord[] {
    const wallMs = Math.floor(batch.wallMs);
    const records: AuditRecord[] = [];
    let end = head;
    let isHeadDue = wantsHead;
    const add = (draft: AuditDraft, publish: boolean): void => {
      const record = append(draft, publish, end, wallMs);
      end = headOf(record);
      records.push(record);
    };
    try {
      inTransaction(db, () => {
        for (const { draft, publish } of batch.audit ?? []) add(draft, publish);
        if (batch.state !== undefined) saveState(batch.state);
        for (const [consumer, seq] of Object.entries(batch.positions ?? {})) sql.upsertPosition.run(consumer, seq);
        if (batch.rules !== undefined)
          sql.insertRules.run(batch.rules.hash, batch.rules.yaml, batch.rules.actor, new Date(wallMs).toISOString());
        for (const answer of batch.answers ?? []) dedup.put(answer, wallMs);
        const newRecords = (end?.seq ?? -1) - headSeq;
        isHeadDue ||= newRecords >= HEAD_EVERY_RECORDS || wallMs - headWallMs >= HEAD_EVERY_MS;
        isHeadDue &&= newRecords > 0 && end !== undefined;
        if (isHeadDue) add(serviceDraft("chain_head", { seq: end!.seq, hash: end!.hash }), true);
      });
    } catch (cause) {
      throw new QikiError("audit_unavailable", `${path}: the batch could not be stored (${String(cause)}); free space on the disk`, cause);
    }
    head = end;
    if (isHeadDue) {
      headSeq = end!.seq;
      headWallMs = wallMs;
      unwrittenHead = end;
    }
    writePendingHead();
    return records;
  }

  /** What is committed stays committed: a head file that cannot be replaced now is tried again with the next batch. */
  function writePendingHead(): void {
    if (unwrittenHead === undefined) return;
    try {
      writeFileDurably(headPath(path), `${canonicalJson(unwrittenHead)}\n`);
      unwrittenHead = undefined;
      headFileError = undefined;
    } catch (cause) {
      headFileError = `${headPath(path)} could not be replaced: ${String(cause)}`;
    }
  }

  if (head === undefined)
    commit({ wallMs: openedWallMs, audit: [{ draft: serviceDraft("chain_start", { chain_id: chainId }), publish: true }] }, false);

  const store: AlarmsStore = {
    path,
    dedup,
    head: () => head!,
    headFileError: () => headFileError,
    loadState: () => loadState(db),
    position: (consumer) => Number(sql.selectPosition.get(consumer)?.seq ?? 0),
    commit: (batch) => commit(batch, false),
    outbox: (limit) => sql.selectOutbox.all(limit).map((row) => outboxEntry(JSON.parse(row.json as string) as AuditRecord)),
    markSent: (seq) => void sql.deleteOutbox.run(seq),
    list: (filters, after, limit, order) => listAudit(db, filters, after, limit, order),
    records: () => allAudit(db),
    verify(heads = []) {
      const kept = readHead(path);
      return verifyChain(allAudit(db), kept === undefined ? heads : [kept, ...heads]);
    },
    rulesText: (hash) => sql.selectRules.get(hash)?.yaml as string | undefined,
    writeHead: (wallMs) => commit({ wallMs }, true),
    close(wallMs) {
      try {
        store.writeHead(wallMs);
      } finally {
        db.close();
        releaseLock();
      }
    },
  };
  return store;
}

function prepareStatements(db: DatabaseSync) {
  return {
    insertAudit: db.prepare(
      "INSERT INTO audit (seq, chain_id, hash, json, wall_ms, ts_ms, run_id, operator, kind, incident_id, request_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    ),
    insertOutbox: db.prepare("INSERT INTO audit_outbox (seq) VALUES (?)"),
    selectOutbox: db.prepare("SELECT json FROM audit_outbox JOIN audit USING (seq) ORDER BY seq LIMIT ?"),
    deleteOutbox: db.prepare("DELETE FROM audit_outbox WHERE seq <= ?"),
    upsertIncident: db.prepare(
      "INSERT INTO incidents (key, json, rev) VALUES (?, ?, 1) ON CONFLICT (key) DO UPDATE SET json = excluded.json, rev = rev + 1",
    ),
    deleteIncident: db.prepare("DELETE FROM incidents WHERE key = ?"),
    upsertReducer: db.prepare(
      "INSERT INTO reducer (id, json, rev) VALUES (0, ?, 1) ON CONFLICT (id) DO UPDATE SET json = excluded.json, rev = rev + 1",
    ),
    upsertPosition: db.prepare("INSERT OR REPLACE INTO positions (consumer, seq) VALUES (?, ?)"),
    selectPosition: db.prepare("SELECT seq FROM positions WHERE consumer = ?"),
    insertRules: db.prepare("INSERT INTO rules_history (hash, yaml, actor, wall) VALUES (?, ?, ?, ?)"),
    selectRules: db.prepare("SELECT yaml FROM rules_history WHERE hash = ? ORDER BY rowid DESC LIMIT 1"),
  };
}

function loadState(db: DatabaseSync): ReturnType<AlarmsStore["loadState"]> {
  const reducer = db.prepare("SELECT json FROM reducer WHERE id = 0").get();
  if (reducer === undefined) return undefined;
  const incidents = db.prepare("SELECT json FROM incidents ORDER BY key").all();
  return { reducer: reducer.json as string, incidents: incidents.map((row) => row.json as string) };
}

/** The chain's end, held against the head file: going on after a cut would hide it. */
function lastHead(db: DatabaseSync, path: string): ChainHead | undefined {
  const row = db.prepare("SELECT json FROM audit ORDER BY seq DESC LIMIT 1").get();
  const last = row === undefined ? undefined : (JSON.parse(row.json as string) as AuditRecord);
  if (last !== undefined && hashOfRecord(last) !== last.hash) {
    throw new QikiError("store_damaged", `${path}: record ${last.seq}, the last, was edited; restore the store from a backup`);
  }
  const kept = readHead(path);
  if (kept === undefined) return last === undefined ? undefined : headOf(last);
  const stored = db.prepare("SELECT chain_id, hash FROM audit WHERE seq = ?").get(kept.seq);
  if (stored?.hash !== kept.hash) {
    throw new QikiError(
      "store_damaged",
      `${path}: ${headPath(path)} knows record ${kept.seq} ${kept.hash}, the store does not have it; restore the store from a backup, or move the head file away to go on without it`,
    );
  }
  return last === undefined ? undefined : headOf(last);
}

function outboxEntry(record: AuditRecord): OutboxEntry {
  return {
    seq: record.seq,
    subject: record.subject === "incident" ? SUBJECTS.operatorIncidents : SUBJECTS.audit,
    msgId: auditMsgId(record),
    record,
  };
}
