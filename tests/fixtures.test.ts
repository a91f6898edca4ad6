import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { loadGuardRules, loadRuleSet } from "#cli/load-rules.ts";
import { loadRun } from "#cli/load-run.ts";
import type { ControlCommand } from "#contracts/command.ts";
import type { IncidentWire } from "#contracts/incident.ts";
import { SUBJECTS } from "#contracts/subjects.ts";
import type { SimInput } from "#twin/sim-machine.ts";
import { createTwin, type TwinOutput } from "#twin/twin.ts";
import { removeFolder } from "./running-twin.ts";

const folder = mkdtempSync(join(tmpdir(), "qiki-fixtures-"));
afterAll(() => removeFolder(folder));

/** A twin on one of the test profiles, advanced tick by tick with everything that it says. */
function twinOn(profile: string): {
  twin: ReturnType<typeof createTwin>;
  run(seconds: number): TwinOutput[];
  command(name: string, parameters?: Record<string, unknown>): TwinOutput[];
} {
  const scenario = join(folder, `${profile.replace("/", "-")}.yaml`);
  writeFileSync(scenario, `name: ${profile.replace("/", "-")}\n`);
  const { model } = loadRun({ scenario, profile: `profiles/${profile}.json`, bootId: "0" });
  const twin = createTwin({ model, ruleSet: loadRuleSet().ruleSet, guardRuleSet: loadGuardRules().ruleSet(), hashesIncidents: false });
  const booted = [...twin.step([{ kind: "boot" }])];
  let sent = 0;
  return {
    twin,
    run(seconds) {
      const outputs: TwinOutput[] = booted.splice(0);
      for (let tick = 0; tick < seconds * 10; tick += 1) outputs.push(...twin.step([{ kind: "tick" }]));
      return outputs;
    },
    command(name, parameters = {}) {
      sent += 1;
      const command: ControlCommand = { name, parameters, metadata: {}, requestId: `request-${sent}` };
      const input: SimInput = { kind: "command", command, actor: { operator: "test", role: "supervisor" } };
      return [...twin.step([input])];
    },
  };
}

const events = (outputs: readonly TwinOutput[], subject: string): Readonly<Record<string, unknown>>[] =>
  outputs.flatMap((output) => (output.kind === "message" && output.message.subject === subject ? [output.message.payload] : []));

const lettersOf = (views: readonly IncidentWire[]): Record<string, string> =>
  Object.fromEntries(views.map((view) => [view.rule_id, view.letter]));

test("INC-006 overcurrent - a bus of 1 A with 72 W on it says so within 4.5 s, and hides what follows from it", () => {
  const { twin, run } = twinOn("test/pdu_overcurrent");
  const pdu = events(run(4.5), SUBJECTS.powerPdu).at(-1)!;
  expect(pdu.overcurrent).toBe(1);
  expect(pdu.pdu_limit_w as number).toBeGreaterThan(0);
  expect(pdu.power_out_w as number).toBeGreaterThan(pdu.pdu_limit_w as number);
  expect(pdu.bus_v as number).toBeGreaterThan(0);
  expect(lettersOf(twin.alarms.views()).POWER_PDU_OVERCURRENT).toBe("B");
  run(5);
  const letters = lettersOf(twin.alarms.views());
  for (const hidden of ["POWER_BUS_OVERLOAD"]) expect(letters[hidden] ?? "H").toBe("H");
});

test("INC-007 core spike - a core at 80 C gives samples above 70 and opens TEMP_CORE_SPIKE", () => {
  const { twin, run } = twinOn("test/temp_core_spike");
  const samples = events(run(5), SUBJECTS.thermal);
  expect(samples.length).toBeGreaterThanOrEqual(3);
  expect(Math.max(...samples.map((sample) => sample.temp as number))).toBeGreaterThan(70);
  expect(lettersOf(twin.alarms.views()).TEMP_CORE_SPIKE).toBe("B");
});

test("INC-008 core trip - a core at 110 C trips, opens TEMP_CORE_TRIP and hides the spike", () => {
  const { twin, run } = twinOn("test/temp_core_trip");
  const trip = events(run(5), SUBJECTS.thermalTrip).at(-1)!;
  expect([trip.kind, trip.tripped]).toEqual(["thermal_trip", 1]);
  expect(trip.temp as number).toBeGreaterThanOrEqual(trip.trip_c as number);
  const letters = lettersOf(twin.alarms.views());
  expect(letters.TEMP_CORE_TRIP).toBe("B");
  expect(letters.TEMP_CORE_SPIKE ?? "H").toBe("H");
});

test("CMD-015 drain - charge falls while running and stands while paused or stopped", () => {
  const { twin, run, command } = twinOn("test/soc_drain");
  const soc = (): number => twin.sim.telemetry().power.soc_pct;
  run(0.1);
  const before = soc();
  run(30);
  expect(before - soc()).toBeGreaterThan(0.3);
  for (const name of ["sim.pause", "sim.stop"]) {
    const at = soc();
    command(name);
    twin.step([{ kind: "heartbeat" }]);
    expect(Math.abs(soc() - at)).toBeLessThanOrEqual(0.05);
  }
});

test("CMD-016 reset - attitude and position return to zero, and it starts again", () => {
  const { twin, run, command } = twinOn("shipped");
  command("sim.dock.release");
  command("sim.drive.set", { speed_mps: 0.5 });
  run(20);
  expect(twin.sim.telemetry().position.y).toBeGreaterThan(1);
  expect(twin.sim.telemetry().attitude.roll_rad).not.toBe(0);
  command("sim.reset");
  const { position, attitude, sim_state } = twin.sim.telemetry();
  expect(position).toEqual({ x: 0, y: 0, z: 0 });
  expect([Math.abs(attitude.roll_rad), Math.abs(attitude.pitch_rad), sim_state.fsm_state]).toEqual([0, 0, "STOPPED"]);
  command("sim.start");
  run(1);
  expect(twin.sim.tick).toBe(10);
});

test("CMD-022 burn - forward 35 % for 2 s is confirmed, uses propellant and ends", () => {
  const { twin, run, command } = twinOn("shipped");
  command("sim.dock.release");
  const before = twin.sim.telemetry().propulsion.rcs.propellant_kg;
  command("sim.rcs.fire", { axis: "forward", pct: 35, duration_s: 2 });
  const outputs = run(2.1);
  const effects = events(outputs, SUBJECTS.audit).filter((body) => body.kind === "command_effect" && body.command_name === "sim.rcs.fire");
  expect(effects.map((body) => body.effect)).toEqual(["effect_confirmed"]);
  const { propulsion } = twin.sim.telemetry();
  expect(propulsion.rcs.propellant_kg).toBeLessThan(before);
  expect([propulsion.rcs.active, propulsion.rcs.time_left_s]).toEqual([false, 0]);
});

test("CMD-018 comms disabled - the transponder command is refused, mode OFF, no identity", () => {
  const { twin, command } = twinOn("test/comms_disabled");
  const ack = command("sim.xpdr.mode", { mode: "ON" }).find((output) => output.kind === "ack")!;
  expect(ack.kind === "ack" && [ack.ack.ok, ack.ack.error]).toEqual([false, "comms_disabled"]);
  expect(twin.sim.telemetry().comms.xpdr).toMatchObject({ mode: "OFF", id: null });
});
