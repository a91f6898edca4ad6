import { afterAll, describe, expect, test } from "vitest";
import { STREAMS } from "#contracts/streams.ts";
import { SUBJECTS } from "#contracts/subjects.ts";
import { parseRadarFrame, type RadarFrameWire } from "#contracts/radar.ts";
import { type Body, cleanUpRigs, type ServiceRig, startRig } from "./service-rig.ts";

afterAll(cleanUpRigs);

const ONE_CONTACT = `
name: one-contact
profile: profiles/shipped.json
seed: 1
contacts:
  - id: ally-1
    type: DRONE
    rcs_dbsm: 20
    transponder: { mode: "ON", id: ALLY-7F3A21 }
    trajectory: { kind: constant_velocity, at: { range_m: 3200, bearing_deg: 40, elev_deg: 4 }, velocity: { x: 3, y: -2, z: 0 } }
`;

interface Heard {
  readonly subject: string;
  readonly payload: Body;
  readonly headers: Readonly<Record<string, string>>;
}

/** Everything on a pattern, in the order of the bus. */
function hear(rig: ServiceRig, pattern: string): Heard[] {
  const heard: Heard[] = [];
  rig.bus.subscribe(
    pattern,
    ({ subject, bytes, headers }) =>
      void heard.push({ subject, payload: JSON.parse(Buffer.from(bytes).toString("utf8")) as Body, headers }),
    { name: `test.${pattern}` },
  );
  return heard;
}

function frameOf({ payload }: Heard): RadarFrameWire {
  const parsed = parseRadarFrame(payload);
  if (parsed.kind === "refused") expect.fail(parsed.problems.join("; "));
  return parsed.value;
}

