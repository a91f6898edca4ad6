import { isRaw, keyProblemText, type KeyReport, type Raw, readObject, readValue } from "#base/key-reader.ts";
import type { KeySpec, ValuesOf } from "#base/key-spec.ts";
import { RAD_PER_DEG } from "#base/units.ts";
import type { CraftConfig } from "./config.ts";
import { snappedEnergyJ } from "./energy.ts";
import * as at from "./layout.ts";
import { PERCENT, TEMPERATURE } from "./profile-ranges.ts";
import type { CraftState } from "./state.ts";

/** Keys of a scenario's `init` that the craft reads. */
export const INIT_KEYS = [
  { kind: "number", key: "soc_pct", about: "battery charge", ...PERCENT },
  { kind: "number", key: "supercap_soc_pct", about: "supercapacitor charge", ...PERCENT },
  { kind: "mapping", key: "temps", about: "thermal node id: temperature, C" },
  { kind: "vector", key: "position_m", about: "position east, north, up", unit: "m", min: -1e9, max: 1e9 },
  { kind: "vector", key: "velocity_mps", about: "velocity east, north, up", unit: "m/s", min: -1e5, max: 1e5 },
  { kind: "vector", key: "body_rates_dps", about: "body rates roll, pitch, yaw", unit: "deg/s", min: -30, max: 30 },
  { kind: "number", key: "propellant_kg", about: "propellant", unit: "kg", min: 0, max: 1e5, note: "at most the profile's" },
] as const satisfies readonly KeySpec[];

/** One temperature of `temps`. */
export const INIT_TEMPERATURE = { kind: "number", key: "temps", ...TEMPERATURE } as const satisfies KeySpec;

export interface InitProblem {
  readonly path: string;
  readonly problem: string;
}

/** Puts a scenario's `init` (simulation §11, without `run`) into a craft at tick 0. With a problem nothing is put in. */
export function initialise(state: CraftState, config: CraftConfig, init: Raw): readonly InitProblem[] {
  const problems: InitProblem[] = [];
  const report: KeyReport = (code, path, got, expected) => {
    problems.push({ path, problem: keyProblemText(code, got, expected) });
  };
  const read = readObject(INIT_KEYS, init, "init", "refused", report) as Partial<ValuesOf<typeof INIT_KEYS>>;
  const temps = readTemperatures(read.temps ?? {}, config, report);
  const { enabled, propellantKgInit } = config.profile.propulsionPlane;
  const mostKg = enabled ? propellantKgInit : 0;
  if (read.propellantKg !== undefined && read.propellantKg > mostKg)
    report("out_of_range", "init.propellant_kg", read.propellantKg, `0..${mostKg} kg, what the profile begins with`);
  if (problems.length === 0) write(state.values, config, read, temps);
  return problems;
}

function write(
  values: Float64Array,
  config: CraftConfig,
  read: Partial<ValuesOf<typeof INIT_KEYS>>,
  temps: ReadonlyMap<number, number>,
): void {
  const put = (offset: number, value: number | undefined): void => {
    if (value !== undefined) values[offset] = value;
  };
  const charge = (capacityJ: number, percent: number | undefined): number | undefined =>
    percent === undefined ? undefined : snappedEnergyJ((capacityJ * percent) / 100, capacityJ);
  put(at.BATTERY_J, charge(config.batteryCapacityJ, read.socPct));
  put(at.SUPERCAP_J, charge(config.supercapCapacityJ, read.supercapSocPct));
  put(at.PROPELLANT_KG, read.propellantKg);
  for (const [node, tempC] of temps) put(at.NODES + node * at.NODE_STRIDE, tempC);
  read.positionM?.forEach((value, axis) => put(at.POSITION_M + axis * at.NEXT, value));
  read.velocityMps?.forEach((value, axis) => put(at.VELOCITY_MPS + axis * at.NEXT, value));
  read.bodyRatesDps?.forEach((value, axis) => put(at.RATES_RPS + axis * at.NEXT, value * RAD_PER_DEG + 0));
}

/** Node index → temperature. */
function readTemperatures(raw: unknown, config: CraftConfig, report: KeyReport): ReadonlyMap<number, number> {
  const ids = config.profile.thermalPlane.nodes.map((node) => node.id);
  const temps = new Map<number, number>();
  if (!isRaw(raw)) return temps;
  for (const [id, value] of Object.entries(raw)) {
    const path = `init.temps.${id}`;
    const tempC = readValue(INIT_TEMPERATURE, value, path, report);
    if (!ids.includes(id)) report("unknown_key", path, value, `one of ${ids.join(", ")}`);
    else if (typeof tempC === "number") temps.set(ids.indexOf(id), tempC);
  }
  return temps;
}
