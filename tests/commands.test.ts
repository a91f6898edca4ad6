import { afterEach, describe, expect, test } from "vitest";
import { STATE_BUCKET, STATE_KEYS, STREAMS } from "#contracts/streams.ts";
import { SUBJECTS } from "#contracts/subjects.ts";
import { signCommand } from "#services/command-signature.ts";
import { type Body, cleanUpRigs, commandText, GATEWAY_KEY, newFolder, type ServiceRig, settle, startRig } from "./service-rig.ts";

afterEach(cleanUpRigs);

const UUID = "11111111-2222-4333-8444-555555555555";
const UNDOCKED = `name: undocked
profile: profiles/shipped.json
set: { power_plane.dock_connected_init: false, power_plane.nbl_active_init: false, motion_plane: { tip_off_dps: [0, 0, 0] } }
`;

/** What a command must leave as it is when it is refused. */
function untouched(rig: ServiceRig): Body {
  const { runState, speed, tick } = rig.sim.machine;
  return { hash: rig.sim.machine.hash(), runState, speed, tick };
}

describe("answers", () => {
  test("CMD-001 start - one ACK with both ids, both verdicts, event time, payload and place", async () => {
    const rig = await startRig();
    const ack = await rig.command("sim.start", { speed: 1 }, { correlation_id: "start-1" });
    expect(ack).toEqual({
      version: 1,
      kind: "sim.start",
      success: true,
      ok: true,
      requestId: "start-1",
      request_id: "start-1",
      timestamp: "2026-01-01T00:00:00.000Z",
      payload: { command_name: "sim.start", status: "applied" },
      stage: "applied",
      tick: 1,
      order: 0,
      run_id: rig.sim.machine.runId,
      ts_ingest: "2026-11-22T10:00:00.000Z",
    });
  });

  test("CMD-002 start - speed 2 runs twice as fast, speed 1 as fast as the wall", async () => {
    const rig = await startRig();
    await rig.command("sim.start", { speed: 2 });
    expect(rig.telemetry().sim_state).toMatchObject({ fsm_state: "RUNNING", speed: 2 });
    await rig.clock.advance(1000);
    expect(rig.sim.machine.tick).toBe(20);
    await rig.command("sim.start", { speed: 1 });
    expect(rig.telemetry().sim_state).toMatchObject({ fsm_state: "RUNNING", speed: 1 });
    await rig.clock.advance(1000);
    expect(rig.sim.machine.tick).toBe(30);
  });

  test.each(['"2"', "0", "-1", "true", "1e999", "1001"])("CMD-003 start - speed %s is refused and changes nothing", async (speed) => {
    const rig = await startRig();
    const before = untouched(rig);
    const [ack] = await rig.raw(`{"command_name":"sim.start","parameters":{"speed":${speed}},"metadata":{"message_id":"${UUID}"}}`);
    expect(ack!.error_detail!.code).toBe("invalid_parameter");
    expect(ack).toMatchObject({ ok: false, success: false, stage: "rejected", error: "rejected", request_id: UUID });
    expect(untouched(rig)).toEqual(before);
  });

  test("CMD-004 malformed - NaN is not JSON", async () => {
    const rig = await startRig();
    const [ack] = await rig.raw(`{"command_name":"sim.start","parameters":{"speed":NaN},"metadata":{"correlation_id":"${UUID}"}}`);
    expect(ack).toMatchObject({ ok: false, request_id: UUID, error_detail: { code: "malformed" } });
  });

  test("CMD-005 malformed - half a message is answered, with the id where one is readable, and the service lives", async () => {
    const rig = await startRig();
    const [nameless] = await rig.raw("{");
    expect(nameless).toMatchObject({ kind: "unknown", request_id: null, requestId: null, error_detail: { code: "malformed" } });
    const [salvaged] = await rig.raw(`{"command_name":"sim.start","metadata":{"message_id":"${UUID}"`);
    expect(salvaged).toMatchObject({ request_id: UUID, error_detail: { code: "malformed" } });
    expect((await rig.command("sim.start")).ok).toBe(true);
  });

  test("CMD-006 malformed - a message without metadata", async () => {
    const rig = await startRig();
    const [ack] = await rig.raw('{"command_name":"sim.start","parameters":{}}');
    expect(ack).toMatchObject({ kind: "sim.start", ok: false, error_detail: { code: "malformed" } });
  });

  test("CMD-007 unknown - a name that is not in the catalogue has one ACK of two services", async () => {
    const rig = await startRig();
    const ack = await rig.command("foo.bar");
    expect(ack).toMatchObject({ ok: false, error: "rejected", payload: { status: "rejected" }, error_detail: { code: "unknown_command" } });
    expect(rig.acks.length).toBe(1);
  });

  test("CMD-008 parameters - one that the command does not have is refused by name", async () => {
    const rig = await startRig();
    const ack = await rig.command("sim.stop", { now: true });
    expect(ack.error_detail).toMatchObject({ code: "invalid_parameter", details: { command_name: "sim.stop", field: "now", given: true } });
  });

  test("CMD-012 pause - not allowed while STOPPED, and says what to do", async () => {
    const rig = await startRig();
    const ack = await rig.command("sim.pause");
    expect(ack.error_detail).toMatchObject({ code: "not_allowed_in_state", message: expect.stringContaining("sim.start first") as string });
  });

  test("CMD-017 transponder - SILENT carries no id and no load, ON does", async () => {
    const rig = await startRig({ running: true });
    await rig.command("sim.xpdr.mode", { mode: "silent" });
    await rig.clock.advance(1000);
    expect(rig.telemetry().comms.xpdr).toMatchObject({ mode: "SILENT", active: false, id: null });
    expect(rig.telemetry().power.loads_w.transponder).toBe(0);
    await rig.command("sim.xpdr.mode", { mode: "ON" });
    await rig.clock.advance(1000);
    expect(rig.telemetry().comms.xpdr).toMatchObject({ mode: "ON", active: true });
    expect(rig.telemetry().power.loads_w.transponder).toBeGreaterThan(0);
  });

  test("CMD-018 transponder - refused where comms are disabled", async () => {
    const rig = await startRig({ profile: "profiles/test/comms_disabled.json" });
    const ack = await rig.command("sim.xpdr.mode", { mode: "ON" });
    expect(ack).toMatchObject({ ok: false, error: "comms_disabled", error_detail: { code: "comms_disabled" } });
    expect(rig.telemetry().comms.xpdr).toMatchObject({ mode: "OFF", active: false, id: null });
  });

  test("CMD-019 transponder - a mode that does not exist", async () => {
    const rig = await startRig();
    const ack = await rig.command("sim.xpdr.mode", { mode: "LOUD" });
    expect(ack).toMatchObject({ error: "invalid_mode", payload: { status: "invalid mode: LOUD" }, error_detail: { code: "invalid_mode" } });
  });

  test.each([[{ max_power_w: "x" }], [{ max_power_w: -1 }], [{}]])(
    "CMD-020 nbl limit - %j is refused and changes nothing",
    async (parameters) => {
      const rig = await startRig();
      const before = untouched(rig);
      const ack = await rig.command("power.nbl.set_max", parameters);
      expect(ack.error_detail).toMatchObject({ code: "invalid_parameter", details: { field: "max_power_w" } });
      expect(untouched(rig)).toEqual(before);
    },
  );

  test("CMD-021 rcs - 101 % is refused, 0 % stops", async () => {
    const rig = await startRig({ scenario: UNDOCKED, running: true });
    const fire = { axis: "forward", duration_s: 5 };
    expect((await rig.command("sim.rcs.fire", { ...fire, pct: 101 })).error_detail?.code).toBe("invalid_parameter");
    expect((await rig.command("sim.rcs.fire", { ...fire, pct: 35 })).ok).toBe(true);
    await rig.clock.advance(500);
    expect(rig.telemetry().propulsion.rcs).toMatchObject({ active: true });
    expect((await rig.command("sim.rcs.fire", { ...fire, percent: 0 })).ok).toBe(true);
    await rig.clock.advance(200);
    expect(rig.telemetry().propulsion.rcs).toMatchObject({ active: false });
  });

  test("CMD-033 dock power - not allowed undocked", async () => {
    const rig = await startRig({ scenario: UNDOCKED });
    const ack = await rig.command("power.dock.on");
    expect(ack.error_detail).toMatchObject({ code: "not_allowed_in_state" });
  });
});

