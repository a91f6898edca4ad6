import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { loadRun } from "#cli/load-run.ts";
import type { ControlCommand } from "#contracts/command.ts";
import { SUBJECTS } from "#contracts/subjects.ts";
import { FAULT_KINDS } from "#craft/faults.ts";
import { createSimMachine, type SimInput, type SimMachine, type SimOutput } from "#twin/sim-machine.ts";
import type { SimModel } from "#twin/sim-state.ts";
import { removeFolder } from "./running-twin.ts";

const folder = mkdtempSync(join(tmpdir(), "qiki-snapshot-"));
afterAll(() => removeFolder(folder));

function modelOf(text: string, bootId = "0"): SimModel {
  const scenario = join(folder, "scenario.yaml");
  writeFileSync(scenario, text);
  return loadRun({ scenario, bootId }).model;
}

let sent = 0;
function commandOf(name: string, parameters: Readonly<Record<string, unknown>> = {}): SimInput {
  sent += 1;
  const command: ControlCommand = { name, parameters, metadata: {}, requestId: `request-${sent}` };
  return { kind: "command", command, actor: { operator: "test", role: "supervisor" } };
}

const ticks = (count: number): SimInput[] => Array.from({ length: count }, () => ({ kind: "tick" }));

const messages = (outputs: readonly SimOutput[], subject: string): Readonly<Record<string, unknown>>[] =>
  outputs.flatMap((output) => (output.kind === "message" && output.message.subject === subject ? [output.message.payload] : []));

/** Every kind of fault with and without an end, each sensor stuck, and something for them to act on. */
const EVERYTHING = `
name: everything
set:
  power_capacity_wh: 5
  motion_plane.tip_off_dps: [1, 2, 3]
  sensor_plane.star_tracker: { enabled: true, locked_init: true, attitude_err_deg_init: 0.02 }
  sensor_plane.magnetometer: { enabled: true, field_ut_init: { x: 1, y: -2, z: 3 } }
config: { sim.telemetry_period_s: 0.1, sim.events_period_s: 0.2 }
contacts:
  - id: visitor
    type: SHIP
    transponder: { mode: "ON", id: ALLY-1 }
    trajectory: { kind: constant_velocity, at: { range_m: 900, bearing_deg: 40, elev_deg: 4 }, velocity: { x: 3, y: -2, z: 0 } }
timeline:
  - { at: 2t, do: fault, kind: stuck_sensor, target: imu, for_s: 4 }
  - { at: 2t, do: fault, kind: stuck_sensor, target: star_tracker }
  - { at: 3t, do: fault, kind: stuck_sensor, target: magnetometer }
  - { at: 3t, do: input, radiation_usvh: 1.5 }
  - { at: 4t, do: fault, kind: stuck_sensor, target: radiation }
  - { at: 5t, do: input, radiation_usvh: 9 }
  - { at: 6t, do: fault, kind: dead_load, target: nbl, for_s: 0.7 }
  - { at: 6t, do: fault, kind: dead_load, target: motion }
  - { at: 8t, do: fault, kind: battery_capacity_loss, value: 0.6, for_s: 2 }
  - { at: 9t, do: fault, kind: heat_leak, target: core, value: 9000, for_s: 6 }
  - { at: 9t, do: fault, kind: heat_leak, target: pdu, value: -200 }
  - { at: 12t, do: fault, kind: radar_dropout, target: SR, for_s: 1 }
  - { at: 14t, do: fault, kind: radar_dropout }
  - { at: 15t, do: fault, kind: comms_loss, for_s: 0.9 }
  - { at: 18t, do: fault, kind: thruster_dead, target: 12 }
  - { at: 19t, do: fault, kind: thruster_dead, target: 4, for_s: 3 }
  - { at: 20t, do: fault, kind: late_frames, value: 0.3, for_s: 5 }
  - { at: 25t, do: clear, kind: radar_dropout }
  - { at: 30t, do: fault, kind: comms_loss }
  - { at: 31t, do: fault, kind: battery_capacity_loss, value: 0.1 }
  - { at: 60t, do: fault, kind: late_frames, value: 0.2 }
  - { at: 80t, do: clear, kind: late_frames }
`;

