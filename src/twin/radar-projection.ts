import { formatUtcUs } from "#base/rfc3339.ts";
import { uuid5 } from "#base/uuid5.ts";
import type { RunId } from "#base/units.ts";
import { RADAR_SENSOR_ID, RANGE_BANDS, type RadarDetectionWire, type RadarFrameWire } from "#contracts/radar.ts";
import { type Detection, RANGE_BAND, type RangeBand, type Scan } from "#radar/frame.ts";

/** One frame as it goes to the bus: subject, id, band label and payload. */
export interface FrameMessage {
  readonly kind: "radarFramesLr" | "radarFramesSr" | "radarFrames";
  readonly msgId: string;
  readonly bandLabel: (typeof RANGE_BANDS)[number];
  readonly payload: RadarFrameWire;
}

/** The frames of a scan in the order in which they are published: LR and SR where they saw something, then the union (radar §2.7). */
export function frameMessages(
  scan: Scan,
  runId: RunId,
  timeMs: number,
  parts: { readonly sendsSubsets: boolean; readonly sendsUnion: boolean },
): FrameMessage[] {
  const frameId = uuid5(runId, `radar:frame:${scan.tick}`);
  const timestamp = formatUtcUs(timeMs * 1000);
  const detections = scan.detections.map(detectionWire);
  const frame = (kind: FrameMessage["kind"], suffix: string, band: RangeBand, own: readonly RadarDetectionWire[]): FrameMessage => ({
    kind,
    msgId: `${frameId}${suffix}`,
    bandLabel: RANGE_BANDS[band]!,
    payload: {
      schema_version: 1,
      frame_id: frameId,
      sensor_id: RADAR_SENSOR_ID,
      timestamp,
      ts_event: timestamp,
      ts_ingest: null,
      detections: [...own],
    },
  });
  const frames: FrameMessage[] = [];
  if (parts.sendsSubsets) {
    const lr = detections.filter((one) => one.range_band === RANGE_BAND.lr);
    const sr = detections.filter((one) => one.range_band === RANGE_BAND.sr);
    if (lr.length > 0) frames.push(frame("radarFramesLr", ":lr", RANGE_BAND.lr, lr));
    if (sr.length > 0) frames.push(frame("radarFramesSr", ":sr", RANGE_BAND.sr, sr));
  }
  if (parts.sendsUnion) frames.push(frame("radarFrames", "", RANGE_BAND.unspecified, detections));
  return frames;
}

/** Bands that looked, as the header says it. */
export function scanLabel({ looked }: Scan): string {
  return [...(looked.lr ? ["LR"] : []), ...(looked.sr ? ["SR"] : [])].join(",");
}

function detectionWire(one: Detection): RadarDetectionWire {
  return {
    range_m: one.rangeM,
    bearing_deg: one.bearingDeg,
    elev_deg: one.elevDeg,
    vr_mps: one.rangeRateMps,
    snr_db: one.snrDb,
    rcs_dbsm: one.rcsDbsm,
    transponder_on: one.transponderOn,
    transponder_mode: one.transponderMode,
    transponder_id: one.transponderId,
    range_band: one.band,
    id_present: one.idPresent,
  };
}
