import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { parse as parseYaml } from "yaml";
import { QikiError } from "#base/error.ts";
import type { Bus } from "#bus/port.ts";
import type { RecordingSummary } from "#contracts/recording.ts";
import type { ReplayPlayer } from "#contracts/replay.ts";
import { incidentKey, STATE_KEYS } from "#contracts/streams.ts";
import { SUBJECTS } from "#contracts/subjects.ts";
import { modelOfMeta } from "#recording/drive.ts";
import { payloadBytes } from "#recording/line.ts";
import { openPlayer, type PlayerSink, type RecordingPlayer } from "#recording/player.ts";
import type { RecordingRow } from "#recording/row.ts";
import { guardRuleSetOf } from "#twin/guard-rule-set.ts";
import type { SimModel } from "#twin/sim-state.ts";
import type { Clock } from "../clock.ts";
import { guardRulesView } from "../guard-rules-view.ts";
import type { Log } from "../log.ts";
import { runRecordOf } from "../run-record.ts";
import { createHub, type Hub, STATE_TOPICS } from "./hub.ts";
import type { Identity } from "./identity.ts";
import { createIntake, type Intake } from "./ingest.ts";
import { Problem } from "./problem.ts";
import { copyRecording, segmentsOf } from "./recording-files.ts";
import { replayCommands } from "./replay-commands.ts";
import { aboutRun, type SessionSource } from "./session.ts";

/** What somebody asks of a replay. */
export type ReplayOp =
  | { readonly op: "play" | "pause" }
  | { readonly op: "step"; readonly by: "event" | "tick" }
  /** File clock, ticks. */
  | { readonly op: "seek"; readonly tick: number }
  /** Times real time, or as fast as it goes. */
  | { readonly op: "speed"; readonly speed: number | "max" };

/** Recordings that people look at, each with its own playhead; nothing of them reaches the bus. */
export interface Replays {
  /** Opens a recording; it loads while consoles already listen. @throws Problem not_found, rate_limited */
  open(recordingId: string, fromTick: number | undefined, owner: Identity): Promise<ReplayPlayer>;
  list(): readonly ReplayPlayer[];
  /** @throws Problem not_found, forbidden */
  control(id: string, op: ReplayOp, who: Identity): ReplayPlayer;
  close(id: string, who: Identity): void;
  source(name: string): SessionSource | undefined;
  stop(): void;
}

export const REPLAY_SPEED = { min: 0.1, max: 100 };
const REPLAYS_MAX = 8;
const PREFIX = "replay:";
/** How often a replay that plays moves on. */
const TURN_MS = 50;
/** Rows handed out in one go at most, so that the live consoles do not wait. */
const ROWS_PER_TURN = 2000;
/** Somebody who left without closing it: nobody has listened or asked for so long. */
const IDLE_MS = 1_800_000;

export function createReplays({ bus, clock, log }: { readonly bus: Bus; readonly clock: Clock; readonly log: Log }): Replays {
  const replays = new Map<string, Replay>();

  function found(id: string, who: Identity): Replay {
    const replay = replays.get(id);
    if (replay === undefined) throw new Problem("not_found", `there is no replay ${id.slice(0, 80)}: open the recording again`);
    if (replay.view().owner !== who.name && who.role !== "supervisor")
      throw new Problem("forbidden", `this replay is ${replay.view().owner}'s: open the recording for yourself`);
    return replay;
  }

  function drop(id: string): void {
    replays.get(id)?.close();
    replays.delete(id);
  }

  return {
    async open(recordingId, fromTick, owner) {
      const segments = await segmentsOf(bus, recordingId);
      for (const [id, { idleMs }] of replays) if (idleMs() > IDLE_MS) drop(id);
      if (replays.size >= REPLAYS_MAX)
        throw new Problem("rate_limited", `${REPLAYS_MAX} replays are open, which is the most: close one first`);
      const id = randomUUID();
      const replay = openReplay({ bus, clock, log, id, segments, owner: owner.name, fromTick });
      replays.set(id, replay);
      return replay.view();
    },
    list: () => [...replays.values()].map((replay) => replay.view()),
    control(id, op, who) {
      const replay = found(id, who);
      replay.control(op);
      return replay.view();
    },
    close(id, who) {
      found(id, who);
      drop(id);
    },
    source: (name) => (name.startsWith(PREFIX) ? replays.get(name.slice(PREFIX.length))?.source : undefined),
    stop() {
      for (const id of replays.keys()) drop(id);
    },
  };
}

