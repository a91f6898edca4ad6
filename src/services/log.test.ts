import { expect, test } from "vitest";
import { QikiError } from "#base/error.ts";
import { createLog, type LogPlace } from "./log.ts";

function rig(): {
  readonly lines: Record<string, unknown>[];
  readonly log: ReturnType<typeof createLog>;
  readonly place: LogPlace;
  nowMs: number;
} {
  const lines: Record<string, unknown>[] = [];
  const place: LogPlace = {};
  const parts = { lines, place, nowMs: 0, log: undefined as unknown as ReturnType<typeof createLog> };
  const to = { write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>) };
  parts.log = createLog("info", "sim", place, to, () => parts.nowMs);
  return parts;
}

test("log - a line has time, level, role, run, tick, words and the error's code", () => {
  const { log, lines, place } = rig();
  Object.assign(place, { run: "r1", tick: 12 });
  log.error({ err: new QikiError("disk", "the disk is full") }, "not stored");
  expect(lines).toMatchObject([
    { level: 50, role: "sim", run: "r1", tick: 12, msg: "not stored", err: { code: "disk", message: "the disk is full" } },
  ]);
  expect(lines[0]!.time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
});

test("log - the same thing is said once a second, and then how often it was not; other things are not held back by it", () => {
  const parts = rig();
  const { log, lines } = parts;
  const full = new QikiError("disk", "full");
  for (parts.nowMs = 0; parts.nowMs < 1000; parts.nowMs += 100) log.error({ err: full }, "not stored");
  log.error({ err: new QikiError("closed", "gone") }, "not stored");
  log.info({ request_id: "a" }, "command");
  log.info({ request_id: "b" }, "command");
  expect(lines.map(({ msg, err }) => [msg, (err as { code?: string } | undefined)?.code])).toEqual([
    ["not stored", "disk"],
    ["not stored", "closed"],
    ["command", undefined],
    ["command", undefined],
  ]);
  parts.nowMs = 1000;
  log.error({ err: full }, "not stored");
  expect(lines.at(-1)).toMatchObject({ unsaid: 9, err: { code: "disk" } });
});
