import { joinPath, type KeyReport } from "#base/key-reader.ts";
import type { KeySpec, ValuesOf } from "#base/key-spec.ts";
import { RADAR_SENSOR_ID } from "./frame.ts";

const SHARE = { unit: "1", min: 0, minExclusive: true, max: 1 } as const;
const POSITIVE = { min: 0, minExclusive: true } as const;

/** Keys under `tracker.` (radar §6.2). */
export const TRACKER_KEYS = [
  { kind: "word", key: "filter", about: "how a track follows its plots", words: ["kalman", "alpha_beta", "imm"], default: "kalman" },
  { kind: "number", key: "dims", about: "dimensions; 2 pins the height at 0", unit: "1", integer: true, min: 2, max: 3, default: 3 },
  { kind: "boolean", key: "doppler", about: "whether range rates are used", default: true },
  { kind: "number", key: "q", about: "strength of the acceleration noise per axis", unit: "m2/s3", min: 1e-6, max: 1e4, default: 0.5 },
  { kind: "number", key: "init_speed_sigma_mps", about: "spread of a newborn's speed", unit: "m/s", default: 30, max: 1e4, ...POSITIVE },
  {
    kind: "number",
    key: "gate_p",
    about: "share of a track's own plots that its gate takes",
    unit: "1",
    min: 0.5,
    minExclusive: true,
    max: 0.999999,
    default: 0.99,
  },
  { kind: "number", key: "gate_d2", about: "threshold of the gate; overrides gate_p", unit: "1", ...POSITIVE },
  {
    kind: "number",
    key: "recapture_p",
    about: "share of the wider gate of confirmed tracks",
    unit: "1",
    min: 0,
    max: 0.999999999,
    default: 0.9999,
    note: "more than gate_p; 0 is off",
  },
  {
    kind: "number",
    key: "pd",
    about: "probability of detection that association assumes",
    unit: "1",
    min: 0.001,
    max: 0.999,
    default: 0.9,
  },
  {
    kind: "number",
    key: "extraneous_density",
    about: "density of plots that no track explains, per m of each dimension, and per m/s with doppler",
    unit: "1",
    default: 1e-13,
    ...POSITIVE,
  },
  { kind: "word", key: "lifecycle", about: "confirmation by M of N, or by existence score", words: ["mofn", "score"], default: "mofn" },
  {
    kind: "number",
    key: "confirm_m",
    about: "hits that confirm",
    unit: "1",
    integer: true,
    min: 1,
    max: 16,
    default: 2,
    note: "at most confirm_n",
  },
  {
    kind: "number",
    key: "confirm_n",
    about: "opportunities within which they must fall",
    unit: "1",
    integer: true,
    min: 1,
    max: 16,
    default: 3,
  },
  {
    kind: "number",
    key: "max_misses",
    about: "misses that a confirmed track survives",
    unit: "1",
    integer: true,
    min: 1,
    max: 20,
    default: 3,
  },
  {
    kind: "number",
    key: "max_coast_s",
    about: "time without a plot that a track survives",
    unit: "s",
    default: 10,
    note: "at least (max_misses + 1) frame periods",
    ...POSITIVE,
  },
  { kind: "number", key: "reorder_window_s", about: "how long a frame waits for an earlier one", unit: "s", min: 0, max: 5, default: 0 },
  { kind: "number", key: "dedup_frames", about: "frame ids remembered", unit: "1", integer: true, min: 16, max: 65_536, default: 4096 },
  {
    kind: "number",
    key: "restart_after_late",
    about: "late frames in a row that mean a new run",
    unit: "1",
    integer: true,
    min: 2,
    max: 100,
    default: 5,
  },
  {
    kind: "number",
    key: "cluster_max",
    about: "tracks and plots that are assigned at the optimum together",
    unit: "1",
    integer: true,
    min: 2,
    max: 10_000,
    default: 400,
  },
  {
    kind: "number",
    key: "max_tracks",
    about: "births beyond it are refused",
    unit: "1",
    integer: true,
    min: 1,
    max: 1_000_000,
    default: 20_000,
  },
  { kind: "texts", key: "sensor_ids", about: "sensors whose frames are taken; * takes all", default: [RADAR_SENSOR_ID] },
] as const satisfies readonly KeySpec[];

/** Keys under `tracker.score.`. */
export const SCORE_KEYS = [
  { kind: "number", key: "ps", about: "probability of survival from frame to frame", default: 0.99, ...SHARE },
  { kind: "number", key: "r0", about: "existence of a newborn", default: 0.01, ...SHARE },
  { kind: "number", key: "r_max", about: "largest existence", default: 0.999, ...SHARE },
  { kind: "number", key: "confirm", about: "existence that confirms", default: 0.5, ...SHARE },
  { kind: "number", key: "report", about: "existence from which a track counts in metrics", default: 0.4, ...SHARE },
  { kind: "number", key: "delete", about: "existence at which a track ends", default: 0.001, ...SHARE },
] as const satisfies readonly KeySpec[];

