import { execFileSync } from "node:child_process";
import { cpus } from "node:os";

/** One figure of `../shared/spec/benchmarks.md`-style tables: what it is called, what it must and could reach. */
export interface FigureSpec {
  readonly id: string;
  readonly group: string;
  readonly unit: string;
  readonly floor: number;
  readonly reach: number;
  /** Whether more is better; times are better when less. */
  readonly better: "more" | "less";
  /**
   * One run: does the work, checks its result, returns the figure. A wrong result throws, so a fast wrong answer fails.
   */
  readonly run: () => number | Promise<number>;
  /** Said beside the figure, made after the last run. */
  readonly note?: () => string;
  /** Measured only when its group is named: all groups together end within 10 minutes. */
  readonly onlyWhenNamed?: boolean;
  /** Runs after the warm-up; five unless told. */
  readonly runs?: number;
}

export interface Figure {
  readonly id: string;
  readonly value: number;
  readonly unit: string;
  readonly floor: number;
  readonly reach: number;
  readonly runs: number;
  readonly min: number;
  readonly max: number;
  readonly note: string;
  readonly verdict: "reach" | "floor" | "under floor";
}

const RUNS = 5;

/** The median of at least five runs after a warm-up. */
export async function measure(spec: FigureSpec): Promise<Figure> {
  await spec.run();
  const runs = spec.runs ?? RUNS;
  const values: number[] = [];
  for (let run = 0; run < runs; run += 1) values.push(await spec.run());
  values.sort((a, b) => a - b);
  const value = values[Math.floor(values.length / 2)]!;
  const passes = (limit: number): boolean => (spec.better === "more" ? value >= limit : value <= limit);
  return {
    id: spec.id,
    value,
    unit: spec.unit,
    floor: spec.floor,
    reach: spec.reach,
    runs,
    min: values[0]!,
    max: values.at(-1)!,
    note: spec.note?.() ?? "",
    verdict: passes(spec.reach) ? "reach" : passes(spec.floor) ? "floor" : "under floor",
  };
}

/** The machine and build that figures belong to. */
export function circumstances(): Record<string, unknown> {
  return {
    machine: `${cpus().length} × ${cpus()[0]?.model ?? "unknown processor"}`,
    node: process.version,
    commit: commit(),
    startedAt: new Date().toISOString(),
  };
}

/** Figures as a table for people. */
export function tableOf(figures: readonly Figure[]): string {
  const rows = figures.map((one) => [
    one.id,
    shown(one.value),
    one.unit,
    shown(one.floor),
    shown(one.reach),
    one.verdict,
    `${shown(one.min)} … ${shown(one.max)}`,
    one.note,
  ]);
  const head = ["figure", "value", "unit", "floor", "reach", "verdict", "min … max", "note"];
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]!.length)));
  return [head, ...rows]
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** The value below which a share of the values lies. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!;
}

/** Three digits, for notes. */
export function rounded(value: number): string {
  return String(Number(value.toPrecision(3)));
}

function shown(value: number): string {
  if (value >= 1000) return Math.round(value).toLocaleString("en-US");
  return value.toPrecision(3);
}

function commit(): string {
  try {
    return execFileSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  } catch {
    return "unknown";
  }
}
