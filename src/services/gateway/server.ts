import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import type { IncomingMessage, Server } from "node:http";
import { extname, join } from "node:path";
import type { Duplex } from "node:stream";
import { createAdaptorServer } from "@hono/node-server";
import { Hono } from "hono";
import { type WebSocket, WebSocketServer } from "ws";
import { QikiError } from "#base/error.ts";
import type { Bus } from "#bus/port.ts";
import type { CommandLimits } from "#contracts/command.ts";
import { CLOUD_EVENTS, MSG_ID_HEADER } from "#contracts/message.ts";
import { SUBJECTS } from "#contracts/subjects.ts";
import type { Clock } from "../clock.ts";
import type { Log } from "../log.ts";
import { createCommandDesk } from "./command-desk.ts";
import { createHub } from "./hub.ts";
import { type Identity, localIdentities } from "./identity.ts";
import { startIngest } from "./ingest.ts";
import { createRateLimiter } from "./rate-limiter.ts";
import { createRoutes, type RouteContext } from "./routes.ts";
import { openSession } from "./session.ts";

export interface GatewayOptions {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly log: Log;
  readonly host: string;
  readonly port: number;
  /** When the port was only the default: how many further ones may be tried. */
  readonly portsToTry: number;
  /** Key the gateway signs commands with; the command owners know it too. */
  readonly key: { readonly id: string; readonly secret: string };
  /** Folder of the built console. */
  readonly webFolder: string;
  readonly readiness: RouteContext["checks"];
}

export interface Gateway {
  readonly url: string;
  readonly port: number;
  close(): Promise<void>;
}

const WS_CLIENTS = 64;
const WS_BYTES = 65_536;
const WS_PROTOCOL = "qiki.orion.1";
const CLOSE_GRACE_MS = 2000;
const CONTENT_TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".json": "application/json",
  ".woff2": "font/woff2",
};
const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  "Content-Security-Policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'",
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Resource-Policy": "same-origin",
};

/** Serves ORION, its API and its stream to consoles; owns no truth (console §2). */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const { bus, clock, log } = options;
  const hub = createHub(clock);
  const identities = localIdentities(clock, "supervisor");
  const denied = (sender: Identity, what: string, why: string): void => publishDenied(bus, clock, sender, what, why);
  const desk = createCommandDesk({
    bus,
    clock,
    hub,
    key: options.key,
    limits: () => ingest.run()?.limits as CommandLimits | undefined,
    denied,
  });
  const ingest = startIngest({ bus, clock, hub, log, desk });
  let port = options.port;
  const hostNames = (): string[] => ["127.0.0.1", "localhost", "[::1]"].map((name) => `${name}:${port}`);
  const origins = (): string[] => hostNames().map((host) => `http://${host}`);

  const routes = createRoutes({
    bus,
    hub,
    desk,
    identities,
    ingest,
    requests: createRateLimiter(clock, 50, 100),
    commands: createRateLimiter(clock, 5, 10),
    allowedOrigins: origins,
    checks: options.readiness,
    denied,
    nowMs: () => clock.monotonicMs(),
  });
  const app = withSecurity(routes, options.webFolder, hostNames);
  const server = createAdaptorServer({ fetch: app.fetch }) as Server;
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: WS_BYTES,
    perMessageDeflate: false,
    handleProtocols: (offered) => (offered.has(WS_PROTOCOL) ? WS_PROTOCOL : false),
  });

  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const refuse = (status: string): void => {
      socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\n\r\n`);
    };
    if (request.url?.split("?")[0] !== "/ws") return refuse("404 Not Found");
    if (!hostNames().includes(request.headers.host ?? "")) return refuse("421 Misdirected Request");
    if (request.headers.origin !== undefined && !origins().includes(request.headers.origin)) return refuse("403 Forbidden");
    if (sockets.clients.size >= WS_CLIENTS) return refuse("503 Service Unavailable");
    sockets.handleUpgrade(request, socket, head, (ws) => serveConsole(ws, identities.of(request.headers.cookie)));
  });

  function serveConsole(ws: WebSocket, identity: Identity): void {
    const session = openSession(
      {
        send: (text) => ws.send(text),
        close: (code, reason) => ws.close(code, reason),
        get bufferedBytes() {
          return ws.bufferedAmount;
        },
      },
      { hub, clock, identity, about: () => aboutRun(ingest.run()), losses: ingest.losses, sourceAges: ingest.sourceAges },
    );
    ws.on("message", (data, isBinary) => {
      if (isBinary) ws.close(4400, "text messages only");
      else session.receive((data as Buffer).toString("utf8"));
    });
    ws.on("close", () => session.closed());
    ws.on("error", (error) => log.warn({ err: error }, "a console's connection broke"));
  }

  port = await listen(server, options);
  const shown = options.host === "0.0.0.0" || options.host === "::" ? "127.0.0.1" : options.host;
  return {
    url: `http://${shown}:${port}`,
    port,
    async close() {
      for (const ws of sockets.clients) ws.close(1001, "the gateway stops");
      ingest.stop();
      const closed = new Promise<void>((done) => server.close(() => done()));
      server.closeIdleConnections();
      const cancel = clock.after(CLOSE_GRACE_MS, () => {
        for (const ws of sockets.clients) ws.terminate();
        server.closeAllConnections();
      });
      await closed;
      cancel();
    },
  };
}

