import { useSignal } from "@preact/signals";
import type { CommandSpec } from "#contracts/command-catalogue.ts";
import { formatWall } from "#orion/model/format.ts";
import { postJson } from "../api.ts";
import { auditFilter, catalogue, commandDraft, live, model, show } from "../console.ts";
import type { CommandRow } from "#contracts/command-row.ts";
import { commandLabel, outcomeText, StageDots } from "../command-row-view.tsx";
import { t } from "../i18n.ts";
import { isReplay } from "../replay.ts";
import { CommandForm } from "./command-form.tsx";
import "./commands.css";

/** Incident commands have their own screen; roles without a service here are not offered. */
const OFFERED_PREFIXES = ["sim.", "power.", "system.", "rules."];
const RANK: Readonly<Record<string, number>> = { viewer: 0, operator: 1, supervisor: 2, admin: 3 };

/** Find a command, fill its form, send it; below, every command with how far it came. */
export function CommandsScreen() {
  const search = useSignal("");
  const offered = (catalogue.value?.commands ?? []).filter((spec) => OFFERED_PREFIXES.some((prefix) => spec.name.startsWith(prefix)));
  const wanted = search.value.trim().toLowerCase();
  const found = offered.filter((spec) => `${spec.name} ${spec.label.en} ${spec.label.ru}`.toLowerCase().includes(wanted));
  const draft = commandDraft.value;
  const spec = offered.find((one) => one.name === draft?.name);
  return (
    <div class="columns commands">
      <section class="card">
        <input
          data-filter
          type="search"
          placeholder={t("searchCommand")}
          aria-label={t("searchCommand")}
          value={search.value}
          onInput={(event) => (search.value = event.currentTarget.value)}
          data-testid="command-search"
        />
        <ul class="command-list">
          {found.map((one) => (
            <CommandEntry key={one.name} spec={one} current={one.name === draft?.name} />
          ))}
        </ul>
      </section>
      <div>
        {spec === undefined ? null : <CommandForm key={`${spec.name}`} spec={spec} values={draft?.values ?? {}} />}
        <section class="card">
          <h2>{t("history")}</h2>
          <History />
        </section>
      </div>
    </div>
  );
}

function CommandEntry({ spec, current }: { spec: CommandSpec; current: boolean }) {
  const allowed = RANK[live.identity.value?.role ?? "viewer"]! >= RANK[spec.role]!;
  return (
    <li>
      <button
        type="button"
        class={current ? "tab current" : "tab"}
        onClick={() => (commandDraft.value = { name: spec.name, values: {} })}
        data-command={spec.name}
      >
        <b>{t(spec.label)}</b> <small>{spec.name}</small>
        {allowed ? null : (
          <small class="quiet">
            {" "}
            {t("needsRole")} {spec.role}
          </small>
        )}
      </button>
    </li>
  );
}

function History() {
  const rows = ([...model.records("commands").value.values()] as CommandRow[]).sort((a, b) => (a.sent_wall < b.sent_wall ? 1 : -1));
  if (rows.length === 0) return <p class="quiet">{t("noHistory")}</p>;
  return (
    <table class="grid">
      <tbody>
        {rows.slice(0, 50).map((row) => (
          <tr key={row.request_id} data-row tabIndex={0}>
            <td class="num">{formatWall(Date.parse(row.sent_wall))}</td>
            <td>{row.sender}</td>
            <td>
              <b>{commandLabel(row.command_name)}</b> <small>{parametersText(row)}</small>
            </td>
            <td>
              <StageDots row={row} />
              {row.tick === undefined ? null : <small class="num"> t{row.tick}</small>}
            </td>
            <td>{outcomeText(row)}</td>
            <td>
              {!isReplay.value && (row.stage === "TIMEOUT" || row.stage === "NOT_SENT") ? (
                <button type="button" onClick={() => void retry(row)}>
                  {t("retry")}
                </button>
              ) : null}
              <button
                type="button"
                class="plain"
                onClick={() => {
                  auditFilter.value = row.request_id;
                  show("audit");
                }}
              >
                {t("audit")} ›
              </button>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function parametersText(row: CommandRow): string {
  return Object.entries(row.parameters)
    .map(([key, value]) => `${key}=${String(value)}`)
    .join(" ");
}

/** Sends the same command with the same id again: it is applied once at most. */
async function retry(row: CommandRow): Promise<void> {
  await postJson("/api/commands", {
    request_id: row.request_id,
    command_name: row.command_name,
    parameters: row.parameters,
    confirm: true,
  });
}
