import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Command } from "commander";
import type { CommandRow } from "#contracts/command-row.ts";
import { QikiError } from "#base/error.ts";
import { commandSpec } from "#contracts/command-catalogue.ts";
import { readText } from "./read-file.ts";

export const DEFAULT_URL = "http://127.0.0.1:8420";

/** A command's row as far as the command line shows it; a refusal before sending has no more. */
export type CommandAnswer = Pick<
  CommandRow,
  "request_id" | "command_name" | "has_effect" | "tick" | "order" | "code" | "detail" | "effect"
> & {
  readonly stage: string;
};

export interface SendOptions {
  readonly requestId?: string;
  /** Answers the question that a console asks before a command with consequences. */
  readonly confirm?: boolean;
}

/** A gateway, signed in by name. */
export interface GatewayClient {
  /** @throws QikiError `not_reachable`, `usage` when the gateway refuses the question */
  get<Answer>(path: string): Promise<Answer>;
  /** Sends a command, armed where it must be, and waits for its answer; a refusal is a row too. @throws QikiError as `get` */
  send(name: string, parameters: Readonly<Record<string, unknown>>, options?: SendOptions): Promise<CommandAnswer>;
  /** Sends a command that needs no question and must be applied. @throws QikiError `usage` with the reason when it is refused */
  command(name: string, parameters: Readonly<Record<string, unknown>>): Promise<CommandAnswer>;
}

const REQUEST_MS = 15_000;
const RATE_RETRIES = 20;
/** Answers that refuse a command itself: role, conflict with an earlier one, value, arming. */
const REFUSAL_STATUS = [403, 409, 410, 422];

type CredentialHeaders = Readonly<Record<string, string>>;

/** An answer of RFC 9457, as far as it is read here. */
interface ProblemAnswer {
  readonly status: number;
  readonly code?: string;
  readonly detail?: string;
}

/** Where the gateway is, and what lets in there. */
export interface GatewayFlags {
  readonly url: string;
  readonly tokenFile?: string;
}

/** Options of every verb that speaks to a running twin. */
export function withGateway(command: Command): Command {
  return command
    .option("--url <url>", "gateway of the running twin", DEFAULT_URL)
    .option("--token-file <file>", "file with the token that lets in there (else QIKI_TOKEN), where the gateway asks for one");
}

/** Comes in at a gateway: with the token, else by `name`. @throws QikiError `not_reachable` when nobody answers there, `usage` */
export async function gatewayClient(flags: GatewayFlags, name: string): Promise<GatewayClient> {
  const base = baseOf(flags.url);
  const credentials = tokenHeaders(flags) ?? (await signIn(base, name));
  const post = async <Answer>(path: string, body: unknown): Promise<Answer> =>
    (await (await call(base, path, { body, credentials })).json()) as Answer;

  async function send(
    commandName: string,
    parameters: Readonly<Record<string, unknown>>,
    options: SendOptions = {},
  ): Promise<CommandAnswer> {
    const hazard = commandSpec(commandName)?.hazard ?? "none";
    if (hazard !== "none" && options.confirm !== true) {
      const consequence = commandSpec(commandName)?.consequence.en ?? "";
      throw new QikiError("usage", `${commandName} has consequences: ${consequence} Give --confirm if that is meant`);
    }
    const command = { command_name: commandName, parameters };
    const requestId = options.requestId ?? randomUUID();
    try {
      const armed = hazard === "arm" ? await post<{ arm_token: string }>("/api/commands/arm", command) : undefined;
      const confirm = hazard === "none" ? {} : { confirm: true };
      return await post<CommandAnswer>("/api/commands?wait=ack", {
        ...command,
        request_id: requestId,
        ...confirm,
        arm_token: armed?.arm_token,
      });
    } catch (error) {
      const { status, code, detail } = ((error as Error).cause ?? {}) as Partial<ProblemAnswer>;
      if (status === undefined || !REFUSAL_STATUS.includes(status)) throw error;
      const row = { request_id: requestId, command_name: commandName, stage: "REJECTED", has_effect: false };
      return { ...row, code: code ?? String(status), detail: detail ?? "" };
    }
  }

  return {
    get: async <Answer>(path: string) => (await (await call(base, path, { credentials })).json()) as Answer,
    send,
    async command(commandName, parameters) {
      const row = await send(commandName, parameters);
      if (row.stage === "REJECTED") throw new QikiError("usage", `${commandName} was refused: ${row.detail ?? row.code}`);
      if (row.stage === "TIMEOUT") throw new QikiError("timeout", `${commandName} was not answered: it is unknown whether it was applied`);
      return row;
    },
  };
}

/** Reads from a gateway, which whoever may come in may. @throws QikiError `not_reachable`, `usage` */
export async function gatewayGet<Answer>(flags: GatewayFlags, path: string): Promise<Answer> {
  return (await (await call(baseOf(flags.url), path, { credentials: tokenHeaders(flags) ?? {} })).json()) as Answer;
}

function tokenHeaders({ tokenFile }: GatewayFlags): CredentialHeaders | undefined {
  const token = (tokenFile === undefined ? (process.env.QIKI_TOKEN ?? "") : readText(tokenFile, "token file")).trim();
  if (token !== "") return { authorization: `Bearer ${token}` };
  if (tokenFile !== undefined) throw new QikiError("usage", `the token file ${tokenFile} is empty: it holds what 'qiki token add' printed`);
  return undefined;
}

async function signIn(base: string, name: string): Promise<CredentialHeaders> {
  const login = await call(base, "/api/login", { body: { name }, credentials: {} });
  return { cookie: (login.headers.get("set-cookie") ?? "").split(";")[0]! };
}

function baseOf(url: string): string {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw new QikiError("usage", `--url ${url} is no address of a gateway: give one such as ${DEFAULT_URL}`);
  }
  return url.replace(/\/+$/, "");
}

async function call(
  base: string,
  path: string,
  { body, credentials }: { readonly body?: unknown; readonly credentials: CredentialHeaders },
): Promise<Response> {
  for (let attempt = 0; ; attempt += 1) {
    const response = await fetchOnce(base, path, body, credentials);
    if (response.ok) return response;
    const answer = (await response.json().catch(() => ({}))) as ProblemAnswer;
    if (response.status === 429 && attempt < RATE_RETRIES) {
      await sleep(1000 * Number(response.headers.get("retry-after") ?? 1));
      continue;
    }
    const { status } = response;
    if (status === 401 || (status === 422 && path === "/api/login")) {
      const how = "give it with --token-file FILE, or in QIKI_TOKEN";
      throw new QikiError("usage", `${base} does not let in: ${answer.detail ?? status}. If it asks for a token, ${how}`);
    }
    const message = answer.detail ?? `${base}${path} answered ${status}`;
    throw new QikiError(status === 503 ? "not_reachable" : "usage", message, { ...answer, status });
  }
}

async function fetchOnce(base: string, path: string, body: unknown, credentials: CredentialHeaders): Promise<Response> {
  const headers = {
    ...credentials,
    ...(body === undefined ? {} : { "content-type": "application/json" }),
  };
  try {
    const init = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
    return await fetch(`${base}${path}`, { ...init, headers, signal: AbortSignal.timeout(REQUEST_MS) });
  } catch (error) {
    throw new QikiError("not_reachable", `no gateway answers at ${base}: start one with 'qiki up', or give its address with --url`, error);
  }
}
