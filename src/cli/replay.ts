import { randomUUID } from "node:crypto";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { type Command, Option } from "commander";
import { QikiError } from "#base/error.ts";
import { openInProcessBroker } from "#bus/in-process.ts";
import { connectNats } from "#bus/nats.ts";
import type { Bus } from "#bus/port.ts";
import { SUBJECTS } from "#contracts/subjects.ts";
import { PauseGate, type StepKind } from "#recording/playback.ts";
import { firstRowOf, readRecordingSync } from "#recording/reader.ts";
import { REPLAY_HEADER, type ReplayOptions, replayRecording } from "#recording/replay.ts";
import { type Moment, SeekableRecording } from "#recording/seek.ts";
import { demandMoment, timeOfMoment } from "./moment.ts";
import { natsOptions } from "./nats-options.ts";
import { recordingFile, tellProblem } from "./recording-file.ts";

interface ReplayFlags {
  readonly speed: number;
  readonly timing: boolean;
  readonly subjectPrefix: string;
  readonly live?: boolean;
  readonly force?: boolean;
  readonly withCommands?: boolean;
  readonly from?: string;
  readonly to?: string;
  readonly seek?: string;
  readonly step?: StepKind;
  readonly nats?: string;
}

const FLUSH_MS = 5000;
/** For so long is listened whether somebody is live already. */
const LISTEN_MS = 3000;

/** `qiki replay FILE`: a recording onto a bus, under a prefix so that nobody takes it for the present. */
export function addReplayVerb(program: Command): void {
  program
    .command("replay")
    .description("publish a recording's messages again, at their recorded pace, as fast as they go, or step by step")
    .argument("<file>", "recording file")
    .option("--speed <x>", "times the recorded pace", Number, 1)
    .option("--no-timing", "as fast as it goes")
    .option("--subject-prefix <word>", "put before every subject", "replay")
    .option("--live", "on the real subjects; refused while somebody else is live there")
    .option("--force", "with --live: whoever is there")
    .option("--from <T>", "begin at this moment: seconds after the start, RFC 3339, or tick:N")
    .option("--to <T>", "end before this moment")
    .option("--seek <T>", "begin with what is known at this moment, and go on from there")
    .addOption(new Option("--step <unit>", "wait for Enter before each").choices(["event", "tick"]))
    .option("--with-commands", "publish recorded commands too")
    .option("--nats <url>", "onto this NATS server; without it the messages go to a bus inside this process, as a trial")
    .addHelpText("after", "\nOn a terminal, Enter pauses and goes on; with --step it goes one step further.")
    .action(replay);
}

async function replay(file: string, flags: ReplayFlags): Promise<void> {
  recordingFile(file);
  for (const text of [flags.from, flags.to, flags.seek]) if (text !== undefined) demandMoment(text);
  const first = firstRowOf(file);
  const bus = await openBus(flags);
  try {
    if (flags.live === true && flags.force !== true) await demandSilence(bus);
    const sought = flags.seek === undefined ? undefined : new SeekableRecording(file, tellProblem).seek(momentOf(file, flags.seek));
    const rows = sought?.rows ?? readRecordingSync(file, { strict: false, data: "checked", onProblem: tellProblem });
    const lines = flags.step !== undefined || process.stdin.isTTY ? createInterface({ input: process.stdin }) : undefined;
    try {
      const summary = await replayRecording(rows, {
        publish: (subject, bytes, how) => void bus.publish(subject, bytes, how),
        speed: flags.timing ? flags.speed : "no_timing",
        withCommands: flags.withCommands === true,
        firstS: first.head.ts_epoch,
        ...(flags.from === undefined ? {} : { fromS: timeOfMoment(file, flags.from) - first.head.ts_epoch }),
        ...(flags.to === undefined ? {} : { toS: timeOfMoment(file, flags.to) - first.head.ts_epoch }),
        ...(sought === undefined ? {} : { lastValues: sought.lastValues }),
        replayId: randomUUID().slice(0, 8),
        nowMs: () => performance.now(),
        wait: (delayMs) => sleep(delayMs),
        ...(lines === undefined ? {} : control(lines, flags.step)),
      });
      await bus.flush(FLUSH_MS);
      process.stdout.write(`${JSON.stringify({ ...summary, input_path: file })}\n`);
    } finally {
      lines?.close();
    }
  } finally {
    await bus.close();
  }
}

/** Enter at the terminal: one step further, or pause and go on. */
function control(lines: ReturnType<typeof createInterface>, step: StepKind | undefined): Pick<ReplayOptions, "gate" | "steps"> {
  if (step !== undefined) {
    const entered = lines[Symbol.asyncIterator]();
    return { steps: { by: step, next: async () => (await entered.next()).done !== true } };
  }
  const gate = new PauseGate();
  lines.on("line", () => {
    if (gate.isPaused) gate.resume();
    else gate.pause();
    process.stderr.write(gate.isPaused ? "qiki: paused; Enter goes on\n" : "qiki: goes on\n");
  });
  return { gate };
}

/** @throws QikiError not_reachable when telemetry of somebody else is heard */
async function demandSilence(bus: Bus): Promise<void> {
  let isLive = false;
  const listening = bus.subscribe(SUBJECTS.telemetry, ({ headers }) => void (isLive ||= headers[REPLAY_HEADER] === undefined), {
    name: "replay.live",
  });
  for (let waitedMs = 0; waitedMs < LISTEN_MS && !isLive; waitedMs += LISTEN_MS / 30) await sleep(LISTEN_MS / 30);
  listening.unsubscribe();
  if (isLive)
    throw new QikiError(
      "not_reachable",
      `${SUBJECTS.telemetry} is live: within ${LISTEN_MS / 1000} s somebody sent there; replay under a prefix, or --force mixes both`,
    );
}

function momentOf(file: string, text: string): Moment {
  const tick = /^tick:(\d{1,15})$/.exec(text)?.[1];
  return tick === undefined ? { timeS: timeOfMoment(file, text) } : { tick: Number(tick) };
}

function openBus(flags: ReplayFlags): Promise<Bus> {
  const prefix = flags.live === true ? {} : { prefix: flags.subjectPrefix };
  if (flags.nats === undefined) {
    const broker = openInProcessBroker({ nowMs: () => Date.now(), report: () => {} });
    return Promise.resolve(broker.connect(prefix));
  }
  return connectNats({ ...natsOptions(flags.nats), ...prefix });
}
