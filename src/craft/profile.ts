import { assert } from "#base/assert.ts";
import { isRaw, printed, type Raw, readObject } from "#base/key-reader.ts";
import type { ValuesOf } from "#base/key-spec.ts";
import { checkConsistency } from "./profile-checks.ts";
import type { ProfileProblem, Report } from "./profile-problem.ts";
import { PROFILE_KEYS, type SHEDDABLE_LOADS } from "./profile-schema.ts";
import { checkStability } from "./profile-stability.ts";
import { readThrusters, type Thruster } from "./thruster-file.ts";

export { formatProfileProblem, type ProfileProblem } from "./profile-problem.ts";

type ReadProfile = ValuesOf<typeof PROFILE_KEYS>;
type ReadThermalPlane = ReadProfile["thermalPlane"];
export type SheddableLoad = (typeof SHEDDABLE_LOADS)[number];

/** A thermal node with aliases and defaults resolved. */
export interface ThermalNode {
  readonly id: string;
  readonly heatCapacityJPerC: number;
  readonly coolingWPerC: number;
  readonly initialC: number;
  /** Trip threshold; 0 is none. */
  readonly tripC: number;
  /** As configured; with a trip and 0 here, `effectiveHysteresisC` is 1. */
  readonly hysteresisC: number;
  readonly effectiveHysteresisC: number;
  readonly warnC: number | undefined;
  readonly sheds: readonly SheddableLoad[];
}

export interface ThermalPlane extends Omit<ReadThermalPlane, "nodes"> {
  /** Empty when the plane is disabled. */
  readonly nodes: readonly ThermalNode[];
}

/** A checked profile: every key has its value, every reference is known. */
export interface CraftProfile extends Omit<ReadProfile, "powerCapacityWh" | "thermalPlane" | "dockingPlane"> {
  readonly powerCapacityWh: number;
  readonly thermalPlane: ThermalPlane;
  readonly dockingPlane: { readonly enabled: boolean; readonly ports: readonly string[]; readonly defaultPort: string };
  /** Of the file that the propulsion plane names; empty when the plane is disabled. */
  readonly thrusters: readonly Thruster[];
  /** Faults of the configuration itself, which stand in `power.faults` for the whole run. */
  readonly configFaults: readonly string[];
}

export type ProfileResult =
  | { readonly kind: "ok"; readonly profile: CraftProfile }
  | { readonly kind: "refused"; readonly problems: readonly ProfileProblem[] };

export interface ProfileOptions {
  /** Length of a tick, which the thermal network must be stable at. */
  readonly tickMs: number;
  /** Parsed content of the file that `thrustersPathOf` names; absent when it could not be read. */
  readonly thrusters?: unknown;
  /** Why it could not be read. */
  readonly thrustersProblem?: string;
}

const DEFAULT_CAPACITY_WH = 200;
const DEFAULT_SHEDS: Readonly<Record<string, readonly SheddableLoad[]>> = { core: ["nbl"], pdu: ["radar", "transponder", "nbl"] };

/** Reads a profile file's value (simulation §3); all problems at once, sorted by path. */
export function parseProfile(raw: unknown, options: ProfileOptions): ProfileResult {
  const problems: ProfileProblem[] = [];
  const report: Report = (code, path, got, expected) => {
    // What is said of a value first is the cause; later checks of the same value only follow from it.
    if (problems.every((problem) => problem.path !== path)) problems.push({ code, path, got: printed(got), expected });
  };
  const hardware = isRaw(raw) ? raw.hardware_profile : undefined;
  if (!isRaw(hardware)) {
    const path = isRaw(raw) ? "hardware_profile" : "file";
    report(isRaw(raw) && hardware === undefined ? "missing_required" : "wrong_type", path, isRaw(raw) ? hardware : raw, "an object");
    return { kind: "refused", problems };
  }
  // A value with a problem is undefined here in spite of its type; the checks ask, and a profile with problems is not returned.
  const read = readObject(PROFILE_KEYS, hardware, "", "ignored", report) as ReadProfile;
  checkConsistency(read, report);
  checkStability(read.thermalPlane, options.tickMs, report);
  const thrusters = thrustersPathOf(raw) === undefined ? [] : readThrusters(options, read.propulsionPlane?.thrustersPath, report);
  if (problems.length > 0) return { kind: "refused", problems: problems.toSorted(byPath) };
  return { kind: "ok", profile: resolve(read, hardware, thrusters) };
}

/** Path of the thruster file that a profile wants, or undefined when it wants none. */
export function thrustersPathOf(raw: unknown): string | undefined {
  const hardware = isRaw(raw) ? raw.hardware_profile : undefined;
  const plane = isRaw(hardware) ? hardware.propulsion_plane : undefined;
  if (!isRaw(plane) || plane.enabled !== true) return undefined;
  return typeof plane.thrusters_path === "string" ? plane.thrusters_path : "config/propulsion/thrusters.json";
}

function byPath(a: ProfileProblem, b: ProfileProblem): number {
  return a.path < b.path ? -1 : a.path > b.path ? 1 : 0;
}

function resolve(read: ReadProfile, hardware: Raw, thrusters: readonly Thruster[]): CraftProfile {
  const plane = read.thermalPlane;
  const nodes = plane.enabled ? plane.nodes.map((node) => resolveNode(node, plane.warnDeltaC)) : [];
  const { ports } = read.dockingPlane;
  const defaultPort = read.dockingPlane.defaultPort ?? ports[0];
  assert(defaultPort !== undefined, "a checked docking plane has a port");
  const configFaults: string[] = [];
  if (read.powerCapacityWh === undefined) configFaults.push("BATTERY_CAPACITY_MISSING");
  if (hardware.power_plane === undefined) configFaults.push("POWER_PLANE_CONFIG_MISSING");
  for (const node of nodes)
    if (node.tripC > 0 && node.hysteresisC === 0) configFaults.push(`THERMAL_PLANE_PARAM_INVALID:${node.id}:hys_zero`);
  return {
    ...read,
    powerCapacityWh: read.powerCapacityWh ?? DEFAULT_CAPACITY_WH,
    thermalPlane: { ...plane, nodes },
    dockingPlane: { enabled: read.dockingPlane.enabled, ports, defaultPort },
    thrusters,
    configFaults,
  };
}

function resolveNode(node: ReadThermalPlane["nodes"][number], warnDeltaC: number): ThermalNode {
  const tripC = node.tMaxC;
  return {
    id: node.id,
    heatCapacityJPerC: node.heatCapacityJPerC,
    coolingWPerC: node.coolingWPerC,
    initialC: node.tInitC,
    tripC,
    hysteresisC: node.tHysteresisC,
    effectiveHysteresisC: node.tHysteresisC > 0 ? node.tHysteresisC : 1,
    warnC: node.tWarnC ?? (tripC > 0 ? tripC - warnDeltaC : undefined),
    sheds: node.sheds ?? DEFAULT_SHEDS[node.id] ?? [],
  };
}
