import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { loadGuardRules } from "#cli/load-rules.ts";
import { loadRun } from "#cli/load-run.ts";
import { headersOf } from "#contracts/message.ts";
import { STREAMS } from "#contracts/streams.ts";
import { SUBJECTS } from "#contracts/subjects.ts";
import { createSimMachine, type SimMachine, type SimOutput } from "#twin/sim-machine.ts";
import { createTrackerMachine } from "#twin/tracker-machine.ts";
import { ROOT, removeFolder } from "./running-twin.ts";
import { cleanUpRigs, startRig } from "./service-rig.ts";

const folder = mkdtempSync(join(tmpdir(), "qiki-radar-cases-"));
afterAll(async () => {
  await cleanUpRigs();
  removeFolder(folder);
});

function simOf(text: string): () => SimMachine {
  const scenario = join(folder, "scenario.yaml");
  writeFileSync(scenario, text);
  const { model } = loadRun({ scenario, bootId: "0" });
  return () => createSimMachine(model);
}

const CONTACT = `
name: cases
profile: profiles/shipped.json
contacts:
  - id: a
    type: SHIP
    rcs_dbsm: 20
    transponder: { mode: "ON", id: ALLY-1 }
    trajectory: { kind: constant_velocity, at: { x: 500, y: 1000, z: 30 }, velocity: { x: 5, y: -3, z: 0 } }
`;

const frameScans = (outputs: readonly SimOutput[]): (readonly [number, string | undefined])[] =>
  outputs.flatMap((output) =>
    output.kind === "message" && output.message.subject === SUBJECTS.radarFrames
      ? [[output.message.tick, output.message.headers?.["x-qiki-scan"]] as const]
      : [],
  );

function runTicks(sim: SimMachine, ticks: number): SimOutput[] {
  const outputs = [...sim.accept({ kind: "boot" }, sim.tick)];
  for (let tick = 0; tick < ticks; tick += 1) outputs.push(...sim.accept({ kind: "tick" }, sim.tick));
  return outputs;
}

