import type { TelemetryPayload } from "#contracts/telemetry.ts";
import type { CraftConfig } from "#craft/config.ts";
import { readSensor } from "#craft/sensors.ts";
import type { CraftState } from "#craft/state.ts";

/** The `sensor_plane` object. */
export function sensorPlaneOf(state: CraftState, config: CraftConfig): TelemetryPayload["sensor_plane"] {
  const plane = config.profile.sensorPlane;
  const imu = readSensor(state, config, "imu");
  const radiation = readSensor(state, config, "radiation");
  const starTracker = readSensor(state, config, "star_tracker");
  const magnetometer = readSensor(state, config, "magnetometer");
  const [roll, pitch, yaw] = imu.values;
  const [background, dose] = radiation.values;
  const [locked, errorDeg] = starTracker.values;
  const [fieldX, fieldY, fieldZ] = magnetometer.values;
  const isProximityOn = plane.enabled && plane.proximity.enabled;
  const isSolarOn = plane.enabled && plane.solar.enabled;
  return {
    enabled: plane.enabled,
    imu: {
      enabled: imu.enabled,
      status: imu.status,
      reason: imu.reason,
      ok: imu.status === "ok",
      roll_rate_rps: roll ?? null,
      pitch_rate_rps: pitch ?? null,
      yaw_rate_rps: yaw ?? null,
    },
    radiation: {
      enabled: radiation.enabled,
      background_usvh: background ?? null,
      dose_total_usv: dose ?? null,
      status: radiation.status,
      reason: radiation.reason,
      limits: { warn_usvh: plane.radiation.limits?.warnUsvh ?? null, crit_usvh: plane.radiation.limits?.critUsvh ?? null },
    },
    proximity: {
      enabled: isProximityOn,
      min_range_m: isProximityOn ? (plane.proximity.minRangeMInit ?? null) : null,
      contacts: isProximityOn ? (plane.proximity.contactsInit ?? null) : null,
    },
    solar: { enabled: isSolarOn, illumination_pct: isSolarOn ? (plane.solar.illuminationPctInit ?? null) : null },
    star_tracker: {
      enabled: starTracker.enabled,
      status: starTracker.status,
      reason: starTracker.reason,
      locked: locked === undefined ? null : locked === 1,
      attitude_err_deg: errorDeg ?? null,
    },
    magnetometer: {
      enabled: magnetometer.enabled,
      field_ut: fieldX === undefined || fieldY === undefined || fieldZ === undefined ? null : { x: fieldX, y: fieldY, z: fieldZ },
    },
  };
}
