import { computed, effect, signal } from "@preact/signals";
import type { ReplayMark, ReplayPlayer } from "#contracts/replay.ts";
import { createModel, type Model } from "#orion/model/model.ts";
import { type Answer, deleteJson, postJson } from "./api.ts";
import { live, model, shown, show } from "./console.ts";
import { browserPorts } from "./ports.ts";

/** Whether the screens show a recording in place of what is now. */
export const isReplay = computed(() => shown.value !== live);
/** In a replay: whether the list of incidents is the live one all the same. */
export const liveIncidents = signal(false);
/** Why a recording could not be opened. */
export const replayProblem = signal("");

export const player = computed(() => model.records("replay").value.get("player") as ReplayPlayer | undefined);
export const marks = computed(() => (model.records("replay").value.get("marks") as readonly ReplayMark[] | undefined) ?? []);

/** The model that alarms are counted and listed from. */
export function incidentModel(): Model {
  return isReplay.value && !liveIncidents.value ? model : live;
}

export type Control =
  | { readonly op: "play" | "pause" }
  | { readonly op: "step"; readonly by: "tick" | "event" }
  | { readonly op: "seek"; readonly tick: number }
  | { readonly op: "speed"; readonly speed: number | "max" };

/** Shows a recording on all screens. */
export async function openReplay(recordingId: string, fromTick?: number): Promise<void> {
  const body = { source: { recording: recordingId }, ...(fromTick === undefined ? {} : { from_tick: fromTick }) };
  const answer = await postJson<ReplayPlayer>("/api/replays", body);
  replayProblem.value = answer.ok ? "" : answer.detail;
  if (!answer.ok) return;
  goLive();
  const replay = createModel(browserPorts(), `replay:${answer.value.id}`);
  shown.value = replay;
  liveIncidents.value = false;
  replay.start();
  show("overview");
}

/** Back to what is now. */
export function goLive(): void {
  const left = shown.value;
  if (left === live) return;
  shown.value = live;
  left.stop();
  void deleteJson(`/api/replays/${left.source.slice("replay:".length)}`);
}

let wantedTick: number | undefined;
let isSeeking = false;

/** Goes to a tick; while one jump is under way, the last place asked for is the next. */
export async function seek(tick: number): Promise<void> {
  const { first, last } = player.value ?? { first: 0, last: 0 };
  wantedTick = Math.min(last, Math.max(first, Math.round(tick)));
  if (isSeeking) return;
  isSeeking = true;
  try {
    while (wantedTick !== undefined) {
      const next = wantedTick;
      wantedTick = undefined;
      await control({ op: "seek", tick: next });
    }
  } finally {
    isSeeking = false;
  }
}

export async function control(asked: Control): Promise<void> {
  if (!isReplay.value) return;
  const answer: Answer<ReplayPlayer> = await postJson(`/api/replays/${shown.value.source.slice("replay:".length)}/control`, asked);
  replayProblem.value = answer.ok ? "" : answer.detail;
}

/** The event on the time line before or after where it stands. */
export function seekMark(direction: 1 | -1): void {
  const at = player.value?.at ?? 0;
  const places = marks.value.map((mark) => mark.at);
  const next = direction === 1 ? places.find((place) => place > at) : places.findLast((place) => place < at);
  if (next !== undefined) void seek(next);
}

/** Keys of the player; true when the key was one of them. */
export function replayKey(key: string): boolean {
  const now = player.value;
  if (!isReplay.value || now === undefined) return false;
  switch (key) {
    case " ":
      void control({ op: now.playing ? "pause" : "play" });
      return true;
    case ".":
      void control({ op: "step", by: "tick" });
      return true;
    case ",":
      void seek(now.at - 1);
      return true;
    case "{":
      seekMark(-1);
      return true;
    case "}":
      seekMark(1);
      return true;
    default:
      return false;
  }
}

effect(() => {
  // A gateway that began anew knows nothing of this replay.
  const link = model.link.value;
  if (isReplay.value && link.kind === "lost" && link.isGone === true) {
    goLive();
    replayProblem.value = "the gateway no longer has this replay: open the recording again";
  }
});
