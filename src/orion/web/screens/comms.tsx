import { Actions } from "../actions.tsx";
import { model } from "../console.ts";
import { reasons } from "../craft-view.ts";
import { reasonText, t } from "../i18n.ts";
import { ReasonLines, statusOfReason } from "../reason-words.tsx";
import { type Status, StatusSymbol } from "../symbol.tsx";
import { Trend, Trends } from "../trend.tsx";
import { AllValues, Row, Value } from "../value.tsx";
import "./comms.css";

const LINK_STATUS: Readonly<Record<string, Status | undefined>> = { online: undefined, degraded: "caution", offline: "serious" };

/** Whether the craft can be heard, how well, and what keeps it from being heard. */
export function CommsScreen() {
  return (
    <>
      <Chain />
      <Actions names={["sim.xpdr.mode"]} />
      <Trends>
        <Trend
          title={t("latency")}
          unit="ms"
          lines={[{ path: "comms.latency_ms", label: t("latency") }]}
          limits={[
            { value: 200, label: t("warnAt"), kind: "warn" },
            { value: 500, label: t("critAt"), kind: "crit" },
          ]}
        />
        <Trend
          title={t("packetLoss")}
          unit="%"
          lines={[{ path: "comms.packet_loss_pct", label: t("packetLoss") }]}
          limits={[
            { value: 2, label: t("warnAt"), kind: "warn" },
            { value: 5, label: t("critAt"), kind: "crit" },
          ]}
        />
        <Trend title={t("signal")} unit="dBm" lines={[{ path: "comms.rssi_dbm", label: t("signal") }]} />
      </Trends>
      <AllValues of={["comms"]} />
    </>
  );
}

/** Transponder, antenna, link: what each of them is, from the craft outwards, with the reason where it does not serve. */
function Chain() {
  const state = model.value("comms.link_state");
  const status = typeof state === "string" ? LINK_STATUS[state] : undefined;
  const codes = (model.value("comms.reason_codes") ?? []) as readonly string[];
  const isActive = model.value("comms.xpdr.active") === true;
  const why = reasons()?.filter(({ record }) => record.load === "transponder") ?? [];
  return (
    <section class="chain truth" aria-label={t("comms")}>
      <div class={`card link-part ${isActive ? "" : "cut"}`} data-part="transponder">
        <h2>{t("transponder")}</h2>
        <Row path="comms.xpdr.mode" />
        <Row path="comms.xpdr.active" />
        <Row path="comms.xpdr.allowed" />
        <Row path="comms.xpdr.id" />
        <Row path="power.loads_w.transponder" decimals={1} />
        {why.map((reason) => (
          <div key={reason.record.id} class="box cut with-symbol">
            <StatusSymbol status={statusOfReason(reason)} />
            <ReasonLines reason={reason} />
          </div>
        ))}
      </div>
      <Waves state={state} />
      <div class={`card link-part ${state === "online" ? "" : "cut"}`} data-part="link" data-state={String(state)}>
        <h2>{t("craftLink")}</h2>
        <p>
          {status === undefined ? null : <StatusSymbol status={status} />} <Value path="comms.link_state" big />
        </p>
        {codes.length === 0 ? (
          <p class="quiet">{state === undefined ? "" : t("linkUp")}</p>
        ) : (
          codes.map((code) => (
            <p key={code} data-reason={code}>
              <b>{reasonText(code)}</b> <small class="mono">{code}</small>
            </p>
          ))
        )}
        <Row path="comms.antenna_status" />
        <Row path="comms.data_rate_kbps" />
        <Row path="comms.tx_power_w" decimals={1} />
        <Row path="comms.EMCON_state" />
      </div>
      <div class="card link-part">
        <h2>{t("quality")}</h2>
        <Row path="comms.latency_ms" />
        <Row path="comms.packet_loss_pct" />
        <Row path="comms.rssi_dbm" decimals={1} />
        <Row path="comms.snr_db" />
        <Row path="comms.available" />
      </div>
    </section>
  );
}

/** Online: three unbroken waves; degraded: one broken one; offline: crossed out. */
function Waves({ state }: { state: unknown }) {
  return (
    <svg class={`waves ${String(state)}`} viewBox="0 0 60 80" width="60" height="80" aria-hidden="true">
      {state === "offline" ? <path class="cross" d="M16 26 L44 54 M44 26 L16 54" /> : null}
      {state === "online" ? <path class="wave" d="M14 26 q14 14 0 28 M26 18 q22 22 0 44 M38 10 q30 30 0 60" /> : null}
      {state === "degraded" ? <path class="wave broken" d="M14 26 q14 14 0 28" /> : null}
    </svg>
  );
}
