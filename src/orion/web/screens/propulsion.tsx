import { formatNumber } from "#orion/model/format.ts";
import { thrusterViews } from "#orion/model/propulsion.ts";
import { Actions } from "../actions.tsx";
import { model } from "../console.ts";
import { craftFacts, reasons } from "../craft-view.ts";
import { burnName, t } from "../i18n.ts";
import { ReasonLines, statusOfReason } from "../reason-words.tsx";
import { StatusSymbol } from "../symbol.tsx";
import { Trend, Trends } from "../trend.tsx";
import { AllValues, Row, Value } from "../value.tsx";
import { ThrusterPicture, ThrusterTable } from "./thruster-picture.tsx";

/** What is left to burn, what burns now, and what that does to the craft. */
export function PropulsionScreen() {
  const thrusters = thrusterViews(model.value, craftFacts()?.propulsion);
  return (
    <>
      <div class="three">
        <section class="card">
          <h2>{t("tank")}</h2>
          <Tank />
          <Row path="propulsion.rcs.propellant_kg" decimals={3} />
          <Row path="propulsion.fuel_rate_gs" />
          <Row path="propulsion.propellant_tank_pressure_pa" />
          <Row path="propulsion.oxidizer_mass_kg" />
        </section>
        <section class="card">
          <h2>{t("burn")}</h2>
          <Burn />
          <Vector title={t("force")} path="propulsion.rcs.net_force_n" unit="N" axes={[t("axisForward"), t("axisLeft"), t("axisUp")]} />
          <Vector title={t("torque")} path="propulsion.rcs.net_torque_nm" unit="N m" axes={[t("roll"), t("pitch"), t("yaw")]} />
        </section>
        <section class="card">
          <h2>{t("thrusters")}</h2>
          {thrusters === undefined ? <Row path="propulsion.rcs.thrusters" /> : <ThrusterPicture thrusters={thrusters} />}
        </section>
      </div>
      <Actions names={["sim.rcs.fire", "sim.rcs.stop"]} />
      <Trends>
        <Trend title={t("propellant")} unit="%" lines={[{ path: "propulsion.fuel_pct", label: t("tank") }]} />
        <Trend title={t("flow")} unit="g/s" lines={[{ path: "propulsion.fuel_rate_gs", label: t("flow") }]} />
        <Trend
          title={t("force")}
          unit="N"
          lines={[
            { path: "propulsion.rcs.net_force_n[0]", label: t("axisForward") },
            { path: "propulsion.rcs.net_force_n[1]", label: t("axisLeft") },
            { path: "propulsion.rcs.net_force_n[2]", label: t("axisUp") },
          ]}
        />
      </Trends>
      {thrusters === undefined ? null : <ThrusterTable thrusters={thrusters} />}
      <AllValues of={["propulsion"]} />
    </>
  );
}

function Tank() {
  const fuelPct = model.value("propulsion.fuel_pct");
  return (
    <div class="tank truth">
      <svg viewBox="0 0 60 120" height="130" aria-hidden="true">
        <rect class="track" x="2" y="2" width="56" height="116" rx="14" />
        {typeof fuelPct === "number" ? <rect class="fill" x="4" width="52" y={4 + 1.12 * (100 - fuelPct)} height={1.12 * fuelPct} /> : null}
        <rect class="shell" x="2" y="2" width="56" height="116" rx="14" />
        {[20, 10].map((level) => (
          <line
            key={level}
            class={level === 20 ? "warn" : "trip"}
            x1="2"
            x2="58"
            y1={4 + 1.12 * (100 - level)}
            y2={4 + 1.12 * (100 - level)}
          />
        ))}
      </svg>
      <span>
        <Value path="propulsion.fuel_pct" big />
        <br />
        <Value path="propulsion.remaining_fuel_g" /> <small>/</small> <Value path="propulsion.fuel_total_g" />
      </span>
    </div>
  );
}

/** The burn in force: axis, duty asked, time left, and what throttles it. */
function Burn() {
  const isActive = model.value("propulsion.rcs.active") === true;
  const axis = model.value("propulsion.rcs.axis");
  const why = reasons()?.filter(({ record }) => record.load === "rcs") ?? [];
  const isThrottled = model.value("propulsion.rcs.throttled") === true;
  return (
    <div data-testid="burn" data-active={String(isActive)}>
      <p class="truth">
        <b>
          {isActive ? (
            <>
              <StatusSymbol status="standby" /> {t("burning")} {typeof axis === "string" ? burnName(axis) : ""}
            </>
          ) : (
            t("noBurn")
          )}
        </b>
        {isThrottled ? (
          <>
            {" "}
            · <StatusSymbol status="caution" /> <b>THROTTLED</b>
          </>
        ) : null}
      </p>
      {why.map((reason) => (
        <div key={reason.record.id} class="box cut with-symbol">
          <StatusSymbol status={statusOfReason(reason)} />
          <ReasonLines reason={reason} />
        </div>
      ))}
      <Row path="propulsion.rcs.axis" />
      <Row path="propulsion.rcs.command_pct" />
      <Row path="propulsion.rcs.time_left_s" />
      <Row path="propulsion.rcs.power_w" />
    </div>
  );
}

/** Three components of a vector as bars from the middle, on one scale. */
function Vector({ title, path, unit, axes }: { title: string; path: string; unit: string; axes: readonly string[] }) {
  const values = model.value(path) as readonly number[] | undefined;
  const scale = Math.max(1e-9, ...(values ?? []).map(Math.abs));
  return (
    <div class="vector truth">
      <h3>
        {title} <small>{unit}</small>
      </h3>
      {values === undefined ? (
        <Value path={path} />
      ) : (
        values.map((value, at) => (
          <div key={axes[at]} class="bar-line">
            <span class="label">{axes[at]}</span>
            <svg height="12" width="100%" aria-hidden="true">
              <rect class="track" width="100%" height="12" />
              <rect
                class="fill"
                x={`${value < 0 ? 50 - (50 * -value) / scale : 50}%`}
                width={`${(50 * Math.abs(value)) / scale}%`}
                height="12"
              />
              <line class="zero" x1="50%" x2="50%" y1="0" y2="12" />
            </svg>
            <span class="num">{formatNumber(value, unit).text}</span>
          </div>
        ))
      )}
    </div>
  );
}
