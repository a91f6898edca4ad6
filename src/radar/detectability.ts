import { clamp, RAD_PER_DEG } from "#base/units.ts";
import type { BandSettings, SensorSettings } from "./sensor-settings.ts";

/** Boltzmann's constant, J/K (SI 2019). */
const BOLTZMANN_J_PER_K = 1.380649e-23;
const FOUR_PI = 4 * Math.PI;

/** 10 to the power of x, the same bits on every machine. */
export function exp10(x: number): number {
  return Math.exp(x * Math.LN10);
}

export function decibel(ratio: number): number {
  return 10 * Math.log10(ratio);
}

/** Signal-to-noise power ratio of one dwell (Skolnik, Introduction to Radar Systems, ch. 2: the radar equation, energy form). */
export function snrRatio(settings: SensorSettings, band: BandSettings, rcsDbsm: number, rangeM: number): number {
  const gain = exp10(band.gainDbi / 10);
  const { wavelengthM } = settings;
  const signal = band.powerW * band.dwellS * gain * gain * wavelengthM * wavelengthM * exp10(rcsDbsm / 10);
  const noise = BOLTZMANN_J_PER_K * settings.t0K * exp10(settings.noiseFigureDb / 10) * exp10(settings.lossesDb / 10);
  return signal / (FOUR_PI * FOUR_PI * FOUR_PI * noise * (rangeM * rangeM * rangeM * rangeM));
}

export type Fluctuation = "swerling1" | "steady";

/** Probability of detection of one dwell at a mean signal-to-noise power ratio (radar §5.2). */
export function detectionProbability(fluctuation: Fluctuation, snr: number, pfa: number): number {
  if (fluctuation === "swerling1") return Math.exp(Math.log(pfa) / (1 + snr));
  const a = Math.log(0.62 / pfa);
  const z = decibel(snr) / (6.2 + 4.54 / Math.sqrt(1.44));
  const b = (exp10(z) - a) / (1.7 + 0.12 * a);
  return 1 / (1 + Math.exp(-b));
}

/** Measured SNR in dB of one look, or undefined when nothing is detected; `u` in (0,1) decides. */
export function measuredSnrDb(settings: SensorSettings, fluctuation: Fluctuation, snr: number, u: number): number | undefined {
  if (settings.detection === "fixed") return u < settings.fixedPd ? settings.fixedSnrDb : undefined;
  if (fluctuation === "swerling1") {
    const echoPower = -(1 + snr) * Math.log(u);
    return echoPower > -Math.log(settings.pfa) ? echoSnrDb(echoPower, settings.snrCapDb) : undefined;
  }
  return u < detectionProbability("steady", snr, settings.pfa) ? clamp(decibel(snr), 0, settings.snrCapDb) : undefined;
}

/** Measured SNR in dB of an echo of this power, noise power being 1. */
export function echoSnrDb(echoPower: number, capDb: number): number {
  return Math.min(capDb, decibel(Math.max(echoPower - 1, 1)));
}

/** Standard deviations of one measurement. */
export interface MeasurementSigma {
  readonly rangeM: number;
  /** Of bearing and elevation alike. */
  readonly angleRad: number;
  readonly rangeRateMps: number;
}

/** Errors at a measured SNR: a share of the cell that falls with the root of twice the SNR, never below the floor (radar §5.3). */
export function measurementSigma(band: BandSettings, snrDb: number): MeasurementSigma {
  const q = Math.sqrt(2 * exp10(snrDb / 10));
  return {
    rangeM: rss(band.floorRangeM, band.rangeCellM / q),
    angleRad: rss(band.floorAngleDeg, band.beamwidthDeg / (1.6 * q)) * RAD_PER_DEG,
    rangeRateMps: rss(band.floorDopplerMps, band.dopplerCellMps / q),
  };
}

function rss(a: number, b: number): number {
  return Math.sqrt(a * a + b * b);
}
