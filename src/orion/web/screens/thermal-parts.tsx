import { formatNumber } from "#orion/model/format.ts";
import { model } from "../console.ts";
import { t } from "../i18n.ts";
import { StatusSymbol } from "../symbol.tsx";

export interface ThermalNode {
  readonly id: string;
  readonly temp_c: number;
  readonly tripped: boolean;
  readonly warned: boolean;
  readonly warn_c: number;
  readonly trip_c: number;
  readonly hys_c: number;
}

export function thermalNodes(): readonly ThermalNode[] | undefined {
  return model.value("thermal.nodes") as readonly ThermalNode[] | undefined;
}

/** Degrees left to the trip, undefined for a node without one. */
export function marginC(node: ThermalNode): number | undefined {
  return node.trip_c > 0 ? node.trip_c - node.temp_c : undefined;
}

/** The node nearest its trip first. */
export function nodesByMargin(): readonly ThermalNode[] | undefined {
  const nodes = thermalNodes();
  return nodes === undefined
    ? undefined
    : [...nodes].sort((a, b) => (marginC(a) ?? Number.POSITIVE_INFINITY) - (marginC(b) ?? Number.POSITIVE_INFINITY));
}

export function NodeState({ node }: { node: ThermalNode }) {
  if (node.tripped) {
    return (
      <b>
        <StatusSymbol status="serious" /> {t("tripped")}
      </b>
    );
  }
  if (node.warned) {
    return (
      <b>
        <StatusSymbol status="caution" /> {t("warned")}
      </b>
    );
  }
  return <span class="quiet">{t("nominal")}</span>;
}

const LOW_C = -120;
const HIGH_C = 160;

/** Temperature on the scale of all nodes, with the warning (dashed), the trip (solid) and where the trip clears (dotted). */
export function TemperatureBar({ node }: { node: ThermalNode }) {
  const at = (tempC: number): string => `${(100 * (Math.min(HIGH_C, Math.max(LOW_C, tempC)) - LOW_C)) / (HIGH_C - LOW_C)}%`;
  const zero = at(0);
  return (
    <svg class="temperature" height="16" width="100%" aria-hidden="true">
      <rect class="track" x="0" y="5" width="100%" height="6" />
      <line class="zero" x1={zero} x2={zero} y1="3" y2="13" />
      <rect class={node.tripped ? "fill tripped" : node.warned ? "fill warned" : "fill"} x="0" y="5" height="6" width={at(node.temp_c)} />
      {node.warn_c > 0 ? <line class="warn" x1={at(node.warn_c)} x2={at(node.warn_c)} y1="0" y2="16" /> : null}
      {node.trip_c > 0 ? <line class="trip" x1={at(node.trip_c)} x2={at(node.trip_c)} y1="0" y2="16" /> : null}
      {node.trip_c > 0 && node.hys_c > 0 ? (
        <line class="hysteresis" x1={at(node.trip_c - node.hys_c)} x2={at(node.trip_c - node.hys_c)} y1="0" y2="16" />
      ) : null}
    </svg>
  );
}

export function celsius(valueC: number): string {
  return `${formatNumber(valueC, "°C").text} °C`;
}
