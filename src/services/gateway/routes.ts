import { type Context, Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { requestId } from "hono/request-id";
import type { Bus } from "#bus/port.ts";
import { COMMANDS } from "#contracts/command-catalogue.ts";
import { DICTIONARY } from "#contracts/dictionary.ts";
import type { Clock } from "../clock.ts";
import type { Metrics } from "../metrics.ts";
import type { Log } from "../log.ts";
import { addAuditRoutes } from "./audit-routes.ts";
import type { CommandDesk } from "./command-desk.ts";
import { addCommandRoutes } from "./command-routes.ts";
import type { Denial } from "./denied.ts";
import { addHistoryRoutes } from "./history-routes.ts";
import { type Hub, LOG_TOPICS, STATE_TOPICS, type StateTopic } from "./hub.ts";
import { type Identities, type Identity, NOBODY } from "./identity.ts";
import type { Ingest } from "./ingest.ts";
import { LOGOUT_COOKIE } from "./login-sessions.ts";
import { Problem, type ProblemCode } from "./problem.ts";
import { addReplayRoutes } from "./replay-routes.ts";
import type { Replays } from "./replays.ts";
import { createRateLimiter } from "./rate-limiter.ts";
import { jsonBody } from "./request-body.ts";
import { guardHost, secureResponses } from "./security.ts";
import { LIVE, snapshotOf } from "./session.ts";
import type { WebAssets } from "./web-assets.ts";

export interface RouteContext {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly log: Log;
  readonly hub: Hub;
  readonly desk: CommandDesk;
  readonly identities: Identities;
  readonly ingest: Ingest;
  readonly replays: Replays;
  readonly assets: WebAssets;
  /** Values of `Host` that this gateway answers to, and of `Origin` that may change something. */
  readonly hosts: () => readonly string[];
  readonly origins: () => readonly string[];
  /** Network address that a request comes from. */
  readonly addressOf: (c: Context) => string;
  readonly metrics: Metrics;
  readonly checks: () => readonly { readonly name: string; readonly ok: boolean; readonly reason?: string }[];
  /** Tells the audit trail that somebody was turned away. */
  readonly denied: (denial: Denial) => void;
}

const CHANGING = ["POST", "PATCH", "PUT", "DELETE"];
const NOBODY_KNOWN = Symbol("nobody that is known");
const LOGIN_PATH = "/api/login";
const BODY_BYTES = 65_536;
/** A page asks for three things when it opens: so many tabs of one person may open at once. */
const REQUESTS = { perS: 50, atOnce: 100 };
/** Of one address as long as nobody has signed in from there, where that is needed. */
const STRANGERS = { perS: 1, atOnce: 20 };
const COMMANDS_SENT = { perS: 5, atOnce: 10 };
const AUDITED: ReadonlySet<ProblemCode> = new Set(["unauthenticated", "forbidden", "bad_origin", "arm_mismatch"]);

/** Everything the gateway answers over HTTP (console §2.2): what is here is what works. */
export function createRoutes(context: RouteContext): Hono {
  const { hub, desk, identities, clock } = context;
  const app = new Hono();
  /** Who sends each request, found out once: a wrong token is one failure, however often somebody asks. */
  const found = new WeakMap<Request, Identity | Problem | typeof NOBODY_KNOWN>();
  const find = (c: Context): Identity | Problem | typeof NOBODY_KNOWN => {
    try {
      const { cookie, authorization } = c.req.header();
      return identities.of({ cookie, authorization, address: context.addressOf(c) }) ?? NOBODY_KNOWN;
    } catch (error) {
      if (error instanceof Problem) return error;
      throw error;
    }
  };
  const known = (c: Context): Identity | undefined => {
    const who = found.get(c.req.raw) ?? find(c);
    found.set(c.req.raw, who);
    if (who instanceof Problem) throw who;
    return who === NOBODY_KNOWN ? undefined : who;
  };
  const sender = (c: Context): Identity => {
    const who = known(c);
    if (who === undefined) throw UNAUTHENTICATED;
    return who;
  };

  app.use("*", requestId());
  app.use("*", secureResponses());
  app.use("*", guardHost(context.hosts));
  app.get("/healthz", (c) => c.json({ ok: true }));
  app.get("/readyz", (c) => {
    const checks = context.checks();
    return c.json({ checks }, checks.every((check) => check.ok) ? 200 : 503);
  });
  app.on(CHANGING, "/api/*", async (c, next) => {
    await next();
    context.log.info({ ...requestOf(c), status: c.res.status, who: whoever(c).name }, "a change was asked for");
  });
  app.get("/metrics", async (c) => {
    const { type, text } = await context.metrics.text();
    return c.body(text, 200, { "content-type": type, "cache-control": "no-store" });
  });
  guardApi(app, context, known);

  app.get("/api/me", (c) => c.json({ ...sender(c), auth: identities.mode }));
  app.post(LOGIN_PATH, async (c) => {
    const { identity, cookie } = identities.login(await jsonBody(c), context.addressOf(c));
    const isTls = c.req.header("origin")?.startsWith("https:") === true;
    c.header("Set-Cookie", isTls ? `${cookie}; Secure` : cookie);
    return c.json(identity);
  });
  app.post("/api/logout", (c) => {
    identities.logout(c.req.header("cookie"));
    c.header("Set-Cookie", LOGOUT_COOKIE);
    return c.json({ ok: true });
  });
  app.get("/api/catalog", (c) =>
    c.json({
      commands: COMMANDS,
      dictionary: DICTIONARY,
      rules: hub.get("system", "rules")?.value ?? null,
      topics: { state: STATE_TOPICS, log: LOG_TOPICS },
      limits: context.ingest.run()?.limits ?? null,
    }),
  );
  app.get("/api/state", (c) => c.json(snapshotOf({ name: LIVE, hub }, topicsAsked(c))));
  addCommandRoutes(app, { hub, desk, sender, commands: createRateLimiter(clock, COMMANDS_SENT.perS, COMMANDS_SENT.atOnce) });
  addAuditRoutes(app, context.bus);
  addReplayRoutes(app, context.replays, sender);
  addHistoryRoutes(app, context.bus, () => context.ingest.run()?.run_id as string | undefined);
  app.get("/*", (c, next) => context.assets(c) ?? next());

  app.notFound((c) =>
    answerProblem(c, new Problem("not_found", `there is no ${c.req.method} ${c.req.path} here: /api/catalog tells of commands and topics`)),
  );
  app.onError((error, c) => {
    const problem = error instanceof Problem ? error : new Problem("internal", "the gateway failed on this request; its log says more");
    if (problem !== error) context.log.error({ err: error, ...requestOf(c) }, "a request failed");
    if (AUDITED.has(problem.code)) {
      const { code, message: why } = problem;
      const requestId = problem.extra.request_id as string | undefined;
      const asked = { what: `${c.req.method} ${c.req.path}`, ...(requestId === undefined ? {} : { requestId }) };
      context.denied({ who: whoever(c), code, why, ...asked, address: context.addressOf(c) });
    }
    return answerProblem(c, problem);
  });
  return app;

  function whoever(c: Context): Identity {
    try {
      return known(c) ?? NOBODY;
    } catch {
      return NOBODY;
    }
  }
}

/** Rate, size, origin and content type, before any route of the API runs. */
function guardApi(app: Hono, context: RouteContext, known: (c: Context) => Identity | undefined): void {
  const requests = createRateLimiter(context.clock, REQUESTS.perS, REQUESTS.atOnce);
  const strangers = createRateLimiter(context.clock, STRANGERS.perS, STRANGERS.atOnce);
  app.use("/api/*", async (c, next) => {
    const who = known(c);
    const [limiter, name, limit] = who === undefined ? [strangers, context.addressOf(c), STRANGERS] : [requests, who.name, REQUESTS];
    if (!limiter.take(name))
      throw new Problem("rate_limited", `${name} asks more than ${limit.perS} times a second (${limit.atOnce} at once): slow down`);
    if (who === undefined && c.req.path !== LOGIN_PATH) throw UNAUTHENTICATED;
    await next();
  });
  app.use("/api/*", bodyLimit({ maxSize: BODY_BYTES, onError: (c) => answerProblem(c, TOO_LARGE) }));
  app.on(CHANGING, "/api/*", async (c, next) => {
    const origin = c.req.header("origin");
    if (origin !== undefined && !context.origins().includes(origin))
      throw new Problem("bad_origin", `pages of ${origin} may not change anything here: open the console at ${context.origins()[0]}`);
    if (!/^application\/json\s*(;|$)/i.test(c.req.header("content-type") ?? ""))
      throw new Problem("unsupported_media_type", "the content-type is not application/json, which this API expects");
    await next();
  });
}

const UNAUTHENTICATED = new Problem(
  "unauthenticated",
  "this gateway lets in by token: sign in with it, or send Authorization: Bearer TOKEN",
);
/** A request in the log: its id also stands in the answer, as `X-Request-Id`. */
function requestOf(c: Context): Readonly<Record<string, string>> {
  return { method: c.req.method, path: c.req.path, http_request: String(c.get("requestId")) };
}

const TOO_LARGE = new Problem("payload_too_large", `the body is larger than ${BODY_BYTES} bytes, which is the most that is read`);

function answerProblem(c: Context, problem: Problem): Response {
  const retry = problem.code === "rate_limited" ? { "retry-after": "1" } : {};
  return c.json(problem.body(), problem.status as 500, { "content-type": "application/problem+json", ...retry });
}

function topicsAsked(c: Context): readonly StateTopic[] {
  const asked = c.req.query("topics");
  if (asked === undefined || asked === "") return STATE_TOPICS;
  const topics = asked.split(",");
  const unknown = topics.find((topic) => !STATE_TOPICS.includes(topic as StateTopic));
  if (unknown === undefined) return topics as StateTopic[];
  const expected = STATE_TOPICS.join(", ");
  throw new Problem("not_found", `there is no topic ${unknown}: topics are ${expected}`, { path: "topics", expected });
}
