import { FRIEND_FOE, OBJECT_TYPES, RANGE_BANDS, TRACK_STATUSES, TRANSPONDER_MODES } from "#contracts/radar-words.ts";
import { formatNumber } from "#orion/model/format.ts";

/** A distance as rings and zones are labelled: metres below a kilometre, no digits that say nothing. */
export function distanceText(metres: number): string {
  const [value, unit] = metres >= 1000 ? [metres / 1000, "km"] : [metres, "m"];
  return `${Number(value.toFixed(2))} ${unit}`;
}

/** A measured range: metres with one decimal below a kilometre, whole ones below 10 km. */
export function rangeText(metres: number): string {
  const { text, unit } = formatNumber(metres, "m", metres < 1000 ? 1 : 0);
  return `${text} ${unit}`;
}

/** The word of a wire number; one that this console does not know stands as `?7`. */
function worded(words: readonly string[]): (number: number) => string {
  return (number) => words[number] ?? `?${number}`;
}

export const statusWord = worded(TRACK_STATUSES);
export const identityWord = worded(FRIEND_FOE);
/** Codes of three letters for tables. */
export const statusCode = worded(["—", "NEW", "TRK", "LOST", "CST"]);
export const identityCode = worded(["—", "FRD", "FOE", "UNK"]);
export const modeWord = worded(TRANSPONDER_MODES);
export const objectWord = worded(OBJECT_TYPES);
const bandWire = worded(RANGE_BANDS);

/** `LR`, `SR`, or a dash: a track that holds an identity says no band while long range follows it. */
export function bandWord(band: number): string {
  return band === 0 ? "—" : bandWire(band).replace("RR_", "");
}
