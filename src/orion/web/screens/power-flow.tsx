import type { ComponentChildren } from "preact";
import { formatDuration, formatNumber } from "#orion/model/format.ts";
import { type LoadLine, type PowerFlow, residualW, runtimeS, type StorageFlow } from "#orion/model/power.ts";
import { model } from "../console.ts";
import { loadName, reasonText, t } from "../i18n.ts";
import { ReasonLines, statusOfReason, whyText } from "../reason-words.tsx";
import { StatusSymbol } from "../symbol.tsx";
import { StaleMark, Value } from "../value.tsx";
import { type FeederKind, Feeder, scaleOf, wattsPerSample } from "./power-feeder.tsx";
import { LimitBar, LoadStateWord, watts } from "./power-parts.tsx";

const RESIDUAL_CAUTION_W = 0.001;

/** One line diagram: sources and storage feed the bus from the left, the bus feeds the loads on the right. */
export function PowerPicture({ flow }: { flow: PowerFlow }) {
  const scale = scaleOf(flow);
  return (
    <section class="card power-picture truth" aria-label={t("powerFlow")}>
      <h2>
        {t("powerFlow")} <StaleMark path="power" />
        <small class="scale">
          {t("scaleOfLines")} <Feeder kind="flow" widthPx={wattsPerSample(scale) / scale} isSample /> = {wattsPerSample(scale)} W
        </small>
      </h2>
      <div class="flow">
        <div class="side">
          <h3>{t("sources")}</h3>
          <SourceRow label="power.sources_w.base" powerW={flow.sources[0]!.powerW} scale={scale} id="base" />
          <DockRow powerW={flow.sources[1]!.powerW} scale={scale} />
          <h3>{t("storage")}</h3>
          {flow.storage.map((one) => (
            <StorageRow key={one.id} storage={one} scale={scale} />
          ))}
          {flow.unservedW > 0 ? (
            <Imbalance path="power.battery_unserved_w" text={t("unservedText")} status="serious" kind="missing" />
          ) : null}
          {flow.spillW > 0 ? <Imbalance path="power.battery_spill_w" text={t("spillText")} status="standby" kind="spill" /> : null}
        </div>
        <Bus flow={flow} />
        <div class="side loads">
          <h3>{t("loads")}</h3>
          {flow.loads.map((line) => (
            <LoadRow key={line.load} line={line} scale={scale} />
          ))}
        </div>
      </div>
      {flow.supplyReasons.map((reason) => (
        <p key={reason.record.id} class="supply-reason cut">
          <StatusSymbol status={statusOfReason(reason)} /> <b>{t("supply")}</b> <ReasonLines reason={reason} />
        </p>
      ))}
    </section>
  );
}

function Source({
  kind,
  powerW,
  scale,
  id,
  children,
}: {
  kind: FeederKind;
  powerW: number;
  scale: number;
  id: string;
  children: ComponentChildren;
}) {
  return (
    <div class="feeder-row" data-source={id} data-flow={kind}>
      <div class="box">{children}</div>
      <Feeder kind={kind} widthPx={powerW / scale} />
    </div>
  );
}

function SourceRow({ label, powerW, scale, id }: { label: string; powerW: number; scale: number; id: string }) {
  return (
    <Source kind={powerW > 0 ? "flow" : "idle"} powerW={powerW} scale={scale} id={id}>
      <Headline name={entryLabel(label)} path={label} />
    </Source>
  );
}

function DockRow({ powerW, scale }: { powerW: number; scale: number }) {
  const isConnected = model.value("power.dock_connected") === true;
  return (
    <Source kind={powerW > 0 ? "flow" : isConnected ? "idle" : "open"} powerW={powerW} scale={scale} id="dock">
      <Headline name={entryLabel("power.sources_w.dock")} path="power.sources_w.dock" />
      <small>
        {isConnected ? (
          <>
            {t("dockPowerOn")} · <Value path="power.dock_v" /> · <Value path="power.dock_a" /> · {t("softStart")}{" "}
            <Value path="power.dock_soft_start_pct" decimals={0} />
          </>
        ) : (
          t("dockPowerOff")
        )}
      </small>
    </Source>
  );
}

function StorageRow({ storage, scale }: { storage: StorageFlow; scale: number }) {
  const { id, inW, outW, socPct } = storage;
  const kind = inW > 0 ? "back" : outW > 0 ? "flow" : "idle";
  const word = kind === "back" ? t("charging") : kind === "flow" ? t("discharging") : t("atRest");
  const runtime = id === "battery" ? runtimeS(model.value) : undefined;
  const socPath = id === "battery" ? "power.soc_pct" : "power.supercap_soc_pct";
  const flowPath = `power.${id}_${kind === "back" ? "charge" : "discharge"}_w`;
  return (
    <Source kind={kind} powerW={inW + outW} scale={scale} id={id}>
      <Headline name={t(id)} path={flowPath} />
      <span class="soc">
        <Value path={socPath} />
        <SocBar socPct={socPct} marks={id === "battery" ? ["power.soc_shed_low_pct", "power.soc_shed_high_pct"] : []} />
        <small>{word}</small>
      </span>
      {id === "battery" ? (
        <small>
          {t("shedBelow")} <Value path="power.soc_shed_low_pct" decimals={0} /> · {t("restoreFrom")}{" "}
          <Value path="power.soc_shed_high_pct" decimals={0} />
          {runtime === undefined ? null : (
            <>
              {" "}
              · {t("lasts")} <span class="num">{formatDuration(runtime)}</span> <span class="tag">{t("calculated")}</span>
            </>
          )}
        </small>
      ) : null}
    </Source>
  );
}

