import type { Bus, Msg } from "#bus/port.ts";
import { SUBJECTS } from "#contracts/subjects.ts";
import type { Clock } from "./clock.ts";
import { isRecord, parsed } from "./query-words.ts";
import type { ReadinessCheck } from "./roles.ts";

/** Silence of the simulation that is no news yet, ms; more where it publishes more seldom by the wall clock. */
const SILENCE_MS = 5000;
const PERIODS = 2.5;

/** Whether the twin is heard over the bus: a process may be up and connected, and yet hear or say nothing. */
export interface Pulse {
  check(): ReadinessCheck;
  /** Resolves at the first sign of life. */
  readonly heard: Promise<void>;
  isHeard(): boolean;
  stop(): void;
}

/** Listens for the simulation's telemetry; the sim hears its own, which has then been to the bus and back. */
export function startPulse(bus: Bus, clock: Clock): Pulse {
  const first = Promise.withResolvers<void>();
  let last: { readonly atMs: number; readonly msg: Msg; readonly before: Msg | undefined } | undefined;
  const subscription = bus.subscribe(
    SUBJECTS.telemetry,
    (msg) => {
      last = { atMs: clock.monotonicMs(), msg, before: last?.msg };
      first.resolve();
    },
    { name: "pulse", maxPending: 1, overflow: "drop_oldest" },
  );
  return {
    heard: first.promise,
    isHeard: () => last !== undefined,
    check() {
      const name = "telemetry";
      if (last === undefined) return { name, ok: false, reason: "no telemetry has been heard on the bus yet: does the sim run?" };
      const ageMs = clock.monotonicMs() - last.atMs;
      if (ageMs <= usualSilenceMs(last.msg, last.before)) return { name, ok: true };
      const reason = `no telemetry has been heard for ${Math.round(ageMs / 1000)} s: the sim is silent, or this process does not hear it`;
      return { name, ok: false, reason };
    },
    stop: () => subscription.unsubscribe(),
  };
}

/** How long no telemetry may come before something is wrong, ms: by the simulated time between two messages, and the speed. */
function usualSilenceMs(msg: Msg, before: Msg | undefined): number {
  const [now, then] = [timeAndPace(msg), before === undefined ? undefined : timeAndPace(before)];
  if (now.speed === undefined || then === undefined) return SILENCE_MS;
  return Math.max(SILENCE_MS, (PERIODS * (now.timeMs - then.timeMs)) / now.speed);
}

/** Event time, ms, and the speed while it runs. */
function timeAndPace({ bytes }: Msg): { readonly timeMs: number; readonly speed: number | undefined } {
  const payload = parsed(bytes);
  const { ts_unix_ms: timeMs, sim_state: state } = isRecord(payload) ? payload : {};
  const speed = isRecord(state) && state.fsm_state === "RUNNING" ? state.speed : undefined;
  return { timeMs: typeof timeMs === "number" ? timeMs : 0, speed: typeof speed === "number" ? speed : undefined };
}
