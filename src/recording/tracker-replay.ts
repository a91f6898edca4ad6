import { parse as parseYaml } from "yaml";
import { canonicalJson } from "#base/canonical-json.ts";
import { QikiError } from "#base/error.ts";
import type { Tick } from "#base/units.ts";
import { RUN_HEADER } from "#contracts/message.ts";
import { SUBJECTS } from "#contracts/subjects.ts";
import { type GuardRuleSet, guardRuleSetOf } from "#twin/guard-rule-set.ts";
import { createTrackerMachine, type TrackerMachine } from "#twin/tracker-machine.ts";
import type { SimSettings } from "#twin/settings.ts";
import { createCommandMatch } from "./command-match.ts";
import { firstDifference } from "./compare.ts";
import { type DrivenRow, keyframeState } from "./drive.ts";

/** Rules that a command put in force, after this sequence of the radar stream. */
export interface GuardReload {
  readonly afterSeq: number;
  readonly ruleSet: GuardRuleSet;
}

/** A recorded row with what recomputing says of it. */
export interface TrackerPair {
  readonly row: DrivenRow;
  readonly computed: Readonly<Record<string, unknown>>;
}

/** Recomputes tracks and guards from recorded frames. Streams are recorded side by side, so each row is matched when both are there. */
export interface TrackerReplay {
  take(row: DrivenRow): readonly TrackerPair[];
  /** A recorded row that no frame explains, after the last row. */
  unexplained(): DrivenRow | undefined;
  /** Subject of a message that the frames lead to and no row holds, after the last row. */
  unrecorded(): string | undefined;
  /** Digests of the rooms, undefined where the recording has no tracker. */
  hashes(): { readonly tracks: string; readonly guards: string } | undefined;
  snapshot(): Uint8Array | undefined;
}

const TRACKER_SUBJECTS = new Set<string>([SUBJECTS.radarTracks, SUBJECTS.radarGuard, SUBJECTS.radarTracker]);

/**
 * @param beginsMidRun the first row it gets is a keyframe; messages that were made before may follow it
 * @throws QikiError not_verifiable when the recording's guard rules cannot be read
 */
export function createTrackerReplay(
  meta: Readonly<Record<string, unknown>>,
  settings: SimSettings,
  reloads: readonly GuardReload[],
  beginsMidRun: boolean,
): TrackerReplay {
  const rooms = (meta.rooms as readonly string[] | undefined) ?? [];
  const rules = meta.guard_rules as { text?: string; cooldown_s?: number; published?: boolean } | undefined;
  const machine: TrackerMachine | undefined =
    rules?.text === undefined || !rooms.includes("tracks")
      ? undefined
      : createTrackerMachine({ tracker: settings.tracker, sensor: settings.sensor, ruleSet: readGuards(rules.text, rules.cooldown_s) });
  const queues = new Map<string, { recorded: DrivenRow[]; computed: Readonly<Record<string, unknown>>[] }>();
  /** Rows of digests, the newest, as they were said. */
  const digestsSaid = new Set<string>();
  let takenSeq = 0;
  let nextReload = 0;
  /** Frames that came before the first keyframe: it may be brought after them, and holds what earlier processes left. */
  let held: DrivenRow[] | undefined = [];
  let begun: { readonly runId: string; readonly tick: number } | undefined;
  const runsSeen = new Set<string>();

  /** Whether a message may have been made before the keyframe: streams bring some late. */
  function mayBeEarlier({ tick, headers }: DrivenRow): boolean {
    if (begun === undefined) return false;
    const runId = headers?.[RUN_HEADER] ?? "";
    return runId === begun.runId ? (tick ?? 0) <= begun.tick : !runsSeen.has(runId);
  }

  function queueOf(subject: string, data: Readonly<Record<string, unknown>>): NonNullable<ReturnType<typeof queues.get>> {
    const name = subject === SUBJECTS.recordHashes ? `${subject}.${String(data.room)}` : subject;
    let queue = queues.get(name);
    if (queue === undefined) queues.set(name, (queue = { recorded: [], computed: [] }));
    return queue;
  }

  function feed(outputs: ReturnType<TrackerMachine["accept"]>): void {
    for (const { message } of outputs)
      if (rules?.published !== false || message.subject !== SUBJECTS.radarGuard)
        queueOf(message.subject, message.payload).computed.push(message.payload);
  }

  function feedReloads(beforeSeq: number): void {
    for (let next = reloads[nextReload]; next !== undefined && next.afterSeq < beforeSeq; next = reloads[nextReload]) {
      nextReload += 1;
      feed(machine!.accept({ kind: "rules", ruleSet: next.ruleSet }, 0 as Tick));
    }
  }

  /** Begins with the state that a keyframe brings, else from nothing. */
  function begin(keyframe?: DrivenRow): void {
    if (held === undefined) return;
    const frames = held;
    held = undefined;
    if (keyframe !== undefined) {
      machine!.restore(keyframeState(keyframe));
      if (beginsMidRun) begun = { runId: keyframe.headers?.[RUN_HEADER] ?? "", tick: keyframe.data.tick as number };
      takenSeq = (keyframe.data.after_seq as number | undefined) ?? 0;
    }
    for (const row of frames) takeFrame(row);
  }

  function takeFrame({ data, headers, streamSeq = 0 }: DrivenRow): void {
    if (streamSeq <= takenSeq) return;
    takenSeq = streamSeq;
    runsSeen.add(headers?.[RUN_HEADER] ?? "");
    feedReloads(takenSeq);
    feed(machine!.accept({ kind: "frame", payload: data, headers: headers ?? {} }, 0 as Tick));
  }

  function matched(): TrackerPair[] {
    const pairs: TrackerPair[] = [];
    for (const { recorded, computed } of queues.values())
      while (recorded.length > 0 && computed.length > 0) {
        const row = recorded.shift()!;
        if (isRepeat(row) && canonicalJson(row.data) !== canonicalJson(computed[0])) continue;
        if (mayBeEarlier(row) && firstDifference(row.data, computed[0]) !== undefined) continue;
        if (row.subject === SUBJECTS.recordHashes) remember(row);
        pairs.push({ row, computed: computed.shift()! });
      }
    return pairs;
  }

  function remember(row: DrivenRow): void {
    digestsSaid.add(digestsText(row));
    if (digestsSaid.size > REPEATS_MAX) digestsSaid.delete(digestsSaid.values().next().value!);
  }

  /** A tracker that was killed takes frames again that it had not saved: streams keep its messages single, digests are in none. */
  function isRepeat(row: DrivenRow): boolean {
    return row.subject === SUBJECTS.recordHashes && digestsSaid.has(digestsText(row));
  }

  return {
    take(row) {
      if (machine === undefined) return [];
      if (row.subject === SUBJECTS.recordKeyframe && row.data.role === "tracker" && held !== undefined) begin(row);
      else if (row.subject === SUBJECTS.radarFrames) {
        if (held === undefined) takeFrame(row);
        else if (held.push(row) >= HELD_MAX) begin();
      } else if (isTrackerRow(row)) queueOf(row.subject, row.data).recorded.push(row);
      else if (row.subject === SUBJECTS.recordEnd) begin();
      else return [];
      return matched();
    },
    unexplained() {
      if (machine === undefined) return undefined;
      begin();
      feedReloads(Number.POSITIVE_INFINITY);
      const differing = matched().find((pair) => firstDifference(pair.row.data, pair.computed) !== undefined);
      if (differing !== undefined) return differing.row;
      return [...queues.values()].flatMap(({ recorded }) => recorded).find((row) => !isRepeat(row) && !mayBeEarlier(row));
    },
    unrecorded: () => [...queues.entries()].find(([, { computed }]) => computed.length > 0)?.[0],
    hashes() {
      begin();
      return machine?.hashes();
    },
    snapshot() {
      begin();
      return machine?.snapshot();
    },
  };
}

