import { joinPath, type KeyReport } from "#base/key-reader.ts";
import type { KeySpec, ValuesOf } from "#base/key-spec.ts";

const POSITIVE = { min: 0, minExclusive: true } as const;

/** Keys of the sensor under `radar.` (radar §5). */
export const SENSOR_KEYS = [
  {
    kind: "number",
    key: "frame_period_s",
    about: "time from scan to scan",
    unit: "s",
    default: 1,
    max: 3600,
    note: "a multiple of the tick",
    ...POSITIVE,
  },
  { kind: "number", key: "sr_threshold_m", about: "how far the short range looks, inclusive", unit: "m", default: 5000, ...POSITIVE },
  { kind: "number", key: "min_range_m", about: "nearer contacts are not detected", unit: "m", default: 1, min: 0, max: 1000 },
  { kind: "number", key: "pfa", about: "probability of a false alarm in one cell", unit: "1", default: 1e-6, min: 1e-12, max: 1e-2 },
  { kind: "number", key: "wavelength_m", about: "wavelength", unit: "m", default: 0.03, ...POSITIVE },
  { kind: "number", key: "noise_figure_db", about: "noise figure of the receiver", unit: "dB", default: 3, min: -100, max: 100 },
  { kind: "number", key: "losses_db", about: "losses of the whole chain", unit: "dB", default: 5, min: -100, max: 100 },
  { kind: "number", key: "t0_k", about: "noise temperature", unit: "K", default: 290, ...POSITIVE },
  {
    kind: "word",
    key: "detection",
    about: "by the radar equation, or with a fixed probability",
    words: ["physical", "fixed"],
    default: "physical",
  },
  { kind: "number", key: "fixed_pd", about: "probability of detection when fixed", unit: "1", default: 1, min: 0, max: 1 },
  { kind: "number", key: "fixed_snr_db", about: "measured SNR when fixed", unit: "dB", default: 20, min: 0, max: 100 },
  { kind: "number", key: "snr_cap_db", about: "largest SNR that is measured", unit: "dB", default: 60, min: 20, max: 100 },
] as const satisfies readonly KeySpec[];

const LR_MAX_RANGE = {
  kind: "number",
  key: "max_range_m",
  about: "how far the long range looks, inclusive",
  unit: "m",
  default: 100_000,
  note: "more than radar.sr_threshold_m",
  ...POSITIVE,
} as const satisfies KeySpec;

interface BandDefaults {
  readonly dwellS: number;
  readonly gainDbi: number;
  readonly rangeCellM: number;
  readonly beamwidthDeg: number;
  readonly dopplerCellMps: number;
  readonly floorRangeM: number;
  readonly floorDopplerMps: number;
}

const bandKeys = (defaults: BandDefaults) =>
  [
    { kind: "number", key: "every_frames", about: "it looks in every nth scan", unit: "1", integer: true, default: 1, min: 1, max: 100 },
    { kind: "number", key: "power_w", about: "average power", unit: "W", default: 6, ...POSITIVE },
    { kind: "number", key: "dwell_s", about: "time on one target", unit: "s", default: defaults.dwellS, ...POSITIVE },
    { kind: "number", key: "gain_dbi", about: "gain of the antenna", unit: "dBi", default: defaults.gainDbi, min: -100, max: 100 },
    { kind: "number", key: "range_cell_m", about: "range cell; 0 leaves the floor alone", unit: "m", default: defaults.rangeCellM, min: 0 },
    { kind: "number", key: "beamwidth_deg", about: "beam width", unit: "deg", default: defaults.beamwidthDeg, min: 0, max: 360 },
    { kind: "number", key: "doppler_cell_mps", about: "range rate cell", unit: "m/s", default: defaults.dopplerCellMps, min: 0 },
    { kind: "number", key: "floor_range_m", about: "smallest error of a range", unit: "m", default: defaults.floorRangeM, ...POSITIVE },
    { kind: "number", key: "floor_angle_deg", about: "smallest error of an angle", unit: "deg", default: 0.02, max: 90, ...POSITIVE },
    {
      kind: "number",
      key: "floor_doppler_mps",
      about: "smallest error of a range rate",
      unit: "m/s",
      default: defaults.floorDopplerMps,
      ...POSITIVE,
    },
    { kind: "number", key: "false_alarms_per_scan", about: "mean number of false alarms", unit: "1", default: 0, min: 0, max: 1000 },
  ] as const satisfies readonly KeySpec[];

/** Keys under `radar.lr.`. */
export const LR_KEYS = [
  LR_MAX_RANGE,
  ...bandKeys({ dwellS: 0.004, gainDbi: 38, rangeCellM: 150, beamwidthDeg: 2, dopplerCellMps: 4, floorRangeM: 5, floorDopplerMps: 0.1 }),
] as const satisfies readonly KeySpec[];

/** Keys under `radar.sr.`. */
export const SR_KEYS = bandKeys({
  dwellS: 0.0005,
  gainDbi: 34.5,
  rangeCellM: 75,
  beamwidthDeg: 3,
  dopplerCellMps: 2,
  floorRangeM: 0.5,
  floorDopplerMps: 0.05,
});

/** One band of the radar: its beam, its errors and its rate of false alarms. */
export type BandSettings = ValuesOf<typeof LR_KEYS> & { readonly name: "LR" | "SR" };

export type SensorSettings = ValuesOf<typeof SENSOR_KEYS> & { readonly lr: BandSettings; readonly sr: BandSettings };

/** Puts what was read of `radar.`, `radar.lr.` and `radar.sr.` together; what only two keys together decide is reported. */
export function sensorSettings(
  sensor: ValuesOf<typeof SENSOR_KEYS>,
  lr: ValuesOf<typeof LR_KEYS>,
  sr: ValuesOf<typeof SR_KEYS>,
  tickMs: number,
  report: KeyReport,
): SensorSettings {
  if (lr.maxRangeM <= sensor.srThresholdM)
    report("inconsistent", joinPath("radar.lr", "max_range_m"), lr.maxRangeM, `more than radar.sr_threshold_m, ${sensor.srThresholdM} m`);
  const ticks = (sensor.framePeriodS * 1000) / tickMs;
  if (Math.abs(ticks - Math.round(ticks)) > 1e-9 || ticks < 1 - 1e-9)
    report("inconsistent", joinPath("radar", "frame_period_s"), sensor.framePeriodS, `a multiple of the tick, ${tickMs} ms`);
  return { ...sensor, lr: { ...lr, name: "LR" }, sr: { ...sr, name: "SR", maxRangeM: sensor.srThresholdM } };
}
