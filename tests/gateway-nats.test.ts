import { mkdtempSync, readdirSync, readlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { makeServer } from "#bus/suite/nats-server.ts";
import { watchGateway } from "./kill-rig.ts";
import { removeFolder } from "./running-twin.ts";
import { apiClient, killServed, NATS_SERVER, readiness, ROLES, type RoleName, type Served, serve } from "./serve-rig.ts";

const LONG = { timeout: 300_000 };
const WAIT = { timeout: 90_000, interval: 100 };
const natsTest = test.skipIf(NATS_SERVER === undefined && process.env.CI !== "true");
const cleanUps: (() => unknown)[] = [];

afterEach(async () => {
  killServed();
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

/** A server and the five roles, each with its data in a folder of its own. */
async function startSystem() {
  const server = await makeServer();
  await server.start();
  const folders = new Map(ROLES.map((role) => [role, mkdtempSync(join(tmpdir(), `qiki-${role}-`))] as const));
  cleanUps.push(async () => {
    await server.stop();
    server.remove();
    for (const folder of folders.values()) removeFolder(folder);
  });
  const roles = new Map<RoleName, Served>();
  const start = async (role: RoleName): Promise<void> => {
    const args = role === "sim" ? ["--scenario", "scenarios/default.yaml"] : [];
    roles.set(role, await serve(role, { nats: server.url, data: folders.get(role)!, args }));
  };
  await Promise.all(ROLES.map(start));
  const allReady = async (): Promise<void> => {
    for (const [role, served] of roles)
      await expect.poll(async () => (await readiness(served).catch(() => undefined))?.status, { ...WAIT, message: role }).toBe(200);
  };
  await allReady();
  const { url } = roles.get("gateway")!;
  const get = async (path: string): Promise<{ readonly status: number; readonly body: Readonly<Record<string, unknown>> }> => {
    const answer = await fetch(`${url}${path}`);
    const text = await answer.text();
    return {
      status: answer.status,
      body: text.startsWith("{") && !path.endsWith("/file") ? (JSON.parse(text) as Record<string, unknown>) : { text },
    };
  };
  return { server, folders, roles, start, allReady, url, get };
}

natsTest("GW-018 the server stops - commands are bus_unavailable; when it is back, console and mode are", LONG, async () => {
  const { server, url, get, allReady } = await startSystem();
  const mode = async (): Promise<unknown> => {
    const { topics } = (await get("/api/state?topics=system")).body as { topics: { system: Record<string, { v?: { mode?: string } }> } };
    return Object.values(topics.system).find(({ v }) => v?.mode !== undefined)?.v?.mode;
  };
  await expect.poll(mode, WAIT).toBe("FACTORY");
  const watcher = watchGateway(url);
  cleanUps.push(() => watcher.close());
  await expect.poll(() => watcher.shown.tick, WAIT).toBeGreaterThan(0);
  const api = await apiClient(url);
  await server.stop();
  await expect
    .poll(
      async () => ((await api.send("power.nbl.set_max", { max_power_w: 5 }, { confirm: true })) as unknown as { code?: string }).code,
      WAIT,
    )
    .toBe("bus_unavailable");
  const { tick } = watcher.shown;
  await server.start();
  await allReady();
  await expect.poll(() => watcher.shown.tick, WAIT).toBeGreaterThan(tick);
  expect(watcher.connections).toBe(1);
  expect(await mode()).toBe("FACTORY");
  const { stage } = await api.send("power.nbl.set_max", { max_power_w: 6 }, { confirm: true }, "ack");
  expect(stage).toMatch(/APPLIED|EFFECT/);
});

natsTest("GW-020 GW-023 roles in folders of their own - the gateway asks and opens nothing; two boots are told apart", LONG, async () => {
  const { folders, roles, start, url, get, allReady } = await startSystem();
  const api = await apiClient(url);
  const runOf = async (): Promise<string> => {
    const { topics } = (await get("/api/state?topics=telemetry")).body as { topics: { telemetry: { run?: { v: { id: string } } } } };
    return topics.telemetry.run?.v.id ?? "";
  };
  const first = await runOf();
  const { stage } = await api.send("power.nbl.set_max", { max_power_w: 5 }, { request_id: "first-boot", confirm: true }, "ack");
  expect(stage).toMatch(/APPLIED|EFFECT/);
  const series = "/api/series?path=power.soc_pct";
  await expect.poll(async () => (await get(series)).status, WAIT).toBe(200);
  const command = async (query: string): Promise<unknown[]> => {
    const { items } = (await get(`/api/audit?limit=500${query}`)).body as { items: { kind: string; request_id?: string }[] };
    return items.filter(({ kind }) => kind === "command_result").map(({ request_id: id }) => id);
  };
  await expect.poll(() => command(""), WAIT).toEqual(["first-boot"]);
  expect((await get("/api/audit/verify")).body).toMatchObject({ verdict: "ok", ok: true });
  await expect.poll(async () => ((await get("/api/timeline")).body.items as unknown[]).length, WAIT).toBeGreaterThan(0);
  const [recording] = (await get("/api/recordings")).body.items as { recording_id: string }[];
  expect((await get(`/api/recordings/${recording!.recording_id}/file`)).body.text).toContain('"type":"meta"');

  const between = new Date().toISOString();
  expect((await roles.get("sim")!.stop()).code).toBe(0);
  await start("sim");
  await expect.poll(async () => ![first, ""].includes(await runOf()), WAIT).toBe(true);
  await allReady();
  const second = await runOf();
  await api.send("power.nbl.set_max", { max_power_w: 6 }, { request_id: "second-boot", confirm: true }, "ack");
  await expect.poll(() => command(`&run=${second}`), WAIT).toEqual(["second-boot"]);
  expect(await command(`&run=${first}`)).toEqual(["first-boot"]);
  expect(await command(`&to=${between}`)).toEqual(["first-boot"]);
  expect(await command(`&from=${between}`)).toEqual(["second-boot"]);
  await expect.poll(async () => (await get(series)).body.run, WAIT).toBe(second);
  expect((await get(`${series}&run=${first}`)).body.run).toBe(first);

  const opened = (pid: number): string[] =>
    readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      try {
        return [readlinkSync(`/proc/${pid}/fd/${fd}`)];
      } catch {
        return [];
      }
    });
  const others = [...folders].filter(([role]) => role !== "gateway").map(([, folder]) => folder);
  expect(opened(roles.get("alarms")!.pid).some((path) => path.startsWith(folders.get("alarms")!))).toBe(true);
  expect(opened(roles.get("gateway")!.pid).filter((path) => others.some((folder) => path.startsWith(folder)))).toEqual([]);
  expect((await roles.get("alarms")!.stop()).code).toBe(0);
  expect((await get("/api/audit")).status).toBe(503);
});