describe("radar cases through the sim machine", () => {
  test("RAD-012 stream - one stream with qiki.radar.v1.> and 120 s of dedup stores all three once, however often they come", async () => {
    const rig = await startRig({ scenario: CONTACT, running: true });
    const sent: { subject: string; bytes: Uint8Array; headers: Readonly<Record<string, string>> }[] = [];
    rig.bus.subscribe("qiki.radar.v1.>", ({ subject, bytes, headers }) => void sent.push({ subject, bytes, headers }), {
      name: "test.radar",
    });
    await rig.clock.advance(1000);
    const before = await rig.bus.streams.info(STREAMS.radar.name);
    expect([before.subjects, STREAMS.radar.dedupWindowMs]).toEqual([["qiki.radar.v1.>"], 120_000]);
    for (const { subject, bytes, headers } of sent) rig.bus.publish(subject, bytes, { headers, msgId: headers["Nats-Msg-Id"]! });
    await rig.clock.advance(50);
    expect(new Set(sent.map(({ subject }) => subject)).size).toBe(4);
    expect((await rig.bus.streams.info(STREAMS.radar.name)).messages).toBe(before.messages);
    await rig.stop();
  });

  test("RAD-031 frames - none while the radar load is shed for want of charge; dropouts of SR and of both say so in the header", () => {
    const sim = simOf(`${CONTACT}
set: { power_capacity_wh: 50, power_plane.dock_connected_init: false }
init: { soc_pct: 20.5, supercap_soc_pct: 0 }
timeline:
  - { at: 2.5s, do: fault, kind: radar_dropout, target: SR, for_s: 2 }
  - { at: 6.5s, do: fault, kind: radar_dropout, for_s: 2 }
`)();
    const outputs = runTicks(sim, 300);
    const shedAt = outputs.flatMap((output) =>
      output.kind === "message" &&
      output.message.subject === SUBJECTS.powerPdu &&
      (output.message.payload.shed_loads as string[] | undefined)?.includes("radar")
        ? [output.message.tick]
        : [],
    )[0]!;
    expect(shedAt).toBeGreaterThan(100);
    const scans = frameScans(outputs);
    expect(scans.slice(0, 7)).toEqual([
      [10, "LR,SR"],
      [20, "LR,SR"],
      [30, "LR"],
      [40, "LR"],
      [50, "LR,SR"],
      [60, "LR,SR"],
      [90, "LR,SR"],
    ]);
    expect(scans.every(([tick]) => tick <= shedAt)).toBe(true);
  });

  test("RAD-123 sim machine - restored after each tick of a run with late frames, dropouts and contacts that the timeline changes from tick 0 on", () => {
    const make = simOf(`${CONTACT}
  - { id: b, type: DRONE, rcs_dbsm: 5, trajectory: { kind: circular, centre: { x: 0, y: 2000, z: 0 }, radius_m: 300, speed_mps: 20, start_deg: 0, direction: ccw } }
config: { radar.lr.false_alarms_per_scan: 1 }
timeline:
  - { at: 0s, do: contact, id: b, appear: false }
  - { at: 0s, do: contact, id: a, transponder: { mode: SPOOF, id: X-1 } }
  - { at: 1.5s, do: fault, kind: late_frames, value: 2.5, for_s: 6 }
  - { at: 3s, do: fault, kind: radar_dropout, target: LR, for_s: 2 }
  - { at: 4s, do: contact, id: b, appear: true }
  - { at: 4s, do: fault, kind: radar_dropout, target: SR, for_s: 3 }
  - { at: 8s, do: contact, id: a, appear: false }
`);
    const whole = make();
    let carried = make();
    const radar = (outputs: readonly SimOutput[]): string =>
      JSON.stringify(outputs.filter((output) => output.kind === "message" && output.message.subject.startsWith("qiki.radar.")));
    let [frames, late] = [0, 0];
    for (let tick = 0; tick <= 130; tick += 1) {
      const input = tick === 0 ? ({ kind: "boot" } as const) : ({ kind: "tick" } as const);
      const expected = whole.accept(input, whole.tick);
      expect(radar(carried.accept(input, carried.tick))).toBe(radar(expected));
      for (const [lookTick] of frameScans(expected)) {
        frames += 1;
        if (lookTick !== whole.tick) late += 1;
      }
      const bytes = carried.snapshot();
      carried = make();
      carried.restore(bytes);
      expect(carried.sceneHash()).toBe(whole.sceneHash());
    }
    expect([frames, late]).toEqual([12, 3]);
  });

  test("RAD-121 processes - 1,000 frames, the second half in another process with the first one's state: byte for byte the same", () => {
    const sim = simOf(`${CONTACT}
config: { radar.sr.false_alarms_per_scan: 2, tracker.reorder_window_s: 1 }
duration_s: 1000
`)();
    const frames = runTicks(sim, 10_000).flatMap((output) =>
      output.kind === "message" && output.message.subject === SUBJECTS.radarFrames
        ? [{ kind: "frame", payload: output.message.payload, headers: headersOf(output.message, 1) } as const]
        : [],
    );
    expect(frames.length).toBe(1000);
    const { settings } = loadRun({ scenario: join(folder, "scenario.yaml"), bootId: "0" }).model;
    const machine = createTrackerMachine({ tracker: settings.tracker, sensor: settings.sensor, ruleSet: loadGuardRules().ruleSet() });
    for (const frame of frames.slice(0, 500)) machine.accept(frame, 0 as never);
    const handOver = {
      scenario: join(folder, "scenario.yaml"),
      state: Buffer.from(machine.snapshot()).toString("base64"),
      frames: frames.slice(500),
    };
    const child = spawnSync(process.execPath, [join(ROOT, "tests/radar-tracker-child.ts")], {
      cwd: ROOT,
      input: JSON.stringify(handOver),
      encoding: "utf8",
      maxBuffer: 1 << 28,
    });
    expect(child.status, child.stderr).toBe(0);
    const here = frames.slice(500).map((frame) => JSON.stringify(machine.accept(frame, 0 as never)));
    expect(child.stdout).toBe(`${[...here, JSON.stringify(machine.hashes())].join("\n")}\n`);
  });

  test("GRD-022 reload - a file that is gone or broken is refused and the rules stay in force; put right, it is taken", async () => {
    const rig = await startRig({ scenario: CONTACT, running: true });
    await rig.clock.advance(1000);
    const good = readFileSync(rig.guardRulesPath, "utf8");
    const inForce = rig.tracker.machine.ruleSet.hash;
    rmSync(rig.guardRulesPath);
    expect((await rig.signed("guards.reload")).error_detail).toMatchObject({
      code: "not_allowed_in_state",
      message: expect.stringContaining("cannot be read") as string,
    });
    for (const broken of ["rules: [", "schema_version: 1\nrules: [{ id: A, cooldown_s: .nan }]\n", `${good}  - ${"x".repeat(10)}\n`]) {
      writeFileSync(rig.guardRulesPath, broken);
      expect((await rig.signed("guards.reload")).error_detail?.code).toBe("not_allowed_in_state");
    }
    expect([rig.tracker.machine.ruleSet.hash, rig.tracker.problem()]).toEqual([inForce, undefined]);
    writeFileSync(rig.guardRulesPath, good.replace("max_range_m: 70", "max_range_m: 80"));
    expect((await rig.signed("guards.reload")).ok).toBe(true);
    expect(rig.tracker.machine.ruleSet.hash).not.toBe(inForce);
    await rig.stop();
  });

  test.each([
    [
      "a frame each 4 s and the coasting it needs",
      "config: { radar.frame_period_s: 4, tracker.max_coast_s: 16 }",
      400,
      [40, 80, 120, 160, 200, 240, 280, 320, 360, 400],
    ],
    ["a tick of a second", "tick_ms: 1000", 5, [1, 2, 3, 4, 5]],
    [
      "a tick of 30 ms",
      "tick_ms: 30\nconfig: { radar.frame_period_s: 0.9, sim.telemetry_period_s: 0.9, sim.events_period_s: 0.9 }",
      100,
      [30, 60, 90],
    ],
  ])("RAD-031 pace - %s", (_what, keys, ticks, expected) => {
    expect(frameScans(runTicks(simOf(`${CONTACT}${keys}\n`)(), ticks)).map(([tick]) => tick)).toEqual(expected);
  });

  test("RAD-031 pace - four seconds of period do not fit ten seconds of coasting", () => {
    expect(() => simOf(`${CONTACT}config: { radar.frame_period_s: 4 }\n`)).toThrow(/tracker\.max_coast_s: got 10, expected at least 16 s/);
  });
});
