import { type DestinationStream, pino } from "pino";
import type { Bus } from "#bus/port.ts";
import { RUN_HEADER, TICK_HEADER } from "#contracts/message.ts";
import { SUBJECTS } from "#contracts/subjects.ts";

export type Log = pino.Logger;

/** Tells where the process is in simulated time, as far as it knows; asked at every line. Whoever comes to know it puts `where`. */
export interface LogPlace {
  where: () => { readonly run?: string; readonly tick?: number };
}

/** Of a process that knows nothing of a run yet. */
export function unknownPlace(): LogPlace {
  return { where: () => ({}) };
}

/** The same thing is said once in so many ms; how often it was not said stands in the next line of it. */
const SAME_MS = 1000;
const CODES_MAX = 1000;

/**
 * Structured JSON lines on standard error, so that standard output holds results only: time, level, role, run, tick, what happened,
 * `err.code`. A fault that repeats itself does not fill the disk.
 */
export function createLog(
  level: string,
  role: string,
  place: LogPlace = unknownPlace(),
  to: DestinationStream = pino.destination({ dest: 2, sync: true }),
  nowMs: () => number = () => performance.now(),
): Log {
  const said = new Map<string, { atMs: number; unsaid: number }>();
  return pino(
    {
      level,
      base: { role },
      timestamp: pino.stdTimeFunctions.isoTime,
      mixin: () => ({ ...place.where() }),
      hooks: {
        logMethod(args, method) {
          const key = sameness(args);
          const last = said.get(key);
          if (last !== undefined && nowMs() - last.atMs < SAME_MS) {
            last.unsaid += 1;
            return;
          }
          if (said.size > CODES_MAX) said.clear();
          said.set(key, { atMs: nowMs(), unsaid: 0 });
          const unsaid = last?.unsaid ?? 0;
          if (unsaid > 0 && typeof args[0] === "object") Object.assign((args[0] = { ...(args[0] as object) }), { unsaid });
          method.apply(this, args);
        },
      },
    },
    to,
  );
}

/** Keeps a place by the telemetry on the bus, of a process that is not the sim; the returned call ends that. */
export function followLogPlace(bus: Bus, place: LogPlace): () => void {
  let heard: ReturnType<LogPlace["where"]> = {};
  place.where = () => heard;
  const subscription = bus.subscribe(
    SUBJECTS.telemetry,
    ({ headers }) => {
      const { [RUN_HEADER]: run, [TICK_HEADER]: tick } = headers;
      if (run !== undefined && Number.isSafeInteger(Number(tick ?? Number.NaN))) heard = { run, tick: Number(tick) };
    },
    { name: "log.place", maxPending: 1, overflow: "drop_oldest" },
  );
  return () => subscription.unsubscribe();
}

/** What two lines must share to be the same thing said twice: words, names and the error's code, whatever their numbers. */
function sameness([first, words]: readonly unknown[]): string {
  if (typeof first !== "object" || first === null) return String(first);
  const { err, ...rest } = first as { readonly err?: { readonly code?: unknown; readonly message?: unknown } };
  const names = Object.values(rest).filter((value) => typeof value === "string");
  return JSON.stringify([err?.code ?? err?.message, names, words]);
}
