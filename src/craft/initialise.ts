import { RAD_PER_DEG } from "#base/units.ts";
import type { CraftConfig } from "./config.ts";
import { snappedEnergyJ } from "./energy.ts";
import * as at from "./layout.ts";
import type { CraftState } from "./state.ts";

export interface InitProblem {
  readonly path: string;
  readonly problem: string;
}

type Raw = Readonly<Record<string, unknown>>;
type Write = (values: Float64Array) => void;

/** Puts a scenario's `init` (simulation §11, without `run`) into a craft at tick 0. With a problem nothing is put in. */
export function initialise(state: CraftState, config: CraftConfig, init: Raw): readonly InitProblem[] {
  const problems: InitProblem[] = [];
  const writes: Write[] = [];
  const number = (path: string, value: unknown, min: number, max: number, unit: string, write: (value: number) => Write): void => {
    if (typeof value === "number" && value >= min && value <= max) writes.push(write(value + 0));
    else problems.push({ path, problem: `got ${JSON.stringify(value) ?? "nothing"}, expected a number in ${min}..${max} ${unit}` });
  };
  const vector = (path: string, value: unknown, limit: number, unit: string, offset: number, scale: number): void => {
    if (!Array.isArray(value) || value.length !== 3)
      problems.push({ path, problem: `got ${JSON.stringify(value)}, expected three numbers, ${unit}` });
    else
      value.forEach((item: unknown, axis) => {
        number(`${path}[${axis}]`, item, -limit, limit, unit, (one) => (values) => {
          values[offset + axis] = one * scale + 0;
        });
      });
  };
  const put =
    (offset: number) =>
    (value: number): Write =>
    (values) => {
      values[offset] = value;
    };
  const charge =
    (offset: number, capacityJ: number) =>
    (percent: number): Write =>
    (values) => {
      values[offset] = snappedEnergyJ((capacityJ * percent) / 100, capacityJ);
    };
  for (const [key, value] of Object.entries(init)) {
    const path = `init.${key}`;
    switch (key) {
      case "soc_pct":
        number(path, value, 0, 100, "%", charge(at.BATTERY_J, config.batteryCapacityJ));
        break;
      case "supercap_soc_pct":
        number(path, value, 0, 100, "%", charge(at.SUPERCAP_J, config.supercapCapacityJ));
        break;
      case "propellant_kg":
        number(
          path,
          value,
          0,
          config.profile.propulsionPlane.enabled ? config.profile.propulsionPlane.propellantKgInit : 0,
          "kg",
          put(config.bodyAt + at.PROPELLANT_KG),
        );
        break;
      case "position_m":
        vector(path, value, 1e9, "m", at.POSITION_M, 1);
        break;
      case "velocity_mps":
        vector(path, value, 1e5, "m/s", at.VELOCITY_MPS, 1);
        break;
      case "body_rates_dps":
        vector(path, value, 30, "deg/s", at.RATES_RPS, RAD_PER_DEG);
        break;
      case "temps":
        temperatures(value, config, problems, (nodePath, tempC, node) => {
          number(nodePath, tempC, -120, 160, "C", put(at.NODES + node * at.NODE_STRIDE));
        });
        break;
      default:
        problems.push({
          path,
          problem: "unknown key; known are soc_pct, supercap_soc_pct, temps, position_m, velocity_mps, body_rates_dps, propellant_kg",
        });
    }
  }
  if (problems.length === 0) for (const write of writes) write(state.values);
  return problems;
}

function temperatures(
  raw: unknown,
  config: CraftConfig,
  problems: InitProblem[],
  each: (path: string, tempC: unknown, node: number) => void,
): void {
  if (typeof raw !== "object" || raw === null || Array.isArray(raw)) {
    problems.push({ path: "init.temps", problem: `got ${JSON.stringify(raw)}, expected node ids with temperatures` });
    return;
  }
  const ids = config.profile.thermalPlane.nodes.map((node) => node.id);
  for (const [id, tempC] of Object.entries(raw)) {
    const node = ids.indexOf(id);
    if (node < 0) problems.push({ path: `init.temps.${id}`, problem: `no such node; known are ${ids.join(", ")}` });
    else each(`init.temps.${id}`, tempC, node);
  }
}