/** Charge as a bar, with the levels at which loads go off (solid) and come back (dashed). */
function SocBar({ socPct, marks }: { socPct: number; marks: readonly string[] }) {
  return (
    <svg class="soc-bar" height="12" width="100%" aria-hidden="true">
      <rect class="track" x="0" y="2" width="100%" height="8" />
      <rect class="fill" x="0" y="2" width={`${socPct}%`} height="8" />
      {marks.map((path, index) => {
        const at = `${model.value(path) as number}%`;
        return <line key={path} class={index === 0 ? "low" : "high"} x1={at} x2={at} y1="0" y2="12" />;
      })}
    </svg>
  );
}

function Imbalance({ path, text, status, kind }: { path: string; text: string; status: "serious" | "standby"; kind: string }) {
  return (
    <div class="box imbalance cut" data-imbalance={kind}>
      <StatusSymbol status={status} /> <b>{entryLabel(path)}</b> <Value path={path} decimals={1} />
      <small>{text}</small>
    </div>
  );
}

function Bus({ flow }: { flow: PowerFlow }) {
  const { bus } = flow;
  const residual = residualW(flow);
  return (
    <div class="bus">
      <h3>{t("bus")}</h3>
      <Value path="power.bus_v" big />
      <small>
        {t("lowest")} <Value path="power.bus_v_min" />
      </small>
      <span class="bus-line">
        <span>
          <Value path="power.bus_a" decimals={2} /> <small>/ {bus.limitA === undefined ? t("noLimit") : `${bus.limitA} A`}</small>
        </span>
        {bus.limitA === undefined ? null : <LimitBar value={bus.currentA} limit={bus.limitA} />}
      </span>
      <span class="bus-line">
        <span>
          <small>PDU</small> <Value path="power.power_out_w" />{" "}
          <small>/ {bus.limitW === undefined ? t("noLimit") : `${watts(bus.limitW)} W`}</small>
        </span>
        {bus.limitW === undefined ? null : <LimitBar value={bus.usedW} limit={bus.limitW} asked={bus.askedW} />}
        <small>
          {t("loadsAsk")} <span class="num">{watts(bus.askedW)} W</span>
        </small>
      </span>
      <small class="bus-line">
        {entryLabel("power_detail.supply_fraction")} <Value path="power_detail.supply_fraction" />
      </small>
      <small class="bus-line" data-testid="residual">
        {Math.abs(residual) > RESIDUAL_CAUTION_W ? <StatusSymbol status="caution" /> : null}
        {t("residual")} <span class="num">{formatNumber(residual, "W", 3).text} W</span> <span class="tag">{t("calculated")}</span>
      </small>
    </div>
  );
}

const FEEDERS: Readonly<Record<LoadLine["state"], FeederKind>> = { ON: "flow", OFF: "idle", SHED: "cut", THROTTLED: "throttled" };

function LoadRow({ line, scale }: { line: LoadLine; scale: number }) {
  const isCut = line.state === "SHED" || line.state === "THROTTLED";
  const why = [...line.reasons.map(whyText), ...line.bareReasons.map(reasonText)].join("; ");
  return (
    <div class="feeder-row" data-row tabIndex={0} data-load={line.load} data-state={line.state}>
      <Feeder kind={FEEDERS[line.state]} widthPx={line.grantedW / scale} askedPx={line.askedW / scale} />
      <div class={isCut ? "box cut" : "box"} {...(isCut ? { "aria-label": `${loadName(line.load)} ${line.state}: ${why}` } : {})}>
        <span class="headline">
          <span>{loadName(line.load)}</span>
          <LoadStateWord line={line} />
          <span class="num">
            {watts(line.grantedW)} W
            {isCut || line.askedW !== line.grantedW ? (
              <small>
                {" "}
                {t("ofAsked")} {watts(line.askedW)} W
              </small>
            ) : null}
          </span>
        </span>
        {line.reasons.map((reason) => (
          <ReasonLines key={reason.record.id} reason={reason} />
        ))}
        {line.bareReasons.map((code) => (
          <span key={code} class="reason-lines">
            {reasonText(code)} — {t("restoreNotPublished")}
          </span>
        ))}
      </div>
    </div>
  );
}

function Headline({ name, path }: { name: string; path: string }) {
  return (
    <span class="headline">
      <span>{name}</span>
      <Value path={path} />
    </span>
  );
}

function entryLabel(path: string): string {
  const { entry } = model.cell(path);
  return entry === undefined ? path : t(entry.label);
}
