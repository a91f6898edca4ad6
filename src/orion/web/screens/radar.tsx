import { effect, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { stepSelection } from "#orion/model/radar-selection.ts";
import type { RadarView } from "#orion/model/radar.ts";
import { formatAge } from "#orion/model/format.ts";
import { step } from "#orion/radar-view/camera.ts";
import { model, screenKeys } from "../console.ts";
import { t } from "../i18n.ts";
import { camera, look, lookAfresh, lookAtAll, radar, selection } from "../radar-state.ts";
import { StatusSymbol } from "../symbol.tsx";
import { RadarDetails } from "./radar-details.tsx";
import { RadarPicture } from "./radar-picture.tsx";
import { RadarTable } from "./radar-table.tsx";
import "./radar.css";

/** Text follows the picture at this pace, so that it can be read. */
const TEXT_MS = 500;

/** What the radar sees and the tracker makes of it: plan, table, details of one track. */
export function RadarScreen() {
  const text = useSignal(radar.peek());
  useEffect(() => {
    const timer = setInterval(() => (text.value = radar.peek()), TEXT_MS);
    // Whether there is a picture at all is not left standing for a moment.
    const dispose = effect(() => {
      if (radar.value.empty !== text.peek().empty) text.value = radar.value;
    });
    screenKeys.value = (key) => onKey(key);
    return () => {
      clearInterval(timer);
      dispose();
      screenKeys.value = undefined;
    };
  }, []);
  return (
    <div class="radar">
      <RadarPicture />
      <div class="radar-side">
        <section class="card radar-tracks" aria-label={t("tracks")}>
          <h2>
            {t("tracks")} <Counts view={text.value} />
          </h2>
          <Health view={text.value} />
          <RadarTable view={text.value} />
        </section>
        <RadarDetails view={text.value} />
      </div>
    </div>
  );
}

function Counts({ view }: { view: RadarView }) {
  const parts = Object.entries(view.counts).filter(([, count]) => count > 0);
  return (
    <small class="num" data-testid="track-counts">
      {parts.map(([status, count]) => `${count} ${status}`).join(" · ")}
    </small>
  );
}

/** Whether the radar looks and the tracker works, and what is known and not shown. */
function Health({ view: { frame, tracker, hidden, isPaused } }: { view: RadarView }) {
  const isLost = model.link.value.kind === "lost";
  return (
    <p class="radar-health truth" data-testid="radar-health">
      <span>
        {t("frame")}{" "}
        {frame === undefined ? (
          `— ${t("absent_not_received")}`
        ) : (
          <>
            {frame.isFresh || isLost ? null : <StatusSymbol status="caution" />} <b class="num">{formatAge(frame.ageMs)}</b>
            {frame.scan === undefined || !frame.isFresh ? null : ` ${frame.scan.join("+")} ${t("bandsLooked")}`}
          </>
        )}
      </span>
      <span data-tracker={tracker.kind}>
        {tracker.kind === "silent" && !isLost ? <StatusSymbol status="serious" /> : null} {t("trackerWord")}{" "}
        <b>{t(tracker.kind === "ok" ? "trackerOk" : tracker.kind === "silent" ? "trackerSilent" : "trackerIdle")}</b>
        {tracker.kind === "idle" || tracker.ageMs === Number.POSITIVE_INFINITY ? null : (
          <span class="num"> {formatAge(tracker.ageMs)}</span>
        )}
      </span>
      {hidden.count === 0 ? null : (
        <span data-testid="hidden-tracks">
          <StatusSymbol status="caution" /> <b class="num">{hidden.count}</b> {t("hiddenTracks")}{" "}
          <span class="num">{formatAge(hidden.oldestMs)}</span>
        </span>
      )}
      {isPaused ? <span>{t("radarPaused")}</span> : null}
    </p>
  );
}

function onKey(key: string): boolean {
  if (key === "]" || key === "[") selection.value = stepSelection(selection.value, radar.value.tracks, key === "]" ? 1 : -1);
  else if (key === "+" || key === "=") look(step(camera.value, -1));
  else if (key === "-") look(step(camera.value, 1));
  else if (key === "f") lookAtAll();
  else if (key === "0") lookAfresh();
  else return false;
  return true;
}
