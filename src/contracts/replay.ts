/** A recording that somebody looks at again, as consoles see it: record `player` of the topic `replay` (console §2.2). */
export interface ReplayPlayer {
  readonly id: string;
  readonly recording_id: string;
  readonly file: string;
  readonly owner: string;
  readonly state: "loading" | "ready" | "failed";
  /** Why it failed. */
  readonly problem?: string;
  /** Ticks counted through resets: where the recording begins, ends and stands. */
  readonly first: number;
  readonly last: number;
  readonly at: number;
  /** Simulated time since its beginning, ms: ages count in it. */
  readonly at_ms: number;
  readonly tick_ms: number;
  /** Times real time, or as fast as it goes. */
  readonly speed: number | "max";
  readonly playing: boolean;
  /** Grows with every jump: what was shown before belongs to another moment. */
  readonly generation: number;
  /** False where the file does not have what incidents are recomputed from. */
  readonly has_incidents: boolean;
}

/** What the time line of a recording shows: one of the list `marks` of the topic `replay`. */
export interface ReplayMark {
  readonly lane: "alarms" | "commands" | "guards" | "modes";
  /** In the ticks of the player. */
  readonly at: number;
  readonly what: string;
  /** Of an alarm: A, C or W. */
  readonly severity?: string;
}
