import { useSignal } from "@preact/signals";
import { postJson } from "../api.ts";
import { live, signInOpen } from "../console.ts";
import { Dialog } from "../dialog.tsx";
import { t } from "../i18n.ts";
import { type Incident, subjectOf } from "../incident.ts";

export type IncidentOperation = "ack" | "clear" | "shelve" | "unshelve";

const SHELVE_MINUTES = [5, 15, 60];

/** The dialog in which an operator acknowledges, clears or shelves: the occurrence it was opened for travels with the request. */
export function IncidentAction({
  incident,
  operation,
  onClose,
}: {
  incident: Incident;
  operation: IncidentOperation;
  onClose: () => void;
}) {
  const problem = useSignal("");
  const busy = useSignal(false);
  const guest = live.identity.value?.role === "viewer";
  if (guest) signInOpen.value = true;
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    busy.value = true;
    const answer = await postJson<{ stage: string; detail?: string }>(
      `/api/incidents/${encodeURIComponent(incident.incident_id)}/${operation}`,
      bodyOf(operation, incident, form),
    );
    busy.value = false;
    if (!answer.ok) problem.value = answer.detail;
    else if (answer.value.stage === "REJECTED" || answer.value.stage === "TIMEOUT")
      problem.value = answer.value.detail ?? t("unknownNoAnswer");
    else onClose();
  };
  return (
    <Dialog title={`${t(operation)}: ${t(incident.rule.title)} ${subjectOf(incident)}`} onClose={onClose}>
      <form onSubmit={(event) => void submit(event)}>
        {operation === "shelve" ? (
          <fieldset>
            <legend>{t("minutes")}</legend>
            {SHELVE_MINUTES.filter((minutes) => minutes * 60 <= (incident.shelve_max_s ?? Number.POSITIVE_INFINITY)).map(
              (minutes, index) => (
                <label key={minutes}>
                  <input type="radio" name="minutes" value={minutes} defaultChecked={index === 0} /> {minutes}
                </label>
              ),
            )}
          </fieldset>
        ) : null}
        {operation === "unshelve" ? null : (
          <label>
            {operation === "ack" ? t("commentMayBeEmpty") : operation === "clear" ? t("comment") : t("reason")}
            <input name="comment" maxLength={500} required={operation !== "ack"} autofocus data-testid="comment" />
          </label>
        )}
        {problem.value === "" ? null : (
          <p class="problem" role="alert">
            {problem.value}
          </p>
        )}
        <div class="menu">
          <button type="button" onClick={onClose}>
            {t("cancel")}
          </button>
          <button type="submit" class="primary" disabled={busy.value || guest} data-testid="confirm-op">
            {t(operation)}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

function bodyOf(operation: IncidentOperation, incident: Incident, form: FormData): Record<string, unknown> {
  const given = form.get("comment");
  const comment = typeof given === "string" ? given : "";
  const requestId = crypto.randomUUID();
  switch (operation) {
    case "ack":
      return { request_id: requestId, occ: incident.occ, ...(comment === "" ? {} : { comment }) };
    case "clear":
      return { request_id: requestId, confirm: true, occ: incident.occ, comment };
    case "shelve":
      return { request_id: requestId, confirm: true, duration_s: Number(form.get("minutes")) * 60, reason: comment };
    case "unshelve":
      return { request_id: requestId, confirm: true };
    default:
      return {};
  }
}
