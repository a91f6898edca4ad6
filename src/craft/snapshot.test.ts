import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { canonicalJson } from "#base/canonical-json.ts";
import { sha256Hex } from "#base/sha256.ts";
import { applyCraftCommand } from "./commands.ts";
import * as at from "./layout.ts";
import { profileHash } from "./profile-hash.ts";
import { firstDivergence, restoreCraft, snapshotCraft } from "./snapshot.ts";
import { type CraftState, craftHashHex } from "./state.ts";
import { step } from "./step.ts";
import { profileSet, script } from "./test-random.ts";
import { type Rig, rigOf, rigOfState } from "./test-rig.ts";

const shippedText = readFileSync(new URL("../../profiles/shipped.json", import.meta.url), "utf8");
const shipped: unknown = JSON.parse(shippedText);
const thrusters: unknown = JSON.parse(readFileSync(new URL("../../config/propulsion/thrusters.json", import.meta.url), "utf8"));

const SENSORS_ON = {
  "sensor_plane.star_tracker": { enabled: true, locked_init: true, attitude_err_deg_init: 0.02 },
  "sensor_plane.magnetometer": { enabled: true, field_ut_init: { x: 1, y: -2, z: 3 } },
  "motion_plane.tip_off_dps": [0.2, 0.1, 0],
};

function craft(): Rig {
  return rigOf(shipped, { thrusters, profileHash: profileHash(shippedText), set: SENSORS_ON });
}

/** Through text and back, as a keyframe goes. */
function restored(rig: Rig): CraftState {
  const state = restoreCraft(rig.config, JSON.parse(canonicalJson(snapshotCraft(rig.state, rig.config))) as Record<string, unknown>);
  if ("problem" in state) throw new Error(state.problem);
  return state;
}

