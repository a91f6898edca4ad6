import { formatDuration, formatNumber } from "#orion/model/format.ts";
import type { Rate } from "#orion/model/history.ts";
import type { NodeView } from "#orion/model/thermal.ts";
import { t } from "../i18n.ts";
import { StatusSymbol } from "../symbol.tsx";
import "./thermal.css";

export function NodeState({ node }: { node: NodeView }) {
  if (node.state === "nominal") return <span class="quiet">{t("nominal")}</span>;
  const isTripped = node.state === "tripped";
  return (
    <b class="state">
      <StatusSymbol status={isTripped ? "serious" : "caution"} /> {t(node.state)}
    </b>
  );
}

const LOW_C = -120;
const HIGH_C = 160;
const MARKS_END_PCT = 86;

/** A node's temperature on the scale of all nodes, against its warning (dashed, W) and its trip (solid, T) with the band below it. */
export function TemperatureGauge({ node }: { node: NodeView }) {
  const shareOf = (tempC: number): number => (100 * (Math.min(HIGH_C, Math.max(LOW_C, tempC)) - LOW_C)) / (HIGH_C - LOW_C);
  const at = (tempC: number): string => `${shareOf(tempC)}%`;
  const { tempC, warnC, tripC, bandC, state } = node;
  return (
    <svg class={`temperature ${state}`} height="34" width="100%" aria-hidden="true">
      <rect class="track" x="0" y="14" width="100%" height="8" />
      {tripC === undefined ? null : <rect class="beyond" x={at(tripC)} y="14" width={`${100 - shareOf(tripC)}%`} height="8" />}
      <rect class="fill" x="0" y="14" height="8" width={at(tempC)} />
      <line class="zero" x1={at(0)} x2={at(0)} y1="12" y2="24" />
      {warnC === undefined ? null : <line class="warn" x1={at(warnC)} x2={at(warnC)} y1="11" y2="25" />}
      {tripC === undefined ? null : (
        <>
          <line class="band" x1={at(tripC - bandC)} x2={at(tripC - bandC)} y1="25" y2="31" />
          <line class="trip" x1={at(tripC)} x2={at(tripC)} y1="10" y2="30" />
          <line class="band" x1={at(tripC - bandC)} x2={at(tripC)} y1="28" y2="28" />
        </>
      )}
      <Marks node={node} tripPct={tripC === undefined ? 0 : shareOf(tripC)} />
      <svg x={at(tempC)} y="14" overflow="visible">
        <path class="needle" d="M0 8 l5 8 h-10 z" />
      </svg>
    </svg>
  );
}

/** Both thresholds in figures above their lines; right-aligned where the lines are too near the end. */
function Marks({ node: { warnC, tripC }, tripPct }: { node: NodeView; tripPct: number }) {
  if (tripC === undefined) return null;
  if (tripPct > MARKS_END_PCT) {
    return (
      <text class="mark end" x="100%" y="9">
        {warnC === undefined ? "" : `W ${warnC}  `}T {tripC}
      </text>
    );
  }
  return (
    <>
      {warnC === undefined ? null : (
        <text class="mark end" x={`${tripPct - 4}%`} y="9">
          W {warnC}
        </text>
      )}
      <text class="mark" x={`${tripPct}%`} y="9">
        T {tripC}
      </text>
    </>
  );
}

export function celsius(valueC: number): string {
  return `${formatNumber(valueC, "°C").text} °C`;
}

/** A rate in degrees a minute, with the span it was taken over. */
export function rateText(rate: Rate): string {
  if (rate.kind === "absent") return `— ${t("rateNeedsTime")}`;
  const perMinute = formatNumber(rate.perS * 60, "°C", 2).text;
  return `${perMinute.startsWith("−") || rate.perS * 60 < 0.005 ? "" : "+"}${perMinute} °C/min (${formatDuration(rate.overS)})`;
}
