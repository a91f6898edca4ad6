import type { RadarTrackWire } from "#contracts/radar.ts";
import type { ZoneView } from "./radar.ts";

/** Guard rules whose conditions a track meets as it stands; whether one is in alarm is the server's to say. */
export function rulesMatched(wire: RadarTrackWire, zones: readonly ZoneView[]): readonly string[] {
  return zones.filter((zone) => matches(wire, zone)).map(({ id }) => id);
}

function matches(wire: RadarTrackWire, { rule, minM, maxM }: ZoneView): boolean {
  const isInside = wire.range_m >= minM && (maxM === undefined || wire.range_m <= maxM);
  const isWho = rule.iff === null || rule.iff === wire.iff;
  const isAnswer = rule.require_transponder_on === null || rule.require_transponder_on === wire.transponder_on;
  const isMode = rule.allowed_transponder_modes?.includes(wire.transponder_mode) ?? true;
  const isSlow = rule.max_radial_velocity_mps === null || Math.abs(wire.vr_mps) <= rule.max_radial_velocity_mps;
  return isInside && isWho && isAnswer && isMode && isSlow && wire.quality >= rule.min_quality;
}