/** Live inputs around the timeline: watches that stay pending, and commands while time stands. */
function inputs(): SimInput[] {
  return [
    { kind: "boot" },
    ...ticks(10),
    commandOf("power.dock.off"),
    ...ticks(5),
    commandOf("power.dock.on"),
    commandOf("sim.rcs.fire", { axis: "up", pct: 30, duration_s: 3 }),
    ...ticks(4),
    commandOf("sim.drive.turn", { delta_deg: 45 }),
    ...ticks(3),
    commandOf("sim.pause"),
    commandOf("power.nbl.set_max", { max_power_w: 5 }),
    { kind: "heartbeat" },
    commandOf("sim.drive.set", { speed_mps: 1 }),
    commandOf("power.nbl.on"),
    commandOf("power.nbl.set_max", { max_power_w: -1 }),
    { kind: "heartbeat" },
    commandOf("sim.step", { ticks: 3 }),
    ...ticks(3),
    commandOf("sim.start", { speed: 2 }),
    ...ticks(90),
    commandOf("sim.stop"),
    { kind: "heartbeat" },
    commandOf("sim.reset"),
    commandOf("sim.start", {}),
    ...ticks(40),
  ];
}

describe("snapshot", () => {
  test("SIM-100 snapshot - after each input of a run with everything in it: equal hashes, messages, effect results and ids", () => {
    const model = modelOf(EVERYTHING);
    expect(Object.keys(FAULT_KINDS).filter((kind) => !EVERYTHING.includes(`kind: ${kind}`))).toEqual([]);
    const whole = createSimMachine(model);
    let carried = createSimMachine(model);
    const all: SimOutput[] = [];
    for (const input of inputs()) {
      const next: SimMachine = createSimMachine(model);
      next.restore(carried.snapshot());
      carried = next;
      const outputs = whole.accept(input, whole.tick);
      expect(carried.accept(input, carried.tick)).toEqual(outputs);
      expect([carried.hash(), carried.runId, carried.runState, carried.tick]).toEqual([
        whole.hash(),
        whole.runId,
        whole.runState,
        whole.tick,
      ]);
      expect(Buffer.from(carried.snapshot()).equals(Buffer.from(whole.snapshot()))).toBe(true);
      all.push(...outputs);
    }
    // The run did contain what the case is about.
    const effects = messages(all, SUBJECTS.audit).filter((body) => body.kind === "command_effect");
    expect(new Set(effects.map((body) => body.effect))).toEqual(new Set(["effect_confirmed", "effect_missing"]));
    expect(all.filter((output) => output.kind === "ack").length).toBe(14);
    expect(messages(all, SUBJECTS.thermalTrip).length).toBeGreaterThan(1);
  });

  test("keep - the state kept before each input and put back after it and the next tick is the state before, to the byte", () => {
    const model = modelOf(EVERYTHING);
    const whole = createSimMachine(model);
    const undone = createSimMachine(model);
    for (const input of inputs()) {
      const putBack = undone.keep();
      undone.accept(input, undone.tick);
      undone.accept({ kind: "tick" }, undone.tick);
      putBack();
      expect(undone.accept(input, undone.tick)).toEqual(whole.accept(input, whole.tick));
      expect(undone.sceneHash()).toBe(whole.sceneHash());
      expect(Buffer.from(undone.snapshot()).equals(Buffer.from(whole.snapshot()))).toBe(true);
    }
  });

  test("SIM-101 snapshot - what stands in it beside the hashed fields changes its bytes and not the hash", () => {
    const model = modelOf("name: plain\n");
    const paused = createSimMachine(model);
    const running = createSimMachine(model);
    for (const machine of [paused, running]) {
      machine.accept({ kind: "boot" }, machine.tick);
      for (const input of ticks(5)) machine.accept(input, machine.tick);
    }
    for (const input of [commandOf("sim.start", { speed: 7 }), commandOf("sim.pause")]) {
      const before = Buffer.from(paused.snapshot());
      const hash = paused.hash();
      paused.accept(input, paused.tick);
      expect(Buffer.from(paused.snapshot()).equals(before)).toBe(false);
      expect(paused.hash()).toBe(hash);
    }
    expect(paused.hash()).toBe(running.hash());
  });
});

