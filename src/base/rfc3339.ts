import { assert } from "./assert.ts";

const MS_PER_DAY = 86_400_000;
const PATTERN = /^(\d{4})-(\d{2})-(\d{2})[Tt ](\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,9}))?([Zz]|[+-]\d{2}:\d{2})?$/;

/** `YYYY-MM-DDTHH:MM:SS.mmmZ` of integer milliseconds since 1970 (years 0..9999). */
export function formatUtcMs(epochMs: number): string {
  return `${formatUtcSeconds(epochMs)}.${pad(modulo(epochMs, 1000), 3)}Z`;
}

/** RFC 3339 of integer microseconds since 1970: no fraction when it is zero, else six digits (`always` keeps it). */
export function formatUtcUs(epochUs: number, fraction: "when_not_zero" | "always" = "when_not_zero"): string {
  const us = modulo(epochUs, 1_000_000);
  const seconds = formatUtcSeconds((epochUs - us) / 1000);
  return us === 0 && fraction === "when_not_zero" ? `${seconds}Z` : `${seconds}.${pad(us, 6)}Z`;
}

/** Milliseconds since 1970 of an RFC 3339 text (fractions beyond them are kept), or undefined. No zone means UTC. */
export function parseUtcMs(text: string): number | undefined {
  const match = PATTERN.exec(text);
  if (match === null) return undefined;
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number) as [number, number, number, number, number, number];
  if (month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month) || hour > 23 || minute > 59 || second > 59) return undefined;
  const fractionMs = match[7] === undefined ? 0 : Number(`0.${match[7]}`) * 1000;
  const wholeMs = daysFromCivil(year, month, day) * MS_PER_DAY + hour * 3_600_000 + minute * 60_000 + second * 1000;
  const offsetMs = zoneOffsetMs(match[8]);
  return offsetMs === undefined ? undefined : wholeMs - offsetMs + fractionMs;
}

/** Day of the year, 1..366, of milliseconds since 1970. */
export function dayOfYear(epochMs: number): number {
  const days = Math.floor(epochMs / MS_PER_DAY);
  return days - daysFromCivil(civilFromDays(days).year, 1, 1) + 1;
}

/** Seconds written last, and their texts: all messages of a tick name the same few. */
const KEPT = 64;
const keptSeconds = new Float64Array(KEPT).fill(Number.NaN);
const keptTexts: string[] = Array.from({ length: KEPT }, () => "");

function formatUtcSeconds(epochMs: number): string {
  assert(Number.isSafeInteger(epochMs), "a time is integer milliseconds", { epochMs });
  const second = Math.floor(epochMs / 1000);
  const place = modulo(second, KEPT);
  if (keptSeconds[place] !== second) {
    keptTexts[place] = secondText(epochMs);
    keptSeconds[place] = second;
  }
  return keptTexts[place]!;
}

function secondText(epochMs: number): string {
  const days = Math.floor(epochMs / MS_PER_DAY);
  const { year, month, day } = civilFromDays(days);
  assert(year >= 0 && year <= 9999, "a year of four digits", { year });
  const seconds = Math.floor((epochMs - days * MS_PER_DAY) / 1000);
  const date = `${pad(year, 4)}-${pad(month, 2)}-${pad(day, 2)}`;
  return `${date}T${pad(Math.floor(seconds / 3600), 2)}:${pad(Math.floor(seconds / 60) % 60, 2)}:${pad(seconds % 60, 2)}`;
}

/** Proleptic Gregorian date of a day number (H. Hinnant, "chrono-compatible low-level date algorithms"). */
function civilFromDays(days: number): { year: number; month: number; day: number } {
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  );
  const dayOfMarchYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const marchMonth = Math.floor((5 * dayOfMarchYear + 2) / 153);
  const day = dayOfMarchYear - Math.floor((153 * marchMonth + 2) / 5) + 1;
  const month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9;
  return { year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day };
}

function daysFromCivil(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfMarchYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1;
  return era * 146_097 + yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfMarchYear - 719_468;
}

function daysInMonth(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

function zoneOffsetMs(zone: string | undefined): number | undefined {
  if (zone === undefined || zone === "Z" || zone === "z") return 0;
  const hours = Number(zone.slice(1, 3));
  const minutes = Number(zone.slice(4, 6));
  if (hours > 23 || minutes > 59) return undefined;
  return (zone[0] === "-" ? -1 : 1) * (hours * 60 + minutes) * 60_000;
}

/** A whole number below ten to the `digits`, with zeros in front. */
function pad(value: number, digits: number): string {
  let text = String(value);
  while (text.length < digits) text = `0${text}`;
  return text;
}

function modulo(value: number, by: number): number {
  return ((value % by) + by) % by;
}
