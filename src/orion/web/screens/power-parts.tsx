import { formatNumber } from "#orion/model/format.ts";
import { model, whyOpen } from "../console.ts";
import { loadName, reasonText, t } from "../i18n.ts";
import { StatusSymbol } from "../symbol.tsx";

const LOADS = ["base", "mcqpu", "motion", "rcs", "radar", "transponder", "nbl"] as const;

export interface LoadLine {
  readonly load: string;
  readonly askedW: number;
  readonly grantedW: number;
  readonly state: "ON" | "OFF" | "SHED" | "THROTTLED";
  readonly reason: string | undefined;
}

/** Every load with what it asks and gets, as telemetry says; undefined until it does. */
export function loadLines(): LoadLine[] | undefined {
  const asked = model.value("power_detail.demand_w") as Readonly<Record<string, number>> | undefined;
  const granted = model.value("power.loads_w") as Readonly<Record<string, number>> | undefined;
  if (asked === undefined || granted === undefined) return undefined;
  const sheds = (model.value("power_detail.sheds") ?? []) as readonly { load: string; reason: string }[];
  const throttled = (model.value("power.throttled_loads") ?? []) as readonly string[];
  return LOADS.map((load) => {
    const askedW = asked[load] ?? 0;
    const grantedW = granted[load] ?? 0;
    const shed = sheds.find((one) => one.load === load);
    const state = shed !== undefined ? "SHED" : throttled.includes(load) ? "THROTTLED" : askedW > 0 ? "ON" : "OFF";
    return { load, askedW, grantedW, state, reason: shed?.reason ?? (state === "THROTTLED" ? "pdu_overcurrent" : undefined) };
  });
}

/** A load's row: name, state, bar of what it gets against what it asks, watts. */
export function LoadRow({ line, scaleW }: { line: LoadLine; scaleW: number }) {
  const off = line.state === "SHED" || line.state === "THROTTLED";
  return (
    <tr data-load={line.load} data-state={line.state}>
      <th scope="row">{loadName(line.load)}</th>
      <td>
        {off ? (
          <button type="button" class="plain state shed" onClick={() => (whyOpen.value = true)} title={t("why")}>
            <StatusSymbol status="caution" /> {line.state}
          </button>
        ) : (
          <span class={`state ${line.state === "OFF" ? "quiet" : ""}`}>{line.state}</span>
        )}
      </td>
      <td class="bar-cell">
        <WattBar askedW={line.askedW} grantedW={line.grantedW} scaleW={scaleW} />
      </td>
      <td class="num">{watts(line.grantedW)}</td>
      <td class="num quiet">{watts(line.askedW)}</td>
      <td class="reason">{line.reason === undefined ? "" : reasonText(line.reason)}</td>
    </tr>
  );
}

/** Filled: what it gets. Outlined: what it asks. */
export function WattBar({ askedW, grantedW, scaleW }: { askedW: number; grantedW: number; scaleW: number }) {
  const width = (valueW: number): string => `${Math.min(100, (100 * valueW) / Math.max(1, scaleW))}%`;
  return (
    <svg class="watts" height="12" width="100%" aria-hidden="true">
      <rect class="asked" x="0.5" y="1.5" height="9" width={width(askedW)} />
      <rect class="granted" x="0.5" y="1.5" height="9" width={width(grantedW)} />
    </svg>
  );
}

export function watts(valueW: number): string {
  return formatNumber(valueW, "W", valueW !== 0 && Math.abs(valueW) < 10 ? 1 : 0).text;
}

/** Hours that the battery lasts at this discharge; undefined while it charges or nothing is known. */
export function runtimeS(): number | undefined {
  const soc = model.value("power.soc_pct");
  const capacity = model.value("power.battery_capacity_wh");
  const discharge = model.value("power.battery_discharge_w");
  if (typeof soc !== "number" || typeof capacity !== "number" || typeof discharge !== "number" || discharge <= 0) return undefined;
  return ((soc / 100) * capacity * 3600) / discharge;
}
