import { type DictionaryEntry, DICTIONARY } from "#contracts/dictionary.ts";
import type { Cell } from "#orion/model/cell.ts";
import { formatAge, formatBearing, formatValue } from "#orion/model/format.ts";
import { type TextKey, TEXTS } from "#orion/model/texts.ts";
import { model } from "./console.ts";
import { t } from "./i18n.ts";
import { type Status, StatusSymbol } from "./symbol.tsx";

/** A telemetry value with its unit, or a dash with the reason; hatched with its age when stale, with its status when out of limits. */
export function Value({ path, decimals, big = false }: { path: string; decimals?: number; big?: boolean }) {
  return <CellView cell={model.cell(path)} path={path} big={big} {...(decimals === undefined ? {} : { decimals })} />;
}

/** A label and its value on one line. */
export function Row({ path, decimals }: { path: string; decimals?: number }) {
  const { entry } = model.cell(path);
  const label = entry === undefined ? path : t(entry.label);
  return (
    <div class="row">
      <span class="label" title={label}>
        {label}
      </span>
      <Value path={path} {...(decimals === undefined ? {} : { decimals })} />
    </div>
  );
}

/** Every value of telemetry below these paths, as the dictionary lists them: nothing is left out, absent ones say why. */
export function AllValues({ of }: { of: readonly string[] }) {
  const entries = DICTIONARY.filter(({ path }) => of.some((top) => path === top || path.startsWith(`${top}.`)));
  return (
    <section class="card truth-table" aria-label={t("allValues")}>
      <h2>
        {t("allValues")} <small class="num">{entries.length}</small>
      </h2>
      <div class="all-values">
        {entries.map((entry) => (
          <ValueLine key={entry.path} entry={entry} />
        ))}
      </div>
    </section>
  );
}

function ValueLine({ entry }: { entry: DictionaryEntry }) {
  return (
    <div class="row" title={entry.path}>
      <span class="label">{t(entry.label)}</span>
      <Value path={entry.path} />
    </div>
  );
}

/** Age of a picture drawn from this member of telemetry, once it is stale. */
export function StaleMark({ path }: { path: string }) {
  const cell = model.cell(path);
  return cell.kind === "value" && cell.stale ? <small class="stale-mark">◷ {formatAge(cell.ageMs)}</small> : null;
}

function CellView({ cell, path, decimals, big }: { cell: Cell; path: string; decimals?: number; big: boolean }) {
  if (cell.kind === "absent") {
    return (
      <span class="value absent" data-path={path} data-absent={cell.reason}>
        — <small>{t(`absent_${cell.reason}` as TextKey)}</small>
        <Constant source={cell.constant} />
      </span>
    );
  }
  const status = statusOf(cell);
  const shown = shownValue(cell, path, decimals);
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
      <Constant source={cell.constant} />
      {cell.stale ? <small class="age">◷ {formatAge(cell.ageMs)}</small> : null}
    </span>
  );
}

function shownValue(cell: Cell & { readonly kind: "value" }, path: string, decimals: number | undefined): { text: string; unit: string } {
  const { value, entry } = cell;
  if (typeof value === "boolean") return { text: t(value ? "yes" : "no"), unit: "" };
  if (Array.isArray(value) && value.length === 0) return { text: t("none"), unit: "" };
  if (path === "heading" && typeof value === "number") return formatBearing(value);
  return formatValue(value, cell.unit, decimals ?? entry?.decimals);
}

/** Says of a constant where it comes from: set in the program, by the scenario, or not modelled. */
function Constant({ source }: { source: string | undefined }) {
  if (source === undefined) return null;
  const key = `constant_${source}`;
  return <small class="tag">{Object.hasOwn(TEXTS, key) ? t(key as TextKey) : `${t("constant")}: ${source}`}</small>;
}

/** Caution past the warn limit, serious past the critical one; nominal values carry nothing. */
function statusOf(cell: Cell): Status | undefined {
  if (cell.kind === "absent" || typeof cell.value !== "number" || cell.entry === undefined) return undefined;
  const { value, entry } = cell;
  const { limits, limitsFrom } = entry;
  const dir = limits?.dir ?? limitsFrom?.dir;
  const limitAt = (path: string | undefined): number | undefined => {
    const limit = path === undefined || !path.includes(".") ? undefined : model.value(path);
    return typeof limit === "number" && limit > 0 ? limit : undefined;
  };
  const warn = limits?.warn ?? limitAt(limitsFrom?.warn);
  const crit = limits?.crit ?? limitAt(limitsFrom?.crit);
  const past = (limit: number | undefined): boolean => limit !== undefined && (dir === "above" ? value >= limit : value <= limit);
  if (past(crit)) return "serious";
  return past(warn) ? "caution" : undefined;
}
