import { clamp } from "#base/units.ts";

/** A contact of a scenario (radar §4), checked; the scene that moves it reads nothing else. */
export type ContactSpec = Readonly<Record<string, unknown>> & { readonly id: string };

type Report = (path: string, problem: string) => void;
type Raw = Readonly<Record<string, unknown>>;

const TYPES = ["DRONE", "SHIP", "STATION", "ASTEROID", "DEBRIS"];
const MODES = ["ON", "OFF", "SILENT", "SPOOF"];

/** Checks the `contacts:` list of a scenario; every problem is reported with its path. */
export function checkContacts(raw: unknown, path: string, report: Report): readonly ContactSpec[] {
  if (raw === undefined) return [];
  if (!Array.isArray(raw)) {
    report(path, "expected a list of contacts");
    return [];
  }
  const ids = new Set<string>();
  raw.forEach((contact: unknown, index) => {
    const at = `${path}[${index}]`;
    if (!isRecord(contact)) return report(at, "expected a contact with id, type and trajectory");
    allowKeys(
      contact,
      ["id", "type", "rcs_dbsm", "fluctuation", "allegiance", "transponder", "appear_s", "disappear_s", "trajectory"],
      at,
      report,
    );
    if (typeof contact.id !== "string" || !/^[a-z0-9_-]{1,32}$/.test(contact.id)) report(`${at}.id`, "expected 1 to 32 of a-z 0-9 _ -");
    else if (ids.has(contact.id)) report(`${at}.id`, `${contact.id} stands twice`);
    else ids.add(contact.id);
    oneOf(contact.type, TYPES, `${at}.type`, report, true);
    inRange(contact.rcs_dbsm, -60, 60, `${at}.rcs_dbsm`, report);
    oneOf(contact.fluctuation, ["swerling1", "steady"], `${at}.fluctuation`, report);
    oneOf(contact.allegiance, ["friendly", "hostile", "neutral", "unknown"], `${at}.allegiance`, report);
    checkTransponder(contact.transponder, `${at}.transponder`, report);
    inRange(contact.appear_s, 0, 1e9, `${at}.appear_s`, report);
    inRange(contact.disappear_s, 0, 1e9, `${at}.disappear_s`, report);
    if (typeof contact.disappear_s === "number" && contact.disappear_s <= Number(contact.appear_s ?? 0)) {
      report(`${at}.disappear_s`, "expected more than appear_s");
    }
    checkTrajectory(contact.trajectory, `${at}.trajectory`, report);
  });
  return raw as readonly ContactSpec[];
}

function checkTransponder(raw: unknown, path: string, report: Report): void {
  if (raw === undefined) return;
  if (!isRecord(raw)) return report(path, "expected {mode, id?}");
  allowKeys(raw, ["mode", "id"], path, report);
  oneOf(raw.mode, MODES, `${path}.mode`, report);
  const needsId = raw.mode === "ON" || raw.mode === "SPOOF";
  const isId = typeof raw.id === "string" && raw.id.length === clamp(raw.id.length, 1, 64);
  if ((needsId || raw.id !== undefined) && !isId) report(`${path}.id`, "expected a text of 1 to 64 characters, required for ON and SPOOF");
}

function checkTrajectory(raw: unknown, path: string, report: Report): void {
  if (!isRecord(raw)) return report(path, "expected a trajectory with its kind");
  switch (raw.kind) {
    case "constant_velocity":
      allowKeys(raw, ["kind", "at", "velocity"], path, report);
      checkPosition(raw.at, `${path}.at`, report);
      return checkVector(raw.velocity, `${path}.velocity`, report);
    case "waypoints":
      allowKeys(raw, ["kind", "points", "end"], path, report);
      oneOf(raw.end, ["hold", "continue"], `${path}.end`, report);
      return checkPoints(raw.points, `${path}.points`, report);
    case "circular":
      allowKeys(raw, ["kind", "centre", "radius_m", "speed_mps", "start_deg", "direction", "climb_mps"], path, report);
      checkPosition(raw.centre, `${path}.centre`, report);
      inRange(raw.radius_m, Number.MIN_VALUE, 1e9, `${path}.radius_m`, report, true);
      inRange(raw.speed_mps, 0, 1e6, `${path}.speed_mps`, report, true);
      inRange(raw.start_deg, -360, 360, `${path}.start_deg`, report, true);
      oneOf(raw.direction, ["cw", "ccw"], `${path}.direction`, report, true);
      return inRange(raw.climb_mps, -1e6, 1e6, `${path}.climb_mps`, report);
    case "manoeuvre":
      allowKeys(raw, ["kind", "at", "velocity", "segments"], path, report);
      checkPosition(raw.at, `${path}.at`, report);
      checkVector(raw.velocity, `${path}.velocity`, report);
      return checkSegments(raw.segments, `${path}.segments`, report);
    default:
      return report(`${path}.kind`, "expected constant_velocity, waypoints, circular or manoeuvre");
  }
}

