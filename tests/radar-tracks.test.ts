import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { parse as parseYaml } from "yaml";
import { loadGuardRules, loadRuleSet } from "#cli/load-rules.ts";
import { loadRun } from "#cli/load-run.ts";
import { uuid5 } from "#base/uuid5.ts";
import { headersOf, type Message } from "#contracts/message.ts";
import { type RadarTrackWire, radarTrackSchema } from "#contracts/radar.ts";
import { SUBJECTS } from "#contracts/subjects.ts";
import { polarOfXyz } from "#radar/coordinates.ts";
import { createScene } from "#radar/scene.ts";
import { Tracker } from "#radar/tracker.ts";
import { handleOf, STATUS } from "#radar/tracks.ts";
import { parseScenario, type Scenario } from "#twin/scenario.ts";
import { createTrackerMachine } from "#twin/tracker-machine.ts";
import { createTwin, type TwinOutput } from "#twin/twin.ts";
import { type Body, cleanUpRigs, startRig } from "./service-rig.ts";

afterAll(cleanUpRigs);

function scenarioOf(path: string): Scenario {
  const parsed = parseScenario(parseYaml(readFileSync(new URL(`../${path}`, import.meta.url), "utf8")));
  if (parsed.kind === "refused") throw new Error(JSON.stringify(parsed.problems));
  return parsed.scenario;
}

/** Messages of an offline run of so many ticks. */
function messagesOf(scenario: string, ticks: number): TwinOutput[] {
  const { model } = loadRun({ scenario, bootId: "0" });
  const twin = createTwin({ model, ruleSet: loadRuleSet().ruleSet, guardRuleSet: loadGuardRules().ruleSet(), hashesIncidents: false });
  const outputs = [...twin.step([{ kind: "boot" }])];
  for (let tick = 0; tick < ticks; tick += 1) outputs.push(...twin.step([{ kind: "tick" }]));
  return outputs;
}

function payloadsOn(outputs: readonly TwinOutput[], subject: string): Body[] {
  return outputs.flatMap((output) =>
    output.kind === "message" && output.message.subject === subject ? [output.message.payload as Body] : [],
  );
}

