import type { ReasonInForce } from "#orion/model/reasons.ts";
import { model, selectedIncident, show, whyOpen } from "./console.ts";
import { reasons } from "./craft-view.ts";
import { kindName, reasonText, t } from "./i18n.ts";
import { isAlarm, sortedIncidents } from "./incident.ts";
import { progressText, quantity, restoreText, sinceText, statusOfReason, subjectOf } from "./reason-words.tsx";
import { StatusSymbol } from "./symbol.tsx";
import "./why.css";

/** Incident rules that a reason may have raised. */
const REASON_RULES: Readonly<Record<string, readonly string[]>> = {
  pdu_overcurrent: ["POWER_BUS_OVERLOAD", "POWER_PDU_OVERCURRENT", "POWER_BUS_NEAR_LIMIT"],
  thermal_trip: ["TEMP_CORE_TRIP", "TEMP_CORE_SPIKE"],
  thermal_overheat: ["TEMP_CORE_TRIP", "TEMP_CORE_SPIKE"],
  PDU_OVERCURRENT: ["POWER_PDU_OVERCURRENT"],
};

/** How many reasons are in force, a dash while nobody says. */
export function explainCount(): string {
  return String(reasons()?.length ?? "—");
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

const LINES = 3;

/** The reasons in force in short; each opens the panel. */
export function WhyLines() {
  const all = reasons();
  if (all === undefined) return <p class="quiet">{t("whyNotPublished")}</p>;
  if (all.length === 0) return <p class="quiet">{t("whyNothing")}</p>;
  return (
    <>
      {all.slice(0, LINES).map((reason) => (
        <button key={reason.record.id} type="button" class="plain why-line" onClick={() => (whyOpen.value = true)}>
          <StatusSymbol status={statusOfReason(reason)} />
          <span>
            {subjectOf(reason)} <b>{kindName(reason.record.kind)}</b>: {reasonText(reason.record.reason)}
          </span>
          <small>{[restoreText(reason), progressText(reason.restore)].filter((part) => part !== "").join(" · ")}</small>
        </button>
      ))}
      {all.length > LINES ? <small>+{all.length - LINES}</small> : null}
    </>
  );
}

/** One card per reason in force. */
function WhyCards() {
  const all = reasons();
  if (all === undefined) return <p class="quiet">{t("whyNotPublished")}</p>;
  if (all.length === 0) return <p class="quiet">{t("whyNothing")}</p>;
  return (
    <>
      {all.map((reason) => (
        <Card key={reason.record.id} reason={reason} />
      ))}
    </>
  );
}

function Card({ reason }: { reason: ReasonInForce }) {
  const { record, restore } = reason;
  const cell = model.cell("explain");
  const progress = progressText(restore);
  return (
    <article class={`card-why ${cell.kind === "value" && cell.stale ? "stale" : ""}`} data-explain={record.id}>
      <h3>
        <StatusSymbol status={statusOfReason(reason)} /> {subjectOf(reason)} <b>{kindName(record.kind)}</b>
      </h3>
      <p>{reasonText(record.reason)}</p>
      <dl>
        {record.value === null ? null : (
          <>
            <dt>{t("value")}</dt>
            <dd class="num">{quantity(record.value, record.unit)}</dd>
          </>
        )}
        {record.limit === null ? null : (
          <>
            <dt>{t("limit")}</dt>
            <dd class="num">{quantity(record.limit, record.unit)}</dd>
          </>
        )}
        <dt>{t("since")}</dt>
        <dd class="num">{sinceText(reason)}</dd>
        <dt>{t("restoresWhen")}</dt>
        <dd class="restores">{restoreText(reason)}</dd>
        {progress === "" ? null : (
          <>
            <dt>{t("progress")}</dt>
            <dd class="num">{progress}</dd>
          </>
        )}
        <LinkedIncident reason={record.reason} />
      </dl>
    </article>
  );
}

function LinkedIncident({ reason }: { reason: string }) {
  const rules = REASON_RULES[reason] ?? [];
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
