import { formatDuration, formatNumber } from "#orion/model/format.ts";
import type { NodeView, ThermalNetwork } from "#orion/model/thermal.ts";
import { whyOpen } from "../console.ts";
import { network } from "../craft-view.ts";
import { nodeName, t } from "../i18n.ts";
import { Trend, Trends } from "../trend.tsx";
import { Row, Value } from "../value.tsx";
import { NetworkPicture, shedsText } from "./thermal-network.tsx";
import { celsius, NodeState, rateText } from "./thermal-parts.tsx";

/** Every thermal node against its warning and its trip, what couples them, and where their temperature goes. */
export function ThermalScreen() {
  const shown = network();
  if (shown === undefined) return <Row path="thermal.nodes" />;
  if (shown.nodes.length === 0) return <p class="hint">{t("thermalOff")}</p>;
  return (
    <>
      <NetworkPicture network={shown} />
      <Trends>
        <Trend
          title={t("temperature")}
          unit="°C"
          lines={[
            ...shown.nodes.map(({ id }) => ({ path: `thermal.nodes[id=${id}].temp_c`, label: nodeName(id) })),
            { path: "temp_external_c", label: t("environment") },
          ]}
        />
      </Trends>
      <div class="scroll-x">
        <NodeTable nodes={shown.nodes} />
        <LinkTable network={shown} />
      </div>
      <section class="card">
        <Row path="temp_external_c" />
        <Row path="temp_core_c" />
        <Row path="power.dock_temp_c" />
        <Row path="power.battery_temp_state" />
        <Row path="power.supercap_temp_state" />
      </section>
    </>
  );
}

function NodeTable({ nodes }: { nodes: readonly NodeView[] }) {
  return (
    <table class="grid truth">
      <thead>
        <tr>
          <th>{t("node")}</th>
          <th class="num">{t("temperature")}</th>
          <th>{t("state")}</th>
          <th class="num">
            {t("rate")} <small class="tag">{t("calculated")}</small>
          </th>
          <th class="num">{t("warnAt")}, °C</th>
          <th class="num">{t("tripAt")}, °C</th>
          <th class="num">{t("band")}, °C</th>
          <th class="num">
            {t("margin")}, °C <small class="tag">{t("calculated")}</small>
          </th>
          <th class="num">
            {t("tripIn")} <small class="tag">{t("calculated")}</small>
          </th>
          <th class="num">{t("clearsAt")}</th>
          <th>{t("tripSheds")}</th>
        </tr>
      </thead>
      <tbody>
        {nodes.map((node) => (
          <tr key={node.id} data-row tabIndex={0} data-node={node.id} onClick={() => (whyOpen.value = true)}>
            <th scope="row">{nodeName(node.id)}</th>
            <td class="num">
              <Value path={`thermal.nodes[id=${node.id}].temp_c`} />
            </td>
            <td>
              <NodeState node={node} />
            </td>
            <td class="num">{rateText(node.rate)}</td>
            <td class="num">{node.warnC ?? "—"}</td>
            <td class="num">{node.tripC ?? <small>{t("noTrip")}</small>}</td>
            <td class="num">{node.tripC === undefined ? "—" : node.bandC}</td>
            <td class="num">{node.marginC === undefined ? "—" : formatNumber(node.marginC, "°C").text}</td>
            <td class="num">{node.tripInS === undefined ? "—" : formatDuration(node.tripInS)}</td>
            <td class="num">{node.tripC === undefined ? "—" : `≤ ${celsius(node.tripC - node.bandC)}`}</td>
            <td>{shedsText(node).split(": ")[1] ?? ""}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** What couples the nodes and where heat goes now; with nothing published it says so. */
function LinkTable({ network: { links, nodes } }: { network: ThermalNetwork }) {
  if (links === undefined) return <p class="hint">{t("couplingsNotPublished")}</p>;
  const flow = (watts: number | undefined): string => (watts === undefined ? "—" : `${formatNumber(watts, "W", 1).text}`);
  return (
    <table class="grid truth heat-table">
      <thead>
        <tr>
          <th>{t("heatFrom")}</th>
          <th>{t("heatTo")}</th>
          <th class="num">
            {t("conductance")}, W/°C <small class="tag">{t("profile")}</small>
          </th>
          <th class="num">
            {t("heatFlow")}, W <small class="tag">{t("calculated")}</small>
          </th>
        </tr>
      </thead>
      <tbody>
        {links.map(({ a, b, conductanceWPerC, flowW }) => {
          const [from, to] = flowW >= 0 ? [a, b] : [b, a];
          return (
            <tr key={`${a} ${b}`} data-row tabIndex={0}>
              <td>{nodeName(from)}</td>
              <td>{nodeName(to)}</td>
              <td class="num">{conductanceWPerC}</td>
              <td class="num">{flow(Math.abs(flowW))}</td>
            </tr>
          );
        })}
        {nodes.map((node) => (
          <tr key={node.id} data-row tabIndex={0}>
            <td>{nodeName(node.id)}</td>
            <td>{t("environment")}</td>
            <td class="num">{node.ambientWPerC === undefined ? "—" : formatNumber(node.ambientWPerC, "", 2).text}</td>
            <td class="num">{flow(node.toAmbientW)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
