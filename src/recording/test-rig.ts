import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import type { QikiError } from "#base/error.ts";
import { utf8Encode } from "#base/utf8.ts";
import type { RecordingMeta } from "#contracts/recording.ts";
import type { RecordedMessage } from "./line.ts";
import { type RecordingProblem, readRecordingSync, type ReadOptions } from "./reader.ts";
import type { RecordingRow } from "./row.ts";
import { openRecordingWriter, type RecordingWriter } from "./writer.ts";

/** Folder of the files of one test file; gone at its end. */
export const folder = mkdtempSync(join(tmpdir(), "qiki-recording-"));
afterAll(() => rmSync(folder, { recursive: true }));

let files = 0;

export function newPath(ending = ".jsonl"): string {
  files += 1;
  return join(folder, `file-${files}${ending}`);
}

export async function openWriter(
  path: string,
  options: { force?: boolean; segment?: number; firstSeq?: number; recordingId?: string; onFailure?: (error: QikiError) => void } = {},
): Promise<RecordingWriter> {
  const { force = false, segment = 1, firstSeq = 1, recordingId = "rec-1", onFailure = () => {} } = options;
  return openRecordingWriter({
    path,
    force,
    firstSeq,
    meta: { ...META, recording_id: recordingId, segment },
    nowMs: () => 1_800_000_000_000,
    onFailure,
  });
}

export async function fileOf(messages: readonly RecordedMessage[]): Promise<string> {
  const path = newPath();
  const writer = await openWriter(path);
  writer.write(messages);
  await writer.end();
  return path;
}

export async function read(
  path: string,
  changes: Partial<ReadOptions> = {},
): Promise<{ rows: RecordingRow[]; problems: RecordingProblem[] }> {
  const problems: RecordingProblem[] = [];
  const options: ReadOptions = { strict: false, data: "checked", onProblem: (problem) => void problems.push(problem), ...changes };
  return Promise.resolve({ rows: [...readRecordingSync(path, options)], problems });
}

/** The file as a crash leaves it: without the end row. */
export function withoutEnd(bytes: Buffer): Buffer {
  return bytes.subarray(0, bytes.lastIndexOf(10, bytes.length - 2) + 1);
}

export function message(subject: string, payload: object): RecordedMessage {
  return { subject, payload: utf8Encode(JSON.stringify(payload)), ingestMs: 1_800_000_000_000 };
}

export function event(timeS: number, text = ""): RecordedMessage {
  return message("qiki.events.v1.power.bus", { ts_epoch: timeS, text });
}

export function telemetry(timeS: number): RecordedMessage {
  return message("qiki.telemetry", { ts_unix_ms: timeS * 1_000 });
}

export function command(): RecordedMessage {
  return message("qiki.commands.control", { command_name: "sim.start", parameters: {}, metadata: {} });
}

export function oldLine(number: number): string {
  return `{"schema_version":1,"type":"event","ts_epoch":${number},"ts_ingest_epoch":1,"subject":"qiki.events.v1.x","data":{"n":${number}}}`;
}

export function sha256(lines: readonly string[]): string {
  return createHash("sha256")
    .update(`${lines.join("\n")}\n`)
    .digest("hex");
}

export const META: RecordingMeta = {
  recording_id: "rec-1",
  segment: 1,
  run_id: "run",
  boot_id: "0",
  product_version: "0.1.0",
  node: "24",
  arch: "x64",
  contracts_hash: "c",
  hash_algo: "murmur3-x86-128",
  rooms: ["craft"],
  epoch: "2026-01-01T00:00:00.000Z",
  tick_ms: 100,
  seed: 42,
  scenario: { name: "default", sha256: "0".repeat(64), text: "" },
  profile: {},
  thrusters: [],
  rules: {},
  guard_rules: {},
  config: {},
  subjects: [],
  start: { tick: 0, state_hash: "0".repeat(32) },
};
