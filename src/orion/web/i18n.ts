import { BURN_DIRECTIONS, EXPLAIN_KINDS, LOADS, REASONS, SENSOR_REASONS, SENSORS, THERMAL_NODES } from "#contracts/reasons.ts";
import type { Text } from "#contracts/text.ts";
import { type TextKey, text } from "#orion/model/texts.ts";
import { language } from "./console.ts";

/** A text of the console, or of a contract, in the language chosen. */
export function t(what: TextKey | Text): string {
  return typeof what === "string" ? text(what, language.value) : what[language.value];
}

/** What a table of names says of a code; a code that it does not know stands as it came. */
function named(table: Readonly<Record<string, Text>>): (code: string) => string {
  return (code) => {
    const known = table[code];
    return known === undefined ? code : t(known);
  };
}

export const loadName = named(LOADS);
export const nodeName = named(THERMAL_NODES);
export const sensorName = named(SENSORS);
export const sensorReason = named(SENSOR_REASONS);
export const kindName = named(EXPLAIN_KINDS);
export const burnName = named(BURN_DIRECTIONS);

/** A reason code in words; a fault string may name its node behind a colon. */
export function reasonText(reason: string): string {
  const known = REASONS[reason.split(":")[0]!];
  return known === undefined ? reason : t(known);
}
