import { formatNumber } from "#orion/model/format.ts";
import type { LoadLine } from "#orion/model/power.ts";
import { whyOpen } from "../console.ts";
import { t } from "../i18n.ts";
import { StatusSymbol } from "../symbol.tsx";
import "./power.css";

/** Filled: what it gets. Outlined: what it asks. */
export function WattBar({ line, scaleW }: { line: Pick<LoadLine, "askedW" | "grantedW">; scaleW: number }) {
  const width = (valueW: number): string => `${Math.min(100, (100 * valueW) / Math.max(1, scaleW))}%`;
  return (
    <svg class="watts" height="12" width="100%" aria-hidden="true">
      <rect class="asked" x="0.5" y="1.5" height="9" width={width(line.askedW)} />
      <rect class="granted" x="0.5" y="1.5" height="9" width={width(line.grantedW)} />
    </svg>
  );
}

/** A quantity against its limit: the limit stands at four fifths of the width, a mark shows what is asked. */
export function LimitBar({ value, limit, asked }: { value: number; limit: number; asked?: number }) {
  const at = (quantity: number): string => `${Math.min(97, (80 * quantity) / limit)}%`;
  return (
    <svg class="limit-bar" height="18" width="100%" aria-hidden="true">
      <rect class="track" x="0" y="5" width="100%" height="8" />
      <rect class={value >= limit ? "fill full" : "fill"} x="0" y="5" height="8" width={at(value)} />
      <line class="limit" x1="80%" x2="80%" y1="0" y2="18" />
      {asked === undefined || asked <= value + 0.5 ? null : (
        <svg x={at(asked)} y="0" width="1" height="18" overflow="visible">
          <path class="asked-mark" d="M0 0 l5 5 h-10 z M0 5 v9" />
        </svg>
      )}
    </svg>
  );
}

/** ON and OFF as words; what is cut or limited with its symbol, opening the reasons. */
export function LoadStateWord({ line }: { line: LoadLine }) {
  if (line.state === "ON" || line.state === "OFF") return <span class={`state ${line.state === "OFF" ? "quiet" : ""}`}>{line.state}</span>;
  return (
    <button type="button" class="plain state shed" onClick={() => (whyOpen.value = true)} title={t("why")}>
      <StatusSymbol status="caution" /> {line.state}
    </button>
  );
}

export function watts(valueW: number): string {
  return formatNumber(valueW, "W", valueW !== 0 && Math.abs(valueW) < 10 ? 1 : 0).text;
}
