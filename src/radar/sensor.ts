import { assert } from "#base/assert.ts";
import type { RandomStream } from "#base/random.ts";
import { DEG_PER_RAD } from "#base/units.ts";
import type { ContactTransponder } from "./contacts.ts";
import { normalBearingDeg, polarOfXyz, rangeRateMps, type Vector3 } from "./coordinates.ts";
import { decibel, echoSnrDb, type Fluctuation, measuredSnrDb, measurementSigma, snrRatio } from "./detectability.ts";
import { type Detection, RANGE_BAND, TRANSPONDER_MODE } from "./frame.ts";
import type { BandSettings, SensorSettings } from "./sensor-settings.ts";

/** A contact as the sensor meets it: relative to own ship. */
export interface Target {
  readonly relativeM: Vector3;
  readonly relativeMps: Vector3;
  readonly rcsDbsm: number;
  readonly fluctuation: Fluctuation;
  readonly transponder: ContactTransponder;
}

type Identity = Pick<Detection, "transponderOn" | "transponderMode" | "transponderId" | "idPresent">;

const NO_IDENTITY: Identity = { transponderOn: false, transponderMode: TRANSPONDER_MODE.off, transponderId: null, idPresent: false };
/** Below this range an echo's cross section is no longer estimated from it, so that the estimate stays finite. */
const ESTIMATE_RANGE_MIN_M = 1e-3;
const POISSON_CHUNK_MAX = 30;

/**
 * One look of a band at one contact (radar §5). Inside the band's limits it always draws one uniform and four normals, so that
 * what is detected shifts nobody's later draws.
 */
export function look(
  settings: SensorSettings,
  band: BandSettings,
  target: Target,
  interrogates: boolean,
  stream: RandomStream,
): Detection | undefined {
  const [x, y, z] = target.relativeM;
  const truth = polarOfXyz(x, y, z);
  if (truth.rangeM < settings.minRangeM || truth.rangeM > band.maxRangeM) return undefined;
  const u = stream.uniform();
  const noise = [stream.gaussian(), stream.gaussian(), stream.gaussian(), stream.gaussian()] as const;
  const snr = snrRatio(settings, band, target.rcsDbsm, truth.rangeM);
  const snrDb = measuredSnrDb(settings, target.fluctuation, snr, u);
  if (snrDb === undefined) return undefined;
  const sigma = measurementSigma(band, snrDb);
  const sigmaAngleDeg = sigma.angleRad * DEG_PER_RAD;
  const [vx, vy, vz] = target.relativeMps;
  return detection(settings, band, {
    rangeM: Math.abs(truth.rangeM + sigma.rangeM * noise[0]),
    bearingDeg: truth.bearingDeg + sigmaAngleDeg * noise[1],
    elevDeg: truth.elevDeg + sigmaAngleDeg * noise[2],
    rangeRateMps: rangeRateMps(x, y, z, vx, vy, vz) + sigma.rangeRateMps * noise[3],
    snrDb,
    identity: band.name === "SR" && interrogates ? identityOf(target.transponder) : NO_IDENTITY,
  });
}

/** Detections of one look of a band behind which there is nothing: noise over the threshold. */
export function falseAlarms(settings: SensorSettings, band: BandSettings, stream: RandomStream): Detection[] {
  const count = poisson(band.falseAlarmsPerScan, stream);
  const alarms: Detection[] = [];
  for (let index = 0; index < count; index += 1) {
    const rangeM = band.maxRangeM * Math.cbrt(stream.uniform());
    const bearingDeg = 360 * stream.uniform();
    const elevDeg = Math.asin(2 * stream.uniform() - 1) * DEG_PER_RAD;
    const alarmRateMps = 200 * stream.uniform() - 100;
    const snrDb = echoSnrDb(-Math.log(settings.pfa * stream.uniform()), settings.snrCapDb);
    alarms.push(detection(settings, band, { rangeM, bearingDeg, elevDeg, rangeRateMps: alarmRateMps, snrDb, identity: NO_IDENTITY }));
  }
  return alarms;
}

interface Measured {
  readonly rangeM: number;
  readonly bearingDeg: number;
  readonly elevDeg: number;
  readonly rangeRateMps: number;
  readonly snrDb: number;
  readonly identity: Identity;
}

function detection(settings: SensorSettings, band: BandSettings, measured: Measured): Detection {
  // Noise may carry a direction over the zenith: it comes down on the other side.
  const overZenith = measured.elevDeg > 90 || measured.elevDeg < -90;
  const elevDeg = !overZenith ? measured.elevDeg : measured.elevDeg > 90 ? 180 - measured.elevDeg : -180 - measured.elevDeg;
  const estimateRangeM = Math.max(measured.rangeM, ESTIMATE_RANGE_MIN_M);
  return {
    rangeM: measured.rangeM,
    bearingDeg: normalBearingDeg(overZenith ? measured.bearingDeg + 180 : measured.bearingDeg),
    elevDeg,
    rangeRateMps: measured.rangeRateMps,
    snrDb: measured.snrDb,
    rcsDbsm: measured.snrDb - decibel(snrRatio(settings, band, 0, estimateRangeM)),
    ...measured.identity,
    band: band.name === "LR" ? RANGE_BAND.lr : RANGE_BAND.sr,
  };
}

/** What interrogation reads: a silent transponder and none look the same, a reply that fails authentication is a spoof. */
function identityOf({ mode, id }: ContactTransponder): Identity {
  if (mode !== "ON" && mode !== "SPOOF") return NO_IDENTITY;
  assert(id !== undefined, "a transponder that answers has an id");
  const transponderMode = mode === "ON" ? TRANSPONDER_MODE.on : TRANSPONDER_MODE.spoof;
  return { transponderOn: true, transponderMode, transponderId: id, idPresent: id !== "" };
}

/** Poisson by multiplying uniforms (Knuth, The Art of Computer Programming 2, §3.4.1), in chunks that no exponential underflows. */
function poisson(mean: number, stream: RandomStream): number {
  let count = 0;
  for (let left = mean; left > 0; left -= POISSON_CHUNK_MAX) {
    const limit = Math.exp(-Math.min(left, POISSON_CHUNK_MAX));
    for (let product = stream.uniform(); product > limit; product *= stream.uniform()) count += 1;
  }
  return count;
}
