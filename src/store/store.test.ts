import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { canonicalJson } from "#base/canonical-json.ts";
import { QikiError } from "#base/error.ts";
import { formatUtcMs } from "#base/rfc3339.ts";
import { sha256Hex } from "#base/sha256.ts";
import { type AuditDraft, type AuditRecord, auditRecordSchema } from "#contracts/audit.ts";
import { type AlarmsStore, openAlarmsStore } from "./alarms-store.ts";
import { auditMsgId, chainRecord, hashOfRecord, headOf, NO_HASH, serviceDraft } from "./audit-chain.ts";
import type { AuditFilters } from "./audit-query.ts";
import { openAuditReader } from "./audit-reader.ts";
import { DEDUP_WINDOW_MS } from "./command-dedup.ts";
import { openDatabase } from "./database.ts";
import { headPath, readHead } from "./head-file.ts";
import { lockFolder } from "./lock.ts";
import { openOwnerStore } from "./owner-store.ts";
import { verdictText, verifyChain } from "./verify-chain.ts";

let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "qiki-store-"));
  path = join(folder, "qiki.sqlite");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A draft about an incident at an event time, s, of a run. */
function incident(atS: number, changes: Partial<AuditDraft> = {}): AuditDraft {
  return {
    ...serviceDraft("service_start", {}),
    subject: "incident",
    kind: "incident_open",
    action_type: "incident_open",
    ts_epoch: atS,
    timestamp: formatUtcMs(atS * 1000),
    tick: 0,
    run_id: "run-1",
    incident_id: "R:core",
    ...changes,
  };
}

function chain(drafts: readonly AuditDraft[], chainId = "11112222-3333-4444-5555-666677778888"): AuditRecord[] {
  const records: AuditRecord[] = [];
  for (const draft of drafts) {
    const last = records.at(-1);
    records.push(chainRecord(draft, chainId, last === undefined ? undefined : headOf(last), 1000 + records.length));
  }
  return records;
}

const many = (count: number): AuditRecord[] => chain(Array.from({ length: count }, (_, index) => incident(index)));
const append = (store: AlarmsStore, wallMs: number, ...drafts: AuditDraft[]): readonly AuditRecord[] =>
  store.commit({ wallMs, audit: drafts.map((draft) => ({ draft, publish: true })) });
const errorCode = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    return error instanceof QikiError ? `${error.code} ${error.exitCode}` : String(error);
  }
  return "none";
};

