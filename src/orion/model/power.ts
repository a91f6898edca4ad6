import { type ReasonInForce } from "./reasons.ts";
import type { Read } from "./sampling.ts";

/** Loads as an operator reads them: what is never cut, what is throttled, what is shed first at the end. */
export const LOAD_ORDER = ["base", "mcqpu", "motion", "rcs", "transponder", "radar", "nbl"] as const;

export type LoadState = "ON" | "OFF" | "SHED" | "THROTTLED";

export interface LoadLine {
  readonly load: (typeof LOAD_ORDER)[number];
  readonly askedW: number;
  readonly grantedW: number;
  readonly state: LoadState;
  /** Why it is off or limited, as the truth explains it; empty when it is neither, or nothing is told. */
  readonly reasons: readonly ReasonInForce[];
  /** Reason codes that no explanation stands behind. */
  readonly bareReasons: readonly string[];
}

export interface StorageFlow {
  readonly id: "supercap" | "battery";
  readonly socPct: number;
  readonly inW: number;
  readonly outW: number;
}

/** Power from its sources over the bus to loads and storage, at one moment of telemetry. */
export interface PowerFlow {
  readonly sources: readonly { readonly id: "base" | "dock"; readonly powerW: number }[];
  readonly storage: readonly StorageFlow[];
  readonly loads: readonly LoadLine[];
  /** Watts that nobody could take. */
  readonly spillW: number;
  /** Watts that loads were granted and did not get. */
  readonly unservedW: number;
  readonly bus: {
    readonly usedW: number;
    readonly askedW: number;
    /** Undefined when the bus has no limit. */
    readonly limitW: number | undefined;
    readonly currentA: number;
    readonly limitA: number | undefined;
  };
  /** Reasons that concern the supply as a whole: latch, brownout, faults. */
  readonly supplyReasons: readonly ReasonInForce[];
}

const SUPPLY_KINDS: ReadonlySet<string> = new Set(["latch", "brownout", "fault"]);
const DENYING_KINDS: ReadonlySet<string> = new Set(["shed", "throttle", "gate"]);

/** The flow as telemetry tells it, or undefined until it tells of power. */
export function powerFlow(read: Read, reasons: readonly ReasonInForce[] | undefined): PowerFlow | undefined {
  const power = read("power") as Readonly<Record<string, unknown>> | undefined;
  const loads = loadLines(read, reasons);
  if (power === undefined || loads === undefined) return undefined;
  const number = (path: string): number => numberAt(read, path);
  const limitA = number("power.max_bus_a");
  return {
    sources: [
      { id: "base", powerW: number("power.sources_w.base") },
      { id: "dock", powerW: number("power.sources_w.dock") },
    ],
    storage: [
      {
        id: "supercap",
        socPct: number("power.supercap_soc_pct"),
        inW: number("power.supercap_charge_w"),
        outW: number("power.supercap_discharge_w"),
      },
      {
        id: "battery",
        socPct: number("power.soc_pct"),
        inW: number("power.battery_charge_w"),
        outW: number("power.battery_discharge_w"),
      },
    ],
    loads,
    spillW: number("power.battery_spill_w"),
    unservedW: number("power.battery_unserved_w"),
    bus: {
      usedW: number("power.power_out_w"),
      askedW: loads.reduce((sum, line) => sum + line.askedW, 0),
      limitW: limitA > 0 ? number("power.pdu_limit_w") : undefined,
      currentA: number("power.bus_a"),
      limitA: limitA > 0 ? limitA : undefined,
    },
    supplyReasons: reasons?.filter(({ record }) => SUPPLY_KINDS.has(record.kind) && record.node === undefined) ?? [],
  };
}

/** Every load with what it asks and gets, or undefined until telemetry says. */
export function loadLines(read: Read, reasons: readonly ReasonInForce[] | undefined): readonly LoadLine[] | undefined {
  if (read("power_detail.demand_w") === undefined || read("power.loads_w") === undefined) return undefined;
  const sheds = (read("power_detail.sheds") ?? []) as readonly { readonly load: string; readonly reason: string }[];
  const throttled = (read("power.throttled_loads") ?? []) as readonly string[];
  return LOAD_ORDER.map((load) => {
    const codes = sheds.filter((one) => one.load === load).map((one) => one.reason);
    const askedW = numberAt(read, `power_detail.demand_w.${load}`);
    const grantedW = numberAt(read, `power.loads_w.${load}`);
    const state = codes.length > 0 ? "SHED" : throttled.includes(load) ? "THROTTLED" : askedW > 0 ? "ON" : "OFF";
    const own = reasons?.filter(({ record }) => record.load === load && DENYING_KINDS.has(record.kind)) ?? [];
    // A gate says again what the shed that follows from it says.
    const told = own.filter(({ record }) => record.kind !== "gate" || !codes.includes(record.reason));
    const bareReasons = codes.filter((code) => !told.some(({ record }) => record.reason === code));
    return { load, askedW, grantedW, state, reasons: told, bareReasons };
  });
}

/** Seconds that the battery lasts at this discharge; undefined while it is not discharging (console §4.3). */
export function runtimeS(read: Read): number | undefined {
  const dischargeW = numberAt(read, "power.battery_discharge_w");
  const netW = dischargeW - numberAt(read, "power.battery_charge_w");
  const storedWh = (numberAt(read, "power.soc_pct") / 100) * numberAt(read, "power.battery_capacity_wh");
  return netW > 0 ? (storedWh * 3600) / netW : undefined;
}

/** Energy balance of the published figures, W: sources less sinks (console §4.4). */
export function residualW(flow: PowerFlow): number {
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
  const sourcesW = sum([...flow.sources.map((one) => one.powerW), ...flow.storage.map((one) => one.outW), flow.unservedW]);
  return sourcesW - sum([...flow.loads.map((one) => one.grantedW), ...flow.storage.map((one) => one.inW), flow.spillW]);
}

function numberAt(read: Read, path: string): number {
  const value = read(path);
  return typeof value === "number" ? value : Number.NaN;
}
