import { type Camera, pxPerM, ringsOf, type ScreenPoint, type Size, toScreen } from "./camera.ts";
import { type Occupancy, placeLabels } from "./labels.ts";
import { LABEL_HEIGHT_PX, type PlanOptions, type Primitive, type Style } from "./primitives.ts";
import type { RadarScene, Zone } from "./scene.ts";

export interface Background {
  readonly primitives: readonly Primitive[];
  readonly ringStepM: number;
}

/** Zones smaller than this on screen are dots: their names would say nothing. */
const ZONE_NAMED_PX = 18;
/** A smaller circle of the short range would only hide own ship. */
const LIMIT_SHOWN_PX = 40;
const CROSS_PX = 6;
/** How far texts keep from the line that they name. */
const ABOVE_PX = 8;

/** Rings, bearings, zones and own ship: what is there whether or not anything is seen. */
export function planBackground(scene: RadarScene, camera: Camera, size: Size, options: PlanOptions, taken: Occupancy): Background {
  const centre = toScreen(camera, size, 0, 0);
  const scale = pxPerM(camera, size);
  const { stepM, radiiM } = ringsOf(camera, size);
  const rings = radiiM.map((radiusM): Primitive => circle(centre, radiusM * scale, "ring", "solid"));
  const ringTexts = radiiM.flatMap((radiusM) => {
    const words = options.distance(radiusM);
    return textAt({ x: centre.x, y: centre.y - radiusM * scale - ABOVE_PX }, words, "ringText", size, options, taken);
  });
  const limit = options.shortRangeM === undefined ? [] : planLimit(options.shortRangeM, centre, scale, size, options, taken);
  const zones = scene.zones.flatMap((zone) => planZone(zone, centre, scale, size, options, taken));
  return {
    primitives: [...axes(centre, size), ...rings, ...limit, ...zones, ...ringTexts, ...ownShip(centre, scene.headingDeg)],
    ringStepM: stepM,
  };
}

function axes(centre: ScreenPoint, { widthPx, heightPx }: Size): Primitive[] {
  const line = (points: readonly (readonly [number, number])[]): Primitive => ({ kind: "line", points, style: "grid", look: "solid" });
  return [
    line([
      [0, centre.y],
      [widthPx, centre.y],
    ]),
    line([
      [centre.x, 0],
      [centre.x, heightPx],
    ]),
    { kind: "text", x: centre.x - 6, y: 10, text: "N", align: "right", style: "ringText", isLoud: true },
  ];
}

function planLimit(rangeM: number, centre: ScreenPoint, scale: number, size: Size, options: PlanOptions, taken: Occupancy): Primitive[] {
  const r = rangeM * scale;
  if (r < LIMIT_SHOWN_PX) return [];
  const at = onCircle(centre, r, -135);
  return [
    circle(centre, r, "limit", "dotted"),
    ...textAt(at, `${options.shortRangeName} ${options.distance(rangeM)}`, "ringText", size, options, taken),
  ];
}

/** Both bounds, and dashed where the rule ends once it is active. */
function planZone(
  { name, minM, maxM, hysteresisM, severity, isActive }: Zone,
  centre: ScreenPoint,
  scale: number,
  size: Size,
  options: PlanOptions,
  taken: Occupancy,
): Primitive[] {
  const style: Style = `zone-${severity}`;
  const bounds = [minM, maxM].filter((bound): bound is number => bound !== undefined && bound * scale >= 2);
  const outer = maxM === undefined || hysteresisM * scale < 2 ? [] : [circle(centre, (maxM + hysteresisM) * scale, style, "dashed")];
  const named = maxM === undefined || maxM * scale < ZONE_NAMED_PX ? undefined : maxM;
  const text = named === undefined ? "" : `${name} ${options.distance(named)}`;
  return [
    ...bounds.map((bound) => circle(centre, bound * scale, style, isActive ? "bold" : "solid")),
    ...outer,
    ...(named === undefined
      ? []
      : textAt({ x: centre.x, y: centre.y + named * scale + ABOVE_PX }, text, "zoneText", size, options, taken, isActive)),
  ];
}

function circle({ x, y }: ScreenPoint, r: number, style: Style, look: "solid" | "dashed" | "dotted" | "bold"): Primitive {
  return { kind: "circle", x, y, r, style, look };
}

const RAD_PER_DEG = Math.PI / 180;

/** A point of a circle on screen in that bearing. */
function onCircle({ x, y }: ScreenPoint, r: number, bearingDeg: number): ScreenPoint {
  return { x: x + r * Math.sin(bearingDeg * RAD_PER_DEG), y: y - r * Math.cos(bearingDeg * RAD_PER_DEG) };
}

/** A text near a point where it fits; none outside the picture or over another one. */
function textAt(
  { x, y }: ScreenPoint,
  text: string,
  style: Style,
  { widthPx, heightPx }: Size,
  { charWidthPx }: PlanOptions,
  taken: Occupancy,
  isLoud = false,
): Primitive[] {
  if (x < 0 || y < LABEL_HEIGHT_PX / 2 || x > widthPx || y > heightPx - LABEL_HEIGHT_PX / 2) return [];
  const wish = { x, y, widthPx: text.length * charWidthPx, heightPx: LABEL_HEIGHT_PX, gapPx: 5, isMust: false };
  const box = placeLabels([wish], taken)[0];
  if (box === undefined) return [];
  return [{ kind: "text", x: box.left, y: (box.top + box.bottom) / 2, text, align: "left", style, isLoud }];
}

function ownShip({ x, y }: ScreenPoint, headingDeg: number | undefined): Primitive[] {
  if (headingDeg === undefined) {
    const arm = (dx: number, dy: number): Primitive => ({
      kind: "line",
      points: [
        [x - dx, y - dy],
        [x + dx, y + dy],
      ],
      style: "ownShip",
      look: "solid",
    });
    return [arm(CROSS_PX, 0), arm(0, CROSS_PX)];
  }
  const [sin, cos] = [Math.sin(headingDeg * RAD_PER_DEG), Math.cos(headingDeg * RAD_PER_DEG)];
  const turned = (dx: number, dy: number): readonly [number, number] => [x + dx * cos - dy * sin, y + dx * sin + dy * cos];
  const points = [turned(0, -8), turned(5, 6), turned(0, 3), turned(-5, 6), turned(0, -8)];
  return [{ kind: "line", points, style: "ownShip", look: "bold" }];
}
