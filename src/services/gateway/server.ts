import type { IncomingMessage, Server } from "node:http";
import type { Duplex } from "node:stream";
import { createAdaptorServer, type HttpBindings } from "@hono/node-server";
import { type WebSocket, WebSocketServer } from "ws";
import { QikiError } from "#base/error.ts";
import type { Bus } from "#bus/port.ts";
import type { CommandLimits } from "#contracts/command.ts";
import type { Role } from "#contracts/command-catalogue.ts";
import type { Clock } from "../clock.ts";
import type { Metrics } from "../metrics.ts";
import { startPulse } from "../pulse.ts";
import type { Log } from "../log.ts";
import { createCommandDesk } from "./command-desk.ts";
import { type Denial, publishDenied } from "./denied.ts";
import { gatewayMetrics } from "./gateway-metrics.ts";
import { createHub } from "./hub.ts";
import { cappedIdentities, type Credentials, createIdentities, type GatewayAuth, type Identity, NOBODY } from "./identity.ts";
import { startIngest } from "./ingest.ts";
import { Problem } from "./problem.ts";
import { createReplays } from "./replays.ts";
import { createRateLimiter } from "./rate-limiter.ts";
import { createRoutes, type RouteContext } from "./routes.ts";
import { aboutRun, LIVE, openSession, type Session, type SessionSource } from "./session.ts";
import { loadWebAssets } from "./web-assets.ts";

export interface GatewayAccess {
  readonly auth: GatewayAuth;
  /** Further names that it answers to, such as those of a proxy before it, with their port where it is not the usual one. */
  readonly hostNames: readonly string[];
  /** Whether a proxy stands before it: the address it names last in X-Forwarded-For is then that of the sender. */
  readonly behindProxy: boolean;
}

export interface GatewayOptions {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly log: Log;
  readonly host: string;
  readonly port: number;
  /** When the port was only the default: how many further ones may be tried. */
  readonly portsToTry: number;
  /** Key the gateway signs commands with; the command owners know it too. Without it nobody here is more than an unsigned sender. */
  readonly key?: { readonly id: string; readonly secret: string };
  /** The most that the sender of an unsigned command is; operator unless told. */
  readonly unsignedRole?: Role;
  /** Who may come in; without it this machine's user alone, by name. */
  readonly access?: GatewayAccess;
  /** Folder of the built console. */
  readonly webFolder: string;
  readonly readiness: RouteContext["checks"];
  readonly metrics: Metrics;
}

export interface Gateway {
  readonly url: string;
  readonly port: number;
  close(): Promise<void>;
}

const LOCAL_ACCESS: GatewayAccess = { auth: { mode: "local", role: "supervisor" }, hostNames: [], behindProxy: false };
const WS_CLIENTS = 64;
const WS_BYTES = 65_536;
const WS_PROTOCOL = "qiki.orion.1";
/** A request that has not arrived by then is given up. */
const REQUEST_MS = 10_000;
/** How soon a revoked token shows its holder out. */
const INSPECTION_MS = 1000;
/** Audit records of one address that keeps asking without a token. */
const STRANGER_DENIALS = { perS: 1, atOnce: 20 };
const CLOSE_GRACE_MS = 2000;
const LOOPBACK = ["127.0.0.1", "localhost", "[::1]"] as const;

