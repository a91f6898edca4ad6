import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { QikiError } from "#base/error.ts";
import { SUBJECTS } from "#contracts/subjects.ts";
import { cutRecording } from "./cut.ts";
import { drivenRows } from "./driven-rows.ts";
import { type ReadOptions, readRecordingSync } from "./reader.ts";
import { findStretch } from "./start.ts";
import { verifyRecording } from "./verify.ts";

/** What a case is held against: that it is recomputed, and what became of the incidents in it. */
export interface CaseExpectation {
  readonly verdict: { readonly kind: string; readonly ticks: number; readonly messages: number; readonly hash: string };
  readonly lifecycle: readonly LifecycleStep[];
}

/** One transition of an incident, as its record tells it. */
export interface LifecycleStep {
  readonly tick: number | null;
  readonly rule_id: string;
  readonly incident_id: string;
  readonly occ: number;
  readonly kind: string;
  readonly from: string | null;
  readonly to: string | null;
}

const RECORDING = "recording.jsonl";
const EXPECTATION = "expect.json";
const TEST = "case.test.ts";

/**
 * Makes a test of a stretch of a recording: the rows from the last complete keyframe set before it, what was observed in them, and
 * a test that recomputes and compares. The folder may be moved to any place in the product's sources.
 * @throws QikiError not_verifiable when no keyframe set lies before the stretch or the stretch is not identical; file_exists
 */
export async function writeCase(
  recording: string,
  window: { readonly fromTick: number; readonly toTick: number },
  folder: string,
  onProblem: ReadOptions["onProblem"],
): Promise<CaseExpectation> {
  const { start } = findStretch(drivenRows(recording, onProblem), window.fromTick, window.toTick);
  if (start === "boot") throw new QikiError("not_verifiable", "not verifiable: no keyframe");
  mkdirSync(folder, { recursive: true });
  const rows = readRecordingSync(recording, { strict: false, data: "checked", onProblem: () => {} });
  await cutRecording(rows, start, window.toTick, join(folder, RECORDING));
  const observed = judgeCase(folder);
  writeFileSync(join(folder, EXPECTATION), `${JSON.stringify(observed, undefined, 2)}\n`);
  writeFileSync(join(folder, TEST), testText(`ticks ${window.fromTick} to ${window.toTick}`));
  return observed;
}

/** Recomputes the recording of a case and reads off what it was expected to show. @throws QikiError as verifyRecording */
export function judgeCase(folder: string): CaseExpectation {
  const rows = () => drivenRows(join(folder, RECORDING), () => {});
  const found = verifyRecording({ rows });
  const verdict = { kind: found.kind, ticks: found.ticks, messages: found.messages, hash: found.kind === "identical" ? found.hash : "" };
  const lifecycle: LifecycleStep[] = [];
  for (const { subject, data } of rows())
    if (subject === SUBJECTS.operatorIncidents && data.subject === "incident") lifecycle.push(stepOf(data));
  return { verdict, lifecycle };
}

/** What a case's test holds its recording against. */
export function caseExpectation(folder: string): CaseExpectation {
  return JSON.parse(readFileSync(join(folder, EXPECTATION), "utf8")) as CaseExpectation;
}

function stepOf(data: Readonly<Record<string, unknown>>): LifecycleStep {
  const { tick, rule_id, incident_id, occ, kind, from, to } = data as unknown as LifecycleStep;
  return { tick, rule_id, incident_id, occ, kind, from, to };
}

function testText(what: string): string {
  return `import { expect, test } from "vitest";
import { caseExpectation, judgeCase } from "#recording/case.ts";

test("case - ${what}: recomputed identically, with the observed lifecycle of its incidents", () => {
  const expected = caseExpectation(import.meta.dirname);
  expect(expected.verdict.kind).toBe("identical");
  expect(judgeCase(import.meta.dirname)).toEqual(expected);
});
`;
}
