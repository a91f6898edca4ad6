import { pino } from "pino";

export type Log = pino.Logger;

/** Structured JSON lines on standard error, so that standard output holds results only. */
export function createLog(level: string, role: string): Log {
  return pino({ level, base: { role }, timestamp: pino.stdTimeFunctions.isoTime }, pino.destination({ dest: 2, sync: true }));
}
