import { dayOfYear, formatUtcMs } from "#base/rfc3339.ts";

const DECIMALS: Readonly<Record<string, number>> = {
  W: 0,
  V: 1,
  A: 1,
  "°C": 1,
  "%": 1,
  "m/s": 1,
  deg: 1,
  dB: 1,
  dBm: 1,
  m: 0,
  s: 1,
  km: 2,
  kg: 2,
  ms: 0,
  x: 2,
  N: 1,
  "N m": 1,
  "g/s": 1,
  g: 0,
  Pa: 0,
  Wh: 1,
  "kbit/s": 0,
  "rad/s": 4,
};
const DEG_PER_RAD = 180 / Math.PI;

export interface Formatted {
  readonly text: string;
  readonly unit: string;
}

/** A number as a console shows it: fixed decimals by unit, decimal point in both languages, no grouping, `−` for minus. */
export function formatNumber(value: number, unit: string, decimals?: number): Formatted {
  if (unit === "rad") return formatNumber(value * DEG_PER_RAD, "deg", decimals);
  if (unit === "m" && Math.abs(value) >= 10_000) return formatNumber(value / 1000, "km");
  const text = value.toFixed(decimals ?? DECIMALS[unit] ?? (Number.isInteger(value) ? 0 : 2));
  // A value that rounds to zero has no sign.
  const unsigned = /^-0(\.0+)?$/.test(text) ? text.slice(1) : text.replace("-", "−");
  return { text: unsigned, unit: unit === "deg" ? "°" : unit };
}

/** A direction over ground as three whole digits, never 360. */
export function formatBearing(bearingDeg: number): Formatted {
  const whole = ((Math.round(bearingDeg) % 360) + 360) % 360;
  return { text: String(whole).padStart(3, "0"), unit: "°" };
}

/** Any telemetry value as text. */
export function formatValue(value: unknown, unit: string, decimals?: number): Formatted {
  if (typeof value === "number") return formatNumber(value, unit, decimals);
  if (typeof value === "boolean") return { text: value ? "yes" : "no", unit: "" };
  if (Array.isArray(value)) return formatList(value, unit, decimals);
  if (typeof value === "object" && value !== null) {
    const members = Object.entries(value).map(([key, member]) => ({ key, ...formatValue(member, unit, decimals) }));
    const text = members.map((member) => `${member.key} ${member.text}`).join(", ");
    return { text: text === "" ? "none" : text, unit: members[0]?.unit ?? "" };
  }
  return { text: String(value as string), unit: "" };
}

/** All numbers of a vector in one unit. */
function formatList(list: readonly unknown[], unit: string, decimals: number | undefined): Formatted {
  if (list.length === 0) return { text: "none", unit: "" };
  const isFar = unit === "m" && list.some((item) => typeof item === "number" && Math.abs(item) >= 10_000);
  const items = list.map((item) =>
    isFar && typeof item === "number" ? formatNumber(item / 1000, "km") : formatValue(item, typeof item === "object" ? "" : unit, decimals),
  );
  return { text: items.map((item) => item.text).join(", "), unit: items[0]!.unit };
}

/** `12 s`, `3 min 05 s`, `2 h 10 min`. */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, "0")} s`;
  return `${Math.floor(whole / 3600)} h ${String(Math.floor(whole / 60) % 60).padStart(2, "0")} min`;
}

/** `3:05`, beyond an hour `2 h`: for columns. */
export function formatMinutes(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  return whole < 3600 ? `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}` : `${Math.floor(whole / 3600)} h`;
}

/** Seconds with one decimal below ten, as ages are shown. */
export function formatAge(ageMs: number): string {
  const seconds = ageMs / 1000;
  return seconds < 10 ? `${seconds.toFixed(1)} s` : formatDuration(seconds);
}

/** `2026-001T00:20:10.0Z`: year, day of the year, time. */
export function formatSimTime(epochMs: number): string {
  const text = formatUtcMs(Math.round(epochMs));
  return `${text.slice(0, 4)}-${String(dayOfYear(epochMs)).padStart(3, "0")}T${text.slice(11, 21)}Z`;
}

/** `10:00:00Z` of wall time. */
export function formatWall(epochMs: number): string {
  return `${formatUtcMs(Math.floor(epochMs)).slice(11, 19)}Z`;
}
