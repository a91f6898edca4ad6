import type { ComponentChildren } from "preact";
import { RANGE_BANDS, TRACK_STATUSES } from "#contracts/radar-words.ts";
import { formatAge, formatBearing, formatDuration, formatNumber } from "#orion/model/format.ts";
import { rulesMatched } from "#orion/model/guard-match.ts";
import type { RadarView, TrackView } from "#orion/model/radar.ts";
import { selectedIncident, show } from "../console.ts";
import { t } from "../i18n.ts";
import { selection, zoneName } from "../radar-state.ts";
import { bandWord, identityWord, modeWord, objectWord, rangeText, statusWord } from "../radar-words.ts";
import { SEVERITY_STATUS, StatusSymbol } from "../symbol.tsx";

/** Everything that is known of the selected track; what is missing says why. */
export function RadarDetails({ view }: { view: RadarView }) {
  const chosen = selection.value;
  return (
    <section class="card radar-details" aria-label={t("selectedTrack")} data-testid="track-details" data-selection={chosen.kind}>
      <h2>
        {t("selectedTrack")} {chosen.kind === "none" ? null : <b class="num">{chosen.label}</b>}
      </h2>
      <Chosen view={view} />
    </section>
  );
}

function Chosen({ view }: { view: RadarView }) {
  const chosen = selection.value;
  if (chosen.kind === "none") return <p class="quiet">{t("noSelection")}</p>;
  if (chosen.kind === "ended")
    return (
      <p>
        ✕ {t("selectionEnded")} <span class="num">{chosen.tick === undefined ? "—" : `t${chosen.tick}`}</span>
      </p>
    );
  const track = view.tracks.find(({ id }) => id === chosen.id);
  return track === undefined ? <p class="quiet">{t("selectionHidden")}</p> : <Fields track={track} view={view} />;
}

function Fields({ track, view }: { track: TrackView; view: RadarView }) {
  const { wire, incident, isAged, ageMs } = track;
  const matched = rulesMatched(wire, view.zones);
  return (
    <>
      {incident === undefined ? null : (
        <button
          type="button"
          class="plain"
          data-testid="track-incident"
          onClick={() => {
            selectedIncident.value = incident.incident_id;
            show("incidents");
          }}
        >
          <StatusSymbol status={SEVERITY_STATUS[incident.severity] ?? "standby"} blinks={track.isCalling} hollow={!track.isCalling} />{" "}
          <b>{zoneName(incident.rule_id)}</b>
        </button>
      )}
      <dl class={`truth ${isAged ? "aged" : ""}`}>
        <Item label="statusWord">
          {statusWord(wire.status)} {wire.miss_count > 0 ? `(${t("misses")} ${wire.miss_count})` : ""}
        </Item>
        <Item label="identityWord">{identityWord(wire.iff)}</Item>
        <Item label="transponder">
          {wire.range_band === LR ? (
            <Absent why="longRangeReadsNone" />
          ) : (
            `${modeWord(wire.transponder_mode)}${wire.transponder_on ? "" : `, ${t("doesNotAnswer")}`}`
          )}
        </Item>
        <Item label="transponderId">
          {wire.transponder_id || <Absent why={wire.range_band === LR ? "longRangeReadsNone" : "doesNotAnswer"} />}
        </Item>
        <Item label="bandWord">{bandWord(wire.range_band)}</Item>
        <Item label="objectType">{wire.object_type === 0 ? <Absent why="noType" /> : objectWord(wire.object_type)}</Item>
        <Item label="rangeM">
          {rangeText(wire.range_m)} · {formatBearing(wire.bearing_deg).text}° · {number(wire.elev_deg, 1)}°
        </Item>
        <Item label="position">{vector(wire.position, 0, "m")}</Item>
        <Item label="velocity">{vector(wire.velocity, 1, "m/s")}</Item>
        <Item label="rangeRate">{number(wire.vr_mps, 2)}</Item>
        <Item label="sigmaPosition">{sigmas(wire.position_covariance, 1, "m")}</Item>
        <Item label="sigmaVelocity">{sigmas(wire.velocity_covariance, 2, "m/s")}</Item>
        <Item label="cpaLong" isCalculated>
          <Approach track={track} />
        </Item>
        <Item label="riskLong" isCalculated>
          {track.risk === undefined ? <Absent why={wire.status === NEW ? "notConfirmed" : "noKinematics"} /> : t(`risk_${track.risk}`)}
        </Item>
        <Item label="guardRules" isCalculated>
          {matched.length === 0 ? t("none") : matched.map(zoneName).join(", ")}
        </Item>
        <Item label="quality">{number(wire.quality, 2)}</Item>
        <Item label="snr">{number(wire.snr_db, 1)} dB</Item>
        <Item label="rcs">{number(wire.rcs_dbsm, 1)} dBsm</Item>
        <Item label="lifetime">{formatDuration(wire.age_s)}</Item>
        <Item label="reportTime">
          {wire.timestamp.slice(11)} · {isAged ? "◷ " : ""}
          {formatAge(ageMs)}
        </Item>
        <Item label="reportReceived">{wire.ts_ingest?.slice(11, 23) ?? <Absent why="absent_not_published" />}</Item>
        <Item label="trackId">{wire.track_id}</Item>
      </dl>
    </>
  );
}

const LR = RANGE_BANDS.indexOf("RR_LR");
const NEW = TRACK_STATUSES.indexOf("NEW");
type Label = Parameters<typeof t>[0];

function Item({ label, isCalculated = false, children }: { label: Label; isCalculated?: boolean; children: ComponentChildren }) {
  return (
    <>
      <dt>
        {t(label)}
        {isCalculated ? <small> {t("calculated")}</small> : null}
      </dt>
      <dd class="num">{children}</dd>
    </>
  );
}

function Absent({ why }: { why: Label }) {
  return (
    <span class="quiet">
      — <small>{t(why)}</small>
    </span>
  );
}

function number(value: number, decimals: number): string {
  return formatNumber(value, "", decimals).text;
}

function vector(value: { readonly x: number; readonly y: number; readonly z: number } | null, decimals: number, unit: string) {
  if (value === null) return <Absent why="absent_null_from_source" />;
  return `${[value.x, value.y, value.z].map((one) => number(one, decimals)).join(", ")} ${unit}`;
}

/** Square roots of the diagonal. */
function sigmas(covariance: readonly number[] | null, decimals: number, unit: string) {
  if (covariance === null) return <Absent why="absent_null_from_source" />;
  const diagonal = [0, 3, 5].map((place) => Math.sqrt(covariance[place]!));
  return `${diagonal.map((one) => number(one, decimals)).join(", ")} ${unit}`;
}

function Approach({ track: { approach, wire } }: { track: TrackView }) {
  if (approach === undefined)
    return <Absent why={wire.velocity === null ? "noKinematics" : wire.status === NEW ? "notConfirmed" : "cpaStill"} />;
  if (!approach.isAhead) return <>{t("cpaPast")}</>;
  return (
    <>
      {rangeText(approach.distanceM)} {t("cpaAt")} {formatDuration(approach.inS)}
    </>
  );
}