interface ReplayOptions {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly log: Log;
  readonly id: string;
  readonly segments: readonly RecordingSummary[];
  readonly owner: string;
  readonly fromTick: number | undefined;
}

interface Replay {
  readonly source: SessionSource;
  view(): ReplayPlayer;
  control(op: ReplayOp): void;
  idleMs(): number;
  close(): void;
}

function openReplay({ bus, clock, log, id, segments, owner, fromTick }: ReplayOptions): Replay {
  const { recording_id, file } = segments[0]!;
  let player: RecordingPlayer | undefined;
  let model: SimModel | undefined;
  let problem: string | undefined;
  let playing = false;
  let speed: ReplayPlayer["speed"] = 1;
  let generation = 0;
  /** File clock that playing has come to, with its fraction. */
  let playhead = 0;
  let turnedMs = clock.monotonicMs();
  let usedMs = turnedMs;
  let cancelTurn = (): void => {};
  const closed = new AbortController();
  let shownRun: string | undefined;
  const shownIncidents = new Set<string>();

  const atMs = (): number => (player === undefined ? 0 : (player.at - player.first) * player.tickMs);
  const hub: Hub = createHub(clock, atMs);
  const commands = replayCommands(hub);
  let intake = newIntake();
  const folder = mkdtempSync(join(tmpdir(), "qiki-replay-"));

  function newIntake(): Intake {
    return createIntake({ clock, hub, log, desk: commands });
  }

  const view = (): ReplayPlayer => ({
    id,
    recording_id,
    file,
    owner,
    state: problem !== undefined ? "failed" : player === undefined ? "loading" : "ready",
    ...(problem === undefined ? {} : { problem }),
    first: player?.first ?? 0,
    last: player?.last ?? 0,
    at: player?.at ?? 0,
    at_ms: atMs(),
    tick_ms: player?.tickMs ?? 0,
    speed,
    playing,
    generation,
    has_incidents: player?.hasIncidents ?? false,
  });

  const show = (): void => hub.set("replay", "player", view());
  const remember = (key: string, value: unknown): void =>
    intake.lastValue({ key, bytes: value === undefined ? undefined : Buffer.from(JSON.stringify(value)), revision: 0 });

  const sink: PlayerSink = {
    reset() {
      generation += 1;
      for (const topic of STATE_TOPICS) if (topic !== "replay") hub.clear(topic);
      hub.tick = undefined;
      intake = newIntake();
      shownRun = undefined;
      shownIncidents.clear();
      commands.forget();
      showGuards();
    },
    row(row) {
      const { subject, headers = {} } = row.head;
      if (subject === SUBJECTS.commands) return commands.sent(row);
      if (subject === SUBJECTS.telemetry) showRun(row);
      if (subject === SUBJECTS.systemMode) remember(STATE_KEYS.systemMode, row.data);
      intake.take({ subject, bytes: payloadBytes(row.dataJson), headers });
    },
    incidents(views, kpi) {
      const now = new Set(views.map(({ incident_id: one }) => one));
      for (const one of shownIncidents) if (!now.has(one)) remember(incidentKey(one), undefined);
      for (const one of views) {
        if (JSON.stringify(hub.get("incidents", one.incident_id)?.value) !== JSON.stringify(one))
          remember(incidentKey(one.incident_id), one);
        shownIncidents.add(one.incident_id);
      }
      remember(STATE_KEYS.kpi, kpi);
    },
  };

  /** The run that the rows belong to, with what its meta row tells of it. */
  function showRun(row: RecordingRow): void {
    const run = (row.data as { readonly run?: { readonly id?: string } } | null)?.run?.id;
    if (run === undefined || run === shownRun || model === undefined) return;
    shownRun = run;
    remember(STATE_KEYS.run, runRecordOf(model, run));
  }

  function showGuards(): void {
    const rules = player?.meta?.guard_rules as { readonly text?: string; readonly cooldown_s?: number } | undefined;
    if (rules?.text === undefined) return;
    const read = guardRuleSetOf(parseYaml(rules.text, { version: "1.2" }), rules.text, rules.cooldown_s ?? 0);
    if (read.kind === "ok") remember(STATE_KEYS.guards, guardRulesView(read.ruleSet));
  }

  async function load(): Promise<void> {
    for (const segment of segments) await copyRecording(bus, segment, join(folder, basename(segment.file)), closed.signal);
    const opened = await openPlayer(join(folder, basename(file)), join(folder, "rows"), sink, (one) =>
      log.warn({ problem: one.kind, file }, "a recording that is replayed is not whole"),
    );
    if (closed.signal.aborted) return opened.close();
    player = opened;
    model = modelOf(opened);
    hub.set("replay", "marks", opened.marks);
    seek(fromTick ?? opened.first);
  }

  /** The run as its meta row has it; an old file has none, and then consoles say what is missing. */
  function modelOf({ meta }: RecordingPlayer): SimModel | undefined {
    try {
      return meta === undefined ? undefined : modelOfMeta(meta);
    } catch (error) {
      if (!(error instanceof QikiError)) throw error;
      log.warn({ err: error, file }, "the run of a recording that is replayed cannot be told");
      return undefined;
    }
  }

  function seek(at: number): void {
    player!.seek(Math.min(Math.max(at, player!.first), player!.last));
    playhead = player!.at;
    show();
  }

  function turn(): void {
    const nowMs = clock.monotonicMs();
    const elapsedMs = nowMs - turnedMs;
    turnedMs = nowMs;
    if (player === undefined || !playing) return;
    const to = speed === "max" ? player.last : playhead + (elapsedMs * speed) / player.tickMs;
    const isAll = player.advance(Math.floor(to), ROWS_PER_TURN);
    // Too much to hand out in time: the playhead waits for the rows rather than the rows for nobody.
    playhead = isAll ? to : player.at;
    if (player.isAtEnd) playing = false;
    show();
    schedule();
  }

  function schedule(): void {
    cancelTurn();
    if (playing && !closed.signal.aborted) cancelTurn = clock.after(speed === "max" ? 1 : TURN_MS, turn);
  }

  load().catch((error: unknown) => {
    if (closed.signal.aborted) return;
    problem = error instanceof Error ? error.message : String(error);
    log.warn({ err: error, file }, "a recording cannot be replayed");
    show();
  });
  show();

  return {
    source: {
      name: PREFIX + id,
      hub,
      about() {
        usedMs = clock.monotonicMs();
        return aboutRun(intake.run());
      },
      losses() {
        usedMs = clock.monotonicMs();
        return intake.losses();
      },
      sourceAges: () => ({}),
    },
    view,
    idleMs: () => clock.monotonicMs() - usedMs,
    control(op) {
      usedMs = clock.monotonicMs();
      if (player === undefined)
        throw new Problem("not_published", `the recording is ${problem === undefined ? "still loading" : "not readable"}`);
      switch (op.op) {
        case "play":
          if (player.isAtEnd) seek(player.first);
          playing = true;
          turnedMs = clock.monotonicMs();
          break;
        case "pause":
          playing = false;
          break;
        case "step":
          playing = false;
          player.step(op.by);
          playhead = player.at;
          break;
        case "seek":
          seek(op.tick);
          turnedMs = clock.monotonicMs();
          break;
        case "speed":
          speed = op.speed;
          break;
      }
      show();
      schedule();
    },
    close() {
      closed.abort();
      cancelTurn();
      player?.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
