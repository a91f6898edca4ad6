import { afterEach, describe, expect, test } from "vitest";
import { openInProcessBroker } from "#bus/in-process.ts";
import type { Bus } from "#bus/port.ts";
import { type CommandLimits, decodeCommand } from "#contracts/command.ts";
import { SUBJECTS } from "#contracts/subjects.ts";
import { verifySignature } from "../command-signature.ts";
import { type CommandDesk, type CommandRequest, createCommandDesk } from "./command-desk.ts";
import type { CommandRow } from "#contracts/command-row.ts";
import { createHub, type Hub } from "./hub.ts";
import type { Problem } from "./problem.ts";
import { manualClock, type ManualClock, settle } from "./test-rig.ts";

const ANNA = { name: "anna", role: "operator" } as const;
const GUEST = { name: "guest", role: "viewer" } as const;
const LIMITS: CommandLimits = { max_speed: 1000, max_speed_mps: 50, shelve_max_s: 3600, ports: ["A", "B"] };
const SECRET = "a secret of this test";

interface Rig {
  readonly bus: Bus;
  readonly clock: ManualClock;
  readonly hub: Hub;
  readonly desk: CommandDesk;
  /** Messages on the command subject, parsed. */
  readonly sent: Record<string, unknown>[];
  limits: CommandLimits | undefined;
}

let close: (() => Promise<void>) | undefined;
afterEach(async () => close?.());

function rig(): Rig {
  const clock = manualClock();
  const broker = openInProcessBroker({ nowMs: () => clock.nowMs(), report: () => {} });
  const bus = broker.connect();
  close = () => broker.close();
  const hub = createHub(clock);
  const sent: Record<string, unknown>[] = [];
  bus.subscribe(SUBJECTS.commands, ({ bytes }) => void sent.push(JSON.parse(Buffer.from(bytes).toString()) as never), { name: "test" });
  const parts: Rig = { bus, clock, hub, sent, limits: LIMITS, desk: undefined as unknown as CommandDesk };
  const desk = createCommandDesk({ bus, clock, hub, key: { id: "gateway", secret: SECRET }, limits: () => parts.limits });
  return Object.assign(parts, { desk });
}

const START: CommandRequest = { request_id: "q1", command_name: "sim.start", parameters: { speed: 2 } };
const applied = { request_id: "q1", ok: true, tick: 7, order: 0, run_id: "r1" };
const rejected = {
  ...applied,
  ok: false,
  error_detail: { code: "not_allowed_in_state", message: "not now", details: { field: "x" } },
};
const effect = { request_id: "q1", ok: true, kind: "command_effect" };

function problemOf(call: () => unknown): Problem {
  try {
    call();
  } catch (error) {
    return error as Problem;
  }
  throw new Error("nothing was thrown");
}

