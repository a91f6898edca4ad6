import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse as parseYaml } from "yaml";
import { loadRun } from "#cli/load-run.ts";
import type { Ack } from "#contracts/ack.ts";
import type { ControlCommand } from "#contracts/command.ts";
import { parseProfile } from "#craft/profile.ts";
import { profileHash } from "#craft/profile-hash.ts";
import { applyProfileSet } from "#twin/profile-set.ts";
import { parseScenario } from "#twin/scenario.ts";
import { createSimMachine, type SimInput, type SimMachine, type SimOutput } from "#twin/sim-machine.ts";
import { createSimModel, type SimModel } from "#twin/sim-state.ts";

const ROOT = join(import.meta.dirname, "..");
const PROFILE_TEXT = readFileSync(join(ROOT, "profiles/shipped.json"), "utf8");
const THRUSTERS: unknown = JSON.parse(readFileSync(join(ROOT, "config/propulsion/thrusters.json"), "utf8"));

/** A run of the shipped profile with the scenario text given. */
function modelOf(scenarioText: string): SimModel {
  const parsed = parseScenario(parseYaml(scenarioText, { version: "1.2" }));
  if (parsed.kind === "refused") throw new Error(JSON.stringify(parsed.problems));
  const { profile, problems } = applyProfileSet(JSON.parse(PROFILE_TEXT), parsed.scenario.set);
  expect(problems).toEqual([]);
  expect(parseProfile(profile, { tickMs: parsed.scenario.settings.tickMs, thrusters: THRUSTERS }).kind).toBe("ok");
  const made = createSimModel({
    profile,
    profileHash: profileHash(PROFILE_TEXT),
    thrusters: THRUSTERS,
    scenario: parsed.scenario,
    bootId: "0",
    mode: "FACTORY",
  });
  if (made.kind === "refused") throw new Error(JSON.stringify(made.problems));
  return made.model;
}

const UNDOCKED = `
name: undocked
set: { power_plane.dock_connected_init: false, motion_plane: { tip_off_dps: [0, 0, 0] } }
`;

let sent = 0;
function commandOf(name: string, parameters: Readonly<Record<string, unknown>> = {}): SimInput {
  sent += 1;
  const command: ControlCommand = { name, parameters, metadata: {}, requestId: `request-${sent}` };
  return { kind: "command", command, actor: { operator: "test", role: "supervisor" } };
}

function feed(machine: SimMachine, input: SimInput): readonly SimOutput[] {
  return machine.accept(input, machine.tick);
}

function ackOfCommand(machine: SimMachine, name: string, parameters: Readonly<Record<string, unknown>> = {}): Ack {
  const acks = feed(machine, commandOf(name, parameters)).filter((output) => output.kind === "ack");
  expect(acks.length).toBe(1);
  return acks[0]!.ack;
}

function runTicks(machine: SimMachine, count: number): SimOutput[] {
  const outputs: SimOutput[] = [];
  for (let tick = 0; tick < count; tick += 1) outputs.push(...feed(machine, { kind: "tick" }));
  return outputs;
}

function booted(scenarioText = "name: plain\n"): SimMachine {
  const machine = createSimMachine(modelOf(scenarioText));
  feed(machine, { kind: "boot" });
  return machine;
}

/** Audit bodies of a kind among outputs. */
function audits(outputs: readonly SimOutput[], kind: string): Readonly<Record<string, unknown>>[] {
  return outputs.flatMap((output) => (output.kind === "message" && output.message.payload.kind === kind ? [output.message.payload] : []));
}

const telemetryTicks = (outputs: readonly SimOutput[]): unknown[] =>
  outputs.flatMap((output) =>
    output.kind === "message" && output.message.subject === "qiki.telemetry" ? [output.message.payload.tick] : [],
  );

