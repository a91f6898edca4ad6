import { type Context, Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import type { Bus } from "#bus/port.ts";
import { COMMANDS } from "#contracts/command-catalogue.ts";
import { DICTIONARY } from "#contracts/dictionary.ts";
import { QUERIES } from "#contracts/subjects.ts";
import { QikiError } from "#base/error.ts";
import type { CommandDesk, CommandRequest } from "./command-desk.ts";
import { type Hub, LOG_TOPICS, STATE_TOPICS, type StateTopic } from "./hub.ts";
import type { Identities, Identity } from "./identity.ts";
import type { Ingest } from "./ingest.ts";
import { Problem } from "./problem.ts";
import type { RateLimiter } from "./rate-limiter.ts";

const BODY_BYTES = 65_536;
const ACK_WAIT_MS = 5000;
const INCIDENT_OPS: Readonly<Record<string, string>> = {
  ack: "incident.ack",
  shelve: "incident.shelve",
  unshelve: "incident.unshelve",
  clear: "incident.clear",
  oos: "incident.out_of_service",
  return: "incident.return",
};

export interface RouteContext {
  readonly bus: Bus;
  readonly hub: Hub;
  readonly desk: CommandDesk;
  readonly identities: Identities;
  readonly ingest: Ingest;
  readonly requests: RateLimiter;
  readonly commands: RateLimiter;
  readonly allowedOrigins: () => readonly string[];
  readonly checks: () => readonly { readonly name: string; readonly ok: boolean; readonly reason?: string }[];
  readonly denied: (sender: Identity, what: string, why: string) => void;
  readonly nowMs: () => number;
}

/** The HTTP side of the gateway (console §2.2): what is here is what works. */
export function createRoutes(context: RouteContext): Hono {
  const app = new Hono();
  const { hub, desk, identities } = context;
  const sender = (c: Context): Identity => identities.of(c.req.header("cookie"));

  app.get("/healthz", (c) => c.json({ ok: true }));
  app.get("/readyz", (c) => {
    const checks = context.checks();
    return c.json({ checks }, checks.every((check) => check.ok) ? 200 : 503);
  });

  app.use("/api/*", async (c, next) => {
    if (!context.requests.take(sender(c).name))
      throw new Problem("rate_limited", "more than 50 requests a second: slow down", { retry_after_s: 1 });
    await next();
    c.header("Cache-Control", "no-store");
  });
  app.use(
    "/api/*",
    bodyLimit({
      maxSize: BODY_BYTES,
      onError: () => Promise.reject(new Problem("payload_too_large", `the body is larger than ${BODY_BYTES} bytes`)),
    }),
  );
  app.on(["POST", "PATCH", "PUT", "DELETE"], "/api/*", async (c, next) => {
    const origin = c.req.header("origin");
    if (origin !== undefined && !context.allowedOrigins().includes(origin)) {
      context.denied(sender(c), c.req.path, `origin ${origin}`);
      throw new Problem("bad_origin", `requests from ${origin} are not accepted: open the console at ${context.allowedOrigins()[0]}`);
    }
    if (!/^application\/json\b/.test(c.req.header("content-type") ?? ""))
      throw new Problem("unsupported_media_type", "expected content-type application/json");
    await next();
  });

  app.get("/api/me", (c) => c.json(sender(c)));
  app.post("/api/login", async (c) => {
    const { identity, cookie } = identities.login((await jsonBody(c)).name);
    c.header("Set-Cookie", cookie);
    return c.json(identity);
  });
  app.post("/api/logout", (c) => {
    identities.logout(c.req.header("cookie"));
    c.header("Set-Cookie", "qiki_login=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0");
    return c.json({ ok: true });
  });

  app.get("/api/catalog", (c) =>
    c.json({
      commands: COMMANDS,
      dictionary: DICTIONARY,
      topics: { state: STATE_TOPICS, log: LOG_TOPICS },
      limits: context.ingest.run()?.limits ?? null,
    }),
  );
  app.get("/api/state", (c) => {
    const wanted = (c.req.query("topics") ?? STATE_TOPICS.join(",")).split(",") as StateTopic[];
    const topics: Record<string, Record<string, unknown>> = {};
    for (const topic of wanted) {
      if (!STATE_TOPICS.includes(topic))
        throw new Problem("not_found", `no topic ${topic}: topics are ${STATE_TOPICS.join(", ")}`, { path: "topics" });
      topics[topic] = Object.fromEntries(
        [...hub.entries(topic)].map(([key, { value, receivedMs }]) => [
          key,
          { age_ms: Math.round(context.nowMs() - receivedMs), v: value },
        ]),
      );
    }
    return c.json({ seq: hub.seq, tick: hub.tick ?? null, topics });
  });

  app.post("/api/commands/arm", async (c) => c.json(desk.arm(await jsonBody(c), sender(c))));
  app.post("/api/commands", async (c) => sendCommand(c, await jsonBody(c)));
  app.get("/api/commands", (c) => c.json({ items: desk.rows() }));
  app.get("/api/commands/:id", (c) => {
    const row = desk.rows().find((one) => one.request_id === c.req.param("id"));
    if (row === undefined) throw new Problem("not_found", `no command with request id ${c.req.param("id")}`);
    return c.json(row);
  });

  app.get("/api/incidents", (c) => c.json({ items: [...hub.entries("incidents").values()].map(({ value }) => value) }));
  app.post("/api/incidents/:key/:op", async (c) => {
    const name = INCIDENT_OPS[c.req.param("op")];
    if (name === undefined)
      throw new Problem("not_found", `no operation ${c.req.param("op")}: expected ${Object.keys(INCIDENT_OPS).join(", ")}`);
    const { request_id, confirm, arm_token, ...parameters } = await jsonBody(c);
    const request: CommandRequest = {
      request_id,
      confirm,
      arm_token,
      command_name: name,
      parameters: { ...parameters, incident_id: c.req.param("key") },
      incident_key: c.req.param("key"),
    };
    return sendCommand(c, request, true);
  });
  app.get("/api/kpi", (c) => {
    const kpi = hub.get("system", "kpi");
    if (kpi === undefined) throw new Problem("not_published", "the alarms service has not published its figures yet");
    return c.json(kpi.value as Record<string, unknown>);
  });
  app.get("/api/rules", (c) => {
    const rules = hub.get("system", "rules");
    if (rules === undefined) throw new Problem("not_published", "the alarms service has not published its rules yet");
    return c.json(rules.value as Record<string, unknown>);
  });

  app.get("/api/audit", async (c) => c.json(await query(context.bus, QUERIES.audit.subject, auditQuery(c))));
  app.get("/api/audit/verify", async (c) => c.json(await query(context.bus, QUERIES.auditVerify.subject, {})));

  async function sendCommand(c: Context, request: CommandRequest, waits = c.req.query("wait") === "ack"): Promise<Response> {
    const who = sender(c);
    if (!context.commands.take(who.name))
      throw new Problem("rate_limited", "more than 5 commands a second (10 at once): slow down", { retry_after_s: 1 });
    const { row, replay } = desk.send(request, who);
    const extra = replay ? { idempotent_replay: true } : {};
    if (row.stage === "NOT_SENT")
      throw new Problem("bus_unavailable", row.detail ?? "the bus is not connected", { request_id: row.request_id });
    if (!waits) return c.json({ ...row, ...extra }, 202);
    const settled = await desk.settled(row.request_id, ACK_WAIT_MS);
    const reason = (settled.details as { reason?: string } | undefined)?.reason;
    const conflict = { occ_mismatch: "stale_occurrence", condition_active: "condition_still_true" } as const;
    if (settled.stage === "REJECTED" && reason !== undefined && reason in conflict) {
      throw new Problem(conflict[reason as keyof typeof conflict], settled.detail ?? reason, {
        request_id: row.request_id,
        details: settled.details,
      });
    }
    return c.json({ ...settled, ...extra });
  }

  app.notFound((c) => {
    const problem = new Problem("not_found", `${c.req.method} ${c.req.path} is not part of this gateway`);
    return c.json(problem.body(), 404, { "content-type": "application/problem+json" });
  });
  app.onError((error, c) => {
    const problem = error instanceof Problem ? error : new Problem("internal", "the gateway failed on this request; its log says more");
    if (problem.code === "forbidden") context.denied(sender(c), c.req.path, problem.message);
    const headers: Record<string, string> = { "content-type": "application/problem+json" };
    if (problem.code === "rate_limited") headers["Retry-After"] = "1";
    return c.json(problem.body(), problem.status as 500, headers);
  });
  return app;
}

async function jsonBody(c: Context): Promise<Record<string, unknown>> {
  let body: unknown;
  try {
    body = await c.req.json();
  } catch (error) {
    if (error instanceof Problem) throw error;
    throw new Problem("malformed", "the body is not JSON");
  }
  if (typeof body !== "object" || body === null || Array.isArray(body)) throw new Problem("malformed", "the body is not a JSON object");
  return body as Record<string, unknown>;
}

function auditQuery(c: Context): Record<string, unknown> {
  const filters: Record<string, string> = {};
  for (const key of ["operator", "incident", "request_id", "type", "run", "from", "to"]) {
    const value = c.req.query(key);
    if (value !== undefined) filters[key] = value;
  }
  const after = c.req.query("after");
  return {
    filters,
    newest: after === undefined,
    limit: Math.min(500, Number(c.req.query("limit") ?? 200)),
    ...(after === undefined ? {} : { after: Number(after) }),
  };
}

/** Asks another role; what it stores is its own (operations §2.4). */
async function query(bus: Bus, subject: string, request: Record<string, unknown>): Promise<Record<string, unknown>> {
  try {
    const reply = await bus.request(subject, Buffer.from(JSON.stringify(request)), { timeoutMs: 10_000 });
    const answer = JSON.parse(Buffer.from(reply.bytes).toString("utf8")) as Record<string, unknown>;
    if (answer.ok === true) return answer;
    const detail = answer.error_detail as { message?: string } | undefined;
    throw new Problem("invalid_parameter", detail?.message ?? "the query was refused");
  } catch (error) {
    if (error instanceof QikiError) throw new Problem("bus_unavailable", `${subject} was not answered: ${error.message}`);
    throw error;
  }
}