describe("sending", () => {
  test("GW-021 desk - message_id, correlation_id and request_id are one; actor stamped, message signed, confirm only where checked", async () => {
    const { desk, sent, hub } = rig();
    const { row, isReplay } = desk.send({ ...START, reason: "drill", expires_s: 30 }, ANNA);
    // The row is there before anybody has answered.
    expect(hub.get("commands", "q1")?.value).toEqual(row);
    expect(isReplay).toBe(false);
    expect(row).toEqual({
      request_id: "q1",
      command_name: "sim.start",
      parameters: { speed: 2 },
      sender: "anna",
      role: "operator",
      reason: "drill",
      stage: "SENT",
      has_effect: true,
      sent_wall: "2026-11-22T10:00:00.000Z",
    });
    await settle();
    expect(sent).toHaveLength(1);
    const decoded = decodeCommand(Buffer.from(JSON.stringify(sent[0])));
    expect(decoded).toMatchObject({
      kind: "command",
      command: {
        name: "sim.start",
        requestId: "q1",
        metadata: {
          messageId: "q1",
          correlationId: "q1",
          actor: { id: "anna", role: "operator" },
          expiresAt: "2026-11-22T10:00:30.000Z",
        },
      },
    });
    if (decoded.kind !== "command") return;
    expect(decoded.command.metadata.confirm).toBeUndefined();
    const keys = new Map([["gateway", { role: "supervisor" as const, key: SECRET }]]);
    expect(verifySignature(decoded.message, decoded.command.metadata, keys)).toEqual({ kind: "valid", role: "supervisor" });
  });

  test("GW-014 desk - the same request again is the first row, another body or sender a conflict", async () => {
    const { desk, sent } = rig();
    const first = desk.send(START, ANNA);
    desk.ack(applied);
    expect(desk.send(START, ANNA)).toEqual({
      row: { ...first.row, stage: "APPLIED", answered_ms: 0, run_id: "r1", tick: 7, order: 0 },
      isReplay: true,
    });
    expect(problemOf(() => desk.send({ ...START, parameters: { speed: 3 } }, ANNA))).toMatchObject({
      code: "request_id_reused",
      status: 409,
      extra: { request_id: "q1" },
    });
    expect(problemOf(() => desk.send(START, { ...ANNA, name: "ben" })).code).toBe("request_id_reused");
    await settle();
    expect(sent).toHaveLength(1);
  });

  test("GW-021 desk - after TIMEOUT a retry goes out with the same ids; otherwise the row is only repeated", async () => {
    const { desk, sent, clock } = rig();
    desk.send(START, ANNA);
    clock.advance(2000);
    expect(desk.row("q1")?.stage).toBe("TIMEOUT");
    expect(desk.send(START, ANNA)).toMatchObject({ isReplay: true, row: { stage: "SENT", sent_wall: "2026-11-22T10:00:02.000Z" } });
    desk.send(START, ANNA);
    await settle();
    expect(sent.map((message) => (message.metadata as { message_id: string }).message_id)).toEqual(["q1", "q1"]);
    clock.advance(500);
    desk.ack(applied);
    expect(desk.row("q1")).toMatchObject({ stage: "APPLIED", answered_ms: 500 });
    expect(desk.row("q1")?.late).toBeUndefined();
  });

  test("desk - on a closed bus nothing is sent and the row says so; the retry works when there is one again", async () => {
    const { desk, bus } = rig();
    await bus.close();
    expect(desk.send(START, ANNA).row).toMatchObject({
      stage: "NOT_SENT",
      detail: "the bus is not connected: the command was not sent",
    });
    expect(desk.send(START, ANNA)).toMatchObject({ isReplay: true, row: { stage: "NOT_SENT" } });
  });

  test("desk - without a request id each request has its own", () => {
    const { desk } = rig();
    const { request_id: _id, ...anonymous } = START;
    desk.send(anonymous, ANNA);
    desk.send(anonymous, ANNA);
    expect(new Set(desk.rows().map((row) => row.request_id)).size).toBe(2);
  });

  test("desk - keeps 500 rows, newest first", () => {
    const { desk, hub } = rig();
    for (let count = 0; count < 510; count += 1) desk.send({ ...START, request_id: `q${count}` }, ANNA);
    expect(desk.rows()).toHaveLength(500);
    expect(desk.rows()[0]?.request_id).toBe("q509");
    expect(hub.entries("commands").size).toBe(500);
    expect(desk.row("q9")).toBeUndefined();
  });
});

describe("refusals before sending", () => {
  test.each<[string, CommandRequest, string, Record<string, unknown>]>([
    [
      "speed 0",
      { command_name: "sim.start", parameters: { speed: 0 } },
      "invalid_parameter",
      { path: "parameters.speed", given: 0, expected: "a number in (0, 1000] x", unit: "x" },
    ],
    ['speed "NaN"', { command_name: "sim.start", parameters: { speed: "NaN" } }, "invalid_parameter", { path: "parameters.speed" }],
    [
      "a speed beyond numbers",
      JSON.parse('{"command_name":"sim.start","parameters":{"speed":1e999}}') as CommandRequest,
      "invalid_parameter",
      { path: "parameters.speed" },
    ],
    ["unknown command", { command_name: "sim.fly" }, "unknown_command", { path: "command_name" }],
    ["no command", {}, "invalid_parameter", { path: "command_name" }],
    [
      "unknown port",
      { command_name: "sim.dock.engage", parameters: { port: "Z" }, confirm: true },
      "invalid_parameter",
      { path: "parameters.port", given: "Z", expected: "one of A, B" },
    ],
    [
      "unknown parameter",
      { command_name: "sim.pause", parameters: { now: 1 } },
      "invalid_parameter",
      { path: "parameters.now", expected: "no parameters" },
    ],
    [
      "a bad mode",
      { command_name: "sim.xpdr.mode", parameters: { mode: "LOUD" }, confirm: true },
      "invalid_mode",
      { path: "parameters.mode" },
    ],
    ["parameters as a list", { command_name: "sim.pause", parameters: [] }, "invalid_parameter", { path: "parameters" }],
    ["a bad request id", { ...START, request_id: "a b" }, "invalid_parameter", { path: "request_id" }],
    ["a bad expiry", { ...START, expires_s: -1 }, "invalid_parameter", { path: "expires_s", expected: "a number in (0, 86400] s" }],
    ["an endless reason", { ...START, reason: "x".repeat(501) }, "invalid_parameter", { path: "reason" }],
  ])("GW-015 %s - exact code, path and range, nothing sent", async (_what, request, code, extra) => {
    const { desk, sent, hub } = rig();
    const problem = problemOf(() => desk.send(request, ANNA));
    expect(problem).toMatchObject({ code, status: 422, extra });
    expect(problem.message.length).toBeGreaterThan(10);
    await settle();
    expect(sent).toEqual([]);
    expect(hub.entries("commands").size).toBe(0);
  });

  test("GW-006 desk - a viewer sends and arms nothing, an operator no supervisor's command", () => {
    const { desk, hub } = rig();
    expect(problemOf(() => desk.send(START, GUEST))).toMatchObject({
      code: "forbidden",
      status: 403,
      message: "sim.start needs the role operator; guest has viewer: sign in first",
      extra: { request_id: "q1" },
    });
    expect(problemOf(() => desk.arm({ command_name: "sim.reset" }, GUEST)).code).toBe("forbidden");
    expect(problemOf(() => desk.send({ command_name: "rules.reload", confirm: true }, ANNA)).message).toBe(
      "rules.reload needs the role supervisor; anna has operator",
    );
    expect(hub.seq).toBe(0);
  });

  test("desk - before the sim has told its limits its commands are refused, those of others are not", () => {
    const parts = rig();
    parts.limits = undefined;
    expect(problemOf(() => parts.desk.send(START, ANNA))).toMatchObject({ code: "bus_unavailable", status: 503 });
    const ack = { request_id: "q2", command_name: "incident.ack", parameters: { incident_id: "X:y", occ: 1 } };
    expect(parts.desk.send(ack, ANNA).row.stage).toBe("SENT");
    const endless = JSON.parse('{"command_name":"incident.ack","parameters":{"incident_id":"X:y","occ":1e999}}') as CommandRequest;
    expect(problemOf(() => parts.desk.send(endless, ANNA))).toMatchObject({ extra: { path: "parameters.occ" } });
  });
});

