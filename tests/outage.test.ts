import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { makeServer, type NatsServer } from "#bus/suite/nats-server.ts";
import { removeFolder } from "./running-twin.ts";
import { apiClient, killServed, NATS_SERVER, readiness, reasonOf, serve } from "./serve-rig.ts";

const LONG = { timeout: 240_000 };
const WAIT = { timeout: 60_000, interval: 50 };
const cleanUps: (() => unknown)[] = [];
const natsTest = test.skipIf(NATS_SERVER === undefined && process.env.CI !== "true");

afterEach(async () => {
  killServed();
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

async function newServer(): Promise<NatsServer> {
  const server = await makeServer();
  cleanUps.push(async () => {
    await server.stop();
    server.remove();
  });
  return server;
}

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "qiki-outage-"));
  cleanUps.push(() => removeFolder(folder));
  return folder;
}

natsTest(
  "BUS-017 no server at the start - the sim runs and says why it is not ready; it is ready once the server is there",
  LONG,
  async () => {
    const server = await newServer();
    const sim = await serve("sim", { nats: server.url, data: newFolder(), args: ["--scenario", "scenarios/default.yaml"] });
    expect((await fetch(`${sim.url}/healthz`)).status).toBe(200);
    expect((await readiness(sim)).status).toBe(503);
    await expect.poll(() => reasonOf(sim, "bus"), WAIT).toMatch(/no connection/);
    await server.start();
    await expect.poll(async () => (await readiness(sim)).status, WAIT).toBe(200);
    expect((await sim.stop()).code).toBe(0);
  },
);

natsTest(
  "CMD-028 CMD-036 an outage of the bus and a sim that stands still - what was not sent never is, what is late counts",
  LONG,
  async () => {
    const server = await newServer();
    await server.start();
    const data = newFolder();
    const gateway = await serve("gateway", { nats: server.url, data });
    const sim = await serve("sim", { nats: server.url, data });
    const api = await apiClient(gateway.url);
    const isKnown = async (): Promise<boolean> => (await api.get<{ limits: unknown }>("/api/catalog")).limits !== null;
    await expect.poll(isKnown, WAIT).toBe(true);
    const speedOf = async (): Promise<number | undefined> =>
      (await api.get<{ topics: { telemetry: { sim_state?: { v: { speed: number } } } } }>("/api/state?topics=telemetry")).topics.telemetry
        .sim_state?.v.speed;

    // A sim that stands still answers late: the row says so, and that it was applied.
    sim.signal("SIGSTOP");
    const waiting = await api.send("sim.start", { speed: 3 });
    await expect.poll(async () => (await api.row(waiting.request_id)).stage, WAIT).toBe("TIMEOUT");
    sim.signal("SIGCONT");
    await expect.poll(async () => api.row(waiting.request_id), WAIT).toMatchObject({ stage: "EFFECT_CONFIRMED", late: true });
    await expect.poll(speedOf, WAIT).toBe(3);

    // Without a bus nothing is sent, now or later.
    await server.stop("SIGKILL");
    await expect.poll(() => reasonOf(gateway, "bus"), WAIT).toMatch(/reconnecting|no connection/);
    expect(await api.send("sim.start", { speed: 7 }, { request_id: "unsent" })).toMatchObject({ code: "bus_unavailable" });
    const unsent = { stage: "NOT_SENT", detail: "the bus is not connected: the command was not sent" };
    expect(await api.row("unsent")).toMatchObject(unsent);
    await server.start();
    for (const served of [gateway, sim]) await expect.poll(async () => (await readiness(served)).status, WAIT).toBe(200);
    const after = await api.send("sim.start", { speed: 4 });
    await expect.poll(async () => (await api.row(after.request_id)).stage, WAIT).toBe("EFFECT_CONFIRMED");
    await expect.poll(speedOf, WAIT).toBe(4);
    expect(await api.row("unsent")).toMatchObject(unsent);
    expect(await readiness(gateway)).toMatchObject({ status: 200 });
    for (const served of [gateway, sim]) expect((await served.stop()).code).toBe(0);
  },
);

natsTest("BUS-016 an outage - roles that are told to stop meanwhile end in order", LONG, async () => {
  const server = await newServer();
  await server.start();
  const data = newFolder();
  const roles = await Promise.all(
    (["alarms", "tracker", "recorder", "gateway"] as const).map((role) => serve(role, { nats: server.url, data })),
  );
  const sim = await serve("sim", { nats: server.url, data, args: ["--scenario", "scenarios/default.yaml"] });
  for (const served of [sim, ...roles]) await expect.poll(async () => (await readiness(served)).status, WAIT).toBe(200);
  await server.stop("SIGKILL");
  for (const served of [sim, ...roles]) await expect.poll(() => reasonOf(served, "bus"), WAIT).toMatch(/reconnecting|no connection/);
  for (const served of [sim, ...roles]) {
    const { code, output } = await served.stop();
    expect(code, output).toBe(0);
  }
});
