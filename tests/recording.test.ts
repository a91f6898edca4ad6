import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { gatewayClient } from "#cli/gateway-client.ts";
import { SUBJECTS } from "#contracts/subjects.ts";
import { ROOT } from "./running-twin.ts";
import { commandText } from "./service-rig.ts";
import { cleanUpSessions, OVERLOAD, startSession } from "./session-rig.ts";

afterEach(cleanUpSessions);

describe("a live session is recomputed", () => {
  test("proof - frames of a plain client, broken and odd ones, and a reset in the middle of late frames", async () => {
    const session = await startSession(
      `${readFileSync(join(ROOT, "scenarios/close_pass.yaml"), "utf8").replace(/profile: .*/, `profile: ${ROOT}/profiles/shipped.json`)}
timeline: [{ at: 2s, do: fault, kind: late_frames, value: 3.5 }]
`,
    );
    const frame = {
      schema_version: 1,
      frame_id: "00000000-0000-5000-8000-000000000001",
      sensor_id: "00000000-0000-5000-8000-0000000000ff",
      timestamp: "2026-01-01T00:00:02.5Z",
      detections: [],
    };
    const texts = ["no JSON", "7", "[]", "{}", JSON.stringify(frame), JSON.stringify({ ...frame, extra: 1 })];
    await session.clock.advance(4200);
    for (const text of texts) session.twin.bus.publish(SUBJECTS.radarFrames, Buffer.from(text), { headers: { "x-qiki-tick": "soon" } });
    session.twin.bus.publish(SUBJECTS.radarFramesLr, Buffer.from(JSON.stringify(frame)));
    await session.clock.advance(2200);
    await session.send("sim.reset");
    await session.send("sim.start");
    await session.clock.advance(4200);
    expect((await fetch(`${session.twin.url}/readyz`)).status).toBe(200);
    expect(await session.verdict()).toMatchObject({ kind: "identical" });
  });

  test("proof - a second sensor's frames beside the twin's own, both tracked", async () => {
    const session = await startSession(
      readFileSync(join(ROOT, "scenarios/close_pass.yaml"), "utf8")
        .replace(/profile: .*/, `profile: ${ROOT}/profiles/shipped.json`)
        .concat('config: { tracker.sensor_ids: ["*"] }\n'),
    );
    const tracks: string[] = [];
    session.twin.bus.subscribe(SUBJECTS.radarTracks, ({ bytes }) => void tracks.push(Buffer.from(bytes).toString()), {
      name: "test.tracks",
    });
    for (let second = 1; second <= 12; second += 1) {
      await session.clock.advance(1000);
      const frame = {
        schema_version: 1,
        frame_id: `00000000-0000-5000-8000-${String(second).padStart(12, "0")}`,
        sensor_id: "00000000-0000-5000-8000-0000000000ff",
        timestamp: `2026-01-01T00:00:${String(second).padStart(2, "0")}.25Z`,
        detections: [
          { range_m: 60, bearing_deg: 90, elev_deg: 0, vr_mps: 0, snr_db: 20, rcs_dbsm: 0, range_band: 2 },
          { range_m: 60, bearing_deg: 270, elev_deg: 0, vr_mps: 0, snr_db: 20, rcs_dbsm: 0, range_band: 2 },
        ],
      };
      session.twin.bus.publish(SUBJECTS.radarFrames, Buffer.from(JSON.stringify(frame)), {
        headers: { "x-qiki-tick": String(10 * second) },
      });
    }
    await expect.poll(() => tracks.filter((text) => text.includes("00:00:12.25")).length, { timeout: 20_000 }).toBe(2);
    const verdict = await session.verdict();
    expect(verdict).toMatchObject({ kind: "identical" });
    expect(new Set(tracks.map((text) => (JSON.parse(text) as { track_id: string }).track_id)).size).toBe(3);
  });

  test("proof - refused commands, a step, pauses with heartbeats and a reset", async () => {
    const session = await startSession();
    await session.clock.advance(2050);
    await session.send("power.nbl.set_max", { max_power_w: -1 });
    await session.send("sim.rcs.fire", { axis: "forward", pct: 20, duration_s: 1 });
    await session.send("foo.bar");
    await session.send("sim.pause");
    await session.clock.advance(3500);
    expect((await session.send("sim.step", { ticks: 7 })).ok).toBe(true);
    await session.clock.advance(2500);
    await session.send("sim.start", { speed: 10 });
    await session.clock.advance(1030);
    await session.send("sim.reset");
    await session.clock.advance(1500);
    await session.send("sim.start");
    await session.clock.advance(1230);
    expect(await session.verdict()).toMatchObject({ kind: "identical" });
  });

  test("proof - a number beyond the largest in a command is recomputed as refused", async () => {
    const session = await startSession();
    await session.clock.advance(500);
    await session.send("sim.pause");
    await session.raw(`{"command_name":"sim.start","parameters":{"speed":1e999},"metadata":{"message_id":"${randomUUID()}"}}`);
    expect(session.acks.at(-1)).toMatchObject({ ok: false, error_detail: { code: "invalid_parameter" } });
    await session.clock.advance(2000);
    expect(await session.verdict()).toMatchObject({ kind: "identical" });
  });

  test("proof - bodies that are no commands: text, bytes, other JSON, none, half a message with an id", async () => {
    const session = await startSession();
    await session.clock.advance(500);
    const id = randomUUID();
    await session.raw("{", "null", "42", "[]", '"sim.start"', "", "{}", '{"raw":"x"}', '{"raw":"{}"}', Uint8Array.of(0xff, 0xfe, 0x22));
    await session.raw(`{"command_name":"sim.start","metadata":{"message_id":"${id}"`);
    await session.raw('{"command_name":"sim.start","parameters":{}}', '{"command_name":"incident.ack","parameters":{}}');
    await session.raw(`{"command_name":"sim.stop","parameters":{},"metadata":{"message_id":"a","messageId":"b"}}`);
    await session.raw(`{\n "command_name": "power.nbl.off",\n "metadata": {"message_id": "${randomUUID()}"}\n}`);
    await session.clock.advance(1500);
    expect(await session.verdict()).toMatchObject({ kind: "identical" });
  });

  test("proof - commands without any id", async () => {
    const session = await startSession();
    await session.clock.advance(500);
    await session.raw(
      commandText("power.nbl.set_max", { max_power_w: 7 }, {}),
      commandText("power.nbl.set_max", { max_power_w: -1 }, {}),
      commandText("power.nbl.set_max", { max_power_w: 9 }, {}),
    );
    await session.clock.advance(1500);
    expect(await session.verdict()).toMatchObject({ kind: "identical" });
  });

  test("proof - one message id used again and again: repeats, other bodies, all at once", async () => {
    const session = await startSession();
    await session.clock.advance(500);
    const text = (watts: number) => commandText("power.nbl.set_max", { max_power_w: watts }, { message_id: "one" });
    await session.raw(text(7), text(8), text(7));
    await session.clock.advance(1000);
    await session.raw(text(7), text(9));
    await session.clock.advance(1000);
    expect(session.acks.map((ack) => [ack.ok, ack.idempotent_replay === true])).toEqual([
      [true, false],
      [false, false],
      [true, true],
      [true, true],
      [false, false],
    ]);
    expect(await session.verdict()).toMatchObject({ kind: "identical" });
  });

  test("proof - an expired command, one to another service, claims of a role", async () => {
    const session = await startSession();
    await session.clock.advance(500);
    await session.send("sim.pause", {}, { expires_at: "2026-11-22T09:00:00Z" });
    await session.send("sim.pause", {}, { expires_at: "soon" });
    await session.send("sim.pause", {}, { destination: "elsewhere" });
    await session.send("sim.pause", {}, { actor: { id: "eve", role: "viewer" } });
    await session.send("system.mode", { mode: "MISSION" }, { actor: { id: "eve", role: "admin" } });
    await session.send("sim.pause", {}, { actor: { id: "ann", role: "admin" }, source: "console" });
    await session.clock.advance(1500);
    expect(session.acks.map((ack) => ack.error_detail?.code)).toEqual([
      "expired",
      "invalid_parameter",
      "invalid_parameter",
      "not_authorized",
      "not_authorized",
      undefined,
    ]);
    expect(await session.verdict()).toMatchObject({ kind: "identical" });
  });

  test("proof - a timeline that pauses, and one that starts the run anew", async () => {
    for (const command of ["sim.pause", "sim.reset"]) {
      const session = await startSession(
        `name: test\nprofile: profiles/shipped.json\ntimeline:\n  - { at: 1.5s, do: command, name: ${command} }\n`,
      );
      await session.clock.advance(4000);
      expect(session.twin.sim.machine.runState).not.toBe("RUNNING");
      expect(await session.verdict()).toMatchObject({ kind: "identical" });
    }
  });

  test("proof - a second recording, started and stopped by command", async () => {
    const session = await startSession();
    await session.clock.advance(500);
    expect((await session.send("record.start", { path: "second.jsonl" })).ok).toBe(true);
    expect((await session.send("record.start", { path: "third.jsonl" })).ok).toBe(false);
    await session.clock.advance(1500);
    await session.send("record.stop");
    await session.clock.advance(500);
    expect(await session.verdict()).toMatchObject({ kind: "identical" });
  });

  test("proof - incidents acknowledged, shelved, cleared and refused, and rules switched off and on", async () => {
    const session = await startSession(OVERLOAD);
    await session.clock.advance(5500);
    const first = session.twin.alarms.machine.views()[0];
    const incident = { incident_id: first!.incident_id, occ: first!.occ };
    expect((await session.send("incident.ack", { ...incident, occ: 99 })).ok).toBe(false);
    expect((await session.send("incident.ack", { ...incident, comment: "seen" })).ok).toBe(true);
    expect((await session.send("incident.clear", { ...incident })).error_detail?.code).toBe("invalid_parameter");
    await session.send("incident.clear", { ...incident, comment: "done" });
    expect((await session.send("incident.shelve", { incident_id: first!.incident_id, duration_s: 5, reason: "short" })).ok).toBe(false);
    expect((await session.send("incident.shelve", { incident_id: first!.incident_id, duration_s: 60, reason: "known" })).ok).toBe(true);
    expect((await session.send("incident.shelve", { incident_id: "none", duration_s: 60, reason: "x" })).ok).toBe(false);
    await session.raw('{"command_name":"incident.ack","parameters":{"occ":1e999},"metadata":{}}');
    await session.clock.advance(2000);
    const supervisor = await gatewayClient({ url: session.twin.url }, "cli");
    await supervisor.send("rules.set_enabled", { rule_id: first!.rule_id, enabled: false }, { confirm: true });
    expect(session.acks.at(-1)).toMatchObject({ ok: true, kind: "rules.set_enabled" });
    await session.clock.advance(2000);
    expect((await session.send("rules.set_enabled", { rule_id: "no such rule", enabled: true })).ok).toBe(false);
    await supervisor.send("rules.set_enabled", { rule_id: first!.rule_id, enabled: true }, { confirm: true });
    await session.send("incident.unshelve", { incident_id: first!.incident_id });
    await session.clock.advance(70_000);
    const verdict = await session.verdict();
    expect(verdict).toMatchObject({ kind: "identical" });
    expect(verdict.kind === "identical" && verdict.counts[SUBJECTS.operatorIncidents]).toBeGreaterThan(3);
  });

  test("PRF-006 proof - at speed 1, at speed 50 and step by step the hashes are equal", async () => {
    const hashes = new Set<string>();
    for (const way of ["1", "50", "step"] as const) {
      const session = await startSession(OVERLOAD);
      if (way === "step") {
        await session.send("sim.pause");
        for (const ticks of [1, 99, 100]) {
          await session.send("sim.step", { ticks });
          await session.clock.advance(500);
        }
      } else {
        if (way === "50") await session.send("sim.start", { speed: 50 });
        await session.clock.advance(way === "1" ? 20_000 : 400);
      }
      expect(session.twin.sim.machine.tick).toBe(200);
      hashes.add(session.twin.sim.machine.hash());
      expect(await session.verdict()).toMatchObject({ kind: "identical", ticks: 200 });
    }
    expect(hashes.size).toBe(1);
  });
});
