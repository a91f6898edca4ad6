import type { GuardRule } from "./rules.ts";

/** A track as guard rules see it, at one moment. */
export interface GuardTrack {
  /** Name that no boot changes; state and digest know the track by it. */
  readonly handle: string;
  /** Its id on the wire. */
  readonly trackId: string;
  readonly rangeM: number;
  readonly rangeRateMps: number;
  readonly quality: number;
  readonly iff: number;
  readonly transponderOn: boolean;
  readonly transponderMode: number;
}

export type ClearReason = "exit" | "track_lost" | "rule_removed" | "reset";

interface GuardEventCommon {
  readonly rule: GuardRule;
  readonly timeUs: number;
  readonly handle: string;
  readonly trackId: string;
  /** 1, 2, 3, … while the key lives. */
  readonly occurrence: number;
}

export type GuardEvent =
  | (GuardEventCommon & { readonly kind: "alert"; readonly track: GuardTrack })
  | (GuardEventCommon & {
      readonly kind: "clear";
      readonly reason: ClearReason;
      readonly activeUs: number;
      readonly lastRangeM: number;
      readonly lastQuality: number;
    });

type Phase = "pending" | "active" | "cooling";

/** State of one rule for one track; none exists while neither pending, active nor cooling. */
interface Key {
  phase: Phase;
  /** Since when it matches without a gap, pending. */
  firstUs: number;
  lastUs: number;
  alertedUs: number | undefined;
  /** Since when an active one no longer matches. */
  outUs: number | undefined;
  occurrence: number;
  lastRangeM: number;
  lastQuality: number;
}

/** All keys of one track, by the rule's id. */
interface TrackKeys {
  trackId: string;
  /** Event time of the last evaluation. */
  lastUs: number;
  readonly keys: Map<string, Key>;
}

/** All that later evaluations depend on, as plain data. */
export interface GuardState {
  readonly nowUs: number;
  readonly tracks: readonly {
    readonly handle: string;
    readonly trackId: string;
    readonly lastUs: number;
    readonly keys: Readonly<Record<string, Key>>;
  }[];
}

/** A track that nobody speaks of any more, without having been lost, is taken for lost after this span of event time. */
const SILENCE_US = 10_000_000;

/** Guard rules over tracks (radar §7): alerts and clears with debounce, hysteresis and cooldown, one state per (rule, live track). */
export class Guard {
  /** Tracks left out because a number was not finite or their time went back. */
  skipped = 0;
  #rules: readonly GuardRule[];
  #nowUs = 0;
  readonly #tracks = new Map<string, TrackKeys>();
  #events: GuardEvent[] = [];

  constructor(rules: readonly GuardRule[]) {
    this.#rules = rules;
  }

  get rules(): readonly GuardRule[] {
    return this.#rules;
  }

