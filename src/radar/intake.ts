import type { Frame } from "./frame.ts";
import type { TrackerSettings } from "./tracker-settings.ts";

export type Refusal = "invalid" | "duplicate" | "late" | "same_time";

/** What a frame's arrival leads to: nothing, or frames that are now in order, perhaps after a fresh start. */
export type Arrival =
  | { readonly kind: "refused"; readonly reason: Refusal }
  | { readonly kind: "released"; readonly frames: readonly Frame[]; readonly isRestart: boolean };

/** All that later arrivals are judged by; plain data. */
export interface IntakeState {
  readonly runId: string | undefined;
  readonly releasedUs: number | undefined;
  /** Late frames in a row, and the time of the last of them. */
  readonly lateInARow: number;
  readonly lastLateUs: number | undefined;
  /** Frame ids accepted, oldest first. */
  readonly seen: readonly string[];
  /** Frames that wait for earlier ones, by time. */
  readonly waiting: readonly Frame[];
}

export const NEW_INTAKE: IntakeState = {
  runId: undefined,
  releasedUs: undefined,
  lateInARow: 0,
  lastLateUs: undefined,
  seen: [],
  waiting: [],
};

/** Puts one sensor's frames in order of event time and refuses what comes too late or twice (radar §6.12). */
export class Intake {
  readonly #settings: TrackerSettings;
  readonly #windowUs: number;
  #state: IntakeState = NEW_INTAKE;
  #seen = new Set<string>();

  constructor(settings: TrackerSettings) {
    this.#settings = settings;
    this.#windowUs = Math.round(settings.reorderWindowS * 1e6);
  }

  /** Event time of the last frame released. */
  get releasedUs(): number | undefined {
    return this.#state.releasedUs;
  }

  take(frame: Frame): Arrival {
    const { restartAfterLate } = this.#settings;
    if (!isMeasurement(frame)) return { kind: "refused", reason: "invalid" };
    const { runId, releasedUs, lateInARow, lastLateUs } = this.#state;
    // Before the run: a repeat of an earlier run's frame must not begin that run again, with the ids of its tracks.
    if (this.#seen.has(frame.frameId)) return { kind: "refused", reason: "duplicate" };
    if (frame.runId !== undefined && runId !== undefined && frame.runId !== runId) return this.#restart(frame);
    if (releasedUs !== undefined && frame.timeUs < releasedUs) {
      const isRising = lastLateUs === undefined || frame.timeUs > lastLateUs;
      const late = isRising ? lateInARow + 1 : 1;
      if (late >= restartAfterLate) return this.#restart(frame);
      this.#state = { ...this.#state, lateInARow: late, lastLateUs: frame.timeUs };
      return { kind: "refused", reason: "late" };
    }
    const { waiting } = this.#state;
    if (frame.timeUs === releasedUs || waiting.some(({ timeUs }) => timeUs === frame.timeUs))
      return { kind: "refused", reason: "same_time" };
    return this.#accept(frame, false);
  }

  /** Whether a frame of this id was accepted, as far as ids are remembered. */
  hasSeen(frameId: string): boolean {
    return this.#seen.has(frameId);
  }

  /** Releases whatever still waits. */
  flush(): readonly Frame[] {
    return this.#release(Number.POSITIVE_INFINITY);
  }

  state(): IntakeState {
    return { ...this.#state, seen: [...this.#seen] };
  }

  restore(state: IntakeState): void {
    this.#state = { ...state, seen: [] };
    this.#seen = new Set(state.seen);
  }

  #restart(frame: Frame): Arrival {
    this.#state = NEW_INTAKE;
    return this.#accept(frame, true);
  }

  #accept(frame: Frame, isRestart: boolean): Arrival {
    this.#seen.add(frame.frameId);
    if (this.#seen.size > this.#settings.dedupFrames) this.#seen.delete(this.#seen.values().next().value!);
    const waiting = [...this.#state.waiting, frame].sort((a, b) => a.timeUs - b.timeUs);
    this.#state = { ...this.#state, runId: frame.runId ?? this.#state.runId, lateInARow: 0, lastLateUs: undefined, waiting };
    const newestUs = waiting.at(-1)!.timeUs;
    return { kind: "released", frames: this.#release(newestUs - this.#windowUs), isRestart };
  }

  #release(untilUs: number): readonly Frame[] {
    const { waiting } = this.#state;
    const frames = waiting.filter(({ timeUs }) => timeUs <= untilUs);
    if (frames.length === 0) return frames;
    this.#state = { ...this.#state, waiting: waiting.slice(frames.length), releasedUs: frames.at(-1)!.timeUs };
    return frames;
  }
}

/** What the arithmetic of a track carries: farther, faster or stronger is no measurement, and its squares would no longer be exact. */
const RANGE_MAX_M = 1e8;
const SPEED_MAX_MPS = 1e7;
const SNR_MAX_DB = 300;

/** Numbers of a frame must be finite and inside their ranges: one that is not spoils the whole frame (radar §2). */
export function isMeasurement({ timeUs, detections, ownVelocityMps }: Frame): boolean {
  return (
    Number.isSafeInteger(timeUs) &&
    (ownVelocityMps === undefined || ownVelocityMps.every(isSpeed)) &&
    detections.every(
      (one) =>
        one.rangeM >= 0 &&
        one.rangeM <= RANGE_MAX_M &&
        one.bearingDeg >= 0 &&
        one.bearingDeg < 360 &&
        one.elevDeg >= -90 &&
        one.elevDeg <= 90 &&
        isSpeed(one.rangeRateMps) &&
        one.snrDb >= 0 &&
        one.snrDb <= SNR_MAX_DB &&
        Number.isFinite(one.rcsDbsm),
    )
  );
}

function isSpeed(value: number): boolean {
  return Math.abs(value) <= SPEED_MAX_MPS;
}
