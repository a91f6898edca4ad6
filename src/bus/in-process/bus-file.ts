import { DatabaseSync } from "node:sqlite";
import { QikiError } from "#base/error.ts";
import { MSG_ID_HEADER } from "#contracts/message.ts";
import type { DurableDefinition, StreamDefinition } from "#contracts/streams.ts";
import type { Headers } from "../port.ts";
import { NO_HEADERS } from "../wire.ts";
import type { StoredMessage } from "./stored-message.ts";
import type { LogDisk, LogSize, LogStart } from "./stream-log.ts";

const SCHEMA_VERSION = 1;
const SCHEMA = `
  CREATE TABLE streams (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, definition TEXT NOT NULL,
    last_seq INTEGER NOT NULL) STRICT;
  CREATE TABLE durables (stream TEXT NOT NULL, name TEXT NOT NULL, definition TEXT NOT NULL, next_seq INTEGER NOT NULL,
    pending TEXT NOT NULL, PRIMARY KEY (stream, name)) STRICT;
  CREATE TABLE last_values (bucket TEXT NOT NULL, key TEXT NOT NULL, value BLOB, revision INTEGER NOT NULL,
    PRIMARY KEY (bucket, key)) STRICT;
  PRAGMA user_version = ${SCHEMA_VERSION};
`;

export interface StreamRow {
  readonly definition: StreamDefinition;
  readonly start: LogStart;
  readonly file: StreamFile;
}

export interface DurableRow {
  readonly definition: DurableDefinition;
  readonly nextSeq: number;
  /** Sequence and number of deliveries of what waits for acknowledgement. */
  readonly pending: readonly (readonly [number, number])[];
}

export interface LastValueRow {
  readonly key: string;
  /** undefined marks a deleted key. */
  readonly value: Uint8Array | undefined;
  readonly revision: number;
}

/** The messages of one stream in the file. */
export interface StreamFile extends LogDisk {
  /** Message ids stored at or after a time, oldest first. */
  idsSince(timeMs: number): { readonly msgId: string; readonly seq: number; readonly timeMs: number }[];
  write(messages: Iterable<StoredMessage>): void;
  /** Forgets messages before `firstSeq` and notes the last sequence given. */
  settle(firstSeq: number, lastSeq: number): void;
  saveDefinition(definition: StreamDefinition): void;
}

/** Streams, durables and last values in `bus.sqlite`. */
export interface BusFile {
  streams(): StreamRow[];
  addStream(definition: StreamDefinition): StreamFile;
  durables(stream: string): DurableRow[];
  saveDurable(row: DurableRow): void;
  lastValues(bucket: string): LastValueRow[];
  saveLastValue(bucket: string, row: LastValueRow): void;
  /** All or nothing of what `write` does. */
  transaction(write: () => void): void;
  close(): void;
}

/**
 * Opens or makes the file. Commits reach the operating system at once and the disk at checkpoints: what must survive a
 * power loss is in the audit store, not here.
 * @throws QikiError disk, or store_newer when a later version wrote it
 */
export function openBusFile(path: string): BusFile {
  let db: DatabaseSync;
  try {
    db = new DatabaseSync(path);
    db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = 2000;");
    prepareSchema(db, path);
  } catch (error) {
    if (error instanceof QikiError) throw error;
    throw new QikiError("disk", `bus file ${path} does not open: ${(error as Error).message}; check the folder and its rights`, error);
  }
  const listStreams = db.prepare("SELECT id, definition, last_seq FROM streams ORDER BY id");
  const insertStream = db.prepare("INSERT INTO streams (name, definition, last_seq) VALUES (?, ?, 0) RETURNING id");
  const listDurables = db.prepare("SELECT definition, next_seq, pending FROM durables WHERE stream = ? ORDER BY name");
  const saveDurable = db.prepare("INSERT OR REPLACE INTO durables (stream, name, definition, next_seq, pending) VALUES (?, ?, ?, ?, ?)");
  const listValues = db.prepare("SELECT key, value, revision FROM last_values WHERE bucket = ? ORDER BY revision");
  const saveValue = db.prepare("INSERT OR REPLACE INTO last_values (bucket, key, value, revision) VALUES (?, ?, ?, ?)");

  return {
    streams: () =>
      listStreams.all().map((row) => ({
        definition: JSON.parse(row.definition as string) as StreamDefinition,
        start: logStart(db, row.id as number, row.last_seq as number),
        file: streamFile(db, row.id as number),
      })),
    addStream(definition) {
      const id = insertStream.get(definition.name, JSON.stringify(definition))?.id as number;
      db.exec(
        `CREATE TABLE messages_${id} (seq INTEGER PRIMARY KEY, time_ms INTEGER NOT NULL, subject TEXT NOT NULL, size INTEGER NOT NULL,
           headers TEXT, bytes BLOB NOT NULL) STRICT`,
      );
      return streamFile(db, id);
    },
    durables: (stream) =>
      listDurables.all(stream).map((row) => ({
        definition: JSON.parse(row.definition as string) as DurableDefinition,
        nextSeq: row.next_seq as number,
        pending: JSON.parse(row.pending as string) as [number, number][],
      })),
    saveDurable(row) {
      const { definition, nextSeq, pending } = row;
      saveDurable.run(definition.stream, definition.name, JSON.stringify(definition), nextSeq, JSON.stringify(pending));
    },
    lastValues: (bucket) =>
      listValues.all(bucket).map((row) => ({
        key: row.key as string,
        value: (row.value as Uint8Array | null) ?? undefined,
        revision: row.revision as number,
      })),
    saveLastValue(bucket, row) {
      saveValue.run(bucket, row.key, row.value ?? null, row.revision);
    },
    transaction(write) {
      db.exec("BEGIN IMMEDIATE");
      try {
        write();
        db.exec("COMMIT");
      } catch (error) {
        if (db.isTransaction) db.exec("ROLLBACK");
        throw error;
      }
    },
    close: () => db.close(),
  };
}

