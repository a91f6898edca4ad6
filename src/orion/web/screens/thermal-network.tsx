import { formatDuration, formatNumber } from "#orion/model/format.ts";
import { columnsOf, type LinkView, type NodeView, type ThermalNetwork } from "#orion/model/thermal.ts";
import { whyOpen } from "../console.ts";
import { loadName, nodeName, t } from "../i18n.ts";
import { sinceText } from "../reason-words.tsx";
import { StaleMark, Value } from "../value.tsx";
import { celsius, NodeState, rateText, TemperatureGauge } from "./thermal-parts.tsx";

const CARD_HEIGHT_PX = 190;
const GAP_PX = 18;
const STEP_PX = CARD_HEIGHT_PX + GAP_PX;
/** Share of a column that its cards fill; the rest is for the couplings. */
const CARD_SHARE = 0.76;

interface Spot {
  readonly column: number;
  /** Middle, px from the top. */
  readonly yPx: number;
}

/** The nodes and what couples them; without published couplings only the nodes. */
export function NetworkPicture({ network }: { network: ThermalNetwork }) {
  const { nodes, links = [] } = network;
  const columns = columnsOf(
    nodes.map((node) => node.id),
    links,
  );
  const rows = Math.max(...columns.map((column) => column.length));
  const heightPx = rows * STEP_PX - GAP_PX;
  const spots = new Map<string, Spot>(
    columns.flatMap((ids, column) => {
      const topPx = (heightPx - (ids.length * STEP_PX - GAP_PX)) / 2;
      return ids.map((id, row) => [id, { column, yPx: topPx + row * STEP_PX + CARD_HEIGHT_PX / 2 }] as const);
    }),
  );
  return (
    <section class="card network-picture truth" aria-label={t("thermalNetwork")}>
      <h2>
        {t("thermalNetwork")} <StaleMark path="thermal" />
        <small>{network.links === undefined ? t("couplingsNotPublished") : t("couplingsLegend")}</small>
      </h2>
      <div class="network" style={{ height: `${heightPx}px` }}>
        <svg class="links" width="100%" height={heightPx} aria-hidden="true">
          {links.map((link) => (
            <Link key={`${link.a} ${link.b}`} link={link} spots={spots} columns={columns.length} />
          ))}
        </svg>
        {nodes.map((node) => {
          const { column, yPx } = spots.get(node.id)!;
          const leftPct = (100 * (column + (1 - CARD_SHARE) / 2)) / columns.length;
          const place = { left: `${leftPct}%`, width: `${(100 * CARD_SHARE) / columns.length}%`, top: `${yPx - CARD_HEIGHT_PX / 2}px` };
          return <NodeCard key={node.id} node={node} place={place} />;
        })}
      </div>
    </section>
  );
}

function Link({ link, spots, columns }: { link: LinkView; spots: ReadonlyMap<string, Spot>; columns: number }) {
  const [a, b] = [spots.get(link.a), spots.get(link.b)];
  if (a === undefined || b === undefined) return null;
  const [left, right] = a.column <= b.column ? [a, b] : [b, a];
  const isSame = left.column === right.column;
  const edge = (spot: Spot, side: number): number => (100 * (spot.column + 0.5 + side * (CARD_SHARE / 2))) / columns;
  const [x1, x2] = isSame ? [edge(left, 0), edge(right, 0)] : [edge(left, 1), edge(right, -1)];
  const toRight = (left === a) === link.flowW >= 0;
  const middleY = (left.yPx + right.yPx) / 2;
  const arrow = isSame ? (toRight === left.yPx < right.yPx ? "↓" : "↑") : toRight ? "→" : "←";
  return (
    <g data-link={`${link.a} ${link.b}`}>
      <line x1={`${x1}%`} y1={left.yPx} x2={`${x2}%`} y2={right.yPx} />
      <svg x={`${(x1 + x2) / 2}%`} y={middleY} overflow="visible">
        <rect x="-38" y="-18" width="76" height="36" rx="3" />
        <text y="-4">{link.conductanceWPerC} W/°C</text>
        <text y="12" class="heat">
          {arrow} {formatNumber(Math.abs(link.flowW), "W", 1).text} W
        </text>
      </svg>
    </g>
  );
}

function NodeCard({ node, place }: { node: NodeView; place: Readonly<Record<string, string>> }) {
  const isOut = node.state !== "nominal";
  const reason = node.reasons[0];
  return (
    <button
      type="button"
      class={`node ${node.state} ${isOut ? "cut" : ""}`}
      style={place}
      data-thermal={node.id}
      data-state={node.state}
      onClick={() => (whyOpen.value = true)}
      title={t("why")}
    >
      <span class="headline">
        <span class="name">{nodeName(node.id)}</span>
        <NodeState node={node} />
      </span>
      <span class="headline">
        <Value path={`thermal.nodes[id=${node.id}].temp_c`} big />
        <span class="num rate">{rateText(node.rate)}</span>
      </span>
      <TemperatureGauge node={node} />
      <small>
        {node.tripC === undefined ? (
          t("noTrip")
        ) : (
          <>
            {t("margin")} <span class="num">{celsius(node.marginC!)}</span>
            {node.tripInS === undefined ? null : (
              <>
                {" "}
                ·{" "}
                <b>
                  {t("tripIn")} {formatDuration(node.tripInS)}
                </b>
              </>
            )}
          </>
        )}
      </small>
      <small>{shedsText(node)}</small>
      {typeof reason?.restore?.value !== "number" ? null : (
        <small class="node-reason">
          {t("since")} <span class="num">{sinceText(reason)}</span>
          <br />
          {t("clearsAt")} <b>≤ {celsius(reason.restore.value)}</b>{" "}
          {reason.restore.expectedS === undefined ? null : (
            <>
              · {t("inTime")} {formatDuration(reason.restore.expectedS)} <span class="tag">{t("calculated")}</span>
            </>
          )}
        </small>
      )}
    </button>
  );
}

/** Which loads a trip of the node cuts. */
export function shedsText({ sheds, tripC }: NodeView): string {
  if (tripC === undefined) return "";
  if (sheds === undefined) return `${t("tripSheds")}: — ${t("absent_not_published")}`;
  return `${t("tripSheds")}: ${sheds.length === 0 ? t("nothing") : sheds.map(loadName).join(", ")}`;
}
