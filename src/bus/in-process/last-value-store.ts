import { revisionMismatch } from "../failures.ts";
import type { LastValueChange, LastValueEntry } from "../port.ts";
import { checkKey } from "../subject.ts";
import type { LastValueRow } from "./bus-file.ts";

export type Watcher = (change: LastValueChange) => void;

/** One bucket: the newest value of each key and a revision that every change raises. */
export class LastValueStore {
  readonly bucket: string;
  private readonly rows = new Map<string, LastValueRow>();
  private revision = 0;
  private readonly unwritten = new Set<string>();
  private readonly watchers = new Set<Watcher>();
  private readonly onChange: (store: LastValueStore) => void;

  constructor(bucket: string, rows: readonly LastValueRow[], onChange: (store: LastValueStore) => void) {
    this.bucket = bucket;
    this.onChange = onChange;
    for (const row of rows) {
      this.rows.set(row.key, row);
      this.revision = Math.max(this.revision, row.revision);
    }
  }

  get(key: string): LastValueEntry | undefined {
    checkKey(key);
    const row = this.rows.get(key);
    return row?.value === undefined ? undefined : { key, bytes: new Uint8Array(row.value), revision: row.revision };
  }

  put(key: string, bytes: Uint8Array, ifRevision: number | undefined): number {
    checkKey(key);
    const row = this.rows.get(key);
    const isExpected = ifRevision === row?.revision || (ifRevision === 0 && row?.value === undefined);
    if (ifRevision !== undefined && !isExpected) throw revisionMismatch(this.bucket, key, ifRevision);
    return this.change(key, new Uint8Array(bytes));
  }

  delete(key: string): void {
    checkKey(key);
    if (this.rows.get(key)?.value !== undefined) this.change(key, undefined);
  }

  /** What is there, in order of revision. */
  existing(): LastValueEntry[] {
    const entries: LastValueEntry[] = [];
    for (const { key, value, revision } of this.rows.values()) {
      if (value !== undefined) entries.push({ key, bytes: new Uint8Array(value), revision });
    }
    return entries.sort((a, b) => a.revision - b.revision);
  }

  watch(watcher: Watcher): () => void {
    this.watchers.add(watcher);
    return () => this.watchers.delete(watcher);
  }

  /** Rows that the file does not have. */
  takeUnwritten(): LastValueRow[] {
    const rows = [...this.unwritten].map((key) => this.rows.get(key)!);
    this.unwritten.clear();
    return rows;
  }

  /** Takes rows back after a write that failed. */
  giveBack(rows: readonly LastValueRow[]): void {
    for (const { key } of rows) this.unwritten.add(key);
  }

  private change(key: string, value: Uint8Array | undefined): number {
    this.revision += 1;
    this.rows.set(key, { key, value, revision: this.revision });
    this.unwritten.add(key);
    this.onChange(this);
    for (const watcher of this.watchers) {
      watcher({ key, bytes: value === undefined ? undefined : new Uint8Array(value), revision: this.revision });
    }
    return this.revision;
  }
}
