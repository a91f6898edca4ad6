import { assert } from "./assert.ts";
import type { RunId, Tick } from "./units.ts";
import { URL_NAMESPACE, uuid5 } from "./uuid5.ts";

/** A number as a tick. */
export function asTick(value: number): Tick {
  assert(Number.isSafeInteger(value) && value >= 0, "a tick is a whole number from 0", { value });
  return value as Tick;
}

/** Simulated seconds since tick 0: the integer product first, never a sum of steps. */
export function simTimeS(tick: Tick, tickMs: number): number {
  return (tick * tickMs) / 1000;
}

/** Event time of a tick, integer milliseconds since 1970. */
export function eventTimeMs(epochMs: number, tick: Tick, tickMs: number): number {
  return epochMs + tick * tickMs;
}

/** Ticks that a span of seconds takes, rounded up, with 1e-9 forgiven to decimal fractions (12.3 s / 0.1 s is 123). */
export function ticksOfSeconds(seconds: number, tickMs: number): number {
  return Math.ceil(seconds / (tickMs / 1000) - 1e-9);
}

/** Identity of one run: equal seeds in another boot or after a reset are other runs (operations §1). */
export function runIdOf(seed: number, resetOrdinal: number, bootId: string): RunId {
  return uuid5(URL_NAMESPACE, `qiki:run:${seed}:${resetOrdinal}:${bootId}`) as RunId;
}

/** Id of one message of a run; `ordinal` counts the kind within the tick from 0. */
export function wireId(runId: RunId, kind: "evt" | "mode" | "store", tick: Tick, ordinal: number): string {
  return uuid5(runId, `${kind}:${tick}:${ordinal}`);
}
