import type { ValuesOf } from "#base/key-spec.ts";
import type { Report } from "./profile-problem.ts";
import type { PROFILE_KEYS } from "./profile-schema.ts";

/** A value that had a problem of its own is undefined in spite of its type, so every check asks first. */
type Partially<Value> = Value extends readonly (infer Item)[]
  ? readonly Partially<Item>[] | undefined
  : Value extends object
    ? { readonly [Key in keyof Value]?: Partially<Value[Key]> | undefined } | undefined
    : Value | undefined;
type Read = Partially<ValuesOf<typeof PROFILE_KEYS>>;
type Plane<Name extends keyof NonNullable<Read>> = NonNullable<Read>[Name];

/** What single keys cannot show: values that contradict each other, unknown and repeated names. */
export function checkConsistency(read: Read, report: Report): void {
  checkUnique(
    read?.actuators?.map((actuator) => actuator?.id),
    (index) => `actuators[${index}].id`,
    report,
  );
  checkPower(read?.powerPlane, report);
  checkThermal(read?.thermalPlane, report);
  checkPropulsion(read?.propulsionPlane, report);
  checkDocking(read?.dockingPlane, report);
  checkSensors(read?.sensorPlane, report);
  checkMotion(read?.motionPlane, report);
}

function checkPower(plane: Plane<"powerPlane">, report: Report): void {
  const nominalV = plane?.busVNominal;
  for (const [key, volts] of [
    ["bus_v_min", plane?.busVMin],
    ["battery_channel_delta_v", plane?.batteryChannelDeltaV],
  ] as const) {
    if (isAbove(volts, nominalV)) report("out_of_range", `power_plane.${key}`, volts, `0..${nominalV} V (bus_v_nominal)`);
  }
  const { socShedLowPct, socShedHighPct } = plane ?? {};
  if (isAbove(socShedLowPct, socShedHighPct) || (socShedLowPct !== undefined && socShedLowPct === socShedHighPct))
    report("inconsistent", "power_plane.soc_shed_low_pct", socShedLowPct, `below soc_shed_high_pct, ${socShedHighPct} %`);
}

function checkThermal(plane: Plane<"thermalPlane">, report: Report): void {
  const nodes = plane?.nodes;
  if (nodes === undefined) return;
  const ids = nodes.map((node) => node?.id);
  checkUnique(ids, (index) => `thermal_plane.nodes[${index}].id`, report);
  nodes.forEach((node, index) => {
    const { tWarnC, tMaxC } = node ?? {};
    if (tWarnC !== undefined && tMaxC !== undefined && tWarnC >= tMaxC)
      report(
        "inconsistent",
        `thermal_plane.nodes[${index}].t_warn_c`,
        tWarnC,
        `below the trip, ${tMaxC === 0 ? "and there is none" : `${tMaxC} C`}`,
      );
  });
  plane?.couplings?.forEach((coupling, index) => {
    const { a, b } = coupling ?? {};
    for (const [key, id] of [
      ["a", a],
      ["b", b],
    ] as const) {
      if (id !== undefined && !ids.includes(id))
        report("unknown_reference", `thermal_plane.couplings[${index}].${key}`, id, `one of the nodes ${ids.join(", ")}`);
    }
    if (a !== undefined && a === b) report("inconsistent", `thermal_plane.couplings[${index}].b`, b, "another node than a");
  });
}

function checkPropulsion(plane: Plane<"propulsionPlane">, report: Report): void {
  const { enabled, ispS, propellantTankPressureMinPa: minPa, propellantTankPressureNominalPa: nominalPa } = plane ?? {};
  // An isp that was there but wrong has its own problem already, at the same path.
  if (enabled === true && ispS === undefined) report("missing_required", "propulsion_plane.isp_s", undefined, "(0,10000] s when enabled");
  if (isAbove(minPa, nominalPa))
    report("inconsistent", "propulsion_plane.propellant_tank_pressure_min_pa", minPa, `at most the nominal pressure, ${nominalPa} Pa`);
}

function checkDocking(plane: Plane<"dockingPlane">, report: Report): void {
  const ports = plane?.ports;
  if (ports === undefined) return;
  if (ports.length === 0) report("out_of_range", "docking_plane.ports", ports, "at least one port");
  checkUnique(ports, (index) => `docking_plane.ports[${index}]`, report);
  const port = plane?.defaultPort;
  if (port !== undefined && !ports.includes(port))
    report("unknown_reference", "docking_plane.default_port", port, `one of ${ports.join(", ")}`);
}

function checkSensors(plane: Plane<"sensorPlane">, report: Report): void {
  const { warnUsvh, critUsvh } = plane?.radiation?.limits ?? {};
  if (warnUsvh !== undefined && critUsvh !== undefined && warnUsvh >= critUsvh)
    report("inconsistent", "sensor_plane.radiation.limits.warn_usvh", warnUsvh, `below crit_usvh, ${critUsvh} uSv/h`);
}

function checkMotion(plane: Plane<"motionPlane">, report: Report): void {
  const inertia = plane?.inertiaKgM2;
  if (inertia === undefined) return;
  const [x, y, z] = inertia as readonly [number, number, number];
  // Euler's equations stay finite for any positive inertia; only this triangle inequality makes it one of a body.
  if (x >= y + z || y >= z + x || z >= x + y)
    report("inconsistent", "motion_plane.inertia_kg_m2", inertia, "each below the sum of the other two, kg m2");
}

function checkUnique(ids: readonly (string | undefined)[] | undefined, pathOf: (index: number) => string, report: Report): void {
  const seen = new Map<string, number>();
  ids?.forEach((id, index) => {
    if (id === undefined) return;
    const first = seen.get(id);
    if (first === undefined) seen.set(id, index);
    else report("duplicate_id", pathOf(index), id, `unique; ${pathOf(first)} has it already`);
  });
}

function isAbove(value: number | undefined, limit: number | undefined): boolean {
  return value !== undefined && limit !== undefined && value > limit;
}
