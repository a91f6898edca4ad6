import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { SUBJECTS } from "#contracts/subjects.ts";
import { drivenRows } from "#recording/driven-rows.ts";
import { comparePipeline } from "#recording/pipeline.ts";
import { forged, recordRun } from "./recording-rig.ts";
import { qiki, removeFolder, ROOT } from "./running-twin.ts";

const folder = mkdtempSync(join(tmpdir(), "qiki-verify-"));
const file = join(folder, "run.jsonl");
let lines: string[];
beforeAll(async () => {
  lines = await recordRun(join(ROOT, "scenarios/radar-foe-approach.yaml"), file);
}, 120_000);
afterAll(() => removeFolder(folder));

interface Row {
  readonly subject: string;
  readonly tick?: number;
  readonly data: Record<string, Record<string, number>> & { quality?: number };
}

/** The recording with some rows changed, its checks made true again. */
function edited(name: string, change: (row: Row) => void): string {
  const path = join(folder, name);
  const rows = lines.map((line) => {
    const row = JSON.parse(line) as Row;
    change(row);
    return JSON.stringify(row);
  });
  writeFileSync(path, forged(rows));
  return path;
}

describe("verify --all", () => {
  test("PRF-002 verify - --all tells every divergence, of each machine, and goes on with right values after it", async () => {
    const path = edited("edited.jsonl", ({ subject, tick, data }) => {
      if (subject === SUBJECTS.telemetry && (tick === 100 || tick === 300)) data.power!.bus_a! += 1;
      if (subject === SUBJECTS.radarTracks && tick === 200) data.quality = 0.123;
    });
    const tracks = lines.filter((line) => line.includes(`"${SUBJECTS.radarTracks}"`) && line.includes('"tick":200,')).length;
    expect(tracks).toBeGreaterThan(0);
    const { code, stdout } = await qiki(["verify", path, "--all"]);
    expect(code).toBe(1);
    const ticks = [...stdout.matchAll(/^DIVERGED tick (\d+) .*\n {2}(\S+) /gm)].map(([, tick, at]) => `${tick} ${at}`);
    expect(ticks).toEqual([
      "100 telemetry.power.bus_a",
      ...Array.from({ length: tracks }, () => "200 radar.v1.tracks.quality"),
      "300 telemetry.power.bus_a",
    ]);
    expect(stdout).toMatch(new RegExp(`\\n${tracks + 2} divergences in \\d+ messages\\n$`));
    const first = await qiki(["verify", path]);
    expect(first).toMatchObject({ code: 1, stdout: expect.stringMatching(/^DIVERGED tick 100 [^\n]*\n[^\n]*\n[^\n]*\n$/) as string });
    const json = JSON.parse((await qiki(["verify", path, "--all", "--json"])).stdout) as { kind: string; all: { tick: number }[] };
    expect(json).toMatchObject({ kind: "diverged", first: { tick: 100 } });
    expect(json.all.length).toBe(tracks + 2);
  });

  test("verify - --all of a true recording says what verify says", async () => {
    const [all, plain] = [await qiki(["verify", file, "--all"]), await qiki(["verify", file])];
    expect(all).toEqual(plain);
    expect(all.code).toBe(0);
  });
});

describe("verify --pipeline", () => {
  const rows = () => drivenRows(file, () => {});

  test("RAD-121 verify - --pipeline tracker and incidents: twice the same, byte by byte, handed over by snapshots on the way", async () => {
    for (const [pipeline, what] of [
      ["tracker", "frames"],
      ["incidents", "events"],
    ] as const) {
      const { code, stdout } = await qiki(["verify", file, "--pipeline", pipeline]);
      expect({ code, stdout }).toEqual({
        code: 0,
        stdout: expect.stringMatching(new RegExp(`^identical: \\d{3,} ${what}, \\d{2,} outputs, sha256 [0-9a-f]{64}\\n$`)) as string,
      });
      expect((await qiki(["verify", file, "--pipeline", pipeline])).stdout).toBe(stdout);
    }
  });

  test("verify - a reducer that does not repeat itself is told, with the row", () => {
    let reads = 0;
    const unsteady = {
      *rows() {
        for (const row of rows()) {
          if (row.subject !== SUBJECTS.radarFrames || row.tick !== 300) yield row;
          // The second machine reads another time than the first.
          else
            yield {
              ...row,
              get data() {
                reads += 1;
                return reads === 1 ? row.data : { ...row.data, timestamp: "2026-01-01T00:00:30.5Z" };
              },
            };
        }
      },
    };
    const found = comparePipeline(unsteady, "tracker");
    expect(found).toMatchObject({ kind: "diverged" });
    expect(found.kind === "diverged" && (JSON.parse(lines[found.row - 1]!) as Row).tick).toBe(300);
  });

  test("verify - what has no such room, or is no pipeline, is refused", async () => {
    const bare = edited("bare.jsonl", ({ subject, data }) => {
      if (subject === SUBJECTS.recordMeta) (data as Record<string, unknown>).guard_rules = {};
    });
    expect(await qiki(["verify", bare, "--pipeline", "tracker"])).toMatchObject({
      code: 3,
      stderr: expect.stringContaining("no room tracks") as string,
    });
    expect(await qiki(["verify", file, "--pipeline", "craft"])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("tracker, incidents") as string,
    });
  });
});
