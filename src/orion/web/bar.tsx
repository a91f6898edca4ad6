import { formatAge, formatDuration, formatSimTime, formatWall } from "#orion/model/format.ts";
import { auditFilter, keysOpen, language, live, model, selectedIncident, show, signInOpen, needsToken } from "./console.ts";
import { postJson } from "./api.ts";
import { isReplay, liveIncidents } from "./replay.ts";
import { t } from "./i18n.ts";
import { type Incident, isUnacked, openForS, sortedIncidents, subjectOf } from "./incident.ts";
import { SEVERITY_STATUS, type Status, StatusSymbol } from "./symbol.tsx";
import type { CommandRow } from "#contracts/command-row.ts";
import { commandLabel, StageDots } from "./command-row-view.tsx";

/** The two rows that every screen keeps: where time is, whether one can believe it, what calls, what was commanded last. */
export function Bar() {
  return (
    <header class={`bar ${model.data.value.kind === "ok" ? "" : "data-old"} ${live.link.value.kind === "lost" ? "link-lost" : ""}`}>
      <div class="bar-row">
        <SimClock />
        <SimState />
        <Link />
        <Data />
        <Losses />
        <span class="spacer" />
        <Who />
        <button type="button" class="plain" onClick={() => (language.value = language.value === "en" ? "ru" : "en")} data-testid="language">
          {language.value === "en" ? "EN" : "RU"}
        </button>
        <button type="button" class="plain" onClick={() => (keysOpen.value = true)} aria-label={t("keys")}>
          ?
        </button>
        <span class="num">{wallClock()}</span>
      </div>
      <div class="bar-row alarms">
        <AlarmCounts />
        <TopIncident />
        <span class="spacer" />
        <LastCommand />
      </div>
    </header>
  );
}

function wallClock(): string {
  void model.nowMs.value;
  return formatWall(Date.now());
}

function SimClock() {
  const time = model.value("ts_unix_ms");
  const tick = model.value("tick");
  return (
    <span class="clock">
      {isReplay.value ? <b class="chip replay">REPLAY</b> : <b class="chip live">LIVE</b>}
      {typeof time === "number" ? <span class="num">{formatSimTime(time)}</span> : null}
      <span class="num" data-testid="tick">
        {typeof tick === "number" ? `t${tick}` : t("tickNotPublished")}
      </span>
    </span>
  );
}

function SimState() {
  const state = model.value("sim_state") as { fsm_state: string; speed: number } | undefined;
  if (state === undefined) return <span class="item">SIM —</span>;
  const word = { RUNNING: "RUN", PAUSED: "PAUSE", STOPPED: "STOP" }[state.fsm_state] ?? state.fsm_state;
  return (
    <span class="item" data-testid="sim-state">
      SIM <b>{word}</b>
      {state.fsm_state === "RUNNING" ? <span class="num"> ×{state.speed}</span> : null}
    </span>
  );
}

function Link() {
  const link = live.link.value;
  const words = { connecting: "…", ok: "OK", slow: "SLOW", lost: "LOST" };
  const status: Status | undefined = link.kind === "lost" ? "critical" : link.kind === "slow" ? "caution" : undefined;
  return (
    <span class="item" data-testid="link">
      {status === undefined ? null : <StatusSymbol status={status} />}
      {t("link")} <b>{words[link.kind]}</b>
      {needsToken.value ? ` ${t("tokenNeeded")}` : null}
      {link.kind === "lost" && link.retryInMs > 0 ? ` ${t("retryIn")} ${formatAge(link.retryInMs)}` : null}
    </span>
  );
}

function Data() {
  const data = model.data.value;
  if (data.kind === "none") {
    return (
      <span class="item" data-testid="data">
        <StatusSymbol status="critical" />
        <b>{t("noData")}</b>
      </span>
    );
  }
  const status: Status | undefined = data.kind === "stale" ? "serious" : data.kind === "lag" ? "caution" : undefined;
  return (
    <span class="item" data-testid="data">
      {status === undefined ? null : <StatusSymbol status={status} />}
      DATA <b>{data.kind.toUpperCase()}</b> <span class="num">{formatAge(data.ageMs)}</span>
    </span>
  );
}

