import { mkdtempSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { makeServer } from "#bus/suite/nats-server.ts";
import { SUBJECTS } from "#contracts/subjects.ts";
import { type Counted, figure, readStream, startTraffic, watchGateway } from "./kill-rig.ts";
import { qiki, removeFolder } from "./running-twin.ts";
import { apiClient, killServed, NATS_SERVER, readiness, type RoleName, type Served, serve } from "./serve-rig.ts";

/** Each cycle kills every process and the server once; the soak goes on for about ten minutes. */
const CYCLES = process.env.QIKI_SOAK === "1" ? 20 : 1;
const WAIT = { timeout: 60_000, interval: 100 };
const ORDER = ["sim", "tracker", "alarms", "recorder", "gateway"] as const satisfies readonly RoleName[];
/** Subjects that a sim numbers without a hole, whatever happens. */
const KEPT = [SUBJECTS.powerBus, SUBJECTS.powerPdu, SUBJECTS.thermal, SUBJECTS.radarSensor];
const cleanUps: (() => unknown)[] = [];

afterEach(async () => {
  killServed();
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

test.skipIf(NATS_SERVER === undefined && process.env.CI !== "true")(
  "AUD-007 BUS-016 BUS-018 every process and the server are killed under traffic - no acknowledged record is lost, all counts agree",
  { timeout: 180_000 + CYCLES * 120_000 },
  async () => {
    const server = await makeServer();
    await server.start();
    const data = mkdtempSync(join(tmpdir(), "qiki-kill-"));
    cleanUps.push(async () => {
      await server.stop();
      server.remove();
      removeFolder(data);
    });
    const args = ["--scenario", "scenarios/default.yaml"];
    const roles = new Map<RoleName, Served>();
    const start = async (role: RoleName): Promise<void> => {
      const port = roles.has(role) ? Number(new URL(roles.get(role)!.url).port) : 0;
      roles.set(role, await serve(role, { nats: server.url, data, port, args: role === "sim" ? args : [] }));
    };
    const allReady = async (): Promise<void> => {
      for (const [role, served] of roles)
        await expect
          .poll(async () => (await readiness(served).catch(() => undefined))?.checks.filter(({ ok }) => !ok), { ...WAIT, message: role })
          .toEqual([]);
    };
    await Promise.all(ORDER.map(start));
    await allReady();
    const gatewayUrl = roles.get("gateway")!.url;
    const watcher = watchGateway(gatewayUrl);
    cleanUps.push(() => watcher.close());
    const traffic = startTraffic(gatewayUrl);
    cleanUps.push(() => traffic.stop());
    const progress = async (): Promise<void> => {
      const { applied } = traffic;
      const before = applied.size;
      await expect.poll(() => applied.size, WAIT).toBeGreaterThan(before + 3);
    };
    /** Frames that outages swallowed, by the run of the sim that counted them. */
    const swallowed = new Map<string, number>();
    const noteSwallowed = async (): Promise<void> => {
      const sim = roles.get("sim")!;
      swallowed.set(watcher.shown.run, await figure(sim, "bus_dropped_total", `subject="${SUBJECTS.radarFrames}"`));
      slipped += await figure(sim, "tick_late_total");
    };
    let slipped = 0;

    for (let cycle = 0; cycle < CYCLES; cycle += 1) {
      for (const role of ORDER) {
        await progress();
        if (role === "sim") await noteSwallowed();
        await roles.get(role)!.stop("SIGKILL");
        await start(role);
        await allReady();
      }
      await progress();
      const { tick } = watcher.shown;
      await server.stop("SIGKILL");
      // The simulation does not wait for the network: its ticks go on.
      const ticksBefore = await figure(roles.get("sim")!, "ticks_total");
      await expect.poll(() => figure(roles.get("sim")!, "ticks_total"), WAIT).toBeGreaterThan(ticksBefore + 30);
      await server.start();
      await allReady();
      await expect.poll(() => watcher.shown.tick, WAIT).toBeGreaterThan(tick + 30);
    }
    await progress();
    await traffic.stop();
    const api = await apiClient(gatewayUrl);
    expect((await api.send("sim.pause", {}, {}, "ack")).stage).toMatch(/APPLIED|EFFECT_CONFIRMED/);
    await noteSwallowed();
    const { run } = watcher.shown;
    for (const role of ["alarms", "tracker"] as const)
      await expect.poll(() => figure(roles.get(role)!, "consumer_lag"), WAIT).toBeLessThan(12);

    // Published and stored: a sim's own numbers have no hole; of frames just those are missing that it says an outage swallowed.
    const events = await readStream(server.url, "QIKI_EVENTS_V1");
    const radar = await readStream(server.url, "QIKI_RADAR_V1");
    const runs = [...new Set(events.filter(({ subject }) => subject === SUBJECTS.powerBus).map((one) => one.run))];
    expect(runs).toHaveLength(CYCLES + 1);
    for (const id of runs) {
      for (const subject of KEPT) expect([subject, holes(events, id, subject)]).toEqual([subject, 0]);
      expect(holes(radar, id, SUBJECTS.radarFrames)).toBe(swallowed.get(id));
    }
    // Applied, by the frames: each that is stored has its tracks, once the first contact was confirmed.
    const ticksOf = (subject: string): ReadonlySet<number> =>
      new Set(radar.filter((one) => one.run === run && one.subject === subject).map(({ tick }) => tick));
    const tracked = ticksOf(SUBJECTS.radarTracks);
    const firstTracked = Math.min(...tracked);
    expect([...ticksOf(SUBJECTS.radarFrames)].filter((tick) => tick > firstTracked && !tracked.has(tick))).toEqual([]);
    // Acknowledged and audited: each exactly once.
    const results = events.filter(({ subject, payload }) => subject === SUBJECTS.audit && payload.kind === "command_result");
    const chained = (await auditOf(gatewayUrl)).filter(({ kind }) => kind === "command_result");
    const ids = chained.map(({ request_id: id }) => id ?? "");
    expect(ids.length).toBe(new Set(ids).size);
    expect([...traffic.applied].filter((id) => !ids.includes(id))).toEqual([]);
    expect(sorted(ids)).toEqual(sorted(results.map(({ payload }) => payload.request_id as string)));
    expect((await qiki(["audit", "verify", "--url", gatewayUrl])).stdout).toMatch(/^OK /);
    // Shown: the console never reloaded and is at the end of the same run.
    const last = Math.max(...events.filter((one) => one.run === run && one.subject === SUBJECTS.powerBus).map(({ tick }) => tick));
    await expect.poll(() => watcher.shown.tick, WAIT).toBeGreaterThanOrEqual(last);
    expect(watcher.connections).toBeGreaterThan(CYCLES);
    expect(slipped).toBe(0);
    for (const role of ["gateway", "sim", "tracker", "alarms", "recorder"] as const) {
      const { code, output } = await roles.get(role)!.stop();
      expect([role, code], output).toEqual([role, 0]);
    }
    const recordings = readdirSync(join(data, "recorder", "recordings")).filter((name) => name.endsWith(".jsonl"));
    for (const name of recordings) expect((await qiki(["record", "info", join(data, "recorder", "recordings", name)])).code).toBe(0);
    process.stdout.write(
      `\nkill test: ${JSON.stringify({
        cycles: CYCLES,
        kills: CYCLES * (ORDER.length + 1),
        commands: traffic.sent,
        outcomes: traffic.outcomes,
        events: events.length,
        radar: radar.length,
        runs: runs.length,
        framesSwallowed: [...swallowed.values()].reduce((sum, count) => sum + count, 0),
        audited: chained.length,
        consoleConnections: watcher.connections,
        recordings: recordings.length,
        ticksSlipped: slipped,
      })}\n`,
    );
  },
);

/** Numbers missing between 1 and the largest of a run's messages on one subject; a number twice counts as -1000. */
function holes(messages: readonly Counted[], run: string, subject: string): number {
  const seqs = messages.filter((one) => one.run === run && one.subject === subject).map(({ seq }) => seq);
  const unique = new Set(seqs);
  return (seqs.length === 0 ? 0 : Math.max(...seqs)) - unique.size - 1000 * (seqs.length - unique.size);
}

function sorted(texts: readonly string[]): string[] {
  return texts.toSorted((a, b) => (a < b ? -1 : 1));
}

async function auditOf(url: string): Promise<{ readonly kind: string; readonly request_id?: string }[]> {
  const api = await apiClient(url);
  const all: { kind: string; request_id?: string }[] = [];
  for (let after = -1; ; ) {
    const page = await api.get<{ items: { kind: string; request_id?: string }[]; next?: number }>(`/api/audit?after=${after}&limit=500`);
    all.push(...page.items);
    if (page.next === undefined) return all;
    after = page.next;
  }
}