describe("tracks of whole runs", () => {
  test("RAD-034 default scenario - three confirmed tracks at frame 5, the ally a friend above the horizon, no other ids; 100 seeds of 300 frames", () => {
    const { contacts, settings } = scenarioOf("scenarios/default.yaml");
    const velocityMps = [0, 0, 0] as const;
    let threeAtFive = 0;
    let threeIds = 0;
    for (let seed = 1; seed <= 100; seed += 1) {
      const scene = createScene({ settings: settings.sensor, contacts, seed, tickMs: 1000, ownStartM: [0, 0, 0] });
      const tracker = new Tracker(settings.tracker, settings.sensor);
      const ids = new Set<string>();
      for (let tick = 1; tick <= 300; tick += 1) {
        const inputs = {
          radarOn: true,
          interrogates: true,
          positionM: velocityMps,
          velocityMps,
          dropout: { lr: false, sr: false },
          lateS: 0,
        };
        for (const { scan } of scene.advance(tick, inputs))
          tracker.step({
            ...scan,
            frameId: `${seed}:${tick}`,
            sensorId: settings.tracker.sensorIds[0]!,
            timeUs: tick * 1_000_000,
            runId: undefined,
          });
        const confirmed = tracker.views().filter(({ status }) => status !== STATUS.new);
        for (const { birth } of confirmed) ids.add(handleOf(birth));
        if (tick !== 5 || confirmed.length !== 3) continue;
        threeAtFive += 1;
        const ally = confirmed.find(({ transponderId }) => transponderId === "ALLY-7F3A21");
        expect(ally?.iff, `seed ${seed}`).toBe(1);
        expect(Math.abs(polarOfXyz(...ally!.positionM).elevDeg - 4)).toBeLessThan(1);
      }
      if (ids.size === 3) threeIds += 1;
    }
    expect(threeAtFive).toBeGreaterThanOrEqual(99);
    expect(threeIds).toBeGreaterThanOrEqual(97);
  });

  test("RAD-011 ids - tracks of seed 1 born at tick 10", () => {
    const { tracker, sensor } = scenarioOf("scenarios/default.yaml").settings;
    const machine = createTrackerMachine({ tracker, sensor, ruleSet: loadGuardRules().ruleSet() });
    const plot = { range_m: 1000, bearing_deg: 0, elev_deg: 0, vr_mps: 0, snr_db: 20, rcs_dbsm: 0, range_band: 2 };
    const payload = {
      schema_version: 1,
      frame_id: "a2a41684-3850-568c-ab3e-30bef93ecf82",
      sensor_id: tracker.sensorIds[0],
      timestamp: "2026-01-01T00:00:01Z",
      detections: [plot, { ...plot, range_m: 2000 }],
    };
    const outputs = machine.accept({ kind: "frame", payload, headers: { "x-qiki-tick": "10" } }, 10 as never);
    const tracks = outputs.filter(({ message }) => message.subject === SUBJECTS.radarTracks);
    expect(tracks.map(({ message }) => message.payload.track_id)).toEqual([
      "8b6aa8fc-e2d3-58f7-b2e5-34c16d12d93c",
      "c4cb5877-30d4-5912-b11d-d2beb856b608",
    ]);
    expect(tracks[0]!.message.msgId).toBe("8b6aa8fc-e2d3-58f7-b2e5-34c16d12d93c:2026-01-01T00:00:01.000000Z");
    expect(Object.keys(tracks[0]!.message.payload)).toEqual(Object.keys(radarTrackSchema.shape));
  });

  test("RAD-124 dropouts - LR and both out by two faults: no frame; both cleared: frames of SR alone", () => {
    const outputs = messagesOfText(
      `
name: dropouts
profile: profiles/shipped.json
timeline:
  - { at: 0s, do: fault, kind: radar_dropout, target: LR }
  - { at: 0s, do: fault, kind: radar_dropout }
  - { at: 3.5s, do: clear, kind: radar_dropout }
`,
      60,
    );
    const frames = outputs.flatMap((output) =>
      output.kind === "message" && output.message.subject === SUBJECTS.radarFrames
        ? [[output.message.tick, output.message.headers?.["x-qiki-scan"]]]
        : [],
    );
    expect(frames).toEqual([
      [40, "SR"],
      [50, "SR"],
      [60, "SR"],
    ]);
  });

  test("GRD-014 new track - is not looked at; the alert comes with its confirmation", () => {
    const { tracker, sensor } = scenarioOf("scenarios/default.yaml").settings;
    const machine = createTrackerMachine({ tracker, sensor, ruleSet: loadGuardRules().ruleSet() });
    const alerts = [0, 1].map((second) =>
      machine
        .accept({ kind: "frame", payload: frameWire(second, 60), headers: {} }, 0 as never)
        .filter(({ message }) => message.subject === SUBJECTS.radarGuard),
    );
    expect(alerts.map(({ length }) => length)).toEqual([0, 1]);
    expect(alerts[1]![0]!.message.payload).toMatchObject({ kind: "guard_alert", ts_epoch: 1_767_225_601 });
  });

  test("RAD-101 machine - a new run's frame says LOST for each confirmed track with its own run and a new message id; guards clear with reset", () => {
    const [runA, runB] = ["a2a41684-3850-568c-ab3e-30bef93ecf82", "b0628cc5-0a82-535d-8e84-5c3c2ea40f60"];
    const { tracker, sensor } = scenarioOf("scenarios/default.yaml").settings;
    const machine = createTrackerMachine({ tracker, sensor, ruleSet: loadGuardRules().ruleSet() });
    const accept = (second: number, frame: number, run: string): Message[] =>
      machine
        .accept(
          {
            kind: "frame",
            payload: { ...frameWire(second, 60), frame_id: frameWire(frame, 60).frame_id },
            headers: { "x-qiki-run": run, "x-qiki-tick": String(10 * second) },
          },
          0 as never,
        )
        .map(({ message }) => message);
    for (const second of [1, 2, 3]) accept(second, second, runA);
    const [lost, ...rest] = accept(1, 9, runB);
    const before = uuid5(frameWire(1, 60).frame_id as string, "track:0");
    expect(lost).toMatchObject({
      subject: SUBJECTS.radarTracks,
      msgId: `${before}:2026-01-01T00:00:03.000001Z`,
      runId: runB,
      tick: 10,
      payload: { track_id: before, status: 3, quality: 0, timestamp: "2026-01-01T00:00:03.000001Z" },
    });
    expect(headersOf(lost!, 1)).toMatchObject({ "x-qiki-run": runB, ce_id: lost!.msgId, ce_time: "2026-01-01T00:00:03.000Z" });
    expect(rest.map(({ subject, payload }) => [subject, payload.clear_reason ?? payload.status])).toEqual([
      [SUBJECTS.radarGuard, "reset"],
      [SUBJECTS.radarTracks, 1],
      [SUBJECTS.radarTracker, undefined],
      [SUBJECTS.recordHashes, undefined],
      [SUBJECTS.recordHashes, undefined],
    ]);
    expect(rest[1]!.payload.track_id).toBe(uuid5(frameWire(9, 60).frame_id as string, "track:0"));
  });

  test("RAD-121 machine - a snapshot of another filter, with rules of another build or of an older schema is refused, and nothing is changed", () => {
    const { tracker, sensor } = scenarioOf("scenarios/default.yaml").settings;
    const ruleSet = loadGuardRules().ruleSet();
    const machine = createTrackerMachine({ tracker, sensor, ruleSet });
    for (const second of [1, 2]) machine.accept({ kind: "frame", payload: frameWire(second, 60), headers: {} }, 0 as never);
    const bytes = machine.snapshot();
    const text = Buffer.from(bytes).toString("utf8");
    const imm = createTrackerMachine({ tracker: { ...tracker, filter: "imm" }, sensor, ruleSet });
    expect(() => imm.restore(bytes)).toThrow("tracker snapshot of another filter: 27 numbers a track");
    for (const [wrong, said] of [
      [text.replace('"schema":1', '"schema":0'), "tracker snapshot of schema 0; this build reads 1"],
      [text.replaceAll('"severity":"critical"', '"severity":"loud"'), "guard rules that this build refuses: rules[0].severity"],
      [text.slice(0, -1), "is not JSON"],
    ] as const)
      expect(() => machine.restore(Buffer.from(wrong))).toThrow(said);
    expect(Buffer.from(machine.snapshot()).equals(bytes)).toBe(true);
  });

  test("RAD-108 machine - an SR-born track that long range follows says no band and keeps its identity", () => {
    const { tracker, sensor } = scenarioOf("scenarios/default.yaml").settings;
    const machine = createTrackerMachine({ tracker, sensor, ruleSet: loadGuardRules().ruleSet() });
    const known = { transponder_on: true, transponder_mode: 1, transponder_id: "ALLY-A", id_present: true };
    const said = [known, known, { range_band: 1 }].map((more, second) => {
      const frame = frameWire(second, 4900);
      const [plot] = frame.detections as [Body];
      const outputs = machine.accept({ kind: "frame", payload: { ...frame, detections: [{ ...plot, ...more }] }, headers: {} }, 0 as never);
      const { track_id: id, range_band: band, transponder_id: transponder, iff } = outputs[0]!.message.payload;
      return [id, band, transponder, iff];
    });
    const [id] = said[0]!;
    expect(said).toEqual([
      [id, 2, "ALLY-A", 1],
      [id, 2, "ALLY-A", 1],
      [id, 0, "ALLY-A", 1],
    ]);
  });

  test("RAD-115 machine - frames that are odd: refused or taken, and never the end of the tracker", () => {
    const { tracker, sensor } = scenarioOf("scenarios/default.yaml").settings;
    const machine = createTrackerMachine({ tracker, sensor, ruleSet: loadGuardRules().ruleSet() });
    const accept = (payload: unknown, headers: Readonly<Record<string, string>>): number =>
      machine.accept({ kind: "frame", payload, headers }, 0 as never).filter(({ message }) => message.subject === SUBJECTS.radarTracks)
        .length;
    const odd: readonly (readonly [unknown, Readonly<Record<string, string>>, number])[] = [
      [frameWire(0, 60), { "x-qiki-run": "my run", "x-qiki-tick": "" }, 1],
      [{ ...frameWire(1, 60), frame_id: "ABCDEF00-0000-5000-8000-000000000001" }, { "x-qiki-run": "my run", "x-qiki-tick": "0x10" }, 1],
      [{ ...frameWire(2, 60), frame_id: "abcdef00-0000-5000-8000-000000000001" }, {}, 0],
      [frameWire(3, 60), { "x-qiki-scan": "LR,XR" }, 0],
      [frameWire(3, 60), { "x-qiki-own-vel": "[1,2,1e999]" }, 0],
      [frameWire(3, 60), { "x-qiki-own-vel": "{" }, 0],
      [undefined, {}, 0],
      [[], {}, 0],
      [{ ...frameWire(3, 60), ts_event: "2027-01-01T00:00:00Z" }, { "x-qiki-run": "" }, 1],
    ];
    expect(odd.map(([payload, headers]) => accept(payload, headers))).toEqual(odd.map(([, , tracks]) => tracks));
    expect(machine.wires().map(({ timestamp, status }) => [timestamp, status])).toEqual([["2026-01-01T00:00:03Z", 2]]);
  });

  test("GRD-019 machine - two frames of one tick give their tracks two handles", () => {
    const { tracker, sensor } = scenarioOf("scenarios/default.yaml").settings;
    const machine = createTrackerMachine({ tracker, sensor, ruleSet: loadGuardRules().ruleSet() });
    const alerts = [60, 65, 60, 65].flatMap((rangeM, second) => {
      const frame = frameWire(second, rangeM);
      const plots = (frame.detections as Body[]).map((plot) => ({ ...plot, bearing_deg: second % 2 === 0 ? 0 : 180 }));
      const both =
        second < 2 ? plots : [0, 180].map((bearing) => ({ ...plots[0]!, bearing_deg: bearing, range_m: bearing === 0 ? 60 : 65 }));
      return machine
        .accept({ kind: "frame", payload: { ...frame, detections: both }, headers: { "x-qiki-tick": "7" } }, 0 as never)
        .filter(({ message }) => message.subject === SUBJECTS.radarGuard);
    });
    expect(new Set(alerts.map(({ message }) => message.payload.track_ref)).size).toBe(2);
    expect(alerts.length).toBe(2);
  });

  test("RAD-121 machine - handed over after every tenth frame, messages and digests are byte for byte the same", () => {
    const { tracker, sensor } = scenarioOf("scenarios/default.yaml").settings;
    const model = { tracker, sensor, ruleSet: loadGuardRules().ruleSet() };
    const frames = messagesOf("scenarios/close_pass.yaml", 600).flatMap((output) =>
      output.kind === "message" && output.message.subject === SUBJECTS.radarFrames
        ? [{ kind: "frame", payload: output.message.payload, headers: headersOf(output.message, 1) } as const]
        : [],
    );
    const whole = createTrackerMachine(model);
    let split = createTrackerMachine(model);
    let guards = 0;
    for (const [index, frame] of frames.entries()) {
      const expected = whole.accept(frame, 0 as never);
      expect(JSON.stringify(split.accept(frame, 0 as never))).toBe(JSON.stringify(expected));
      guards += expected.filter(({ message }) => message.subject === SUBJECTS.radarGuard).length;
      if (index % 10 !== 9) continue;
      const bytes = split.snapshot();
      split = createTrackerMachine(model);
      split.restore(bytes);
      expect(split.hashes()).toEqual(whole.hashes());
      expect(Buffer.from(split.snapshot()).equals(bytes)).toBe(true);
    }
    expect([frames.length, guards]).toEqual([60, 2]);
  });

  test("RAD-122 late frames - each of odd number is late, no other; with a window none, and the tracks are those of a prompt run", () => {
    const yaml = (config: string, timeline: string): string => `
name: late
profile: profiles/shipped.json
config: { ${config} }
contacts:
  - { id: a, type: SHIP, rcs_dbsm: 20, trajectory: { kind: constant_velocity, at: { x: 1000, y: 2000, z: 10 }, velocity: { x: 5, y: 0, z: 0 } } }
timeline: [${timeline}]
`;
    const late = "{ at: 0s, do: fault, kind: late_frames, value: 1.5 }";
    const runOf = (text: string): { readonly status: Body; readonly tracks: readonly Body[] } => {
      const outputs = messagesOfText(text, 305);
      return { status: payloadsOn(outputs, SUBJECTS.radarTracker).at(-1)!, tracks: payloadsOn(outputs, SUBJECTS.radarTracks) };
    };
    const refused = runOf(yaml("", late));
    // At 29 s: the frames of 2, 4, … 26 s have come, each a second and a half late.
    expect(refused.status.counters).toMatchObject({ frames: 15, late: 13 });
    const waited = runOf(yaml("tracker.reorder_window_s: 2", late));
    const prompt = runOf(yaml("tracker.reorder_window_s: 2", ""));
    expect(waited.status.counters).toMatchObject({ late: 0 });
    expect(waited.tracks.length).toBeGreaterThan(20);
    expect(waited.tracks).toEqual(prompt.tracks.slice(0, waited.tracks.length));
  });

  test("GRD-030 close pass - exactly one alert and one clear of UNKNOWN_CONTACT_CLOSE; GRD-026 the clear carries no range", () => {
    const events = payloadsOn(messagesOf("scenarios/close_pass.yaml", 600), SUBJECTS.radarGuard);
    expect(events.map(({ kind, rule_id: rule }) => [kind, rule])).toEqual([
      ["guard_alert", "UNKNOWN_CONTACT_CLOSE"],
      ["guard_clear", "UNKNOWN_CONTACT_CLOSE"],
    ]);
    const [alert, clear] = events as [Body, Body];
    expect(alert).toMatchObject({ severity: "critical", iff: 3, transponder_on: false, occurrence: 1, track_ref: "10:0" });
    expect(alert.range_m).toBeLessThanOrEqual(70);
    for (const key of ["range_m", "quality", "transponder_mode"]) expect(clear).not.toHaveProperty(key);
    expect(clear).toMatchObject({ severity: "info", clear_reason: "exit", track_id: alert.track_id });
    expect(clear.active_s).toBeGreaterThan(5);
  });

  test("PRF-012 close contact - threshold 100 m, an unknown at rest at 60 m: alerted within 6 s", () => {
    const outputs = messagesOfText(
      `
name: close
profile: profiles/shipped.json
config: { radar.sr_threshold_m: 100 }
contacts:
  - { id: a, type: SHIP, rcs_dbsm: 0, trajectory: { kind: constant_velocity, at: { x: 0, y: 60, z: 0 }, velocity: { x: 0, y: 0, z: 0 } } }
`,
      60,
    );
    const [alert] = payloadsOn(outputs, SUBJECTS.radarGuard);
    expect(alert).toMatchObject({ kind: "guard_alert", rule_id: "UNKNOWN_CONTACT_CLOSE" });
    expect(alert!.range_m).toBeLessThan(70);
    expect(alert!.quality).toBeGreaterThanOrEqual(0.2);
  });
});

