import { copyFileSync, existsSync, readFileSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { SUBJECTS } from "#contracts/subjects.ts";
import { drivenRows } from "#recording/driven-rows.ts";
import type { Verification } from "#recording/proof.ts";
import { readRecordingSync } from "#recording/reader.ts";
import type { RecordingRow } from "#recording/row.ts";
import { segmentPath, segmentPaths } from "#recording/segments.ts";
import { verifyRecording } from "#recording/verify.ts";
import { keepWithinQuota } from "#services/recording-quota.ts";
import { newFolder } from "./service-rig.ts";
import { cleanUpSessions, OVERLOAD, type Session, startSession } from "./session-rig.ts";

afterEach(cleanUpSessions);

const LONG_AGO_S = 1_700_000_000;

/** Lets the run go on to a tick, and the writer to what was recorded of it. */
async function runTo(session: Session, tick: number): Promise<void> {
  const { sim } = session.twin;
  await session.send("sim.start", { speed: 10 });
  while (sim.machine.tick < tick) await session.clock.advance(Math.min(1000, (tick - sim.machine.tick) * 10));
  await session.send("sim.pause");
}

function verify(path: string): Verification {
  return verifyRecording({ rows: () => drivenRows(path, (problem) => expect(problem).toBeUndefined()) });
}

function rowsOf(path: string): RecordingRow[] {
  return [...readRecordingSync(path, { strict: true, data: "on_demand", onProblem: (problem) => expect(problem).toBeUndefined() })];
}

describe("segments", () => {
  test.each(["", ".zst"])(
    "REC-014 segments - three of them%s: each and all are proven, seq is unbroken, one reading runs across",
    async (ending) => {
      const storage = { quotaBytes: 1e12, segmentBytes: 50_000, compresses: ending !== "", diskUsedPct: () => 1 };
      const session = await startSession(OVERLOAD, newFolder(), { storage });
      const path = session.twin.recording!;
      expect(path.endsWith(`.jsonl${ending}`)).toBe(true);
      for (const [segment, tick] of [
        [2, 610],
        [3, 1210],
      ] as const) {
        await runTo(session, tick);
        await expect.poll(() => existsSync(segmentPath(path, segment)), { timeout: 20_000 }).toBe(true);
        // The keyframes that it asks for are in it when the sim answers again.
        await session.clock.advance(1000);
      }
      await runTo(session, 1300);
      const whole = await session.verdict();
      expect(whole).toMatchObject({ kind: "identical", ticks: 1300 });
      const paths = segmentPaths(path);
      expect(paths).toEqual([path, segmentPath(path, 2), segmentPath(path, 3)]);
      for (const one of paths.slice(1)) {
        expect(segmentPaths(one)).toEqual([one]);
        const alone = verify(one);
        expect(alone.kind === "diverged" ? alone.first : alone.kind).toBe("identical");
        expect(alone.kind === "identical" && alone.counts[SUBJECTS.telemetry]).toBeGreaterThan(5);
      }
      const rows = rowsOf(path);
      expect(rows.map(({ head }) => head.seq)).toEqual(rows.map((_, index) => index + 1));
      const lasts = paths.map((one) => rows.findLast((row) => row.path === one)!);
      expect(lasts.map(({ head }) => head.subject)).toEqual(paths.map(() => SUBJECTS.recordEnd));
      expect(lasts.map(({ data }) => (data as { next_segment?: number }).next_segment)).toEqual([2, 3, undefined]);
      const firsts = paths.map((one) => rows.filter((row) => row.path === one).slice(0, 2));
      expect(firsts.map(([meta]) => (meta!.data as { segment: number }).segment)).toEqual([1, 2, 3]);
      for (const [, keyframe] of firsts.slice(1))
        expect(keyframe!.data).toMatchObject({ role: "sim", tick: expect.toSatisfy((tick: number) => tick % 600 === 0) as number });
    },
    120_000,
  );
});

describe("quota", () => {
  test("REC-013 quota - the oldest finished recording goes, then the oldest segments of the one that is written; never its open file", async () => {
    const folder = newFolder();
    const first = await startSession(OVERLOAD, folder);
    await runTo(first, 50);
    await first.verdict();
    const source = first.twin.recording!;
    const [meta, ...rest] = readFileSync(source, "utf8").split("\n");
    const place = newFolder();
    const bytes: number[] = [];
    /** A recording that began at this moment; without an end it was cut off. */
    const put = (id: string, segment: number, begunS: number, isEnded = true): string => {
      const head = meta!.replace(/"recording_id":"[^"]+","segment":1/, `"recording_id":"${id}","segment":${segment}`);
      const path = segmentPath(join(place, `${id}.jsonl`), segment);
      const lines = isEnded ? rest : rest.slice(0, -2);
      writeFileSync(path, [head.replace(/"ts_ingest_epoch":[\d.]+/, `"ts_ingest_epoch":${begunS}`), ...lines].join("\n"));
      utimesSync(path, LONG_AGO_S, LONG_AGO_S);
      bytes.push(readFileSync(path).length);
      return basename(path);
    };
    const files = {
      newer: put("newer", 1, 300),
      oldest: [put("oldest", 1, 100), put("oldest", 2, 150)],
      cut: put("cut", 1, 200, false),
      open: [put("open", 1, 50), put("open", 2, 60), put("open", 3, 70, false)],
    };
    const foreign = join(place, "notes.jsonl");
    writeFileSync(foreign, `${JSON.stringify({ subject: "a", ts_epoch: 1, data: {} })}\n`);
    const open = [{ recordingId: "open", segmentPath: join(place, files.open[2]!) }];
    const nowMs = (LONG_AGO_S + 3600) * 1000;
    const total = bytes.reduce((sum, one) => sum + one, 0) + readFileSync(foreign).length;
    const gone = (quota: number): string[] => keepWithinQuota(place, quota, open, nowMs).map(({ file }) => file);
    expect(gone(total)).toEqual([]);
    expect(gone(total - 1)).toEqual(files.oldest);
    expect(gone(1)).toEqual([files.cut, files.newer, files.open[0], files.open[1]]);
    expect(readdirSync(place).sort()).toEqual([files.open[2], basename(foreign)].sort());
    // What grew just now may be another recorder's.
    copyFileSync(source, join(place, "ended.jsonl"));
    const fresh = put("fresh", 1, 10, false);
    utimesSync(join(place, fresh), nowMs / 1000 - 60, nowMs / 1000 - 60);
    expect(gone(1)).toEqual(["ended.jsonl"]);
  });

  test("REC-013 quota - a twin keeps within it while it records, tells each removal in its audit, and goes on", async () => {
    const before = await startSession(OVERLOAD);
    await runTo(before, 300);
    await before.verdict();
    const folder = newFolder();
    const old = join(folder, "recordings", "old.jsonl");
    mkdirSync(dirname(old));
    copyFileSync(before.twin.recording!, old);
    const session = await startSession(OVERLOAD, folder, {
      storage: { quotaBytes: 1_500_000, segmentBytes: 50_000, diskUsedPct: () => 1 },
    });
    const audits: Record<string, unknown>[] = [];
    session.twin.bus.subscribe(
      SUBJECTS.audit,
      ({ bytes }) => {
        const body = JSON.parse(Buffer.from(bytes).toString()) as Record<string, unknown>;
        if (body.kind === "recording_removed" && body.source === "recorder") audits.push(body);
      },
      { name: "test.audits" },
    );
    const path = session.twin.recording!;
    await expect
      .poll(
        async () => {
          await runTo(session, session.twin.sim.machine.tick + 300);
          return audits.some(({ file }) => file === basename(path));
        },
        { timeout: 100_000 },
      )
      .toBe(true);
    expect(existsSync(old)).toBe(false);
    expect(existsSync(path)).toBe(false);
    expect(audits[0]).toMatchObject({ file: "old.jsonl", segment: 1, quota_bytes: 1_500_000, ok: true });
    await session.clock.advance(1000);
    const first = [2, 3, 4, 5, 6, 7, 8, 9, 10].map((segment) => segmentPath(path, segment)).find((one) => existsSync(one))!;
    await session.twin.stop();
    expect(segmentPaths(first).length).toBeGreaterThan(1);
    const left = verify(first);
    expect(left.kind === "diverged" ? left.first : left.kind).toBe("identical");
  }, 120_000);
});