describe("audit chain", () => {
  test("AUD-006 hash - is over canonical JSON without the hash, so key order is nothing", () => {
    expect(hashOfRecord({ b: 1, a: "é" })).toBe(sha256Hex('{"a":"é","b":1}'));
    expect(hashOfRecord({ a: "é", hash: "whatever", b: 1 })).toBe(sha256Hex('{"a":"é","b":1}'));
    const [record] = many(1);
    const { hash, ...rest } = record!;
    expect(hash).toBe(sha256Hex(canonicalJson(rest)));
    expect(record).toMatchObject({ seq: 0, prev_hash: NO_HASH, wall: "1970-01-01T00:00:01.000Z" });
  });

  test("verify - an untouched chain is OK, with a warning when nobody else knows its head", () => {
    const records = many(10);
    const hash = records[9]!.hash;
    expect(verdictText(verifyChain(records, [headOf(records[9]!)]))).toBe(`OK 10 records, head 9 ${hash}`);
    expect(verdictText(verifyChain(records, [{ hash: records[3]!.hash }]))).toBe(`OK 10 records, head 9 ${hash}`);
    expect(verdictText(verifyChain(records))).toBe(`OK 10 records, head 9 ${hash}\nno independent head: truncation not excluded`);
  });

  test("AUD-002 verify - a byte flipped in record 7, wherever it is", () => {
    const lines = many(10).map((record) => canonicalJson(record));
    const line = lines[7]!;
    for (let at = 0; at < line.length; at += 1) {
      const flipped = line.slice(0, at) + String.fromCharCode(line.charCodeAt(at) ^ 1) + line.slice(at + 1);
      const entries = lines.map((text, index) => parse(index === 7 ? flipped : text));
      expect(verdictText(verifyChain(entries)), `byte ${at}`).toBe("BAD seq 7: edited");
    }
  });

  test("AUD-002 verify - record 7 edited and hashed anew does not match what follows", () => {
    const records = many(10);
    const edited = { ...records[7]!, operator: "mallory" };
    records[7] = { ...edited, hash: hashOfRecord(edited) };
    expect(verifyChain(records)).toEqual({ ok: false, seq: 7, problem: "edited" });
  });

  test("AUD-003 verify - record 7 removed", () => {
    const records = many(10);
    expect(verdictText(verifyChain([...records.slice(0, 7), ...records.slice(8)]))).toBe("BAD seq 7: missing");
    expect(verdictText(verifyChain(records.slice(1)))).toBe("BAD seq 0: missing");
  });

  test("AUD-004 verify - records 7 and 8 swapped, or 7 repeated", () => {
    const records = many(10);
    const swapped = [...records.slice(0, 7), records[8], records[7], records[9]];
    expect(verdictText(verifyChain(swapped))).toBe("BAD seq 7: reordered");
    expect(verdictText(verifyChain([...records.slice(0, 8), ...records.slice(7)]))).toBe("BAD seq 8: reordered");
  });

  test("AUD-005 verify - the last 5 cut off: truncated if a head is known, else OK with the warning", () => {
    const records = many(10);
    const cut = records.slice(0, 5);
    expect(verdictText(verifyChain(cut, [headOf(records[9]!)]))).toBe("BAD seq 5: truncated");
    expect(verdictText(verifyChain(cut, [{ hash: records[9]!.hash }]))).toBe("BAD seq 5: truncated");
    expect(verdictText(verifyChain(cut))).toContain("no independent head");
    expect(verdictText(verifyChain([], [headOf(records[9]!)]))).toBe("BAD seq 0: truncated");
  });

  test("verify - a record or head of another chain, a rewritten end, and incident time going back within a run", () => {
    const records = many(10);
    const other = chain(
      Array.from({ length: 10 }, (_, index) => incident(index)),
      "another",
    );
    expect(verifyChain([...records.slice(0, 7), ...other.slice(7)])).toMatchObject({ seq: 7, problem: "foreign_chain" });
    expect(verifyChain(records, [headOf(other[9]!)])).toMatchObject({ problem: "foreign_chain" });
    expect(verifyChain(records, [{ seq: 6, hash: NO_HASH }])).toEqual({ ok: false, seq: 6, problem: "edited" });
    expect(verifyChain(chain([incident(5), incident(4)]))).toEqual({ ok: false, seq: 1, problem: "reordered" });
    expect(verifyChain(chain([incident(5), incident(4, { run_id: "run-2" }), incident(5)]))).toMatchObject({ ok: true });
    expect(verifyChain(chain([incident(5), incident(4, { subject: "command" })]))).toMatchObject({ ok: true });
  });
});

