import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, expect, test } from "vitest";
import { connectNats } from "#bus/nats.ts";
import { NATS_CREDENTIALS } from "#bus/suite/nats-server.ts";
import { STREAMS } from "#contracts/streams.ts";
import { qiki, removeFolder, ROOT, startTwin } from "./running-twin.ts";
import {
  killServed,
  NATS_ENV,
  NATS_SERVER,
  readiness,
  reasonOf,
  ROLES,
  type RoleName,
  type Served,
  serve,
  startedServer,
} from "./serve-rig.ts";

const LONG = { timeout: 240_000 };
const WAIT = { timeout: 60_000, interval: 100 };
const cleanUps: (() => unknown)[] = [];

afterEach(async () => {
  killServed();
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

function logLines(output: string): Record<string, unknown>[] {
  return output.split("\n").flatMap((line) => (line.startsWith("{") ? [JSON.parse(line) as Record<string, unknown>] : []));
}

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "qiki-serve-"));
  cleanUps.push(() => removeFolder(folder));
  return folder;
}

async function newServer(): Promise<string> {
  const server = await startedServer();
  cleanUps.push(async () => {
    await server.stop();
    server.remove();
  });
  return server.url;
}

test.skipIf(NATS_SERVER === undefined)(
  "north star - up over a NATS server: the recording verifies like an embedded one",
  LONG,
  async () => {
    const nats = await newServer();
    const data = newFolder();
    const twin = await startTwin(["--nats", nats, "--scenario", "scenarios/default.yaml"], data, NATS_ENV);
    cleanUps.push(() => twin.stop("SIGKILL"));
    await expect.poll(async () => (await readiness(twin)).checks.filter(({ ok }) => !ok), { timeout: 20_000 }).toEqual([]);
    const sent = await qiki(["send", "power.nbl.set_max", "max_power_w=12", "--url", twin.url, "--confirm", "--wait", "effect"]);
    expect(sent.stdout + sent.stderr).toContain("effect seen");
    expect((await twin.stop()).code).toBe(0);
    const [recording] = readdirSync(join(data, "recordings"));
    expect((await qiki(["verify", join(data, "recordings", recording!)])).stdout).toMatch(/^identical: /);
  },
);

test.skipIf(NATS_SERVER === undefined)(
  "AUD-011 five roles in one data folder - all run, each with its own tables only; a role twice is refused with 5",
  LONG,
  async () => {
    const nats = await newServer();
    const data = newFolder();
    const roles = new Map<RoleName, Served>();
    const env = { LOG_LEVEL: "info" };
    for (const role of ROLES.filter((one) => one !== "sim")) roles.set(role, await serve(role, { nats, data, env }));

    // Each says what it waits for as long as there is no simulation.
    for (const role of ["tracker", "alarms", "recorder"] as const)
      await expect.poll(() => reasonOf(roles.get(role)!, "run"), WAIT).toMatch(/no simulation has reported/);
    roles.set("sim", await serve("sim", { nats, data, env, args: ["--scenario", "scenarios/default.yaml"] }));
    for (const served of roles.values()) await expect.poll(async () => (await readiness(served)).status, WAIT).toBe(200);

    const gateway = roles.get("gateway")!;
    const sent = await qiki(["send", "power.nbl.set_max", "max_power_w=12", "--url", gateway.url, "--confirm", "--wait", "effect"]);
    expect(sent.stdout + sent.stderr).toContain("effect seen");
    await expect.poll(async () => (await qiki(["audit", "verify", "--url", gateway.url])).stdout, WAIT).toMatch(/^OK [1-9]/);
    const twice = await Promise.allSettled(ROLES.map((role) => serve(role, { nats, data })));
    expect(twice.map((one) => one.status === "rejected" && (one.reason as { code?: number }).code)).toEqual([5, 5, 5, 5, 5]);

    const runs = new Set<unknown>();
    for (const role of ["gateway", "sim", "tracker", "alarms", "recorder"] as const) {
      const { code, output } = await roles.get(role)!.stop();
      expect([role, code]).toEqual([role, 0]);
      // Each says where in simulated time it was.
      const line = logLines(output).find(({ closed }) => closed === role || closed === "health");
      expect(line, output).toMatchObject({ role, run: expect.any(String), tick: expect.any(Number) });
      runs.add(line!.run);
    }
    expect(runs.size).toBe(1);
    expect(tablesIn(join(data, "sim"))).toEqual({ "sim.sqlite": ["command_dedup", "machine_state"] });
    expect(tablesIn(join(data, "tracker"))).toEqual({ "tracker.sqlite": ["command_dedup", "machine_state"] });
    expect(Object.keys(tablesIn(join(data, "alarms")))).toEqual(["qiki.sqlite"]);
    expect(tablesIn(join(data, "alarms"))["qiki.sqlite"]).toContain("audit");
    expect(tablesIn(join(data, "recorder"))["history.sqlite"]).toContain("telemetry_history");
    expect(tablesIn(join(data, "gateway"))).toEqual({});
    expect(readdirSync(join(data, "recorder", "recordings"))).toHaveLength(1);
  },
);