function checkPoints(raw: unknown, path: string, report: Report): void {
  if (!Array.isArray(raw) || raw.length < 2) return report(path, "expected at least two points {t_s, at}");
  let before = Number.NEGATIVE_INFINITY;
  raw.forEach((point: unknown, index) => {
    const at = `${path}[${index}]`;
    if (!isRecord(point)) return report(at, "expected {t_s, at}");
    allowKeys(point, ["t_s", "at"], at, report);
    if (!isFiniteNumber(point.t_s) || point.t_s <= before) report(`${at}.t_s`, "expected a time after the point before");
    else before = point.t_s;
    checkPosition(point.at, `${at}.at`, report);
  });
}

function checkSegments(raw: unknown, path: string, report: Report): void {
  if (!Array.isArray(raw)) return report(path, "expected a list of segments");
  raw.forEach((segment: unknown, index) => {
    const at = `${path}[${index}]`;
    if (!isRecord(segment)) return report(at, "expected {duration_s, accel or turn_dps}");
    allowKeys(segment, ["duration_s", "accel", "turn_dps"], at, report);
    inRange(segment.duration_s, Number.MIN_VALUE, 1e9, `${at}.duration_s`, report, true);
    if ((segment.accel === undefined) === (segment.turn_dps === undefined)) report(at, "expected either accel or turn_dps");
    else if (segment.accel !== undefined) checkVector(segment.accel, `${at}.accel`, report);
    else inRange(segment.turn_dps, -360, 360, `${at}.turn_dps`, report, true);
  });
}

function checkPosition(raw: unknown, path: string, report: Report): void {
  if (!isRecord(raw) || raw.range_m === undefined) return checkVector(raw, path, report);
  allowKeys(raw, ["range_m", "bearing_deg", "elev_deg"], path, report);
  inRange(raw.range_m, 0, 1e9, `${path}.range_m`, report, true);
  inRange(raw.bearing_deg, -360, 360, `${path}.bearing_deg`, report, true);
  inRange(raw.elev_deg, -90, 90, `${path}.elev_deg`, report, true);
}

function checkVector(raw: unknown, path: string, report: Report): void {
  if (!isRecord(raw)) return report(path, "expected {x, y, z}");
  allowKeys(raw, ["x", "y", "z"], path, report);
  for (const axis of ["x", "y", "z"]) inRange(raw[axis], -1e9, 1e9, `${path}.${axis}`, report, true);
}

function allowKeys(raw: Raw, allowed: readonly string[], path: string, report: Report): void {
  for (const key of Object.keys(raw)) if (!allowed.includes(key)) report(`${path}.${key}`, `unknown key; known are ${allowed.join(", ")}`);
}

function oneOf(value: unknown, words: readonly string[], path: string, report: Report, required = false): void {
  if (value === undefined && !required) return;
  if (!words.includes(value as string)) report(path, `expected one of ${words.join(", ")}`);
}

function inRange(value: unknown, low: number, high: number, path: string, report: Report, required = false): void {
  if (value === undefined && !required) return;
  if (!isFiniteNumber(value) || value < low || value > high) report(path, `expected a number in [${low}, ${high}]`);
}

function isFiniteNumber(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}

function isRecord(value: unknown): value is Raw {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
