import { rangeAndBearing, rateLines, type RateLine } from "#orion/model/motion.ts";
import { formatBearing, formatNumber } from "#orion/model/format.ts";
import { Actions } from "../actions.tsx";
import { model } from "../console.ts";
import { reasons } from "../craft-view.ts";
import { t } from "../i18n.ts";
import { ReasonLines, statusOfReason } from "../reason-words.tsx";
import { StatusSymbol } from "../symbol.tsx";
import { Trend, Trends } from "../trend.tsx";
import { AllValues, Row, StaleMark, Value } from "../value.tsx";
import { AttitudePicture, PositionPicture } from "./motion-pictures.tsx";

/** How the craft lies, turns and moves, and whether it does what the drive was told. */
export function MotionScreen() {
  return (
    <>
      <div class="three">
        <section class="card">
          <h2>
            {t("attitude")} <StaleMark path="attitude" />
          </h2>
          <AttitudePicture />
          <Row path="attitude.roll_rad" />
          <Row path="attitude.pitch_rad" />
          <Row path="heading" />
          <Row path="motion.turn_left_deg" />
        </section>
        <section class="card">
          <h2>{t("drive")}</h2>
          <Drive />
          <h2 class="next">{t("rates")}</h2>
          <Rates />
        </section>
        <section class="card">
          <h2>
            {t("position")} <StaleMark path="position" />
          </h2>
          <PositionPicture />
          <Range />
          <Row path="position.x" decimals={2} />
          <Row path="position.y" decimals={2} />
          <Row path="position.z" decimals={2} />
          <Row path="speed_m_s" decimals={3} />
        </section>
      </div>
      <Actions names={["sim.drive.set", "sim.drive.turn"]} />
      <Trends>
        <Trend
          title={t("attitude")}
          unit="°"
          lines={[
            { path: "attitude.roll_rad", label: t("roll") },
            { path: "attitude.pitch_rad", label: t("pitch") },
          ]}
        />
        <Trend
          title={t("rates")}
          unit="°/s"
          lines={[
            { path: "sensor_plane.imu.roll_rate_rps", label: t("roll") },
            { path: "sensor_plane.imu.pitch_rate_rps", label: t("pitch") },
            { path: "sensor_plane.imu.yaw_rate_rps", label: t("yaw") },
          ]}
        />
        <Trend
          title={t("drive")}
          unit="m/s"
          lines={[
            { path: "motion.drive_command_mps", label: t("asked") },
            { path: "motion.drive_actual_mps", label: t("actual") },
            { path: "speed_m_s", label: t("speed") },
          ]}
        />
      </Trends>
      <AllValues of={["position", "velocity", "speed_m_s", "velocity_xyz_m_s", "heading", "attitude", "motion", "orbit"]} />
    </>
  );
}

/** What the drive was told beside what it does, and what keeps it from doing so. */
function Drive() {
  const asked = model.value("motion.drive_command_mps");
  const actual = model.value("motion.drive_actual_mps");
  const scale = Math.max(0.01, ...[asked, actual].map((value) => (typeof value === "number" ? Math.abs(value) : 0)));
  const why = reasons()?.filter(({ record }) => record.load === "motion") ?? [];
  return (
    <>
      <DriveLine label={t("asked")} path="motion.drive_command_mps" share={share(asked, scale)} />
      <DriveLine label={t("actual")} path="motion.drive_actual_mps" share={share(actual, scale)} />
      {why.map((reason) => (
        <div key={reason.record.id} class="box cut with-symbol">
          <StatusSymbol status={statusOfReason(reason)} />
          <ReasonLines reason={reason} />
        </div>
      ))}
      <Row path="power_detail.demand_w.motion" />
      <Row path="power.loads_w.motion" />
    </>
  );
}

function share(value: unknown, scale: number): number {
  return typeof value === "number" ? (100 * Math.abs(value)) / scale : 0;
}

function DriveLine({ label, path, share: sharePct }: { label: string; path: string; share: number }) {
  return (
    <div class="bar-line truth">
      <span class="label">{label}</span>
      <svg height="12" width="100%" aria-hidden="true">
        <rect class="track" width="100%" height="12" />
        <rect class="fill" width={`${sharePct}%`} height="12" />
      </svg>
      <Value path={path} decimals={2} />
    </div>
  );
}

/** Rotation of the craft and what the IMU says of it; a difference is a sensor that does not tell the truth. */
function Rates() {
  const lines = rateLines(model.value);
  return (
    <table class="grid truth">
      <thead>
        <tr>
          <th>°/s</th>
          <th class="num">{t("craft")}</th>
          <th class="num">{t("imu")}</th>
          <th class="num">
            {t("difference")} <small class="tag">{t("calculated")}</small>
          </th>
        </tr>
      </thead>
      <tbody>
        {lines.map((line) => (
          <RateRow key={line.axis} line={line} />
        ))}
      </tbody>
    </table>
  );
}

function RateRow({ line }: { line: RateLine }) {
  const degrees = (rate: number | undefined): string => (rate === undefined ? "—" : formatNumber(rate, "rad", 3).text);
  return (
    <tr data-rate={line.axis}>
      <th scope="row">{t(line.axis)}</th>
      <td class="num">{degrees(line.truthRps)}</td>
      <td class="num">{line.imuRps === undefined ? <ImuAbsent axis={line.axis} /> : degrees(line.imuRps)}</td>
      <td class="num">
        {line.isDifferent ? (
          <>
            <StatusSymbol status="caution" /> <b>{t("differs")}</b>{" "}
          </>
        ) : null}
        {degrees(line.differenceRps)}
      </td>
    </tr>
  );
}

function ImuAbsent({ axis }: { axis: string }) {
  return <Value path={`sensor_plane.imu.${axis}_rate_rps`} />;
}

function Range() {
  const found = rangeAndBearing(model.value);
  if (found === undefined) return null;
  const range = formatNumber(found.rangeM, "m", found.rangeM < 10_000 ? 1 : undefined);
  return (
    <div class="row truth">
      <span class="label">
        {t("fromOrigin")} <span class="tag">{t("calculated")}</span>
      </span>
      <span class="num">
        {range.text} {range.unit} · {formatBearing(found.bearingDeg).text}°
      </span>
    </div>
  );
}
