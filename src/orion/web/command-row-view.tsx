import { commandSpec } from "#contracts/command-catalogue.ts";
import { formatAge } from "#orion/model/format.ts";
import type { TextKey } from "#orion/model/texts.ts";
import type { CommandRow } from "#contracts/command-row.ts";
import { reasonText, t } from "./i18n.ts";
import { type Status, StatusSymbol } from "./symbol.tsx";

/** A command's name in the operator's words. */
export function commandLabel(name: string): string {
  const spec = commandSpec(name);
  return spec === undefined ? name : t(spec.label);
}

const FAILED: Readonly<Record<string, Status>> = {
  REJECTED: "serious",
  EFFECT_MISSING: "caution",
  TIMEOUT: "caution",
  NOT_SENT: "serious",
};

/** Sent, applied, effect: what is known to have happened is filled, what failed says so. */
export function StageDots({ row }: { row: CommandRow }) {
  const { stage } = row;
  const applied = stage === "APPLIED" || stage === "EFFECT_CONFIRMED" || stage === "EFFECT_MISSING";
  const failed = FAILED[stage];
  const timeMs = row.settled_ms ?? row.answered_ms;
  return (
    <span class="stages" data-stage={stage} data-request={row.request_id}>
      <Dot done={stage !== "NOT_SENT"} word={t("stageSENT")} />
      <Dot done={applied} word={t("stageAPPLIED")} />
      {row.has_effect ? <Dot done={stage === "EFFECT_CONFIRMED"} word={t("effect")} /> : null}
      {failed === undefined ? null : (
        <b class="failed">
          <StatusSymbol status={failed} /> {t(`stage${stage}` as TextKey)}
        </b>
      )}
      {timeMs === undefined ? null : <span class="num">{formatAge(timeMs)}</span>}
    </span>
  );
}

function Dot({ done, word }: { done: boolean; word: string }) {
  return (
    <span class={done ? "dot done" : "dot"}>
      {done ? "●" : "○"} {word}
    </span>
  );
}

/** What went wrong, in words, where something did. */
export function outcomeText(row: CommandRow): string {
  if (row.stage === "TIMEOUT") return t("unknownNoAnswer");
  if (row.stage === "EFFECT_MISSING") {
    const blocked = row.effect?.explain?.map((entry) => reasonText(entry.reason)) ?? [];
    return [row.effect?.reason ?? "", ...new Set(blocked)].filter((part) => part !== "").join(": ");
  }
  if (row.stage === "APPLIED" && !row.has_effect) return t("noEffectCheck");
  return row.detail ?? "";
}
