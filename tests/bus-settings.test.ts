import { existsSync, mkdtempSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { jetstreamManager } from "@nats-io/jetstream";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { afterEach, describe, expect, test } from "vitest";
import { qiki, removeFolder, type RunningTwin, startTwin } from "./running-twin.ts";
import { NATS_ENV, NATS_SERVER, readiness, startedServer } from "./serve-rig.ts";

const LONG = { timeout: 240_000 };
const WAIT = { timeout: 60_000, interval: 100 };
const cleanUps: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "qiki-settings-"));
  cleanUps.push(() => removeFolder(folder));
  return folder;
}

/** A twin over a server of its own, a plain client there, and how often each subject was heard. */
async function twinOverNats(env: Readonly<Record<string, string>>): Promise<{
  readonly twin: RunningTwin;
  readonly client: NatsConnection;
  readonly heard: ReadonlyMap<string, number>;
}> {
  const server = await startedServer();
  cleanUps.push(async () => {
    await server.stop();
    server.remove();
  });
  const client = await connect({ servers: server.url, user: NATS_ENV.NATS_USER, pass: NATS_ENV.NATS_PASSWORD });
  cleanUps.push(() => client.close());
  const heard = new Map<string, number>();
  const subscription = client.subscribe("qiki.>");
  void (async () => {
    for await (const { subject } of subscription) heard.set(subject, (heard.get(subject) ?? 0) + 1);
  })();
  await client.flush();
  const twin = await startTwin(["--nats", server.url], newFolder(), { ...NATS_ENV, ...env });
  cleanUps.push(() => twin.stop("SIGKILL"));
  return { twin, client, heard };
}

async function topicsOf({ url }: RunningTwin): Promise<Readonly<Record<string, object>>> {
  return ((await (await fetch(`${url}/api/state`)).json()) as { topics: Record<string, object> }).topics;
}

