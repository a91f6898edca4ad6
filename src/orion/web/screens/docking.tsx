import { Actions } from "../actions.tsx";
import { model } from "../console.ts";
import { network, reasons } from "../craft-view.ts";
import { nodeName, t } from "../i18n.ts";
import { ReasonLines, statusOfReason } from "../reason-words.tsx";
import { StatusSymbol } from "../symbol.tsx";
import { Trend, Trends } from "../trend.tsx";
import { AllValues, Row, Value } from "../value.tsx";
import "./docking.css";
import { Feeder } from "./power-feeder.tsx";
import { NodeState, rateText, TemperatureGauge } from "./thermal-parts.tsx";

/** Held at the station or not, and whether the station powers the craft: two connections, each on its own. */
export function DockingScreen() {
  const bridge = network()?.nodes.find((node) => node.id === "dock_bridge");
  const held = reasons()?.filter(({ record }) => record.kind === "hold") ?? [];
  return (
    <>
      <DockPicture />
      {held.map((reason) => (
        <div key={reason.record.id} class="box cut with-symbol">
          <StatusSymbol status={statusOfReason(reason)} />
          <ReasonLines reason={reason} />
        </div>
      ))}
      <div class="three">
        <section class="card">
          <h2>{t("docking")}</h2>
          <Row path="docking.state" />
          <Row path="docking.port" />
          <Row path="docking.ports" />
          <Row path="docking.enabled" />
        </section>
        <section class="card">
          <h2>{t("dockPower")}</h2>
          <Row path="power.dock_connected" />
          <Row path="power.dock_soft_start_pct" />
          <Row path="power.dock_power_w" />
          <Row path="power.dock_v" />
          <Row path="power.dock_a" decimals={2} />
        </section>
        <section class="card">
          <h2>
            {nodeName("dock_bridge")} {bridge === undefined ? null : <NodeState node={bridge} />}
          </h2>
          <Row path="power.dock_temp_c" />
          {bridge === undefined ? (
            <p class="quiet">{t("noBridgeNode")}</p>
          ) : (
            <div class="truth">
              <TemperatureGauge node={bridge} />
              <p class="num">
                {rateText(bridge.rate)} <span class="tag">{t("calculated")}</span>
              </p>
            </div>
          )}
        </section>
      </div>
      <Actions names={["sim.dock.engage", "sim.dock.release", "power.dock.on", "power.dock.off"]} />
      <Trends>
        <Trend title={t("dockPower")} unit="W" lines={[{ path: "power.dock_power_w", label: t("dockPower") }]} />
        <Trend title={t("dockCurrent")} unit="A" lines={[{ path: "power.dock_a", label: t("dockCurrent") }]} />
        <Trend
          title={nodeName("dock_bridge")}
          unit="°C"
          lines={[{ path: "power.dock_temp_c", label: nodeName("dock_bridge") }]}
          limits={[
            { value: bridge?.warnC, label: t("warnAt"), kind: "warn" },
            { value: bridge?.tripC, label: t("tripAt"), kind: "trip" },
          ]}
        />
      </Trends>
      <AllValues of={["docking"]} />
    </>
  );
}

/** Station and craft with both connections between them: the clamp and the power bridge. */
function DockPicture() {
  const isDocked = model.value("docking.connected");
  const isPowered = model.value("power.dock_connected");
  const dockW = model.value("power.dock_power_w");
  if (typeof isDocked !== "boolean" || typeof isPowered !== "boolean" || typeof dockW !== "number") return <Row path="docking.state" />;
  return (
    <section class="card dock-picture truth" data-docked={String(isDocked)} data-powered={String(isPowered)} aria-label={t("docking")}>
      <div class="box body">{t("station")}</div>
      <div class="ties">
        <span>
          {t("clamp")}: <b>{t(isDocked ? "closed" : "open")}</b>
          {isDocked ? (
            <>
              {" "}
              · {t("port")} <Value path="docking.port" />
            </>
          ) : null}
        </span>
        <Feeder kind={isDocked ? "flow" : "open"} widthPx={10} hasDirection={false} />
        <span>
          {t("dockPower")}: <b>{t(isPowered ? "connected" : "disconnected")}</b> · <Value path="power.dock_power_w" /> · {t("softStart")}{" "}
          <Value path="power.dock_soft_start_pct" decimals={0} />
        </span>
        <Feeder kind={!isPowered ? "open" : dockW > 0 ? "flow" : "idle"} widthPx={dockW / 25} />
      </div>
      <div class="box body">{t("craft")}</div>
    </section>
  );
}