function prepareSchema(db: DatabaseSync, path: string): void {
  const version = db.prepare("PRAGMA user_version").get()?.user_version as number;
  if (version > SCHEMA_VERSION) {
    throw new QikiError("store_newer", `bus file ${path} has schema ${version}, this build knows ${SCHEMA_VERSION}; use the newer build`);
  }
  if (version === 0) db.exec(`BEGIN; ${SCHEMA} COMMIT;`);
}

function logStart(db: DatabaseSync, id: number, lastSeq: number): LogStart {
  const sums = db.prepare(`SELECT min(seq) AS first, max(time_ms) AS last_time_ms, sum(size) AS bytes FROM messages_${id}`).get()!;
  const rows = db.prepare(`SELECT subject, max(seq) AS seq FROM messages_${id} GROUP BY subject`).all();
  return {
    firstSeq: (sums.first as number | null) ?? lastSeq + 1,
    lastSeq,
    lastTimeMs: (sums.last_time_ms as number | null) ?? 0,
    bytes: (sums.bytes as number | null) ?? 0,
    lastSeqs: new Map(rows.map((row) => [row.subject as string, row.seq as number])),
  };
}

function streamFile(db: DatabaseSync, id: number): StreamFile {
  const table = `messages_${id}`;
  const read = db.prepare(`SELECT seq, time_ms, subject, size, headers, bytes FROM ${table} WHERE seq >= ? ORDER BY seq LIMIT ?`);
  const readSizes = db.prepare(`SELECT seq, size, time_ms FROM ${table} WHERE seq >= ? ORDER BY seq LIMIT ?`);
  const readNewest = db.prepare(`SELECT seq, time_ms, headers FROM ${table} ORDER BY seq DESC`);
  const insert = db.prepare(`INSERT OR REPLACE INTO ${table} (seq, time_ms, subject, size, headers, bytes) VALUES (?, ?, ?, ?, ?, ?)`);
  const forget = db.prepare(`DELETE FROM ${table} WHERE seq < ?`);
  const saveLastSeq = db.prepare("UPDATE streams SET last_seq = ? WHERE id = ?");
  const saveDefinition = db.prepare("UPDATE streams SET definition = ? WHERE id = ?");
  return {
    read: (fromSeq, limit) => read.all(fromSeq, limit).map(storedMessage),
    readSizes: (fromSeq, limit) =>
      readSizes
        .all(fromSeq, limit)
        .map((row): LogSize => ({ seq: row.seq as number, size: row.size as number, timeMs: row.time_ms as number })),
    idsSince(timeMs) {
      const ids: { msgId: string; seq: number; timeMs: number }[] = [];
      for (const row of readNewest.iterate()) {
        if ((row.time_ms as number) < timeMs) break;
        const msgId = headersOf(row.headers)[MSG_ID_HEADER];
        if (msgId !== undefined) ids.push({ msgId, seq: row.seq as number, timeMs: row.time_ms as number });
      }
      return ids.reverse();
    },
    write(messages) {
      for (const message of messages) {
        const headers = message.headers === NO_HEADERS ? null : JSON.stringify(message.headers);
        insert.run(message.seq, message.timeMs, message.subject, message.size, headers, message.bytes);
      }
    },
    settle(firstSeq, lastSeq) {
      forget.run(firstSeq);
      saveLastSeq.run(lastSeq, id);
    },
    saveDefinition(definition) {
      saveDefinition.run(JSON.stringify(definition), id);
    },
  };
}

function storedMessage(row: Record<string, unknown>): StoredMessage {
  return {
    seq: row.seq as number,
    timeMs: row.time_ms as number,
    subject: row.subject as string,
    size: row.size as number,
    headers: headersOf(row.headers),
    bytes: row.bytes as Uint8Array,
  };
}

function headersOf(column: unknown): Headers {
  return typeof column === "string" ? (JSON.parse(column) as Headers) : NO_HEADERS;
}
