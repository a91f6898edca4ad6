import { assertNever } from "#base/assert.ts";
import type { CraftConfig } from "./config.ts";
import * as at from "./layout.ts";
import type { Crafts, CraftState } from "./state.ts";

// The engine folds constants of this module, not imported ones.
const { DOSE_USV, FAULTS_IN_FORCE, NEXT, RADIATION_USVH, RATES_RPS, SENSORS, SENSOR_STATUSES, STUCK_PENDING, STUCK_STATUS, STUCK_VALUES } =
  at;

export type SensorName = (typeof SENSORS)[number];
export type SensorStatus = (typeof SENSOR_STATUSES)[number];

/** What a sensor with a status tells. Absent readings are undefined; `values` of a disabled sensor are all absent. */
export interface SensorReading {
  readonly enabled: boolean;
  readonly status: SensorStatus;
  readonly reason: string;
  /** imu: roll, pitch, yaw rate (rad/s); radiation: background (uSv/h), dose (uSv); star tracker: locked (0, 1), error (deg); magnetometer: x, y, z (uT). */
  readonly values: readonly (number | undefined)[];
}

const NO_VALUES: Readonly<Record<SensorName, readonly undefined[]>> = {
  imu: [undefined, undefined, undefined],
  radiation: [undefined, undefined],
  star_tracker: [undefined, undefined],
  magnetometer: [undefined, undefined, undefined],
};
const SECONDS_PER_HOUR = 3600;

/** Part of S9: adds the dose, and freezes sensors whose fault acts for the first time. */
export function sense(crafts: Crafts, config: CraftConfig, dtS: number): void {
  const { values, lanes } = crafts;
  for (let lane = 0; lane < lanes; lane += 1) {
    const backgroundUsvh = values[RADIATION_USVH + lane]!;
    if (backgroundUsvh > 0) values[DOSE_USV + lane]! += (backgroundUsvh / SECONDS_PER_HOUR) * dtS;
    if (values[FAULTS_IN_FORCE + lane]! > 0) freezeStuck(values, lane, config);
  }
}

function freezeStuck(values: Float64Array, lane: number, config: CraftConfig): void {
  SENSORS.forEach((sensor, index) => {
    if (values[STUCK_PENDING + index * NEXT + lane] === 0) return;
    values[STUCK_PENDING + index * NEXT + lane] = 0;
    const reading = trueReading(values, lane, config, sensor);
    const slot = config.stuckAt[index]!;
    values[slot + STUCK_STATUS + lane] = SENSOR_STATUSES.indexOf(reading.status);
    reading.values.forEach((value, place) => {
      values[slot + STUCK_VALUES + place * NEXT + lane] = (value ?? 0) + 0;
    });
  });
}

/** What a sensor shows: the truth, or what it saw when it got stuck. */
export function readSensor(state: CraftState, config: CraftConfig, sensor: SensorName): SensorReading {
  const { values } = state;
  const index = SENSORS.indexOf(sensor);
  const slot = config.stuckAt[index]!;
  const now = trueReading(values, 0, config, sensor);
  if (values[slot] === 0 || values[STUCK_PENDING + index * NEXT] === 1) return now;
  const status = SENSOR_STATUSES[values[slot + STUCK_STATUS]!]!;
  // Which readings exist is configuration and does not change; their values and status are the frozen ones.
  const frozen = now.values.map((value, place) => (value === undefined ? undefined : values[slot + STUCK_VALUES + place * NEXT]!));
  return { enabled: now.enabled, status, reason: reasonOf(config, sensor, status, frozen), values: frozen };
}

function trueReading(values: Float64Array, lane: number, config: CraftConfig, sensor: SensorName): SensorReading {
  const plane = config.profile.sensorPlane;
  const enabled = plane.enabled && sensorConfig(config, sensor).enabled;
  const readings = enabled ? trueValues(values, lane, config, sensor) : NO_VALUES[sensor];
  const status = enabled ? statusOf(config, sensor, readings) : "na";
  return { enabled, status, reason: reasonOf(config, sensor, status, readings), values: readings };
}

function sensorConfig(config: CraftConfig, sensor: SensorName): { readonly enabled: boolean } {
  const plane = config.profile.sensorPlane;
  switch (sensor) {
    case "imu":
      return plane.imu;
    case "radiation":
      return plane.radiation;
    case "star_tracker":
      return plane.starTracker;
    case "magnetometer":
      return plane.magnetometer;
    default:
      return assertNever(sensor, "sensor");
  }
}

function trueValues(values: Float64Array, lane: number, config: CraftConfig, sensor: SensorName): readonly (number | undefined)[] {
  const plane = config.profile.sensorPlane;
  switch (sensor) {
    case "imu":
      // Yaw counts as headings grow, clockwise seen from above.
      return [values[RATES_RPS + lane]!, values[RATES_RPS + NEXT + lane]!, 0 - values[RATES_RPS + 2 * NEXT + lane]!];
    case "radiation":
      return [values[RADIATION_USVH + lane]!, values[DOSE_USV + lane]!];
    case "star_tracker": {
      const { lockedInit, attitudeErrDegInit } = plane.starTracker;
      return [lockedInit === undefined ? undefined : lockedInit ? 1 : 0, attitudeErrDegInit];
    }
    case "magnetometer": {
      const field = plane.magnetometer.fieldUtInit;
      return [field?.x, field?.y, field?.z];
    }
    default:
      return assertNever(sensor, "sensor");
  }
}

function statusOf(config: CraftConfig, sensor: SensorName, readings: readonly (number | undefined)[]): SensorStatus {
  if (sensor === "star_tracker") {
    if (!config.profile.sensorPlane.imu.enabled) return "crit";
    return readings[0] === 1 ? "ok" : "warn";
  }
  if (sensor !== "radiation") return "ok";
  const { limits } = config.profile.sensorPlane.radiation;
  const backgroundUsvh = readings[0]!;
  if (limits === undefined) return "na";
  if (backgroundUsvh >= limits.critUsvh) return "crit";
  return backgroundUsvh >= limits.warnUsvh ? "warn" : "ok";
}

function reasonOf(config: CraftConfig, sensor: SensorName, status: SensorStatus, readings: readonly (number | undefined)[]): string {
  const { enabled, radiation } = config.profile.sensorPlane;
  if (!enabled || !sensorConfig(config, sensor).enabled) return "disabled";
  if (sensor === "star_tracker") return status === "ok" ? "ok" : status === "warn" ? "not ok" : "imu not ok";
  if (sensor !== "radiation") return "ok";
  const { limits } = radiation;
  if (limits === undefined) return "limits not configured";
  if (status === "ok") return "within limits";
  const limitUsvh = status === "crit" ? limits.critUsvh : limits.warnUsvh;
  return `value>=${status} (${threeDigits(readings[0]!)}>=${threeDigits(limitUsvh)})`;
}

function threeDigits(value: number): string {
  return String(Number(value.toPrecision(3)));
}
