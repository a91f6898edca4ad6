import { connect, credsAuthenticator, errors, type NodeConnectionOptions } from "@nats-io/transport-node";
import { QikiError } from "#base/error.ts";
import { NatsBus } from "./nats/connection.ts";
import type { Bus, BusReport } from "./port.ts";
import { wireNames } from "./wire.ts";

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
  /** Wall time, milliseconds since 1970. */
  readonly nowMs: () => number;
  readonly report: (report: BusReport) => void;
}

/**
 * Connects to a NATS server with JetStream (2.9 or later) and keeps the connection: a lost one is tried for ever.
 * @throws QikiError not_reachable within 5 s, auth_failed, bad_subject for the prefix
 */
export async function connectNats(options: NatsOptions): Promise<Bus> {
  const names = wireNames(options.prefix);
  try {
    const nc = await connect(connectionOptions(options));
    return new NatsBus({ nc, names, nowMs: options.nowMs, report: options.report });
  } catch (error) {
    throw connectFailure(options.servers, error);
  }
}

function connectionOptions({ servers, credentials, tls }: NatsOptions): NodeConnectionOptions {
  return {
    servers: [...servers],
    name: "qiki",
    timeout: 5_000,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 1_000,
    reconnectJitter: 250,
    reconnectJitterTLS: 250,
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

function connectFailure(servers: readonly string[], error: unknown): QikiError {
  const where = servers.join(", ");
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof errors.AuthorizationError || cause instanceof errors.UserAuthenticationExpiredError) {
      return new QikiError("auth_failed", `${where}: the server refuses the credentials; check NATS_TOKEN, NATS_USER or NATS_CREDS`, error);
    }
  }
  const why = error instanceof Error ? error.message : String(error);
  return new QikiError("not_reachable", `${where}: no connection (${why}); is nats-server running with JetStream?`, error);
}
