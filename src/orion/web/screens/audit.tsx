import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { formatSimTime, formatWall } from "#orion/model/format.ts";
import { getJson } from "../api.ts";
import { auditFilter, live } from "../console.ts";
import { t } from "../i18n.ts";
import { isReplay } from "../replay.ts";
import { StatusSymbol } from "../symbol.tsx";

interface AuditRecord {
  readonly seq: number;
  readonly kind: string;
  readonly subject: string;
  readonly ts_epoch?: number | null;
  readonly tick?: number | null;
  readonly wall: string;
  readonly operator?: string | null;
  readonly role?: string | null;
  readonly request_id?: string;
  readonly incident_id?: string;
  readonly ok?: boolean;
  readonly from?: string;
  readonly to?: string;
  readonly comment?: string | null;
  readonly hash: string;
  readonly body?: Readonly<Record<string, unknown>>;
}

interface ChainVerdict {
  readonly verdict: string;
  readonly records: number;
  readonly seq: number | null;
  readonly text: string;
}

/** The signed-for history: who did what, in chain order, newest first; a request or incident id shows its whole chain. */
export function AuditScreen() {
  const items = useSignal<readonly AuditRecord[] | undefined>(undefined);
  const problem = useSignal("");
  const chain = useSignal<ChainVerdict | undefined>(undefined);
  const filter = auditFilter.value.trim();
  const count = live.auditCount.value;

  useEffect(() => {
    let current = true;
    void load(filter).then((answer) => {
      if (!current) return;
      if (typeof answer === "string") problem.value = answer;
      else {
        items.value = answer;
        problem.value = "";
      }
    });
    return () => {
      current = false;
    };
  }, [filter, count]);

  const verify = async (): Promise<void> => {
    const answer = await getJson<ChainVerdict>("/api/audit/verify");
    if (answer.ok) chain.value = answer.value;
    else problem.value = answer.detail;
  };

  return (
    <>
      <div class="toolbar">
        <input
          data-filter
          type="search"
          placeholder={`${t("filterText")}: operator, request id, RULE:subject, kind`}
          aria-label={t("filterText")}
          value={auditFilter.value}
          onInput={(event) => (auditFilter.value = event.currentTarget.value)}
          data-testid="audit-filter"
        />
        <button type="button" onClick={() => void verify()} data-testid="verify-chain">
          {t("verifyChain")}
        </button>
        {chain.value === undefined ? null : (
          <span data-testid="chain-verdict">
            <StatusSymbol status={chain.value.verdict === "ok" ? "normal" : "critical"} />{" "}
            {chain.value.verdict === "ok" ? `${t("chainValid")} ${chain.value.seq}` : `${t("chainBad")} ${chain.value.seq}`}{" "}
            <small title={chain.value.text}>{chain.value.text.slice(0, 80)}</small>
          </span>
        )}
      </div>
      {isReplay.value ? <p class="hint">{t("auditIsLive")}</p> : null}
      {problem.value === "" ? null : <p class="problem">{problem.value}</p>}
      {items.value === undefined && problem.value === "" ? <p class="hint">{t("loading")}</p> : null}
      {items.value?.length === 0 ? <p class="hint">{t("noAudit")}</p> : null}
      <table class="grid audit">
        <thead>
          <tr>
            <th class="num">{t("seq")}</th>
            <th>{t("eventTime")}</th>
            <th>{t("wallTime")}</th>
            <th>{t("who")}</th>
            <th>{t("what")}</th>
            <th>{t("about")}</th>
            <th>{t("detail")}</th>
          </tr>
        </thead>
        <tbody>
          {items.value?.map((record) => (
            <AuditRow key={record.seq} record={record} />
          ))}
        </tbody>
      </table>
    </>
  );
}

function AuditRow({ record }: { record: AuditRecord }) {
  const about = record.request_id ?? record.incident_id;
  return (
    <tr data-row tabIndex={0} data-seq={record.seq} data-kind={record.kind} data-request={record.request_id ?? ""}>
      <td class="num">{record.seq}</td>
      <td class="num">
        {typeof record.ts_epoch === "number" ? formatSimTime(record.ts_epoch * 1000) : "—"}
        {typeof record.tick === "number" ? <small class="block">t{record.tick}</small> : null}
      </td>
      <td class="num">{formatWall(Date.parse(record.wall))}</td>
      <td>{record.operator ?? "—"}</td>
      <td>
        {record.ok === false ? <StatusSymbol status="caution" /> : null} {record.kind}
      </td>
      <td>
        {about === undefined ? (
          "—"
        ) : (
          <button type="button" class="plain mono" onClick={() => (auditFilter.value = about)} title={t("showChain")}>
            {record.incident_id ?? about}
          </button>
        )}
      </td>
      <td>{detailOf(record)}</td>
    </tr>
  );
}

function detailOf(record: AuditRecord): string {
  const body = record.body ?? {};
  const parts: string[] = [];
  if (record.from !== undefined && record.to !== undefined) parts.push(`${record.from} → ${record.to}`);
  if (typeof body.command_name === "string") parts.push(body.command_name);
  if (body.parameters !== undefined && Object.keys(body.parameters as object).length > 0) parts.push(JSON.stringify(body.parameters));
  for (const key of ["effect", "reason", "code", "message", "why"]) if (typeof body[key] === "string") parts.push(body[key]);
  if (typeof record.comment === "string" && record.comment !== "") parts.push(`“${record.comment}”`);
  return parts.join(" · ");
}

/** The newest records, narrowed by what the filter looks like: an incident id, a kind, a request id or an operator. */
async function load(filter: string): Promise<readonly AuditRecord[] | string> {
  const query = new URLSearchParams({ limit: "300" });
  if (/^[A-Z0-9_]+:/.test(filter)) query.set("incident", filter);
  else if (/^[0-9a-f-]{36}$/.test(filter)) query.set("request_id", filter);
  else if (/^[a-z]+_[a-z_]+$/.test(filter)) query.set("type", filter);
  else if (filter !== "") query.set("operator", filter);
  const answer = await getJson<{ items: readonly AuditRecord[] }>(`/api/audit?${query.toString()}`);
  return answer.ok ? answer.value.items : answer.detail;
}
