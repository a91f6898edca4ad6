import { mkdtempSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium, type Page } from "playwright-core";
import { afterEach, expect, test } from "vitest";
import { randomStream } from "#base/random.ts";
import { makeServer, type NatsServer } from "#bus/suite/nats-server.ts";
import { SUBJECTS } from "#contracts/subjects.ts";
import {
  type Counted,
  figure,
  holes,
  readStream,
  recordedHoles,
  startTraffic,
  type Traffic,
  watchGateway,
  type Watcher,
} from "./kill-rig.ts";
import { CHROMIUM, CHROMIUM_ARGS, qiki, removeFolder } from "./running-twin.ts";
import { apiClient, killServed, NATS_SERVER, readiness, type RoleName, type Served, serve } from "./serve-rig.ts";

const ROLES = ["sim", "tracker", "alarms", "recorder", "gateway"] as const satisfies readonly RoleName[];
type Target = (typeof ROLES)[number] | "nats-server";
const TARGETS = [...ROLES, "nats-server"] as const satisfies readonly Target[];
/** Each cycle kills every target once; the soak kills 120 times. */
const KILLS = Number(process.env.QIKI_KILLS ?? (process.env.QIKI_SOAK === "1" ? 120 : TARGETS.length));
const CYCLES = Math.ceil(KILLS / TARGETS.length);
const SEED = process.env.QIKI_SEED ?? "1";
const WAIT = { timeout: 90_000, interval: 100 };
/** A kill comes so long after the traffic has been seen to flow, at most: at any moment of a second. */
const KILL_WITHIN_MS = 1_000;
/** Subjects that a sim numbers without a hole, whatever happens. */
const KEPT = [SUBJECTS.powerBus, SUBJECTS.powerPdu, SUBJECTS.thermal, SUBJECTS.radarSensor];
const cleanUps: (() => unknown)[] = [];

