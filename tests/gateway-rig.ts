import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { WebSocket } from "ws";
import { loadGuardRules, RULES_PATH } from "#cli/load-rules.ts";
import { loadRun } from "#cli/load-run.ts";
import { SUBJECTS } from "#contracts/subjects.ts";
import { type Embedded, startEmbedded } from "#services/embedded.ts";
import type { GatewayAccess } from "#services/gateway/server.ts";
import type { RecordStorage } from "#services/record-storage.ts";
import { ALL_SUBS, manualClock, type ManualClock, settle, type Wire } from "#services/gateway/test-rig.ts";

export type Body = Readonly<Record<string, unknown>>;

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly body: Record<string, unknown>;
}

/** The whole twin in this process, on a clock of the test, spoken to over real HTTP and WebSocket. */
export interface GatewayRig {
  readonly twin: Embedded;
  readonly clock: ManualClock;
  readonly url: string;
  /** Everything heard on the bus, by subject. */
  readonly heard: readonly { readonly subject: string; readonly payload: Body }[];
  get(path: string, cookie?: string): Promise<Answer>;
  post(path: string, body: unknown, options?: { readonly cookie?: string; readonly headers?: Body }): Promise<Answer>;
  /** Signs in and returns the cookie. */
  login(name: string): Promise<string>;
  /** A request with headers that fetch would not let through. */
  raw(
    path: string,
    options: { readonly method?: string; readonly headers: Readonly<Record<string, string>>; readonly body?: string },
  ): Promise<{
    readonly status: number;
    readonly text: string;
  }>;
  console(options?: ConsoleOptions): Promise<FarConsole>;
  /** Bodies of one kind on the audit subject, as they were published. */
  audits(kind: string): readonly Body[];
  stop(): Promise<void>;
}

export interface ConsoleOptions {
  readonly cookie?: string;
  readonly authorization?: string;
  readonly origin?: string;
  readonly subs?: readonly unknown[];
  readonly resume?: unknown;
  /** Does not say hello by itself. */
  readonly silent?: boolean;
}

export interface FarConsole {
  readonly socket: WebSocket;
  readonly received: readonly Wire[];
  readonly closed: Promise<number>;
  say(message: unknown): void;
  /** The first message that passes, received already or still to come. */
  until(passes: (message: Wire) => boolean): Promise<Wire>;
  /** Breaks the connection without a word. */
  drop(): Promise<void>;
}

const rigs = new Set<GatewayRig>();
const folders: string[] = [];

export async function cleanUp(): Promise<void> {
  for (const rig of rigs) await rig.stop();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
}

export interface RigOptions {
  readonly running?: boolean;
  readonly access?: GatewayAccess;
  readonly storage?: RecordStorage;
  /** A shipped scenario instead of an empty one. */
  readonly scenario?: string;
}

/** A disk that is empty, whatever the machine's is. */
const ROOMY: RecordStorage = { quotaBytes: 1e12, diskUsedPct: () => 0 };

