import { formatDuration } from "#orion/model/format.ts";
import { commandDraft, model, show } from "../console.ts";
import { commandLabel } from "../command-row-view.tsx";
import { t } from "../i18n.ts";
import { StatusSymbol } from "../symbol.tsx";
import { Row, Value } from "../value.tsx";
import { LoadRow, loadLines, runtimeS } from "./power-parts.tsx";

const ACTIONS = [
  "power.nbl.on",
  "power.nbl.off",
  "power.nbl.set_max",
  "power.dock.on",
  "power.dock.off",
  "sim.dock.engage",
  "sim.dock.release",
] as const;
const RESIDUAL_CAUTION_W = 0.001;

/** Where power comes from, where it goes, and what is kept from whom. */
export function PowerScreen() {
  const lines = loadLines();
  const limitW = (model.value("power.pdu_limit_w") as number | undefined) ?? 0;
  const scaleW = Math.max(50, ...(lines?.map((line) => line.askedW) ?? []));
  const faults = (model.value("power.faults") ?? []) as readonly string[];
  const residual = model.value("power_detail.residual_w");
  const runtime = runtimeS();
  return (
    <div class="columns">
      <section class="card">
        <h2>{t("loads")}</h2>
        {lines === undefined ? <Row path="power.loads_w" /> : null}
        <table class="grid loads">
          <thead>
            <tr>
              <th>{t("loads")}</th>
              <th>{t("state")}</th>
              <th />
              <th class="num">{t("granted")}, W</th>
              <th class="num">{t("requested")}, W</th>
              <th>{t("reason")}</th>
            </tr>
          </thead>
          <tbody>
            {lines?.map((line) => (
              <LoadRow key={line.load} line={line} scaleW={scaleW} />
            ))}
          </tbody>
        </table>
        <div class="row">
          <span class="label">
            PDU {t("limit")} / {t("used")}
          </span>
          <span>
            <Value path="power.pdu_limit_w" /> / <Value path="power.power_out_w" /> {limitW > 0 ? null : t("none")}
          </span>
        </div>
        <div class="row">
          <span class="label">{t("residual")}</span>
          <span>
            {typeof residual === "number" && Math.abs(residual) > RESIDUAL_CAUTION_W ? <StatusSymbol status="caution" /> : null}
            <Value path="power_detail.residual_w" decimals={3} />
          </span>
        </div>
        <div class="row">
          <span class="label">{t("faults")}</span>
          <span>{faults.length === 0 ? t("none") : faults.map((fault) => <b key={fault}>{fault} </b>)}</span>
        </div>
        <div class="actions">
          {ACTIONS.map((name) => (
            <button
              key={name}
              type="button"
              onClick={() => {
                commandDraft.value = { name, values: {} };
                show("commands");
              }}
            >
              {commandLabel(name)}…
            </button>
          ))}
        </div>
      </section>
      <div>
        <section class="card">
          <h2>{t("bus")}</h2>
          <Row path="power.bus_v" />
          <Row path="power.bus_a" decimals={2} />
          <Row path="power.max_bus_a" />
          <Row path="power_detail.supply_fraction" decimals={3} />
        </section>
        <section class="card">
          <h2>{t("sources")}</h2>
          <Row path="power.sources_w.base" />
          <Row path="power.sources_w.dock" />
          <Row path="power.sources_w.supercap_discharge" />
          <Row path="power.dock_connected" />
          <Row path="power.dock_soft_start_pct" />
          <Row path="power.dock_v" />
          <Row path="power.dock_a" />
        </section>
        <section class="card">
          <h2>{t("storage")}</h2>
          <Row path="power.soc_pct" />
          <Row path="power.battery_charge_w" />
          <Row path="power.battery_discharge_w" />
          <div class="row">
            <span class="label">
              {t("runtime")} <small class="tag">{t("calculated")}</small>
            </span>
            <span class="value">{runtime === undefined ? "—" : formatDuration(runtime)}</span>
          </div>
          <Row path="power.soc_shed_low_pct" />
          <Row path="power.soc_shed_high_pct" />
          <Row path="power.supercap_soc_pct" />
          <Row path="power.supercap_charge_w" />
          <Row path="power.supercap_discharge_w" />
          <Row path="power.battery_spill_w" />
          <Row path="power.battery_unserved_w" />
        </section>
      </div>
    </div>
  );
}
