import type { Command } from "commander";
import { setTimeout as sleep } from "node:timers/promises";
import { QikiError } from "#base/error.ts";
import { gatewayClient } from "./gateway-client.ts";

interface RecordFlags {
  readonly out?: string;
  readonly durationS?: number;
  readonly url: string;
}

const POLL_MS = 500;
const STOP_WAIT_MS = 10_000;

/** `qiki record`: one more recording of a running twin, beside the one it makes of itself. */
export function addRecordVerb(program: Command): void {
  program
    .command("record")
    .description("record a running twin to a file in its recordings folder, for a time or until Ctrl-C")
    .option("--out <file>", "file name inside the recordings folder")
    .option("--duration-s <s>", "end by itself after so many seconds", Number)
    .option("--url <url>", "gateway of the running twin", "http://127.0.0.1:8420")
    .action(async (flags: RecordFlags) => {
      if (flags.durationS !== undefined && !(flags.durationS >= 1 && flags.durationS <= 86_400)) {
        throw new QikiError("usage", `--duration-s ${flags.durationS} is not possible: give seconds in [1, 86400]`);
      }
      const client = await gatewayClient(flags.url, "cli");
      const startedMs = performance.now();
      await client.command("record.start", flags.out === undefined ? {} : { path: flags.out });
      let interrupted = false;
      process.once("SIGINT", () => (interrupted = true));
      const endMs = flags.durationS === undefined ? Number.POSITIVE_INFINITY : startedMs + flags.durationS * 1000;
      while (!interrupted && performance.now() < endMs) await sleep(Math.min(POLL_MS, Math.max(1, endMs - performance.now())));
      const before = (await asked(client))?.path;
      const counts = (await asked(client))?.counts;
      await client.command("record.stop", {});
      for (let waitedMs = 0; waitedMs < STOP_WAIT_MS && (await asked(client)) !== null; waitedMs += POLL_MS) await sleep(POLL_MS);
      process.stdout.write(
        `${JSON.stringify({ path: before ?? null, duration_s: Math.round((performance.now() - startedMs) / 1000), counts: counts ?? {} })}\n`,
      );
    });
}

/** The asked-for recording as the recorder tells it, null when there is none. */
async function asked(client: Awaited<ReturnType<typeof gatewayClient>>): Promise<{ path: string; counts: unknown } | null> {
  const state = await client.get<{ topics: { system: { recorder?: { v: { asked: { path: string; counts: unknown } | null } } } } }>(
    "/api/state?topics=system",
  );
  return state.topics.system.recorder?.v.asked ?? null;
}
