import { assert } from "#base/assert.ts";
import { type Raw, readObject } from "#base/key-reader.ts";
import type { KeySpec } from "#base/key-spec.ts";
import { type ContactSpec, readContacts } from "./contacts.ts";
import { LR_KEYS, SENSOR_KEYS, type SensorSettings, sensorSettings, SR_KEYS } from "./sensor-settings.ts";
import { type Trajectory, trajectoryOf } from "./trajectory.ts";

/** Sensor settings with `{key: value}` as configuration writes them, keys under `radar.`, `radar.lr.` and `radar.sr.`. */
export function sensorSettingsOf(config: Raw = {}, problems?: string[]): SensorSettings {
  const report = (_code: string, path: string, got: unknown, expected: string): void => {
    assert(problems !== undefined, "the settings of a test are right", { path, got, expected });
    problems.push(`${path}: got ${String(got)}, expected ${expected}`);
  };
  const section = (prefix: string, keys: readonly KeySpec[]): never => {
    const given = Object.fromEntries(keys.map(({ key }) => [key, config[`${prefix}.${key}`]]));
    return readObject(keys, given, prefix, "ignored", report) as never;
  };
  return sensorSettings(section("radar", SENSOR_KEYS), section("radar.lr", LR_KEYS), section("radar.sr", SR_KEYS), 100, report);
}

/** A contact as a scenario writes it: at (300, 2000, 100) m, 1 m/s east, 10 dBsm, unless told otherwise. */
export function contactOf(id: string, more: Raw = {}): ContactSpec {
  const at = { x: 300, y: 2000, z: 100 };
  const raw = {
    id,
    type: "SHIP",
    rcs_dbsm: 10,
    trajectory: { kind: "constant_velocity", at, velocity: { x: 1, y: 0, z: 0 } },
    ...more,
  };
  const [contact] = readContacts([raw], "contacts", (_code, path, got, expected) =>
    assert(false, "a contact of a test is right", { path, got, expected }),
  );
  return contact!;
}

/** The trajectory that a scenario writes so. */
export function trajectoryFrom(raw: Raw, ownStartM: readonly [number, number, number] = [0, 0, 0]): Trajectory {
  return trajectoryOf(contactOf("one", { trajectory: raw }).trajectory, ownStartM);
}
