import { createHash } from "node:crypto";
import { QikiError } from "#base/error.ts";
import type { Tick } from "#base/units.ts";
import { utf8Decode } from "#base/utf8.ts";
import { RUN_HEADER, TICK_HEADER } from "#contracts/message.ts";
import { EVENTS_PREFIX, SUBJECTS } from "#contracts/subjects.ts";
import { createAlarmsMachine } from "#twin/alarms-machine.ts";
import type { Machine } from "#twin/machine.ts";
import { SAMPLE_PERIODS_MS } from "#twin/rule-set.ts";
import { createTrackerMachine } from "#twin/tracker-machine.ts";
import { readRules } from "./alarms-replay.ts";
import { type DrivenRow, modelOfMeta } from "./drive.ts";
import { readGuards } from "./tracker-replay.ts";
import type { VerifySource } from "./verify.ts";

/** A reducer that can be run alone on what a recording holds of its input. */
export type Pipeline = "tracker" | "incidents";
export const PIPELINES: readonly Pipeline[] = ["tracker", "incidents"];

export type PipelineVerdict =
  | { readonly kind: "identical"; readonly inputs: number; readonly outputs: number; readonly sha256: string }
  /** The first input whose outputs differ, by the line of its row, with what they say around the place. */
  | { readonly kind: "diverged"; readonly inputs: number; readonly row: number; readonly first: string; readonly second: string };

type Raw = Readonly<Record<string, unknown>>;
type Reducer = (row: DrivenRow) => readonly unknown[];

/** Inputs after which the second machine is handed over, by its snapshot, to another one. */
const HANDOVER_INPUTS = 100;

/**
 * Feeds the recorded frames to two trackers, or the recorded events to two incident reducers, and compares what they say byte by
 * byte; the second is handed over by snapshots on the way. Both begin anew, and operators' commands are left out: what is proven is
 * the reducer, not the run.
 * @throws QikiError not_verifiable without meta, rules, or a single input
 */
export function comparePipeline(source: VerifySource, pipeline: Pipeline): PipelineVerdict {
  const isInput =
    pipeline === "tracker"
      ? ({ subject }: DrivenRow) => subject === SUBJECTS.radarFrames
      : ({ subject, streamSeq }: DrivenRow) => streamSeq !== undefined && subject.startsWith(EVENTS_PREFIX);
  const log = createHash("sha256");
  let machines: { readonly first: Reducer; second: Reducer; handOver(): Reducer } | undefined;
  let inputs = 0;
  let outputs = 0;
  for (const row of source.rows()) {
    if (row.subject === SUBJECTS.recordMeta) machines ??= machinesOf(pipeline, row.data);
    if (!isInput(row)) continue;
    if (machines === undefined) throw new QikiError("not_verifiable", "not verifiable: no meta");
    if (inputs % HANDOVER_INPUTS === HANDOVER_INPUTS / 2) machines.second = machines.handOver();
    inputs += 1;
    const said = machines.first(row);
    const [first, second] = [said, machines.second(row)].map((all) => all.map((one) => `${JSON.stringify(one)}\n`).join(""));
    if (first !== second) return { kind: "diverged", inputs, row: row.line, ...whereTheyPart(first!, second!) };
    outputs += said.length;
    log.update(first!);
  }
  if (inputs === 0) throw new QikiError("not_verifiable", `not verifiable: it holds nothing that ${pipeline} reads`);
  return { kind: "identical", inputs, outputs, sha256: log.digest("hex") };
}

function whereTheyPart(first: string, second: string): { readonly first: string; readonly second: string } {
  let at = 0;
  while (at < first.length && first[at] === second[at]) at += 1;
  const around = (text: string): string => `…${text.slice(Math.max(0, at - 60), at + 60).replaceAll("\n", " ")}…`;
  return { first: around(first), second: around(second) };
}

function machinesOf(pipeline: Pipeline, meta: Raw): { readonly first: Reducer; second: Reducer; handOver(): Reducer } {
  return pipeline === "tracker" ? pairOf(() => trackerOf(meta), frameInput) : pairOf(() => alarmsOf(meta), eventInput);
}

function pairOf<In>(make: () => Machine<In, unknown>, inputOf: (row: DrivenRow) => In) {
  const reducer =
    (machine: Machine<In, unknown>): Reducer =>
    (row) =>
      machine.accept(inputOf(row), 0 as Tick);
  let current = make();
  return {
    first: reducer(make()),
    second: reducer(current),
    handOver(): Reducer {
      const next = make();
      next.restore(current.snapshot());
      current = next;
      return reducer(next);
    },
  };
}

function trackerOf(meta: Raw): ReturnType<typeof createTrackerMachine> {
  const { text, cooldown_s: cooldownS } = (meta.guard_rules ?? {}) as { readonly text?: string; readonly cooldown_s?: number };
  if (text === undefined) throw new QikiError("not_verifiable", "not verifiable: no room tracks");
  const { settings } = modelOfMeta(meta);
  return createTrackerMachine({ tracker: settings.tracker, sensor: settings.sensor, ruleSet: readGuards(text, cooldownS) });
}

function alarmsOf(meta: Raw): ReturnType<typeof createAlarmsMachine> {
  const { text, incidents_max: incidentsMax } = (meta.rules ?? {}) as { readonly text?: string; readonly incidents_max?: number };
  if (text === undefined) throw new QikiError("not_verifiable", "not verifiable: no room incidents");
  return createAlarmsMachine({ ruleSet: readRules(text), periodsMs: SAMPLE_PERIODS_MS, honourConsoleAcks: true, incidentsMax });
}

function frameInput({ data, headers }: DrivenRow) {
  return { kind: "frame", payload: data, headers: headers ?? {} } as const;
}

function eventInput(row: DrivenRow) {
  const tick = row.headers?.[TICK_HEADER];
  return {
    kind: "event",
    seq: row.streamSeq!,
    subject: row.subject,
    payload: payloadOf(row),
    runId: row.headers?.[RUN_HEADER],
    tick: tick === undefined ? undefined : Number(tick),
  } as const;
}

/** What the reducer reads from the bus: nothing, where it is not JSON. */
function payloadOf(row: DrivenRow): unknown {
  try {
    return JSON.parse(utf8Decode(row.bytes()) ?? "");
  } catch {
    return undefined;
  }
}
