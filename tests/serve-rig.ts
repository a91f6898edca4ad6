import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { makeServer, NATS_SERVER, type NatsServer } from "#bus/suite/nats-server.ts";
import { ROOT } from "./running-twin.ts";

export { NATS_SERVER };
export const ROLES = ["recorder", "gateway", "alarms", "sim", "tracker"] as const;
export type RoleName = (typeof ROLES)[number];

/** What lets into the servers of `makeServer`. */
export const NATS_ENV = { NATS_USER: "qiki", NATS_PASSWORD: "orbit" };

export interface Served {
  /** Address of the gateway, or of the role's health. */
  readonly url: string;
  readonly pid: number;
  /** Sends a signal that does not end it. */
  signal(signal: NodeJS.Signals): void;
  /** Ends the process by the signal and resolves with its exit code and what it printed. */
  stop(signal?: NodeJS.Signals): Promise<{ readonly code: number | null; readonly output: string }>;
}

const running = new Set<ChildProcess>();

/** Starts `qiki serve --role` as a user would and waits for the line with its address. */
export function serve(role: RoleName, { nats, data, port = 0, args = [], env = {} }: ServeRigOptions): Promise<Served> {
  // Without the launcher between: a signal that cannot be passed on must reach the role itself.
  const command = ["--disable-warning=ExperimentalWarning", join(ROOT, "src/cli/main.ts")];
  const child = spawn(
    process.execPath,
    [...command, "serve", "--role", role, "--nats", nats, "--data", data, "--port", String(port), ...args],
    {
      cwd: ROOT,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...NATS_ENV, ...env },
    },
  );
  running.add(child);
  let output = "";
  const exited = new Promise<number | null>((done) =>
    child.once("close", (code, signal) => {
      running.delete(child);
      if (signal !== null) output += `\nended by ${signal}`;
      done(code);
    }),
  );
  return new Promise((started, failed) => {
    const read = (chunk: Buffer): void => {
      output += chunk.toString();
      const match = /(http:\/\/[\d.:]+)/.exec(output);
      if (match === null) return;
      started({
        url: match[1]!,
        pid: child.pid!,
        signal: (signal) => void child.kill(signal),
        async stop(signal = "SIGTERM") {
          child.kill(signal);
          return { code: await exited, output };
        },
      });
    };
    child.stdout.on("data", read);
    child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
    void exited.then((code) => failed(Object.assign(new Error(`qiki serve --role ${role} ended with ${code}: ${output}`), { code })));
  });
}

export interface ServeRigOptions {
  readonly nats: string;
  readonly data: string;
  readonly port?: number;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Ends whatever a test left running. */
export function killServed(): void {
  for (const child of running) child.kill("SIGKILL");
}

export async function startedServer(): Promise<NatsServer> {
  const server = await makeServer();
  await server.start();
  return server;
}

export interface Readiness {
  readonly status: number;
  readonly checks: readonly { readonly name: string; readonly ok: boolean; readonly reason?: string }[];
}

export async function readiness({ url }: Pick<Served, "url">): Promise<Readiness> {
  const response = await fetch(`${url}/readyz`);
  const { checks } = (await response.json()) as { checks: Readiness["checks"] };
  return { status: response.status, checks };
}

export interface ApiClient {
  get<Answer>(path: string): Promise<Answer>;
  /** With `wait` the answer comes when the command is answered. */
  send(name: string, parameters?: object, more?: object, wait?: "ack"): Promise<Row>;
  row(requestId: string): Promise<Row>;
}

export interface Row {
  readonly request_id: string;
  readonly stage: string;
  readonly late?: boolean;
  readonly tick?: number;
  readonly detail?: string;
}

/** A gateway's API as an operator who has signed in by name. */
export async function apiClient(url: string): Promise<ApiClient> {
  const json = { "content-type": "application/json" };
  const login = await fetch(`${url}/api/login`, { method: "POST", headers: json, body: JSON.stringify({ name: "anna" }) });
  const cookie = login.headers.get("set-cookie")!.split(";")[0]!;
  const get = async <Answer>(path: string): Promise<Answer> =>
    (await (await fetch(`${url}${path}`, { headers: { cookie } })).json()) as Answer;
  return {
    get,
    async send(name, parameters = {}, more = {}, wait?: "ack") {
      const body = JSON.stringify({ command_name: name, parameters, ...more });
      return (await (
        await fetch(`${url}/api/commands${wait === undefined ? "" : `?wait=${wait}`}`, {
          method: "POST",
          headers: { ...json, cookie },
          body,
        })
      ).json()) as Row;
    },
    row: (requestId) => get(`/api/commands/${requestId}`),
  };
}

/** The reason of one check, undefined when it is well. */
export async function reasonOf(served: Pick<Served, "url">, name: string): Promise<string | undefined> {
  return (await readiness(served)).checks.find((check) => check.name === name && !check.ok)?.reason;
}
