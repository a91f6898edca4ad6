import { expect, test } from "vitest";
import { runIdOf } from "#base/tick-time.ts";
import { frameMessages } from "./radar-projection.ts";

test("RAD-011 ids - run and frame of seed 1 at tick 10", () => {
  const runId = runIdOf(1, 0, "0");
  expect(runId).toBe("b0628cc5-0a82-535d-8e84-5c3c2ea40f60");
  const scan = { tick: 10, looked: { lr: true, sr: true }, ownVelocityMps: [0, 0, 0], detections: [] } as const;
  const frames = frameMessages(scan, runId, 1_767_225_601_000, { sendsSubsets: true, sendsUnion: true });
  expect(frames.map(({ msgId }) => msgId)).toEqual(["a2a41684-3850-568c-ab3e-30bef93ecf82"]);
  expect(frames[0]!.payload.timestamp).toBe("2026-01-01T00:00:01Z");
});
