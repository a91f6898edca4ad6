import { assertNever } from "#base/assert.ts";
import type { CraftConfig } from "./config.ts";
import * as at from "./layout.ts";
import type { CraftState } from "./state.ts";

export type SensorName = (typeof at.SENSORS)[number];
export type SensorStatus = (typeof at.SENSOR_STATUSES)[number];

/** What a sensor with a status tells. Absent readings are undefined; `values` of a disabled sensor are all absent. */
export interface SensorReading {
  readonly enabled: boolean;
  readonly status: SensorStatus;
  readonly reason: string;
  /** imu: roll, pitch, yaw rate (rad/s); radiation: background (uSv/h), dose (uSv); star tracker: locked (0, 1), error (deg); magnetometer: x, y, z (uT). */
  readonly values: readonly (number | undefined)[];
}

const VALUE_COUNT: Readonly<Record<SensorName, number>> = { imu: 3, radiation: 2, star_tracker: 2, magnetometer: 3 };
const SECONDS_PER_HOUR = 3600;

/** Part of S9: adds the dose, and freezes sensors whose fault acts for the first time. */
export function sense(state: CraftState, config: CraftConfig, dtS: number): void {
  const { values } = state;
  const body = config.bodyAt;
  const backgroundUsvh = values[body + at.RADIATION_USVH]!;
  if (backgroundUsvh > 0) values[body + at.DOSE_USV]! += (backgroundUsvh / SECONDS_PER_HOUR) * dtS;
  if (values[at.FAULTS_IN_FORCE] === 0) return;
  at.SENSORS.forEach((sensor, index) => {
    if (values[at.STUCK_PENDING + index] === 0) return;
    values[at.STUCK_PENDING + index] = 0;
    const reading = trueReading(values, config, sensor);
    const slot = config.stuckAt[index]!;
    values[slot + at.STUCK_STATUS] = at.SENSOR_STATUSES.indexOf(reading.status);
    reading.values.forEach((value, place) => {
      values[slot + at.STUCK_VALUES + place] = (value ?? 0) + 0;
    });
  });
}

/** What a sensor shows: the truth, or what it saw when it got stuck. */
export function readSensor(state: CraftState, config: CraftConfig, sensor: SensorName): SensorReading {
  const { values } = state;
  const index = at.SENSORS.indexOf(sensor);
  const slot = config.stuckAt[index]!;
  const now = trueReading(values, config, sensor);
  if (values[slot] === 0 || values[at.STUCK_PENDING + index] === 1) return now;
  const status = at.SENSOR_STATUSES[values[slot + at.STUCK_STATUS]!]!;
  // Which readings exist is configuration and does not change; their values and status are the frozen ones.
  const frozen = now.values.map((value, place) => (value === undefined ? undefined : values[slot + at.STUCK_VALUES + place]!));
  return { enabled: now.enabled, status, reason: reasonOf(config, sensor, status, frozen), values: frozen };
}

function trueReading(values: Float64Array, config: CraftConfig, sensor: SensorName): SensorReading {
  const plane = config.profile.sensorPlane;
  const enabled = plane.enabled && sensorConfig(config, sensor).enabled;
  const readings = enabled ? trueValues(values, config, sensor) : Array.from({ length: VALUE_COUNT[sensor] }, () => undefined);
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

function trueValues(values: Float64Array, config: CraftConfig, sensor: SensorName): readonly (number | undefined)[] {
  const plane = config.profile.sensorPlane;
  switch (sensor) {
    case "imu":
      // Yaw counts as headings grow, clockwise seen from above.
      return [values[at.RATES_RPS]!, values[at.RATES_RPS + 1]!, 0 - values[at.RATES_RPS + 2]!];
    case "radiation":
      return [values[config.bodyAt + at.RADIATION_USVH]!, values[config.bodyAt + at.DOSE_USV]!];
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