describe("cases on the wire", () => {
  test("SIM-012 identity - the own transponder keeps its id after a reset and in another boot; the run does not", () => {
    const ids = ["0", "ab12cd34"].map((bootId) => {
      const machine = createSimMachine(modelOf("name: plain\n", bootId));
      machine.accept({ kind: "boot" }, machine.tick);
      const before = [machine.telemetry().comms.xpdr.id, machine.runId];
      machine.accept(commandOf("sim.reset"), machine.tick);
      return [...before, machine.telemetry().comms.xpdr.id, machine.runId];
    });
    expect(ids.flatMap(([first, , second]) => [first, second])).toEqual(Array.from({ length: 4 }, () => "ALLY-762E17"));
    expect(new Set(ids.flatMap(([, first, , second]) => [first, second])).size).toBe(4);
  });

  test("SIM-060 trip - one event goes out at each edge, in its tick, and none between", () => {
    const leak = (at: string, watts: number): string => `  - { at: ${at}, do: fault, kind: heat_leak, target: core, value: ${watts} }\n`;
    const text = `name: edges\nconfig: { sim.events_period_s: 1000 }\ntimeline:\n${leak("1t", 9000)}${leak("120t", -9000)}${leak("200t", 9000)}`;
    const machine = createSimMachine(modelOf(text));
    machine.accept({ kind: "boot" }, machine.tick);
    const seen: [number, unknown][] = [];
    const edges: [number, unknown][] = [];
    let before = false;
    for (const input of ticks(400)) {
      const outputs = machine.accept(input, machine.tick);
      for (const body of messages(outputs, SUBJECTS.thermalTrip)) if (body.subject === "core") seen.push([machine.tick, body.tripped]);
      const { tripped } = machine.telemetry().thermal.nodes.find(({ id }) => id === "core")!;
      if (tripped !== before) edges.push([machine.tick, tripped ? 1 : 0]);
      before = tripped;
    }
    expect(edges.length).toBeGreaterThanOrEqual(3);
    expect(seen).toEqual(edges);
  });

  test("SIM-061 trip - without a hysteresis the fault stands in every tick's telemetry", () => {
    const text = "name: bare\nset: { 'thermal_plane.nodes[id=core].t_hysteresis_c': 0 }\n";
    const machine = createSimMachine(modelOf(text));
    machine.accept({ kind: "boot" }, machine.tick);
    for (const input of ticks(50)) {
      machine.accept(input, machine.tick);
      expect(machine.telemetry().power.faults).toContain("THERMAL_PLANE_PARAM_INVALID:core:hys_zero");
    }
  });

  test("SIM-098 battery capacity loss - SoC 50 in its tick, capacity as before, and nothing in faults or explain", () => {
    const text =
      "name: loss\nset: { power_plane.dock_connected_init: false }\ntimeline:\n  - { at: 5t, do: fault, kind: battery_capacity_loss, value: 0.5 }\n";
    const machine = createSimMachine(modelOf(text));
    machine.accept({ kind: "boot" }, machine.tick);
    for (const input of ticks(5)) machine.accept(input, machine.tick);
    expect(machine.telemetry().power.soc_pct).toBe(80);
    for (const input of ticks(20)) {
      machine.accept(input, machine.tick);
      const { power, explain } = machine.telemetry();
      expect([power.soc_pct, power.battery_capacity_wh, power.faults, explain]).toEqual([50, 500, [], []]);
    }
  });
});