describe("repeats", () => {
  test("CMD-009 repeat - applied once, also across a restart, with the same ACK", async () => {
    const folder = newFolder();
    const first = await startRig({ folder });
    const text = commandText("power.nbl.set_max", { max_power_w: 7 }, { message_id: UUID });
    const [ack] = await first.raw(text);
    const [again] = await first.raw(text);
    expect(again).toEqual({ ...ack, idempotent_replay: true });
    expect(first.audits("command_result", UUID).length).toBe(1);
    await first.stop();
    const second = await startRig({ folder });
    const [afterRestart] = await second.raw(text);
    expect(afterRestart).toEqual({ ...ack, idempotent_replay: true });
    expect(second.audits("command_result", UUID)).toEqual([]);
  });

  test("CMD-009 repeat - forgotten after ten minutes of wall time", async () => {
    const rig = await startRig();
    const text = commandText("power.nbl.set_max", { max_power_w: 7 }, { message_id: UUID });
    await rig.raw(text);
    await rig.clock.advance(599_000);
    expect((await rig.raw(text))[0]!.idempotent_replay).toBe(true);
    await rig.clock.advance(1000);
    expect((await rig.raw(text))[0]!.idempotent_replay).toBeUndefined();
  });

  test("CMD-010 repeat - the same id with another body is id_reused", async () => {
    const rig = await startRig();
    await rig.raw(commandText("power.nbl.set_max", { max_power_w: 7 }, { message_id: UUID }));
    const [ack] = await rig.raw(commandText("power.nbl.set_max", { max_power_w: 8 }, { message_id: UUID }));
    expect(ack!.error_detail).toMatchObject({
      code: "invalid_parameter",
      details: { field: "metadata.message_id", reason: "id_reused", given: UUID },
    });
    // The first answer stays the answer.
    const [again] = await rig.raw(commandText("power.nbl.set_max", { max_power_w: 7 }, { message_id: UUID }));
    expect(again).toMatchObject({ ok: true, idempotent_replay: true });
  });

  test("CMD-010 repeat - a number beyond the largest does not break the comparison of bodies", async () => {
    const rig = await startRig();
    const text = `{"command_name":"sim.start","parameters":{"speed":1e999},"metadata":{"message_id":"${UUID}"}}`;
    const [ack] = await rig.raw(text);
    expect((await rig.raw(text))[0]).toEqual({ ...ack, idempotent_replay: true });
    const [other] = await rig.raw(commandText("sim.start", { speed: null }, { message_id: UUID }));
    expect(other!.error_detail!.details.reason).toBe("id_reused");
  });

  test("CMD-011 repeat - two at once are one application and two ACKs, each to its own inbox", async () => {
    const rig = await startRig();
    const bytes = Buffer.from(commandText("power.nbl.set_max", { max_power_w: 7 }, { message_id: UUID }));
    rig.bus.publish("qiki.commands.control", bytes, { reply: "test.inbox.1" });
    rig.bus.publish("qiki.commands.control", bytes, { reply: "test.inbox.2" });
    const inboxes: string[] = [];
    rig.bus.subscribe("test.inbox.*", (msg) => void inboxes.push(`${msg.subject} ${Buffer.from(msg.bytes).toString("utf8")}`), {
      name: "test.inboxes",
    });
    await settle();
    expect(rig.acks.length).toBe(2);
    expect(inboxes).toEqual([`test.inbox.1 ${JSON.stringify(rig.acks[0])}`, `test.inbox.2 ${JSON.stringify(rig.acks[1])}`]);
    expect(rig.audits("command_result", UUID).length).toBe(1);
  });
});