/** Host check and security headers around every answer, and the built console's files. */
function withSecurity(routes: Hono, webFolder: string, hostNames: () => readonly string[]): Hono {
  const assets = loadAssets(webFolder);
  const app = new Hono();
  app.use("*", async (c, next) => {
    if (hostNames().includes(c.req.header("host") ?? "")) await next();
    else
      c.res = c.json(
        {
          type: "urn:qiki:error:bad_host",
          title: "bad host",
          status: 421,
          code: "bad_host",
          detail: `this gateway answers to ${hostNames()[0]}`,
        },
        421,
      );
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) c.header(name, value);
  });
  app.get("/*", async (c, next) => {
    const path = c.req.path === "/" ? "/index.html" : c.req.path;
    const asset = assets.get(path);
    if (asset === undefined) return next();
    const caching = path.startsWith("/assets/") ? "public, max-age=31536000, immutable" : "no-cache";
    return c.body(asset.bytes, 200, { "content-type": asset.type, "cache-control": caching });
  });
  app.route("/", routes);
  app.notFound((c) => routes.fetch(c.req.raw));
  return app;
}

function loadAssets(folder: string): ReadonlyMap<string, { readonly bytes: Uint8Array<ArrayBuffer>; readonly type: string }> {
  let names: string[];
  try {
    names = readdirSync(folder, { recursive: true, encoding: "utf8" });
  } catch (error) {
    throw new QikiError("file_unreadable", `the built console is not in ${folder}: run 'npm run prepare'`, error);
  }
  const files = names.filter((name) => CONTENT_TYPES[extname(name)] !== undefined);
  return new Map(
    files.map((name) => [
      `/${name.replaceAll("\\", "/")}`,
      { bytes: new Uint8Array(readFileSync(join(folder, name))), type: CONTENT_TYPES[extname(name)]! },
    ]),
  );
}

async function listen(server: Server, options: GatewayOptions): Promise<number> {
  for (let port = options.port; ; port += 1) {
    try {
      await new Promise<void>((done, fail) => {
        server.once("error", fail);
        server.listen(port, options.host, () => {
          server.removeListener("error", fail);
          done();
        });
      });
      return (server.address() as { port: number }).port;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "EADDRINUSE" && port < options.port + options.portsToTry) continue;
      const what =
        code === "EADDRINUSE" ? "is in use: stop what uses it or give another --port" : `cannot be opened: ${(error as Error).message}`;
      throw new QikiError("port_in_use", `port ${port} of ${options.host} ${what}`, error);
    }
  }
}

function aboutRun(run: Readonly<Record<string, unknown>> | undefined): Record<string, unknown> {
  if (run === undefined) return { run: null, cfg: null };
  return {
    run: { id: run.run_id, seed: run.seed, tick_ms: run.tick_ms, epoch: run.epoch, profile_hash: run.profile_hash ?? null },
    cfg: { telemetry_period_s: run.telemetry_period_s, events_period_s: run.events_period_s },
  };
}

/** Tells the audit trail that somebody was turned away. */
function publishDenied(bus: Bus, clock: Clock, sender: Identity, what: string, why: string): void {
  const nowMs = Math.floor(clock.nowMs());
  const id = `audit-denied-${randomBytes(12).toString("hex")}`;
  const payload = {
    schema_version: 1,
    category: "audit",
    source: "gateway",
    subject: "service",
    kind: "denied",
    action_type: "denied",
    operator: sender.name,
    role: sender.role,
    ok: false,
    what,
    why,
    wall: new Date(nowMs).toISOString(),
  };
  const headers = {
    [MSG_ID_HEADER]: id,
    ce_specversion: "1.0",
    ce_id: id,
    ce_type: CLOUD_EVENTS.audit.type,
    ce_source: "urn:qiki:gateway",
    ce_time: new Date(nowMs).toISOString(),
    ce_datacontenttype: "application/json",
  };
  bus.publish(SUBJECTS.audit, Buffer.from(JSON.stringify(payload)), { msgId: id, headers });
}
