import { appendFileSync, existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { indexOf, indexPath } from "./index-file.ts";
import type { RecordedMessage } from "./line.ts";
import { readRecordingSync } from "./reader.ts";
import type { RecordingRow } from "./row.ts";
import { SeekableRecording, type Sought } from "./seek.ts";
import { segmentPath } from "./segments.ts";
import { message, META, newPath, openWriter } from "./test-rig.ts";

const LAST_TICK = 9000;

/** A recording at 10 Hz with telemetry each ten ticks, a keyframe each 600, two tracks of which one ends, modes and incidents. */
async function record(ending: string, segments = 1): Promise<string> {
  const path = newPath(ending);
  const writer = await openWriter(path);
  const put = (subject: string, tick: number, payload: object): RecordedMessage => ({
    ...message(subject, { ...payload, ts_epoch: tick / 10, tick }),
  });
  for (let tick = 0; tick <= LAST_TICK; tick += 1) {
    const messages: RecordedMessage[] = [];
    if (tick % 10 === 0) messages.push(put("qiki.telemetry", tick, { state: `state ${tick}` }));
    if (tick % 10 === 0) messages.push(put("qiki.radar.v1.tracks", tick, { track_id: "near" }));
    if (tick % 10 === 0 && tick < 3000) messages.push(put("qiki.radar.v1.tracks", tick, { track_id: "far" }));
    if (tick % 1500 === 3) messages.push(put("qiki.events.v1.system_mode", tick, { mode: `mode ${tick}` }));
    if (tick === 100 || tick === 200)
      messages.push(put("qiki.events.v1.operator.incidents", tick, { subject: "incident", incident_id: `opened ${tick}`, to: "B" }));
    if (tick === 4000)
      messages.push(put("qiki.events.v1.operator.incidents", tick, { subject: "incident", incident_id: "opened 200", to: "A" }));
    if (tick > 0 && tick % 600 === 0) {
      if (segments > 1 && tick % 3000 === 0) {
        await writer.flush();
        writer.roll(META);
      }
      messages.push(put("qiki.recording.v1.keyframe", tick, { role: "sim" }));
    }
    writer.write(messages);
    if (tick % 600 === 0) writer.check();
    if (tick % 600 === 0) await writer.flush();
  }
  await writer.end();
  return path;
}

const data = (row: RecordingRow): Record<string, unknown> => row.data as Record<string, unknown>;
const told = (sought: Sought, subject: string): unknown[] =>
  sought.lastValues.filter(({ head }) => head.subject === subject).map((row) => data(row).tick);

/** What reading the whole file gives: the newest row of each kind up to a tick, and what follows. */
function byReading(path: string, tick: number): { telemetry: unknown; mode: unknown; next: string | undefined; after: number } {
  const rows = [...readRecordingSync(path, { strict: true, data: "checked", onProblem: () => {} })];
  const end = rows.findIndex(({ head }) => head.subject === "qiki.telemetry" && head.tick! > tick);
  const before = end < 0 ? rows : rows.slice(0, end);
  const last = (subject: string): unknown => before.findLast(({ head }) => head.subject === subject)?.head.tick;
  return {
    telemetry: last("qiki.telemetry"),
    mode: last("qiki.events.v1.system_mode"),
    next: rows[end]?.text,
    after: end < 0 ? 0 : rows.length - end,
  };
}

describe.each([
  [".jsonl", 1],
  [".jsonl.zst", 1],
  [".jsonl", 3],
  [".jsonl.zst", 3],
])("seek in %s of %s segments", (ending, segments) => {
  test("REP-005 seek - any tick gives the last values that reading from the start gives, and goes on with the next row", async () => {
    const path = await record(ending, segments);
    const recording = new SeekableRecording(path);
    for (const tick of [0, 1, 9, 10, 599, 600, 601, 605, 1200, 1203, 2999, 3000, 3001, 4000, 5999, 6000, 8999, 9000]) {
      const expected = byReading(path, tick);
      const sought = recording.seek({ tick });
      expect(told(sought, "qiki.telemetry"), `tick ${tick}`).toEqual([expected.telemetry]);
      expect(told(sought, "qiki.events.v1.system_mode")).toEqual(expected.mode === undefined ? [] : [expected.mode]);
      expect(
        sought.lastValues.find(({ head }) => head.subject === "qiki.radar.v1.tracks" && head.tick === expected.telemetry),
      ).toBeDefined();
      const incidents = tick < 100 ? [] : tick < 200 ? [100] : tick < 4000 ? [100, 200] : [100];
      const open = sought.lastValues.filter(({ head }) => head.subject.endsWith("operator.incidents"));
      expect(open.filter((row) => data(row).to !== "A").map((row) => data(row).tick)).toEqual(incidents);
      const rest = [...sought.rows];
      expect([rest[0]?.text, rest.length]).toEqual([expected.next, expected.after]);
      expect([...recording.seek({ timeS: tick / 10 }).rows].map(({ text }) => text)).toEqual(rest.map(({ text }) => text));
    }
  }, 60_000);
});

describe("index", () => {
  test("REP-005 index - is made once beside the file, anew when the file is another, and seeking needs no other bytes than its own", async () => {
    const path = await record(".jsonl");
    const index = indexOf(path, () => {});
    expect(existsSync(indexPath(path))).toBe(true);
    expect(index.size).toBe(statSync(path).size);
    expect(index.entries.filter(({ keyframe }) => keyframe).map(({ tick }) => tick)).toEqual(
      Array.from({ length: LAST_TICK / 600 }, (_, at) => (at + 1) * 600),
    );
    expect(index.entries.filter(({ row }) => row % 1000 === 1).length).toBeGreaterThan(1);
    const lines = readFileSync(path, "utf8").split("\n");
    for (const { row, offset } of index.entries)
      expect(
        readFileSync(path, "utf8")
          .slice(offset)
          .startsWith(lines[row - 1]!),
      ).toBe(true);

    // Bytes before and after those that lead to the moment may be anything: they are not read.
    const whole = readFileSync(path);
    const [from, to] = [
      index.entries.findLast(({ keyframe, tick }) => keyframe && tick! <= 4800)!.lead!.offset,
      Math.floor(0.9 * whole.length),
    ];
    writeFileSync(
      path,
      Buffer.concat([
        whole.subarray(0, 65_536),
        Buffer.alloc(from - 65_536, 33),
        whole.subarray(from, to),
        Buffer.alloc(whole.length - to, 33),
      ]),
    );
    const sought = new SeekableRecording(path, () => expect.unreachable()).seek({ tick: 4810 });
    expect(told(sought, "qiki.telemetry")).toEqual([4810]);
    expect(sought.rows.next().value).toMatchObject({ head: { tick: 4820 } });

    writeFileSync(path, whole);
    appendFileSync(path, "torn");
    const problems: unknown[] = [];
    expect(indexOf(path, (problem) => void problems.push(problem)).size).toBe(whole.length + 4);
    expect(problems).toHaveLength(1);
    writeFileSync(indexPath(path), "no index");
    expect(indexOf(path, () => {}).entries).toEqual(index.entries);
    rmSync(indexPath(path));
    expect(() => indexOf(`${path}.missing`, () => {})).toThrow(expect.objectContaining({ code: "file_unreadable" }));
    expect(existsSync(segmentPath(path, 2))).toBe(false);
  }, 60_000);
});
