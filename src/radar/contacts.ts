import { joinPath, isRaw, type KeyReport, type Raw, readObject, readValue } from "#base/key-reader.ts";
import type { KeySpec, ValuesOf } from "#base/key-spec.ts";
import type { ManoeuvreSegment, Place, TrajectorySpec, Xyz } from "./trajectory.ts";

/** Keys of a scenario's contacts (radar §4) as data; reader, JSON Schema and documents come from these tables. */

export const CONTACT_MODES = ["OFF", "ON", "SILENT", "SPOOF"] as const;
const TRANSPONDER_KEYS = [
  { kind: "word", key: "mode", about: "what it answers with; SPOOF fails authentication", words: CONTACT_MODES, required: true },
  {
    kind: "text",
    key: "id",
    about: "the id it answers with",
    pattern: "^.{1,64}$",
    form: "1 to 64 characters",
    note: "required for ON and SPOOF",
  },
] as const satisfies readonly KeySpec[];

export const CONTACT_KEYS = [
  { kind: "text", key: "id", about: "name in this file", pattern: "^[a-z0-9_-]{1,32}$", form: "1 to 32 of a-z 0-9 _ -", required: true },
  { kind: "word", key: "type", about: "what it is", words: ["DRONE", "SHIP", "STATION", "ASTEROID", "DEBRIS"], required: true },
  { kind: "number", key: "rcs_dbsm", about: "mean radar cross section", unit: "dBsm", min: -60, max: 60, default: 0 },
  {
    kind: "word",
    key: "fluctuation",
    about: "how its echo varies from scan to scan",
    words: ["swerling1", "steady"],
    default: "swerling1",
  },
  {
    kind: "word",
    key: "allegiance",
    about: "truth for scoring; no sensor sees it",
    words: ["friendly", "hostile", "neutral", "unknown"],
    default: "unknown",
  },
  { kind: "object", key: "transponder", about: "its transponder", keys: TRANSPONDER_KEYS, optional: true, note: "absent: OFF" },
  { kind: "number", key: "appear_s", about: "when it comes", unit: "s", min: 0, max: 1e9, default: 0 },
  { kind: "number", key: "disappear_s", about: "when it goes", unit: "s", min: 0, max: 1e9, note: "after appear_s; absent: never" },
  { kind: "mapping", key: "trajectory", about: "how it moves" },
] as const satisfies readonly KeySpec[];

const LENGTH = { unit: "m", min: -1e9, max: 1e9 } as const;
const SPEED = { unit: "m/s", min: -1e6, max: 1e6 } as const;
const ANGLE = { unit: "deg", min: -360, max: 360 } as const;
const axes = <Range>(range: Range) =>
  [
    { kind: "number", key: "x", about: "east", required: true, ...range },
    { kind: "number", key: "y", about: "north", required: true, ...range },
    { kind: "number", key: "z", about: "up", required: true, ...range },
  ] as const;

export const POSITION_KEYS = axes(LENGTH) satisfies readonly KeySpec[];
export const VELOCITY_KEYS = axes(SPEED) satisfies readonly KeySpec[];
const ACCELERATION_KEYS = axes({ unit: "m/s2", min: -1e6, max: 1e6 } as const) satisfies readonly KeySpec[];
/** A place as seen from own ship at tick 0. */
export const POLAR_KEYS = [
  { kind: "number", key: "range_m", about: "slant range", unit: "m", min: 0, max: 1e9, required: true },
  { kind: "number", key: "bearing_deg", about: "clockwise from north", required: true, ...ANGLE },
  { kind: "number", key: "elev_deg", about: "above the horizon", unit: "deg", min: -90, max: 90, required: true },
] as const satisfies readonly KeySpec[];

const PLACE = { kind: "mapping", about: "a place: {x, y, z}, or {range_m, bearing_deg, elev_deg} from own ship at tick 0" } as const;
const DURATION = { kind: "number", key: "duration_s", unit: "s", min: 0, minExclusive: true, max: 1e9, required: true } as const;