describe("alarms store", () => {
  test("store - starts a chain, appends, restarts where it was; every record fits its contract", () => {
    const store = openAlarmsStore(path, 1000);
    const start = store.head();
    expect(start.seq).toBe(0);
    const [record] = append(store, 2000.75, incident(1));
    expect(record).toMatchObject({ seq: 1, prev_hash: start.hash, chain_id: start.chain_id, wall: "1970-01-01T00:00:02.000Z" });
    store.commit({
      wallMs: 3000,
      state: {
        reducer: '{"n":1}',
        changed: [
          { id: "b", json: "2" },
          { id: "a", json: "1" },
        ],
        removed: [],
      },
      positions: { events: 17 },
    });
    store.commit({ wallMs: 3000, state: { reducer: '{"n":2}', changed: [{ id: "b", json: "3" }], removed: ["a"] } });
    store.close(4000);

    const again = openAlarmsStore(path, 5000);
    expect(again.head()).toMatchObject({ seq: 2, chain_id: start.chain_id });
    expect(again.loadState()).toEqual({ reducer: '{"n":2}', incidents: ["3"] });
    expect(again.position("events")).toBe(17);
    expect(again.position("audit")).toBe(0);
    const records = [...again.records()] as AuditRecord[];
    for (const one of records) expect(auditRecordSchema.strict().parse(one)).toEqual(one);
    expect(records.map((one) => one.kind)).toEqual(["chain_start", "incident_open", "chain_head"]);
    expect(again.verify()).toMatchObject({ ok: true, count: 3, isHeadKnown: true });
    again.close(6000);
    expect(readHead(path)).toMatchObject({ seq: 2 });
  });

  test("chain head - every 100 records, after 60 s, at close, and never twice for nothing", () => {
    const store = openAlarmsStore(path, 0);
    const heads = (): number[] => store.list({ kind: "chain_head" }, undefined, 500).items.map((record) => record.seq);
    for (let index = 1; index < 99; index += 1) append(store, 0, incident(index));
    expect(heads()).toEqual([]);
    append(store, 0, incident(99));
    expect(heads()).toEqual([100]);
    expect(readHead(path)).toEqual(store.head());
    expect(store.list({ kind: "chain_head" }, undefined, 1).items[0]?.body).toMatchObject({ seq: 99 });
    append(store, 59_999, incident(100));
    expect(heads()).toEqual([100]);
    append(store, 60_000, incident(101));
    expect(heads()).toEqual([100, 103]);
    expect(store.writeHead(70_000)).toEqual([]);
    append(store, 70_000, incident(102));
    store.close(70_000);
    expect(readHead(path)).toMatchObject({ seq: 105 });
  });

  test("AUD-012 list - two boots with equal event times: a window of wall time separates them, one of event time needs the run", () => {
    for (const [boot, wallMs] of [
      ["run-1", 10_000],
      ["run-2", 20_000],
    ] as const) {
      const store = openAlarmsStore(path, wallMs);
      append(store, wallMs, incident(1, { run_id: boot }), incident(2, { run_id: boot }));
      store.close(wallMs + 1);
    }
    const store = openAlarmsStore(path, 30_000);
    const runs = (filters: AuditFilters): (string | null)[] =>
      store.list({ kind: "incident_open", ...filters }, undefined, 500).items.map((record) => record.run_id);
    expect(runs({})).toEqual(["run-1", "run-1", "run-2", "run-2"]);
    expect(runs({ fromMs: 20_000 })).toEqual(["run-2", "run-2"]);
    expect(runs({ toMs: 20_000 })).toEqual(["run-1", "run-1"]);
    expect(runs({ run: "run-1", fromMs: 2000 })).toEqual(["run-1"]);
    store.close(30_000);
  });

  test("AUD-005 store - records cut off behind the head's back: truncated for a reader, refused for the writer", () => {
    const store = openAlarmsStore(path, 0);
    for (let index = 0; index < 10; index += 1) append(store, index, incident(index));
    store.close(100);
    const db = new DatabaseSync(path);
    db.exec("PRAGMA foreign_keys = OFF; DELETE FROM audit WHERE seq >= 7");
    db.close();
    const reader = openAuditReader(path);
    expect(verdictText(reader.verify())).toBe("BAD seq 7: truncated");
    reader.close();
    expect(errorCode(() => openAlarmsStore(path, 200))).toBe("store_damaged 4");
    rmSync(headPath(path));
    const headless = openAuditReader(path);
    expect(verdictText(headless.verify())).toContain("truncation not excluded");
    headless.close();
  });

  test("AUD-007 outbox - what was committed and not published waits, with the same id, and goes once", () => {
    const store = openAlarmsStore(path, 0);
    store.markSent(0);
    store.commit({
      wallMs: 1,
      audit: [
        { draft: incident(1), publish: true },
        { draft: serviceDraft("service_stop", {}), publish: false },
        { draft: serviceDraft("service_start", {}), publish: true },
      ],
    });
    const before = store.outbox(10);
    expect(before.map(({ seq, subject, msgId }) => ({ seq, subject, msgId }))).toEqual([
      { seq: 1, subject: "qiki.events.v1.operator.incidents", msgId: `audit-${store.head().chain_id.slice(0, 8)}-1` },
      { seq: 3, subject: "qiki.events.v1.audit", msgId: auditMsgId(before[1]!.record) },
    ]);
    store.close(2);
    const again = openAlarmsStore(path, 3);
    expect(again.outbox(2)).toEqual(before);
    again.markSent(1);
    expect(again.outbox(10).map((entry) => entry.seq)).toEqual([3, 4]);
    again.markSent(4);
    expect(again.outbox(10)).toEqual([]);
    again.close(4);
  });

  test("AUD-008 lock - a second writer or reader gets exit 5 with file and pid; a data folder likewise", () => {
    const store = openAlarmsStore(path, 0);
    for (const second of [() => openAlarmsStore(path, 1), () => openAuditReader(path)]) {
      expect(second).toThrow(
        expect.objectContaining({ code: "store_in_use", exitCode: 5, message: expect.stringContaining(`process ${process.pid}`) }),
      );
      expect(second).toThrow(path);
    }
    store.close(2);
    openAlarmsStore(path, 3).close(4);
    const lock = lockFolder(folder);
    expect(() => lockFolder(folder)).toThrow(
      expect.objectContaining({ code: "data_folder_in_use", message: expect.stringContaining(folder) }),
    );
    lock.release();
    lockFolder(folder).release();
  });

  test("list - filters, pages and the limit of a page", () => {
    const store = openAlarmsStore(path, 0);
    for (let index = 0; index < 20; index += 1) {
      append(
        store,
        1000 + index,
        incident(index, { run_id: index < 10 ? "run-1" : "run-2", operator: index % 2 === 0 ? "olga" : "ivan", request_id: `q${index}` }),
      );
    }
    const seqs = (filters: Parameters<AlarmsStore["list"]>[0]): number[] =>
      store.list(filters, undefined, 500).items.map((record) => record.seq);
    expect(seqs({ fromMs: 1005, toMs: 1008 })).toEqual([6, 7, 8]);
    expect(seqs({ run: "run-2", fromMs: 10_000, toMs: 12_000 })).toEqual([11, 12]);
    expect(seqs({ operator: "olga", run: "run-1" })).toEqual([1, 3, 5, 7, 9]);
    expect(seqs({ requestId: "q3" })).toEqual([4]);
    expect(seqs({ incident: "R:core", kind: "incident_open" })).toHaveLength(20);
    expect(seqs({ incident: "R:other" })).toEqual([]);
    const first = store.list({}, undefined, 15);
    expect(first).toMatchObject({ next: 14 });
    const second = store.list({}, first.next, 15);
    expect([second.items[0]?.seq, second.items.length, second.next]).toEqual([15, 6, undefined]);
    for (const limit of [0, 501, 1.5]) expect(errorCode(() => store.list({}, undefined, limit))).toBe("usage 2");
    store.close(5000);
  });

  test("commit - what fails is not stored at all and leaves the chain as it was", () => {
    const store = openAlarmsStore(path, 0);
    const before = store.head();
    const broken = {
      wallMs: 1,
      audit: [{ draft: incident(1), publish: true }],
      state: { reducer: undefined as never, changed: [], removed: [] },
    };
    expect(errorCode(() => store.commit(broken))).toBe("audit_unavailable 6");
    expect(store.head()).toEqual(before);
    expect(append(store, 2, incident(2))[0]?.seq).toBe(1);
    expect(store.verify()).toMatchObject({ ok: true, count: 2 });
    store.close(3);
  });

  test("commit - a head file that cannot be written is told, and written with a later batch", () => {
    const store = openAlarmsStore(path, 0);
    const blocker = `${headPath(path)}.tmp`;
    rmSync(blocker, { force: true });
    openDatabase(join(blocker, "in-its-place"), ["CREATE TABLE t (a)"]).close();
    append(store, 60_000, incident(1));
    expect(store.headFileError()).toContain(headPath(path));
    rmSync(blocker, { recursive: true });
    append(store, 60_001, incident(2));
    expect(store.headFileError()).toBeUndefined();
    expect(readHead(path)).toMatchObject({ seq: 2 });
    store.close(60_002);
  });

  test("rules history and command answers - kept across restarts, answers for their window", () => {
    const store = openAlarmsStore(path, 0);
    const ack = new TextEncoder().encode('{"ok":true}');
    store.commit({
      wallMs: 0,
      rules: { hash: "h", yaml: "version: 1\n", actor: "sam" },
      answers: [{ messageId: "m1", digest: "d1", ack }],
    });
    store.close(0);
    const again = openAlarmsStore(path, 1);
    expect(again.rulesText("h")).toBe("version: 1\n");
    expect(again.rulesText("x")).toBeUndefined();
    expect(again.dedup.find("m1", DEDUP_WINDOW_MS - 1)).toEqual({ digest: "d1", ack });
    expect(again.dedup.find("m1", DEDUP_WINDOW_MS)).toBeUndefined();
    expect(again.dedup.find("m2", 1)).toBeUndefined();
    again.close(2);
  });

  test("owner store - answers by owner, and the machine's last state", () => {
    const store = openOwnerStore(join(folder, "tracker.sqlite"), "tracker");
    store.dedup.put({ messageId: "m", digest: "d", ack: Uint8Array.of(1) }, 0);
    expect(store.loadMachine()).toBeUndefined();
    store.saveMachine(5, Uint8Array.of(1, 2));
    store.saveMachine(6, Uint8Array.of(3));
    store.close();
    const again = openOwnerStore(join(folder, "tracker.sqlite"), "tracker");
    expect(again.loadMachine()).toEqual({ tick: 6, bytes: Uint8Array.of(3) });
    expect(again.dedup.find("m", 1)?.digest).toBe("d");
    again.close();
  });

  test("open - a newer file, a file that is no store, a folder that cannot be written", () => {
    openDatabase(path, ["CREATE TABLE a (x)", "CREATE TABLE b (x)"]).close();
    expect(errorCode(() => openAlarmsStore(path, 0))).toBe("store_newer 2");
    const text = join(folder, "text.sqlite");
    writeFileSync(text, "this is a text file and not a database, long enough to be looked at as one".repeat(20));
    expect(errorCode(() => openAlarmsStore(text, 0))).toBe("store_damaged 4");
    const inTheWay = join(text, "data", "qiki.sqlite");
    expect(errorCode(() => openAlarmsStore(inTheWay, 0))).toBe("folder_unwritable 2");
    expect(() => lockFolder(join(text, "data"))).toThrow(join(text, "data"));
    expect(errorCode(() => openAuditReader(join(folder, "none.sqlite")))).toBe("store_damaged 4");
  });

  test("AUD-010 AUD-008 kill -9 - what was said to be committed is there, chain and state agree, and the lock is free", async () => {
    let said = 0;
    // Moments spread over the life of the writer: right at its start, within its first batches, and later.
    for (const lines of [1, 2, 7, 40, 150]) {
      said = await writeAndKill(path, lines);
      const store = openAlarmsStore(path, 1);
      const { count } = JSON.parse(store.loadState()?.reducer ?? '{"count":0}') as { count: number };
      expect(count).toBeGreaterThanOrEqual(said);
      const verdict = store.verify();
      expect(verdict.ok, verdictText(verdict)).toBe(true);
      const stops = [...store.records()].filter((record) => (record as AuditRecord).kind === "service_stop");
      expect((stops.at(-1) as AuditRecord | undefined)?.body.count ?? 0).toBe(count);
      expect(stops.length).toBe(count);
      expect(store.position("events")).toBe(count);
      store.close(2);
    }
    expect(said).toBeGreaterThan(100);
    expect(readFileSync(headPath(path), "utf8")).toContain('"seq"');
  });
});

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Runs the writer until it has said so many lines, kills it with SIGKILL, and returns the last count it said. */
function writeAndKill(storePath: string, lines: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ["src/store/kill-writer.ts", storePath, "0"], { stdio: ["ignore", "pipe", "pipe"] });
    let text = "";
    let errors = "";
    child.stdout.on("data", (chunk: Buffer) => {
      text += chunk.toString();
      if (text.split("\n").length > lines) child.kill("SIGKILL");
    });
    child.stderr.on("data", (chunk: Buffer) => {
      errors += chunk.toString();
    });
    child.on("exit", () => {
      const complete = text.slice(0, text.lastIndexOf("\n") + 1).split("\n");
      if (!text.startsWith("ready")) reject(new Error(errors));
      else resolve(Math.max(0, ...complete.map(Number).filter(Number.isSafeInteger)));
    });
  });
}
