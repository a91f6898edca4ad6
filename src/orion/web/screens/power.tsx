import { powerFlow } from "#orion/model/power.ts";
import { Actions } from "../actions.tsx";
import { model } from "../console.ts";
import { reasons } from "../craft-view.ts";
import { t } from "../i18n.ts";
import { Trend, Trends } from "../trend.tsx";
import { AllValues, Row } from "../value.tsx";
import { PowerPicture } from "./power-flow.tsx";

const ACTIONS = [
  "power.nbl.on",
  "power.nbl.off",
  "power.nbl.set_max",
  "power.dock.on",
  "power.dock.off",
  "sim.dock.engage",
  "sim.dock.release",
] as const;

/** Where power comes from, where it goes, and what is kept from whom. */
export function PowerScreen() {
  const flow = powerFlow(model.value, reasons());
  const limit = (path: string): number | undefined => {
    const value = model.value(path);
    return typeof value === "number" && value > 0 ? value : undefined;
  };
  return (
    <>
      {flow === undefined ? (
        <section class="card">
          <Row path="power.loads_w" />
          <Row path="power_detail.demand_w" />
        </section>
      ) : (
        <PowerPicture flow={flow} />
      )}
      <Actions names={ACTIONS} />
      <Trends>
        <Trend
          title={t("busPower")}
          unit="W"
          lines={[
            { path: "power.power_out_w", label: t("loads") },
            { path: "power.power_in_w", label: t("sources") },
            { path: "power.battery_discharge_w", label: t("battery") },
          ]}
          limits={[{ value: limit("power.pdu_limit_w"), label: t("limit"), kind: "crit" }]}
        />
        <Trend
          title={t("charge")}
          unit="%"
          lines={[
            { path: "power.soc_pct", label: t("battery") },
            { path: "power.supercap_soc_pct", label: t("supercap") },
          ]}
          limits={[
            { value: limit("power.soc_shed_high_pct"), label: t("restoreFrom"), kind: "warn" },
            { value: limit("power.soc_shed_low_pct"), label: t("shedBelow"), kind: "crit" },
          ]}
        />
        <Trend
          title={t("busCurrent")}
          unit="A"
          lines={[{ path: "power.bus_a", label: t("bus") }]}
          limits={[{ value: limit("power.max_bus_a"), label: t("limit"), kind: "crit" }]}
        />
      </Trends>
      <AllValues of={["power", "power_detail"]} />
    </>
  );
}
