import { describe, expect, test } from "vitest";
import { PauseGate } from "./playback.ts";
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

  test("REP-006 step - by tick its rows only, by event up to the next one; told to end it ends", async () => {
    const at = (subject: string, tick: number | undefined, run = "a"): RecordingRow => {
      const { head, dataJson } = row(subject, 1, { "x-qiki-run": run });
      return new RecordingRow("test", 1, 0, 0, tick === undefined ? head : { ...head, tick }, dataJson, "");
    };
    const event = "qiki.events.v1.power.bus";
    const rows = [
      at("qiki.recording.v1.meta", undefined),
      at("qiki.telemetry", 10),
      at(event, 10),
      at("qiki.responses.control", undefined),
      at("qiki.telemetry", 20),
      at(event, 19),
      at("qiki.telemetry", 0, "b"),
      at("qiki.telemetry", 10, "b"),
    ];
    const stepped = async (by: "tick" | "event", steps = 99) => {
      const perStep: number[] = [];
      let published = 0;
      const next = (): Promise<boolean> => {
        if (published > 0) perStep.push(published);
        published = 0;
        steps -= 1;
        return Promise.resolve(steps >= 0);
      };
      const { summary } = await replay(rows, { steps: { by, next }, publish: () => void (published += 1) });
      return { perStep: published > 0 ? [...perStep, published] : perStep, summary };
    };
    expect(await stepped("tick")).toEqual({ perStep: [3, 2, 1, 1], summary: { published: 7, skipped: 1 } });
    expect(await stepped("event")).toEqual({ perStep: [2, 3, 2], summary: { published: 7, skipped: 1 } });
    expect((await stepped("tick", 2)).perStep).toEqual([3, 2]);
  });

  test("REP-006 pause - nothing is sent while it lasts, and its time does not count", async () => {
    const gate = new PauseGate();
    let nowMs = 0;
    const sent: number[] = [];
    await replay(everySecond(4), {
      gate,
      nowMs: () => nowMs,
      publish() {
        sent.push(nowMs);
        if (sent.length !== 3) return;
        gate.pause();
        setImmediate(() => {
          nowMs += 60_000;
          expect(gate.isPaused).toBe(true);
          gate.resume();
        });
      },
      wait: (delayMs) => {
        nowMs += delayMs;
        return Promise.resolve();
      },
    });
    expect(sent.map((atMs) => Math.round(atMs))).toEqual([0, 1000, 2000, 63_000, 64_000]);
  });

  test("REP-005 seek - last values come first and are flagged, what follows is not", async () => {
    const { sent } = await replay([row("a", 5)], { lastValues: [row("qiki.telemetry", 2, { "Nats-Msg-Id": "m" })], firstS: EPOCH_S });
    expect(sent.map(({ subject, headers, msgId }) => [subject, headers["x-qiki-seek"], msgId])).toEqual([
      ["qiki.telemetry", "1", "m#r1"],
      ["a", undefined, undefined],
    ]);
  });
});
