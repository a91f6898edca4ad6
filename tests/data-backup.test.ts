import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, describe, expect, test } from "vitest";
import { qiki, type RunningTwin, startTwin } from "./running-twin.ts";

const folder = mkdtempSync(join(tmpdir(), "qiki-backup-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const backup = join(folder, "backup");

async function incidentsOf(
  twin: RunningTwin,
): Promise<readonly { readonly incident_id: string; readonly letter: string; readonly occ: number }[]> {
  const { items } = (await (await fetch(`${twin.url}/api/incidents`)).json()) as {
    items: { incident_id: string; letter: string; occ: number }[];
  };
  return items
    .map(({ incident_id, letter, occ }) => ({ incident_id, letter, occ }))
    .sort((a, b) => (a.incident_id < b.incident_id ? -1 : 1));
}

describe("data backup and restore", () => {
  test("AUD-013 a backup under load restores to a twin whose chain, incidents and recordings all verify", async () => {
    const twin = await startTwin(["--scenario", "scenarios/default.yaml"], join(folder, "data"));
    const signedIn = await fetch(`${twin.url}/api/login`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: '{"name":"anna"}',
    });
    const cookie = signedIn.headers.get("set-cookie")!.split(";")[0]!;
    let sends = 0;
    let isDone = false;
    const load = (async () => {
      for (; !isDone; sends += 1)
        await fetch(`${twin.url}/api/commands?wait=ack`, {
          method: "POST",
          headers: { "content-type": "application/json", cookie },
          body: JSON.stringify({ command_name: "power.nbl.set_max", parameters: { max_power_w: 1 + (sends % 9) }, confirm: true }),
        });
    })();
    await expect.poll(async () => (await incidentsOf(twin)).length, { timeout: 30_000 }).toBeGreaterThan(0);
    expect((await qiki(["send", "sim.start", "speed=20", "--url", twin.url])).code).toBe(0);
    const made = await qiki(["data", "backup", backup, "--data", twin.dataFolder]);
    expect(made.code, made.stderr).toBe(0);
    isDone = true;
    await load;
    expect(sends).toBeGreaterThan(3);
    const incidents = await incidentsOf(twin);
    await twin.stop();
    const again = await qiki(["data", "backup", backup, "--data", twin.dataFolder]);
    expect([again.code, again.stderr]).toEqual([2, expect.stringContaining("is not empty") as string]);

    const restored = join(folder, "restored");
    const back = await qiki(["data", "restore", backup, "--data", restored]);
    expect(back.code, back.stderr).toBe(0);
    const chain = await qiki(["audit", "verify", "--store", join(restored, "qiki.sqlite")]);
    expect(chain.stdout).toMatch(/^OK \d+ records, head \d+ [0-9a-f]{64}\n/);
    const rebuilt = ["incidents", "rebuild", "--check", "--store", join(restored, "qiki.sqlite")];
    expect(await qiki(rebuilt)).toMatchObject({ code: 0, stdout: expect.stringMatching(/^equal: [1-9]/) as string });
    const recordings = readdirSync(join(restored, "recordings"));
    expect(recordings.length).toBe(1);
    for (const name of recordings)
      expect(await qiki(["verify", join(restored, "recordings", name)])).toMatchObject({
        code: 0,
        stdout: expect.stringMatching(/^identical/) as string,
      });
    const copy = await startTwin(["--stopped"], restored);
    try {
      // What happened after the copy is not in it; what was open at its moment is.
      const known = new Map(incidents.map((one) => [one.incident_id, one]));
      const kept = await incidentsOf(copy);
      expect(kept.length).toBeGreaterThan(0);
      for (const one of kept) expect(known.get(one.incident_id)?.occ).toBeGreaterThanOrEqual(one.occ);
      const busy = await qiki(["data", "restore", backup, "--data", restored]);
      expect([busy.code, busy.stderr]).toEqual([2, expect.stringContaining("is not empty") as string]);
      expect((await qiki(rebuilt)).code).toBe(5);
    } finally {
      await copy.stop();
    }
    const store = new DatabaseSync(join(restored, "qiki.sqlite"));
    store.exec("UPDATE incidents SET json = json_set(json, '$.acked', json('true')) WHERE key = 'POWER_BUS_NEAR_LIMIT:main'");
    store.close();
    const forged = await qiki(rebuilt);
    expect([forged.code, forged.stdout]).toEqual([
      1,
      expect.stringMatching(/^DIFFERENT POWER_BUS_NEAR_LIMIT:main: the trail leads to \w, /) as string,
    ]);
  }, 180_000);

  test("AUD-013 a byte of the copy changed - 4, and nothing is written", async () => {
    const { files } = JSON.parse(readFileSync(join(backup, "manifest.json"), "utf8")) as { files: { path: string }[] };
    expect(files.length).toBeGreaterThan(5);
    const target = join(folder, "never");
    for (const { path } of [files[0]!, files.at(-1)!, files.find(({ path: one }) => one === "qiki.sqlite")!]) {
      const bytes = readFileSync(join(backup, path));
      const edited = Buffer.from(bytes);
      edited[Math.floor(bytes.length / 2)]! ^= 1;
      writeFileSync(join(backup, path), edited);
      const refused = await qiki(["data", "restore", backup, "--data", target]);
      expect([refused.code, refused.stderr], path).toEqual([4, expect.stringContaining(`${path} of the backup`) as string]);
      writeFileSync(join(backup, path), bytes);
    }
    const manifest = readFileSync(join(backup, "manifest.json"), "utf8");
    for (const [edited, said] of [
      [manifest.replace('"path": "', '"path": "../'), "a path inside the folder"],
      [manifest.replace('"path": "', '"path": "/'), "a path inside the folder"],
      ["{", "is not JSON"],
    ] as const) {
      writeFileSync(join(backup, "manifest.json"), edited);
      const refused = await qiki(["data", "restore", backup, "--data", target]);
      expect([refused.code, refused.stderr]).toEqual([4, expect.stringContaining(said) as string]);
    }
    expect(existsSync(target)).toBe(false);
  }, 120_000);
});
