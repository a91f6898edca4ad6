import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { basename } from "node:path";
import { finished } from "node:stream/promises";
import type { Command } from "commander";
import { QikiError } from "#base/error.ts";
import { csvColumns, csvLines } from "#recording/csv.ts";
import { type RecordingInfo, recordingInfo } from "#recording/info.ts";
import { exportMcap } from "#recording/mcap-export.ts";
import { importMcap } from "#recording/mcap-import.ts";
import { type ReadOptions, readRecordingSync } from "#recording/reader.ts";
import { withoutEnding } from "#recording/segments.ts";
import { recordingFile, recordingWithRows, tellProblem } from "./recording-file.ts";
import { PRODUCT_VERSION } from "./version.ts";

const STRICT = ["--strict", "a bad line is an error (exit code 4) instead of being skipped"] as const;

/** `qiki record info|export|import`: what is in a recording, and the same in other programs' formats and back. */
export function addRecordFileVerbs(record: Command): void {
  record
    .command("info")
    .description("read a recording through, every segment: rows, checks, keyframes, what is wrong with it")
    .argument("<file>", "recording, such as qiki-data/recordings/….jsonl")
    .option(...STRICT)
    .option("--json", "print the summary as JSON")
    .action((file: string, flags: { readonly strict?: boolean; readonly json?: boolean }) => {
      const info = recordingInfo(recordingWithRows(file), { strict: flags.strict === true });
      process.stdout.write(flags.json === true ? `${JSON.stringify(info)}\n` : infoText(info));
    });
  record
    .command("export")
    .description("write a recording as MCAP, which other tools of the field read, or its telemetry as a table (CSV)")
    .argument("<file>", "recording")
    .option("--csv <paths>", "a table of these telemetry values, with commas between, such as power.bus_v,thermal.nodes[id=core].temp_c")
    .option("--out <file>", "where to; else MCAP goes beside the recording, a table is printed")
    .option("--force", "overwrite that file")
    .option(...STRICT)
    // An --out may have been read by 'qiki record' itself, which has one too.
    .action((file: string, _: ExportFlags, command: Command) => exportRecording(file, command.optsWithGlobals<ExportFlags>()));
  record
    .command("import")
    .description("make the recording again that an MCAP file was exported from, byte by byte")
    .argument("<file>", "MCAP file of 'qiki record export'")
    .option("--out <file>", "where to; else beside the MCAP file")
    .option("--force", "overwrite that file")
    .action((file: string, _: ImportFlags, command: Command) => importRecording(file, command.optsWithGlobals<ImportFlags>()));
}

interface ExportFlags {
  readonly csv?: string;
  readonly out?: string;
  readonly force?: boolean;
  readonly strict?: boolean;
}

async function exportRecording(file: string, flags: ExportFlags): Promise<void> {
  const reading = { strict: flags.strict === true, onProblem: tellProblem };
  if (flags.csv !== undefined) return exportCsv(recordingWithRows(file), flags.csv, flags, reading);
  const path = flags.out ?? `${withoutEnding(file)}.mcap`;
  const exported = await exportMcap(recordingWithRows(file), path, {
    ...reading,
    force: flags.force === true,
    productVersion: PRODUCT_VERSION,
  });
  process.stdout.write(`${JSON.stringify(exported)}\n`);
}

async function exportCsv(
  file: string,
  paths: string,
  flags: ExportFlags,
  reading: Pick<ReadOptions, "strict" | "onProblem">,
): Promise<void> {
  const columns = csvColumns(paths);
  const rows = readRecordingSync(file, { ...reading, data: "on_demand" });
  const out = flags.out === undefined ? process.stdout : createWriteStream(flags.out, { flags: flags.force === true ? "w" : "wx" });
  try {
    for (const line of csvLines(rows, columns)) if (!out.write(line)) await once(out, "drain");
    if (out === process.stdout) return;
    out.end();
    await finished(out);
  } catch (error) {
    throw error instanceof QikiError ? error : outFailure(flags.out ?? "standard output", error as NodeJS.ErrnoException);
  }
}

interface ImportFlags {
  readonly out?: string;
  readonly force?: boolean;
}

function importRecording(file: string, flags: ImportFlags): void {
  const path = flags.out ?? `${file.replace(/\.mcap$/, "")}.jsonl`;
  process.stdout.write(`${JSON.stringify(importMcap(recordingFile(file), path, flags.force === true))}\n`);
}

function outFailure(path: string, error: NodeJS.ErrnoException): QikiError {
  if (error.code === "EEXIST") return new QikiError("file_exists", `${path} exists; choose another name, or --force overwrites it`, error);
  return new QikiError("folder_unwritable", `${path} cannot be written: ${error.message}; check the folder and its rights`, error);
}

function infoText(info: RecordingInfo): string {
  const { meta, segments, counts, first, last, keyframe_ticks: keyframes } = info;
  const lines: string[] = [];
  if (meta === null) lines.push("no meta row: it can be replayed, not verified");
  else {
    lines.push(`recording ${meta.recording_id}, run ${meta.run_id}, scenario ${meta.scenario?.name}`);
    lines.push(`made by ${meta.product_version} on Node ${meta.node}, rooms ${meta.rooms?.join(" ")}`);
    if (meta.parent !== undefined) lines.push(`forked from ${meta.parent.recording_id} at tick ${meta.parent.tick}`);
  }
  if (first !== null && last !== null) lines.push(`telemetry from ${momentText(first)} to ${momentText(last)}`);
  for (const segment of segments)
    lines.push(
      `${basename(segment.file)}: ${segment.bytes} bytes, ${segment.rows} rows, ${segment.ended ? "ended in order" : "no end row: being written, or cut off"}, ` +
        `${segment.checks} checks hold, ${segment.rows_unchecked} rows after the last`,
    );
  lines.push(
    `rows: ${
      Object.entries(counts)
        .map(([type, count]) => `${type} ${count}`)
        .join(", ") || "none"
    }`,
  );
  lines.push(`keyframes: ${keyframes.length === 0 ? "none" : `${keyframes.length}, ticks ${keyframes[0]} to ${keyframes.at(-1)}`}`);
  lines.push(`dropped or missed: ${info.dropped}`);
  for (const problem of info.problems) lines.push(`problem: ${problem}`);
  return `${lines.join("\n")}\n`;
}

function momentText({ tick, ts_epoch: timeS }: NonNullable<RecordingInfo["first"]>): string {
  return `${tick === null ? "" : `tick ${tick}, `}${new Date(timeS * 1000).toISOString()}`;
}
