import type { Context, Hono } from "hono";
import type { Bus } from "#bus/port.ts";
import { QUERIES } from "#contracts/subjects.ts";
import { type Answer, integerAsked, query } from "./query.ts";

const FILTERS = ["operator", "incident", "request_id", "type", "run", "from", "to"] as const;
const PAGE = 500;
const PAGE_DEFAULT = 200;

/** The audit trail, read from the role that keeps it (operations §2.4). */
export function addAuditRoutes(app: Hono, bus: Bus): void {
  app.get("/api/audit", async (c) => c.json(await query(bus, QUERIES.audit.subject, pageAsked(c))));
  app.get("/api/audit/verify", async (c) => c.json(await query(bus, QUERIES.auditVerify.subject, {})));
  app.get("/api/audit.jsonl", async (c) => {
    const request = { filters: filtersAsked(c), limit: PAGE, newest: false };
    // What is wrong with the question is said before the first byte goes out.
    const first = await query(bus, QUERIES.audit.subject, request);
    return c.body(linesFrom(bus, request, first), 200, {
      "content-type": "application/jsonl; charset=utf-8",
      "content-disposition": 'attachment; filename="audit.jsonl"',
    });
  });
}

function filtersAsked(c: Context): Record<string, string> {
  const filters: Record<string, string> = {};
  for (const name of FILTERS) {
    const value = c.req.query(name);
    if (value !== undefined && value !== "") filters[name] = value;
  }
  return filters;
}

/** The newest page, or the one after a sequence number, oldest first. */
function pageAsked(c: Context): Record<string, unknown> {
  const after = integerAsked(c, "after", -1, Number.MAX_SAFE_INTEGER);
  const limit = integerAsked(c, "limit", 1, PAGE) ?? PAGE_DEFAULT;
  return { filters: filtersAsked(c), newest: after === undefined, limit, ...(after === undefined ? {} : { after }) };
}

/** One record a line, page by page as the reader takes them. */
function linesFrom(bus: Bus, request: Answer, first: Answer): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let page: Answer | undefined = first;
  return new ReadableStream({
    async pull(controller) {
      if (page === undefined) return controller.close();
      const items = page.items as readonly unknown[];
      const next = page.next as number | undefined;
      controller.enqueue(encoder.encode(items.map((item) => `${JSON.stringify(item)}\n`).join("")));
      page = next === undefined ? undefined : await query(bus, QUERIES.audit.subject, { ...request, after: next });
    },
  });
}
