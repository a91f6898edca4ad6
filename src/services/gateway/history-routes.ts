import type { Context, Hono } from "hono";
import type { Bus } from "#bus/port.ts";
import { QUERIES } from "#contracts/subjects.ts";
import { Problem } from "./problem.ts";
import { type Answer, integerAsked, query } from "./query.ts";

const POINTS = { max: 2000, default: 500 };
const PAGE = 500;
const ROWS_MAX = 5000;

/** What the recorder keeps: trends, the time line and recordings (console §2.2); of the current run unless another is asked for. */
export function addHistoryRoutes(app: Hono, bus: Bus, currentRun: () => string | undefined): void {
  const filters = (c: Context, names: readonly string[]): Answer => {
    const run = c.req.query("run") ?? currentRun();
    const given = names.flatMap((name) => {
      const value = c.req.query(name);
      return value === undefined || value === "" ? [] : [[name, value] as const];
    });
    return { ...(run === undefined ? {} : { run }), ...Object.fromEntries(given) };
  };

  app.get("/api/series", async (c) => {
    const points = integerAsked(c, "points", 1, POINTS.max) ?? POINTS.default;
    const asked = { ...filters(c, ["path", "from", "to"]), points };
    if (!("path" in asked)) throw new Problem("invalid_parameter", "path is missing: expected one such as power.soc_pct", { path: "path" });
    const { items, ...about } = await all(bus, QUERIES.series.subject, asked, POINTS.max);
    const { run, from_ms, bucket_ms } = about.first;
    return c.json({ path: c.req.query("path"), run, from_ms, bucket_ms, buckets: items });
  });
  app.get("/api/timeline", async (c) => {
    const { items, next } = await all(
      bus,
      QUERIES.timeline.subject,
      filters(c, ["from", "to"]),
      ROWS_MAX,
      integerAsked(c, "after", -1, Number.MAX_SAFE_INTEGER),
    );
    return c.json({ items, ...(next === undefined ? {} : { next }) });
  });
  app.get("/api/recordings", async (c) => c.json({ items: (await all(bus, QUERIES.recordings.subject, {}, ROWS_MAX)).items }));
  app.get("/api/recordings/:id/file", async (c) => {
    const format = c.req.query("format") ?? "jsonl";
    if (format !== "jsonl")
      throw new Problem("invalid_parameter", `format is ${format.slice(0, 40)}, expected jsonl`, { path: "format", expected: "jsonl" });
    const asked = { id: c.req.param("id"), segment: integerAsked(c, "segment", 1, Number.MAX_SAFE_INTEGER) ?? 1 };
    const first = await query(bus, QUERIES.recordings.subject, { filters: asked });
    const isPacked = String(first.file).endsWith(".zst");
    return c.body(bytesFrom(bus, asked, first), 200, {
      "content-type": isPacked ? "application/zstd" : "application/jsonl; charset=utf-8",
      "content-disposition": `attachment; filename="${asked.id.replaceAll(/[^\w-]/g, "")}.${asked.segment}.jsonl${isPacked ? ".zst" : ""}"`,
    });
  });
}

interface Gathered {
  readonly items: readonly unknown[];
  readonly first: Answer;
  readonly next: number | undefined;
}

/** Page after page, up to `max` rows. */
async function all(bus: Bus, subject: string, filters: Answer, max: number, after = -1): Promise<Gathered> {
  const items: unknown[] = [];
  let first: Answer | undefined;
  let next: number | undefined = after;
  while (next !== undefined && items.length < max) {
    const page: Answer = await query(bus, subject, { filters, after: next, limit: Math.min(PAGE, max - items.length) });
    first ??= page;
    items.push(...(page.items as readonly unknown[]));
    next = page.next as number | undefined;
  }
  return { items, first: first!, next };
}

/** A recording as far as it has been written, stretch by stretch as the reader takes it. */
function bytesFrom(bus: Bus, filters: Answer, first: Answer): ReadableStream<Uint8Array> {
  const { size } = first as { readonly size: number };
  let page: Answer | undefined = first;
  return new ReadableStream({
    async pull(controller) {
      if (page === undefined) return controller.close();
      const [stretch] = page.items as readonly { readonly offset: number; readonly raw_b64: string }[];
      // What is written while it is read belongs to another answer.
      if (stretch !== undefined) controller.enqueue(Buffer.from(stretch.raw_b64, "base64").subarray(0, size - stretch.offset));
      const next = page.next as number | undefined;
      page = next === undefined || next + 1 >= size ? undefined : await query(bus, QUERIES.recordings.subject, { filters, after: next });
    },
  });
}
