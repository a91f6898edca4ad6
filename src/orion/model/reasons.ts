import type { ExplainRecord } from "#contracts/telemetry.ts";
import type { Rate } from "./history.ts";
import type { Read } from "./sampling.ts";

/** How fast a telemetry path changes. */
export type RateOf = (path: string) => Rate;

/** What ends a reason, and how far that is. */
export interface Restore {
  readonly field: string;
  readonly op: NonNullable<ExplainRecord["restores_when"]>["op"];
  readonly value: number | boolean;
  readonly unit: string;
  /** What the field is now; undefined when telemetry does not say. */
  readonly now: unknown;
  /** The condition holds now; it may have to hold for a while. */
  readonly isMet: boolean;
  readonly holdS: number | undefined;
  /** Told by the truth. */
  readonly remainingS: number | undefined;
  /** At the present rate of change the condition is met in that time; undefined when the field does not move that way. */
  readonly expectedS: number | undefined;
}

/** One entry of `explain`, with how long it has been in force and what ends it. */
export interface ReasonInForce {
  readonly record: ExplainRecord;
  readonly forS: number;
  /** Event time at which it began, ms. */
  readonly sinceMs: number | undefined;
  /** Undefined when the restore condition is not published. */
  readonly restore: Restore | undefined;
}

/** All that is shed, throttled, tripped, warned, gated, held or at fault; undefined until telemetry says. */
export function reasonsInForce(read: Read, rateOf: RateOf): readonly ReasonInForce[] | undefined {
  const records = read("explain") as readonly ExplainRecord[] | undefined;
  const tick = read("tick");
  const dtS = read("dt_s");
  const timeMs = read("ts_unix_ms");
  if (records === undefined || typeof tick !== "number" || typeof dtS !== "number") return undefined;
  return records.map((record) => {
    const forS = (tick - record.since_tick) * dtS;
    const sinceMs = typeof timeMs === "number" ? timeMs - 1000 * forS : undefined;
    return { record, forS, sinceMs, restore: restoreOf(record, read, rateOf) };
  });
}

function restoreOf({ restores_when: when }: ExplainRecord, read: Read, rateOf: RateOf): Restore | undefined {
  if (when === null) return undefined;
  const now = read(when.field);
  const isMet = holds(now, when.op, when.value);
  return {
    field: when.field,
    op: when.op,
    value: when.value,
    unit: when.unit,
    now,
    isMet,
    holdS: when.hold_s,
    remainingS: when.remaining_s,
    expectedS: isMet || typeof when.value !== "number" ? undefined : timeToS(now, when.value, rateOf(when.field)),
  };
}

function holds(now: unknown, op: Restore["op"], wanted: number | boolean): boolean {
  if (op === "==") return now === wanted;
  if (typeof now !== "number" || typeof wanted !== "number") return false;
  return op === "<=" ? now <= wanted : op === ">=" ? now >= wanted : now > wanted;
}

/** A line drawn further than this from a minute of data tells nothing. */
const EXPECTATION_MAX_S = 3600;

/** Seconds until a value that changes at this rate is there; undefined when it goes elsewhere, or takes more than an hour. */
export function timeToS(now: unknown, wanted: number, rate: Rate): number | undefined {
  if (typeof now !== "number" || rate.kind === "absent" || rate.perS === 0) return undefined;
  const seconds = (wanted - now) / rate.perS;
  return seconds >= 0 && seconds <= EXPECTATION_MAX_S ? seconds : undefined;
}