describe("who may, when, where", () => {
  test("CMD-029 destination - another service's name is refused, the known ones pass", async () => {
    const rig = await startRig();
    const ack = await rig.command("sim.start", {}, { destination: "q_radar" });
    expect(ack.error_detail).toMatchObject({ code: "invalid_parameter", details: { field: "metadata.destination", given: "q_radar" } });
    for (const destination of ["", "unknown", "*", "q_sim_service", "sim"]) {
      expect((await rig.command("sim.start", {}, { destination })).ok).toBe(true);
    }
  });

  test("CMD-030 role - a viewer may not reset, nor may a role that does not exist", async () => {
    const rig = await startRig();
    for (const role of ["viewer", "root", "constructor"]) {
      const ack = await rig.command("sim.reset", {}, { actor: { id: "eve", role } });
      expect(ack.error_detail).toMatchObject({ code: "not_authorized", details: { given: "viewer", expected: "operator" } });
    }
    expect((await rig.command("sim.reset", {}, { actor: { id: "olga", role: "operator" } })).ok).toBe(true);
  });

  test("CMD-030 role - an unsigned sender is an operator at most", async () => {
    const rig = await startRig();
    const ack = await rig.command("system.mode", { mode: "MISSION" }, { actor: { id: "eve", role: "admin" } });
    expect(ack.error_detail).toMatchObject({ code: "not_authorized", details: { given: "operator", expected: "supervisor" } });
  });

  test("CMD-031 signature - holds for its message, and not with one byte off", async () => {
    const rig = await startRig();
    const metadata = { message_id: UUID, key_id: "gateway", actor: { id: "anna", role: "supervisor" } };
    const message = { command_name: "system.mode", parameters: { mode: "MISSION" }, metadata };
    const signature = signCommand(message, GATEWAY_KEY);
    const off = `${signature.slice(0, -1)}${signature.endsWith("0") ? "1" : "0"}`;
    for (const [given, keyId] of [
      [off, "gateway"],
      [signature, "stolen"],
      ["no hex", "gateway"],
    ]) {
      const ack = await rig.command(
        "system.mode",
        { mode: "MISSION" },
        { ...metadata, message_id: `other-${given}-${keyId}`, key_id: keyId, signature: given },
      );
      expect(ack.error_detail?.code).toBe("not_authorized");
    }
    const ack = await rig.command("system.mode", { mode: "MISSION" }, { ...metadata, signature });
    expect(ack.ok).toBe(true);
    expect(rig.audits("command_result", UUID)).toMatchObject([{ operator: "anna", role: "supervisor" }]);
  });

  test("CMD-032 expiry - a time past is expired, one at or after now is not", async () => {
    const rig = await startRig();
    const late = await rig.command("sim.start", {}, { expires_at: "2026-11-22T09:59:59.999Z" });
    expect(late.error_detail?.code).toBe("expired");
    expect((await rig.command("sim.start", {}, { expires_at: "2026-11-22T10:00:00Z" })).ok).toBe(true);
    const odd = await rig.command("sim.start", {}, { expires_at: "soon" });
    expect(odd.error_detail).toMatchObject({ code: "invalid_parameter", details: { field: "metadata.expires_at" } });
  });
});