afterEach(async () => {
  killServed();
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

test.skipIf(NATS_SERVER === undefined && process.env.CI !== "true")(
  "AUD-007 BUS-016 BUS-018 every process and the server are killed under traffic - no acknowledged record is lost, all counts agree",
  { timeout: 240_000 + CYCLES * 240_000 },
  async () => {
    const system = await startSystem();
    const { watcher, traffic, roles } = system;
    const random = randomStream(`kill/${SEED}`);
    for (let cycle = 0; cycle < CYCLES; cycle += 1) {
      const order: Target[] = [...TARGETS];
      for (let at = order.length - 1; at > 0; at -= 1) {
        const other = random.integer(0, at);
        [order[at], order[other]] = [order[other]!, order[at]!];
      }
      for (const target of order) {
        const before = traffic.applied.size;
        await expect
          .poll(() => traffic.applied.size, { ...WAIT, message: `commands before ${target} is killed` })
          .toBeGreaterThan(before + 3);
        await new Promise((done) => setTimeout(done, random.integer(0, KILL_WITHIN_MS)));
        await system.kill(target);
      }
    }
    const before = traffic.applied.size;
    await expect.poll(() => traffic.applied.size, WAIT).toBeGreaterThan(before + 3);
    await traffic.stop();
    const api = await apiClient(system.gatewayUrl);
    expect((await api.send("sim.pause", {}, {}, "ack")).stage).toMatch(/APPLIED|EFFECT_CONFIRMED/);
    await system.noteSim();
    for (const role of ["alarms", "tracker"] as const)
      await expect.poll(() => figure(roles.get(role)!, "consumer_lag"), WAIT).toBeLessThan(12);

    const events = await readStream(system.server.url, "QIKI_EVENTS_V1");
    const radar = await readStream(system.server.url, "QIKI_RADAR_V1");
    const stored = expectStored(events, radar, system.swallowed);
    expectApplied(radar, watcher.shown.run);
    const audited = await expectAudited(events, system.gatewayUrl, traffic);
    // Shown: no console reloaded, and all are at the end of the same run.
    const last = newestTick(events, watcher.shown.run);
    await expect.poll(() => watcher.shown.tick, WAIT).toBeGreaterThanOrEqual(last);
    await system.expectScreenGoesOn();
    expect(system.slipped).toBe(0);
    for (const role of [...ROLES].reverse()) {
      const { code, output } = await roles.get(role)!.stop();
      expect([role, code], output).toEqual([role, 0]);
    }
    const recorded = await expectRecorded(join(system.data, "recorder", "recordings"));
    process.stdout.write(
      `\nkill test: ${JSON.stringify({
        seed: SEED,
        kills: CYCLES * TARGETS.length,
        backMsMax: Object.fromEntries(system.backMsMax),
        commands: traffic.sent,
        outcomes: traffic.outcomes,
        ...stored,
        ...audited,
        ...recorded,
        consoleConnections: watcher.connections,
        consoleSilentMsMax: Math.round(watcher.silentMsMax),
        ticks: system.ticks,
        ticksOver100Ms: system.longTicks,
        ticksSlipped: system.slipped,
      })}\n`,
    );
  },
);

interface System {
  readonly server: NatsServer;
  readonly data: string;
  readonly gatewayUrl: string;
  readonly roles: ReadonlyMap<RoleName, Served>;
  readonly watcher: Watcher;
  readonly traffic: Traffic;
  /** Frames that outages swallowed, by the run of the sim that counted them. */
  readonly swallowed: ReadonlyMap<string, number>;
  readonly slipped: number;
  readonly ticks: number;
  readonly longTicks: number;
  /** By target: the longest from its kill until every role was ready again. */
  readonly backMsMax: ReadonlyMap<Target, number>;
  /** Adds the figures of the sim that runs, before it ends. */
  noteSim(): Promise<void>;
  /** Kills a target, starts it again and waits until all is well. */
  kill(target: Target): Promise<void>;
  expectScreenGoesOn(): Promise<void>;
}

/** A server, five roles, a console that only counts, ORION in a browser where there is one, and commands without end. */
async function startSystem(): Promise<System> {
  const server = await makeServer();
  await server.start();
  const data = mkdtempSync(join(tmpdir(), "qiki-kill-"));
  cleanUps.push(async () => {
    await server.stop();
    server.remove();
    removeFolder(data);
  });
  const roles = new Map<RoleName, Served>();
  const start = async (role: RoleName): Promise<void> => {
    const port = roles.has(role) ? Number(new URL(roles.get(role)!.url).port) : 0;
    const args = role === "sim" ? ["--scenario", "scenarios/default.yaml"] : [];
    roles.set(role, await serve(role, { nats: server.url, data, port, args }));
  };
  const allReady = async (): Promise<void> => {
    for (const [role, served] of roles)
      await expect
        .poll(async () => (await readiness(served).catch(() => undefined))?.checks.filter(({ ok }) => !ok), { ...WAIT, message: role })
        .toEqual([]);
  };
  await Promise.all(ROLES.map(start));
  await allReady();
  const gatewayUrl = roles.get("gateway")!.url;
  const watcher = watchGateway(gatewayUrl);
  cleanUps.push(() => watcher.close());
  const traffic = startTraffic(gatewayUrl);
  cleanUps.push(() => traffic.stop());
  const page = await openOrion(gatewayUrl);
  const swallowed = new Map<string, number>();
  const backMsMax = new Map<Target, number>();
  const sums = { slipped: 0, ticks: 0, longTicks: 0 };

  async function noteSim(): Promise<void> {
    const sim = roles.get("sim")!;
    swallowed.set(watcher.shown.run, await figure(sim, "bus_dropped_total", `subject="${SUBJECTS.radarFrames}"`));
    const ticks = await figure(sim, "ticks_total");
    sums.slipped += await figure(sim, "tick_late_total");
    sums.ticks += ticks;
    sums.longTicks += ticks - (await figure(sim, "tick_duration_seconds_bucket", 'le="0.1"'));
  }

  async function killServer(): Promise<void> {
    const { tick } = watcher.shown;
    await server.stop("SIGKILL");
    // The simulation does not wait for the network: its ticks go on.
    const before = await figure(roles.get("sim")!, "ticks_total");
    await expect.poll(() => figure(roles.get("sim")!, "ticks_total"), WAIT).toBeGreaterThan(before + 30);
    await server.start();
    await allReady();
    await expect.poll(() => watcher.shown.tick, WAIT).toBeGreaterThan(tick + 30);
  }

  return {
    server,
    data,
    gatewayUrl,
    roles,
    watcher,
    traffic,
    swallowed,
    backMsMax,
    get slipped() {
      return sums.slipped;
    },
    get ticks() {
      return sums.ticks;
    },
    get longTicks() {
      return sums.longTicks;
    },
    noteSim,
    async kill(target) {
      if (target === "sim") await noteSim();
      const killedMs = performance.now();
      if (target === "nats-server") await killServer();
      else {
        await roles.get(target)!.stop("SIGKILL");
        await start(target);
        await allReady();
      }
      const backMs = Math.round(performance.now() - killedMs);
      backMsMax.set(target, Math.max(backMs, backMsMax.get(target) ?? 0));
    },
    async expectScreenGoesOn() {
      if (page === undefined) return;
      await page.getByTestId("link").getByText("OK").waitFor({ timeout: WAIT.timeout });
      await page.locator('[data-path="power.soc_pct"][data-value]:not([data-stale])').first().waitFor({ timeout: WAIT.timeout });
      expect(await page.evaluate("window.isStillThePage")).toBe(true);
    },
  };
}

async function openOrion(url: string): Promise<Page | undefined> {
  if (CHROMIUM === undefined) return undefined;
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: CHROMIUM_ARGS });
  cleanUps.push(() => browser.close());
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  await page.goto(`${url}/`, { timeout: WAIT.timeout });
  await page.locator('[data-path="power.soc_pct"][data-value]').first().waitFor({ timeout: WAIT.timeout });
  await page.evaluate("window.isStillThePage = true");
  return page;
}

