import { LOADS, REASONS } from "#contracts/reasons.ts";
import type { Text } from "#contracts/text.ts";
import { type TextKey, text } from "#orion/model/texts.ts";
import { language } from "./console.ts";

/** A text of the console, or of a contract, in the language chosen. */
export function t(what: TextKey | Text): string {
  return typeof what === "string" ? text(what, language.value) : what[language.value];
}

/** A load's name; one that is not known stands as it came. */
export function loadName(load: string): string {
  const known = LOADS[load];
  return known === undefined ? load : t(known);
}

/** A reason code in words, with the code kept where it is not known. */
export function reasonText(reason: string): string {
  // A fault string may name its node behind a colon.
  const known = REASONS[reason.split(":")[0]!];
  return known === undefined ? reason : t(known);
}
