/** Both clocks of the console's machine at one moment, ms: neither alone survives sleep and a changed wall clock. */
export interface Moment {
  readonly monoMs: number;
  readonly wallMs: number;
}

/** When a record came, and how old it was then. */
export interface Receipt extends Moment {
  readonly ageMs: number;
}

export type DataState = { readonly kind: "ok" | "lag" | "stale"; readonly ageMs: number } | { readonly kind: "none" };

const EXPIRY_PERIODS = 2.5;
const EXPIRY_MIN_MS = 1000;
const LAG_MAX_MS = 10_000;
const STALE_MS = 30_000;
/** Time in which none of the console's code ran, from which on it counts as sleep. */
export const SLEEP_MS = 1000;

/** Time between two moments: the longer of both clocks, never negative (console §3.2). */
export function elapsedMs(from: Moment, to: Moment): number {
  return Math.max(0, to.monoMs - from.monoMs, to.wallMs - from.wallMs);
}

/** How old a record is now: its age when it was sent and what has passed since. */
export function ageMsAt(receipt: Receipt, now: Moment): number {
  return receipt.ageMs + elapsedMs(receipt, now);
}

/** How old telemetry may get: 2.5 publication periods of wall time, at least a second; a heartbeat a second when not RUNNING. */
export function expiryMs(periodS: number, simState: unknown): number {
  const { fsm_state: runState, speed } = (simState ?? {}) as { readonly fsm_state?: unknown; readonly speed?: unknown };
  const isRunning = runState === "RUNNING" && typeof speed === "number" && speed > 0;
  return Math.max(EXPIRY_MIN_MS, EXPIRY_PERIODS * 1000 * (isRunning ? periodS / speed : 1));
}

/** The word of the bar for telemetry of this age; `isStale` is what its values show. */
export function dataStateOf(ageMs: number, isStale: boolean): DataState {
  if (ageMs >= STALE_MS) return { kind: "stale", ageMs };
  return { kind: isStale || ageMs >= LAG_MAX_MS ? "lag" : "ok", ageMs };
}
