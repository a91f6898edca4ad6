import { readFileSync } from "node:fs";
import { QikiError } from "#base/error.ts";
import type { NatsCredentials, NatsOptions } from "#bus/nats.ts";
import { busSite } from "./bus-site.ts";

/** Connection settings of a NATS server: address from the command line, secrets only from the environment. */
export function natsOptions(url: string, env: NodeJS.ProcessEnv = process.env): NatsOptions {
  if (/\/\/[^/]*@/.test(url)) {
    throw new QikiError(
      "auth_config",
      "the NATS address holds credentials: put them into NATS_TOKEN, NATS_USER and NATS_PASSWORD, or NATS_CREDS instead",
    );
  }
  const credentials = natsCredentials(env);
  const tls = tlsFiles(env);
  return {
    site: busSite(),
    servers: url.split(",").map((one) => one.trim()),
    ...(credentials === undefined ? {} : { credentials }),
    ...(Object.keys(tls).length === 0 ? {} : { tls }),
    nowMs: () => Date.now(),
    report: (report) => void process.stderr.write(`qiki: bus: ${report.kind}\n`),
  };
}

function natsCredentials(env: NodeJS.ProcessEnv): NatsCredentials | undefined {
  if (env.NATS_TOKEN !== undefined) return { kind: "token", token: env.NATS_TOKEN };
  if ((env.NATS_USER === undefined) !== (env.NATS_PASSWORD === undefined)) {
    const missing = env.NATS_USER === undefined ? "NATS_USER" : "NATS_PASSWORD";
    throw new QikiError("auth_config", `${missing} is missing: NATS_USER and NATS_PASSWORD go together`);
  }
  if (env.NATS_USER !== undefined) return { kind: "password", user: env.NATS_USER, password: env.NATS_PASSWORD! };
  return env.NATS_CREDS === undefined ? undefined : { kind: "creds", file: Buffer.from(readSecret(env.NATS_CREDS)) };
}

function tlsFiles(env: NodeJS.ProcessEnv): { ca?: string; cert?: string; key?: string } {
  return {
    ...(env.NATS_CA === undefined ? {} : { ca: readSecret(env.NATS_CA) }),
    ...(env.NATS_CERT === undefined ? {} : { cert: readSecret(env.NATS_CERT) }),
    ...(env.NATS_KEY === undefined ? {} : { key: readSecret(env.NATS_KEY) }),
  };
}

function readSecret(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new QikiError("file_unreadable", `${path} cannot be read: ${(error as Error).message}`, error);
  }
}