const PLACE = { kind: "number", unit: "m", default: 0 } as const;

/** Keys under `tracker.birth.`: where contacts not seen yet are expected; for the score lifecycle. */
export const BIRTH_KEYS = [
  {
    kind: "number",
    key: "sigma_m",
    about: "spread of the region on each axis",
    unit: "m",
    note: "absent: no region, every newborn has score.r0",
    ...POSITIVE,
  },
  { key: "x_m", about: "middle of the region, east of own ship", ...PLACE },
  { key: "y_m", about: "middle of the region, north of own ship", ...PLACE },
  { key: "z_m", about: "middle of the region, above own ship", ...PLACE },
  { kind: "number", key: "initial", about: "contacts expected in it when tracking begins", unit: "1", min: 0, max: 1e6, default: 1 },
  {
    kind: "number",
    key: "per_scan",
    about: "contacts expected to appear in it from scan to scan",
    unit: "1",
    min: 0,
    max: 1e6,
    default: 0.01,
  },
] as const satisfies readonly KeySpec[];

/** Keys under `tracker.alpha_beta.`. */
export const ALPHA_BETA_KEYS = [
  { kind: "number", key: "sigma_w_mps2", about: "spread of accelerations", unit: "m/s2", default: 1, ...POSITIVE },
] as const satisfies readonly KeySpec[];

/** Keys under `tracker.imm.`. */
export const IMM_KEYS = [
  {
    kind: "number",
    key: "turn_rate_dps",
    about: "rate of the turning models",
    unit: "deg/s",
    min: 0,
    minExclusive: true,
    max: 90,
    default: 3,
  },
  { kind: "number", key: "stay_p", about: "probability of keeping the model from frame to frame", default: 0.95, ...SHARE },
  { kind: "number", key: "q_ct", about: "acceleration noise of the turning models", unit: "m2/s3", min: 1e-6, max: 1e4, default: 1 },
] as const satisfies readonly KeySpec[];

/** Keys under `iff.`: globs with * and ?, case-sensitive. */
export const IFF_KEYS = [
  { kind: "texts", key: "friends", about: "ids of friends", default: ["ALLY-*"] },
  { kind: "texts", key: "foes", about: "ids of foes", default: [] },
] as const satisfies readonly KeySpec[];

/** Keys under `identity.`. */
export const IDENTITY_KEYS = [
  {
    kind: "list",
    key: "types",
    about: "what an id is known to be",
    keys: [
      { kind: "text", key: "match", about: "glob of ids", required: true },
      { kind: "word", key: "type", about: "its type", words: ["DRONE", "SHIP", "STATION", "ASTEROID", "DEBRIS"], required: true },
    ],
  },
] as const satisfies readonly KeySpec[];

export const TRACKER_SECTIONS = {
  tracker: TRACKER_KEYS,
  "tracker.score": SCORE_KEYS,
  "tracker.birth": BIRTH_KEYS,
  "tracker.alpha_beta": ALPHA_BETA_KEYS,
  "tracker.imm": IMM_KEYS,
  iff: IFF_KEYS,
  identity: IDENTITY_KEYS,
} as const satisfies Readonly<Record<string, readonly KeySpec[]>>;

export type TrackerSettings = ValuesOf<typeof TRACKER_KEYS> & {
  readonly score: ValuesOf<typeof SCORE_KEYS>;
  readonly birth: ValuesOf<typeof BIRTH_KEYS>;
  readonly alphaBeta: ValuesOf<typeof ALPHA_BETA_KEYS>;
  readonly imm: ValuesOf<typeof IMM_KEYS>;
  readonly iff: ValuesOf<typeof IFF_KEYS>;
  readonly identity: ValuesOf<typeof IDENTITY_KEYS>;
};

/** Reports what only several keys together decide. */
export function checkTrackerSettings(settings: TrackerSettings, framePeriodS: number, report: KeyReport): void {
  const at = (key: string): string => joinPath("tracker", key);
  const { recaptureP, gateP, confirmM, confirmN, maxMisses, maxCoastS } = settings;
  if (recaptureP !== 0 && recaptureP <= gateP)
    report("inconsistent", at("recapture_p"), recaptureP, `more than tracker.gate_p, ${gateP}, or 0`);
  if (confirmM > confirmN) report("inconsistent", at("confirm_m"), confirmM, `at most tracker.confirm_n, ${confirmN}`);
  const leastS = (maxMisses + 1) * framePeriodS;
  if (maxCoastS < leastS) report("inconsistent", at("max_coast_s"), maxCoastS, `at least ${leastS} s, (max_misses + 1) frame periods`);
}