  /** Keys alive. */
  get size(): number {
    let keys = 0;
    for (const track of this.#tracks.values()) keys += track.keys.size;
    return keys;
  }

  /** Active keys of each rule. */
  active(): Readonly<Record<string, number>> {
    const counts: Record<string, number> = Object.fromEntries(this.#rules.map(({ id }) => [id, 0]));
    for (const { keys } of this.#tracks.values())
      for (const [id, { phase }] of keys) if (phase === "active") counts[id] = (counts[id] ?? 0) + 1;
    return counts;
  }

  /** Evaluates every rule, in file order, on the confirmed tracks of one frame, in the order of their births. */
  evaluate(timeUs: number, tracks: readonly GuardTrack[]): readonly GuardEvent[] {
    this.#events = [];
    this.#nowUs = timeUs;
    const states = tracks.map((track) => this.#stateOf(track, timeUs));
    for (const rule of this.#rules) {
      for (let index = 0; index < tracks.length; index += 1) {
        const state = states[index];
        if (state === null) continue;
        const track = tracks[index]!;
        const key = state?.keys.get(rule.id);
        const isActive = key !== undefined && key.phase === "active";
        if (matches(rule, track, isActive)) {
          const owner = (states[index] ??= this.#adopt(track, timeUs));
          this.#onMatch(rule, track, owner!, key, timeUs);
        } else if (key !== undefined) this.#onMiss(rule, track, state!, key, timeUs);
      }
    }
    for (const [index, state] of states.entries()) if (state?.keys.size === 0) this.#tracks.delete(tracks[index]!.handle);
    for (const [handle, { lastUs }] of this.#tracks) if (timeUs - lastUs > SILENCE_US) this.#free(handle, timeUs, "track_lost");
    return this.#events;
  }

  /** Tracks that ended; the clear says why. */
  lost(timeUs: number, handles: readonly string[], reason: "track_lost" | "reset"): readonly GuardEvent[] {
    this.#events = [];
    for (const handle of handles) this.#free(handle, timeUs, reason);
    return this.#events;
  }

  /** Puts other rules in force; the keys of rules that are gone are freed, those of rules that stay go on. */
  setRules(rules: readonly GuardRule[]): readonly GuardEvent[] {
    this.#events = [];
    const kept = new Set(rules.map(({ id }) => id));
    for (const rule of this.#rules) {
      if (kept.has(rule.id)) continue;
      for (const [handle, track] of this.#tracks) {
        const key = track.keys.get(rule.id);
        if (key?.phase === "active") this.#clear(rule, handle, track, key, this.#nowUs, "rule_removed");
        track.keys.delete(rule.id);
        if (track.keys.size === 0) this.#tracks.delete(handle);
      }
    }
    this.#rules = rules;
    return this.#events;
  }

  state(): GuardState {
    return {
      nowUs: this.#nowUs,
      tracks: [...this.#tracks].map(([handle, { trackId, lastUs, keys }]) => ({ handle, trackId, lastUs, keys: Object.fromEntries(keys) })),
    };
  }

  restore(state: GuardState): void {
    this.#nowUs = state.nowUs;
    this.#tracks.clear();
    for (const { handle, trackId, lastUs, keys } of state.tracks)
      this.#tracks.set(handle, { trackId, lastUs, keys: new Map(Object.entries(keys).map(([id, key]) => [id, { ...key }])) });
  }

  /** Keys of a track, undefined where it has none yet, null where it is to be left out. */
  #stateOf(track: GuardTrack, timeUs: number): TrackKeys | undefined | null {
    const state = this.#tracks.get(track.handle);
    const isFinite = Number.isFinite(track.rangeM) && Number.isFinite(track.rangeRateMps) && Number.isFinite(track.quality);
    if (!isFinite || (state !== undefined && timeUs < state.lastUs)) {
      this.skipped += 1;
      return null;
    }
    if (state !== undefined) state.lastUs = timeUs;
    return state;
  }

  #adopt(track: GuardTrack, timeUs: number): TrackKeys {
    const state: TrackKeys = { trackId: track.trackId, lastUs: timeUs, keys: new Map() };
    this.#tracks.set(track.handle, state);
    return state;
  }

  #onMatch(rule: GuardRule, track: GuardTrack, owner: TrackKeys, known: Key | undefined, nowUs: number): void {
    let key = known;
    if (key === undefined) {
      key = {
        phase: "pending",
        firstUs: nowUs,
        lastUs: nowUs,
        alertedUs: undefined,
        outUs: undefined,
        occurrence: 0,
        lastRangeM: 0,
        lastQuality: 0,
      };
      owner.keys.set(rule.id, key);
    }
    key.lastRangeM = track.rangeM;
    key.lastQuality = track.quality;
    if (key.phase === "active") {
      key.outUs = undefined;
      return;
    }
    if (key.phase === "cooling") Object.assign(key, { phase: "pending", firstUs: nowUs, lastUs: nowUs });
    // A gap longer than the debounce itself says nothing about the time in between.
    if (rule.minDurationUs > 0 && nowUs - key.lastUs > rule.minDurationUs) key.firstUs = nowUs;
    key.lastUs = nowUs;
    const isCool = key.alertedUs === undefined || nowUs - key.alertedUs >= rule.cooldownUs;
    if (nowUs - key.firstUs < rule.minDurationUs || !isCool) return;
    key.phase = "active";
    key.alertedUs = nowUs;
    key.outUs = undefined;
    key.occurrence += 1;
    this.#events.push({
      kind: "alert",
      rule,
      timeUs: nowUs,
      handle: track.handle,
      trackId: track.trackId,
      occurrence: key.occurrence,
      track,
    });
  }

  #onMiss(rule: GuardRule, track: GuardTrack, owner: TrackKeys, key: Key, nowUs: number): void {
    if (key.phase === "active") {
      key.lastRangeM = track.rangeM;
      key.lastQuality = track.quality;
      key.outUs ??= nowUs;
      if (nowUs - key.outUs < rule.clearAfterUs) return;
      this.#clear(rule, track.handle, owner, key, nowUs, "exit");
    }
    if (key.alertedUs !== undefined && nowUs - key.alertedUs < rule.cooldownUs) key.phase = "cooling";
    else owner.keys.delete(rule.id);
  }

  #free(handle: string, timeUs: number, reason: ClearReason): void {
    const track = this.#tracks.get(handle);
    if (track === undefined) return;
    for (const rule of this.#rules) {
      const key = track.keys.get(rule.id);
      if (key?.phase === "active") this.#clear(rule, handle, track, key, timeUs, reason);
    }
    this.#tracks.delete(handle);
  }

  #clear(rule: GuardRule, handle: string, { trackId }: TrackKeys, key: Key, timeUs: number, reason: ClearReason): void {
    const { occurrence, lastRangeM, lastQuality } = key;
    const activeUs = timeUs - key.alertedUs!;
    this.#events.push({ kind: "clear", rule, timeUs, handle, trackId, occurrence, reason, activeUs, lastRangeM, lastQuality });
  }
}

/** Whether all conditions hold, bounds inclusive; for an active rule the range is wider and quality no condition. */
function matches(rule: GuardRule, track: GuardTrack, isActive: boolean): boolean {
  const margin = isActive ? rule.hysteresisM : 0;
  const { rangeM } = track;
  return (
    rangeM <= rule.maxRangeM + margin &&
    rangeM >= rule.minRangeM - margin &&
    (rule.iff === undefined || track.iff === rule.iff) &&
    ((rule.modes >>> track.transponderMode) & 1) === 1 &&
    (rule.requireTransponderOn === undefined || track.transponderOn === rule.requireTransponderOn) &&
    (isActive || track.quality >= rule.minQuality) &&
    Math.abs(track.rangeRateMps) <= rule.maxRadialVelocityMps
  );
}
