import { useSignal } from "@preact/signals";
import { formatDuration, formatNumber } from "#orion/model/format.ts";
import { auditFilter, selectedIncident, show } from "../console.ts";
import { t } from "../i18n.ts";
import { type Incident, isUnacked, openForS, sortedIncidents, subjectOf } from "../incident.ts";
import { incidentModel, isReplay, liveIncidents } from "../replay.ts";
import { SEVERITY_STATUS, StatusSymbol } from "../symbol.tsx";
import { IncidentAction, type IncidentOperation } from "./incident-action.tsx";
import { letterText } from "./incident-words.ts";
import "./incidents.css";

/** Alarms with their state, what they mean, and what an operator may do with each. */
export function IncidentsScreen() {
  const onlyUnacked = useSignal(false);
  const filter = useSignal("");
  const operation = useSignal<{ readonly incident: Incident; readonly operation: IncidentOperation } | undefined>(undefined);
  const wanted = filter.value.trim().toLowerCase();
  const rows = sortedIncidents().filter(
    (one) =>
      (!onlyUnacked.value || isUnacked(one)) &&
      (wanted === "" || `${one.incident_id} ${t(one.rule.title)} ${one.severity}`.toLowerCase().includes(wanted)),
  );
  return (
    <>
      <div class="toolbar">
        <label>
          <input type="checkbox" checked={onlyUnacked.value} onChange={() => (onlyUnacked.value = !onlyUnacked.value)} /> {t("unackedOnly")}
        </label>
        <input
          data-filter
          type="search"
          placeholder={t("filterText")}
          aria-label={t("filterText")}
          value={filter.value}
          onInput={(event) => (filter.value = event.currentTarget.value)}
        />
        {isReplay.value ? (
          <label>
            <input
              type="checkbox"
              checked={liveIncidents.value}
              onChange={() => (liveIncidents.value = !liveIncidents.value)}
              data-testid="live-incidents"
            />{" "}
            {t("liveIncidents")}
          </label>
        ) : null}
        <Kpi />
      </div>
      {rows.length === 0 ? <p class="hint">{t("noIncidents")}</p> : null}
      <ul class="incidents">
        {rows.map((incident) => (
          <IncidentRow
            key={incident.incident_id}
            incident={incident}
            selected={selectedIncident.value === incident.incident_id}
            onOperation={(which) => (operation.value = { incident, operation: which })}
          />
        ))}
      </ul>
      {operation.value === undefined ? null : (
        <IncidentAction
          incident={operation.value.incident}
          operation={operation.value.operation}
          onClose={() => (operation.value = undefined)}
        />
      )}
    </>
  );
}

function Kpi() {
  const kpi = incidentModel().records("system").value.get("kpi") as { alarms_10m: number; flood: boolean; shelved: number } | undefined;
  if (kpi === undefined) return null;
  return (
    <span class="quiet">
      {kpi.alarms_10m} / 10 min{kpi.flood ? " FLOOD" : ""} · {t("letterG")} {kpi.shelved}
    </span>
  );
}

function IncidentRow({
  incident,
  selected,
  onOperation,
}: {
  incident: Incident;
  selected: boolean;
  onOperation: (operation: IncidentOperation) => void;
}) {
  const unacked = isUnacked(incident);
  const openS = openForS(incident);
  return (
    <li
      class={`incident ${selected ? "selected" : ""} ${incident.quality === "STALE" ? "stale" : ""} ${unacked ? "unacked" : ""}`}
      data-row
      data-incident={incident.incident_id}
      data-letter={incident.letter}
      tabIndex={0}
      onFocus={() => (selectedIncident.value = incident.incident_id)}
    >
      <div class="headline">
        <StatusSymbol
          status={
            incident.letter === "G" || incident.letter === "H" || incident.letter === "I" ? "off" : SEVERITY_STATUS[incident.severity]!
          }
          hollow={!unacked}
          blinks={unacked}
        />
        <b>{incident.severity}</b>
        <b class="title">{t(incident.rule.title)}</b>
        <span class="num">{subjectOf(incident)}</span>
        <span class="letter">
          {incident.letter} · {letterText(incident)}
        </span>
        <span class="num value-limit">{valueText(incident)}</span>
      </div>
      <div class="facts">
        <span>
          {t("raised")} <b class="num">t{incident.opened_tick ?? "—"}</b>
          {openS === undefined ? null : ` (${formatDuration(openS)})`}
        </span>
        <span>
          {t("count")} <b class="num">{incident.count}</b> · occ <b class="num">{incident.occ}</b>
        </span>
        {incident.subject_ref === undefined ? null : (
          <span>
            {t("trackId")} <span class="num">{incident.subject_id}</span>
          </span>
        )}
        {incident.ack === null ? null : (
          <span data-testid="acked-by">
            {t("ackBy")}: <b>{incident.ack.operator}</b> {incident.ack.comment === null ? null : `“${incident.ack.comment}”`}
          </span>
        )}
        {incident.shelf === null ? null : <ShelfLeft untilMs={incident.shelf.until_ms} reason={incident.shelf.reason} />}
      </div>
      {incident.rule.consequence === null ? null : (
        <p>
          <span class="label">{t("consequence")}</span> {t(incident.rule.consequence)}
        </p>
      )}
      {incident.rule.action === null ? null : (
        <p>
          <span class="label">{t("action")}</span> {t(incident.rule.action)}
        </p>
      )}
      <div class="actions">
        {(isReplay.value && !liveIncidents.value ? [] : operationsOf(incident)).map((operation) => (
          <button
            key={operation}
            type="button"
            onClick={() => onOperation(operation)}
            data-op={operation}
            class={operation === "ack" ? "primary" : ""}
          >
            {t(operation)}…
          </button>
        ))}
        <button
          type="button"
          class="plain"
          onClick={() => {
            auditFilter.value = incident.incident_id;
            show("audit");
          }}
        >
          {t("audit")} ›
        </button>
      </div>
    </li>
  );
}

function ShelfLeft({ untilMs, reason }: { untilMs: number; reason: string }) {
  const now = incidentModel().value("ts_unix_ms");
  return (
    <span>
      ◷ {typeof now === "number" ? formatDuration((untilMs - now) / 1000) : "—"} {t("left")} · {reason}
    </span>
  );
}

function operationsOf(incident: Incident): IncidentOperation[] {
  if (incident.letter === "G") return ["unshelve"];
  if (incident.letter === "H" || incident.letter === "I") return [];
  const operations: IncidentOperation[] = [];
  if (isUnacked(incident)) operations.push("ack");
  // A latch can be released once the condition has ended; with its source gone or its rule disabled, any time.
  if (incident.letter === "E" || incident.letter === "F" || incident.quality === "GONE" || incident.rule_disabled) operations.push("clear");
  if (incident.letter !== "A") operations.push("shelve");
  return operations;
}

function valueText(incident: Incident): string {
  const unit = incident.unit === "C" ? "°C" : (incident.unit ?? "");
  const one = (value: number | null): string =>
    value === null ? "—" : `${formatNumber(value, unit, Number.isInteger(value) ? 0 : 2).text}`;
  return `${one(incident.value)} / ${one(incident.limit)} ${unit} · ${t("peak")} ${one(incident.peak_value)}`;
}