describe("sim machine", () => {
  test("SIM-012 identity - run and transponder ids of seed 42 are the pinned ones, the transponder's also after a reset", () => {
    const machine = booted();
    expect(machine.runId).toBe("854ca25f-fa62-5dc8-8ec3-302659e4ebe3");
    runTicks(machine, 10);
    expect(machine.telemetry().comms.xpdr.id).toBe("ALLY-762E17");
    feed(machine, commandOf("sim.reset"));
    expect(machine.runId).not.toBe("854ca25f-fa62-5dc8-8ec3-302659e4ebe3");
    expect(machine.telemetry().comms.xpdr.id).toBe("ALLY-762E17");
  });

  test("SIM-014 pace - speed and readers polling change no hash", () => {
    const hashes = [1, 10, 1000].map((speed) => {
      const machine = booted();
      feed(machine, commandOf("sim.start", { speed }));
      return Array.from({ length: 60 }, () => {
        feed(machine, { kind: "tick" });
        if (speed === 10) machine.telemetry();
        return machine.hash();
      });
    });
    expect(hashes[1]).toEqual(hashes[0]);
    expect(hashes[2]).toEqual(hashes[0]);
  });

  test("SIM-015 snapshot - restored at each of 500 ticks it goes on with equal hashes", () => {
    const model = modelOf(`${UNDOCKED}timeline:\n  - { at: 10s, do: command, name: sim.drive.set, params: { speed_mps: 0.7 } }\n`);
    const whole = createSimMachine(model);
    let carried = createSimMachine(model);
    feed(whole, { kind: "boot" });
    feed(carried, { kind: "boot" });
    for (let tick = 0; tick < 500; tick += 1) {
      const next = createSimMachine(model);
      next.restore(carried.snapshot());
      carried = next;
      expect(feed(carried, { kind: "tick" })).toEqual(feed(whole, { kind: "tick" }));
      expect(carried.hash()).toBe(whole.hash());
    }
  });

  test("SIM-016 telemetry - snapshots at the start and on every tenth tick; frozen heartbeats when paused", () => {
    const machine = createSimMachine(modelOf("name: plain\n"));
    const outputs = [...feed(machine, { kind: "boot" }), ...runTicks(machine, 600)];
    expect(telemetryTicks(outputs)).toEqual(Array.from({ length: 61 }, (_, index) => index * 10));
    feed(machine, commandOf("sim.pause"));
    const [first, second] = [feed(machine, { kind: "heartbeat" }), feed(machine, { kind: "heartbeat" })];
    const telemetryOf = (one: readonly SimOutput[]) =>
      one.find((output) => output.kind === "message" && output.message.subject === "qiki.telemetry");
    const [a, b] = [telemetryOf(first), telemetryOf(second)] as Extract<SimOutput, { kind: "message" }>[];
    expect((a!.message.payload.run as { heartbeat: boolean }).heartbeat).toBe(true);
    expect(a!.message.payload.state_hash).toBe(b!.message.payload.state_hash);
    expect([a!.message.msgId, b!.message.msgId]).toEqual([`telemetry-${1767225660000}:hb2`, `telemetry-${1767225660000}:hb3`]);
  });

  test("SIM-017 preview - at tick 0 the dock gives nothing yet, the loads ask for 106.8 W", () => {
    const { power } = booted().telemetry();
    expect(power.dock_power_w).toBe(0);
    expect(Object.values(power.loads_w).reduce((sum, watts) => sum + watts, 0) - power.loads_w.supercap_charge).toBeCloseTo(106.8, 9);
    expect(power.bus_a).toBeCloseTo(3.98507462687, 9);
    expect(power.supercap_soc_pct).toBe(70);
  });

  test("SIM-050 low-soc-recovery - the latch is set at tick 143 and cleared at 2229", () => {
    const machine = createSimMachine(loadRun({ scenario: "scenarios/low-soc-recovery.yaml", bootId: "0" }).model);
    feed(machine, { kind: "boot" });
    const edges: number[] = [];
    let before = false;
    for (let tick = 1; tick <= 3200; tick += 1) {
      feed(machine, { kind: "tick" });
      const latched = machine.telemetry().explain.some((entry) => entry.id === "latch:power:low_soc");
      if (latched !== before) edges.push(tick);
      before = latched;
    }
    expect(edges).toEqual([143, 2229]);
  });

  test("SIM-079 commands - what is out of range or no number is refused and changes nothing", () => {
    const machine = booted();
    const before = machine.hash();
    for (const [name, parameters] of [
      ["power.nbl.set_max", { max_power_w: "x" }],
      ["power.nbl.set_max", { max_power_w: -1 }],
      ["sim.start", { speed: Number.NaN }],
      ["sim.rcs.fire", { axis: "forward", pct: 101, duration_s: 1 }],
    ] as const) {
      const ack = ackOfCommand(machine, name, parameters);
      expect([ack.ok, ack.error_detail?.code]).toEqual([false, "invalid_parameter"]);
    }
    expect(machine.hash()).toBe(before);
  });

  test("SIM-080 run states - refuse, run, pause, step and reset as the table has it", () => {
    const machine = booted("name: stopped\ninit: { run: STOPPED }\n");
    expect(ackOfCommand(machine, "sim.pause").error_detail?.code).toBe("not_allowed_in_state");
    ackOfCommand(machine, "sim.start", { speed: 2 });
    expect([machine.runState, machine.speed]).toEqual(["RUNNING", 2]);
    runTicks(machine, 3);
    ackOfCommand(machine, "sim.pause");
    expect(machine.runState).toBe("PAUSED");
    ackOfCommand(machine, "sim.step", { ticks: 5 });
    expect(machine.pendingSteps).toBe(5);
    runTicks(machine, 5);
    expect([machine.tick, machine.runState, machine.pendingSteps]).toEqual([8, "PAUSED", 0]);
    ackOfCommand(machine, "sim.reset");
    expect([machine.runState, machine.tick, machine.speed]).toEqual(["STOPPED", 0, 1]);
    expect(ackOfCommand(machine, "sim.step", { ticks: 1 }).error_detail?.code).toBe("not_allowed_in_state");
  });

  test("SIM-081 dock - release opens the bridge, which stays open through engage until it may be closed", () => {
    const machine = booted();
    ackOfCommand(machine, "sim.dock.release");
    expect(machine.telemetry().power.dock_connected).toBe(false);
    expect(ackOfCommand(machine, "power.dock.on").error_detail?.code).toBe("not_allowed_in_state");
    ackOfCommand(machine, "sim.dock.engage", { port: "B" });
    expect([machine.telemetry().power.dock_connected, machine.telemetry().docking.port]).toEqual([false, "B"]);
    expect(ackOfCommand(machine, "sim.dock.engage", { port: "Z" }).error_detail?.code).toBe("invalid_parameter");
  });

  test("SIM-097 turn - 90 degrees at 20 a second take 45 ticks, and the effect is confirmed", () => {
    const machine = booted(UNDOCKED);
    feed(machine, commandOf("sim.drive.turn", { delta_deg: 90 }));
    const outputs = runTicks(machine, 45);
    expect(machine.telemetry().heading).toBeCloseTo(90, 9);
    expect(machine.telemetry().motion.turn_left_deg).toBe(0);
    expect(audits(outputs, "command_effect").map((body) => body.effect)).toEqual(["effect_confirmed"]);
  });

  test("SIM-099 inputs of a tick - file order first, then what arrived live", () => {
    const entry = (first: string, second: string) => `name: order\ntimeline:\n  - ${first}\n  - ${second}\n`;
    const inject = "{ at: 1s, do: fault, kind: comms_loss }";
    const clear = "{ at: 1s, do: command, name: sim.fault.clear, params: { kind: comms_loss } }";
    const linkOf = (text: string, live?: SimInput): string => {
      const machine = booted(text);
      runTicks(machine, 10);
      if (live !== undefined) feed(machine, live);
      runTicks(machine, 1);
      return machine.telemetry().comms.link_state;
    };
    expect(linkOf(entry(inject, clear))).toBe("online");
    expect(linkOf(entry(clear, inject))).toBe("offline");
    expect(linkOf(entry(inject, clear), commandOf("sim.fault.inject", { kind: "comms_loss" }))).toBe("offline");
  });

  test("SIM-103 fault with for_s - acts on ticks 3101 to 3150", () => {
    const machine = booted("name: fault\ntimeline:\n  - { at: 310s, do: fault, kind: comms_loss, for_s: 5 }\n");
    const offline: number[] = [];
    for (let tick = 1; tick <= 3160; tick += 1) {
      feed(machine, { kind: "tick" });
      if (tick > 3090 && machine.telemetry().comms.link_state === "offline") offline.push(tick);
    }
    expect([offline[0], offline.at(-1), offline.length]).toEqual([3101, 3150, 50]);
  });

  test("scenario - a command that no craft of this profile takes is found before the run", () => {
    expect(() => modelOf("name: bad\ntimeline:\n  - { at: 1s, do: command, name: sim.dock.engage, params: { port: Z } }\n")).toThrow(
      "port",
    );
    expect(() => modelOf("name: bad\ntimelime: []\n")).toThrow("timelime");
  });
});

