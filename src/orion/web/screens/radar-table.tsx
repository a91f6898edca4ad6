import { useRef } from "preact/hooks";
import { RANGE_BANDS, TRANSPONDER_MODES } from "#contracts/radar-words.ts";
import { formatAge, formatBearing, formatMinutes, formatNumber } from "#orion/model/format.ts";
import { selectTrack } from "#orion/model/radar-selection.ts";
import type { RadarView, TrackView } from "#orion/model/radar.ts";
import type { Identity, TargetStatus } from "#orion/radar-view/scene.ts";
import { t } from "../i18n.ts";
import { selection } from "../radar-state.ts";
import { bandWord, distanceText, identityCode, identityWord, rangeText, statusCode, statusWord } from "../radar-words.ts";
import { SEVERITY_STATUS, type Status, StatusSymbol } from "../symbol.tsx";
import { TrackGlyph } from "./radar-glyph.tsx";

const SR = RANGE_BANDS.indexOf("RR_SR");
const SPOOF = TRANSPONDER_MODES.indexOf("SPOOF");

/** All tracks of the picture, the riskiest first; the order stands still while pointer or focus is inside. */
export function RadarTable({ view }: { view: RadarView }) {
  const held = useRef<readonly string[] | undefined>(undefined);
  const tracks = inOrder(view.tracks, held.current);
  const hold = (): void => {
    held.current ??= view.tracks.map(({ id }) => id);
  };
  const release = (event: Event): void => {
    const box = event.currentTarget as HTMLElement;
    if (!box.matches(":hover") && !box.contains((event as FocusEvent).relatedTarget as Node | null)) held.current = undefined;
  };
  if (tracks.length === 0)
    return (
      <p class="hint">{view.empty === undefined ? (view.none === undefined ? "" : t(`none_${view.none}`)) : t(`empty_${view.empty}`)}</p>
    );
  return (
    <div
      class="scroll-x radar-scroll"
      onPointerEnter={hold}
      onFocusIn={hold}
      onPointerLeave={release}
      onFocusOut={release}
      onKeyDown={moveFocus}
    >
      <table class="grid radar-grid truth">
        <thead>
          <tr>
            <th>{t("track")}</th>
            <th>{t("statusWord")}</th>
            <th>{t("identityWord")}</th>
            <th>{t("bandWord")}</th>
            <th class="num">{t("rangeM")}</th>
            <th class="num">{t("bearingDeg")}</th>
            <th class="num">{t("elevationDeg")}</th>
            <th class="num">{t("rangeRate")}</th>
            <th class="num">{t("qualityShort")}</th>
            <th class="num">{t("ageWord")}</th>
            <th class="num">
              {t("cpa")} <small>{t("calculated")}</small>
            </th>
          </tr>
        </thead>
        <tbody>
          {tracks.map((track) => (
            <TrackRow key={track.id} track={track} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** The held order; what came since stands below it. */
function inOrder(tracks: readonly TrackView[], ids: readonly string[] | undefined): readonly TrackView[] {
  if (ids === undefined) return tracks;
  const places = new Map(ids.map((id, place) => [id, place]));
  const place = ({ id }: TrackView): number => places.get(id) ?? ids.length;
  return tracks.toSorted((a, b) => place(a) - place(b));
}

function moveFocus(event: KeyboardEvent): void {
  const by = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
  if (by === 0) return;
  const rows = [...(event.currentTarget as HTMLElement).querySelectorAll<HTMLElement>("[data-row]")];
  const at = rows.indexOf(document.activeElement as HTMLElement);
  rows[Math.max(0, Math.min(rows.length - 1, at + by))]?.focus();
  event.preventDefault();
}

function TrackRow({ track }: { track: TrackView }) {
  const { wire, ageMs, isAged, isCalling, incident } = track;
  const chosen = selection.value;
  const isSelected = chosen.kind === "track" && chosen.id === track.id;
  const choose = (): void => {
    selection.value = selectTrack(track);
  };
  const status = statusWord(wire.status);
  const identity = identityWord(wire.iff);
  return (
    <tr
      data-row
      data-track={track.id}
      data-status={status}
      data-aged={isAged ? "" : undefined}
      aria-selected={isSelected}
      class={`${isSelected ? "selected" : ""} ${isAged ? "aged" : ""}`}
      tabIndex={0}
      onFocus={choose}
      onClick={choose}
    >
      <th scope="row">
        <TrackGlyph
          identity={identity as Identity}
          status={status as TargetStatus}
          isShortRange={wire.range_band === SR}
          isAged={isAged}
          isCalling={isCalling}
        />
        {track.label}
        {wire.transponder_mode === SPOOF ? " S?" : ""}
        {incident === undefined ? null : (
          <StatusSymbol status={SEVERITY_STATUS[incident.severity] ?? "standby"} blinks={isCalling} hollow={!isCalling} />
        )}
      </th>
      <td data-field="status">{statusCode(wire.status)}</td>
      <td data-field="iff">{identityCode(wire.iff)}</td>
      <td data-field="band">{bandWord(wire.range_band)}</td>
      <Field name="range_m" value={wire.range_m} text={rangeText(wire.range_m)} />
      <Field name="bearing_deg" value={wire.bearing_deg} text={formatBearing(wire.bearing_deg).text} />
      <Field name="elev_deg" value={wire.elev_deg} text={formatNumber(wire.elev_deg, "", 1).text} />
      <Field name="vr_mps" value={wire.vr_mps} text={formatNumber(wire.vr_mps, "", 1).text} />
      <Field name="quality" value={wire.quality} text={formatNumber(wire.quality, "", 2).text} />
      <td class="num" data-field="age">
        {isAged ? "◷ " : ""}
        {formatAge(ageMs)}
      </td>
      <td class="num" data-field="cpa">
        <Approach track={track} />
      </td>
    </tr>
  );
}

function Field({ name, value, text }: { name: string; value: number; text: string }) {
  return (
    <td class="num" data-field={name} data-value={JSON.stringify(value)}>
      {text}
    </td>
  );
}

const RISK_STATUS: Readonly<Record<string, Status>> = { critical: "serious", warning: "caution" };

/** How near it comes and when, with the risk as symbol and word. */
function Approach({ track: { approach, risk } }: { track: TrackView }) {
  const status = RISK_STATUS[risk ?? "none"];
  if (approach === undefined) return <>—</>;
  const when = approach.isAhead ? formatMinutes(approach.inS) : t("cpaPast");
  return (
    <>
      {status === undefined ? null : <StatusSymbol status={status} />}
      {status === undefined ? null : <span class="visually-hidden">{t(risk === "critical" ? "risk_critical" : "risk_warning")}</span>}
      {approach.isAhead ? `${distanceText(approach.distanceM < 1000 ? Math.round(approach.distanceM) : approach.distanceM)} ` : ""}
      {when}
    </>
  );
}
