import { join } from "node:path";
import type { Command } from "commander";
import { QikiError } from "#base/error.ts";
import type { Role } from "#contracts/command-catalogue.ts";
import type { GatewayAccess } from "#services/gateway/server.ts";
import { settings } from "./settings.ts";

export interface AccessFlags {
  readonly auth?: string;
  readonly hosts?: string;
  readonly behindProxy?: boolean;
}

const LOOPBACK = ["127.0.0.1", "localhost", "::1"];
const HOST_NAME = /^[a-z0-9.-]+(:\d{1,5})?$/;

/** Options of whoever starts a gateway: how people come in, and under which names. */
export function withAccess(command: Command): Command {
  return command
    .option(
      "--auth <how>",
      "local: by name, on this machine alone; token: with a token of the tokens file (token if QIKI_TOKENS_FILE is set, else local)",
    )
    .option("--hosts <names>", "names that the gateway answers to beside this machine's, by commas, such as orion.example.org")
    .option("--behind-proxy", "a proxy stands before it and names the sender in X-Forwarded-For");
}

/** @throws QikiError `usage` for what would let strangers in */
export function gatewayAccess(flags: AccessFlags, host: string, dataFolder: string): GatewayAccess {
  const { gateway } = settings();
  const { tokensFile: file } = gateway;
  const mode = flags.auth ?? gateway.auth ?? (file === undefined ? "local" : "token");
  if (mode !== "local" && mode !== "token") throw new QikiError("usage", `--auth ${mode} is not possible: give local or token`);
  if (mode === "local" && !LOOPBACK.includes(host)) {
    const text = `--host ${host} is not this machine alone, and signing in by name is for the loopback address only`;
    throw new QikiError("usage", `${text}: give 127.0.0.1, or --auth token and make tokens with 'qiki token add NAME --role R'`);
  }
  const hostNames = (flags.hosts?.split(",") ?? gateway.hosts).flatMap((name) => (name.trim() === "" ? [] : [name.trim().toLowerCase()]));
  const wrong = hostNames.find((name) => !HOST_NAME.test(name));
  if (wrong !== undefined)
    throw new QikiError("usage", `--hosts ${wrong} is not a host name: give one such as orion.example.org or orion.example.org:8443`);
  const auth: GatewayAccess["auth"] =
    mode === "local" ? { mode: "local", role: gateway.localRole as Role } : { mode: "token", path: file ?? tokensPath(dataFolder) };
  return { auth, hostNames, behindProxy: flags.behindProxy ?? gateway.behindProxy };
}

/** Where tokens lie when QIKI_TOKENS_FILE says nothing else. */
export function tokensPath(dataFolder: string): string {
  return join(dataFolder, "tokens.json");
}