describe("order", () => {
  test.each([
    ["CMD-013", "sim.pause", "PAUSED", 2500],
    ["CMD-014", "sim.stop", "STOPPED", 2800],
  ] as const)(
    "%s %s - after 0.3 s no frames while telemetry goes on; frames come within 6 s of a start",
    async (_case, command, state, frozenMs) => {
      const rig = await startRig({ running: true });
      const heard: string[] = [];
      const listeners = [SUBJECTS.radarFrames, SUBJECTS.telemetry].map((subject) =>
        rig.bus.subscribe(subject, () => void heard.push(subject), { name: "frames" }),
      );
      await rig.clock.advance(2000);
      expect(heard).toContain(SUBJECTS.radarFrames);
      expect((await rig.command(command)).ok).toBe(true);
      expect(rig.telemetry().sim_state.fsm_state).toBe(state);
      await rig.clock.advance(300);
      heard.length = 0;
      await rig.clock.advance(frozenMs - 300);
      expect(heard).not.toContain(SUBJECTS.radarFrames);
      expect(heard.filter((subject) => subject === SUBJECTS.telemetry).length).toBeGreaterThanOrEqual(2);
      await rig.command("sim.start");
      await rig.clock.advance(6000);
      expect(heard).toContain(SUBJECTS.radarFrames);
      for (const listener of listeners) listener.unsubscribe();
    },
  );

  test("CMD-038 mode - after boot and system.mode FACTORY the last stream message and the last value say so, with event time", async () => {
    const rig = await startRig({ running: true });
    await rig.clock.advance(2500);
    const ack = await rig.signed("system.mode", { mode: "FACTORY" });
    expect(ack.ok).toBe(true);
    await rig.clock.advance(500);
    const stored = await rig.bus.streams.get(STREAMS.events.name, { lastFor: SUBJECTS.systemMode });
    const kept = await rig.bus.lastValue(STATE_BUCKET).get(STATE_KEYS.systemMode);
    for (const bytes of [stored!.bytes, kept!.bytes])
      expect(JSON.parse(Buffer.from(bytes).toString("utf8"))).toMatchObject({
        mode: "FACTORY",
        event_schema_version: 1,
        ts_epoch: Date.parse(ack.timestamp) / 1000,
      });
  });

  test("CMD-034 order - three between two ticks act in one tick as 0, 1, 2", async () => {
    const rig = await startRig({ running: true });
    await rig.clock.advance(550);
    const acks = [await rig.command("power.nbl.off"), await rig.command("foo.bar"), await rig.command("power.nbl.on")];
    expect(acks.map(({ tick, order }) => [tick, order])).toEqual([
      [6, 0],
      [6, 1],
      [6, 2],
    ]);
    await rig.clock.advance(100);
    expect((await rig.command("power.nbl.off")).order).toBe(0);
  });

  test("CMD-037 order - 1,000 commands have 1,000 ACKs with gapless orders, and put off no tick", async () => {
    const rig = await startRig({ running: true });
    const before = rig.acks.length;
    for (let batch = 0; batch < 10; batch += 1) {
      for (let sent = 0; sent < 100; sent += 1) {
        const id = `mass-${batch}-${sent}`;
        rig.bus.publish("qiki.commands.control", Buffer.from(commandText("power.nbl.set_max", { max_power_w: sent }, { message_id: id })));
      }
      await settle();
      await rig.clock.advance(50);
    }
    const acks = rig.acks.slice(before);
    expect(acks.length).toBe(1000);
    expect(new Set(acks.map((ack) => ack.request_id)).size).toBe(1000);
    expect(acks.every((ack) => ack.ok)).toBe(true);
    expect(rig.sim.machine.tick).toBe(5);
    const orders = Map.groupBy(acks, (ack) => ack.tick);
    for (const ofTick of orders.values()) expect(ofTick.map((ack) => ack.order)).toEqual(ofTick.map((_, index) => index));
  });
});
