import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { afterAll, expect, test } from "vitest";
import { connectNats } from "#bus/nats.ts";
import type { Bus } from "#bus/port.ts";
import { NATS_CREDENTIALS } from "#bus/suite/nats-server.ts";
import { loadGuardRules, RULES_PATH } from "#cli/load-rules.ts";
import { loadRun } from "#cli/load-run.ts";
import { SUBJECTS } from "#contracts/subjects.ts";
import { systemClock } from "#services/clock.ts";
import { startEmbedded } from "#services/embedded.ts";
import { qiki, removeFolder } from "./running-twin.ts";
import { killServed, NATS_SERVER, readiness, serve, startedServer } from "./serve-rig.ts";

const TICKS = 6000;
const WAIT = { timeout: 180_000, interval: 100 };
const ROOMS = ["craft", "scene", "tracks", "guards"];
const folder = mkdtempSync(join(tmpdir(), "qiki-forms-"));
const scenario = join(folder, "busy.yaml");
/** Twenty commands and two faults in ten minutes, three contacts of which one comes near and one spoofs. */
const COMMANDS = Array.from({ length: 20 }, (_, index) => {
  const at = `at: ${10 + index * 25}s, do: command`;
  return index % 2 === 0
    ? `  - { ${at}, name: power.nbl.set_max, params: { max_power_w: ${5 * index} } }`
    : `  - { ${at}, name: sim.rcs.fire, params: { axis: ${["forward", "port", "up"][index % 3]}, pct: ${20 + index}, duration_s: 3 } }`;
});
writeFileSync(
  scenario,
  `name: busy
profile: profiles/shipped.json
duration_s: ${TICKS / 10}
timeline:
${COMMANDS.join("\n")}
  - { at: 120s, do: fault, kind: stuck_sensor, target: radiation }
  - { at: 300s, do: clear, kind: stuck_sensor, target: radiation }
contacts:
  - id: near
    type: SHIP
    rcs_dbsm: 10
    allegiance: unknown
    transponder: { mode: "OFF" }
    trajectory: { kind: constant_velocity, at: { x: 400, y: 30, z: 0 }, velocity: { x: -2, y: 0, z: 0 } }
  - id: friend
    type: DRONE
    rcs_dbsm: 5
    allegiance: friendly
    transponder: { mode: "ON", id: ALLY-7F3A21 }
    trajectory: { kind: constant_velocity, at: { x: 3000, y: 800, z: 50 }, velocity: { x: 3, y: -2, z: 0 } }
`,
);

afterAll(() => {
  killServed();
  removeFolder(folder);
});

/** Digests by room and tick, as the machines tell them. */
type Digests = ReadonlyMap<string, ReadonlyMap<number, string>>;

async function digestsOf(bus: Bus): Promise<Digests> {
  const digests = new Map(ROOMS.map((room) => [room, new Map<number, string>()]));
  const rows = bus.subscribe(
    SUBJECTS.recordHashes,
    ({ bytes }) => {
      const { room, at, hashes } = JSON.parse(Buffer.from(bytes).toString("utf8")) as { room: string; at: number[]; hashes: string[] };
      const known = digests.get(room);
      at.forEach((tick, index) => known?.set(tick, hashes[index]!));
    },
    { name: "test", maxPending: 100_000 },
  );
  await bus.flush(10_000);
  const metadata = { message_id: "start", timestamp: new Date().toISOString() };
  const ack = await bus.request(
    SUBJECTS.commands,
    Buffer.from(JSON.stringify({ command_name: "sim.start", parameters: { speed: 100 }, metadata })),
    {
      timeoutMs: 20_000,
    },
  );
  expect(JSON.parse(Buffer.from(ack.bytes).toString("utf8"))).toMatchObject({ ok: true, tick: 1 });
  for (const room of ROOMS) await expect.poll(() => Math.max(0, ...digests.get(room)!.keys()), WAIT).toBeGreaterThanOrEqual(TICKS);
  rows.unsubscribe();
  return new Map([...digests].map(([room, all]) => [room, new Map([...all].filter(([tick]) => tick <= TICKS).sort(([a], [b]) => a - b))]));
}

async function embedded(): Promise<Digests> {
  const { model, scenarioFile } = loadRun({ scenario, bootId: "0", stopped: true });
  const twin = await startEmbedded({
    clock: systemClock,
    log: pino({ level: "silent" }),
    model,
    scenario: scenarioFile,
    dataFolder: join(folder, "embedded"),
    guardRules: loadGuardRules(),
    publishesGuards: true,
    rulesPath: RULES_PATH,
    webFolder: folder,
    host: "127.0.0.1",
    port: 0,
    portsToTry: 0,
    records: false,
    productVersion: "test",
    onViolation: (subject, problem) => expect.unreachable(`${subject}: ${problem}`),
  });
  try {
    return await digestsOf(twin.bus);
  } finally {
    await twin.stop();
  }
}

async function distributed(): Promise<Digests> {
  const server = await startedServer();
  const bus = await connectNats({ servers: [server.url], credentials: NATS_CREDENTIALS, nowMs: () => Date.now(), report: () => {} });
  try {
    const data = join(folder, "distributed");
    const roles = [
      await serve("sim", { nats: server.url, data, args: ["--scenario", scenario, "--stopped"] }),
      await serve("tracker", { nats: server.url, data }),
      await serve("alarms", { nats: server.url, data }),
    ];
    for (const served of roles) await expect.poll(async () => (await readiness(served)).status, WAIT).toBe(200);
    return await digestsOf(bus);
  } finally {
    killServed();
    await bus.close();
    await server.stop();
    server.remove();
  }
}

test.skipIf(NATS_SERVER === undefined && process.env.CI !== "true")(
  "PRF-001 6,000 ticks with 20 commands and faults - identical twice; embedded and distributed agree on every digest of craft, scene, tracks, guards",
  { timeout: 600_000 },
  async () => {
    const runs = [await qiki(["run", scenario, "--json"]), await qiki(["run", scenario, "--json"])];
    const [first, second] = runs.map(({ stdout }) => JSON.parse(stdout) as { hash?: string; ticks?: number });
    expect(first!.hash).toMatch(/^[0-9a-f]{32}$/);
    expect([first!.ticks, first!.hash]).toEqual([TICKS, second!.hash]);

    const together = await embedded();
    const apart = await distributed();
    for (const room of ROOMS) {
      const [one, other] = [together.get(room)!, apart.get(room)!];
      expect(one.size, room).toBeGreaterThan(500);
      expect([room, [...other.keys()]]).toEqual([room, [...one.keys()]]);
      expect([room, [...one].find(([tick, hash]) => other.get(tick) !== hash)]).toEqual([room, undefined]);
    }
    expect(together.get("craft")!.size).toBe(TICKS);
  },
);