describe("effects", () => {
  test("CMD-023 effect - nbl.on while gated is applied, and missing at the first tick past 2 s, with the reason", () => {
    const machine = booted(`${UNDOCKED.replace("set: {", "set: { battery_soc_init_pct: 30, ")}`);
    const ack = ackOfCommand(machine, "power.nbl.on");
    expect(ack.ok).toBe(true);
    expect(audits(runTicks(machine, 20), "command_effect")).toEqual([]);
    const [missing] = audits(runTicks(machine, 1), "command_effect");
    expect(missing).toMatchObject({ ok: false, effect: "effect_missing", settled_tick: 21 });
    expect((missing!.explain as { reason: string }[]).map((entry) => entry.reason)).toContain("nbl_budget");
  });

  test("CMD-024 effect - coming true exactly at its deadline is confirmed", () => {
    const machine = booted();
    feed(machine, commandOf("power.dock.off"));
    runTicks(machine, 20);
    feed(machine, commandOf("power.dock.on"));
    // Soft start takes 2 s, so the effect comes at tick 20 after it; the deadline is 3 s.
    const outputs = runTicks(machine, 20);
    expect(audits(outputs, "command_effect").at(-1)).toMatchObject({ ok: true, effect: "effect_confirmed" });
  });

  test("CMD-025 effect - a later command of the group ends the watch as superseded", () => {
    const machine = booted(`${UNDOCKED}init: { soc_pct: 30 }\n`);
    feed(machine, commandOf("power.nbl.on"));
    const outputs = feed(machine, commandOf("power.nbl.off"));
    expect(audits(outputs, "command_effect")[0]).toMatchObject({
      effect: "effect_missing",
      reason: "superseded",
      superseded_by: `request-${sent}`,
    });
  });

  test("CMD-025 effect - so does one of the timeline, and a reset there ends every watch (found by fuzz)", () => {
    const timeline = (entry: string): SimMachine =>
      booted(`${UNDOCKED}init: { soc_pct: 30 }\ntimeline:\n  - { at: 5t, do: command, ${entry} }\n`);
    for (const [entry, ended] of [
      ["name: power.nbl.off", 1],
      ["name: sim.reset", 1],
      ["name: sim.rcs.stop", 0],
    ] as const) {
      const machine = timeline(entry);
      runTicks(machine, 2);
      feed(machine, commandOf("power.nbl.on"));
      const outputs = audits(runTicks(machine, 4), "command_effect");
      expect(outputs, entry).toHaveLength(ended);
      if (ended === 1) expect(outputs[0]).toMatchObject({ effect: "effect_missing", reason: "superseded", superseded_by: null });
    }
  });

  test("effect - a missing one is told alike after a snapshot (found by fuzz, seed 14)", () => {
    const machine = booted(`${UNDOCKED}init: { soc_pct: 30 }\n`);
    feed(machine, commandOf("power.nbl.on"));
    const other = booted(`${UNDOCKED}init: { soc_pct: 30 }\n`);
    other.restore(machine.snapshot());
    expect(JSON.stringify(runTicks(other, 21))).toBe(JSON.stringify(runTicks(machine, 21)));
  });

  test("CMD-026 effect - while paused it is pending, and settles after the start", () => {
    const machine = booted(`${UNDOCKED}`);
    feed(machine, commandOf("power.nbl.off"));
    runTicks(machine, 1);
    feed(machine, commandOf("sim.pause"));
    const paused = [...feed(machine, commandOf("sim.drive.turn", { delta_deg: 20 })), ...feed(machine, { kind: "heartbeat" })];
    expect(audits(paused, "command_effect")).toEqual([]);
    feed(machine, commandOf("sim.start"));
    expect(audits(runTicks(machine, 10), "command_effect")[0]).toMatchObject({ ok: true, command_name: "sim.drive.turn" });
  });

  test("CMD-034 order - three commands between two ticks act in one tick, in order of arrival", () => {
    const machine = booted();
    runTicks(machine, 4);
    const acks = [10, 11, 12].map((watts) => ackOfCommand(machine, "power.nbl.set_max", { max_power_w: watts }));
    expect(acks.map((ack) => [ack.tick, ack.order])).toEqual([
      [5, 0],
      [5, 1],
      [5, 2],
    ]);
    runTicks(machine, 1);
    expect(machine.telemetry().power_detail.nbl_max_w).toBe(12);
    expect(ackOfCommand(machine, "power.nbl.off").order).toBe(0);
  });

  test("CMD-037 order - a reset is counted in its run, the first command of the next run is number 0 (found by fuzz, seed 12)", () => {
    const machine = booted();
    runTicks(machine, 4);
    const acks = ["power.nbl.off", "sim.reset", "sim.start", "power.nbl.on"].map((name) => ackOfCommand(machine, name));
    expect(acks.map((ack) => [ack.tick, ack.order])).toEqual([
      [5, 0],
      [5, 1],
      [1, 0],
      [1, 1],
    ]);
  });

  test("CMD-039 effect - pause, stop and reset are confirmed without a tick between", () => {
    const machine = booted();
    for (const name of ["sim.pause", "sim.stop", "sim.reset"]) {
      expect(audits(feed(machine, commandOf(name)), "command_effect").at(-1)).toMatchObject({
        command_name: name,
        effect: "effect_confirmed",
      });
    }
  });
});

test("timeline - a pause in it stops the run at its tick and says so in telemetry", () => {
  const machine = booted("name: pause\ntimeline:\n  - { at: 5t, do: command, name: sim.pause }\n");
  runTicks(machine, 5);
  expect([machine.tick, machine.runState]).toEqual([5, "RUNNING"]);
  const outputs = feed(machine, { kind: "tick" });
  expect([machine.tick, machine.runState]).toEqual([5, "PAUSED"]);
  expect(
    outputs.some(
      (output) => output.kind === "message" && (output.message.payload.sim_state as { fsm_state?: string })?.fsm_state === "PAUSED",
    ),
  ).toBe(true);
});
