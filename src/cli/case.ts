import { existsSync } from "node:fs";
import { join, relative } from "node:path";
import type { Command } from "commander";
import { QikiError } from "#base/error.ts";
import { writeCase } from "#recording/case.ts";
import { recordingWithRows, tellProblem, type WindowFlags, windowOf } from "./recording-file.ts";

interface CaseFlags extends Required<WindowFlags> {
  readonly out?: string;
}

const FILES = ["recording.jsonl", "expect.json", "case.test.ts"];

/** `qiki case FILE --from T --to T`: a stretch of a recording becomes a test. */
export function addCaseVerb(program: Command): void {
  program
    .command("case")
    .description("make a regression test of a stretch of a recording: its rows, what was observed, and a test of both")
    .argument("<file>", "recording")
    .requiredOption("--from <T>", "from this moment: seconds after the start, RFC 3339, or tick:N")
    .requiredOption("--to <T>", "up to this moment")
    .option("--out <folder>", "folder for it, such as tests/cases/overload", "case")
    .action(async (file: string, flags: CaseFlags) => {
      const window = windowOf(recordingWithRows(file), flags) as { fromTick: number; toTick: number };
      const folder = flags.out ?? "case";
      for (const name of FILES)
        if (existsSync(join(folder, name)))
          throw new QikiError("file_exists", `${join(folder, name)} exists; choose another folder with --out`);
      const { verdict, lifecycle } = await writeCase(file, window, folder, tellProblem);
      process.stdout.write(
        `${verdict.kind}: ${verdict.messages} messages up to tick ${verdict.ticks}, ${lifecycle.length} transitions of incidents\n` +
          `${FILES.map((name) => `  ${relative(process.cwd(), join(folder, name))}\n`).join("")}`,
      );
    });
}
