import { effect, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { formatAge } from "#orion/model/format.ts";
import type { EmptyReason } from "#orion/model/radar-state.ts";
import { selectTrack } from "#orion/model/radar-selection.ts";
import { TRAIL_POINTS } from "#orion/model/trails.ts";
import { type Camera, step, wheel } from "#orion/radar-view/camera.ts";
import { ELLIPSE_PROBABILITY } from "#orion/radar-view/ellipse.ts";
import { DRAG_PX, pick, PICK_MOUSE_PX, PICK_TOUCH_PX } from "#orion/radar-view/pick.ts";
import { planRadar } from "#orion/radar-view/plan.ts";
import { type RadarPlan, VECTOR_S } from "#orion/radar-view/primitives.ts";
import { sceneFrom } from "#orion/radar-view/scene.ts";
import { language, model } from "../console.ts";
import { reasons } from "../craft-view.ts";
import { t } from "../i18n.ts";
import { openRadarCanvas, type RadarCanvas } from "../radar-canvas.ts";
import { distanceText } from "../radar-words.ts";
import { camera, look, lookAfresh, lookAtAll, lookAtFirst, radar, radarFacts, selection, zoneName } from "../radar-state.ts";
import { ReasonLines } from "../reason-words.tsx";
import { StatusSymbol } from "../symbol.tsx";
import { StaleMark } from "../value.tsx";
import { TrackGlyph } from "./radar-glyph.tsx";

/** What the picture says of itself. */
interface Shown {
  readonly ringStepM: number;
  readonly outOfView: number;
  readonly labelsLeftOut: number;
}

const PAN_PX = 40;

/** The plan: own ship at the centre, north up. It is drawn anew when anything in it changes, at most once per frame of the screen. */
export function RadarPicture() {
  const canvas = useRef<HTMLCanvasElement>(null);
  const plan = useRef<RadarPlan | undefined>(undefined);
  const shown = useSignal<Shown | undefined>(undefined);
  useEffect(() => {
    const element = canvas.current!;
    const backend = openRadarCanvas(element);
    return followPicture(element, backend, (drawn) => {
      plan.current = drawn;
      const { ringStepM, outOfView, labelsLeftOut } = drawn;
      const before = shown.peek();
      const isSame = before?.ringStepM === ringStepM && before.outOfView === outOfView && before.labelsLeftOut === labelsLeftOut;
      if (!isSame) shown.value = { ringStepM, outOfView, labelsLeftOut };
    });
  }, []);
  useEffect(() => listenToPointer(canvas.current!, () => plan.current), []);
  const { empty, none, tracks } = radar.value;
  return (
    <section class="card radar-plan" aria-label={t("planView")} data-empty={empty ?? ""} data-none={none ?? ""} data-drawn={tracks.length}>
      <h2>
        {t("planView")} <StaleMark path="tick" />
        <span class="radar-zoom">
          <small>
            {t("radius")}{" "}
            <b class="num" data-testid="radius">
              {distanceText(camera.value.radiusM)}
            </b>
          </small>
          <ZoomButton label={t("zoomIn")} text="+" onClick={() => look(step(camera.value, -1))} />
          <ZoomButton label={t("zoomOut")} text="−" onClick={() => look(step(camera.value, 1))} />
          <ZoomButton label={t("zoomFit")} text="f" onClick={lookAtAll} />
          <ZoomButton label={t("zoomReset")} text="0" onClick={lookAfresh} />
        </span>
      </h2>
      <div class="radar-field truth">
        <canvas ref={canvas} tabIndex={0} role="img" aria-label={`${t("planView")}: ${t("planHint")}`} data-testid="radar-canvas" />
        {empty === undefined ? null : <NoPicture reason={empty} />}
        {empty === undefined && none !== undefined ? (
          <p class="radar-note" data-testid="radar-none">
            {none === "no_contacts" ? null : <StatusSymbol status="serious" />} {t(`none_${none}`)}
          </p>
        ) : null}
      </div>
      <p class="radar-scale">
        {shown.value === undefined ? null : (
          <>
            {t("ringStep")} <b class="num">{distanceText(shown.value.ringStepM)}</b>
            {shown.value.outOfView === 0 ? null : <span>{` · ${shown.value.outOfView} ${t("outOfView")}`}</span>}
            {shown.value.labelsLeftOut === 0 ? null : <span>{` · ${shown.value.labelsLeftOut} ${t("labelsLeftOut")}`}</span>}
          </>
        )}
        <span class="quiet"> · {t("planHint")}</span>
      </p>
      <Legend />
    </section>
  );
}

function ZoomButton({ label, text, onClick }: { label: string; text: string; onClick: () => void }) {
  return (
    <button type="button" aria-label={label} title={label} onClick={onClick}>
      {text}
    </button>
  );
}

/** Why there is nothing: the reason, since when, and what brings the picture back. */
function NoPicture({ reason }: { reason: EmptyReason }) {
  const why = reason === "unpowered" ? (reasons() ?? []).filter(({ record }) => record.load === "radar") : [];
  return (
    <div class="radar-empty" data-testid="radar-empty" role="status">
      <strong>
        <StatusSymbol status={reason === "disabled" || reason === "stopped" ? "off" : "serious"} /> {t("noPicture")}
      </strong>
      <span>{t(`empty_${reason}`)}</span>
      {why.map((one) => (
        <ReasonLines key={one.record.id} reason={one} />
      ))}
    </div>
  );
}

function Legend() {
  const words = (text: string, values: Readonly<Record<string, number>>): string =>
    text.replaceAll(/\{(\w)\}/g, (_all, key: string) => String(values[key]));
  return (
    <details class="radar-legend">
      <summary>{t("legend")}</summary>
      <ul>
        <li>
          <TrackGlyph identity="FRIEND" /> {t("legendFriend")}
        </li>
        <li>
          <TrackGlyph identity="FOE" /> {t("legendFoe")}
        </li>
        <li>
          <TrackGlyph identity="UNKNOWN" /> {t("legendUnknown")}
        </li>
        <li>
          <TrackGlyph identity="UNKNOWN" status="NEW" /> {t("legendNew")}
        </li>
        <li>
          <TrackGlyph identity="UNKNOWN" status="COASTING" /> {t("legendCoasting")}
        </li>
        <li>
          <TrackGlyph identity="UNKNOWN" status="LOST" /> {t("legendLost")}
        </li>
        <li>
          <TrackGlyph identity="UNKNOWN" isAged /> {t("legendAged")}
        </li>
        <li>
          <TrackGlyph identity="UNKNOWN" isCalling /> {t("legendCalling")}
        </li>
        <li>
          <TrackGlyph identity="UNKNOWN" isShortRange /> {t("legendSr")}
        </li>
        <li>{t("legendSpoof")}</li>
        <li>{words(t("legendVector"), { s: VECTOR_S })}</li>
        <li>{words(t("legendEllipse"), { p: 100 * ELLIPSE_PROBABILITY })}</li>
        <li>{words(t("legendTrail"), { n: TRAIL_POINTS })}</li>
        <li>{t("legendZone")}</li>
      </ul>
    </details>
  );
}

/** Draws when something changed, once per frame of the screen; nothing while the page is hidden. */
function followPicture(canvas: HTMLCanvasElement, backend: RadarCanvas, onDrawn: (plan: RadarPlan) => void): () => void {
  let frame: number | undefined;
  const draw = (): void => {
    frame = undefined;
    lookAtFirst();
    const size = { widthPx: canvas.clientWidth, heightPx: canvas.clientHeight };
    if (size.widthPx === 0 || size.heightPx === 0) return;
    const heading = model.value("heading");
    const scene = sceneFrom(radar.peek(), typeof heading === "number" ? heading : undefined, { zone: zoneName });
    const chosen = selection.peek();
    const plan = planRadar(scene, camera.peek(), size, {
      selectedId: chosen.kind === "track" ? chosen.id : undefined,
      charWidthPx: backend.charWidthPx,
      shortRangeM: radarFacts().sr_threshold_m,
      shortRangeName: t("shortRange"),
      distance: distanceText,
      age: formatAge,
    });
    backend.draw(plan, size, devicePixelRatio);
    onDrawn(plan);
  };
  const schedule = (): void => {
    frame ??= requestAnimationFrame(draw);
  };
  const dispose = effect(() => {
    void [radar.value, camera.value, selection.value, language.value];
    schedule();
  });
  const watcher = new ResizeObserver(schedule);
  watcher.observe(canvas);
  return () => {
    dispose();
    watcher.disconnect();
    if (frame !== undefined) cancelAnimationFrame(frame);
  };
}

/** A click selects, a drag and the arrows pan, the wheel zooms about the pointer. */
function listenToPointer(canvas: HTMLCanvasElement, planNow: () => RadarPlan | undefined): () => void {
  let start: { readonly x: number; readonly y: number; readonly camera: Camera } | undefined;
  let isDrag = false;
  const listening = new AbortController();
  const { signal } = listening;
  canvas.addEventListener(
    "pointerdown",
    (event) => {
      start = { x: event.offsetX, y: event.offsetY, camera: camera.peek() };
      isDrag = false;
      canvas.setPointerCapture(event.pointerId);
    },
    { signal },
  );
  canvas.addEventListener(
    "pointermove",
    (event) => {
      if (start === undefined) return;
      const [dx, dy] = [event.offsetX - start.x, event.offsetY - start.y];
      isDrag ||= Math.hypot(dx, dy) > DRAG_PX;
      if (isDrag) look({ ...start.camera, panXPx: start.camera.panXPx + dx, panYPx: start.camera.panYPx + dy });
    },
    { signal },
  );
  canvas.addEventListener(
    "pointerup",
    (event) => {
      if (start !== undefined && !isDrag) select(event, planNow());
      start = undefined;
    },
    { signal },
  );
  canvas.addEventListener(
    "wheel",
    (event) => {
      const pointer = { x: event.offsetX - canvas.clientWidth / 2, y: event.offsetY - canvas.clientHeight / 2 };
      look(wheel(camera.peek(), event.deltaY > 0 ? 1 : -1, pointer));
      event.preventDefault();
    },
    { signal, passive: false },
  );
  canvas.addEventListener(
    "keydown",
    (event) => {
      const [dx, dy] = ARROWS[event.key] ?? [0, 0];
      if (dx === 0 && dy === 0) return;
      const { radiusM, panXPx, panYPx } = camera.peek();
      look({ radiusM, panXPx: panXPx - dx * PAN_PX, panYPx: panYPx - dy * PAN_PX });
      event.preventDefault();
    },
    { signal },
  );
  return () => listening.abort();
}

const ARROWS: Readonly<Record<string, readonly [number, number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

function select(event: PointerEvent, plan: RadarPlan | undefined): void {
  const now = selection.peek();
  const radiusPx = event.pointerType === "touch" ? PICK_TOUCH_PX : PICK_MOUSE_PX;
  const id = pick(plan?.hits ?? [], event.offsetX, event.offsetY, radiusPx, now.kind === "track" ? now.id : undefined);
  const track = radar.peek().tracks.find((one) => one.id === id);
  if (track !== undefined) selection.value = selectTrack(track);
}