export const TRAJECTORY_KEYS = {
  constant_velocity: [
    { key: "at", ...PLACE },
    { kind: "object", key: "velocity", keys: VELOCITY_KEYS },
  ],
  waypoints: [
    { kind: "sequence", key: "points", about: "two places or more, {t_s, at}, with rising times" },
    { kind: "word", key: "end", about: "what it does after the last", words: ["hold", "continue"], default: "hold" },
  ],
  circular: [
    { key: "centre", ...PLACE },
    { kind: "number", key: "radius_m", about: "radius", unit: "m", min: 0, minExclusive: true, max: 1e9, required: true },
    { kind: "number", key: "speed_mps", about: "speed along the circle", unit: "m/s", min: 0, max: 1e6, required: true },
    { kind: "number", key: "start_deg", about: "bearing from the centre at the start", required: true, ...ANGLE },
    { kind: "word", key: "direction", about: "clockwise or counter-clockwise from above", words: ["cw", "ccw"], required: true },
    { kind: "number", key: "climb_mps", about: "speed upwards", default: 0, ...SPEED },
  ],
  manoeuvre: [
    { key: "at", ...PLACE },
    { kind: "object", key: "velocity", keys: VELOCITY_KEYS },
    { kind: "sequence", key: "segments", about: "each {duration_s, and accel {x,y,z} or turn_dps}; afterwards straight on" },
  ],
} as const satisfies Readonly<Record<TrajectorySpec["kind"], readonly KeySpec[]>>;

export const POINT_KEYS = [
  { kind: "number", key: "t_s", about: "when it is there", unit: "s", min: -1e9, max: 1e9, required: true },
  { key: "at", ...PLACE },
] as const satisfies readonly KeySpec[];

export const SEGMENT_KEYS = [
  DURATION,
  { kind: "object", key: "accel", about: "acceleration", keys: ACCELERATION_KEYS, optional: true },
  { kind: "number", key: "turn_dps", about: "turn, clockwise from above", unit: "deg/s", min: -360, max: 360 },
] as const satisfies readonly KeySpec[];

const KIND = { kind: "word", key: "kind", words: Object.keys(TRAJECTORY_KEYS), required: true } as const satisfies KeySpec;

export type ContactTransponder = ValuesOf<typeof TRANSPONDER_KEYS>;
/** A contact, checked. */
export type ContactSpec = Omit<ValuesOf<typeof CONTACT_KEYS>, "trajectory"> & { readonly trajectory: TrajectorySpec };

/** What a timeline changes of a contact: whether it is there, or its transponder. */
export const CONTACT_CHANGE_KEYS = [
  { kind: "text", key: "id", about: "a contact of this scenario", required: true },
  { kind: "boolean", key: "appear", about: "whether it is there" },
  { kind: "object", key: "transponder", about: "its transponder: mode, id", keys: TRANSPONDER_KEYS, optional: true },
] as const satisfies readonly KeySpec[];
export type ContactChange = ValuesOf<typeof CONTACT_CHANGE_KEYS>;

/** Reads a scenario's `contacts`; every problem is reported with its path. */
export function readContacts(raw: readonly unknown[], path: string, report: KeyReport): readonly ContactSpec[] {
  const ids = new Set<string>();
  return raw.flatMap((contact, index) => {
    const at = `${path}[${index}]`;
    if (!isRaw(contact)) {
      report("wrong_type", at, contact, "a contact with id, type and trajectory");
      return [];
    }
    const read = readObject(CONTACT_KEYS, contact, at, "refused", report) as ValuesOf<typeof CONTACT_KEYS>;
    if (ids.has(read.id)) report("inconsistent", `${at}.id`, read.id, "an id that no other contact has");
    ids.add(read.id);
    checkTransponder(read.transponder, `${at}.transponder`, report);
    if (read.disappearS !== undefined && read.disappearS <= read.appearS)
      report("inconsistent", `${at}.disappear_s`, read.disappearS, `more than appear_s, ${read.appearS} s`);
    return [{ ...read, trajectory: readTrajectory(read.trajectory ?? {}, `${at}.trajectory`, report) }];
  });
}

