import { formatUtcUs, parseUtcMs } from "#base/rfc3339.ts";

/** Words of the numbers in radar messages (radar §2.1), by themselves: pages need them and not the schemas. */

export const OBJECT_TYPES = ["UNSPECIFIED", "DRONE", "SHIP", "STATION", "ASTEROID", "DEBRIS"] as const;
export const FRIEND_FOE = ["UNSPECIFIED", "FRIEND", "FOE", "UNKNOWN"] as const;
export const TRANSPONDER_MODES = ["OFF", "ON", "SILENT", "SPOOF"] as const;
export const RANGE_BANDS = ["RR_UNSPECIFIED", "RR_LR", "RR_SR"] as const;
export const TRACK_STATUSES = ["UNSPECIFIED", "NEW", "TRACKED", "LOST", "COASTING"] as const;

/** Integer microseconds since 1970 of a time on the wire, or undefined when it is none. */
export function timeUsOf(text: string): number | undefined {
  const ms = parseUtcMs(text);
  return ms === undefined ? undefined : Math.round(ms * 1000);
}

export const formatEventTime = formatUtcUs;
