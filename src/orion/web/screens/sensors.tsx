import { formatDuration } from "#orion/model/format.ts";
import { type SensorStatus, sensorViews, type SensorView } from "#orion/model/sensors.ts";
import { model } from "../console.ts";
import { sensorName, sensorReason, t } from "../i18n.ts";
import { type Status, StatusSymbol } from "../symbol.tsx";
import { Trend, Trends } from "../trend.tsx";
import { AllValues, Row } from "../value.tsx";
import "./sensors.css";

const STATUS: Readonly<Record<SensorStatus, { readonly symbol: Status; readonly word: string }>> = {
  ok: { symbol: "normal", word: "OK" },
  warn: { symbol: "caution", word: "WARN" },
  crit: { symbol: "serious", word: "CRIT" },
  na: { symbol: "off", word: "N/A" },
};

/** Readings that changed within this time count as moving. */
const MOVING_S = 5;

/** What every sensor says of itself and of the world, and where it contradicts the twin's own truth. */
export function SensorsScreen() {
  const sensors = sensorViews(model.value, model.history);
  if (sensors === undefined) return <Row path="sensor_plane.enabled" />;
  return (
    <>
      <div class="three sensors">
        {sensors.map((sensor) => (
          <SensorCard key={sensor.id} sensor={sensor} />
        ))}
      </div>
      <section class="card">
        <h2>{t("bodyAndEnvironment")}</h2>
        <div class="all-values">
          {["hull.integrity", "radiation_usvh", "temp_external_c", "cpu_usage", "memory_usage", "orbit.state"].map((path) => (
            <Row key={path} path={path} />
          ))}
        </div>
      </section>
      <Trends>
        <Trend
          title={sensorName("imu")}
          unit="°/s"
          lines={[
            { path: "sensor_plane.imu.roll_rate_rps", label: t("roll") },
            { path: "sensor_plane.imu.pitch_rate_rps", label: t("pitch") },
            { path: "sensor_plane.imu.yaw_rate_rps", label: t("yaw") },
          ]}
        />
        <Trend
          title={sensorName("radiation")}
          unit="µSv/h"
          lines={[
            { path: "sensor_plane.radiation.background_usvh", label: t("sensorSays") },
            { path: "radiation_usvh", label: t("environment") },
          ]}
          limits={[
            { value: limitOf("warn_usvh"), label: t("warnAt"), kind: "warn" },
            { value: limitOf("crit_usvh"), label: t("critAt"), kind: "crit" },
          ]}
        />
        <Trend
          title={t("computer")}
          unit="%"
          lines={[
            { path: "cpu_usage", label: t("processor") },
            { path: "memory_usage", label: t("memory") },
          ]}
        />
      </Trends>
      <AllValues of={["sensor_plane", "hull", "radiation_usvh", "cpu_usage", "memory_usage", "orbit"]} />
    </>
  );
}

function limitOf(key: string): number | undefined {
  const limit = model.value(`sensor_plane.radiation.limits.${key}`);
  return typeof limit === "number" ? limit : undefined;
}

function SensorCard({ sensor }: { sensor: SensorView }) {
  const { id, isEnabled, status, reason, readings, unchanged, isContradicted } = sensor;
  const shown = status === undefined ? (isEnabled ? undefined : STATUS.na) : STATUS[status];
  const why = reason ?? (isEnabled ? t("saysNothing") : sensorReason("disabled"));
  return (
    <section class={`card truth ${isEnabled ? "" : "cut"}`} data-sensor={id} data-status={status ?? ""}>
      <h2>
        {sensorName(id)}
        {shown === undefined ? null : (
          <span>
            <StatusSymbol status={shown.symbol} /> {shown.word}
          </span>
        )}
      </h2>
      <p class="quiet">{sensorReason(why)}</p>
      {isContradicted ? (
        <p data-contradicted>
          <StatusSymbol status="caution" /> <b>{t("contradicts")}</b> <small class="tag">{t("calculated")}</small>
        </p>
      ) : null}
      {readings.map((path) => (
        <Row key={path} path={path} />
      ))}
      {id === "radiation" ? (
        <>
          <Row path="sensor_plane.radiation.limits.warn_usvh" />
          <Row path="sensor_plane.radiation.limits.crit_usvh" />
        </>
      ) : null}
      {unchanged === undefined ? null : (
        <small>
          {unchanged.forS < MOVING_S ? (
            t("readingsMove")
          ) : (
            <>
              {t("unchangedFor")} {unchanged.atLeast ? "≥ " : ""}
              <span class="num">{formatDuration(unchanged.forS)}</span>
            </>
          )}{" "}
          <span class="tag">{t("calculated")}</span>
        </small>
      )}
    </section>
  );
}