describe.skipIf(NATS_SERVER === undefined && process.env.CI !== "true")("the bus as an installation has it", () => {
  test("names - other subjects, streams and durables on the wire, and everything works through them", LONG, async () => {
    const places = newFolder();
    const { twin, client, heard } = await twinOverNats({
      SYSTEM_TELEMETRY_SUBJECT: "qiki.sat1.telemetry",
      RESPONSES_CONTROL_SUBJECT: "qiki.sat1.answers",
      RADAR_FRAMES_SUBJECT: "qiki.radar.v1.sat1",
      RADAR_TRACKS_SUBJECT: "qiki.radar.v1.sat1tracks",
      RADAR_STREAM: "SAT1_RADAR",
      RADAR_MAX_AGE_SEC: "600",
      EVENTS_STREAM: "SAT1_EVENTS",
      EVENTS_MAX_BYTES: "33554432",
      EVENTS_DUPLICATE_WINDOW_SEC: "60",
      RADAR_FRAMES_DURABLE: "sat1_frames",
      RADAR_CONSUMER_ACK_WAIT_SEC: "20",
      EVENTS_AUDIT_DURABLE: "sat1_audit",
      EVENTS_CONSUMER_MAX_DELIVER: "9",
      QIKI_MODE: "MISSION",
      EVENTSTORE_DB_PATH: join(places, "chain.sqlite"),
      OPERATOR_CONSOLE_RECORD_DIR: join(places, "tapes"),
    });
    await expect.poll(async () => (await readiness(twin)).checks.filter(({ ok }) => !ok), WAIT).toEqual([]);
    await expect.poll(async () => Object.keys((await topicsOf(twin)).tracks ?? {}).length, WAIT).toBe(3);
    const sent = await qiki(["send", "power.nbl.set_max", "max_power_w=12", "--url", twin.url, "--confirm", "--wait", "effect"]);
    expect(sent.stdout + sent.stderr).toContain("effect seen");
    expect(Object.keys((await topicsOf(twin)).telemetry ?? {})).not.toEqual([]);
    for (const subject of ["qiki.sat1.telemetry", "qiki.sat1.answers", "qiki.radar.v1.sat1", "qiki.radar.v1.sat1tracks"])
      expect(heard.get(subject), subject).toBeGreaterThan(0);
    for (const subject of ["qiki.telemetry", "qiki.responses.control", "qiki.radar.v1.frames", "qiki.radar.v1.tracks"])
      expect(heard.get(subject), subject).toBeUndefined();

    const { streams, consumers } = await jetstreamManager(client);
    expect((await streams.info("SAT1_RADAR")).config).toMatchObject({ max_age: 600e9, duplicate_window: 120e9 });
    expect((await streams.info("SAT1_EVENTS")).config).toMatchObject({ max_bytes: 33_554_432, duplicate_window: 60e9 });
    expect((await streams.info("QIKI_AUDIT_V1")).config.sources).toMatchObject([{ name: "SAT1_EVENTS" }]);
    expect((await consumers.info("SAT1_RADAR", "sat1_frames")).config).toMatchObject({
      ack_wait: 20e9,
      filter_subject: "qiki.radar.v1.sat1",
    });
    expect((await consumers.info("SAT1_EVENTS", "sat1_audit")).config).toMatchObject({ max_deliver: 9 });
    await expect(streams.info("QIKI_RADAR_V1")).rejects.toThrow();

    expect((await twin.stop()).code).toBe(0);
    const [recording] = readdirSync(join(places, "tapes"));
    expect((await qiki(["verify", join(places, "tapes", recording!)])).stdout).toMatch(/^identical: /);
    expect((await qiki(["audit", "verify", "--store", join(places, "chain.sqlite")])).stdout).toMatch(/^OK [1-9]/);
    expect(existsSync(join(twin.dataFolder, "qiki.sqlite"))).toBe(false);
  });

  test("switches - telemetry, events, radar and commands stay off the wire, and readiness says so", LONG, async () => {
    const off = { TELEMETRY_NATS_ENABLED: "0", EVENTS_NATS_ENABLED: "0", RADAR_NATS_ENABLED: "0", CONTROL_NATS_ENABLED: "0" };
    const { twin, client, heard } = await twinOverNats(off);
    const reason = async (name: string): Promise<string | undefined> =>
      (await readiness(twin)).checks.find((check) => check.name === name)?.reason;
    await expect.poll(() => reason("sim"), WAIT).toBe("the settings have it keep back telemetry, events, radar, commands");
    expect(await reason("telemetry")).toContain("no telemetry has been heard");
    await expect.poll(() => heard.get("qiki.recording.v1.hashes"), WAIT).toBeGreaterThan(2);
    const silent = /^qiki\.(telemetry|radar\.|events\.v1\.(sensor|power|radar\.sensor))/;
    expect([...heard.keys()].filter((subject) => silent.test(subject))).toEqual([]);
    client.publish("qiki.commands.control", JSON.stringify({ command_name: "sim.pause", metadata: { message_id: "unheard" } }));
    client.publish("qiki.commands.control", JSON.stringify({ command_name: "incident.ack", metadata: { message_id: "heard" } }));
    // The alarms answer theirs; when they have, the simulation would have answered its own.
    await expect.poll(() => heard.get("qiki.responses.control"), WAIT).toBe(1);
  });

  test("rubbish - each wrong name is told with its key, and nothing starts", LONG, async () => {
    const env = { SYSTEM_TELEMETRY_SUBJECT: "sat1", RADAR_FRAMES_SUBJECT: "qiki.radar.v1.x", RADAR_LR_SUBJECT: "qiki.radar.v1.x" };
    const data = join(newFolder(), "data");
    const { code, stderr } = await qiki(["up", "--data", data, "--port", "0"], env);
    expect(code).toBe(2);
    expect(stderr).toContain("sat1 cannot stand for qiki.telemetry: choose a subject under qiki.");
    expect(stderr).toContain("qiki.radar.v1.x stands for two subjects");
    expect(existsSync(data)).toBe(false);
    expect((await qiki(["config"], { RADAR_STREAM: "a b" })).stderr).toContain('RADAR_STREAM: got "a b"');
    const same = await qiki(["config"], { RADAR_STREAM: "QIKI_EVENTS_V1", EVENTS_AUDIT_DURABLE: "radar_frames_pull" });
    expect(same.code).toBe(2);
    expect(same.stderr).toContain("QIKI_EVENTS_V1 stands for two streams");
    expect(same.stderr).toContain("radar_frames_pull stands for two durables");
  });
});
