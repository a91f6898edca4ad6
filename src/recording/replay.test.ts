import { describe, expect, test } from "vitest";
import { type ReplayOptions, replayRecording } from "./replay.ts";
import { RecordingRow } from "./row.ts";

const EPOCH_S = 1_767_225_600;

function row(subject: string, offsetS: number, headers?: Record<string, string>): RecordingRow {
  const head = { schema_version: 1, type: "unknown", ts_epoch: EPOCH_S + offsetS, ts_ingest_epoch: 0, subject } as const;
  return new RecordingRow("test", 1, 0, 0, headers === undefined ? head : { ...head, headers }, `{"at":${offsetS}}`, "");
}

interface Sent {
  readonly subject: string;
  readonly atMs: number;
  readonly text: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly msgId?: string;
}

/** Replays with a clock that only waiting moves, and that oversleeps by 3 ms each time. */
async function replay(rows: readonly RecordingRow[], options: Partial<ReplayOptions> = {}) {
  let nowMs = 1000;
  const sent: Sent[] = [];
  const summary = await replayRecording(rows, {
    publish: (subject, bytes, how) => void sent.push({ subject, atMs: nowMs - 1000, text: Buffer.from(bytes).toString(), ...how }),
    speed: 1,
    withCommands: false,
    replayId: "r1",
    nowMs: () => nowMs,
    wait: (delayMs) => {
      nowMs += delayMs + 3;
      return Promise.resolve();
    },
    ...options,
  });
  return { summary, sent };
}

const everySecond = (seconds: number) => Array.from({ length: seconds + 1 }, (_, second) => row("qiki.telemetry", second));

describe("replay", () => {
  test("REP-001 pace - ten seconds take five at speed 2, and waiting too long does not add up", async () => {
    const { sent, summary } = await replay(everySecond(10), { speed: 2 });
    expect(summary).toEqual({ published: 11, skipped: 0 });
    sent.forEach(({ atMs }, index) => expect(atMs - index * 500).toBeGreaterThanOrEqual(0));
    expect(Math.abs(sent.at(-1)!.atMs - 5000)).toBeLessThanOrEqual(50);
  });

  test.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY])("REP-002 pace - speed %s is refused before anything is sent", async (speed) => {
    let published = 0;
    const attempt = replay(everySecond(1), { speed, publish: () => void (published += 1) });
    await expect(attempt).rejects.toMatchObject({ code: "usage" });
    expect(published).toBe(0);
  });

  test("REP-003 order - a row older than the one before it is sent at once, in file order", async () => {
    const { sent } = await replay([row("a", 0), row("b", 5), row("c", 2), row("d", 6)]);
    expect(sent.map(({ subject, atMs }) => [subject, atMs])).toEqual([
      ["a", 0],
      ["b", 5003],
      ["c", 5003],
      ["d", 6003],
    ]);
  });

  test("REP-004 window - [2, 4) has 2.0 in and 4.0 out, and begins without waiting", async () => {
    const rows = [0, 1.999, 2, 3, 3.999, 4, 5].map((second) => row("qiki.telemetry", second));
    const { sent, summary } = await replay(rows, { fromS: 2, toS: 4 });
    expect(sent.map(({ text }) => text)).toEqual(['{"at":2}', '{"at":3}', '{"at":3.999}']);
    expect(sent[0]!.atMs).toBe(0);
    expect(summary).toEqual({ published: 3, skipped: 4 });
  });

  test("REP-008 commands - stay in the file unless asked for; rows of the recording itself always do", async () => {
    const rows = [row("qiki.recording.v1.meta", 0), row("qiki.commands.control", 0), row("qiki.responses.control", 0)];
    expect((await replay(rows)).sent.map(({ subject }) => subject)).toEqual(["qiki.responses.control"]);
    const asked = await replay(rows, { withCommands: true });
    expect(asked.sent.map(({ subject }) => subject)).toEqual(["qiki.commands.control", "qiki.responses.control"]);
    expect(asked.summary).toEqual({ published: 2, skipped: 1 });
  });

  test("replay - headers are kept and marked, a message id is made this replay's own", async () => {
    const { sent } = await replay([row("a", 0, { "Nats-Msg-Id": "m1", "x-qiki-tick": "7" })]);
    expect(sent[0]).toMatchObject({ headers: { "x-qiki-tick": "7", "x-qiki-replay": "r1" }, msgId: "m1#r1" });
  });
});
