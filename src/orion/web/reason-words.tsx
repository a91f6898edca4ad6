import { dictionaryEntry } from "#contracts/dictionary.ts";
import { formatDuration, formatNumber, formatSimTime } from "#orion/model/format.ts";
import type { ReasonInForce, Restore } from "#orion/model/reasons.ts";
import { kindName, loadName, nodeName, reasonText, t } from "./i18n.ts";
import type { Status } from "./symbol.tsx";

const KIND_STATUS: Readonly<Record<string, Status>> = {
  trip: "serious",
  fault: "serious",
  brownout: "serious",
  shed: "caution",
  throttle: "caution",
  warn: "caution",
};

export function statusOfReason({ record }: ReasonInForce): Status {
  return KIND_STATUS[record.kind] ?? "standby";
}

/** What a reason is about: the load, the node, or the supply. */
export function subjectOf({ record }: ReasonInForce): string {
  if (record.load !== undefined) return loadName(record.load);
  return record.node === undefined ? t("supply") : nodeName(record.node);
}

/** Why, in words. */
export function whyText({ record }: ReasonInForce): string {
  const kind = record.kind === "shed" || record.kind === "throttle" ? "" : `${kindName(record.kind)}: `;
  return `${kind}${reasonText(record.reason)}`;
}

/** Since when: event time, tick, how long ago in simulated time. */
export function sinceText({ record, sinceMs, forS }: ReasonInForce): string {
  const time = sinceMs === undefined ? "" : `${formatSimTime(sinceMs).slice(9)} `;
  return `${time}t${record.since_tick} (${formatDuration(forS)})`;
}

/** What ends it, in words, with how long that must hold and what is left of it. */
export function restoreText({ restore }: ReasonInForce): string {
  if (restore === undefined) return t("restoreNotPublished");
  const { field, op, value, unit, holdS } = restore;
  const sign = { "<=": "≤", ">=": "≥", "==": "=", ">": ">" }[op];
  const wanted = typeof value === "number" ? quantity(value, unit) : t(value ? "yes" : "no");
  const held = holdS === undefined ? "" : ` ${t("heldFor")} ${holdS} s`;
  return `${fieldName(field)} ${sign} ${wanted}${held}`;
}

/** How far the way back has come; empty where nothing is known. */
export function progressText(restore: Restore | undefined): string {
  if (restore === undefined) return "";
  const { now, unit, isMet, remainingS, expectedS } = restore;
  const at = typeof now === "number" ? `${t("value")} ${quantity(now, unit)}` : "";
  const left = remainingS === undefined ? "" : `${formatNumber(remainingS, "s").text} s ${t(isMet ? "left" : "leftOnceMet")}`;
  const expected = expectedS === undefined ? "" : `${t("expectedIn")} ${formatDuration(expectedS)} (${t("calculated")})`;
  return [at, left, expected].filter((part) => part !== "").join(" · ");
}

function fieldName(field: string): string {
  const entry = dictionaryEntry(field) ?? dictionaryEntry(field.split(".").slice(0, -1).join("."));
  const id = /\[id=([^\]]+)\]/.exec(field)?.[1];
  const owner = id === undefined ? "" : `${nodeName(id)}: `;
  return `${owner}${entry === undefined ? field : t(entry.label)}`;
}

export function quantity(value: number, unit: string): string {
  const known = { C: "°C", "1": "" }[unit] ?? unit;
  const shown = formatNumber(value, known, known === "" ? 3 : 1);
  return `${shown.text} ${shown.unit}`.trim();
}

/** All that an operator asks of one reason: why and since when, then what ends it and how far that is. */
export function ReasonLines({ reason }: { reason: ReasonInForce }) {
  const progress = progressText(reason.restore);
  return (
    <span class="reason-lines" data-explain={reason.record.id}>
      <span>
        {whyText(reason)} <small>· {t("since")}</small> <span class="num">{sinceText(reason)}</span>
      </span>
      <span>
        <small>{t("restoresWhen")}</small> <b>{restoreText(reason)}</b> {progress === "" ? null : <span>({progress})</span>}
      </span>
    </span>
  );
}