describe("snapshot", () => {
  test("SIM-015 snapshot - a craft restored after any of 500 ticks goes on alike to the end", () => {
    const rig = craft();
    const snapshots: CraftState[] = [];
    rig.run(500, (tick) => {
      if (tick === 100) rig.do({ kind: "drive", speedMps: 0.7 });
      snapshots.push(restored(rig));
    });
    const end = craftHashHex(rig.state);
    snapshots.forEach((state, index) => {
      for (let tick = index + 1; tick < 500; tick += 1) {
        if (tick === 100 && index + 1 < 100) rigOfState(state, rig.config).do({ kind: "drive", speedMps: 0.7 });
        step(state, rig.config);
      }
      expect(craftHashHex(state), `from tick ${index + 1}`).toBe(end);
    });
  });

  test("SIM-100 snapshot - carries every fault, stuck sensors and commands given while time stands", () => {
    const rig = craft().run(5);
    for (const target of ["imu", "radiation", "star_tracker", "magnetometer"])
      rig.do({ kind: "fault_inject", fault: "stuck_sensor", target, forTicks: 30 });
    rig
      .do({ kind: "fault_inject", fault: "dead_load", target: "nbl", forTicks: 7 })
      .do({ kind: "fault_inject", fault: "dead_load", target: "motion" });
    rig.do({ kind: "fault_inject", fault: "battery_capacity_loss", value: 0.6, forTicks: 20 });
    rig.do({ kind: "fault_inject", fault: "heat_leak", target: "core", value: 5000, forTicks: 40 });
    rig
      .do({ kind: "fault_inject", fault: "radar_dropout", target: "SR" })
      .do({ kind: "fault_inject", fault: "radar_dropout", forTicks: 3 });
    rig.do({ kind: "fault_inject", fault: "comms_loss", forTicks: 9 }).do({ kind: "fault_inject", fault: "thruster_dead", target: 12 });
    rig.do({ kind: "fault_inject", fault: "late_frames", value: 2, forTicks: 11 });
    rig.do({ kind: "rcs_fire", axis: "up", pct: 30, durationS: 3 }).do({ kind: "xpdr_mode", mode: "SPOOF" });
    rig.do({ kind: "input", input: { radiationUsvh: 1.5 } });
    let copy = restored(rig);
    for (let tick = 0; tick < 80; tick += 1) {
      rig.run(1);
      step(copy, rig.config);
      expect(firstDivergence(rig.state, copy, rig.config)).toBeUndefined();
      expect(copy.tripEdges).toEqual(rig.state.tripEdges);
      expect(copy.overcurrentChanged).toBe(rig.state.overcurrentChanged);
      copy = restored(rig);
      expect(craftHashHex(copy)).toBe(craftHashHex(rig.state));
    }
  });

  test("SIM-101 layout - every field alone changes the hash or the bytes, and a divergence is named", () => {
    const rig = craft().run(3);
    const { fields } = rig.config.layout;
    expect(new Set(fields.map((field) => field.name)).size).toBe(fields.length);
    expect(new Set(fields.map((field) => field.offset)).size).toBe(fields.length);
    const hash = craftHashHex(rig.state);
    const bytes = canonicalJson(snapshotCraft(rig.state, rig.config));
    for (const field of fields) {
      const other = restored(rig);
      const value = other.values[field.offset]!;
      other.values[field.offset] =
        field.kind === "boolean" ? 1 - value : field.words !== undefined && value + 1 >= field.words.length ? value - 1 : value + 1;
      expect(craftHashHex(other) !== hash, field.name).toBe(field.hashed);
      expect(canonicalJson(snapshotCraft(other, rig.config)), field.name).not.toBe(bytes);
      expect(firstDivergence(rig.state, other, rig.config)?.path).toBe(field.name);
    }
  });

  test("SIM-101 layout - the order and content of the hashed part", () => {
    const names = craft()
      .config.layout.fields.filter((field) => field.hashed)
      .map((field) => field.name);
    const places = [
      "tick",
      "position_m.x",
      "velocity_mps.x",
      "quaternion.w",
      "rates_rps.x",
      "drive_command_mps",
      "turn_left_deg",
      "cpu_pct",
      "ram_pct",
      "battery_j",
      "supercap_j",
      "dock_connected",
      "dock_ticks",
      "docking.connected",
      "docking.port_index",
      "nbl_active",
      "nbl_max_w",
      "soc_latch",
      "nbl_soc_gate",
      "nbl_temp_gate",
      "pdu.nbl.latched",
      "pdu.radar.latched",
      "pdu.transponder.latched",
      "nodes.core.temp_c",
      "nodes.hull.warned",
      "propellant_kg",
      "rcs.axis",
      "radar_enabled",
      "transponder_mode",
      "radar_on",
      "transponder_on",
      "dose_usv",
      "ambient_c",
      "base_in_w",
      "radiation_usvh",
      "faults.stuck_sensor.imu.active",
      "faults.stuck_sensor.imu.rates_rps.x",
      "faults.dead_load.radar.active",
      "faults.dead_load.motion.end_tick",
      "faults.battery_capacity_loss.active",
      "faults.heat_leak.core.active",
      "faults.radar_dropout.LR.active",
      "faults.radar_dropout.both.active",
      "faults.comms_loss.active",
      "faults.thruster_dead.0.active",
      "faults.late_frames.active",
      "since_tick.brownout:bus:supply_short",
      "since_tick.warn:supercap:thermal_warn",
      "outputs.sources_w.base",
      "outputs.loads_w.base",
      "outputs.battery_charge_w",
      "outputs.shed_reason.nbl",
      "outputs.throttled.motion",
      "outputs.faults.BUS_V_ZERO",
      "outputs.faults.THERMAL_TRIP:hull",
    ].map((name) => names.indexOf(name));
    expect(places).not.toContain(-1);
    expect(places).toEqual(places.toSorted((a, b) => a - b));
    const since = names.filter((name) => name.startsWith("since_tick."));
    expect(since).toEqual(since.toSorted());
    // latch, 2 gates, 6 × trip and warn, 3 × 4 sheds, 2 throttles, brownout, hold, 6 faults of the power stages, 6 of nodes
    expect(since.length).toBe(1 + 2 + 12 + 12 + 2 + 1 + 1 + 6 + 6);
  });

  test("snapshot - refuses what does not fit", () => {
    const rig = craft();
    const snapshot = snapshotCraft(rig.state, rig.config);
    const problem = (changed: Record<string, unknown>): unknown => {
      const result = restoreCraft(rig.config, { ...snapshot, ...changed });
      return "problem" in result ? result.problem : undefined;
    };
    expect(problem({ tick: -1 })).toContain("tick is -1, expected a whole number from 0");
    expect(problem({ transponder_mode: "LOUD" })).toContain("expected one of ON, OFF, SILENT, SPOOF");
    expect(problem({ soc_latch: 1 })).toContain("expected true or false");
    expect(problem({ battery_j: null })).toContain("expected a finite number");
    expect(problem({ mood: 1 })).toContain("1 fields that this layout does not have");
  });

  test("hash - a value that is no number dies, and so does a negative zero", () => {
    const rig = craft();
    rig.values[at.CPU_PCT] = Number.NaN;
    expect(() => craftHashHex(rig.state)).toThrow("cpu_pct");
    rig.values[at.CPU_PCT] = -0;
    expect(() => craftHashHex(rig.state)).toThrow("cpu_pct");
  });
});

