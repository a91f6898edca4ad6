import type { ComponentChildren } from "preact";
import { formatDuration } from "#orion/model/format.ts";
import { loadLines, runtimeS } from "#orion/model/power.ts";
import { byMargin } from "#orion/model/thermal.ts";
import type { TextKey } from "#orion/model/texts.ts";
import { model, show } from "../console.ts";
import { network, reasons } from "../craft-view.ts";
import { loadName, nodeName, t } from "../i18n.ts";
import { isUnacked, sortedIncidents } from "../incident.ts";
import { SEVERITY_STATUS, StatusSymbol } from "../symbol.tsx";
import { Row, Value } from "../value.tsx";
import { explainCount, WhyLines } from "../why.tsx";
import { letterText } from "./incident-words.ts";
import "./overview.css";
import { WattBar, watts } from "./power-parts.tsx";
import { NodeState } from "./thermal-parts.tsx";

/** The whole craft at one glance; every card keeps its place and opens its screen. */
export function OverviewScreen() {
  const stopped = (model.value("sim_state") as { fsm_state?: string } | undefined)?.fsm_state === "STOPPED";
  return (
    <>
      {stopped ? <p class="hint">{t("stoppedHint")}</p> : null}
      <div class="cards">
        <PowerCard />
        <IncidentsCard />
        <ThermalCard />
        <WhyCard />
        <Card title={t("motion")} to="motion">
          <Row path="attitude.roll_rad" />
          <Row path="attitude.pitch_rad" />
          <Row path="heading" />
          <Row path="speed_m_s" decimals={2} />
          <Row path="motion.drive_command_mps" decimals={2} />
        </Card>
        <Card title={t("comms")} to="comms">
          <Row path="comms.link_state" />
          <Row path="comms.latency_ms" />
          <Row path="comms.packet_loss_pct" />
          <Row path="comms.xpdr.mode" />
          <Row path="comms.xpdr.id" />
        </Card>
        <Card title={t("propulsion")} to="propulsion">
          <Row path="propulsion.fuel_pct" />
          <Row path="propulsion.rcs.enabled" />
          <Row path="propulsion.rcs.active" />
          <Row path="propulsion.rcs.time_left_s" />
          <Row path="hull.integrity" />
        </Card>
        <Card title={t("dockSensors")} to="sensors">
          <Row path="docking.state" />
          <Row path="docking.port" />
          <Row path="sensor_plane.imu.status" />
          <Row path="sensor_plane.radiation.status" />
          <Row path="sensor_plane.star_tracker.status" />
          <Row path="temp_external_c" />
          <Row path="orbit.state" />
        </Card>
      </div>
    </>
  );
}

function Card({ title, to, wide = false, children }: { title: string; to?: TextKey; wide?: boolean; children: ComponentChildren }) {
  return (
    <section class={wide ? "card wide" : "card"}>
      <h2>
        {to === undefined ? (
          title
        ) : (
          <button type="button" class="plain" onClick={() => show(to)}>
            {title} ›
          </button>
        )}
      </h2>
      {children}
    </section>
  );
}

function PowerCard() {
  const lines = loadLines(model.value, reasons());
  const scaleW = (model.value("power.pdu_limit_w") as number | undefined) ?? 100;
  const runtime = runtimeS(model.value);
  return (
    <Card title={t("power")} to="power" wide>
      <div class="figures">
        <Figure label="SoC">
          <Value path="power.soc_pct" big />
        </Figure>
        <Figure label={t("bus")}>
          <Value path="power.bus_a" decimals={2} big />
          <small>
            / <Value path="power.max_bus_a" /> <Value path="power.bus_v" />
          </small>
        </Figure>
        <Figure label={t("sources")}>
          <Value path="power.power_in_w" big />
        </Figure>
        <Figure label={t("loads")}>
          <Value path="power.power_out_w" big />
          <small>
            / <Value path="power.pdu_limit_w" />
          </small>
        </Figure>
        <Figure label={t("supercap")}>
          <Value path="power.supercap_soc_pct" big />
        </Figure>
        <Figure label={`${t("runtime")} (${t("calculated")})`}>
          <span class="value big">{runtime === undefined ? "—" : formatDuration(runtime)}</span>
        </Figure>
      </div>
      <div class="load-strip">
        {lines?.map((line) => (
          <div key={line.load} class="load truth" data-state={line.state}>
            <span class="label">{loadName(line.load)}</span>
            <WattBar line={line} scaleW={scaleW / 2} />
            <span class="num">
              {line.state === "SHED" || line.state === "THROTTLED" ? (
                <>
                  <StatusSymbol status="caution" /> {line.state}
                </>
              ) : (
                `${watts(line.grantedW)} W`
              )}
            </span>
          </div>
        ))}
      </div>
    </Card>
  );
}

function Figure({ label, children }: { label: string; children: ComponentChildren }) {
  return (
    <div class="figure">
      <span class="label">{label}</span>
      <span>{children}</span>
    </div>
  );
}

function IncidentsCard() {
  const unacked = sortedIncidents().filter(isUnacked);
  return (
    <Card title={`${t("incidents")} (${unacked.length})`} to="incidents">
      {unacked.length === 0 ? <p class="quiet">{t("noUnacked")}</p> : null}
      <ul class="list">
        {unacked.slice(0, 5).map((incident) => (
          <li key={incident.incident_id}>
            <StatusSymbol status={SEVERITY_STATUS[incident.severity]!} blinks /> <b>{t(incident.rule.title)}</b>{" "}
            <small>{letterText(incident)}</small>
          </li>
        ))}
      </ul>
    </Card>
  );
}

function ThermalCard() {
  const nodes = network()?.nodes;
  return (
    <Card title={t("thermal")} to="thermal">
      {nodes === undefined ? <Row path="thermal.nodes" /> : null}
      {byMargin(nodes ?? [])
        .slice(0, 4)
        .map((node) => (
          <div key={node.id} class="row">
            <span class="label">{nodeName(node.id)}</span>
            <span>
              <Value path={`thermal.nodes[id=${node.id}].temp_c`} /> {node.state === "nominal" ? null : <NodeState node={node} />}
            </span>
          </div>
        ))}
    </Card>
  );
}

function WhyCard() {
  return (
    <section class="card">
      <h2>
        {t("why")} ({explainCount()})
      </h2>
      <WhyLines />
    </section>
  );
}