export async function startRig({ running = false, access, storage = ROOMY, scenario: shipped }: RigOptions = {}): Promise<GatewayRig> {
  const folder = mkdtempSync(join(tmpdir(), "qiki-gateway-"));
  folders.push(folder);
  mkdirSync(join(folder, "web", "assets"), { recursive: true });
  writeFileSync(join(folder, "web", "index.html"), "<!doctype html><title>ORION</title>");
  writeFileSync(join(folder, "web", "assets", "index-1a2b.js"), "export {};");
  const scenario = join(folder, "scenario.yaml");
  writeFileSync(scenario, "name: test\nprofile: profiles/shipped.json\n");
  const clock = manualClock();
  const { model, scenarioFile } = loadRun({ scenario: shipped ?? scenario, bootId: "0", stopped: !running });
  const violations: string[] = [];
  const twin = await startEmbedded({
    clock,
    log: pino({ level: "silent" }),
    model,
    scenario: scenarioFile,
    dataFolder: join(folder, "data"),
    guardRules: loadGuardRules(),
    publishesGuards: true,
    rulesPath: RULES_PATH,
    webFolder: join(folder, "web"),
    host: "127.0.0.1",
    port: 0,
    portsToTry: 0,
    ...(access === undefined ? {} : { access }),
    storage,
    records: false,
    productVersion: "0.0.0",
    onViolation: (subject, problem) => void violations.push(`${subject}: ${problem}`),
  });
  const heard: { subject: string; payload: Body }[] = [];
  const note = (subject: string, bytes: Uint8Array): void => {
    try {
      heard.push({ subject, payload: JSON.parse(Buffer.from(bytes).toString("utf8")) as Body });
    } catch {
      heard.push({ subject, payload: {} });
    }
  };
  twin.bus.subscribe("qiki.>", ({ subject, bytes }) => note(subject, bytes), { name: "test" });
  await settle();
  const { url } = twin;

  async function call(path: string, init: RequestInit): Promise<Answer> {
    const response = await fetch(`${url}${path}`, init);
    const text = await response.text();
    const isJson = /json$|json;/.test(response.headers.get("content-type") ?? "");
    return { status: response.status, headers: response.headers, text, body: isJson && !path.includes("jsonl") ? JSON.parse(text) : {} };
  }

  const rig: GatewayRig = {
    twin,
    clock,
    url,
    heard,
    get: (path, cookie) => call(path, { headers: cookie === undefined ? {} : { cookie } }),
    post: (path, body, { cookie, headers = {} } = {}) =>
      call(path, {
        method: "POST",
        headers: {
          "content-type": "application/json",
          ...(cookie === undefined ? {} : { cookie }),
          ...(headers as Record<string, string>),
        },
        body: typeof body === "string" ? body : JSON.stringify(body),
      }),
    async login(name) {
      const answer = await rig.post("/api/login", { name });
      return answer.headers.get("set-cookie")!.split(";")[0]!;
    },
    raw: (path, { method = "GET", headers, body }) =>
      new Promise((done, fail) => {
        const request = httpRequest(`${url}${path}`, { method, headers }, (response) => {
          const chunks: Buffer[] = [];
          response.on("data", (chunk: Buffer) => chunks.push(chunk));
          response.on("end", () => done({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString("utf8") }));
        });
        request.on("error", fail);
        request.end(body);
      }),
    console: (options) => openFarConsole(url, options),
    audits: (kind) =>
      heard.flatMap(({ subject, payload }) =>
        subject === SUBJECTS.audit && payload.kind === kind && payload.chain_id === undefined ? [payload] : [],
      ),
    async stop() {
      if (!rigs.delete(rig)) return;
      await twin.stop();
      if (violations.length > 0) throw new Error(`messages broke their contract: ${violations.join("; ")}`);
    },
  };
  rigs.add(rig);
  return rig;
}

async function openFarConsole(
  url: string,
  { cookie, authorization, origin, subs = ALL_SUBS, resume, silent = false }: ConsoleOptions = {},
): Promise<FarConsole> {
  const headers = {
    ...(cookie === undefined ? {} : { cookie }),
    ...(authorization === undefined ? {} : { authorization }),
    ...(origin === undefined ? {} : { origin }),
  };
  const socket = new WebSocket(`${url.replace("http", "ws")}/ws`, "qiki.orion.1", { headers });
  const received: Wire[] = [];
  const watchers = new Set<() => void>();
  const position = { seq: 0, batch: {} as Record<string, number> };
  socket.on("message", (data) => {
    const message = JSON.parse((data as Buffer).toString("utf8")) as Wire;
    received.push(message);
    if (message.t === "snapshot" || message.t === "diff") position.seq = message.seq as number;
    if (message.t === "batch") position.batch[message.topic as string] = message.last as number;
    if (["snapshot", "diff", "batch"].includes(message.t)) socket.send(JSON.stringify({ t: "ack", ...position }));
    for (const watch of watchers) watch();
  });
  const closed = new Promise<number>((done) => socket.on("close", (code) => done(code)));
  await new Promise<void>((done, fail) => {
    socket.on("open", () => done());
    socket.on("error", fail);
  });
  const far: FarConsole = {
    socket,
    received,
    closed,
    say: (message) => socket.send(typeof message === "string" ? message : JSON.stringify(message)),
    until: (passes) =>
      new Promise((done) => {
        const watch = (): void => {
          const found = received.find(passes);
          if (found === undefined) return;
          watchers.delete(watch);
          done(found);
        };
        watchers.add(watch);
        watch();
      }),
    async drop() {
      socket.terminate();
      await closed;
      await settle();
    },
  };
  if (!silent) {
    far.say({ t: "hello", v: 1, client: "test", subs, ...(resume === undefined ? {} : { resume }) });
    await far.until((message) => message.t === "hb");
  }
  return far;
}
