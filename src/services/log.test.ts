import { expect, test } from "vitest";
import { QikiError } from "#base/error.ts";
import { openInProcessBroker } from "#bus/in-process.ts";
import { RUN_HEADER, TICK_HEADER } from "#contracts/message.ts";
import { SUBJECTS } from "#contracts/subjects.ts";
import { createLog, followLogPlace, type LogPlace, unknownPlace } from "./log.ts";

function rig(): {
  readonly lines: Record<string, unknown>[];
  readonly log: ReturnType<typeof createLog>;
  readonly place: LogPlace;
  nowMs: number;
} {
  const lines: Record<string, unknown>[] = [];
  const place = unknownPlace();
  const parts = { lines, place, nowMs: 0, log: undefined as unknown as ReturnType<typeof createLog> };
  const to = { write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>) };
  parts.log = createLog("info", "sim", place, to, () => parts.nowMs);
  return parts;
}

test("log - a line has time, level, role, run, tick, words and the error's code", () => {
  const { log, lines, place } = rig();
  place.where = () => ({ run: "r1", tick: 12 });
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

test("log place - follows the telemetry that is heard; what says no run or no whole tick changes nothing", async () => {
  const bus = openInProcessBroker({ nowMs: () => 0, report: () => {} }).connect();
  const place = unknownPlace();
  const end = followLogPlace(bus, place);
  const heard = async (headers: Record<string, string>): Promise<unknown> => {
    bus.publish(SUBJECTS.telemetry, new Uint8Array(), { headers });
    await bus.flush(1000);
    await new Promise((done) => setImmediate(done));
    return place.where();
  };
  expect(await heard({})).toEqual({});
  expect(await heard({ [RUN_HEADER]: "r1", [TICK_HEADER]: "10" })).toEqual({ run: "r1", tick: 10 });
  for (const tick of ["soon", "1.5"]) await heard({ [RUN_HEADER]: "r2", [TICK_HEADER]: tick });
  expect(await heard({ [RUN_HEADER]: "r2" })).toEqual({ run: "r1", tick: 10 });
  end();
  expect(await heard({ [RUN_HEADER]: "r2", [TICK_HEADER]: "20" })).toEqual({ run: "r1", tick: 10 });
  await bus.close();
});
