import { DatabaseSync } from "node:sqlite";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { allAudit } from "#store/audit-query.ts";
import { readHead } from "#store/head-file.ts";
import { type ChainVerdict, type KnownHead, verifyChain } from "#store/verify-chain.ts";

interface Job {
  readonly path: string;
  readonly heads: readonly KnownHead[];
}

/**
 * Checks the whole chain of a store that is being written, in a thread of its own: hashing a long chain takes seconds, and
 * nothing may make the simulation wait.
 */
export function verifyStore(path: string, heads: readonly KnownHead[]): Promise<ChainVerdict> {
  return new Promise((done, fail) => {
    const worker = new Worker(new URL(import.meta.url), { workerData: { path, heads } satisfies Job });
    worker.once("message", done);
    worker.once("error", fail);
    worker.once("exit", (code) => fail(new Error(`the check of ${path} ended with exit code ${code}`)));
  });
}

/** The head is read first: the chain that is read after it must contain it. */
function verify({ path, heads }: Job): ChainVerdict {
  const kept = readHead(path);
  const db = new DatabaseSync(path, { readOnly: true, timeout: 5000 });
  try {
    return verifyChain(allAudit(db), kept === undefined ? heads : [kept, ...heads]);
  } finally {
    db.close();
  }
}

if (!isMainThread && isJob(workerData)) parentPort?.postMessage(verify(workerData));

function isJob(value: unknown): value is Job {
  return typeof value === "object" && value !== null && "path" in value && "heads" in value;
}