test("AUD-011 up twice on one data folder - the second is refused with 5", LONG, async () => {
  const data = newFolder();
  const twin = await startTwin(["--stopped"], data);
  cleanUps.push(() => twin.stop("SIGKILL"));
  expect((await qiki(["up", "--data", data, "--port", "0"])).code).toBe(5);
});

test("up over a NATS server that is not there - says what it waits for, ends at the first signal, and leaves nothing", LONG, async () => {
  const data = join(newFolder(), "data");
  const command = [join(ROOT, "bin/qiki.mjs"), "up", "--nats", "nats://127.0.0.1:1", "--port", "0", "--data", data];
  const child = spawn(process.execPath, command, { cwd: ROOT, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (output += chunk.toString()));
  await expect.poll(() => output, WAIT).toMatch(/waiting for the bus: nats:\/\/127\.0\.0\.1:1: no connection/);
  const exited = new Promise((done) => child.once("close", done));
  child.kill("SIGTERM");
  expect([await exited, existsSync(data)]).toEqual([0, false]);
  expect(output).toContain("stopped before the bus was there; nothing was begun");
});

test.skipIf(NATS_SERVER === undefined)(
  "bus init - tells what it made, what it kept and what differs; without a server 3",
  LONG,
  async () => {
    const nats = await newServer();
    const admin = await connectNats({ servers: [nats], credentials: NATS_CREDENTIALS, nowMs: () => Date.now(), report: () => {} });
    await admin.streams.ensure({ ...STREAMS.radar, subjects: ["qiki.radar.v1.*"], maxBytes: 1_048_576 });
    await admin.close();
    const first = await qiki(["bus", "init", "--nats", nats], NATS_ENV);
    expect([first.code, first.stdout.split("\n")]).toEqual([
      0,
      [
        "kept      QIKI_RADAR_V1, gained qiki.radar.v1.>",
        "differing QIKI_RADAR_V1.maxBytes: 1048576 is kept, expected 268435456",
        "made      QIKI_EVENTS_V1",
        "made      QIKI_AUDIT_V1",
        "made      QIKI_OPERATOR_V1",
        "made      QIKI_RADAR_V1/radar_frames_pull",
        "made      QIKI_RADAR_V1/radar_tracks_pull",
        "made      QIKI_EVENTS_V1/events_audit_pull",
        "made      QIKI_EVENTS_V1/alarms_events_pull",
        "",
      ],
    ]);
    const again = await qiki(["bus", "init", "--nats", nats], NATS_ENV);
    expect(again.stdout).not.toContain("made");
    expect((await qiki(["bus", "init", "--nats", "nats://127.0.0.1:1"], NATS_ENV)).code).toBe(3);
  },
);

test.skipIf(NATS_SERVER === undefined)("health - a role that is up but hears nothing is told from one that is well", LONG, async () => {
  const nats = await newServer();
  const data = newFolder();
  const sim = await serve("sim", { nats, data });
  const tracker = await serve("tracker", { nats, data });
  for (const served of [sim, tracker]) await expect.poll(async () => (await readiness(served)).status, WAIT).toBe(200);
  // Everything is connected, and nobody says anything.
  sim.signal("SIGSTOP");
  await expect.poll(() => reasonOf(tracker, "telemetry"), WAIT).toMatch(/no telemetry has been heard for \d+ s/);
  expect((await fetch(`${tracker.url}/healthz`)).status).toBe(200);
  expect((await readiness(tracker)).checks.filter(({ ok }) => !ok).map(({ name }) => name)).toEqual(["telemetry"]);
  sim.signal("SIGCONT");
  await expect.poll(async () => (await readiness(tracker)).status, WAIT).toBe(200);
  const metrics = await (await fetch(`${tracker.url}/metrics`)).text();
  expect(metrics).toContain('qiki_consumer_lag{stream="QIKI_RADAR_V1",durable="radar_frames_pull"}');
  expect(metrics).toContain('qiki_bus_state{state="connected"} 1');
});

test("BUS-020 half a pair of credentials - exit 2, and the sentence says which half is missing", LONG, async () => {
  const { code, stderr } = await qiki(["serve", "--role", "sim", "--data", newFolder(), "--port", "0"], { NATS_USER: "qiki" });
  expect([code, stderr]).toEqual([2, expect.stringContaining("NATS_PASSWORD is missing")]);
});

function tableNames(path: string): readonly string[] {
  const db = new DatabaseSync(path, { readOnly: true });
  const rows = db.prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name").all();
  db.close();
  return rows.map(({ name }) => String(name));
}

function tablesIn(folder: string): Record<string, readonly string[]> {
  return Object.fromEntries(
    readdirSync(folder)
      .filter((name) => name.endsWith(".sqlite"))
      .map((name) => [name, tableNames(join(folder, name))]),
  );
}
