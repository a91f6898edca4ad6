import type { Message } from "#contracts/message.ts";
import { SUBJECTS } from "#contracts/subjects.ts";
import { STATUS } from "#radar/tracks.ts";
import { Violation, type Watch } from "./step.ts";

/** Tracks live once and end once; alerts and clears take turns (radar §1 I4, §7.2). */
export function radarWatch(): Watch {
  const confirmed = new Set<string>();
  const over = new Set<string>();
  let live = new Set<string>();
  /** Active alerts by rule and track, with their occurrence. */
  const active = new Map<string, number>();
  const occurrences = new Map<string, number>();

  function takeTrack({ payload }: Message): void {
    const { track_id: id, status } = payload as { readonly track_id: string; readonly status: number };
    if (over.has(id)) throw new Violation("tracks", `track ${id} is told of after it ended`);
    if (status === STATUS.lost) {
      if (!confirmed.has(id)) throw new Violation("tracks", `track ${id} is LOST and was never TRACKED`);
      over.add(id);
      live.delete(id);
    } else if (status === STATUS.tracked || status === STATUS.coasting) {
      confirmed.add(id);
      live.add(id);
    } else if (confirmed.has(id)) throw new Violation("tracks", `track ${id} was confirmed and is NEW again`);
  }

  function takeGuard({ payload }: Message): void {
    const { rule_id: rule, track_id: track, kind, occurrence, clear_reason: reason } = payload as Readonly<Record<string, unknown>>;
    const key = `${String(rule)} ${String(track)}`;
    const isAlert = kind === "guard_alert";
    if (active.has(key) === isAlert)
      throw new Violation("guards", `${key}: ${String(kind)} while it is ${isAlert ? "active" : "not active"}`);
    const before = occurrences.get(key) ?? 0;
    // A key is freed once it is cold; then it counts from 1 again.
    if (isAlert && occurrence !== before + 1 && occurrence !== 1)
      throw new Violation("guards", `${key}: occurrence ${String(occurrence)} follows ${before}`);
    if (!isAlert && occurrence !== before)
      throw new Violation("guards", `${key}: clear of occurrence ${String(occurrence)}, active is ${before}`);
    if (reason === "track_lost" && !over.has(String(track))) throw new Violation("guards", `${key}: cleared as lost while the track lives`);
    occurrences.set(key, Number(occurrence));
    if (isAlert) active.set(key, Number(occurrence));
    else active.delete(key);
  }

  return {
    see({ made, twin }) {
      let hasScanned = false;
      for (const message of made) {
        const { subject } = message;
        if (subject === SUBJECTS.radarTracks) takeTrack(message);
        if (subject === SUBJECTS.radarFrames || subject === SUBJECTS.radarTracks) hasScanned = true;
      }
      for (const message of made) if (message.subject === SUBJECTS.radarGuard) takeGuard(message);
      if (!hasScanned) return;
      const list = twin.tracks().list.filter(({ status }) => status !== STATUS.new);
      const held = new Set(list.map(({ track_id: id }) => id));
      for (const id of live) if (!held.has(id)) throw new Violation("tracks", `confirmed track ${id} vanished without LOST`);
      for (const id of held) if (!live.has(id)) throw new Violation("tracks", `the tracker holds ${id}, of which nothing is told`);
      live = held;
      const open = Object.values(twin.guards()).reduce((sum, one) => sum + one, 0);
      if (open !== active.size) throw new Violation("guards", `${active.size} alerts are open, the guard holds ${open}`);
    },
  };
}
