import { type DestinationStream, pino } from "pino";

export type Log = pino.Logger;

/** Where the process is in simulated time, as far as it knows; put into every line. */
export interface LogPlace {
  run?: string;
  tick?: number;
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
  place: LogPlace = {},
  to: DestinationStream = pino.destination({ dest: 2, sync: true }),
  nowMs: () => number = () => performance.now(),
): Log {
  const said = new Map<string, { atMs: number; unsaid: number }>();
  return pino(
    {
      level,
      base: { role },
      timestamp: pino.stdTimeFunctions.isoTime,
      mixin: () => ({ ...place }),
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

/** What two lines must share to be the same thing said twice: words, names and the error's code, whatever their numbers. */
function sameness([first, words]: readonly unknown[]): string {
  if (typeof first !== "object" || first === null) return String(first);
  const { err, ...rest } = first as { readonly err?: { readonly code?: unknown; readonly message?: unknown } };
  const names = Object.values(rest).filter((value) => typeof value === "string");
  return JSON.stringify([err?.code ?? err?.message, names, words]);
}
