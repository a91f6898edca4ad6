import { dictionaryEntry } from "#contracts/dictionary.ts";
import { EXPLAIN_KINDS } from "#contracts/reasons.ts";
import { formatDuration, formatNumber } from "#orion/model/format.ts";
import { model, selectedIncident, show, whyOpen } from "./console.ts";
import { loadName, reasonText, t } from "./i18n.ts";
import { isAlarm, sortedIncidents } from "./incident.ts";
import { type Status, StatusSymbol } from "./symbol.tsx";

export interface Explain {
  readonly id: string;
  readonly kind: string;
  readonly load?: string;
  readonly node?: string;
  readonly reason: string;
  readonly since_tick: number;
  readonly value: number | null;
  readonly limit: number | null;
  readonly unit: string;
  readonly restores_when: {
    readonly field: string;
    readonly op: string;
    readonly value: number | boolean | string;
    readonly unit: string;
    readonly hold_s?: number;
    readonly remaining_s?: number;
  } | null;
}

const KIND_STATUS: Readonly<Record<string, Status>> = {
  trip: "serious",
  fault: "serious",
  shed: "caution",
  throttle: "caution",
  warn: "caution",
  brownout: "serious",
};

/** Incident rules that a reason may have raised. */
const REASON_RULES: Readonly<Record<string, readonly string[]>> = {
  pdu_overcurrent: ["POWER_BUS_OVERLOAD", "POWER_PDU_OVERCURRENT", "POWER_BUS_NEAR_LIMIT"],
  thermal_trip: ["TEMP_CORE_TRIP", "TEMP_CORE_SPIKE"],
  thermal_overheat: ["TEMP_CORE_TRIP", "TEMP_CORE_SPIKE"],
  PDU_OVERCURRENT: ["POWER_PDU_OVERCURRENT"],
};

export function explainEntries(): readonly Explain[] | undefined {
  return model.value("explain") as readonly Explain[] | undefined;
}

/** The side panel that says why a load is off and what brings it back. */
export function WhyPanel() {
  if (!whyOpen.value) return null;
  return (
    <aside class="why" aria-label={t("why")} data-testid="why">
      <h2>
        {t("why")}
        <button type="button" class="plain" onClick={() => (whyOpen.value = false)}>
          {t("close")}
        </button>
      </h2>
      <WhyCards />
    </aside>
  );
}

const LINES = 4;

/** The reasons in force in short; each opens the panel. */
export function WhyLines() {
  const entries = explainEntries();
  if (entries === undefined) return <p class="quiet">{t("whyNotPublished")}</p>;
  if (entries.length === 0) return <p class="quiet">{t("whyNothing")}</p>;
  return (
    <>
      {entries.slice(0, LINES).map((entry) => (
        <button key={entry.id} type="button" class="plain why-line" onClick={() => (whyOpen.value = true)}>
          <StatusSymbol status={KIND_STATUS[entry.kind] ?? "standby"} />
          <span>
            {entry.load === undefined ? (entry.node ?? "") : loadName(entry.load)} <b>{kindName(entry)}</b>: {reasonText(entry.reason)}
          </span>
          <small>{restoresText(entry)}</small>
        </button>
      ))}
      {entries.length > LINES ? <small>+{entries.length - LINES}</small> : null}
    </>
  );
}

function kindName(entry: Explain): string {
  const kind = EXPLAIN_KINDS[entry.kind];
  return kind === undefined ? entry.kind : t(kind);
}

/** One card per reason in force. */
function WhyCards() {
  const entries = explainEntries();
  if (entries === undefined) return <p class="quiet">{t("whyNotPublished")}</p>;
  if (entries.length === 0) return <p class="quiet">{t("whyNothing")}</p>;
  return (
    <>
      {entries.map((entry) => (
        <Card key={entry.id} entry={entry} />
      ))}
    </>
  );
}

function Card({ entry }: { entry: Explain }) {
  const what = entry.load === undefined ? (entry.node ?? "") : loadName(entry.load);
  const tick = model.value("tick") as number;
  const seconds = (tick - entry.since_tick) * ((model.value("dt_s") as number | undefined) ?? 0);
  const stale = model.cell("explain").kind === "value" && (model.cell("explain") as { stale: boolean }).stale;
  return (
    <article class={`card-why ${stale ? "stale" : ""}`} data-explain={entry.id}>
      <h3>
        <StatusSymbol status={KIND_STATUS[entry.kind] ?? "standby"} /> {what} <b>{kindName(entry)}</b>
      </h3>
      <p>{reasonText(entry.reason)}</p>
      <dl>
        {entry.value === null ? null : (
          <>
            <dt>{t("value")}</dt>
            <dd class="num">{quantity(entry.value, entry.unit)}</dd>
          </>
        )}
        {entry.limit === null ? null : (
          <>
            <dt>{t("limit")}</dt>
            <dd class="num">{quantity(entry.limit, entry.unit)}</dd>
          </>
        )}
        <dt>{t("since")}</dt>
        <dd class="num">
          {entry.since_tick} ({formatDuration(seconds)})
        </dd>
        <dt>{t("restoresWhen")}</dt>
        <dd class="restores">{restoresText(entry)}</dd>
        <LinkedIncident entry={entry} />
      </dl>
    </article>
  );
}

function LinkedIncident({ entry }: { entry: Explain }) {
  const rules = REASON_RULES[entry.reason] ?? [];
  const linked = sortedIncidents().find((incident) => rules.includes(incident.rule_id) && isAlarm(incident));
  if (linked === undefined) return null;
  return (
    <>
      <dt>{t("linkedIncident")}</dt>
      <dd>
        <button
          type="button"
          class="plain"
          onClick={() => {
            selectedIncident.value = linked.incident_id;
            show("incidents");
          }}
        >
          {t(linked.rule.title)}
        </button>
      </dd>
    </>
  );
}

/** The restore condition in words, with how long it must hold and what is left of that. */
export function restoresText(entry: Explain): string {
  const when = entry.restores_when;
  if (when === null) return t("restoreNotPublished");
  const field = dictionaryEntry(when.field) ?? dictionaryEntry(when.field.split(".").slice(0, -1).join("."));
  const what = field === undefined ? when.field : t(field.label);
  const wanted = typeof when.value === "number" ? quantity(when.value, when.unit) : String(when.value);
  const op = { "<=": "≤", ">=": "≥", "==": "=" }[when.op] ?? when.op;
  const held = when.hold_s === undefined ? "" : ` ${t("heldFor")} ${when.hold_s} s`;
  const left = when.remaining_s === undefined ? "" : ` (${formatNumber(when.remaining_s, "s").text} s ${t("left")})`;
  return `${what} ${op} ${wanted}${held}${left}`;
}

function quantity(value: number, unit: string): string {
  const shown = formatNumber(value, unit === "C" ? "°C" : unit, 1);
  return `${shown.text} ${shown.unit}`;
}
