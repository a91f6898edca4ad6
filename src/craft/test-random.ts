import fc from "fast-check";
import type { CraftCommand } from "./commands.ts";
import { DEAD_LOADS, SENSORS } from "./layout.ts";
import { TRANSPONDER_MODES } from "./profile-schema.ts";
import type { Rig } from "./test-rig.ts";
import { BURN_AXES } from "./thrusters.ts";

/** For property tests: random valid profiles, and random commands, inputs and faults, some of which a craft refuses. */

type ProfileSet = Readonly<Record<string, unknown>>;

const number = (min: number, max: number): fc.Arbitrary<number> => fc.double({ min, max, noNaN: true });
/** Often nothing, sometimes the most. */
const watts = (max: number): fc.Arbitrary<number> => fc.oneof(fc.constant(0), fc.constant(max), number(0, max));
const percent = fc.oneof(fc.constantFrom(0, 100), number(0, 100));

const power = fc.record({
  power_capacity_wh: fc.oneof(fc.constant(0), number(0.01, 600)),
  battery_soc_init_pct: percent,
  "power_plane.max_bus_a": fc.oneof(fc.constant(0), number(0.05, 12)),
  "power_plane.bus_v_min": fc.constantFrom(0, 20, 28),
  "power_plane.base_power_in_w": watts(200),
  "power_plane.base_power_out_w": watts(150),
  "power_plane.motion_power_w_per_mps": watts(200),
  "power_plane.mcqpu_power_w_at_100pct": watts(60),
  "power_plane.radar_power_w": watts(60),
  "power_plane.transponder_power_w": watts(30),
  "power_plane.nbl_max_power_w": watts(60),
  "power_plane.battery_max_charge_w": watts(200),
  "power_plane.battery_max_discharge_w": watts(200),
  "power_plane.supercap_capacity_wh": watts(10),
  "power_plane.supercap_soc_pct_init": percent,
  "power_plane.supercap_max_charge_w": watts(200),
  "power_plane.supercap_max_discharge_w": watts(200),
  "power_plane.dock_connected_init": fc.boolean(),
  "power_plane.dock_soft_start_s": fc.constantFrom(0, 0.05, 2),
  "power_plane.dock_station_max_power_w": watts(300),
  "power_plane.pdu_restore_delay_s": fc.constantFrom(0, 0.5, 5),
  "power_plane.pdu_restore_margin_pct": fc.constantFrom(0, 5, 50),
  "power_plane.nbl_soc_min_pct": percent,
  "power_plane.nbl_core_temp_max_c": number(-20, 120),
  "power_plane.brownout_supply_min": number(0, 1),
});

const other = fc.record({
  "propulsion_plane.enabled": fc.boolean(),
  "propulsion_plane.propellant_kg_init": fc.oneof(fc.constant(0), number(0, 12)),
  "propulsion_plane.rcs_power_w_at_100pct": watts(120),
  "propulsion_plane.heat_fraction_to_hull": number(0, 1),
  "docking_plane.enabled": fc.boolean(),
  "comms_plane.enabled": fc.boolean(),
  "comms_plane.xpdr_mode_init": fc.constantFrom(...TRANSPONDER_MODES),
  "motion_plane.hold_when_docked": fc.boolean(),
  "motion_plane.tip_off_dps": fc.tuple(number(-30, 30), number(-30, 30), number(-30, 30)),
  "sensor_plane.star_tracker.enabled": fc.boolean(),
  "sensor_plane.magnetometer.enabled": fc.boolean(),
});

const NODE_IDS = ["core", "pdu", "supercap", "battery", "dock_bridge", "hull", "comm-1", "tank"] as const;

const node = (id: string): fc.Arbitrary<Record<string, unknown>> =>
  fc.record({
    id: fc.constant(id),
    heat_capacity_j_per_c: number(30, 3000),
    cooling_w_per_c: number(0, 3),
    t_init_c: number(-120, 160),
    t_max_c: fc.oneof(fc.constant(0), number(30, 160)),
    t_hysteresis_c: fc.oneof(fc.constant(0), number(0.1, 30)),
  });

/** Nodes and couplings that stand a tick of one second: 30 J/C and at most 3 + 1 + 7 · 3 W/C at a node. */
export const thermalNetwork = fc.record({ ids: fc.subarray([...NODE_IDS]), exchange: number(0, 1) }).chain(({ ids, exchange }) => {
  const pairs = ids.flatMap((a, at) => ids.slice(at + 1).map((b) => ({ a, b })));
  const couplings = fc
    .subarray(pairs)
    .chain((chosen) => fc.tuple(...chosen.map((pair) => number(0.01, 3).map((k) => ({ ...pair, k_w_per_c: k })))));
  return fc.record({
    "thermal_plane.nodes": fc.tuple(...ids.map(node)),
    "thermal_plane.couplings": couplings,
    "thermal_plane.ambient_exchange_w_per_c": fc.constant(exchange),
    "thermal_plane.warn_delta_c": fc.constantFrom(0, 10),
  });
});

