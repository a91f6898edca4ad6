import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { loadRun } from "#cli/load-run.ts";
import { runScenario } from "#cli/run.ts";
import { openRunRecorder } from "#cli/run-recorder.ts";
import { SUBJECTS } from "#contracts/subjects.ts";
import { drivenRows } from "#recording/driven-rows.ts";
import { segmentPath } from "#recording/segments.ts";

interface Row {
  readonly subject: string;
  readonly data: Record<string, unknown>;
  seq?: number;
}

/** Records a scenario as `qiki run --record` does and returns the lines of the file. */
export async function recordRun(scenario: string, path: string, durationS?: number): Promise<string[]> {
  const loaded = loadRun({ scenario, bootId: "0", ...(durationS === undefined ? {} : { durationS }) });
  await runScenario(loaded, await openRunRecorder(path, false, loaded));
  return readFileSync(path, "utf8").trimEnd().split("\n");
}

/** The rows as the text of a file, with every `check` and `end` made true again: a forger's work, which only recomputing finds. */
export function forged(rows: readonly string[]): string {
  let text = "";
  let count = 0;
  for (const line of rows) {
    const row = JSON.parse(line) as Row;
    if (row.subject === SUBJECTS.recordCheck || row.subject === SUBJECTS.recordEnd) {
      row.data.rows = count;
      row.data.sha256 = createHash("sha256").update(text).digest("hex");
      text += `${JSON.stringify(row)}\n`;
    } else text += `${line}\n`;
    count += 1;
  }
  return text;
}

/** Writes a recording of one file as two segments, the second beginning with the sim's keyframe of this tick, and returns their paths. */
export function splitAtKeyframe(lines: readonly string[], tick: number, path: string): readonly [string, string] {
  const rows = lines.map((line) => JSON.parse(line) as Row);
  const at = rows.findIndex(({ subject, data }) => subject === SUBJECTS.recordKeyframe && data.role === "sim" && data.tick === tick);
  const meta = structuredClone(rows[0]!);
  meta.data.segment = 2;
  const end = structuredClone(rows.at(-1)!);
  const second = segmentPath(path, 2);
  const numbered = [...rows.slice(0, at), end, meta, ...rows.slice(at)].map((row, index) => JSON.stringify({ ...row, seq: index + 1 }));
  writeFileSync(path, forged(numbered.slice(0, at + 1)));
  writeFileSync(second, forged(numbered.slice(at + 1)));
  return [path, second];
}

/** Digests of every room but the incidents by room and tick, later than a tick. */
export function roomDigests(path: string, afterTick: number): Map<string, string> {
  const found = new Map<string, string>();
  for (const { subject, data } of drivenRows(path, () => {})) {
    const { room, at, hashes } = data as { room: string; at: number[]; hashes: string[] };
    if (subject !== SUBJECTS.recordHashes || room === "incidents") continue;
    at.forEach((tick, index) => tick > afterTick && found.set(`${room} ${tick}`, hashes[index]!));
  }
  return found;
}
