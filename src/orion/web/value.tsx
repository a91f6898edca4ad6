import type { Cell } from "#orion/model/cell.ts";
import { formatAge, formatBearing, formatValue } from "#orion/model/format.ts";
import type { TextKey } from "#orion/model/texts.ts";
import { model } from "./console.ts";
import { t } from "./i18n.ts";
import { type Status, StatusSymbol } from "./symbol.tsx";

/** A telemetry value with its unit, or a dash with the reason; hatched with its age when stale, with its status when out of limits. */
export function Value({ path, decimals, big = false }: { path: string; decimals?: number; big?: boolean }) {
  const cell = model.cell(path);
  return <CellView cell={cell} path={path} big={big} status={statusOf(cell)} {...(decimals === undefined ? {} : { decimals })} />;
}

/** A label and its value on one line. */
export function Row({ path, decimals }: { path: string; decimals?: number }) {
  const cell = model.cell(path);
  return (
    <div class="row">
      <span class="label">{cell.entry === undefined ? path : t(cell.entry.label)}</span>
      <CellView cell={cell} path={path} status={statusOf(cell)} {...(decimals === undefined ? {} : { decimals })} />
    </div>
  );
}

function CellView({
  cell,
  path,
  decimals,
  big = false,
  status,
}: {
  cell: Cell;
  path: string;
  decimals?: number;
  big?: boolean;
  status: Status | undefined;
}) {
  if (cell.kind === "absent") {
    return (
      <span class="value absent" data-path={path} data-absent={cell.reason}>
        — <small>{t(`absent_${cell.reason}` as TextKey)}</small>
      </span>
    );
  }
  const isBearing = cell.entry?.path === "heading" && typeof cell.value === "number";
  const shown = isBearing ? formatBearing(cell.value as number) : formatValue(cell.value, cell.unit, decimals ?? cell.entry?.decimals);
  return (
    <span
      class={`value ${big ? "big" : ""} ${cell.stale ? "stale" : ""}`}
      data-path={path}
      data-value={JSON.stringify(cell.value)}
      {...(cell.stale ? { "data-stale": "" } : {})}
    >
      {status === undefined || cell.stale ? null : <StatusSymbol status={status} />}
      {shown.text}
      {shown.unit === "" ? null : <span class="unit"> {shown.unit}</span>}
      {cell.origin === "const" ? <small class="tag">{t("constant")}</small> : null}
      {cell.stale ? <small class="age">◷ {formatAge(cell.ageMs)}</small> : null}
    </span>
  );
}

/** Caution past the warn limit, serious past the critical one; nominal values carry nothing. */
export function statusOf(cell: Cell): Status | undefined {
  if (cell.kind === "absent" || typeof cell.value !== "number" || cell.entry === undefined) return undefined;
  const { limits, limitsFrom } = cell.entry;
  const dir = limits?.dir ?? limitsFrom?.dir;
  const limitAt = (path: string | undefined): number | undefined => {
    const limit = path === undefined || !path.includes(".") ? undefined : model.value(path);
    return typeof limit === "number" && limit > 0 ? limit : undefined;
  };
  const warn = limits?.warn ?? limitAt(limitsFrom?.warn);
  const crit = limits?.crit ?? limitAt(limitsFrom?.crit);
  const past = (limit: number | undefined): boolean =>
    limit !== undefined && (dir === "above" ? (cell.value as number) >= limit : (cell.value as number) <= limit);
  if (past(crit)) return "serious";
  return past(warn) ? "caution" : undefined;
}
