import { pino } from "pino";
import { expect, test } from "vitest";
import type { StreamMsg } from "#bus/port.ts";
import type { Clock } from "./clock.ts";
import { createFrameSaver, type FrameSaver } from "./frame-saver.ts";

interface Rig {
  readonly saver: FrameSaver;
  /** Sequences acknowledged, after how many saves. */
  readonly acked: readonly [seq: number, saves: number][];
  take(seq: number, isUrgent?: boolean): void;
  advance(ms: number): void;
  costMs: number;
  failing: boolean;
}

function rig(): Rig {
  let nowMs = 0;
  let timer: { readonly dueMs: number; readonly callback: () => void } | undefined;
  let saves = 0;
  const acked: [number, number][] = [];
  const clock: Clock = {
    nowMs: () => nowMs,
    monotonicMs: () => nowMs,
    after(delayMs, callback) {
      expect(timer, "one timer at a time").toBeUndefined();
      timer = { dueMs: nowMs + delayMs, callback };
      return () => (timer = undefined);
    },
  };
  const made: Rig = {
    saver: createFrameSaver(clock, pino({ level: "silent" }), () => {
      if (made.failing) throw new Error("disk full");
      saves += 1;
      nowMs += made.costMs;
    }),
    acked,
    take(seq, isUrgent = false) {
      made.saver.taken({ seq, ack: () => void acked.push([seq, saves]) } as StreamMsg, isUrgent);
    },
    advance(ms) {
      const untilMs = nowMs + ms;
      if (timer !== undefined && timer.dueMs <= untilMs) {
        nowMs = timer.dueMs;
        timer.callback();
      }
      nowMs = Math.max(nowMs, untilMs);
    },
    costMs: 10,
    failing: false,
  };
  return made;
}

test("REC-020 save - a frame is acknowledged when it is saved; saving takes at most one part in 20 of the time", () => {
  const { saver, acked, take, advance } = rig();
  take(1);
  expect(acked).toEqual([[1, 1]]);
  take(2);
  advance(199);
  take(3);
  expect(acked.length).toBe(1);
  advance(1);
  expect(acked.slice(1)).toEqual([
    [2, 2],
    [3, 2],
  ]);
  advance(200);
  take(4);
  expect(acked.at(-1)).toEqual([4, 3]);
  saver.settle();
  take(5);
  saver.settle();
  saver.settle();
  expect(acked.at(-1)).toEqual([5, 4]);
});

test("REC-020 save - what is urgent is saved at once with what waits; 256 frames never wait, nor anything for more than 5 s", () => {
  const made = rig();
  const { acked, take, advance } = made;
  made.costMs = 1000;
  take(1);
  take(2);
  take(3, true);
  expect(acked.slice(1)).toEqual([
    [2, 2],
    [3, 2],
  ]);
  for (let seq = 4; seq < 259; seq += 1) take(seq);
  expect(acked.length).toBe(3);
  take(259);
  expect(acked.at(-1)).toEqual([259, 3]);
  take(260);
  advance(4999);
  expect(acked.length).toBe(259);
  advance(1);
  expect(acked.at(-1)).toEqual([260, 4]);
});

test("REC-020 save - a disk that takes nothing is told and stops no frame; a command's save says so itself", () => {
  const made = rig();
  const { saver, acked, take, advance } = made;
  made.failing = true;
  take(1);
  expect(acked).toEqual([[1, 0]]);
  expect(saver.problem()).toBe("the tracker's state cannot be saved: disk full");
  expect(() => saver.save()).toThrow("disk full");
  made.failing = false;
  take(2);
  advance(1000);
  expect([acked.at(-1), saver.problem()]).toEqual([[2, 1], undefined]);
});