/** Checks a timeline's change of a contact, read by `CONTACT_CHANGE_KEYS`; `ids` are the scenario's contacts. */
export function checkContactChange(change: ContactChange, ids: readonly string[], path: string, report: KeyReport): void {
  if (!ids.includes(change.id))
    report("inconsistent", `${path}.id`, change.id, `a contact of this scenario: ${ids.join(", ") || "it has none"}`);
  if ((change.appear === undefined) === (change.transponder === undefined))
    report("inconsistent", path, change.id, "either appear or transponder");
  checkTransponder(change.transponder, `${path}.transponder`, report);
}

function checkTransponder(transponder: ContactTransponder | undefined, path: string, report: KeyReport): void {
  if (transponder === undefined || transponder.id !== undefined) return;
  if (transponder.mode === "ON" || transponder.mode === "SPOOF")
    report("missing_required", joinPath(path, "id"), undefined, `the id that a transponder in mode ${transponder.mode} answers with`);
}

function readTrajectory(raw: Raw, path: string, report: KeyReport): TrajectorySpec {
  const kind = readValue(KIND, raw.kind, `${path}.kind`, report) as TrajectorySpec["kind"] | undefined;
  // A problem has been reported: what stands here is not used.
  if (kind === undefined) return { kind: "waypoints", points: [], end: "hold" };
  const { kind: _kind, ...members } = raw;
  const read = readObject(TRAJECTORY_KEYS[kind], members, path, "refused", report);
  const place = (key: string): Place => readPlace(read[key], joinPath(path, key), report);
  switch (kind) {
    case "constant_velocity":
      return { kind, at: place("at"), velocity: read.velocity as Xyz };
    case "waypoints":
      return { kind, points: readPoints((read.points ?? []) as readonly unknown[], `${path}.points`, report), end: read.end as "hold" };
    case "circular":
      return { kind, ...(read as Omit<TrajectorySpec & { kind: "circular" }, "kind">), centre: place("centre") };
    default:
      return {
        kind,
        at: place("at"),
        velocity: read.velocity as Xyz,
        segments: readSegments((read.segments ?? []) as readonly unknown[], `${path}.segments`, report),
      };
  }
}

function readPoints(raw: readonly unknown[], path: string, report: KeyReport): { readonly tS: number; readonly at: Place }[] {
  if (raw.length < 2) report("out_of_range", path, raw.length, "at least two points {t_s, at}");
  const points = raw.flatMap((point, index) => {
    const at = `${path}[${index}]`;
    if (!isRaw(point)) {
      report("wrong_type", at, point, "{t_s, at}");
      return [];
    }
    const read = readObject(POINT_KEYS, point, at, "refused", report) as ValuesOf<typeof POINT_KEYS>;
    return [{ tS: read.tS, at: readPlace(read.at, `${at}.at`, report) }];
  });
  points.forEach(({ tS }, index) => {
    if (index > 0 && tS <= points[index - 1]!.tS) report("inconsistent", `${path}[${index}].t_s`, tS, "a time after the point before");
  });
  return points;
}

function readSegments(raw: readonly unknown[], path: string, report: KeyReport): ManoeuvreSegment[] {
  return raw.flatMap((segment, index) => {
    const at = `${path}[${index}]`;
    if (!isRaw(segment)) {
      report("wrong_type", at, segment, "{duration_s, accel or turn_dps}");
      return [];
    }
    const read = readObject(SEGMENT_KEYS, segment, at, "refused", report) as ValuesOf<typeof SEGMENT_KEYS>;
    if ((segment.accel === undefined) === (segment.turn_dps === undefined))
      report("inconsistent", at, Object.keys(segment).join(", "), "either accel or turn_dps");
    return [read];
  });
}

function readPlace(raw: unknown, path: string, report: KeyReport): Place {
  if (!isRaw(raw)) {
    report(raw === undefined ? "missing_required" : "wrong_type", path, raw, "{x, y, z} or {range_m, bearing_deg, elev_deg}");
    return { x: 0, y: 0, z: 0 };
  }
  return readObject(raw.range_m === undefined ? POSITION_KEYS : POLAR_KEYS, raw, path, "refused", report) as unknown as Place;
}