describe("hazards", () => {
  const RESET: CommandRequest = { command_name: "sim.reset", parameters: {} };
  const FIRE: CommandRequest = { command_name: "sim.rcs.fire", parameters: { axis: "forward", pct: 35, duration_s: 2 } };
  const armOf = (desk: CommandDesk, request: CommandRequest): string => desk.arm(request, ANNA).arm_token as string;

  test("GW-017 desk - c without confirm and H without arm are 428; with them they go, confirm stamped", async () => {
    const { desk, sent } = rig();
    expect(problemOf(() => desk.send({ command_name: "sim.stop" }, ANNA))).toMatchObject({ code: "confirm_required", status: 428 });
    expect(problemOf(() => desk.send({ ...RESET, confirm: true }, ANNA))).toMatchObject({ code: "arm_required", status: 428 });
    desk.send({ command_name: "sim.stop", confirm: true }, ANNA);
    desk.send({ ...RESET, arm_token: armOf(desk, RESET) }, ANNA);
    await settle();
    expect(sent.map((message) => (message.metadata as { confirm: unknown }).confirm)).toEqual([true, true]);
  });

  test("GW-017 desk - what was edited after arming, or armed by another, is 409; the token is gone with it: 410", () => {
    const { desk } = rig();
    const token = armOf(desk, FIRE);
    const edited = { ...FIRE, parameters: { axis: "forward", pct: 36, duration_s: 2 }, arm_token: token };
    expect(problemOf(() => desk.send(edited, ANNA))).toMatchObject({ code: "arm_mismatch", status: 409 });
    expect(problemOf(() => desk.send({ ...FIRE, arm_token: token }, ANNA))).toMatchObject({ code: "arm_expired", status: 410 });
    const foreign = desk.arm(FIRE, { ...ANNA, name: "ben" }).arm_token as string;
    expect(problemOf(() => desk.send({ ...FIRE, arm_token: foreign }, ANNA)).code).toBe("arm_mismatch");
  });

  test("GW-017 desk - an arming lasts 15 s and one sending", () => {
    const { desk, clock } = rig();
    const late = armOf(desk, RESET);
    clock.advance(14_999);
    const early = armOf(desk, RESET);
    clock.advance(1);
    expect(problemOf(() => desk.send({ ...RESET, arm_token: late }, ANNA)).code).toBe("arm_expired");
    desk.send({ ...RESET, arm_token: early }, ANNA);
    expect(problemOf(() => desk.send({ ...RESET, arm_token: early }, ANNA)).code).toBe("arm_expired");
  });

  test("desk - the arm answer names digest, time and consequence", () => {
    const { desk } = rig();
    expect(desk.arm(RESET, ANNA)).toMatchObject({
      arm_token: expect.stringMatching(/^[\w-]{24}$/) as string,
      digest: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
      expires_ms: 15_000,
      consequence: { en: expect.any(String) as string, ru: expect.any(String) as string },
    });
  });

  test("desk - a hazardous command is retried without arming for 15 s, then no more", () => {
    const { desk, clock } = rig();
    const request = { ...RESET, request_id: "q9" };
    desk.send({ ...request, arm_token: armOf(desk, RESET) }, ANNA);
    clock.advance(3000);
    desk.send(request, ANNA);
    clock.advance(15_001);
    expect(problemOf(() => desk.send(request, ANNA)).code).toBe("arm_required");
  });
});

