import type { History, Unchanged } from "./history.ts";
import { rateLines } from "./motion.ts";
import type { Read } from "./sampling.ts";

export type SensorStatus = "na" | "ok" | "warn" | "crit";

interface SensorPlan {
  readonly id: "imu" | "radiation" | "proximity" | "solar" | "star_tracker" | "magnetometer";
  /** Readings below `sensor_plane.<id>`. */
  readonly readings: readonly string[];
  /** Paths of their past. */
  readonly series: readonly string[];
  /** It tells a status of itself. */
  readonly hasStatus: boolean;
}

const PLANS: readonly SensorPlan[] = [
  plan("imu", ["roll_rate_rps", "pitch_rate_rps", "yaw_rate_rps"]),
  plan("radiation", ["background_usvh", "dose_total_usv"]),
  plan("star_tracker", ["locked", "attitude_err_deg"], ["attitude_err_deg"]),
  plan("magnetometer", ["field_ut"], ["field_ut.x", "field_ut.y", "field_ut.z"], false),
  plan("proximity", ["min_range_m", "contacts"], ["min_range_m"], false),
  plan("solar", ["illumination_pct"], ["illumination_pct"], false),
];

function plan(id: SensorPlan["id"], readings: readonly string[], series = readings, hasStatus = true): SensorPlan {
  const path = (member: string): string => `sensor_plane.${id}.${member}`;
  return { id, readings: readings.map(path), series: series.map(path), hasStatus };
}

export interface SensorView {
  readonly id: SensorPlan["id"];
  readonly isEnabled: boolean;
  /** What it says of itself; undefined for a sensor that says nothing. */
  readonly status: SensorStatus | undefined;
  readonly reason: string | undefined;
  readonly readings: readonly string[];
  /** Since when its readings stand still, as far as this console has watched; undefined without readings. */
  readonly unchanged: Unchanged | undefined;
  /** Its readings contradict what the twin publishes of the craft itself. */
  readonly isContradicted: boolean;
}

/** Every sensor of the craft; undefined until telemetry tells of them. */
export function sensorViews(read: Read, history: Pick<History, "unchanged">): readonly SensorView[] | undefined {
  if (read("sensor_plane") === undefined) return undefined;
  return PLANS.map(({ id, readings, series, hasStatus }) => {
    const isEnabled = read(`sensor_plane.${id}.enabled`) === true;
    return {
      id,
      isEnabled,
      status: hasStatus ? (read(`sensor_plane.${id}.status`) as SensorStatus | undefined) : undefined,
      reason: hasStatus ? (read(`sensor_plane.${id}.reason`) as string | undefined) : undefined,
      readings,
      unchanged: isEnabled ? history.unchanged(series) : undefined,
      isContradicted: isEnabled && isContradicted(id, read),
    };
  });
}

function isContradicted(id: SensorPlan["id"], read: Read): boolean {
  if (id === "imu") return rateLines(read).some((line) => line.isDifferent);
  if (id !== "radiation") return false;
  const [told, true_] = [read("sensor_plane.radiation.background_usvh"), read("radiation_usvh")];
  return typeof told === "number" && typeof true_ === "number" && told !== true_;
}
