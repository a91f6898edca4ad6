import { t } from "../i18n.ts";
import { model, whyOpen } from "../console.ts";
import { Value } from "../value.tsx";
import { celsius, marginC, NodeState, TemperatureBar, thermalNodes } from "./thermal-parts.tsx";

/** Every thermal node against its warning and trip, in the profile's order. */
export function ThermalScreen() {
  const nodes = thermalNodes();
  if (nodes === undefined) return <Value path="thermal.nodes" />;
  if (nodes.length === 0) return <p class="hint">{t("thermalOff")}</p>;
  return (
    <table class="grid">
      <thead>
        <tr>
          <th>{t("node")}</th>
          <th class="num">{t("temperature")}</th>
          <th class="bar-cell">−120 … 160 °C</th>
          <th>{t("state")}</th>
          <th class="num">{t("warnAt")}, °C</th>
          <th class="num">{t("tripAt")}, °C</th>
          <th class="num">
            {t("margin")}, °C <small class="tag">{t("calculated")}</small>
          </th>
          <th>{t("clearsAt")}</th>
        </tr>
      </thead>
      <tbody>
        {nodes.map((node) => {
          const margin = marginC(node);
          return (
            <tr
              key={node.id}
              data-row
              tabIndex={0}
              data-node={node.id}
              onClick={() => (node.tripped || node.warned ? (whyOpen.value = true) : undefined)}
            >
              <th scope="row">{node.id}</th>
              <td class="num">
                <Value path={`thermal.nodes[id=${node.id}].temp_c`} />
              </td>
              <td class="bar-cell">
                <TemperatureBar node={node} />
              </td>
              <td>
                <NodeState node={node} />
              </td>
              <td class="num">{node.warn_c > 0 ? node.warn_c : "—"}</td>
              <td class="num">{node.trip_c > 0 ? node.trip_c : <small>{t("noTrip")}</small>}</td>
              <td class="num">{margin === undefined ? "—" : celsius(margin).replace(" °C", "")}</td>
              <td>{node.tripped ? `≤ ${celsius(node.trip_c - (node.hys_c > 0 ? node.hys_c : 1))}` : ""}</td>
            </tr>
          );
        })}
      </tbody>
      <tfoot>
        <tr>
          <td colSpan={8}>
            <Value path="temp_external_c" />{" "}
            <small>{model.cell("temp_external_c").kind === "value" ? t(model.cell("temp_external_c").entry!.label) : ""}</small>
          </td>
        </tr>
      </tfoot>
    </table>
  );
}
