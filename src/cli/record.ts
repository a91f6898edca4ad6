import type { Command } from "commander";
import { setTimeout as sleep } from "node:timers/promises";
import { QikiError } from "#base/error.ts";
import { type GatewayFlags, gatewayClient, withGateway } from "./gateway-client.ts";
import { addRecordFileVerbs } from "./record-files.ts";

interface RecordFlags extends GatewayFlags {
  readonly out?: string;
  readonly durationS?: number;
}

const POLL_MS = 250;
const WAIT_MS = 10_000;

/** `qiki record`: one more recording of a running twin, beside the one it makes of itself. */
export function addRecordVerb(program: Command): void {
  const record = withGateway(program.command("record"));
  addRecordFileVerbs(record);
  record
    .description("record a running twin to a file in its recordings folder, for a time or until Ctrl-C")
    .option("--out <file>", "file name inside the recordings folder")
    .option("--duration-s <s>", "end by itself after so many seconds", Number)
    .action(async (flags: RecordFlags) => {
      if (flags.durationS !== undefined && !(flags.durationS >= 1 && flags.durationS <= 86_400)) {
        throw new QikiError("usage", `--duration-s ${flags.durationS} is not possible: give seconds in [1, 86400]`);
      }
      const client = await gatewayClient(flags, "cli");
      await client.command("record.start", flags.out === undefined ? {} : { path: flags.out });
      const { path } = await opened(client);
      const startedMs = performance.now();
      let interrupted = false;
      process.once("SIGINT", () => (interrupted = true));
      const endMs = flags.durationS === undefined ? Number.POSITIVE_INFINITY : startedMs + flags.durationS * 1000;
      while (!interrupted && performance.now() < endMs) await sleep(Math.min(POLL_MS, Math.max(1, endMs - performance.now())));
      await client.command("record.stop", {});
      const { counts, problem } = await ended(client, path);
      if (problem !== null) throw new QikiError("disk", `the recording ${path} is not whole: ${problem}`);
      process.stdout.write(`${JSON.stringify({ path, duration_s: Math.round((performance.now() - startedMs) / 1000), counts })}\n`);
    });
}

type Client = Awaited<ReturnType<typeof gatewayClient>>;

/** A recording as the recorder tells of it. */
interface Told {
  readonly path: string;
  readonly rows: number;
  readonly counts: Readonly<Record<string, number>>;
  readonly problem: string | null;
}

/** The asked-for recording once its file is open. @throws QikiError `disk` when it cannot be, `timeout` */
async function opened(client: Client): Promise<Told> {
  const found = await told(client, "the recording was not begun", ({ asked }) =>
    asked !== null && (asked.rows > 0 || asked.problem !== null) ? asked : undefined,
  );
  if (found.problem === null) return found;
  await client.command("record.stop", {});
  throw new QikiError("disk", `the recording ${found.path} cannot be made: ${found.problem}`);
}

/** The same once it has ended: its counts are those of the file. @throws QikiError `timeout` */
async function ended(client: Client, path: string): Promise<Told> {
  return told(client, `the recording ${path} was not ended`, (state) =>
    state.ended?.path === path && state.asked === null ? state.ended : undefined,
  );
}

async function told(
  client: Client,
  otherwise: string,
  pick: (state: { readonly asked: Told | null; readonly ended: Told | null }) => Told | undefined,
): Promise<Told> {
  for (let waitedMs = 0; waitedMs <= WAIT_MS; waitedMs += POLL_MS) {
    const state = await client.get<{ topics: { system: { recorder?: { v: { asked: Told | null; ended: Told | null } } } } }>(
      "/api/state?topics=system",
    );
    const { recorder } = state.topics.system;
    const found = recorder === undefined ? undefined : pick(recorder.v);
    if (found !== undefined) return found;
    await sleep(POLL_MS);
  }
  throw new QikiError("timeout", `${otherwise} within ${WAIT_MS / 1000} s: the twin's log says why`);
}