/** Serves ORION, its API and its stream to consoles; owns no truth (console §2). @throws QikiError port_in_use, file_unreadable */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const { bus, clock, log, access = LOCAL_ACCESS, unsignedRole = "operator" } = options;
  const assets = loadWebAssets(options.webFolder);
  const hub = createHub(clock);
  const known = createIdentities(access.auth, clock, log);
  const identities = options.key === undefined ? cappedIdentities(known, unsignedRole) : known;
  const denied = (denial: Denial): void => publishDenied(bus, clock, denial);
  const limits = (): CommandLimits | undefined => ingest.run()?.limits as CommandLimits | undefined;
  const desk = createCommandDesk({ bus, clock, hub, ...(options.key === undefined ? {} : { key: options.key }), limits });
  const ingest = startIngest({ bus, clock, hub, log, desk });
  const pulse = startPulse(bus, clock);
  const live: SessionSource = {
    name: LIVE,
    hub,
    about: () => aboutRun(ingest.run()),
    losses: ingest.losses,
    sourceAges: ingest.sourceAges,
  };
  const replays = createReplays({ bus, clock, log });
  gatewayMetrics(options.metrics, hub, () => sockets.clients.size);
  let port = options.port;
  const listening = options.host.includes(":") ? `[${options.host}]` : options.host;
  const hosts = (): string[] => [...[...LOOPBACK, listening].map((name) => `${name}:${port}`), ...access.hostNames];
  const origins = (): string[] => hosts().flatMap((host) => [`http://${host}`, `https://${host}`]);
  const checks = (): ReturnType<typeof options.readiness> => {
    const reason = identities.problem();
    return [
      ...options.readiness(),
      pulse.check(),
      ...(reason === undefined ? [] : [{ name: "tokens", ok: false, reason }]),
      ...(options.key === undefined ? [unsignedCheck(unsignedRole)] : []),
    ];
  };
  const addressOf = (request: IncomingMessage): string => {
    const forwarded = access.behindProxy ? request.headers["x-forwarded-for"]?.toString().split(",").at(-1)?.trim() : undefined;
    return forwarded || (request.socket.remoteAddress ?? "unknown");
  };
  const routes = createRoutes({
    bus,
    clock,
    log,
    hub,
    desk,
    identities,
    ingest,
    replays,
    assets,
    hosts,
    origins,
    checks,
    metrics: options.metrics,
    denied,
    addressOf: (c) => addressOf((c.env as HttpBindings).incoming),
  });
  const server = createAdaptorServer({ fetch: routes.fetch }) as Server;
  server.requestTimeout = REQUEST_MS;
  server.headersTimeout = REQUEST_MS;
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: WS_BYTES,
    perMessageDeflate: false,
    handleProtocols: (offered) => (offered.has(WS_PROTOCOL) ? WS_PROTOCOL : false),
  });
  /** Open consoles, and whether whoever signed in there still may. */
  const sessions = new Map<Session, () => boolean>();

  const strangers = createRateLimiter(clock, STRANGER_DENIALS.perS, STRANGER_DENIALS.atOnce);
  let cancelInspection = (): void => {};

  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const credentials = credentialsOf(request);
    const who = identityOf(credentials);
    const refusal = upgradeRefusal(request);
    const denial = { who: who ?? NOBODY, what: "GET /ws", address: credentials.address };
    if (refusal?.startsWith("403"))
      denied({ ...denial, why: `pages of ${request.headers.origin} may not listen here`, code: "bad_origin" });
    if (refusal !== undefined) {
      socket.end(`HTTP/1.1 ${refusal}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
      return;
    }
    sockets.handleUpgrade(request, socket, head, (ws) => {
      if (who !== undefined) return serveConsole(ws, who, credentials);
      // Only a socket that is open can tell a page why it is shut.
      if (strangers.take(credentials.address)) denied({ ...denial, why: "no token that holds", code: "unauthenticated" });
      ws.close(4401, "unauthenticated");
    });
  });

  function credentialsOf(request: IncomingMessage): Credentials {
    const { cookie, authorization } = request.headers;
    return { cookie, authorization, address: addressOf(request) };
  }

  function identityOf(credentials: Credentials): Identity | undefined {
    try {
      return identities.of(credentials);
    } catch (error) {
      if (error instanceof Problem) return undefined;
      throw error;
    }
  }

  function upgradeRefusal({ url, headers }: IncomingMessage): string | undefined {
    if (!hosts().includes(headers.host?.toLowerCase() ?? "")) return "421 Misdirected Request";
    if (url?.split("?")[0] !== "/ws") return "404 Not Found";
    if (headers.origin !== undefined && !origins().includes(headers.origin)) return "403 Forbidden";
    if (sockets.clients.size >= WS_CLIENTS) return "503 Service Unavailable";
    return undefined;
  }

  function serveConsole(ws: WebSocket, identity: Identity, credentials: Credentials): void {
    const socket = {
      send: (text: string) => ws.send(text),
      close: (code: number, reason: string) => ws.close(code, reason),
      get bufferedBytes() {
        return ws.bufferedAmount;
      },
    };
    const source = (name: string): SessionSource | undefined => (name === LIVE ? live : replays.source(name));
    const session = openSession(socket, { source, clock, identity });
    sessions.set(session, () => isStill(identity, credentials));
    ws.on("message", (data, isBinary) => {
      if (isBinary) session.close(4400, "the message is binary, expected JSON text");
      else session.receive((data as Buffer).toString("utf8"));
    });
    ws.on("close", () => {
      sessions.delete(session);
      session.closed();
    });
    ws.on("error", (error) => log.warn({ err: error }, "a console's connection broke"));
  }

  function isStill({ name, role }: Identity, credentials: Credentials): boolean {
    const now = identityOf(credentials);
    return now?.name === name && now.role === role;
  }

  /** Shows out whoever has been revoked, has expired or has signed out elsewhere, and who watches a replay that was closed. */
  function inspect(): void {
    for (const [session, holds] of sessions) {
      const name = session.source();
      if (!holds()) session.close(4401, "signed out: the sign-in has ended, was revoked or has expired");
      else if (name !== LIVE && replays.source(name) === undefined) session.close(4404, "the replay was closed");
    }
    cancelInspection = clock.after(INSPECTION_MS, inspect);
  }

  try {
    port = await listen(server, options);
  } catch (error) {
    ingest.stop();
    pulse.stop();
    throw error;
  }
  inspect();
  return {
    url: `http://${listening}:${port}`,
    port,
    async close() {
      cancelInspection();
      pulse.stop();
      replays.stop();
      for (const session of sessions.keys()) session.close(1001, "the gateway stops");
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

/** Not a fault, and worth knowing. */
function unsignedCheck(role: Role): { readonly name: string; readonly ok: boolean; readonly reason: string } {
  const how = "name a file with the key gateway in QIKI_COMMAND_KEYS_FILE";
  return { name: "signing", ok: true, reason: `no key to sign commands with: everybody here is at most ${role}; ${how}` };
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