const GOLDEN = {
  0: "cee78c8323bc68938f65011d1e2f1355",
  1: "a0a1dc97b0bc47b2c8b1dc9e475ecf70",
  600: "f531b927939a8e8b5306db4fd4795a57",
};

describe("golden digests", () => {
  test("I1 craft - forty random runs go through the pinned states (seed 7)", () => {
    const sets = fc.sample(profileSet, { seed: 7, numRuns: 40 });
    const scripts = fc.sample(script(200), { seed: 7, numRuns: 40 });
    const hashes = sets.map((set, run) => {
      const rig = rigOf(shipped, { thrusters, set });
      const seen: string[] = [];
      rig.run(200, (tick) => {
        for (const [at, command] of scripts[run]!) if (at === tick) applyCraftCommand(rig.state, rig.config, command);
        seen.push(craftHashHex(rig.state), JSON.stringify(rig.state.tripEdges), String(rig.state.overcurrentChanged));
      });
      return seen.join();
    });
    expect(sha256Hex(hashes.join())).toBe("c3e1b997896ac6783966d2323c99eb597f00e5f5da25a08dcedab3ac33768a5c");
  });

  test("SIM-102 craft - the shipped profile gives the pinned digests, in another process too", () => {
    const rig = rigOf(shipped, { thrusters, profileHash: profileHash(shippedText), set: { "motion_plane.tip_off_dps": undefined } });
    const digests: Record<string, string> = { 0: craftHashHex(rig.state) };
    digests[1] = craftHashHex(rig.run(1).state);
    digests[600] = craftHashHex(rig.run(599).state);
    expect(digests).toEqual(GOLDEN);
    const folder = new URL(".", import.meta.url).href;
    const script = `
      import { readFileSync } from "node:fs";
      const { rigOf } = await import("${folder}test-rig.ts");
      const { craftHashHex } = await import("${folder}state.ts");
      const { profileHash } = await import("${folder}profile-hash.ts");
      const text = readFileSync(new URL("../../profiles/shipped.json", "${folder}"), "utf8");
      const thrusters = JSON.parse(readFileSync(new URL("../../config/propulsion/thrusters.json", "${folder}"), "utf8"));
      const set = { "motion_plane.tip_off_dps": undefined };
      const rig = rigOf(JSON.parse(text), { thrusters, profileHash: profileHash(text), set });
      process.stdout.write(craftHashHex(rig.run(600).state));`;
    expect(execFileSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8", cwd: import.meta.dirname })).toBe(
      GOLDEN[600],
    );
  });
});
