import type { Context, Hono } from "hono";
import type { Bus } from "#bus/port.ts";
import { QUERIES } from "#contracts/subjects.ts";
import { Problem } from "./problem.ts";
import { type Answer, allPages, integerAsked } from "./query.ts";
import { openRecordingFile, recordingsOf } from "./recording-files.ts";

const POINTS = { max: 2000, default: 500 };
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
    const { items, ...about } = await allPages(bus, QUERIES.series.subject, asked, POINTS.max);
    const { run, from_ms, bucket_ms } = about.first;
    return c.json({ path: c.req.query("path"), run, from_ms, bucket_ms, buckets: items });
  });
  app.get("/api/timeline", async (c) => {
    const { items, next } = await allPages(
      bus,
      QUERIES.timeline.subject,
      filters(c, ["from", "to"]),
      ROWS_MAX,
      integerAsked(c, "after", -1, Number.MAX_SAFE_INTEGER),
    );
    return c.json({ items, ...(next === undefined ? {} : { next }) });
  });
  app.get("/api/recordings", async (c) => c.json({ items: await recordingsOf(bus) }));
  app.get("/api/recordings/:id/file", async (c) => {
    const format = c.req.query("format") ?? "jsonl";
    if (format !== "jsonl")
      throw new Problem("invalid_parameter", `format is ${format.slice(0, 40)}, expected jsonl`, { path: "format", expected: "jsonl" });
    const [id, segment] = [c.req.param("id"), integerAsked(c, "segment", 1, Number.MAX_SAFE_INTEGER) ?? 1];
    const { file, bytes } = await openRecordingFile(bus, id, segment);
    const isPacked = file.endsWith(".zst");
    return c.body(ReadableStream.from(bytes), 200, {
      "content-type": isPacked ? "application/zstd" : "application/jsonl; charset=utf-8",
      "content-disposition": `attachment; filename="${id.replaceAll(/[^\w-]/g, "")}.${segment}.jsonl${isPacked ? ".zst" : ""}"`,
    });
  });
}
