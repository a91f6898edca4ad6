import type { TextKey } from "#orion/model/texts.ts";
import { t } from "../i18n.ts";
import type { Incident } from "../incident.ts";

/** The state of an incident in words; stale or vanished sources say so. */
export function letterText(incident: Incident): string {
  const words = t(`letter${incident.letter}` as TextKey);
  const by = incident.letter === "H" ? ` ${incident.suppressed_by.join(", ")}` : "";
  const disabled = incident.rule_disabled ? ` · ${t("ruleDisabled")}` : "";
  const quality = incident.quality === "GOOD" ? "" : ` · ${t(incident.quality === "STALE" ? "staleQuality" : "goneQuality")}`;
  return `${words}${by}${quality}${disabled}`;
}
