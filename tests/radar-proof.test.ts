import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { SUBJECTS } from "#contracts/subjects.ts";
import { drivenRows } from "#recording/driven-rows.ts";
import type { Verification } from "#recording/proof.ts";
import { verifyRecording } from "#recording/verify.ts";
import { qiki, removeFolder } from "./running-twin.ts";

const folder = mkdtempSync(join(tmpdir(), "qiki-radar-proof-"));
let lines: string[] = [];

beforeAll(async () => {
  const path = join(folder, "good.jsonl");
  const run = await qiki(["run", "scenarios/close_pass.yaml", "--record", path]);
  expect(run.code, run.stderr).toBe(0);
  lines = readFileSync(path, "utf8").trimEnd().split("\n");
});
afterAll(() => removeFolder(folder));

interface Row {
  seq: number;
  readonly subject: string;
  data: Record<string, unknown>;
}

const rowOf = (line: string): Row => JSON.parse(line) as Row;

/** The rows numbered anew, every `check` and `end` made true again: a forger's work, which only recomputing finds. */
function forged(rows: readonly string[]): string {
  let text = "";
  rows.forEach((line, index) => {
    const row = rowOf(line);
    row.seq = index + 1;
    if (row.subject === SUBJECTS.recordCheck || row.subject === SUBJECTS.recordEnd)
      Object.assign(row.data, { rows: index, sha256: createHash("sha256").update(text).digest("hex") });
    text += `${JSON.stringify(row)}\n`;
  });
  return text;
}

function verify(text: string): Verification {
  const path = join(folder, "forged.jsonl");
  writeFileSync(path, text);
  return verifyRecording({ rows: () => drivenRows(path, ({ kind }) => expect.fail(`the file itself is damaged: ${kind}`)) });
}

/** Lines of the rows that a test picks, in order. */
function linesWhere(picks: (row: Row) => boolean): number[] {
  return lines.flatMap((line, index) => (picks(rowOf(line)) ? [index] : []));
}

const on =
  (subject: string) =>
  (row: Row): boolean =>
    row.subject === subject;

/** Changes the last digit of the first number that `pattern` catches. */
function oneDigit(line: string, pattern: RegExp): string {
  const found = pattern.exec(line);
  if (found === null) expect.fail(`nothing like ${String(pattern)} in ${line.slice(0, 200)}`);
  const at = found.index + found[0].length - 1;
  return `${line.slice(0, at)}${(Number(line[at]) + 1) % 10}${line.slice(at + 1)}`;
}