/** A frame of one SR plot at 20 dB, north of own ship. */
function frameWire(second: number, rangeM: number): Body {
  return {
    schema_version: 1,
    frame_id: `00000000-0000-5000-8000-${String(second).padStart(12, "0")}`,
    sensor_id: "e46bc6f6-b33d-5ee4-a4ee-ae47bf13509c",
    timestamp: `2026-01-01T00:00:0${second}Z`,
    detections: [{ range_m: rangeM, bearing_deg: 0, elev_deg: 0, vr_mps: 0, snr_db: 20, rcs_dbsm: 0, range_band: 2 }],
  };
}

function messagesOfText(text: string, ticks: number): TwinOutput[] {
  const path = join(mkdtempSync(join(tmpdir(), "qiki-radar-")), "scenario.yaml");
  writeFileSync(path, text);
  return messagesOf(path, ticks);
}

describe("the tracker of a running twin", () => {
  test("PRF-011 default scenario - frames and tracks as clients expect them", async () => {
    const rig = await startRig({ scenario: readFileSync(new URL("../scenarios/default.yaml", import.meta.url), "utf8"), running: true });
    const heard: { subject: string; payload: Body; headers: Readonly<Record<string, string>> }[] = [];
    rig.bus.subscribe(
      "qiki.radar.v1.>",
      ({ subject, bytes, headers }) =>
        void heard.push({ subject, payload: JSON.parse(Buffer.from(bytes).toString("utf8")) as Body, headers }),
      { name: "test.radar" },
    );
    await rig.clock.advance(12_000);
    const on = (subject: string) => heard.filter((one) => one.subject === subject);
    const union = on(SUBJECTS.radarFrames).find(({ payload }) => (payload.detections as Body[]).length >= 2)!;
    expect(union.headers["x-range-band"]).toBe("RR_UNSPECIFIED");
    expect((union.payload.detections as Body[]).some(({ elev_deg: elevation }) => elevation !== 0)).toBe(true);
    expect([union.payload.ts_event, typeof union.payload.ts_ingest]).toEqual([union.payload.timestamp, "string"]);
    for (const { payload } of on(SUBJECTS.radarFramesLr))
      for (const one of payload.detections as Body[]) expect(one.transponder_id).toBeNull();
    expect(
      on(SUBJECTS.radarFramesSr)
        .flatMap(({ payload }) => payload.detections as Body[])
        .some(({ transponder_id: id }) => id === "ALLY-7F3A21"),
    ).toBe(true);
    const tracks = on(SUBJECTS.radarTracks);
    for (const { payload } of tracks) radarTrackSchema.parse(payload);
    const ally = tracks
      .map(({ payload }) => payload as never as RadarTrackWire)
      .find((track) => track.transponder_id === "ALLY-7F3A21" && track.status === 2)!;
    expect([ally.range_band, ally.id_present, ally.iff]).toEqual([2, true, 1]);
    expect(ally.elev_deg).not.toBe(0);
    expect(ally.position!.z).not.toBe(0);
    expect(tracks[0]!.headers).toMatchObject({
      "x-qiki-truth-state": "OK",
      "x-qiki-fallback": "false",
      ce_source: "urn:qiki:faststream-bridge:radar",
    });
    await rig.stop();
  });

  test("INC-020 guard - an alert opens its incident, the clear returns it; guards.reload refuses a broken file and keeps the rules", async () => {
    const rig = await startRig({ scenario: readFileSync(new URL("../scenarios/close_pass.yaml", import.meta.url), "utf8"), running: true });
    await rig.clock.advance(31_000);
    const id = [...rig.incidents.keys()].find((key) => key.startsWith("UNKNOWN_CONTACT_CLOSE:"))!;
    expect(rig.incidents.get(id)?.letter).toBe("B");
    writeFileSync(rig.guardRulesPath, "schema_version: 1\nrules: [{ id: x }]\n");
    const refused = await rig.command("guards.reload", {}, { actor: { id: "sue", role: "supervisor" } });
    expect(refused.error_detail?.code).toBe("not_authorized");
    const signed = await rig.signed("guards.reload");
    expect(signed.error_detail?.code).toBe("not_allowed_in_state");
    expect(signed.error_detail?.message).toContain("rules[0].id");
    expect(rig.tracker.machine.activeGuards()).toMatchObject({ UNKNOWN_CONTACT_CLOSE: 1 });
    writeFileSync(rig.guardRulesPath, "schema_version: 1\nrules: []\n");
    expect((await rig.signed("guards.reload")).ok).toBe(true);
    await rig.clock.advance(1000);
    expect(rig.incidents.get(id)?.quality).toBe("GONE");
    await rig.stop();
  });

  test("GRD-016 restart - a restarted tracker goes on with its tracks and never alerts twice for one key", async () => {
    const scenario = readFileSync(new URL("../scenarios/close_pass.yaml", import.meta.url), "utf8");
    const first = await startRig({ scenario, running: true });
    await first.clock.advance(31_000);
    const before = first.tracker.machine.hashes();
    await first.restartTracker();
    expect(first.tracker.machine.hashes()).toEqual(before);
    await first.clock.advance(15_000);
    const events = first.events.filter(({ subject }) => subject === SUBJECTS.radarGuard).map(({ payload }) => payload.kind);
    expect(events).toEqual(["guard_alert", "guard_clear"]);
    await first.stop();
  });
});
