import { type KV, type KvEntry, Kvm, KvWatchInclude } from "@nats-io/kv";
import { StorageType } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { ChangeIterator } from "../change-iterator.ts";
import { revisionMismatch } from "../failures.ts";
import type { LastValueChange, LastValues } from "../port.ts";
import { checkKey } from "../subject.ts";
import { apiErrorCode, busFailure, WRONG_LAST_SEQUENCE } from "./failures.ts";

const API_TIMEOUT_MS = 5_000;

export interface LastValueHooks {
  /** Throws once the bus is closed. */
  readonly assertOpen: () => void;
  readonly onFailure: (error: Error) => void;
  /** Open watches, for the bus to end. */
  readonly watches: Set<ChangeIterator>;
}

/** One bucket as the bus knows it. */
export function natsLastValues(nc: NatsConnection, bucket: string, { assertOpen, onFailure, watches }: LastValueHooks): LastValues {
  let opened: Promise<KV> | undefined;
  async function call<Result>(what: string, ask: (kv: KV) => Promise<Result>): Promise<Result> {
    assertOpen();
    try {
      opened ??= new Kvm(nc).create(bucket, { history: 1, storage: StorageType.File });
      return await ask(await opened);
    } catch (error) {
      opened = undefined;
      throw busFailure(error, what, API_TIMEOUT_MS);
    }
  }
  return {
    async get(key) {
      checkKey(key);
      const entry = await call(`${bucket} ${key}`, (kv) => kv.get(key));
      if (entry === null || entry.operation !== "PUT") return undefined;
      return { key, bytes: entry.value, revision: entry.revision };
    },
    async put(key, bytes, options) {
      checkKey(key);
      const own = new Uint8Array(bytes);
      return call(`${bucket} ${key}`, async (kv) => {
        const { ifRevision } = options ?? {};
        try {
          if (ifRevision === undefined) return await kv.put(key, own);
          return ifRevision === 0 ? await kv.create(key, own) : await kv.update(key, own, ifRevision);
        } catch (error) {
          if (ifRevision !== undefined && apiErrorCode(error) === WRONG_LAST_SEQUENCE) {
            throw revisionMismatch(bucket, key, ifRevision, error);
          }
          throw error;
        }
      });
    },
    async delete(key) {
      checkKey(key);
      await call(`${bucket} ${key}`, (kv) => kv.delete(key));
    },
    watch(prefix, { existing }) {
      assertOpen();
      let stop = (): void => {};
      const changes: ChangeIterator = new ChangeIterator([], () => {
        watches.delete(changes);
        stop();
      });
      watches.add(changes);
      const include = existing ? KvWatchInclude.LastValue : KvWatchInclude.UpdatesOnly;
      const pump = async (): Promise<void> => {
        const entries = await call(bucket, (kv) => kv.watch({ include }));
        stop = () => entries.stop();
        const isWanted = changeFilter(prefix, existing);
        for await (const entry of entries) if (isWanted(entry)) changes.push(changeOf(entry));
      };
      pump()
        .catch(onFailure)
        .finally(() => changes.end());
      return changes;
    },
  };
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
