import { EXPLAIN_KINDS, LOADS, REASONS } from "#contracts/reasons.ts";
import type { ExplainRecord, TelemetryPayload } from "#contracts/telemetry.ts";
import { LOADS as LOAD_NAMES } from "#craft/layout.ts";
import { PROFILE_KEYS, SHEDDABLE_LOADS } from "#craft/profile-schema.ts";
import { explainIds, RUNTIME_FAULTS, SHED_REASONS } from "#craft/reasons.ts";
import { code, figure, table } from "./markdown.ts";
import { keysOf, shippedValue } from "./profile.ts";
import { shippedPlane } from "./thermal.ts";
import { eachTick, explainSeen } from "./scenario-runs.ts";

/** Load, reason, and what brings the load back: the records that the shipped scenarios show first. */
export function shedRules(): string {
  const seen = explainSeen();
  const rows = SHEDDABLE_LOADS.flatMap((load) =>
    SHED_REASONS.flatMap((reason) => {
      const found = seen.get(`shed:${load}:${reason}`);
      if (found === undefined) return [];
      const { record, scenario, tick } = found;
      return [[LOADS[load]!.en, code(reason), REASONS[reason]!.en, limitText(record), conditionText(record), `${scenario}, tick ${tick}`]];
    }),
  );
  return table(["load", "reason", "what it means", "limit there", "comes back when", "seen in scenario"], rows);
}

/** Every kind of explain record, with the reasons that the shipped craft can show. */
export function explainKinds(): string {
  const ids = explainIds({ thermalPlane: shippedPlane(), configFaults: CONFIG_FAULTS });
  const rows = Object.entries(EXPLAIN_KINDS).map(([kind, text]) => {
    const own = ids.map((id) => id.split(":")).filter(([first]) => first === kind);
    return [code(kind), text.en, text.ru, [...new Set(own.map((parts) => parts[2]!))].map(code).join(", ")];
  });
  return table(["kind", "EN", "RU", "reasons"], rows);
}

const CONFIG_FAULTS = ["BATTERY_CAPACITY_MISSING", "POWER_PLANE_CONFIG_MISSING", "THERMAL_PLANE_PARAM_INVALID:core:hys_zero"];

/** Every word that can stand as a reason or fault. */
export function reasons(): string {
  return table(
    ["word", "EN", "RU"],
    Object.entries(REASONS).map(([word, text]) => [code(word), text.en, text.ru]),
  );
}

/** Faults of `power.faults`, in the order in which they are listed. */
export function powerFaults(): string {
  const config = CONFIG_FAULTS.map((fault) => fault.split(":")[0]!);
  const row = (fault: string, form: string, ends: string): string[] => [code(form), REASONS[fault]!.en, ends];
  return table(
    ["fault", "what it means", "ends"],
    [
      ...config.map((fault) => row(fault, fault.startsWith("THERMAL") ? `${fault}:<node>:hys_zero` : fault, "with another profile")),
      ...RUNTIME_FAULTS.map((fault) => row(fault, fault, "in the first tick in which it is not so")),
      row("THERMAL_TRIP", "THERMAL_TRIP:<node>", "when the node has cooled by its band"),
    ],
  );
}

/** The figures that decide about shedding, and the shipped craft's. */
export function powerThresholds(): string {
  const keys = [
    "soc_shed_low_pct",
    "soc_shed_high_pct",
    "nbl_soc_min_pct",
    "nbl_soc_hysteresis_pct",
    "nbl_core_temp_max_c",
    "nbl_temp_hysteresis_c",
    "max_bus_a",
    "bus_v_min",
    "bus_v_nominal",
    "pdu_restore_margin_pct",
    "pdu_restore_delay_s",
    "brownout_supply_min",
    "battery_max_charge_w",
    "battery_max_discharge_w",
  ];
  const specs = keysOf(PROFILE_KEYS, "power_plane");
  const rows = keys.map((key) => {
    const spec = specs.find((one) => one.key === key)!;
    return [code(key), spec.about ?? "", shippedValue(`power_plane.${key}`, spec), "unit" in spec && spec.unit !== "1" ? spec.unit : ""];
  });
  return table(["key of `power_plane`", "what it is", "shipped", "unit"], rows);
}

/** What happens to the loads in the shipped ladder, whenever something is shed, throttled or comes back. */
export function ladderExample(): string {
  const rows: string[][] = [];
  let before = "";
  eachTick("pdu-ladder.yaml", ({ tick, power, power_detail: detail }) => {
    const now = JSON.stringify([power.shed_loads, power.throttled_loads]);
    if (now === before) return;
    before = now;
    const asked = LOAD_NAMES.filter((load) => detail.demand_w[load] > 0).map((load) => `${load} ${short(detail.demand_w[load])}`);
    rows.push([
      String(tick),
      short(tick / 10),
      asked.join(", "),
      power.shed_loads.join(", "),
      throttled(power),
      `${short(power.power_out_w)} of ${short(power.pdu_limit_w)}`,
    ]);
  });
  return table(["tick", "s", "asked for, W", "shed", "throttled to, W", "on the bus, W"], rows);
}

function throttled({ throttled_loads: loads, loads_w: granted }: TelemetryPayload["power"]): string {
  return loads.map((load) => `${load} ${short(granted[load as "motion" | "rcs"])}`).join(", ");
}

function short(value: number): string {
  return String(Math.round(value * 100) / 100);
}

function limitText({ limit, unit }: ExplainRecord): string {
  return limit === null ? "" : `${figure(limit)} ${unit}`;
}

/** As ORION shows it: the telemetry field, the comparison, and how long it must hold. */
function conditionText({ restores_when: when }: ExplainRecord): string {
  if (when === null) return "not by itself";
  const value = typeof when.value === "number" ? figure(when.value) : String(when.value);
  const hold = when.hold_s === undefined ? "" : ` for ${figure(when.hold_s)} s`;
  return `${code(when.field)} ${when.op} ${value}${when.unit === "" || when.unit === "1" ? "" : ` ${when.unit}`}${hold}`;
}
