import { DICTIONARY } from "#contracts/dictionary.ts";
import type { RecordedHistory } from "./history.ts";

/** Reads the raw value at a telemetry path, undefined where there is none. */
export type Read = (path: string) => unknown;

const PATHS: readonly string[] = DICTIONARY.flatMap((entry) => (entry.series === true ? [entry.path] : []));
/** At most this many updates a second come from the gateway, however fast the simulation runs (`SUBSCRIPTIONS`). */
const UPDATES_PER_S = 10;
const GAP_PERIODS = 2.5;

/** Follows telemetry into a history: one sample per new tick, nothing across runs. */
export function createSampler(history: RecordedHistory, read: Read): (periodS: number) => void {
  let run: unknown;
  let lastTick = Number.NEGATIVE_INFINITY;

  return (periodS) => {
    const tick = read("tick");
    const dtS = read("dt_s");
    if (typeof tick !== "number" || typeof dtS !== "number") return;
    const id = read("run.id");
    if (id !== run || tick < lastTick) history.clear();
    else if (tick === lastTick) return;
    run = id;
    lastTick = tick;
    const speed = read("sim_state.speed");
    const spacingS = Math.max(periodS, (typeof speed === "number" ? speed : 1) / UPDATES_PER_S);
    history.sample(tick * dtS, GAP_PERIODS * spacingS, numbersOf(read));
  };
}

function* numbersOf(read: Read): Generator<readonly [string, unknown]> {
  for (const path of PATHS) {
    const [list, member] = path.split("[].") as [string, string | undefined];
    if (member === undefined) yield* leavesOf(path, read(path));
    else for (const item of listOf(read(list))) yield [`${list}[id=${String(item.id)}].${member}`, item[member]];
  }
}

/** A vector or map of numbers is as many series. */
function* leavesOf(path: string, value: unknown): Generator<readonly [string, unknown]> {
  if (Array.isArray(value)) for (let at = 0; at < value.length; at += 1) yield [`${path}[${at}]`, value[at]];
  else if (typeof value === "object" && value !== null) for (const [key, one] of Object.entries(value)) yield [`${path}.${key}`, one];
  else yield [path, value];
}

function listOf(value: unknown): readonly Readonly<Record<string, unknown>>[] {
  return Array.isArray(value) ? (value as Readonly<Record<string, unknown>>[]) : [];
}