describe("verify of a forged radar", () => {
  test("REC-001 recording - as it was written it proves itself", () => {
    expect(verify(forged(lines))).toMatchObject({ kind: "identical", counts: { [SUBJECTS.radarTracks]: expect.any(Number) as number } });
  });

  test.each([
    ["a frame", on(SUBJECTS.radarFrames), /"range_m":\d+\.\d{1,6}/, SUBJECTS.radarFrames],
    ["a frame of long range", on(SUBJECTS.radarFramesLr), /"vr_mps":-?\d+\.\d{1,6}/, SUBJECTS.radarFramesLr],
    ["a frame of short range", on(SUBJECTS.radarFramesSr), /"vr_mps":-?\d+\.\d{1,6}/, SUBJECTS.radarFramesSr],
    ["a track", on(SUBJECTS.radarTracks), /"bearing_deg":\d+\.\d{1,6}/, SUBJECTS.radarTracks],
    ["a covariance", on(SUBJECTS.radarTracks), /"velocity_covariance":\[\d+\.\d{1,6}/, SUBJECTS.radarTracks],
    ["a guard event", on(SUBJECTS.radarGuard), /"quality":\d(\.\d{1,6})?/, SUBJECTS.radarGuard],
    ["a tracker status", on(SUBJECTS.radarTracker), /"frames":\d+/, SUBJECTS.radarTracker],
    ["a digest of tracks", (row: Row) => row.data.room === "tracks", /"hashes":\["[0-9a-f]*\d/, SUBJECTS.recordHashes],
    ["a digest of guards", (row: Row) => row.data.room === "guards", /"hashes":\["[0-9a-f]*\d/, SUBJECTS.recordHashes],
    ["a digest of the scene", (row: Row) => row.data.room === "scene", /"hashes":\["[0-9a-f]*\d/, SUBJECTS.recordHashes],
  ] as const)("PRF-004 proof - one digit of %s", (_what, picks, pattern, subject) => {
    const at = linesWhere((row) => picks(row) && pattern.test(JSON.stringify(row)))[0]!;
    const verdict = verify(forged(lines.with(at, oneDigit(lines[at]!, pattern))));
    expect(verdict).toMatchObject({ kind: "diverged", first: { subject, row: at + 1 } });
  });

  test.each([
    ["track", SUBJECTS.radarTracks],
    ["guard event", SUBJECTS.radarGuard],
    ["tracker status", SUBJECTS.radarTracker],
    ["frame", SUBJECTS.radarFrames],
  ])("PRF-004 proof - a %s taken out: the first, the last, and all", (_what, subject) => {
    const found = linesWhere(on(subject));
    for (const gone of [[found[0]!], [found.at(-1)!], found])
      expect(verify(forged(lines.filter((_, index) => !gone.includes(index)))), `rows ${gone.slice(0, 3).join(", ")}`).toMatchObject({
        kind: "diverged",
      });
  });

  test("PRF-004 proof - two tracks in each other's place, one written twice, one of another run", () => {
    const [first, second] = linesWhere(on(SUBJECTS.radarTracks));
    const swapped = lines.with(first!, lines[second!]!).with(second!, lines[first!]!);
    expect(verify(forged(swapped))).toMatchObject({ kind: "diverged", first: { subject: SUBJECTS.radarTracks } });
    expect(verify(forged(lines.toSpliced(first!, 0, lines[first!]!)))).toMatchObject({ kind: "diverged" });
    const strange = lines.with(second!, lines[second!]!.replace(/"track_id":"[0-9a-f]/, '"track_id":"x'));
    expect(verify(forged(strange))).toMatchObject({ kind: "diverged", first: { difference: { path: "track_id" } } });
  });

  test("REC-020 proof - digests that a tracker said again after it was killed are no difference; one digit in them is", () => {
    const digests = linesWhere((row) => row.subject === SUBJECTS.recordHashes && ["tracks", "guards"].includes(String(row.data.room)));
    const again = digests.slice(10, 18).map((at) => lines[at]!);
    for (const place of [digests[17]! + 1, digests.at(-1)! + 1]) {
      expect(verify(forged(lines.toSpliced(place, 0, ...again)))).toMatchObject({ kind: "identical" });
      const wrong = again.with(3, again[3]!.replace(/"hashes":\["./, '"hashes":["x'));
      expect(verify(forged(lines.toSpliced(place, 0, ...wrong)))).toMatchObject({ kind: "diverged" });
    }
  });

  test("PRF-004 proof - exit codes: 4 where a check row speaks, 1 where only recomputing does", async () => {
    const at = linesWhere(on(SUBJECTS.radarTracks))[0]!;
    const edited = lines.with(at, oneDigit(lines[at]!, /"bearing_deg":\d+\.\d{1,6}/));
    for (const [text, code, said] of [
      [`${edited.join("\n")}\n`, 4, /TAMPERED before row \d+/],
      [forged(edited), 1, /^DIVERGED tick 10 sim 1\.000 s row \d+\n {2}radar\.v1\.tracks\.bearing_deg {2}recorded/],
    ] as const) {
      const path = join(folder, "edited.jsonl");
      writeFileSync(path, text);
      const verdict = await qiki(["verify", path]);
      expect(verdict.code).toBe(code);
      expect(`${verdict.stdout}${verdict.stderr}`).toMatch(said);
    }
  });
});