/** Published and stored: a sim's own numbers have no hole; of frames just those are missing that it says an outage swallowed. */
function expectStored(events: readonly Counted[], radar: readonly Counted[], swallowed: ReadonlyMap<string, number>): object {
  const runs = [...new Set(events.filter(({ subject }) => subject === SUBJECTS.powerBus).map((one) => one.run))];
  expect(runs).toHaveLength(CYCLES + 1);
  let framesSwallowed = 0;
  for (const id of runs) {
    for (const subject of KEPT) expect([subject, holes(events, id, subject)]).toEqual([subject, { missing: 0, twice: 0 }]);
    expect([id, holes(radar, id, SUBJECTS.radarFrames)]).toEqual([id, { missing: swallowed.get(id), twice: 0 }]);
    framesSwallowed += swallowed.get(id)!;
  }
  const published = (messages: readonly Counted[], subjects: readonly string[]): number =>
    messages.filter(({ subject }) => subjects.includes(subject)).length;
  return {
    runs: runs.length,
    eventsStored: events.length,
    simEvents: published(events, KEPT),
    radarStored: radar.length,
    frames: published(radar, [SUBJECTS.radarFrames]),
    framesSwallowed,
  };
}

/** Applied, by the frames: each that is stored has its tracks, once the first contact was confirmed. */
function expectApplied(radar: readonly Counted[], run: string): void {
  const ticksOf = (subject: string): ReadonlySet<number> =>
    new Set(radar.filter((one) => one.run === run && one.subject === subject).map(({ tick }) => tick));
  const tracked = ticksOf(SUBJECTS.radarTracks);
  const firstTracked = Math.min(...tracked);
  expect([...ticksOf(SUBJECTS.radarFrames)].filter((tick) => tick > firstTracked && !tracked.has(tick))).toEqual([]);
}

/** Acknowledged and audited: each exactly once; what the console calls not sent was never applied; the chain's own records are published once. */
async function expectAudited(events: readonly Counted[], url: string, traffic: Traffic): Promise<object> {
  const results = events.filter(({ subject, payload }) => subject === SUBJECTS.audit && payload.kind === "command_result");
  const all = await auditOf(url);
  const ids = all.filter(({ kind }) => kind === "command_result").map(({ request_id: id }) => id ?? "");
  const inStream = results.map(({ payload }) => payload.request_id as string);
  expect(ids.length).toBe(new Set(ids).size);
  const lost = [...traffic.applied].filter((id) => !ids.includes(id));
  expect({ notStored: lost.filter((id) => !inStream.includes(id)), notChained: lost.filter((id) => inStream.includes(id)) }).toEqual({
    notStored: [],
    notChained: [],
  });
  expect(sorted(ids)).toEqual(sorted(inStream));
  expect(ids.filter((id) => traffic.notSent.has(id))).toEqual([]);
  const incidents = all.filter(({ kind }) => kind.startsWith("incident_")).map(({ seq }) => seq);
  const told = events.filter(({ subject }) => subject === SUBJECTS.operatorIncidents).map(({ payload }) => payload.seq as number);
  expect(told.toSorted((a, b) => a - b)).toEqual(incidents);
  expect((await qiki(["audit", "verify", "--url", url])).stdout).toMatch(/^OK /);
  return { acknowledged: traffic.applied.size, acknowledgedLost: 0, audited: ids.length, chain: all.length, incidentRecords: told.length };
}

/** Recorded: every recording is readable, and holds each stream without a hole from its first message to its last. */
async function expectRecorded(folder: string): Promise<object> {
  const names = readdirSync(folder).filter((name) => name.endsWith(".jsonl"));
  let recordedRows = 0;
  for (const name of names) {
    expect((await qiki(["record", "info", join(folder, name)])).code).toBe(0);
    const { rows, ...gaps } = recordedHoles(join(folder, name));
    expect([name, gaps]).toEqual([name, { missing: 0, twice: 0 }]);
    recordedRows += rows;
  }
  return { recordings: names.length, recordedRows };
}

function newestTick(events: readonly Counted[], run: string): number {
  return events.reduce((newest, one) => (one.run === run && one.subject === SUBJECTS.powerBus ? Math.max(newest, one.tick) : newest), 0);
}

function sorted(texts: readonly string[]): string[] {
  return texts.toSorted((a, b) => (a < b ? -1 : 1));
}

interface AuditRow {
  readonly kind: string;
  readonly seq: number;
  readonly request_id?: string;
}

async function auditOf(url: string): Promise<AuditRow[]> {
  const api = await apiClient(url);
  const all: AuditRow[] = [];
  for (let after = -1; ; ) {
    const page = await api.get<{ items: AuditRow[]; next?: number }>(`/api/audit?after=${after}&limit=500`);
    all.push(...page.items);
    if (page.next === undefined) return all;
    after = page.next;
  }
}
