import { type Camera, pxPerM, type ScreenPoint, type Size, toScreen } from "./camera.ts";
import { ELLIPSE_PROBABILITY, ellipseOf, sigmasOf } from "./ellipse.ts";
import { type Box, type Occupancy, placeLabels } from "./labels.ts";
import { type Hit, LABEL_HEIGHT_PX, type PlanOptions, type Primitive, SYMBOL_PX, VECTOR_S } from "./primitives.ts";
import type { Target } from "./scene.ts";

export interface TargetPlan {
  readonly primitives: readonly Primitive[];
  readonly hits: readonly Hit[];
  readonly outOfView: number;
  readonly labelsLeftOut: number;
}

/** A smaller ellipse hides under its symbol. */
const ELLIPSE_MIN_PX = 2;
const VECTOR_MIN_PX = 3;
const LABEL_GAP_PX = 14;
const CARET_SECTOR_DEG = 15;
const DEG_PER_RAD = 180 / Math.PI;

interface Placed extends ScreenPoint {
  readonly target: Target;
}

export interface PlacedTargets {
  readonly seen: readonly Placed[];
  readonly outside: readonly Placed[];
}

/** Where targets lie, in view and out of it; what is in view takes its place before any text does. */
export function placeTargets(targets: readonly Target[], camera: Camera, size: Size, taken: Occupancy): PlacedTargets {
  const all = targets.map((target): Placed => ({ target, ...toScreen(camera, size, target.xM, target.yM) }));
  const isIn = ({ x, y }: Placed): boolean => x >= 0 && y >= 0 && x <= size.widthPx && y <= size.heightPx;
  const seen = all.filter(isIn);
  for (const { x, y } of seen) taken.take(around(x, y));
  return { seen, outside: all.filter((one) => !isIn(one)) };
}

/** Ellipses, trails, vectors, symbols, labels and the selection, in that order; what is out of view is counted at the edge. */
export function planTargets(
  { seen, outside }: PlacedTargets,
  camera: Camera,
  size: Size,
  options: PlanOptions,
  taken: Occupancy,
): TargetPlan {
  const scale = pxPerM(camera, size);
  const selected = seen.find(({ target }) => target.id === options.selectedId);
  const labels = planLabels(seen, options, taken);
  return {
    primitives: [
      ...seen.flatMap((one) => planEllipse(one, scale)),
      ...seen.flatMap((one) => planTrail(one, camera, size)),
      ...seen.flatMap((one) => planVector(one, scale)),
      ...seen.map(planSymbol),
      ...labels.primitives,
      ...planCarets(outside, toScreen(camera, size, 0, 0), size, options.charWidthPx, taken),
      ...(selected === undefined ? [] : planSelection(selected)),
    ],
    hits: seen.map(({ target: { id, isCalling }, x, y }) => ({ id, x, y, isCalling })),
    outOfView: outside.length,
    labelsLeftOut: labels.leftOut,
  };
}

function around(x: number, y: number): Box {
  const half = SYMBOL_PX / 2 + 1;
  return { left: x - half, top: y - half, right: x + half, bottom: y + half };
}

function planEllipse({ target, x, y }: Placed, scale: number): Primitive[] {
  const ellipse = ellipseOf(target.covariance, sigmasOf(ELLIPSE_PROBABILITY));
  if (ellipse === undefined || ellipse.majorM * scale < ELLIPSE_MIN_PX) return [];
  const { majorM, minorM, angleRad } = ellipse;
  const { identity } = target;
  return [{ kind: "ellipse", x, y, major: majorM * scale, minor: minorM * scale, angle: -angleRad, style: "ellipse", identity }];
}

/** Pieces between reported points: dashed where the end was predicted, left open where reports are missing. */
function planTrail({ target }: Placed, camera: Camera, size: Size): Primitive[] {
  const { trail, identity } = target;
  const primitives: Primitive[] = [];
  let piece: (readonly [number, number])[] = [];
  let isCoasting = false;
  const end = (): void => {
    if (piece.length > 1) primitives.push({ kind: "line", points: piece, style: "trail", look: isCoasting ? "dashed" : "solid", identity });
  };
  for (const point of trail) {
    const { x, y } = toScreen(camera, size, point.xM, point.yM);
    if (point.isAfterGap) {
      end();
      piece = [];
    } else if (point.isCoasting !== isCoasting) {
      end();
      piece = piece.slice(-1);
    }
    isCoasting = point.isCoasting;
    piece.push([x, y]);
  }
  end();
  return primitives;
}

function planVector({ target: { velocity, identity, status, isAged }, x, y }: Placed, scale: number): Primitive[] {
  // Of a tentative track only the range rate is known.
  if (velocity === undefined || status === "LOST" || status === "NEW" || isAged) return [];
  const [dx, dy] = [velocity.x * VECTOR_S * scale, -velocity.y * VECTOR_S * scale];
  if (Math.hypot(dx, dy) < VECTOR_MIN_PX) return [];
  const points = [
    [x, y],
    [x + dx, y + dy],
  ] as const;
  return [{ kind: "line", points, style: "vector", look: status === "COASTING" ? "dashed" : "solid", identity }];
}

function planSymbol({ target, x, y }: Placed): Primitive {
  const { identity, status, isSpoof, isAged, isCalling, severity } = target;
  const isShortRange = target.band === "SR";
  return { kind: "symbol", x, y, symbol: { identity, status, isSpoof, isShortRange, isAged, isCalling, severity } };
}

