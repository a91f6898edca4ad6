import { readdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, expect, test } from "vitest";
import { SUBJECTS } from "#contracts/subjects.ts";
import { drivenRows } from "#recording/driven-rows.ts";
import { verifyRecording } from "#recording/verify.ts";
import { recordRun, roomDigests } from "./recording-rig.ts";
import { qiki, removeFolder, ROOT, startTwin } from "./running-twin.ts";

const folders: string[] = [];
afterAll(() => folders.forEach(removeFolder));

const SCENARIO = join(ROOT, "scenarios/overload.yaml");
const AFTER_S = 30;

interface Meta {
  readonly boot_id: string;
  readonly run_id: string;
  readonly start: { readonly tick: number };
}

/** What is in the data folder: recordings by age, incidents, and the audit chain's verdict. */
async function kept(data: string) {
  const recordings = readdirSync(join(data, "recordings")).map((name) => join(data, "recordings", name));
  const metas = recordings.map((path) => ({ path, meta: [...drivenRows(path, () => {})][0]!.data as unknown as Meta }));
  const chain = await qiki(["audit", "verify", "--store", join(data, "qiki.sqlite")]);
  expect(chain, chain.stderr).toMatchObject({ code: 0, stdout: expect.stringMatching(/^OK /) as string });
  const store = new DatabaseSync(join(data, "qiki.sqlite"), { readOnly: true });
  const incidents = (store.prepare("SELECT json FROM incidents ORDER BY key").all() as { json: string }[]).flatMap(({ json }) => {
    const { id, occ, latched } = JSON.parse(json) as { id: string; occ: number; latched: boolean };
    return occ > 0 ? [{ id, occ, latched }] : [];
  });
  const chainIds = (store.prepare("SELECT DISTINCT chain_id AS id FROM audit").all() as { id: string }[]).map(({ id }) => id);
  store.close();
  return { metas, incidents, chainIds };
}

test("PRF-016 stop and fork - a run ended by SIGTERM at T and forked at T has the hashes of an unbroken run; the next up is a new run on the old incidents and chain", async () => {
  const twin = await startTwin(["--scenario", SCENARIO]);
  const { url, dataFolder } = twin;
  folders.push(dataFolder);
  const incidents = async (): Promise<string[]> => {
    const { items } = (await (await fetch(`${url}/api/incidents`)).json()) as { items: { rule_id: string }[] };
    return items.map(({ rule_id: id }) => id);
  };
  expect((await qiki(["send", "sim.start", "speed=10", "--url", url])).code).toBe(0);
  await expect.poll(incidents, { timeout: 60_000 }).toContain("POWER_BUS_OVERLOAD");
  const { code } = await twin.stop("SIGTERM");
  expect(code).toBe(0);
  const first = await kept(dataFolder);
  const [{ path, meta }] = first.metas as [(typeof first.metas)[0]];

  const ticks = [...drivenRows(path, () => {})].flatMap(({ subject, data }) =>
    subject === SUBJECTS.recordKeyframe ? [data.tick as number] : [],
  );
  const tick = Math.max(...ticks);
  const fork = join(dataFolder, "fork.jsonl");
  const forked = await qiki(["fork", path, "--at", `tick:${tick}`, "--duration", String(AFTER_S), "--out", fork]);
  expect(forked.code, forked.stderr).toBe(0);
  const unbroken = join(dataFolder, "unbroken.jsonl");
  await recordRun(SCENARIO, unbroken, tick / 10 + AFTER_S);
  const own = roomDigests(fork, tick);
  expect(own).toEqual(roomDigests(unbroken, tick));
  expect(own.size).toBeGreaterThan(2 * AFTER_S * 10);
  expect(verifyRecording({ rows: () => drivenRows(fork, () => {}) })).toMatchObject({ kind: "identical" });

  const next = await startTwin(["--scenario", SCENARIO, "--stopped"], dataFolder);
  expect((await next.stop("SIGTERM")).code).toBe(0);
  const second = await kept(dataFolder);
  const fresh = second.metas.find((one) => one.path !== path)!.meta;
  expect(fresh.boot_id).not.toBe(meta.boot_id);
  expect(fresh.run_id).not.toBe(meta.run_id);
  expect(fresh.start.tick).toBe(0);
  // The open alarm of the run before is still there, unacknowledged.
  expect(first.incidents).toContainEqual({ id: "POWER_BUS_OVERLOAD:main", occ: 1, latched: true });
  expect(second.incidents).toEqual(first.incidents);
  expect(second.chainIds).toEqual(first.chainIds);
}, 300_000);