describe("stages", () => {
  const stages = (hub: Hub): (string | undefined)[] => [(hub.get("commands", "q1")?.value as CommandRow | undefined)?.stage];

  test("CMD-027 VM-007 desk - a negative ACK ends the wait at once: REJECTED, with code, detail and details", async () => {
    const { desk, hub, clock } = rig();
    desk.send(START, ANNA);
    const waiting = desk.settled("q1", 5000);
    clock.advance(120);
    desk.ack(rejected);
    expect(await waiting).toMatchObject({
      stage: "REJECTED",
      code: "not_allowed_in_state",
      detail: "not now",
      details: { field: "x" },
      answered_ms: 120,
    });
    clock.advance(10_000);
    expect(stages(hub)).toEqual(["REJECTED"]);
  });

  test("VM-007 CMD-028 desk - no ACK is TIMEOUT at 2.0 s, not before; a late one moves it on, marked late", async () => {
    const { desk, clock } = rig();
    desk.send(START, ANNA);
    const waiting = desk.settled("q1", 5000);
    clock.advance(1999);
    expect(desk.row("q1")?.stage).toBe("SENT");
    clock.advance(1);
    expect(desk.row("q1")).toMatchObject({ stage: "TIMEOUT", detail: "no answer in 2.0 s: it is unknown whether it was applied" });
    expect(await waiting).toMatchObject({ stage: "TIMEOUT" });
    clock.advance(1000);
    desk.ack(applied);
    expect(desk.row("q1")).toMatchObject({ stage: "APPLIED", late: true, answered_ms: 3000, tick: 7 });
    expect(desk.row("q1")?.detail).toBeUndefined();
    desk.effect(effect);
    expect(desk.row("q1")?.stage).toBe("EFFECT_CONFIRMED");
  });

  test("VM-007 desk - EFFECT_MISSING never changes; a late effect is noted beside it", () => {
    const { desk } = rig();
    desk.send(START, ANNA);
    desk.ack(applied);
    const missing = { ...effect, ok: false, reason: "superseded" };
    desk.effect(missing);
    desk.ack(rejected);
    desk.effect(missing);
    expect(desk.row("q1")).toMatchObject({ stage: "EFFECT_MISSING", effect: missing });
    expect(desk.row("q1")?.late_effect).toBeUndefined();
    desk.effect(effect);
    expect(desk.row("q1")).toMatchObject({ stage: "EFFECT_MISSING", effect: missing, late_effect: effect });
  });

  test.each([
    ["before the ACK", 0],
    ["during TIMEOUT, before a late ACK", 2500],
  ])("desk - an effect that comes %s waits for it", (_when, waitMs) => {
    const { desk, clock } = rig();
    desk.send(START, ANNA);
    clock.advance(waitMs);
    desk.effect(effect);
    expect(desk.row("q1")?.stage).toBe(waitMs === 0 ? "SENT" : "TIMEOUT");
    desk.ack(applied);
    expect(desk.row("q1")).toMatchObject({ stage: "EFFECT_CONFIRMED", effect, tick: 7 });
  });

  test("desk - an effect seen before a retry counts for the retry's ACK", () => {
    const { desk, clock } = rig();
    desk.send(START, ANNA);
    desk.effect(effect);
    clock.advance(2000);
    desk.send(START, ANNA);
    desk.ack({ ...applied, idempotent_replay: true });
    expect(desk.row("q1")?.stage).toBe("EFFECT_CONFIRMED");
  });

  test("desk - an effect does not turn a refusal, and ACKs of other requests change nothing", () => {
    const { desk } = rig();
    desk.send(START, ANNA);
    desk.ack({ ...applied, request_id: "other" });
    desk.ack({ ...applied, request_id: null });
    desk.effect({ ...effect, request_id: undefined });
    expect(desk.row("q1")?.stage).toBe("SENT");
    desk.effect(effect);
    desk.ack(rejected);
    expect(desk.row("q1")?.stage).toBe("REJECTED");
  });

  test("desk - waiting for an unknown request ends at once, for a silent one at the limit", async () => {
    const { desk, clock } = rig();
    expect(await desk.settled("nobody", 5000)).toBeUndefined();
    desk.send(START, ANNA);
    const waiting = desk.settled("q1", 1000);
    clock.advance(1000);
    expect(await waiting).toMatchObject({ stage: "SENT" });
  });
});
