import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { SUBJECTS } from "#contracts/subjects.ts";
import { qiki, ROOT, removeFolder, startTwin } from "./running-twin.ts";

const folder = mkdtempSync(join(tmpdir(), "qiki-radar-restart-"));
afterAll(() => removeFolder(folder));

/** An unknown contact at rest so near that its guard rule is active; every other frame comes late. */
const SCENARIO = `
name: near
profile: ${ROOT}/profiles/shipped.json
config: { tracker.reorder_window_s: 2 }
timeline: [{ at: 5s, do: fault, kind: late_frames, value: 1.5 }]
contacts:
  - { id: a, type: SHIP, rcs_dbsm: 30, trajectory: { kind: constant_velocity, at: { x: 0, y: 60, z: 0 }, velocity: { x: 0, y: 0, z: 0 } } }
`;

interface Row {
  readonly subject: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, string>>;
}

test("RAD-101 restart - killed under traffic and started on the same data: old tracks end once, no key alerts twice, every recording proves itself", async () => {
  const scenario = join(folder, "near.yaml");
  writeFileSync(scenario, SCENARIO);
  const data = join(folder, "data");
  for (let life = 0; life < 3; life += 1) {
    const twin = await startTwin(["--scenario", scenario], data);
    expect((await qiki(["send", "sim.start", "speed=50", "--url", twin.url])).code).toBe(0);
    await expect
      .poll(async () => readFileSync(newest(data), "utf8").split(`"subject":"${SUBJECTS.radarTracks}"`).length, { timeout: 30_000 })
      .toBeGreaterThan(20);
    if (life < 2) await twin.stop("SIGKILL");
    else expect((await twin.stop()).code).toBe(0);
  }
  const files = readdirSync(join(data, "recordings")).sort();
  expect(files.length).toBe(3);
  const guards: string[] = [];
  for (const name of files) {
    const path = join(data, "recordings", name);
    const verdict = await qiki(["verify", path]);
    expect(verdict, name).toMatchObject({ code: 0, stdout: expect.stringMatching(/^identical: \d+ ticks/) as string });
    const rows = readFileSync(path, "utf8")
      .split("\n")
      .filter((line) => line.endsWith("}"))
      .map((line) => JSON.parse(line) as Row);
    for (const { subject, data: body } of rows)
      if (subject === SUBJECTS.radarGuard) guards.push([body.kind, body.track_id, body.clear_reason].filter(Boolean).join(" "));
    if (name === files[0]) continue;
    const lost = rows.filter((row) => row.subject === SUBJECTS.radarTracks && row.data.status === 3);
    const run = rows.find((row) => row.subject === SUBJECTS.radarFrames)!.headers!["x-qiki-run"];
    expect(lost.map(({ headers }) => headers!["x-qiki-run"])).toEqual([run]);
    expect(String(lost[0]!.data.timestamp)).toMatch(/\.000001Z$/);
  }
  // One alert and, at the next start, one reset for each of the first two lives; the third is still on.
  expect(new Set(guards).size).toBe(guards.length);
  expect(
    guards.map((one) =>
      one
        .split(" ")
        .filter((_, at) => at !== 1)
        .join(" ")
        .trim(),
    ),
  ).toEqual(["guard_alert", "guard_clear reset", "guard_alert", "guard_clear reset", "guard_alert"]);
}, 120_000);

function newest(data: string): string {
  const recordings = join(data, "recordings");
  return join(recordings, readdirSync(recordings).sort().at(-1)!);
}