/** What to put into the shipped profile. */
export const profileSet: fc.Arbitrary<ProfileSet> = fc
  .tuple(power, other, thermalNetwork)
  .map(([first, second, third]) => ({ ...first, ...second, ...third }));

/** A profile's powers, energies and currents times a factor. */
export function scaled(set: ProfileSet, factor: number): ProfileSet {
  return Object.fromEntries(
    Object.entries(set).map(([key, value]) => [
      key,
      typeof value === "number" && /_(w|wh|a|mps|100pct)$/.test(key) ? value * factor : value,
    ]),
  );
}

const fault = <Fault extends string>(
  kind: Fault,
  target: fc.Arbitrary<string | number | undefined>,
  value: fc.Arbitrary<number | undefined>,
) =>
  fc.record({ target, value, forTicks: fc.option(fc.integer({ min: 1, max: 100 }), { nil: undefined }) }).map(
    (drawn) =>
      ({
        kind: "fault_inject",
        fault: kind,
        ...Object.fromEntries(Object.entries(drawn).filter(([, one]) => one !== undefined)),
      }) as unknown as CraftCommand,
  );

const none = fc.constant(undefined);
const faults: fc.Arbitrary<CraftCommand> = fc.oneof(
  fault("stuck_sensor", fc.constantFrom(...SENSORS), none),
  fault("dead_load", fc.constantFrom(...DEAD_LOADS), none),
  fault("battery_capacity_loss", none, number(0, 1)),
  fault("heat_leak", fc.constantFrom(...NODE_IDS), number(-1e4, 1e4)),
  fault("radar_dropout", fc.constantFrom("LR", "SR", undefined), none),
  fault("comms_loss", none, none),
  fault("thruster_dead", fc.integer({ min: 0, max: 16 }), none),
  fault("late_frames", none, number(0, 60)),
);
const clears = faults.map((one) => {
  const { fault: kind, target } = one as Extract<CraftCommand, { kind: "fault_inject" }>;
  return { kind: "fault_clear", fault: kind, ...(target === undefined ? {} : { target }) } as CraftCommand;
});

export const command: fc.Arbitrary<CraftCommand> = fc.oneof(
  fc.record({ kind: fc.constant("dock_power" as const), on: fc.boolean() }),
  fc.record({ kind: fc.constant("nbl" as const), on: fc.boolean() }),
  fc.record({ kind: fc.constant("nbl_max" as const), maxPowerW: watts(80) }),
  fc.record({ kind: fc.constant("dock_engage" as const), port: fc.constantFrom("A", "B", "Z") }),
  fc.constant({ kind: "dock_release" } as const),
  fc.record({
    kind: fc.constant("rcs_fire" as const),
    axis: fc.constantFrom(...BURN_AXES),
    pct: percent,
    durationS: number(0, 5),
  }),
  fc.constant({ kind: "rcs_stop" } as const),
  fc.record({ kind: fc.constant("xpdr_mode" as const), mode: fc.constantFrom(...TRANSPONDER_MODES) }),
  fc.record({ kind: fc.constant("drive" as const), speedMps: number(0, 1) }),
  fc.record({ kind: fc.constant("turn" as const), deltaDeg: number(-360, 360) }),
  fc.record({ kind: fc.constant("input" as const), input: fc.record({ baseInW: watts(300) }) }),
  fc.record({ kind: fc.constant("input" as const), input: fc.record({ ambientC: number(-150, 200) }) }),
  fc.record({ kind: fc.constant("input" as const), input: fc.record({ radarEnabled: fc.boolean() }) }),
  fc.record({ kind: fc.constant("input" as const), input: fc.record({ radiationUsvh: number(0, 10) }) }),
  faults,
  clears,
);

/** Commands and the tick after which each is given. */
export const script = (ticks: number): fc.Arbitrary<[number, CraftCommand][]> =>
  fc.array(fc.tuple(fc.integer({ min: 0, max: ticks - 1 }), command), { maxLength: 40 });

/** A value of the state by the name that snapshots give it. */
export function field(rig: Rig, name: string): number {
  const found = rig.config.layout.fields.find((one) => one.name === name);
  if (found === undefined) throw new Error(`there is no field ${name}`);
  return rig.values[found.offset]!;
}