/** What calls first, then what is selected, then what is confirmed; of these the nearest. */
function planLabels(
  seen: readonly Placed[],
  options: PlanOptions,
  taken: Occupancy,
): { readonly primitives: readonly Primitive[]; readonly leftOut: number } {
  const rank = ({ id, severity, status }: Target): number =>
    severity !== undefined ? 0 : id === options.selectedId ? 1 : status === "NEW" ? 3 : 2;
  const order = seen.toSorted((a, b) => rank(a.target) - rank(b.target) || a.target.rangeM - b.target.rangeM);
  const texts = order.map(({ target }) => labelText(target, options));
  const boxes = placeLabels(
    order.map(({ x, y, target }, at) => ({
      x,
      y,
      widthPx: texts[at]!.length * options.charWidthPx,
      heightPx: LABEL_HEIGHT_PX,
      gapPx: LABEL_GAP_PX,
      isMust: rank(target) < 2,
      isLeftFirst: (target.velocity?.x ?? 0) > 0,
    })),
    taken,
  );
  const primitives = boxes.flatMap((box, at): Primitive[] => {
    if (box === undefined) return [];
    const isLoud = rank(order[at]!.target) < 2;
    return [{ kind: "text", x: box.left, y: (box.top + box.bottom) / 2, text: texts[at]!, align: "left", style: "label", isLoud }];
  });
  return { primitives, leftOut: boxes.filter((box) => box === undefined).length };
}

/** `8B6AA C 4.2 s`: name, then what the outline says too. */
function labelText({ label, status, isSpoof, isAged, ageMs }: Target, { age }: PlanOptions): string {
  const mark = status === "COASTING" ? " C" : status === "LOST" ? " LOST" : "";
  return `${label}${isSpoof ? " S?" : ""}${mark}${isAged ? ` ${age(ageMs)}` : ""}`;
}

/** A mark where the ray to the target leaves the picture, one per sector, with how many there are where that fits. */
function planCarets(outside: readonly Placed[], centre: ScreenPoint, size: Size, charWidthPx: number, taken: Occupancy): Primitive[] {
  const sectors = new Map<number, Placed[]>();
  for (const one of outside) {
    const bearing = Math.atan2(one.x - centre.x, centre.y - one.y) * DEG_PER_RAD;
    const sector = Math.floor(bearing / CARET_SECTOR_DEG);
    sectors.set(sector, [...(sectors.get(sector) ?? []), one]);
  }
  return [...sectors.values()].flatMap((ones) => {
    const { target, x, y } = ones[0]!;
    const edge = edgeTowards(centre, { x, y }, size);
    if (edge === undefined) return [];
    const [dx, dy] = unit(x - centre.x, y - centre.y);
    const side = ([along, across]: readonly [number, number]): readonly [number, number] => [
      edge.x - dx * along - dy * across,
      edge.y - dy * along + dx * across,
    ];
    const { identity } = target;
    const points = [side([9, 5]), side([0, 0]), side([9, -5])];
    const text = ones.length === 1 ? target.label : `${target.label} +${ones.length - 1}`;
    const widthPx = text.length * charWidthPx;
    // Inward of the mark, whole in the picture.
    const left = clamp(edge.x - dx * 14 - widthPx / 2 - (dx * widthPx) / 2, 0, size.widthPx - widthPx);
    const top = clamp(edge.y - dy * 20 - LABEL_HEIGHT_PX / 2, 0, size.heightPx - LABEL_HEIGHT_PX);
    const box = { left, top, right: left + widthPx, bottom: top + LABEL_HEIGHT_PX };
    const mark: Primitive = { kind: "line", points, style: "caret", look: "bold", identity };
    if (!taken.isFree(box)) return [mark];
    taken.take(box);
    return [mark, { kind: "text", x: left, y: top + LABEL_HEIGHT_PX / 2, text, align: "left", style: "label", isLoud: false }];
  });
}

function clamp(value: number, low: number, high: number): number {
  return Math.max(low, Math.min(high, value));
}

/** Where the ray from the centre to a point outside meets the border; undefined when the centre is outside too. */
export function edgeTowards(centre: ScreenPoint, to: ScreenPoint, { widthPx, heightPx }: Size): ScreenPoint | undefined {
  if (centre.x < 0 || centre.y < 0 || centre.x > widthPx || centre.y > heightPx) return undefined;
  const [dx, dy] = [to.x - centre.x, to.y - centre.y];
  const toX = dx > 0 ? (widthPx - centre.x) / dx : dx < 0 ? -centre.x / dx : Number.POSITIVE_INFINITY;
  const toY = dy > 0 ? (heightPx - centre.y) / dy : dy < 0 ? -centre.y / dy : Number.POSITIVE_INFINITY;
  const share = Math.min(toX, toY);
  return { x: centre.x + dx * share, y: centre.y + dy * share };
}

function unit(x: number, y: number): readonly [number, number] {
  const length = Math.hypot(x, y);
  return length === 0 ? [0, 0] : [x / length, y / length];
}

function planSelection({ x, y }: Placed): Primitive[] {
  const half = SYMBOL_PX / 2 + 5;
  const corner = (sx: 1 | -1, sy: 1 | -1): Primitive => ({
    kind: "line",
    points: [
      [x + sx * half, y + sy * (half - 6)],
      [x + sx * half, y + sy * half],
      [x + sx * (half - 6), y + sy * half],
    ],
    style: "selection",
    look: "bold",
  });
  return [corner(1, 1), corner(1, -1), corner(-1, 1), corner(-1, -1)];
}
