import { COMMAND_DEDUP_SCHEMA, type CommandDedup, createCommandDedup } from "./command-dedup.ts";
import { type Durability, openDatabase } from "./database.ts";
import { lockStore } from "./lock.ts";

const MIGRATIONS = [
  `${COMMAND_DEDUP_SCHEMA}
CREATE TABLE machine_state (
  id INTEGER PRIMARY KEY CHECK (id = 0),
  tick INTEGER NOT NULL,
  bytes BLOB NOT NULL
) STRICT;`,
];

/** What a command owner other than alarms keeps: its answers, and the state of its machine if it has one to keep. */
export interface OwnerStore {
  readonly dedup: CommandDedup;
  saveMachine(tick: number, bytes: Uint8Array): void;
  loadMachine(): { readonly tick: number; readonly bytes: Uint8Array } | undefined;
  close(): void;
}

/** Opens `path` for one owner (`sim`, `tracker`, `recorder`). @throws QikiError as `openDatabase` and `lockStore` */
export function openOwnerStore(path: string, owner: string, durability?: Durability): OwnerStore {
  const lock = lockStore(path);
  try {
    const db = openDatabase(path, MIGRATIONS, durability);
    const save = db.prepare("INSERT OR REPLACE INTO machine_state (id, tick, bytes) VALUES (0, ?, ?)");
    const load = db.prepare("SELECT tick, bytes FROM machine_state WHERE id = 0");
    return {
      dedup: createCommandDedup(db, owner),
      saveMachine: (tick, bytes) => void save.run(tick, bytes),
      loadMachine() {
        const row = load.get();
        return row === undefined ? undefined : { tick: Number(row.tick), bytes: row.bytes as Uint8Array };
      },
      close() {
        db.close();
        lock.release();
      },
    };
  } catch (cause) {
    lock.release();
    throw cause;
  }
}