function Losses() {
  const { upstream, client, refused, unaccounted } = live.losses.value;
  const sum = upstream + client + refused + unaccounted;
  return (
    <span class="item" title={`upstream ${upstream}, client ${client}, refused ${refused}, unaccounted ${unaccounted}`}>
      {unaccounted > 0 ? <StatusSymbol status="critical" /> : sum > 0 ? <StatusSymbol status="caution" /> : null}
      {t("loss")} <b class="num">{sum}</b>
    </span>
  );
}

/** The gateway's name for whoever has not signed in where a name is enough. */
const GUEST = "guest";

function Who() {
  const me = live.identity.value;
  if (me === undefined || me.name === GUEST) {
    return (
      <span class="item">
        {t(needsToken.value ? "signedOut" : "guest")}{" "}
        <button type="button" onClick={() => (signInOpen.value = true)} data-testid="sign-in">
          {t("signIn")}
        </button>
      </span>
    );
  }
  const signOut = async (): Promise<void> => {
    await postJson("/api/logout", {});
    live.reconnect();
  };
  return (
    <span class="item" data-testid="who">
      <b>{me.name}</b> {me.role}{" "}
      <button type="button" class="plain" onClick={() => void signOut()}>
        {t("signOut")}
      </button>
    </span>
  );
}

/** The bar counts what is now, also over a recording: its list is the live one. */
function showLiveIncidents(): void {
  liveIncidents.value = true;
  show("incidents");
}

function AlarmCounts() {
  const unacked = sortedIncidents(live).filter(isUnacked);
  return (
    <button type="button" class="plain counts" onClick={() => showLiveIncidents()} data-testid="alarm-counts">
      {["A", "C", "W"].map((severity) => {
        const count = unacked.filter((one) => one.severity === severity).length;
        return (
          <span key={severity} class={count > 0 ? "count calling" : "count"}>
            <StatusSymbol status={SEVERITY_STATUS[severity]!} hollow={count === 0} blinks={count > 0} /> {severity}{" "}
            <b class="num">{count}</b>
          </span>
        );
      })}
    </button>
  );
}

function TopIncident() {
  const top: Incident | undefined = sortedIncidents(live).find(isUnacked);
  const openS = top === undefined ? undefined : openForS(top, live);
  const kpi = live.records("system").value.get("kpi") as { flood?: boolean } | undefined;
  return (
    <>
      {kpi?.flood === true ? (
        <span class="item">
          <StatusSymbol status="serious" /> <b>FLOOD</b>
        </span>
      ) : null}
      {top === undefined ? (
        <span class="item quiet">{t("noUnacked")}</span>
      ) : (
        <button
          type="button"
          class="plain"
          onClick={() => {
            selectedIncident.value = top.incident_id;
            showLiveIncidents();
          }}
          data-testid="top-incident"
        >
          {t("top")}: <b>{t(top.rule.title)}</b> {subjectOf(top)}{" "}
          {openS === undefined ? null : <span class="num">{formatDuration(openS)}</span>}
        </button>
      )}
    </>
  );
}

function LastCommand() {
  const rows = [...live.records("commands").value.values()] as CommandRow[];
  const last = rows.reduce<CommandRow | undefined>(
    (newest, row) => (newest === undefined || row.sent_wall >= newest.sent_wall ? row : newest),
    undefined,
  );
  if (last === undefined) return <span class="item quiet">CMD {t("noCommandYet")}</span>;
  const mine = live.identity.value?.name === last.sender;
  return (
    <button
      type="button"
      class="plain"
      onClick={() => {
        auditFilter.value = last.request_id;
        show("audit");
      }}
      data-testid="last-command"
    >
      CMD <b>{commandLabel(last.command_name)}</b> {mine ? null : `${last.sender} `}
      <StageDots row={last} />
    </button>
  );
}
