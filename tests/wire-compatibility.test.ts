import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { jetstreamManager } from "@nats-io/jetstream";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { Ajv2020 } from "ajv/dist/2020.js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ROOT, type RunningTwin, startTwin } from "./running-twin.ts";
import { SPEC_SUBJECTS } from "./wire/spec-schemas.ts";

const SERVER = ["/usr/sbin/nats-server", "/usr/bin/nats-server"].find((path) => existsSync(path));
const PYTHON = ["/usr/bin/python3", "/usr/local/bin/python3"].find((path) => existsSync(path));
const TOKEN = "a token of this test";

const folder = mkdtempSync(join(tmpdir(), "qiki-wire-"));
let server: ChildProcess | undefined;
let twin: RunningTwin | undefined;
let url = "";
/** What an existing client has: a connection of the official library, and nothing of ours. */
let client: NatsConnection;

interface Heard {
  readonly subject: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly headers: ReadonlyMap<string, string>;
}
const heard: Heard[] = [];

beforeAll(async () => {
  if (SERVER === undefined) return;
  server = spawn(SERVER, ["-a", "127.0.0.1", "-p", "-1", "-js", "-sd", join(folder, "nats"), "--auth", TOKEN], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  url = await new Promise<string>((done, fail) => {
    let log = "";
    server!.stderr!.on("data", (chunk: Buffer) => {
      log += chunk.toString();
      const port = /Listening for client connections on 127\.0\.0\.1:(\d+)/.exec(log)?.[1];
      if (port !== undefined && log.includes("Server is ready")) done(`nats://127.0.0.1:${port}`);
    });
    server!.once("exit", () => fail(new Error(`nats-server ended: ${log}`)));
  });
  client = await connect({ servers: url, token: TOKEN });
  const subscription = client.subscribe("qiki.>");
  void (async () => {
    for await (const message of subscription) {
      const headers = new Map((message.headers?.keys() ?? []).map((key) => [key, message.headers!.get(key)] as const));
      // A request for keyframes has no body.
      heard.push({ subject: message.subject, body: message.data.length === 0 ? {} : message.json(), headers });
    }
  })();
  await client.flush();
  twin = await startTwin(["--nats", url, "--scenario", "scenarios/close_pass.yaml"], join(folder, "data"), { NATS_TOKEN: TOKEN });
}, 60_000);

afterAll(async () => {
  await client?.close();
  await twin?.stop();
  server?.kill("SIGTERM");
  rmSync(folder, { recursive: true, force: true });
});

async function send(name: string, parameters: object, metadata: object = {}): Promise<Heard["body"]> {
  const id = randomUUID();
  client.publish("qiki.commands.control", JSON.stringify({ command_name: name, parameters, metadata: { message_id: id, ...metadata } }));
  const answer = (): Heard | undefined => heard.find(({ subject, body }) => subject === "qiki.responses.control" && body.request_id === id);
  await expect.poll(answer, { timeout: 20_000 }).toBeDefined();
  return answer()!.body;
}

describe.skipIf(SERVER === undefined && process.env.CI !== "true")("an existing client on NATS", () => {
  test("BUS-026 wire - answers have both pairs of aliases and say what was refused", async () => {
    expect(await send("sim.start", { speed: 20 })).toMatchObject({ ok: true, success: true, stage: "applied", kind: "sim.start" });
    const byCamelCase = await send("power.nbl.set_max", { max_power_w: 9 }, { messageType: "control_command" });
    expect(byCamelCase.requestId).toBe(byCamelCase.request_id);
    expect(await send("power.nbl.set_max", { max_power_w: -1 })).toMatchObject({
      ok: false,
      success: false,
      error: "rejected",
      error_detail: { code: "invalid_parameter", details: { command_name: "power.nbl.set_max", field: "max_power_w", given: -1 } },
    });
    expect(await send("no.such", {})).toMatchObject({ error_detail: { code: "unknown_command" } });
  });

  test("BUS-026 wire - every message fits the specification's tables, with the headers that it names", { timeout: 90_000 }, async () => {
    const needed = Object.keys(SPEC_SUBJECTS).filter((subject) => subject !== "qiki.events.v1.sensor.thermal.trip");
    await expect.poll(() => needed.filter((subject) => !heard.some((one) => one.subject === subject)), { timeout: 60_000 }).toEqual([]);
    const ajv = new Ajv2020({ strict: false, allErrors: true });
    const validators = new Map(Object.entries(SPEC_SUBJECTS).map(([subject, { schema }]) => [subject, ajv.compile(schema)]));
    for (const { subject, body, headers } of heard.slice()) {
      const spec = SPEC_SUBJECTS[subject];
      if (spec === undefined) continue;
      const validate = validators.get(subject)!;
      expect(validate(body), `${subject} ${JSON.stringify(validate.errors?.slice(0, 3))} ${JSON.stringify(body).slice(0, 400)}`).toBe(true);
      if (spec.type === undefined) continue;
      expect(headers.get("ce_type"), subject).toBe(spec.type);
      if (spec.source !== undefined) expect(headers.get("ce_source"), subject).toBe(spec.source);
      expect(headers.get("ce_specversion"), subject).toBe("1.0");
      expect(headers.get("ce_datacontenttype"), subject).toBe("application/json");
      expect(headers.get("ce_time"), subject).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      expect(headers.get("ce_id"), subject).toBe(headers.get("Nats-Msg-Id"));
      if (spec.msgId !== undefined) expect(headers.get("Nats-Msg-Id"), subject).toMatch(spec.msgId);
    }
    const unknown = new Set(heard.map(({ subject }) => subject).filter((subject) => SPEC_SUBJECTS[subject] === undefined));
    for (const subject of unknown) expect(subject).toMatch(/^qiki\.(commands\.control|recording\.v1\.\w+(\.get)?)$/);
  });

  test("BUS-026 wire - the schemas themselves refuse one key too many where the specification closes an object", () => {
    const ajv = new Ajv2020({ strict: false });
    for (const [subject, path] of [
      ["qiki.telemetry", ["power"]],
      ["qiki.telemetry", ["power", "loads_w"]],
      ["qiki.telemetry", ["thermal", "nodes", 0]],
      ["qiki.telemetry", ["orbit"]],
      ["qiki.radar.v1.frames", []],
      ["qiki.radar.v1.tracks", []],
      ["qiki.radar.v1.tracks", ["position"]],
    ] as const) {
      const validate = ajv.compile(SPEC_SUBJECTS[subject]!.schema);
      const copy = structuredClone(heard.find((one) => one.subject === subject)!.body) as Record<string | number, unknown>;
      expect(validate(copy)).toBe(true);
      let at = copy;
      for (const step of path) at = at[step] as Record<string | number, unknown>;
      at.one_key_too_many = 1;
      expect(validate(copy), `${subject} ${path.join(".")}`).toBe(false);
    }
  });

  test("BUS-026 wire - streams, durables and last values are where existing clients look for them", async () => {
    const manager = await jetstreamManager(client);
    const radar = (await manager.streams.info("QIKI_RADAR_V1")).config;
    expect(radar).toMatchObject({
      subjects: ["qiki.radar.v1.>"],
      storage: "file",
      retention: "limits",
      max_age: 3600e9,
      max_bytes: 268_435_456,
    });
    const events = (await manager.streams.info("QIKI_EVENTS_V1")).config;
    expect(events).toMatchObject({ subjects: ["qiki.events.v1.>"], max_age: 24 * 3600e9, max_bytes: 268_435_456, duplicate_window: 120e9 });
    for (const [stream, filter] of [
      ["QIKI_AUDIT_V1", "qiki.events.v1.audit"],
      ["QIKI_OPERATOR_V1", "qiki.events.v1.operator.>"],
    ] as const)
      expect((await manager.streams.info(stream)).config.sources).toMatchObject([{ name: "QIKI_EVENTS_V1", filter_subject: filter }]);
    for (const [stream, durable, filter] of [
      ["QIKI_RADAR_V1", "radar_frames_pull", "qiki.radar.v1.frames"],
      ["QIKI_RADAR_V1", "radar_tracks_pull", "qiki.radar.v1.tracks"],
      ["QIKI_EVENTS_V1", "events_audit_pull", "qiki.events.v1.audit"],
      ["QIKI_EVENTS_V1", "alarms_events_pull", "qiki.events.v1.>"],
    ] as const) {
      const { config } = await manager.consumers.info(stream, durable);
      expect(config, durable).toMatchObject({
        ack_policy: "explicit",
        deliver_policy: "new",
        ack_wait: 45e9,
        max_deliver: 7,
        max_ack_pending: durable === "alarms_events_pull" ? 4096 : 512,
        filter_subject: filter,
      });
      expect(config.deliver_subject).toBeUndefined();
    }
    expect((await manager.streams.info("KV_QIKI_STATE")).config).toMatchObject({ max_msgs_per_subject: 1, storage: "file" });
  });

  test.each([
    ["TypeScript", [process.execPath, "examples/client.ts"]],
    ["Python", [PYTHON ?? "python3", "examples/client.py"]],
  ])("wire - the example client in %s reads, commands and sees the effect", async (language, [program, ...args]) => {
    if (language === "Python" && PYTHON === undefined && process.env.CI !== "true") return;
    for (const [watts, code, said] of [
      ["11", 0, /^tick \d+: battery [\d.]+ %, limit [\d.]+ W\napplied at tick \d+\ntick \d+: limit 11 W, NBL [\d.]+ W\n$/],
      ["-5", 1, /^tick \d+: battery .*\nrefused, invalid_parameter: /],
    ] as const) {
      const child = spawn(program!, [...args, watts], { cwd: ROOT, env: { ...process.env, NATS_URL: url, NATS_TOKEN: TOKEN } });
      let output = "";
      for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (output += chunk.toString()));
      const exit = await new Promise<number | null>((done) => child.once("close", done));
      expect([exit, output]).toEqual([code, expect.stringMatching(said) as string]);
    }
  });
});
