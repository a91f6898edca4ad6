import { connect, credsAuthenticator, type NodeConnectionOptions } from "@nats-io/transport-node";
import { NatsBus } from "./nats/connection.ts";
import { connectFailure } from "./nats/failures.ts";
import type { Bus, BusReport } from "./port.ts";
import type { BusSite } from "./site.ts";
import { wireNames } from "./wire.ts";

const RETRY_MS = 1_000;
const JITTER_MS = 250;

/** How a connection shows who it is. */
export type NatsCredentials =
  | { readonly kind: "token"; readonly token: string }
  | { readonly kind: "password"; readonly user: string; readonly password: string }
  | { readonly kind: "creds"; readonly file: Uint8Array };

export interface NatsOptions {
  readonly servers: readonly string[];
  readonly credentials?: NatsCredentials;
  /** PEM texts. */
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string };
  readonly prefix?: string;
  /** What the installation calls or limits otherwise. */
  readonly site?: BusSite;
  /** Wall time, milliseconds since 1970. */
  readonly nowMs: () => number;
  readonly report: (report: BusReport) => void;
}

/**
 * Connects to a NATS server with JetStream (2.9 or later) and keeps the connection: a lost one is tried for ever.
 * @throws QikiError not_reachable within 5 s, auth_failed, bad_subject for the prefix
 */
export async function connectNats(options: NatsOptions): Promise<Bus> {
  const bus = newBus(options);
  try {
    bus.attach(await connect(connectionOptions(options)));
    return bus;
  } catch (error) {
    await bus.close();
    throw connectFailure(options.servers.join(", "), error);
  }
}

/**
 * The same at once, whether the server is there or not: it is tried every second until it is, or until the bus closes. Its status
 * says why it is not connected.
 * @throws QikiError bad_subject for the prefix
 */
export function openNats(options: NatsOptions): Bus {
  const bus = newBus(options);
  void keepDialling(bus, options);
  return bus;
}

async function keepDialling(bus: NatsBus, options: NatsOptions): Promise<void> {
  while (bus.status().state !== "closed") {
    try {
      const nc = await connect(connectionOptions(options));
      if (bus.status().state === "closed") return await nc.close();
      return bus.attach(nc);
    } catch (error) {
      bus.noteFailure(connectFailure(options.servers.join(", "), error));
      await new Promise((done) => setTimeout(done, RETRY_MS + Math.random() * JITTER_MS));
    }
  }
}

function newBus({ servers, prefix, site, nowMs, report }: NatsOptions): NatsBus {
  return new NatsBus({ servers, names: wireNames(prefix, site), nowMs, report });
}

function connectionOptions({ servers, credentials, tls }: NatsOptions): NodeConnectionOptions {
  return {
    servers: [...servers],
    name: "qiki",
    timeout: 5_000,
    maxReconnectAttempts: -1,
    // Credentials may be put right at the server while we run.
    ignoreAuthErrorAbort: true,
    reconnectTimeWait: RETRY_MS,
    reconnectJitter: JITTER_MS,
    reconnectJitterTLS: JITTER_MS,
    pingInterval: 10_000,
    maxPingOut: 2,
    ...(tls === undefined ? {} : { tls }),
    ...(credentials === undefined ? {} : signIn(credentials)),
  };
}

function signIn(credentials: NatsCredentials): Partial<NodeConnectionOptions> {
  switch (credentials.kind) {
    case "token":
      return { token: credentials.token };
    case "password":
      return { user: credentials.user, pass: credentials.password };
    case "creds":
      return { authenticator: credsAuthenticator(credentials.file) };
  }
}
