import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Command } from "commander";
import { QikiError } from "#base/error.ts";
import { openInProcessBroker } from "#bus/in-process.ts";
import { connectNats } from "#bus/nats.ts";
import type { Bus } from "#bus/port.ts";
import { readRecordingSync } from "#recording/reader.ts";
import { replayRecording } from "#recording/replay.ts";
import { natsOptions } from "./nats-options.ts";
import { recordingFile, tellProblem } from "./recording-file.ts";

interface ReplayFlags {
  readonly speed: number;
  readonly timing: boolean;
  readonly subjectPrefix: string;
  readonly withCommands?: boolean;
  readonly from?: number;
  readonly to?: number;
  readonly nats?: string;
}

const FLUSH_MS = 5000;

/** `qiki replay FILE`: a recording onto a bus, under a prefix so that nobody takes it for the present. */
export function addReplayVerb(program: Command): void {
  program
    .command("replay")
    .description("publish a recording's messages again, at their recorded pace or as fast as they go")
    .argument("<file>", "recording file")
    .option("--speed <x>", "times the recorded pace", Number, 1)
    .option("--no-timing", "as fast as it goes")
    .option("--subject-prefix <word>", "put before every subject", "replay")
    .option("--from <s>", "begin this many seconds after the start", secondsOf)
    .option("--to <s>", "end before this many seconds after the start", secondsOf)
    .option("--with-commands", "publish recorded commands too")
    .option("--nats <url>", "onto this NATS server; without it the messages go to a bus inside this process, as a trial")
    .action(async (file: string, flags: ReplayFlags) => {
      recordingFile(file);
      const bus = await openBus(flags);
      try {
        const rows = readRecordingSync(file, {
          strict: false,
          data: "checked",
          onProblem: tellProblem,
        });
        const summary = await replayRecording(rows, {
          publish: (subject, bytes, how) => void bus.publish(subject, bytes, how),
          speed: flags.timing ? flags.speed : "no_timing",
          withCommands: flags.withCommands === true,
          ...(flags.from === undefined ? {} : { fromS: flags.from }),
          ...(flags.to === undefined ? {} : { toS: flags.to }),
          replayId: randomUUID().slice(0, 8),
          nowMs: () => performance.now(),
          wait: (delayMs) => sleep(delayMs),
        });
        await bus.flush(FLUSH_MS);
        process.stdout.write(`${JSON.stringify({ ...summary, input_path: file })}\n`);
      } finally {
        await bus.close();
      }
    });
}

function secondsOf(text: string): number {
  const seconds = Number(text);
  if (text.trim() !== "" && Number.isFinite(seconds)) return seconds;
  throw new QikiError("usage", `${text} is no time: give seconds after the start of the recording, such as 12.5`);
}

function openBus(flags: ReplayFlags): Promise<Bus> {
  if (flags.nats === undefined) {
    const broker = openInProcessBroker({ nowMs: () => Date.now(), report: () => {} });
    return Promise.resolve(broker.connect({ prefix: flags.subjectPrefix }));
  }
  return connectNats({ ...natsOptions(flags.nats), prefix: flags.subjectPrefix });
}