describe("the radar of a running sim", () => {
  test("SIM-096 radar - no frame lists own ship, ticks do not wait for a stalled bus, constants are marked", async () => {
    const rig = await startRig({ scenario: ONE_CONTACT, running: true });
    let letGo = (): void => {};
    let stalled = 0;
    rig.bus.subscribe(
      "qiki.>",
      () => {
        stalled += 1;
        return new Promise<void>((resolve) => (letGo = resolve));
      },
      { name: "test.stalled", maxPending: 10, overflow: "drop_oldest" },
    );
    const frames = hear(rig, SUBJECTS.radarFrames);
    await rig.clock.advance(5000);
    expect(stalled).toBe(1);
    expect(rig.sim.machine.tick).toBe(50);
    expect(rig.sim.counts).toEqual({ ticks: 50, slipped: 0 });
    letGo();
    expect(frames.length).toBe(5);
    const own = rig.telemetry();
    for (const one of frames)
      for (const detection of frameOf(one).detections) {
        expect(detection.range_m).toBeGreaterThan(3000);
        expect(detection.transponder_id).not.toBe(own.comms.xpdr.id);
      }
    expect(own.field_sources).toMatchObject({ hull: "fixture", orbit: "not_modelled" });
    expect(own.orbit.state).toBe("off");
    await rig.stop();
  });

  test("RAD-011 ids - frame id of seed 1 at tick 10, another one in another boot, equal room hashes", async () => {
    const hashes: string[] = [];
    const ids: string[] = [];
    for (let boot = 0; boot < 2; boot += 1) {
      const rig = await startRig({ scenario: ONE_CONTACT, running: true });
      const frames = hear(rig, SUBJECTS.radarFrames);
      await rig.clock.advance(1000);
      ids.push(frameOf(frames[0]!).frame_id);
      hashes.push(rig.sim.machine.sceneHash());
      await rig.stop();
    }
    expect(ids[0]).not.toBe(ids[1]);
    expect(hashes[0]).toBe(hashes[1]);
  });

  test("RAD-012 frames - LR, SR, union in that order with their ids and headers; empty ones as union alone; all stored", async () => {
    const rig = await startRig({ scenario: ONE_CONTACT, running: true });
    const heard = hear(rig, "qiki.radar.v1.>");
    await rig.clock.advance(3000);
    const full = heard.filter((one) => one.subject !== SUBJECTS.radarTracks && one.payload.timestamp === "2026-01-01T00:00:01Z");
    const frameId = frameOf(full[0]!).frame_id;
    expect(full.map(({ subject, headers }) => [subject, headers["Nats-Msg-Id"], headers["x-range-band"], headers.ce_type])).toEqual([
      [SUBJECTS.radarFramesLr, `${frameId}:lr`, "RR_LR", "qiki.radar.v1.LRFrame"],
      [SUBJECTS.radarFramesSr, `${frameId}:sr`, "RR_SR", "qiki.radar.v1.SRFrame"],
      [SUBJECTS.radarFrames, frameId, "RR_UNSPECIFIED", "qiki.radar.v1.UNSPECIFIEDFrame"],
    ]);
    expect(full[2]!.headers).toMatchObject({
      "x-qiki-tick": "10",
      "x-qiki-run": rig.sim.machine.runId,
      "x-qiki-scan": "LR,SR",
      "x-qiki-own-vel": "[0,0,0]",
      ce_source: "urn:qiki:q-sim-service:radar",
      ce_time: "2026-01-01T00:00:01.000Z",
    });
    expect(frameOf(full[2]!).detections).toEqual([...frameOf(full[0]!).detections, ...frameOf(full[1]!).detections]);
    expect(full[0]!.payload.ts_ingest).toMatch(/^2026-11-22T10:00:01(\.\d{6})?Z$/);
    expect((await rig.bus.streams.info(STREAMS.radar.name)).messages).toBe(heard.length);
    await rig.stop();

    const empty = await startRig({ scenario: "name: empty\nprofile: profiles/shipped.json\n", running: true });
    const nothing = hear(empty, "qiki.radar.v1.>");
    await empty.clock.advance(2000);
    expect(nothing.map(({ subject, payload }) => [subject, payload.detections])).toEqual([
      [SUBJECTS.radarFrames, []],
      [SUBJECTS.radarFrames, []],
    ]);
    await empty.stop();
  });

  test("RAD-031 frames - none while paused or the radar load is dead; the next at its normal tick", async () => {
    const rig = await startRig({ scenario: ONE_CONTACT, running: true });
    const frames = hear(rig, SUBJECTS.radarFrames);
    const tickOf = (one: Heard): number => Number(one.headers["x-qiki-tick"]);
    await rig.clock.advance(1500);
    await rig.command("sim.pause");
    await rig.clock.advance(4000);
    expect(frames.map(tickOf)).toEqual([10]);
    await rig.command("sim.start");
    await rig.clock.advance(600);
    expect(frames.map(tickOf)).toEqual([10, 20]);
    await rig.stop();
  });

  test("INC-019 radar sensor - says 0 with the reason from the first second without a look, and 1 again with the next", async () => {
    const scenario = `${ONE_CONTACT}
timeline:
  - { at: 4.5s, do: fault, kind: dead_load, target: radar, for_s: 3 }
  - { at: 9.5s, do: fault, kind: radar_dropout, for_s: 2 }
  - { at: 14.5s, do: fault, kind: radar_dropout, target: LR, for_s: 2 }
  - { at: 18.5s, do: input, radar_enabled: false }
`;
    const rig = await startRig({ scenario, running: true });
    await rig.clock.advance(21_000);
    const readings = rig.events.filter(({ subject }) => subject === SUBJECTS.radarSensor).map(({ payload }) => payload);
    const bySecond = readings.map(({ tick, value, reason }) => [Number(tick) / 10, value, reason]);
    expect(bySecond.filter(([, value, reason]) => value !== 1 || reason !== "ok")).toEqual([
      [5, 0, "unpowered"],
      [6, 0, "unpowered"],
      [7, 0, "unpowered"],
      [10, 0, "dropout"],
      [11, 0, "dropout"],
    ]);
    expect(bySecond.at(-1)).toEqual([18, 1, "ok"]);
    expect(rig.incidents.get("RADAR_SIGNAL_LOSS:ppi")?.occ).toBe(1);
    await rig.stop();
  });
});