/** More frames than a bus brings before the first keyframe. */
const HELD_MAX = 16;
/** More rows than a tracker leaves unsaved. */
const REPEATS_MAX = 1024;

function digestsText({ data, headers }: DrivenRow): string {
  return `${headers?.[RUN_HEADER] ?? ""} ${canonicalJson(data)}`;
}

/** Whether the tracker machine made this row. */
function isTrackerRow({ subject, data }: DrivenRow): boolean {
  return TRACKER_SUBJECTS.has(subject) || (subject === SUBJECTS.recordHashes && (data.room === "tracks" || data.room === "guards"));
}

/** Collects the tracker role's commands of a recording: each puts guard rules in force. */
export function createGuardReloadCollector(): {
  take(row: DrivenRow): void;
  readonly reloads: readonly GuardReload[];
  /** Why they are not complete. */
  problem(): string | undefined;
  /** A proof begins here: what came before is in the state that it begins with. */
  begin(): void;
} {
  const match = createCommandMatch("tracker");
  const reloads: GuardReload[] = [];
  let waiting: GuardRuleSet | undefined;
  let missing: string | undefined;
  return {
    reloads,
    problem: () => match.problem() ?? missing,
    begin() {
      match.begin();
      reloads.length = 0;
      missing = undefined;
    },
    take(row) {
      // New rules are sent right before the ACK of the command that put them in force.
      if (row.subject === SUBJECTS.recordRules && row.data.kind === "guard")
        waiting = readGuards(String(row.data.text), row.data.cooldown_s as number | undefined);
      const answered = match.take(row);
      if (answered?.ack.after_seq === undefined || !answered.ack.ok) return;
      if (waiting === undefined) missing ??= `the guard rules that ${answered.ack.request_id} put in force are not in the recording`;
      else reloads.push({ afterSeq: answered.ack.after_seq, ruleSet: waiting });
      waiting = undefined;
    },
  };
}

export function readGuards(text: string, cooldownS = 0): GuardRuleSet {
  const result = guardRuleSetOf(parseYaml(text, { version: "1.2" }), text, cooldownS);
  if (result.kind === "refused")
    throw new QikiError("not_verifiable", `not verifiable: its guard rules are refused: ${result.problems[0]}`);
  return result.ruleSet;
}
