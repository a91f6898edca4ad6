import { StorageType } from "@nats-io/jetstream";
import { type KV, type KvEntry, Kvm, KvWatchInclude } from "@nats-io/kv";
import type { NatsConnection, QueuedIterator } from "@nats-io/transport-node";
import { ChangeIterator } from "../change-iterator.ts";
import { closedError, revisionMismatch } from "../failures.ts";
import type { LastValueChange, LastValueEntry, LastValues } from "../port.ts";
import { checkKey } from "../subject.ts";
import { apiErrorCode, busFailure, WRONG_LAST_SEQUENCE } from "./failures.ts";

const API_TIMEOUT_MS = 5_000;
const RETRY_MS = 250;

/** A watch that lives on through outages. */
export interface OpenWatch {
  readonly changes: ChangeIterator;
  /** Begins anew after an outage: the server has forgotten it. */
  again(): void;
}

export interface LastValueHooks {
  /** @throws QikiError closed, not_reachable */
  readonly connection: () => NatsConnection;
  readonly isUp: () => boolean;
  /** Throws once the bus is closed. */
  readonly assertOpen: () => void;
  readonly whenConnected: () => Promise<void>;
  readonly onFailure: (error: Error) => void;
  /** Open watches, for the bus to begin anew and to end. */
  readonly watches: Set<OpenWatch>;
}

/** A change that waits for the end of an outage; only the newest of its key does. */
interface Waiting {
  bytes: Uint8Array | undefined;
  order: number;
  readonly done: ((revision: number) => void)[];
  readonly failed: ((error: Error) => void)[];
}

/** One bucket as the bus knows it. A value put during an outage is put when it ends; a conditional change is refused. */
export class NatsLastValues implements LastValues {
  private readonly bucket: string;
  private readonly hooks: LastValueHooks;
  private readonly waiting = new Map<string, Waiting>();
  private opened: Promise<KV> | undefined;
  private changes = 0;

  constructor(bucket: string, hooks: LastValueHooks) {
    this.bucket = bucket;
    this.hooks = hooks;
  }

  async get(key: string): Promise<LastValueEntry | undefined> {
    checkKey(key);
    const entry = await this.call(key, (kv) => kv.get(key));
    if (entry === null || entry.operation !== "PUT") return undefined;
    return { key, bytes: entry.value, revision: entry.revision };
  }

  async put(key: string, bytes: Uint8Array, options?: { readonly ifRevision?: number }): Promise<number> {
    checkKey(key);
    this.hooks.assertOpen();
    const own = new Uint8Array(bytes);
    const { ifRevision } = options ?? {};
    if (ifRevision === undefined) return this.change(key, own);
    return this.call(key, async (kv) => {
      try {
        return ifRevision === 0 ? await kv.create(key, own) : await kv.update(key, own, ifRevision);
      } catch (error) {
        if (apiErrorCode(error) === WRONG_LAST_SEQUENCE) throw revisionMismatch(this.bucket, key, ifRevision, error);
        throw error;
      }
    });
  }

  async delete(key: string): Promise<void> {
    checkKey(key);
    this.hooks.assertOpen();
    await this.change(key, undefined);
  }

  watch(prefix: string, { existing }: { readonly existing: boolean }): AsyncIterable<LastValueChange> {
    this.hooks.assertOpen();
    const { watches } = this.hooks;
    let entries: QueuedIterator<KvEntry> | undefined;
    let isEnded = false;
    const changes = new ChangeIterator([], () => {
      isEnded = true;
      watches.delete(watch);
      entries?.stop();
    });
    const watch: OpenWatch = { changes, again: () => entries?.stop() };
    watches.add(watch);
    const isWanted = changeFilter(prefix, existing);
    const pump = async (): Promise<void> => {
      for (let isFirst = true; !isEnded; isFirst = false) {
        await this.hooks.whenConnected();
        if (isEnded) return;
        // What changed during an outage is told by what is there after it.
        const include = existing || !isFirst ? KvWatchInclude.LastValue : KvWatchInclude.UpdatesOnly;
        try {
          entries = await this.call("", (kv) => kv.watch({ include }));
          for await (const entry of entries) if (isWanted(entry)) changes.push(changeOf(entry));
        } catch (error) {
          this.hooks.onFailure(error as Error);
          await new Promise((done) => setTimeout(done, RETRY_MS));
        }
      }
    };
    void pump();
    return changes;
  }

  /** After an outage: puts what waited. */
  resume(): void {
    this.opened = undefined;
    const waiting = [...this.waiting];
    this.waiting.clear();
    for (const [key, { bytes, done, failed }] of waiting)
      this.change(key, bytes).then(
        (revision) => done.forEach((tell) => tell(revision)),
        (error: Error) => failed.forEach((tell) => tell(error)),
      );
  }

  close(): void {
    for (const { failed } of this.waiting.values()) for (const tell of failed) tell(closedError());
    this.waiting.clear();
  }

  private async change(key: string, bytes: Uint8Array | undefined): Promise<number> {
    this.changes += 1;
    const order = this.changes;
    if (this.hooks.isUp()) {
      try {
        return await this.call(key, async (kv) => {
          if (bytes !== undefined) return kv.put(key, bytes);
          await kv.delete(key);
          return 0;
        });
      } catch (error) {
        // The outage began meanwhile: the value waits like those after it.
        if (this.hooks.isUp()) throw error;
      }
    }
    this.hooks.assertOpen();
    const waiting = this.waiting.get(key) ?? { bytes, order, done: [], failed: [] };
    // One that was on its way may come back after a newer one.
    if (waiting.order < order) Object.assign(waiting, { bytes, order });
    this.waiting.set(key, waiting);
    return new Promise((done, failed) => {
      waiting.done.push(done);
      waiting.failed.push(failed);
    });
  }

  private async call<Result>(what: string, ask: (kv: KV) => Promise<Result>): Promise<Result> {
    try {
      const nc = this.hooks.connection();
      this.opened ??= new Kvm(nc).create(this.bucket, { history: 1, storage: StorageType.File });
      return await ask(await this.opened);
    } catch (error) {
      this.opened = undefined;
      throw busFailure(error, `${this.bucket} ${what}`, API_TIMEOUT_MS);
    }
  }
}

/** Passes entries of the prefix; a deletion only of a key that the watcher may know. */
function changeFilter(prefix: string, existing: boolean): (entry: KvEntry) => boolean {
  const alive = new Set<string>();
  return ({ key, operation }) => {
    if (!key.startsWith(prefix)) return false;
    if (operation !== "PUT") return alive.delete(key) || !existing;
    alive.add(key);
    return true;
  };
}

function changeOf({ key, value, revision, operation }: KvEntry): LastValueChange {
  return { key, bytes: operation === "PUT" ? value : undefined, revision };
}
